"""A model that knows one thing only, the `TLM` that it judges for, and the page on adapters."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from nemoguardrails_trust import TLM
from tests.servers.openai import Answer, OpenAIServer
from tests.test_public_names import python_of
from tests.tlm.scene import KEY, Body, is_judging, is_sampling, serving, text_of


class Place(BaseModel):
    """What a model may be told to answer with."""

    city: str


def model(body: Body) -> Answer:
    """Knows the capital of France only: of anything else it says something new each time."""
    text = text_of(body)
    if is_judging(body):
        return "True 95" if "Paris" in text.split("<response")[-1] else "False 90"
    if "Judge" in text:
        return "True" if "Paris" in text else "False"
    if "France" in text:
        return ["Paris"]
    return ["Ayr", "Bonn", "Cork", "Derby", "Essen"] if is_sampling(body) else ["Zug"]


@contextmanager
def judging(**arguments: Any) -> Iterator[tuple[TLM, OpenAIServer]]:
    """A `TLM` that costs one request a score, with the server that it asks."""
    with (
        serving(model) as server,
        TLM(
            **{"quality_preset": "low", "model": "judge", "base_url": server.base_url}
            | {"api_key": KEY}
            | arguments
        ) as tlm,
    ):
        yield tlm, server


PAGE = Path(__file__).parents[2] / "docs" / "adapters.md"


def run_section(title: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Runs the Python of a section of docs/adapters.md; returns the names it leaves."""
    section = PAGE.read_text("utf-8").split(f"\n## {title}\n")[1].split("\n## ")[0]
    with judging() as (tlm, server):
        monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
        monkeypatch.setenv("OPENAI_API_KEY", KEY)
        names: dict[str, Any] = {"tlm": tlm}
        blocks = python_of(section)
        assert blocks
        for code in blocks:
            exec(compile(code, str(PAGE), "exec"), names)
    return names
