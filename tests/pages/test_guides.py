"""Command lines and Python of every page, and what they print where a page says it."""

import re
import shlex
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from nemoguardrails_trust.cli import app
from nemoguardrails_trust.commands.options import exit_codes
from nemoguardrails_trust.tlm.options import TLMOptions
from tests.pages import model as pages_model
from tests.pages.blocks import PAGES, ROOT, block_with, blocks_of
from tests.pages.commands import COMMANDS, lines_of, options_of, parse, spans_of
from tests.pages.walk import is_shown
from tests.servers.openai import Answer
from tests.tlm.scene import KEY, Body, is_answering, is_judging, serving, text_of

RUNNER = CliRunner(env={"NO_COLOR": "1", "COLUMNS": "100"})
NAME = re.compile(r"(?<![\w./*-])([\w./-]+\.(?:co|csv|html|ini|jsonl?|parquet|py|xlsx|ya?ml))\b")
MADE = re.compile(r"(?:--(?:out|position|scored) |out=|> |cp \S+ |to_csv\(|open\()[\"']?$")


@pytest.mark.parametrize("page", PAGES)
def test_every_command_on_a_page_is_taken_by_the_real_one(page: str) -> None:
    for place, words in lines_of(page):
        try:
            parse(words)
        except Exception as error:
            raise AssertionError(f"{place}: nemo-trust {shlex.join(words)}: {error}") from error
    for words in spans_of(page):
        name, *rest = words
        if name.startswith("-") or name.isupper():
            continue
        assert name in COMMANDS, words
        given = {word.partition("=")[0] for word in rest if word.startswith("-") and word != "-"}
        assert given <= options_of(name), words


@pytest.mark.parametrize("page", PAGES)
def test_every_file_that_a_page_uses_is_made_by_the_page(page: str) -> None:
    made: set[str] = set()
    for block in blocks_of(page, "bash", "console", "python", "yaml", "colang", "ini"):
        if block.file is not None:
            made |= {block.file, Path(block.file).name}
        code = "\n".join(block.commands) if block.language == "console" else block.text
        for found in NAME.finditer(re.sub(r"https?://\S+|#.*", "", code)):
            if MADE.search(code[: code.find(found[1])]):
                made.add(found[1])
        made |= {"examples"} if "nemo-trust examples examples" in code else set()
        used = set(NAME.findall(re.sub(r"https?://\S+|#.*", "", code)))
        missing = {name for name in used if name.split("/")[0] not in made and name not in made}
        assert not missing, f"{block.place}: {sorted(missing)}"


@pytest.fixture
def answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder with the `answers.jsonl` that pages copy out of the examples."""
    shutil.copy(ROOT / "examples" / "trivia" / "recorded.jsonl", tmp_path / "answers.jsonl")
    monkeypatch.chdir(tmp_path)


def scored() -> None:
    arguments = "score answers.jsonl --out results.jsonl --model replay -q"
    assert RUNNER.invoke(app, shlex.split(arguments)).exit_code == 0


@pytest.mark.usefixtures("answers")
@pytest.mark.parametrize(
    ("page", "codes"),
    [
        ("docs/calibration.md", [0, 0, 0]),
        ("docs/ci.md", [3, 3]),
        ("docs/report.md", [0]),
    ],
)
def test_commands_print_what_the_page_says(page: str, codes: list[int]) -> None:
    if page == "docs/report.md":
        scored()
    for block, code in zip(blocks_of(page, "console"), codes, strict=True):
        for command in block.commands:
            program, *arguments = shlex.split(command)
            assert program == "nemo-trust"
            result = RUNNER.invoke(app, arguments)
            assert result.exit_code == code, result.output
        assert is_shown(block.output, result.output), result.output


@pytest.mark.usefixtures("answers")
def test_the_action_runs_the_gate() -> None:
    steps = yaml.safe_load(block_with("docs/ci.md", "yaml", "jobs").text)["jobs"]["trust"]["steps"]
    (command,) = [step["run"] for step in steps if "nemo-trust" in step.get("run", "")]
    program, *arguments = shlex.split(command)
    recorded = ["replay" if part == "gpt-4o-mini" else part for part in arguments]
    assert program == "nemo-trust"
    assert RUNNER.invoke(app, recorded).exit_code == 0
    assert RUNNER.invoke(app, [*recorded, "--fail-if", "flagged=0.5"]).exit_code == 3


def run_python(page: str, names: dict[str, Any]) -> dict[str, Any]:
    """Runs the Python of a page from top to bottom."""
    for block in blocks_of(page, "python"):
        code = "\n" * (block.line - 1) + block.text
        exec(compile(code, page, "exec"), names)
    return names


def of_passages(body: Body) -> Answer:
    text = text_of(body)
    if is_answering(body):
        return "30 days." if "jacket" in text else "Within the EU."
    wrong = "90 days" in text and (is_judging(body) or "Every factual claim" in text)
    return "False" if wrong else "True" if "Judge" in text else "30 days."


def test_answers_from_passages_are_scored_as_the_page_says(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with serving(of_passages) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
        monkeypatch.setenv("OPENAI_API_KEY", KEY)
        names = run_python("docs/rag.md", {})
        assert names["scores"]["response_groundedness"]["score"] < 0.1
        assert names["scores"]["response_helpfulness"]["score"] > 0.9
        assert names["scores"]["trustworthiness"]["score"] < 0.5
        answered = [output["response"] for output in names["outputs"]]
        assert answered == ["30 days.", "Within the EU."]
        scores = names["rag"].score(query="Hello?", context="", response="Hello!")
    assert scores["politeness"]["score"] > 0.9


def test_a_score_is_made_in_python_as_the_page_says(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with serving(pages_model.model) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
        monkeypatch.setenv("OPENAI_API_KEY", KEY)
        run_python("docs/scoring.md", {})
    score, alternatives, calls = capsys.readouterr().out.split()
    assert float(score) > 0.6
    assert (alternatives, calls) == ("()", "2")


@pytest.mark.usefixtures("answers")
def test_the_report_is_made_in_python_as_the_page_says(capsys: pytest.CaptureFixture[str]) -> None:
    scored()
    run_python("docs/report.md", {})
    assert re.fullmatch(r"\d+ of 500 answers are flagged\n", capsys.readouterr().out)
    assert Path("report.html").is_file()


@pytest.mark.usefixtures("answers")
def test_a_scorer_of_your_own_is_found_by_commands_and_from_python(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    first, *others = blocks_of("docs/own-scorer.md", "python")
    assert first.file is not None
    Path(first.file).write_text(first.text, "utf-8")
    (block,) = blocks_of("docs/own-scorer.md", "bash")
    for command in block.commands:
        result = RUNNER.invoke(app, shlex.split(command)[1:])
        assert result.exit_code == 0, result.output
    monkeypatch.syspath_prepend(Path.cwd())
    for other in others:
        exec(compile(other.text, other.place, "exec"), {})
    assert capsys.readouterr().out == "0.9\n"


def of_a_bank(body: Body) -> Any:
    if is_judging(body):
        return "False 95"
    arguments = '{"to": "Ada Byron", "amount": 200}'
    function = {"name": "transfer", "arguments": arguments}
    return {"content": None, "tool_calls": [{"id": "1", "type": "function", "function": function}]}


def test_a_call_of_a_tool_is_held_back_as_the_page_says(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with serving(of_a_bank) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
        monkeypatch.setenv("OPENAI_API_KEY", KEY)
        names = run_python("docs/agents.md", {})
        names["client"].close()
    assert names["score"]["trustworthiness_score"] < 0.6
    assert capsys.readouterr().out == "Ask the user before this is carried out.\n"
    (text,) = blocks_of("docs/agents.md", "text")
    assert text.text.strip() in (ROOT / "examples" / "agent" / "README.md").read_text("utf-8")


def test_the_exit_codes_are_those_of_the_commands() -> None:
    text = (ROOT / "docs" / "reference.md").read_text("utf-8")
    told = re.findall(r"^\| (\d+) \|", text, re.MULTILINE)
    assert told == re.findall(r"\b(\d+) [a-z]", exit_codes("--fail-under"))


def test_the_options_of_the_page_on_python_are_all_there_are() -> None:
    text = (ROOT / "docs" / "quickstart.md").read_text("utf-8")
    section = text.split("## Options")[1].split("\n## ")[0]
    assert re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE) == list(TLMOptions.model_fields)
