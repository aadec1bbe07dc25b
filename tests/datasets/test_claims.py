"""Scores of sentences in data sets, from the command to the report."""

import json
from pathlib import Path
from typing import Any

import pytest

from nemoguardrails_trust.datasets.files import open_source
from nemoguardrails_trust.report.results import Columns, read_texts
from tests.commands.test_score import run
from tests.datasets.samples import read, write
from tests.servers.openai import OpenAIServer, threaded_server
from tests.tlm.scene import text_of

ANSWER = "Jupiter is the largest planet. It has 80 moons."
ROWS = [
    {"prompt": "Tell me about Jupiter.", "response": ANSWER},
    {"prompt": "Hello", "response": "How can I help?"},
]


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test-never-shown")


def answer(body: dict[str, Any]) -> str:
    return "1: True 95\n2: False 10" if "Reply with 2 lines" in text_of(body) else "True 90"


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_a_column_has_the_sentences_and_the_report_reads_it(ending: str, tmp_path: Path) -> None:
    data = write(tmp_path / "data.jsonl", ROWS)
    out = tmp_path / f"out.{ending}"
    with threaded_server(OpenAIServer(answer=answer)) as server:
        model = ("--model", "gpt-test", "--base-url", server.base_url, "--quality", "low")
        result = run(data, "--out", out, "--claims", *model)
        assert result.exit_code == 0, result.output
        assert len(server.bodies) == 3  # a row without sentences needs no call for them
        again = run(data, "--out", out, *model)
        assert again.exit_code == 2  # scored with other settings
    first, second = (row for _, row in open_source(out).rows())
    right, wrong = read_texts(first, Columns()).claims
    assert ANSWER[wrong.start : wrong.end] == "It has 80 moons."
    assert right.score > 0.7 > 0.4 > wrong.score
    assert read_texts(second, Columns()).claims == ()
    written = read(out)[0]["claims"]
    listed = json.loads(written) if ending == "csv" else written
    assert listed[0] == {"start": right.start, "end": right.end, "score": right.score}


def test_without_the_option_there_is_no_column(tmp_path: Path) -> None:
    data = write(tmp_path / "data.jsonl", [ROWS[0] | {"samples": [ANSWER], "reflection": 0.9}])
    out = tmp_path / "out.jsonl"
    assert run(data, "--out", out, "--model", "replay").exit_code == 0
    assert "claims" not in read(out)[0]


def test_recorded_samples_score_sentences_without_a_judge(tmp_path: Path) -> None:
    row = ROWS[0] | {
        "samples": ["Jupiter is the largest planet. It has 95 moons."],
        "reflection": 0.9,
        "claims": "my own",
    }
    data = write(tmp_path / "data.jsonl", [row])
    out = tmp_path / "out.jsonl"
    result = run(data, "--out", out, "--claims", "--model", "replay", "--samples", 1)
    assert result.exit_code == 0, result.output
    scored = read(out)[0]
    assert scored["input_claims"] == "my own"
    assert [claim["score"] > 0.6 for claim in scored["claims"]] == [True, False]


def test_a_hosted_scorer_has_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLEANLAB_TLM_API_KEY", "sk-test-never-shown")
    data = write(tmp_path / "data.jsonl", ROWS)
    out = tmp_path / "out.jsonl"
    result = run(data, "--out", out, "--claims", "--scorer", "cleanlab-tlm")
    assert result.exit_code == 2
    assert "does not score sentences" in result.stderr


def test_a_frame_gets_them_too() -> None:
    polars = pytest.importorskip("polars")
    from nemoguardrails_trust import LocalScorer, ScorerSettings, score_dataset
    from tests.scorers.scripted import ScriptedModel

    model = ScriptedModel(claims="1: True 95\n2: False 10")
    scorer = LocalScorer(model, ScorerSettings(quality="low", explain="claims"))
    scored = score_dataset(polars.DataFrame(ROWS[:1]), scorer=scorer)
    (claims,) = scored["claims"].to_list()
    assert [claim["start"] for claim in claims] == [0, 31]
