"""Options from the environment and from a file `.env`."""

import json
import os
from collections.abc import Iterator
from contextlib import chdir
from pathlib import Path
from unittest.mock import patch

import pytest
import typer

from nemoguardrails_trust.cli import app
from nemoguardrails_trust.commands.variables import options_from_environment
from tests.commands.running import run
from tests.datasets.samples import make_rows, read, write
from tests.servers.openai import OpenAIServer, threaded_server

COMMAND = typer.main.get_command(app)


@pytest.fixture(scope="module")
def server() -> Iterator[OpenAIServer]:
    with threaded_server(OpenAIServer(answer="True", api_key="sk-of-the-file")) as running:
        yield running


@pytest.fixture(autouse=True)
def _environment(tmp_path: Path) -> Iterator[None]:
    """As it was, after the test: commands put in what stands in the file."""
    with patch.dict(os.environ), chdir(tmp_path):
        for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL"):
            os.environ.pop(name, None)
        yield


def test_a_file_in_the_working_folder_says_which_model_on_which_server(
    server: OpenAIServer, tmp_path: Path
) -> None:
    Path(".env").write_text(
        f"NEMO_TRUST_MODEL=gpt-test\nNEMO_TRUST_QUALITY=low\nOPENAI_BASE_URL={server.base_url}\n"
        "OPENAI_API_KEY='sk-of-the-file'\nOTHER_PROGRAM=1\n",
        encoding="utf-8",
    )
    data = write(tmp_path / "data.jsonl", make_rows(2))
    result = run("score", data, "--out", "out.jsonl", "--json")
    assert result.exit_code == 0, result.output
    assert [row["usage_calls"] for row in read(tmp_path / "out.jsonl")] == [1, 1]
    assert "OTHER_PROGRAM" not in os.environ


def test_the_command_line_wins_over_the_environment_and_that_over_the_file(
    server: OpenAIServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path(".env").write_text(
        "NEMO_TRUST_MODEL=of-the-file\nOPENAI_API_KEY=sk-of-the-file\n", encoding="utf-8"
    )
    data = write(tmp_path / "data.jsonl", make_rows(1))
    monkeypatch.setenv("NEMO_TRUST_BASE_URL", server.base_url)
    monkeypatch.setenv("NEMO_TRUST_QUALITY", "low")
    run("score", data, "--out", "1.jsonl")
    monkeypatch.setenv("NEMO_TRUST_MODEL", "of-the-environment")
    run("score", data, "--out", "2.jsonl")
    run("score", data, "--out", "3.jsonl", "--model", "of-the-line")
    asked = [body["model"] for body in server.bodies[-3:]]
    assert asked == ["of-the-file", "of-the-environment", "of-the-line"]


def test_a_replay_and_a_hosted_scorer_do_without_what_is_said_of_a_server(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("NEMO_TRUST_BASE_URL", "http://127.0.0.1:9/v1")
    monkeypatch.setenv("NEMO_TRUST_REQUESTS_PER_MINUTE", "5")
    monkeypatch.setenv("NEMO_TRUST_SAMPLES", "3")
    Path("data.jsonl").write_text(
        json.dumps({"prompt": "1 + 1?", "response": "2", "samples": ["2"] * 3}) + "\n"
    )
    assert run("score", "data.jsonl", "--out", "o.jsonl", "--model", "replay").exit_code == 0
    hosted = run("score", "data.jsonl", "--out", "p.jsonl", "--scorer", "cleanlab-tlm")
    assert "CLEANLAB_TLM_API_KEY" in hosted.stderr  # and no word of --base-url or --samples


def test_scores_that_are_in_the_data_are_not_made_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEMO_TRUST_MODEL", "gpt-test")
    monkeypatch.setenv("NEMO_TRUST_BASE_URL", "http://127.0.0.1:9/v1")
    Path("data.csv").write_text("correct,trustworthiness_score\n1,0.9\n0,0.2\n")
    result = run("evaluate", "data.csv", "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["auroc"] == 1.0


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("NEMO_TRUST_CONCURRENCY", "many", "NEMO_TRUST_CONCURRENCY is 'many'; it must be a whole"),
        ("NEMO_TRUST_THRESHOLD", "1.5", "NEMO_TRUST_THRESHOLD is '1.5'; it must be at most 1"),
        ("NEMO_TRUST_MODLE", "m", "NEMO_TRUST_MODLE is not read; did you mean NEMO_TRUST_MODEL?"),
    ],
)
def test_what_is_wrong_is_told(
    name: str, value: str, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    result = run("score", "data.csv", "--out", "out.csv")
    assert result.exit_code == 2
    assert told in result.stderr


@pytest.mark.parametrize(("name", "value"), [("NEMO_TRUST_MODEL", ""), ("NEMO_TRUST_X", "y")])
def test_what_is_empty_or_of_others_is_left_alone(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    assert options_from_environment() == {}


def test_a_file_that_is_no_text_is_told() -> None:
    Path(".env").write_bytes(b"NEMO_TRUST_MODEL=\xff\xfe\n")
    result = run("score", "data.csv", "--out", "out.csv")
    assert result.exit_code == 2
    assert ".env: is not UTF-8" in result.stderr


def test_every_variable_is_an_option_of_score(monkeypatch: pytest.MonkeyPatch) -> None:
    values = {
        **dict.fromkeys(("MODEL", "BASE_URL", "SCORER", "QUALITY", "CALIBRATION"), "x"),
        **dict.fromkeys(("PRICES", "BUDGET"), "x"),
        **dict.fromkeys(("SAMPLES", "CONCURRENCY", "MAX_FAILURES", "TIMEOUT", "THRESHOLD"), "1"),
        **dict.fromkeys(("REQUESTS_PER_MINUTE", "TOKENS_PER_MINUTE"), "1"),
    }
    for name, value in values.items():
        monkeypatch.setenv(f"NEMO_TRUST_{name}", value)
    options = options_from_environment()
    assert len(options) == len(values)
    score = COMMAND.commands["score"]  # type: ignore[attr-defined]
    assert options.keys() <= {parameter.name for parameter in score.params}


@pytest.mark.parametrize("base_url", ["localhost", "ftp://localhost/v1"])
def test_an_address_that_is_none_is_told_by_the_name_of_where_it_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, base_url: str
) -> None:
    data = write(tmp_path / "data.jsonl", make_rows(1))
    line = ("score", data, "--out", "out.jsonl", "--model", "m")
    told = " must be an address such as http://localhost:8000/v1"
    assert f"--base-url{told}" in run(*line, "--base-url", base_url).stderr
    monkeypatch.setenv("OPENAI_BASE_URL", base_url)
    assert f"OPENAI_BASE_URL{told}" in run(*line).stderr


def test_a_missing_key_is_told_by_what_the_command_takes(tmp_path: Path) -> None:
    data = write(tmp_path / "data.jsonl", make_rows(1))
    result = run("score", data, "--out", "out.jsonl", "--model", "m")
    assert result.exit_code == 2
    told = "needs a key: set OPENAI_API_KEY; for another server, set --base-url"
    assert told in result.stderr


def test_remarks_and_logged_lines_may_be_set_there_too(
    server: OpenAIServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = tmp_path / "data.jsonl"
    data.write_text(json.dumps({"prompt": "1 + 1?", "response": "2", "samples": ["2"] * 3}) + "\n")
    line = ("score", data, "--model", "replay", "--out")
    assert "reflection is missing" in run(*line, "1.jsonl").stderr
    monkeypatch.setenv("NEMO_TRUST_QUIET", "1")
    assert run(*line, "2.jsonl").stderr == ""
    monkeypatch.setenv("NEMO_TRUST_LOG_LEVEL", "loud")
    result = run(*line, "3.jsonl")
    assert result.exit_code == 2
    assert "NEMO_TRUST_LOG_LEVEL is 'loud'; it must be 'debug', 'info'" in result.stderr
    monkeypatch.setenv("NEMO_TRUST_LOG_LEVEL", "info")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-the-file")
    asked = run("score", data, "--model", "m", "--base-url", server.base_url, "--out", "4.jsonl")
    assert " INFO nemoguardrails_trust." in asked.stderr
