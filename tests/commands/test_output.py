"""Remarks, progress and logged lines of all commands."""

import json
import logging
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from nemoguardrails_trust.cli import app
from nemoguardrails_trust.commands import output
from tests.commands.running import COMMANDS


@pytest.fixture
def data(tmp_path: Path) -> Path:
    path = tmp_path / "data.jsonl"
    rows = [{"prompt": "1 + 1?", "response": "2", "samples": ["2", "2", "3"]}]
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    return path


def score(data: Path, *options: str) -> Result:
    arguments = ["score", str(data), "--out", str(data.with_name("out.jsonl")), "--model", "replay"]
    return CliRunner().invoke(app, [*arguments, *options])


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_can_be_quiet_and_log(name: str) -> None:
    command = typer.main.get_command(app).commands[name]  # type: ignore[attr-defined]
    options = [option for parameter in command.params for option in parameter.opts]
    assert {"--quiet", "-q", "--log-level"} <= set(options)


@pytest.mark.parametrize("option", ["-q", "--quiet"])
def test_a_quiet_command_prints_only_what_comes_out(data: Path, option: str) -> None:
    result = score(data, option)
    assert result.exit_code == 0
    assert result.stdout.startswith(f"{data.with_name('out.jsonl')}: 1 row, ")
    assert result.stderr == ""
    assert not output.is_quiet()  # the next command is not


def test_otherwise_it_remarks(data: Path) -> None:
    assert "reflection is missing in 1 of 1 rows" in score(data).stderr


def test_errors_and_limits_that_are_missed_are_said_even_so(data: Path) -> None:
    assert (
        "failed: flagged is 1, over"
        in score(data, "-q", "--threshold=1", "--fail-if=flagged=0").stderr
    )
    assert "--samples" in score(data, "-q", "--scorer", "cleanlab-tlm", "--samples", "3").stderr


def test_what_is_logged_goes_to_stderr(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def prepare(*_: object, **__: object) -> None:
        log = logging.getLogger("nemoguardrails_trust.datasets")
        log.info("an info line")
        log.debug("a debug line")

    monkeypatch.setattr("nemoguardrails_trust.datasets.files.open_source", prepare)
    logger = logging.getLogger("nemoguardrails_trust")
    before = (logger.level, list(logger.handlers))
    assert (
        " INFO nemoguardrails_trust.datasets: an info line"
        in score(data, "--log-level=info").stderr
    )
    assert "a debug line" in score(data, "--log-level", "debug").stderr
    assert "line" not in score(data, "--log-level", "error").stderr
    assert "line" not in score(data).stderr
    assert (logger.level, list(logger.handlers)) == before


def test_progress_is_told_in_lines_now_and_then(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = output.LinesNowAndThen()
    lines.say("half")
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(output, "SECONDS_BETWEEN_LINES", 0.0)
    lines.say("half")
    assert capsys.readouterr().err == "nemo-trust: half\n"
