"""Terminals that know no more letters than ASCII or cp1252."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.commands.running import COMMANDS

PROMPT = (
    "Où est la « Tour de l’Horloge » – celle qui ne sonne plus depuis des années, et pourquoi ?"
)


def run(encoding: str, *arguments: object) -> tuple[int, str, str]:
    """Exit code and output of the command on a terminal with an encoding."""
    done = subprocess.run(
        [sys.executable, "-m", "nemoguardrails_trust", *map(str, arguments)],
        env={**os.environ, "PYTHONIOENCODING": encoding, "PYTHONUTF8": "0", "COLUMNS": "80"},
        capture_output=True,
        check=False,
    )
    return done.returncode, done.stdout.decode(encoding), done.stderr.decode(encoding)


@pytest.fixture
def results(tmp_path: Path) -> Path:
    rows = [
        {"prompt": PROMPT, "response": "Ici…", "trustworthiness_score": score, "correct": correct}
        for score, correct in ((0.9, 1), (0.2, 0))
    ]
    path = tmp_path / "results.jsonl"
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), "utf-8")
    return path


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_tables_and_remarks_are_shown(results: Path, encoding: str) -> None:
    later = results.with_name("later.jsonl")
    later.write_text(results.read_text("utf-8").replace("0.9", "0.7"), "utf-8")
    code, shown, _ = run(encoding, "compare", results, later)
    assert code == 0
    assert "Largest changes" in shown
    assert max(map(len, shown.splitlines())) <= 80
    code, shown, told = run(encoding, "evaluate", results)
    assert (code, told) == (0, "")
    assert "AUROC" in shown


def test_what_ascii_lacks_is_shown_in_plain_letters(results: Path) -> None:
    later = results.with_name("later.jsonl")
    later.write_text(results.read_text("utf-8").replace("0.9", "0.7"), "utf-8")
    _, shown, _ = run("ascii", "compare", results, later)
    assert "| 0.900 | 0.700 | the same  | O? est la ? Tour de l'Horloge ? - c" in shown
    assert shown.rstrip().splitlines()[-2].endswith("~ |")


def test_results_and_remarks_in_one_line_are_plain_as_well(tmp_path: Path) -> None:
    data, out = tmp_path / "données.jsonl", tmp_path / "out.jsonl"
    data.write_text(json.dumps({"prompt": "?", "response": "!", "samples": ["!"] * 5}), "utf-8")
    code, _, told = run("ascii", "score", data, "--out", out, "--model", "replay")
    assert code == 0
    assert "missing in 1 of 1 rows: 1 x no judgement" in told
    _, shown, _ = run("ascii", "report", out, "--out", tmp_path / "donn\u00e9es.html")
    assert "donn?es.html: 1 answer," in shown


def test_markup_is_shown_as_it_stands(tmp_path: Path) -> None:
    marked = "[red] :100: [/] [unverified] text"
    lines = []
    for number, score in enumerate((0.1, 0.2, 0.8, 0.9) * 6):
        row = {"prompt": f"{marked} {number}?", "response": "a", "trustworthiness_score": score}
        lines.append(f"{json.dumps({**row, 'correct': score > 0.5})}\n")
    path, later = tmp_path / "[bold] :100:.jsonl", tmp_path / "[later] :100:.jsonl"
    path.write_text("".join(lines), "utf-8")
    later.write_text("".join(lines).replace("0.9", "0.7"), "utf-8")
    _, shown, _ = run("utf-8", "evaluate", path)
    assert f"Scores of {path.name}" in shown
    _, shown, _ = run("utf-8", "compare", path, later)
    assert f"{path.name} and {later.name}:" in shown
    assert marked in shown
    made = tmp_path / "[made] :100:.json"
    code, shown, told = run("utf-8", "calibrate", path, "--out", made)
    assert (code, told) == (0, "")
    assert f"Written to {made}." in " ".join(shown.split())


@pytest.mark.parametrize("name", COMMANDS)
def test_help_is_shown_where_there_is_only_ascii(name: str) -> None:
    code, shown, told = run("ascii", name, "--help")
    assert (code, told) == (0, "")
    assert "--log-level" in shown


@pytest.mark.parametrize("arguments", [("scöre",), ("--scöre",), ("score", "x", "--scöre")])
def test_errors_about_options_are_shown_where_there_is_only_ascii(
    arguments: tuple[str, ...],
) -> None:
    code, _, told = run("ascii", *arguments)
    assert code == 2
    assert "sc?re" in told
