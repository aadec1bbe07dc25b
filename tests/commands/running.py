"""The program, run by tests."""

import typer
from typer.testing import CliRunner, Result

from nemoguardrails_trust.cli import app

COMMANDS = sorted(typer.main.get_command(app).commands)  # type: ignore[attr-defined]


def run(*arguments: object) -> Result:
    """What becomes of the program with these arguments."""
    return CliRunner().invoke(app, [str(argument) for argument in arguments])
