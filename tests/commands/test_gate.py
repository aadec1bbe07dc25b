"""Limits of figures, which end a command with exit code 3."""

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

from nemoguardrails_trust.cli import app
from nemoguardrails_trust.commands.gate import OVER, UNDER, parse_limits, require_limits
from nemoguardrails_trust.errors import SettingsError

SCORES = [0.9, 0.8, 0.7, 0.65, 0.3]


@pytest.fixture
def labelled(tmp_path: Path) -> str:
    """AUROC 1.0; of five answers four are kept, and of these three are right; one is unchecked."""
    rows: list[dict[str, Any]] = [
        {"correct": score >= 0.7, "trustworthiness_score": score} for score in SCORES
    ]
    rows.append({"correct": True, "trustworthiness_score": None})
    path = tmp_path / "labelled.jsonl"
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    return str(path)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


@pytest.mark.parametrize(
    ("option", "limits", "told"),
    [
        ("--fail-under", "auroc=0.8,accuracy-kept=0.75", []),
        ("--fail-under", "auroc=1", []),
        ("--fail-under", "AUROC=1, Accuracy-Kept = 0.7", []),
        ("--fail-under", "accuracy_kept=0.9", ["accuracy_kept is 0.75, under the limit of 0.9"]),
        (
            "--fail-under",
            "accuracy_kept=0.9, accuracy=0.7, recall=0.4",
            ["accuracy_kept is 0.75, under", "accuracy is 0.6, under"],
        ),
        ("--fail-if", "flagged=0.2,unchecked=0.2", []),
        ("--fail-if", "flagged=0.1", ["flagged is 0.2, over the limit of 0.1"]),
        ("--fail-if", "unchecked=0.01", ["unchecked is 0.1667, over the limit of 0.01"]),
    ],
)
def test_an_evaluation_fails_where_a_limit_is_missed(
    labelled: str, option: str, limits: str, told: list[str]
) -> None:
    result = run("evaluate", labelled, option, limits)
    assert result.exit_code == (3 if told else 0), result.output
    assert result.stderr.count("failed: ") == len(told)
    assert all(text in result.stderr for text in told)


def test_limits_of_an_option_that_is_given_twice_count_both(labelled: str) -> None:
    result = run("evaluate", labelled, "--fail-under", "accuracy=0.9", "--fail-under", "auroc=0.8")
    assert result.exit_code == 3
    assert "accuracy is 0.6, under the limit of 0.9" in result.stderr
    limits = [f"--fail-if=flagged={limit}" for limit in (0.9, 0.1, 0.5)]
    assert "flagged is 0.2, over the limit of 0.1" in run("evaluate", labelled, *limits).stderr
    limits = [f"--fail-under=accuracy={limit}" for limit in (0.1, 0.9, 0.5)]
    assert "accuracy is 0.6, under the limit of 0.9" in run("evaluate", labelled, *limits).stderr


def test_a_figure_that_is_nearly_its_limit_is_not_told_as_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(typer.Exit):
        require_limits({"auroc": 0.79996}, under={"auroc": 0.8})
    assert "auroc is 0.79996, under the limit of 0.8" in capsys.readouterr().err


def test_a_figure_that_is_not_known_misses_its_limit(tmp_path: Path) -> None:
    path = tmp_path / "right.csv"
    path.write_text("correct,trustworthiness_score\n1,0.9\n1,0.8\n", encoding="utf-8")
    result = run("evaluate", str(path), "--fail-under", "auroc=0")
    assert result.exit_code == 3
    assert "failed: auroc cannot be computed" in result.stderr


@pytest.mark.parametrize(
    ("limits", "code", "told"),
    [
        ("flagged=0.5,unchecked=0.5", 0, ""),  # how many may be unchecked has been said
        ("flagged=0.5", 1, "1 row has no score"),
        ("unchecked=0.1", 3, "failed: unchecked is 0.3333, over the limit of 0.1"),
        ("flagged=0.2", 3, "failed: flagged is 0.5, over the limit of 0.2"),
    ],
)
def test_scoring_fails_where_a_limit_is_missed(
    tmp_path: Path, limits: str, code: int, told: str
) -> None:
    rows = [
        {"prompt": "1 + 1?", "response": "2", "samples": ["2"] * 3},
        {"prompt": "1 + 2?", "response": "2", "samples": ["3"] * 3},
        {"prompt": "1 + 3?", "response": "4"},
    ]
    data, out = tmp_path / "data.jsonl", tmp_path / "out.jsonl"
    data.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    result = run("score", str(data), "--out", str(out), "--model", "replay", "--fail-if", limits)
    assert result.exit_code == code, result.output
    assert told in result.stderr
    assert out.exists()


@pytest.mark.parametrize(
    ("option", "limits", "told"),
    [
        ("--fail-under", "roc=0.8", "'roc'; the figures are: accuracy, auroc"),
        ("--fail-under", "", "''; the figures are"),
        (
            "--fail-under",
            "Flagged=0.1",
            "'flagged'; the figures are: accuracy, auroc, precision, recall, accuracy_kept (flagg",
        ),
        ("--fail-under", "auroc", "'auroc'; a limit is a number from 0 to 1"),
        ("--fail-under", "auroc=80", "'auroc=80'; a limit is a number from 0 to 1"),
        ("--fail-under", "auroc=nan", "'auroc=nan'; a limit is a number from 0 to 1"),
        (
            "--fail-if",
            "auroc=0.8",
            "'auroc'; the figures are: flagged, unchecked (auroc is for --fail-under)",
        ),
        ("--fail-if", "flagged=0.1,flagged=0.2", "'flagged' twice"),
    ],
)
def test_a_limit_that_cannot_be_read_is_told_before_anything_is_done(
    labelled: str, option: str, limits: str, told: str
) -> None:
    result = run("evaluate", labelled, option, limits)
    assert result.exit_code == 2
    assert f"{option} has {told}" in result.stderr
    assert result.stdout == ""


@given(st.dictionaries(st.sampled_from(UNDER), st.floats(0, 1)))
def test_limits_are_read_as_they_are_written(limits: dict[str, float]) -> None:
    text = ",".join(f"{name}={limit!r}" for name, limit in limits.items()) or None
    assert parse_limits(text and [text], UNDER, "--fail-under") == limits


@given(st.text())
def test_any_text_is_limits_or_refused(text: str) -> None:
    with suppress(SettingsError):
        assert set(parse_limits([text], OVER, "--fail-if")) <= set(OVER)
