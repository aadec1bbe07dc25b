"""The benchmark of sentences, run on a local server that stands in for a live model."""

import json
from pathlib import Path
from typing import Any

import pytest

from nemoguardrails_trust.signals.sentences import split_sentences
from tests.benchmarks import claims, groundedness
from tests.servers.openai import OpenAIServer, threaded_server
from tests.tlm.scene import text_of

RIGHT, WRONG = "Jupiter is the largest planet.", "It has eighty moons in all."


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("URL", "MODEL", "SECONDS"):
        monkeypatch.delenv(f"NEMO_TRUST_LIVE_{name}", raising=False)
    monkeypatch.setenv("NEMO_TRUST_DATA", str(tmp_path))
    monkeypatch.setattr(groundedness, "OWN_DATA", tmp_path)
    monkeypatch.setattr(claims, "SAMPLED", ())
    row = {
        "prompt": "Tell me about Jupiter.",
        "response": f"Hello there!\n\n- {RIGHT} {WRONG}",
        "sentences": [
            {"text": RIGHT, "correct": 1},
            {"text": f"1. {WRONG}", "correct": 0},
            {"text": "It is not there.", "correct": 1},
        ],
    }
    path = tmp_path / "factscore-bios.jsonl"
    path.write_text("\n".join([json.dumps(row)] * 3), encoding="utf-8")


def test_without_a_live_model_it_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert claims.main() == 0
    told = capsys.readouterr().out
    assert "NEMO_TRUST_LIVE_URL is not set" in told
    assert "weakest sentence of a response" in told


def test_labels_are_found_by_their_texts(tmp_path: Path) -> None:
    row = json.loads((tmp_path / "factscore-bios.jsonl").read_text().splitlines()[0])
    sentences = split_sentences(row["response"], most=100)
    assert claims.labels_of(row, sentences) == {1: True, 2: False}


def test_references_are_no_part_of_a_sentence_and_a_sentence_may_have_no_label() -> None:
    response = "Jupiter is the largest planet[1]. It has eighty moons[2][3]. It has rings[1]."
    labelled: list[dict[str, Any]] = [
        {"text": RIGHT, "correct": 1},
        {"text": "It has eighty moons."},
        {"text": "It has rings.", "correct": 0},
    ]
    sentences = split_sentences(response, most=100)
    assert claims.labels_of({"sentences": labelled}, sentences) == {0: True, 2: False}


def test_a_live_model_is_asked_for_as_long_as_it_is_allowed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def answer(body: dict[str, Any]) -> str:
        assert "Reply with 3 lines" in text_of(body)
        return "1: None\n2: True 90\n3: False 10"

    with threaded_server(OpenAIServer(answer=answer, logprobs="off")) as server:
        monkeypatch.setenv("NEMO_TRUST_LIVE_URL", server.base_url)
        monkeypatch.setenv("NEMO_TRUST_LIVE_MODEL", "small")
        assert claims.main() == 0
        assert len(server.bodies) == 3
        monkeypatch.setenv("NEMO_TRUST_LIVE_SECONDS", "-1")
        assert claims.main() == 0
        assert len(server.bodies) == 3
    told = capsys.readouterr().out
    assert "factscore-bios: 3 of 3 answers" in told
    assert "expertqa.jsonl is not there" in told
    first = next(line for line in told.splitlines() if "judged by small" in line)
    assert " 6 " in first
    assert "1.000" in first
