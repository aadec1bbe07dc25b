"""The command as a whole."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from nemoguardrails_trust.cli import app

NAMES = ("demo", "check", "rail-path", "score", "evaluate", "calibrate", "report", "langfuse")


@pytest.mark.parametrize("name", NAMES)
def test_every_command_has_help_that_flows_and_no_colours_when_piped(name: str) -> None:
    result = CliRunner().invoke(app, [name, "--help"])
    assert result.exit_code == 0
    assert f" {name} [OPTIONS]" in result.stdout
    assert "\x1b" not in result.stdout
    command = get_command(app).commands[name]  # type: ignore[attr-defined]
    paragraphs = command.help.split("\n\n")
    assert paragraphs[0].endswith(".")
    assert not any("\n" in each for each in paragraphs)


def test_help_names_every_command_and_the_exit_codes() -> None:
    shown = CliRunner().invoke(app, ["--help"]).stdout
    assert all(f" {name} " in shown for name in NAMES)
    assert "130 interrupted" in " ".join(shown.split())


@pytest.mark.parametrize(
    "arguments", [["scor"], ["score", "data.csv"], ["score", "--outt", "x"], ["report", "--x"]]
)
def test_what_is_no_command_is_told_without_a_traceback(arguments: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "nemoguardrails_trust.cli", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stdout == ""
    assert "Error" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_shell_completes_options_and_their_values() -> None:
    def completed(typed: str) -> list[str]:
        asked = {"COMP_WORDS": typed, "COMP_CWORD": str(typed.count(" "))}
        done = subprocess.run(
            [Path(sys.executable).with_name("nemo-trust")],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, **asked, "_NEMO_TRUST_COMPLETE": "complete_bash"},
        )
        return done.stdout.split()

    assert "--retry-errors" in completed("nemo-trust score --ret")
    assert completed("nemo-trust score --scorer ") == ["local", "cleanlab-studio", "cleanlab-tlm"]
