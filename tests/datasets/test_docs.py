"""The examples of docs/datasets.md work as they stand there."""

import re
import shlex
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.datasets.command import app

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "datasets.md").read_text("utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copy(ROOT / "tests" / "data" / "triviaqa-llama13b.jsonl", tmp_path / "answers.jsonl")
    monkeypatch.chdir(tmp_path)


def test_the_commands_print_what_the_page_says() -> None:
    sessions = [text for language, text in BLOCKS if language == "console"]
    assert len(sessions) == 3
    for session in sessions:
        command, _, expected = session.partition("\n")
        program, name, *arguments = shlex.split(command.removeprefix("$ "))
        assert (program, name) == ("nemo-trust", "score")
        result = CliRunner().invoke(app, arguments)
        pattern = ".*".join(re.escape(part) for part in expected.split("…"))
        assert re.fullmatch(pattern, result.output, re.DOTALL), result.output


def test_the_python_runs_from_top_to_bottom() -> None:
    names: dict[str, object] = {}
    code = [text for language, text in BLOCKS if language == "python"]
    assert len(code) == 5
    for block in code:
        exec(compile(block, "docs/datasets.md", "exec"), names)
