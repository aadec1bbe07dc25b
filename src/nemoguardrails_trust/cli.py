"""The command `nemo-trust`. Each command's work is imported when it runs."""

import inspect
import signal
from collections.abc import Callable

import typer

from nemoguardrails_trust.commands.calibrate import calibrate
from nemoguardrails_trust.commands.check import check, rail_path
from nemoguardrails_trust.commands.compare import compare
from nemoguardrails_trust.commands.demo import demo
from nemoguardrails_trust.commands.evaluate import evaluate
from nemoguardrails_trust.commands.help import CommandWithHeadings, Program
from nemoguardrails_trust.commands.init import examples, init
from nemoguardrails_trust.commands.langfuse import langfuse
from nemoguardrails_trust.commands.options import exit_codes, user_errors
from nemoguardrails_trust.commands.output import with_output_options
from nemoguardrails_trust.commands.pipes import with_pipes
from nemoguardrails_trust.commands.report import report
from nemoguardrails_trust.commands.schema import schema
from nemoguardrails_trust.commands.score import score
from nemoguardrails_trust.commands.serve import serve
from nemoguardrails_trust.commands.terminal import tell, use_plain_letters
from nemoguardrails_trust.commands.variables import defaults_for

app = typer.Typer(
    name="nemo-trust",
    cls=Program,
    help="Score how far a model's answers can be trusted: in files, bots and traces.",
    epilog=exit_codes("--fail-under", "--fail-if"),
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
_COMMANDS: dict[str, Callable[..., None]] = {
    "demo": demo,
    "check": check,
    "init": init,
    "rail-path": rail_path,
    "examples": examples,
    "score": score,
    "evaluate": evaluate,
    "calibrate": calibrate,
    "compare": compare,
    "report": report,
    "langfuse": langfuse,
    "serve": serve,
    "schema": schema,
}


def _flowing(text: str) -> str:
    """A docstring without the line ends within its paragraphs, which help would keep."""
    paragraphs = inspect.cleandoc(text).split("\n\n")
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)


for _name, _command in _COMMANDS.items():
    _piped = with_output_options(with_pipes(_name, _command))
    app.command(_name, cls=CommandWithHeadings, help=_flowing(_command.__doc__ or ""))(_piped)


def _show_version(wanted: bool) -> None:
    if wanted:
        from nemoguardrails_trust import __version__

        tell(f"nemo-trust {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    context: typer.Context,
    _version: bool = typer.Option(
        False, "--version", callback=_show_version, is_eager=True, help="Show the version."
    ),
) -> None:
    """Score how far a model's answers can be trusted: in files, bots and traces."""
    with user_errors():
        context.default_map = defaults_for(getattr(context.command, "commands", {}))


def main() -> None:
    """Runs the command. What ends it from outside (SIGTERM) does so as Ctrl-C does."""
    use_plain_letters()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    app()


if __name__ == "__main__":
    main()
