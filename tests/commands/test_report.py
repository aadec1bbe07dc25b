import json
import re
import shlex
import subprocess
import sys
from contextlib import chdir
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from nemoguardrails_trust.commands.report import report
from tests.report.samples import SIMPLEQA, embedded, results


@pytest.fixture
def app() -> typer.Typer:
    app = typer.Typer()
    app.command()(report)
    return app


@pytest.fixture
def data(tmp_path: Path) -> Path:
    path = tmp_path / "results.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in results(40)), "utf-8")
    return path


def test_one_line_says_what_was_made(app: typer.Typer, tmp_path: Path) -> None:
    out = tmp_path / "report.html"
    done = CliRunner().invoke(app, [str(SIMPLEQA), "--out", str(out)])
    assert done.exit_code == 0
    assert done.output == f"{out}: 4,326 answers, 1,527 below 0.6 (0.2 MB)\n"
    assert out.read_text("utf-8").startswith("<!doctype html>")


def test_options_reach_the_page(app: typer.Typer, data: Path, tmp_path: Path) -> None:
    out = tmp_path / "report.html"
    options = ["--threshold", "0.75", "--title", "Week 32", "--label-column", "correct"]
    done = CliRunner().invoke(app, [str(data), "--out", str(out), *options])
    assert done.exit_code == 0, done.output
    assert ", 4 without a score" in done.output
    page = out.read_text("utf-8")
    assert "<title>Week 32</title>" in page
    assert embedded(page)["threshold"] == 0.75


def test_other_columns_are_read_when_named(app: typer.Typer, tmp_path: Path) -> None:
    path, out = tmp_path / "results.csv", tmp_path / "report.html"
    path.write_text("question,answer,trust,ok\nWhat?,That.,0.5,yes\n")
    names = [("prompt", "question"), ("response", "answer"), ("score", "trust"), ("label", "ok")]
    options = [part for kind, name in names for part in (f"--{kind}-column", name)]
    done = CliRunner().invoke(app, [str(path), "--out", str(out), *options])
    assert done.exit_code == 0, done.output
    (answer,) = embedded(out.read_text("utf-8"))["answers"]
    assert (answer["prompt"], answer["response"]) == ("What?", "That.")
    assert (answer["score"], answer["label"]) == (0.5, 1)


def test_an_encoding_that_is_named_is_that_of_the_results_and_of_those_before(
    app: typer.Typer, tmp_path: Path
) -> None:
    path, out = tmp_path / "results.csv", tmp_path / "report.html"
    text = "prompt,response,trustworthiness_score\nWelcher Käse?,Brie,0.5\n"
    path.write_text(text, encoding="cp850")
    options = ["--encoding", "cp850", "--against", str(path), "--out", str(out)]
    done = CliRunner().invoke(app, [str(path), *options])
    assert done.exit_code == 0, done.output
    (answer,) = embedded(out.read_text("utf-8"))["answers"]
    assert answer["prompt"] == "Welcher Käse?"
    refused = CliRunner().invoke(app, [str(path), "--encoding", "latin-99", "--out", str(out)])
    assert refused.exit_code == 2
    assert "no encoding 'latin-99'" in refused.output


def test_columns_with_usual_names_are_read_unnamed(app: typer.Typer, tmp_path: Path) -> None:
    path, out = tmp_path / "results.csv", tmp_path / "report.html"
    path.write_text("Question,answer,trustworthiness_score\nWhat?,That.,0.5\n")
    done = CliRunner().invoke(app, [str(path), "--out", str(out)])
    assert done.exit_code == 0, done.output
    (answer,) = embedded(out.read_text("utf-8"))["answers"]
    assert (answer["prompt"], answer["response"]) == ("What?", "That.")


def test_of_two_columns_that_may_be_meant_one_must_be_named(
    app: typer.Typer, tmp_path: Path
) -> None:
    path, out = tmp_path / "results.csv", tmp_path / "report.html"
    path.write_text("question,query,trustworthiness_score\nWhat?,what,0.5\n")
    done = CliRunner().invoke(app, [str(path), "--out", str(out)])
    assert done.exit_code == 2
    assert "'question' and 'query' may both be meant" in done.output
    assert not out.exists()


@pytest.mark.parametrize("out", [".", "folder"])
def test_a_folder_is_no_page_to_write(app: typer.Typer, data: Path, out: str) -> None:
    (data.parent / "folder").mkdir()
    with chdir(data.parent):
        done = CliRunner().invoke(app, [str(data), "--out", out])
    assert done.exit_code == 2
    assert done.output == f"nemo-trust: {out}: is a folder, not a file to write\n"


def test_a_threshold_out_of_range_is_told_by_its_option(app: typer.Typer, data: Path) -> None:
    done = CliRunner().invoke(app, [str(data), "--threshold", "7"])
    assert done.exit_code == 2
    assert done.output == "nemo-trust: --threshold is 7.0; it must be from 0 to 1\n"


def test_prices_of_a_file_are_those_of_the_run_s_model(
    app: typer.Typer, data: Path, tmp_path: Path
) -> None:
    prices, out = tmp_path / "prices.yaml", tmp_path / "report.html"
    prices.write_text("judge-1: {prompt: 1000, completion: 0}\n")
    arguments = [str(data), "--out", str(out), "--prices", str(prices)]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 2
    assert "--prices needs results.jsonl.run.json" in done.output
    record = data.with_name("results.jsonl.run.json")
    settings = {"scorer": "local", "quality": "medium", "model": "judge-1"}
    record.write_text(json.dumps({"settings": settings}))
    assert CliRunner().invoke(app, arguments).exit_code == 0
    read = sum(row["usage_prompt_tokens"] for row in results(40))
    assert f"<dt>Cost at your prices</dt><dd>{read / 1000:.2f}</dd>" in out.read_text("utf-8")
    both = CliRunner().invoke(app, [*arguments, "--price-per-million-prompt-tokens", "1"])
    assert "give either --prices or --price-per-million-…, not both" in both.output
    record.write_text(json.dumps({"settings": settings | {"model": "judge-2"}}))
    assert "has no price for 'judge-2'" in CliRunner().invoke(app, arguments).output


def test_a_program_reads_json(app: typer.Typer, data: Path, tmp_path: Path) -> None:
    out = tmp_path / "report.html"
    done = CliRunner().invoke(app, [str(data), "--out", str(out), "--json"])
    told = json.loads(done.output)
    assert told["path"] == str(out)
    assert told["bytes"] == out.stat().st_size
    assert {"threshold": 0.6, "rows": 40, "scored": 36, "labelled": 36}.items() <= told.items()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (None, "cannot be read: No such file or directory"),
        ("", "the file is empty"),
        ("prompt,response\na,b\n", "there is no column 'trustworthiness_score'"),
        ("trustworthiness_score\nhigh\n", "it must be a number from 0 to 1"),
    ],
)
def test_an_error_is_one_line_and_no_page(
    app: typer.Typer, tmp_path: Path, text: str | None, told: str
) -> None:
    path, out = tmp_path / "results.csv", tmp_path / "report.html"
    if text is not None:
        path.write_text(text)
    done = CliRunner().invoke(app, [str(path), "--out", str(out)])
    assert done.exit_code == 2
    assert told in done.output
    assert done.output.count("\n") == 1
    assert not out.exists()


def test_rows_that_cannot_be_read_are_told_on_stderr(
    app: typer.Typer, data: Path, tmp_path: Path
) -> None:
    with data.open("a", encoding="utf-8") as file:
        file.write("{torn\n")
    done = CliRunner().invoke(app, [str(data), "--out", str(tmp_path / "report.html")])
    assert done.exit_code == 0
    assert f"1 row cannot be read in full: {data}:41: the row is not a JSON" in done.stderr


def test_a_threshold_out_of_range_is_refused(app: typer.Typer, data: Path, tmp_path: Path) -> None:
    out = tmp_path / "report.html"
    done = CliRunner().invoke(app, [str(data), "--out", str(out), "--threshold", "7"])
    assert done.exit_code == 2
    assert "threshold is 7.0; it must be from 0 to 1" in done.output


def test_the_command_loads_nothing_heavy_before_it_runs() -> None:
    code = (
        "import sys, nemoguardrails_trust.commands.report;"
        "print([m for m in ('numpy', 'jinja2', 'pydantic', 'pyarrow') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_what_the_manual_shows_can_be_typed(
    app: typer.Typer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it prints is held to the page in `tests/pages`."""
    manual = Path(__file__).parents[2].joinpath("docs", "report.md").read_text("utf-8")
    (tmp_path / "results.jsonl").write_bytes(SIMPLEQA.read_bytes())
    monkeypatch.chdir(tmp_path)
    commands = re.findall(r"^(?:\$ )?nemo-trust report (.*)$", manual, re.MULTILINE)
    assert len(commands) == 3
    for command in commands:
        done = CliRunner().invoke(app, shlex.split(command))
        assert done.exit_code == 0, done.output
