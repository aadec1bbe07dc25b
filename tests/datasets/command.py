"""Runs `nemo-trust score` alone, for tests that start it as a process."""

import typer

from nemoguardrails_trust.commands.score import score

app = typer.Typer(pretty_exceptions_enable=False)
app.command()(score)

if __name__ == "__main__":
    app()
