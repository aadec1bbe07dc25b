"""The commands of docs/calibration.md and docs/ci.md print what the pages say."""

import re
import shlex
import shutil
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from nemoguardrails_trust.cli import app

ROOT = Path(__file__).parents[2]
RUNNER = CliRunner(env={"NO_COLOR": "1", "COLUMNS": "100"})


def blocks(page: str, language: str) -> list[str]:
    text = (ROOT / "docs" / page).read_text("utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copy(ROOT / "tests" / "data" / "triviaqa-llama13b.jsonl", tmp_path / "answers.jsonl")
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(("page", "codes"), [("calibration.md", [0, 0, 0]), ("ci.md", [3, 3])])
def test_commands_print_what_the_page_says(page: str, codes: list[int]) -> None:
    for session, code in zip(blocks(page, "console"), codes, strict=True):
        command, _, expected = session.partition("\n")
        program, *arguments = shlex.split(command.removeprefix("$ "))
        assert program == "nemo-trust"
        result = RUNNER.invoke(app, arguments)
        assert result.exit_code == code, result.output
        pattern = ".*".join(re.escape(part) for part in expected.split("…"))
        assert re.fullmatch(pattern, result.output, re.DOTALL), result.output


def test_the_action_runs_the_gate() -> None:
    (text,) = blocks("ci.md", "yaml")
    steps = yaml.safe_load(text)["jobs"]["trust"]["steps"]
    (command,) = [step["run"] for step in steps if "nemo-trust" in step.get("run", "")]
    program, *arguments = shlex.split(command)
    recorded = ["replay" if part == "gpt-4o-mini" else part for part in arguments]
    assert program == "nemo-trust"
    assert RUNNER.invoke(app, recorded).exit_code == 0
    assert RUNNER.invoke(app, [*recorded, "--fail-if", "flagged=0.5"]).exit_code == 3
