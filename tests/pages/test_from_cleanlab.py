"""Every change on docs/from-cleanlab.md: the new lines run, and the old ones are Cleanlab's own."""

import ast
import importlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import nemoguardrails_trust
from tests.pages.model import answers_to
from tests.servers.openai import Answer
from tests.tlm.scene import KEY, Body, is_sampling, serving, text_of

PAGE = Path(__file__).parents[2] / "docs" / "from-cleanlab.md"
BLOCKS = re.findall(r"^```diff\n(.*?)^```$", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)


def side(block: str, other: str) -> str:
    """The code of a block without the lines of the other side."""
    return "\n".join(line[1:] for line in block.splitlines() if not line.startswith(other))


def model(body: Body) -> Answer:
    text = text_of(body)
    if "For each of these fields" in text:
        return '{"1": [95, "It is."], "2": [10, "There are more."]}'
    if "Judge" in text or "judge" in text:
        wrong = "plus 1?" in text and ">\n7\n<" in text and "6 plus" not in text
        return "False 5" if wrong else "True 95"
    if "as JSON" in text:
        return '{"city": "Paris", "people": 5}'
    said = answers_to(text)
    return said if is_sampling(body) else said[0]


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """The names of the page once all of its new code has run."""
    found: dict[str, Any] = {}
    with serving(model) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
        monkeypatch.setenv("OPENAI_API_KEY", KEY)
        for block in BLOCKS:
            exec(compile(side(block, "-"), str(PAGE), "exec"), found)
        yield found
        found["client"].close()


def test_the_new_lines_run_and_do_what_the_page_says(names: dict[str, Any]) -> None:
    assert len(names["outputs"]) == 2
    assert isinstance(names["why"], str)
    assert len(names["failed"]) == 1
    assert names["fields"] == ["people"]
    assert names["rated"][5]["trustworthiness_score"] < 0.5
    assert names["score"]["calibrated_score"] > 0.5
    assert names["output"]["trustworthiness"]["score"] > 0.5
    assert "politeness" in names["scores"]


def imported(code: str) -> list[tuple[str, str]]:
    nodes = [node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.ImportFrom)]
    return [(str(node.module), alias.name) for node in nodes for alias in node.names]


def test_the_old_lines_import_what_cleanlabs_clients_have() -> None:
    found = [
        pair for block in BLOCKS for pair in imported(side(block, "+")) if "cleanlab" in pair[0]
    ]
    assert len(found) >= 8
    for module, name in found:
        assert hasattr(importlib.import_module(module), name)


def test_the_new_lines_import_public_names_only() -> None:
    package = nemoguardrails_trust.__name__
    found = [
        name for block in BLOCKS for module, name in imported(side(block, "-")) if module == package
    ]
    assert set(found) <= set(nemoguardrails_trust.__all__)
    assert len(found) >= 8
