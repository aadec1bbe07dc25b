"""A fault of the server itself is an answer, a line in the log, and nothing of what was said."""

import logging
from typing import Any

import httpx
import pytest

from nemoguardrails_trust.server.scoring import Scoring
from tests.server.running import serving

PROMPT, ANSWER = "What is prompt-2210?", "It is answer-3321."
BODY = {"prompt": PROMPT, "response": ANSWER}


@pytest.mark.parametrize("kind", ["application/json", "application/json; charset=utf-8"])
def test_an_unforeseen_error_is_told_and_logged_without_its_text(
    kind: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail(self: Scoring, body: Any) -> dict[str, Any]:
        raise RuntimeError(f"{body}")

    monkeypatch.setattr(Scoring, "score", fail)
    with caplog.at_level(logging.DEBUG), serving() as server:
        path = f"{server.api}/v0/trustworthy_llm/get_confidence_score"
        response = httpx.post(
            path,
            content=httpx.Request("POST", path, json=BODY).content,
            headers={"Content-Type": kind},
        )
        figures = httpx.get(f"{server.url}/metrics").text
    assert response.status_code == 500
    assert response.json() == {"error": "this server failed; its log says why"}
    assert 'status="500"' in figures
    told = [record for record in caplog.records if record.levelno > logging.DEBUG]
    shown = "\n".join(map(logging.Formatter().format, told))
    assert "a request failed with RuntimeError" in shown
    assert "test_faults.py" in shown
    assert "prompt-2210" not in shown
    assert "answer-3321" not in shown
    assert ANSWER in caplog.text  # at DEBUG
