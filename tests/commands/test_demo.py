"""`nemo-trust demo`."""

import json
import os
import subprocess
import sys

import pytest
from typer.testing import CliRunner, Result

from nemoguardrails_trust.cli import app
from nemoguardrails_trust.guardrail.demo import RECORDED_NOTE, Turn, summarize

KEYS = {"turns", "flagged", "accuracy_all", "accuracy_kept", "wrong_caught", "seconds"}


def demo(*options: str) -> Result:
    return CliRunner().invoke(app, ["demo", *options], env={"COLUMNS": "120"})


def turn(*, flagged: bool, correct: bool) -> Turn:
    return Turn("Who?", "Verdi", 0.5, flagged, correct, "Verdi")


def test_it_shows_every_turn_and_the_figures() -> None:
    result = demo("--turns", "5")
    assert result.exit_code == 0
    rows = [line for line in result.stdout.splitlines() if "right" in line or "wrong" in line]
    assert len([line for line in rows if line.startswith("│")]) == 5
    assert "Thomas the Tank Engine" in result.stdout
    assert "Accuracy of all 5 answers: " in result.stdout
    assert "not flagged: " in result.stdout
    assert "Wrong answers that were flagged: " in result.stdout


def test_it_says_that_the_answers_are_recorded() -> None:
    told = " ".join(demo("--turns", "1").stdout.split())
    assert RECORDED_NOTE in told
    assert "recorded ones of LLaMA-13B" in told


def test_a_program_reads_one_json_object() -> None:
    result = demo("--turns", "40", "--json")
    assert result.exit_code == 0
    told = json.loads(result.stdout)
    assert set(told) == KEYS
    assert told["turns"] == 40
    assert 0 < told["flagged"] < 40
    assert told["accuracy_kept"] > told["accuracy_all"]
    assert 0 < told["wrong_caught"] <= 1
    assert told["seconds"] > 0


def test_the_table_and_the_json_agree() -> None:
    told = json.loads(demo("--turns", "20", "--json").stdout)
    shown = demo("--turns", "20").stdout
    assert f"Accuracy of all 20 answers: {told['accuracy_all']:.0%}" in shown
    kept = 20 - told["flagged"]
    assert f"Accuracy of the {kept} not flagged: {told['accuracy_kept']:.0%}" in shown
    assert (
        sum("flagged" in line for line in shown.splitlines() if line.startswith("│"))
        == (told["flagged"])
    )


@pytest.mark.parametrize("turns", ["0", "501", "-1", "many", "1.5"])
def test_turns_that_cannot_be_asked_are_refused(turns: str) -> None:
    result = demo("--turns", turns)
    assert result.exit_code == 2
    assert "--turns" in result.stderr
    assert result.stdout == ""


def test_no_escape_code_or_progress_bar_is_written_into_a_pipe() -> None:
    command = [
        sys.executable,
        "-c",
        "from nemoguardrails_trust.cli import app; app()",
        "demo",
        "--turns",
        "2",
    ]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert "Trivia, scored" in done.stdout
    assert "\x1b" not in done.stdout + done.stderr
    assert "Asking" not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("arguments", "encoding"),
    [
        (["demo", "--turns", "2"], "cp1252"),
        (["demo", "--turns", "2"], "ascii"),
        (["check", "absent"], "cp1252"),
        (["check", "absent"], "ascii"),
    ],
)
def test_a_terminal_without_unicode_is_written_to(arguments: list[str], encoding: str) -> None:
    run = subprocess.run(
        [sys.executable, "-c", "from nemoguardrails_trust.cli import app; app()", *arguments],
        env={**os.environ, "PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"},
        capture_output=True,
        check=False,
    )
    assert (run.returncode, b"Traceback" in run.stderr) == (int(arguments[0] == "check"), False)
    told = run.stdout.decode(encoding)
    expected = "Accuracy of all 2" if arguments[0] == "demo" else "x absent is not a folder"
    assert expected in told


def test_the_figures_count_the_right_turns() -> None:
    turns = [
        turn(flagged=True, correct=False),
        turn(flagged=False, correct=False),
        turn(flagged=False, correct=True),
        turn(flagged=False, correct=True),
        turn(flagged=True, correct=True),
    ]
    figures = summarize(turns, 0.0)
    assert (figures.turns, figures.flagged) == (5, 2)
    assert figures.accuracy_all == 3 / 5
    assert figures.accuracy_kept == 2 / 3
    assert figures.wrong_caught == 1 / 2


def test_a_share_of_nothing_is_no_figure() -> None:
    all_flagged = summarize([turn(flagged=True, correct=False)], 0.0)
    assert all_flagged.accuracy_kept is None
    all_right = summarize([turn(flagged=False, correct=True)], 0.0)
    assert all_right.wrong_caught is None
