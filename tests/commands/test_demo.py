"""`nemo-trust demo`."""

import json
import os
import re
import subprocess
import sys
from io import StringIO

import pytest
from rich.console import Console
from typer.testing import CliRunner, Result

from nemoguardrails_trust.cli import app
from nemoguardrails_trust.commands.demo_screen import show_screen
from nemoguardrails_trust.guardrail.demo import RECORDED_NOTE, Turn, summarize

KEYS = {
    "turns", "flagged", "accuracy_all", "accuracy_kept", "wrong_caught", "right_flagged",
    "threshold", "calls_per_score", "seconds",
}  # fmt: skip


def demo(*options: str) -> Result:
    return CliRunner().invoke(app, ["demo", *options], env={"COLUMNS": "120"})


def turn(*, flagged: bool, correct: bool) -> Turn:
    return Turn("Who?", "Verdi", 0.5, flagged, correct, "Verdi", threshold=0.6, calls=2)


def scores_of(kind: str, lines: list[str]) -> list[float]:
    """The scores of the rows of a kind."""
    rows = [line.strip() for line in lines if line.strip().endswith(f" {kind}")]
    return [float(row.split()[0]) for row in rows if row[0].isdigit()]


def squeezed(text: str) -> str:
    return " ".join(text.split())


def test_one_screen_tells_what_matters() -> None:
    result = CliRunner().invoke(app, ["demo", "--turns", "40"], env={"COLUMNS": "80"})
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert len(lines) <= 45
    assert max(map(len, lines)) <= 80
    for kind, most in {"surest": 3, "least sure": 3, "missed": 2, "false alarm": 2}.items():
        assert 1 <= len(scores_of(kind, lines)) <= most
    told = squeezed(result.stdout)
    assert "A score took 2 calls to the model." in told
    assert "CAUTION: THIS ANSWER HAS BEEN FLAGGED" in told
    assert "nemo-trust demo --all" in told
    assert "some of them are mistaken" in told
    assert "reflection is missing" not in result.output


@pytest.mark.parametrize(("height", "kinds", "is_shown"), [(24, 4, False), (38, 10, True)])
def test_it_fits_a_terminal_of(height: int, kinds: int, is_shown: bool) -> None:
    text = StringIO()
    console = Console(file=text, force_terminal=True, width=80, height=height, color_system=None)
    played = [turn(flagged=number % 2 > 0, correct=number % 4 < 2) for number in range(40)]
    show_screen(console, played, summarize(played, 0.0))
    lines = text.getvalue().splitlines()
    assert len(lines) < height
    assert len([line for line in lines if line.strip().startswith("0.50")]) == kinds
    assert ("What the bot's user sees" in text.getvalue()) == is_shown


def test_the_rows_are_what_they_are_called() -> None:
    lines = demo("--turns", "40").stdout.splitlines()
    kinds = ("surest", "least sure", "missed", "false alarm")
    scores = {kind: scores_of(kind, lines) for kind in kinds}
    assert min(scores["surest"] + scores["missed"]) >= 0.6
    assert max(scores["least sure"] + scores["false alarm"]) < 0.6
    assert scores["surest"] == sorted(scores["surest"], reverse=True)
    assert scores["least sure"] == sorted(scores["least sure"])


def test_every_answer_is_shown_on_demand() -> None:
    lines = demo("--turns", "5", "--all").stdout.splitlines()
    assert "All answers" in lines[0]
    rows = [line for line in lines if line.rstrip().endswith((" right", " wrong"))]
    assert len([line for line in rows if line.split()[0] != "right"]) == 5


def test_it_says_that_the_answers_are_recorded() -> None:
    told = " ".join(demo("--turns", "1").stdout.split())
    assert RECORDED_NOTE in told
    assert "recorded from LLaMA-13B" in told


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
    assert f"Of all answers {told['accuracy_all']:.0%} are right" in squeezed(shown)
    assert f"of those kept {told['accuracy_kept']:.0%}." in squeezed(shown)
    flagged = re.search(r"flagged \(below 0\.6\) +(\d+) +(\d+)", shown)
    assert flagged is not None
    false_alarms, caught = map(int, flagged.groups())
    assert false_alarms + caught == told["flagged"]
    right = round(20 * told["accuracy_all"])
    assert told["right_flagged"] == pytest.approx(false_alarms / right)


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
    assert "2 trivia questions" in done.stdout
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
    expected = "Of all answers" if arguments[0] == "demo" else "x absent is not a folder"
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
    assert figures.right_flagged == 1 / 3


def test_a_share_of_nothing_is_no_figure() -> None:
    all_flagged = summarize([turn(flagged=True, correct=False)], 0.0)
    assert all_flagged.accuracy_kept is None
    all_right = summarize([turn(flagged=False, correct=True)], 0.0)
    assert all_right.wrong_caught is None
