"""`-` is standard input and standard output."""

import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from nemoguardrails_trust.cli import app
from tests.servers.openai import OpenAIServer, threaded_server

ROWS = [
    {"prompt": "1 + 1?", "response": "2", "samples": ["2", "2", "2"], "correct": 1},
    {"prompt": "1 + 2?", "response": "4", "samples": ["3", "3", "3"], "correct": 0},
]
LINES = "".join(f"{json.dumps(row)}\n" for row in ROWS)
REPLAY = ("--model", "replay")


def run(*arguments: str, given: str | bytes = LINES) -> Result:
    return CliRunner().invoke(app, list(arguments), input=given)


def rows_of(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_rows_go_through_a_pipe() -> None:
    result = run("score", "-", "--out", "-", *REPLAY)
    assert result.exit_code == 0, result.output
    scores = [row["trustworthiness_score"] for row in rows_of(result.stdout)]
    assert scores[0] > 0.9 > 0.1 > scores[1]
    assert "standard output: 2 rows, 1 (50.0%) below 0.6" in result.stderr
    assert tempfile.gettempdir() not in result.stderr


def test_the_format_of_standard_input_is_found_out(tmp_path: Path) -> None:
    table = 'prompt,response,samples\n1 + 1?,2,"[""2"", ""3""]"\n'
    for given in (table, json.dumps(ROWS), LINES):
        out = tmp_path / "out.csv"
        result = run("score", "-", "--out", str(out), *REPLAY, given=given)
        assert result.exit_code == 0, result.output
        assert result.stdout.startswith(f"{out}: ")
        for path in tmp_path.iterdir():
            path.unlink()


def test_a_file_is_made_whole_by_giving_the_same_rows_again(tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    assert run("score", "-", "--out", str(out), *REPLAY).exit_code == 0
    again = run("score", "-", "--out", str(out), *REPLAY)
    assert "already has all 2 rows" in again.stdout
    other = run("score", "-", "--out", str(out), *REPLAY, given=LINES.replace("1 + 1", "1 + 3"))
    assert other.exit_code == 2


def test_exit_codes_and_limits_stay_as_they_are() -> None:
    result = run("score", "-", "--out", "-", *REPLAY, "--fail-if", "flagged=0.1")
    assert result.exit_code == 3
    assert len(rows_of(result.stdout)) == 2
    lacking = LINES + '{"prompt": "1 + 3?", "response": "4"}\n'
    assert run("score", "-", "--out", "-", *REPLAY, given=lacking).exit_code == 1
    assert "1 row has no score" in run("score", "-", "--out", "-", *REPLAY, given=lacking).stderr


def test_nothing_is_said_to_be_kept_of_what_went_into_a_pipe() -> None:
    not_yet = iter([True])

    def interrupt(_: dict[str, Any]) -> str:
        if next(not_yet, False):
            os.kill(os.getpid(), signal.SIGINT)
        return "True"

    with threaded_server(OpenAIServer(answer=interrupt)) as server:
        model = ("--model", "gpt-test", "--base-url", server.base_url, "--concurrency", "1")
        result = run("score", "-", "--out", "-", *model, given=LINES * 500)
    assert result.exit_code == 130, result.output
    assert result.stderr.splitlines()[-1] == "nemo-trust: interrupted; nothing is kept"
    assert "repeat the command" not in result.stderr


def test_evaluate_and_report_read_it_too() -> None:
    told = run("evaluate", "-", *REPLAY, "--json")
    assert json.loads(told.stdout)["auroc"] == 1.0
    scored = run("score", "-", "--out", "-", *REPLAY).stdout
    page = run("report", "-", "--out", "-", given=scored)
    assert page.exit_code == 0, page.output
    assert page.stdout.startswith("<!")
    assert "2 answers, 1 below 0.6" in page.stderr


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("score", "-", "--out", "-", *REPLAY, "--engine", "ray"), "'-' is for --engine local"),
        (
            ("score", "-", "--out", "-", "--model", "m", "--budget", "5 tokens"),
            "--budget cannot be used with --out -",
        ),
    ],
)
def test_what_cannot_be_is_refused(arguments: tuple[str, ...], told: str) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert told in result.stderr


def test_no_input_is_told() -> None:
    result = run("score", "-", "--out", "-", *REPLAY, given="")
    assert result.exit_code == 2
    assert "standard input: the file is empty" in result.stderr


def test_two_commands_make_a_pipe(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "nemoguardrails_trust.cli",
        "score",
        "-",
        "--out",
        "-",
        *REPLAY,
    ]
    done = subprocess.run(command, input=LINES.encode(), capture_output=True, check=True)
    assert len(rows_of(done.stdout.decode())) == 2
