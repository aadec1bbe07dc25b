"""How the command's help is made of the docstrings of its commands."""

import pytest
from typer.main import get_command

from nemoguardrails_trust.cli import app

COMMANDS = get_command(app).commands  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_help_has_no_line_ends_within_its_paragraphs(name: str) -> None:
    paragraphs = COMMANDS[name].help.split("\n\n")
    assert paragraphs[0].endswith(".")
    assert not any("\n" in paragraph for paragraph in paragraphs)
