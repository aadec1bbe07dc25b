"""The benchmark of a live model, run on a local server that stands in for one."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.benchmarks import groundedness
from tests.servers.openai import OpenAIServer, threaded_server
from tests.tlm.scene import text_of


@pytest.fixture(autouse=True)
def _variables(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("URL", "MODEL", "SECONDS"):
        monkeypatch.delenv(f"NEMO_TRUST_LIVE_{name}", raising=False)
    monkeypatch.setenv("NEMO_TRUST_DATA", str(tmp_path))
    monkeypatch.setattr(groundedness, "OWN_DATA", tmp_path)


def rows(*, chat: bool) -> list[dict[str, Any]]:
    prompt: Any = [{"role": "user", "content": "How long?"}] if chat else "How long?"
    return [
        {
            "prompt": prompt,
            "response": f"{days} days",
            "context": ["It is 30 days."],
            "correct": int(days == 30),
            "trustworthiness_score": 0.5,
            "detectors": {"overlap": 0.9 if days == 30 else 0.1},
        }
        for days in (30, 40, 30, 50)
    ]


def write(path: Path, *, chat: bool) -> None:
    path.write_text("\n".join(json.dumps(row) for row in rows(chat=chat)), encoding="utf-8")


def test_without_a_live_model_the_recorded_detectors_are_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path / "rag-finqa.jsonl", chat=False)
    assert groundedness.main() == 0
    told = capsys.readouterr().out
    assert "NEMO_TRUST_LIVE_URL is not set" in told
    assert "response_groundedness by" not in told
    assert "1.000" in next(line for line in told.splitlines() if "overlap" in line)
    assert "0.500" in next(line for line in told.splitlines() if "recorded judge" in line)


def test_the_model_stands_beside_the_recorded_detectors(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path / "mtrag-human.jsonl", chat=True)

    def answer(body: dict[str, Any]) -> str:
        return "True 90" if "\n30 days\n" in text_of(body) else "False 10"

    with threaded_server(OpenAIServer(answer=answer, logprobs="off")) as server:
        monkeypatch.setenv("NEMO_TRUST_LIVE_URL", server.base_url)
        monkeypatch.setenv("NEMO_TRUST_LIVE_MODEL", "small")
        assert groundedness.main() == 0
        assert {body["model"] for body in server.bodies} == {"small"}
        assert len(server.bodies) == 4
        monkeypatch.setenv("NEMO_TRUST_LIVE_SECONDS", "-1")
        assert groundedness.main() == 0
        assert len(server.bodies) == 4
    told = capsys.readouterr().out
    assert "rag-finqa.jsonl is not there" in told
    assert "mtrag-human: groundedness of 4 rows" in told
    assert "mtrag-human: groundedness of 0 rows" in told
    first = next(line for line in told.splitlines() if "by small" in line)
    assert "1.000" in first
    assert "recorded judge" in told
    assert "overlap" in told


@pytest.mark.parametrize(
    ("correct", "shown"),
    [([True, True], "–"), ([True, False], "1.000"), ([False, True, True], "0.000")],
)
def test_an_area_without_an_interval_is_shown_without(correct: list[bool], shown: str) -> None:
    assert groundedness.area([0.9, 0.5, 0.2][: len(correct)], correct) == shown
