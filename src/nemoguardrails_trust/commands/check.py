"""`nemo-trust check` and `nemo-trust rail-path`."""

import dataclasses
from pathlib import Path
from typing import Annotated

import typer

from nemoguardrails_trust.commands.help import argument, parameter
from nemoguardrails_trust.commands.options import EXIT_INCOMPLETE, JsonOption, user_errors
from nemoguardrails_trust.commands.terminal import tell, tell_json, terminal

_MARKS = {"fact": "[green]✓[/]", "note": "[yellow]![/]", "problem": "[red]✗[/]"}


@user_errors()
def check(
    config: Annotated[str, argument("CONFIG", "The configuration's folder.")],
    ask: bool = parameter(
        "--ask", "Also ask the bot one question, and score its answer.", default=False
    ),
    question: str | None = parameter(
        "--question TEXT", "The question for --ask. Default: the capital of France."
    ),
    as_json: JsonOption = False,
) -> None:
    """Say what a configuration's rail will do, and what to fix.

    Loads the configuration as NeMo Guardrails would. The exit code is 1 if there is a problem;
    with --ask, also if the key is refused, the server is down, the model is unknown or the judge's
    reply cannot be read.
    """
    if question is not None and not ask:
        raise typer.BadParameter("only with --ask", param_hint="--question")

    from nemoguardrails_trust.guardrail.doctor import check_configuration

    findings = check_configuration(config, ask=ask, question=question)
    healthy = all(finding.level != "problem" for finding in findings)
    if as_json:
        listed = [dataclasses.asdict(finding) for finding in findings]
        tell_json({"ok": healthy, "findings": listed})
    else:
        from rich.markup import escape

        console = terminal(soft_wrap=True)
        arrow = "→" if console.encoding.startswith("utf") else "->"
        for finding in findings:
            console.print(f"{_MARKS[finding.level]} {escape(finding.text)}")
            if finding.mend:
                console.print(f"  {arrow} {escape(finding.mend)}")
        console.print("The rail will run." if healthy else "The rail will not run as meant.")
    if not healthy:
        raise typer.Exit(EXIT_INCOMPLETE)


def rail_path() -> None:
    """Print the path of the rail's folder, for import_paths."""
    import nemoguardrails_trust

    tell(Path(nemoguardrails_trust.__file__).parent / "rail")
