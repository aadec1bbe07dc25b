"""Scores of sentences over HTTP."""

import sys
from typing import Any

import httpx
import pytest

from nemoguardrails_trust.server.wanted import read_wanted
from tests.server.running import KEY, serving
from tests.tlm.scene import is_judging, text_of

ANSWER = "Jupiter is the largest planet. It has 80 moons."


def answer(body: dict[str, Any]) -> str:
    if not is_judging(body):
        return ANSWER
    return "1: True 95\n2: False 10" if "Reply with 2 lines" in text_of(body) else "True 90"


def test_every_door_gives_sentences_where_the_log_asks_for_them() -> None:
    options = {"log": ["claims"]}
    headers = {"Authorization": f"bearer {KEY}"}
    score = {"prompt": "Tell me.", "response": {"response": ANSWER}, "quality": "low"}
    chat = {
        "model": "gpt-test",
        "messages": [{"role": "user", "content": "Tell me."}],
        "quality_preset": "low",
        "options": options,
    }
    with serving(answer) as running:

        def post(path: str, body: dict[str, Any]) -> Any:
            url = f"{running.api}{path}"
            return httpx.post(url, json=body, headers=headers, timeout=60).json()

        told = post("/v0/trustworthy_llm/get_confidence_score", score | {"options": options})
        prompted = post(
            "/v0/trustworthy_llm/prompt",
            {"prompt": "Tell me.", "quality": "low", "options": options},
        )
        plain = post("/v0/trustworthy_llm/get_confidence_score", score)
        completed = httpx.post(
            f"{running.url}/v1/chat/completions", json=chat, headers=headers, timeout=60
        ).json()
    claims = told["log"]["claims"]
    assert [claim["text"] for claim in claims] == [
        "Jupiter is the largest planet.",
        "It has 80 moons.",
    ]
    assert claims[0]["score"] > 0.7 > 0.4 > claims[1]["score"]
    assert prompted["log"]["claims"] == claims
    assert "log" not in plain
    assert completed["tlm_metadata"]["log"]["claims"] == claims


def test_without_the_extra_a_client_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sentencex", None)
    wanted = read_wanted("low", {"log": ["claims", "explanation"]})
    assert wanted.log == {"explanation"}
    assert "nemoguardrails-trust[claims]" in wanted.notes[0]
