"""Every block of Python in docs/rag.md runs, in order, and does what the page says."""

from pathlib import Path
from typing import Any

import pytest

from tests.servers.openai import Answer
from tests.test_public_names import python_of_markdown
from tests.tlm.scene import KEY, Body, is_answering, is_judging, serving, text_of

PAGE = Path(__file__).parents[1] / "docs" / "rag.md"


def model(body: Body) -> Answer:
    text = text_of(body)
    if is_answering(body):
        return "30 days." if "jacket" in text else "Within the EU."
    wrong = "90 days" in text and (is_judging(body) or "Every factual claim" in text)
    return "False" if wrong else "True" if "Judge" in text else "30 days."


def test_the_page_does_what_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    names: dict[str, Any] = {}
    with serving(model) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
        monkeypatch.setenv("OPENAI_API_KEY", KEY)
        for code in python_of_markdown(PAGE):
            exec(compile(code, str(PAGE), "exec"), names)
        assert names["scores"]["response_groundedness"]["score"] < 0.1
        assert names["scores"]["response_helpfulness"]["score"] > 0.9
        assert names["scores"]["trustworthiness"]["score"] < 0.5
        assert [each["response"] for each in names["outputs"]] == ["30 days.", "Within the EU."]
        scores = names["rag"].score(query="Hello?", context="", response="Hello!")
    assert scores["politeness"]["score"] > 0.9
