"""`nemo-trust score` alone, in tests that call it, and as a process of its own."""

import sys

import typer

from nemoguardrails_trust.cli import main
from nemoguardrails_trust.commands.score import score

app = typer.Typer(pretty_exceptions_enable=False)
app.command()(score)

if __name__ == "__main__":
    sys.argv.insert(1, "score")
    main()
