"""`nemo-trust demo`."""

from typing import TYPE_CHECKING, Annotated

import typer

from nemoguardrails_trust.commands.options import JsonOption, user_errors
from nemoguardrails_trust.commands.output import LinesNowAndThen, is_quiet

if TYPE_CHECKING:
    from nemoguardrails_trust.guardrail.demo import Summary, Turn


def demo(
    turns: Annotated[
        int, typer.Option("--turns", min=1, max=500, help="How many questions are asked.")
    ] = 100,
    as_json: JsonOption = False,
) -> None:
    """Ask a real guardrails bot recorded trivia questions, and score every answer.

    Needs no key: the answers and samples are recorded ones of LLaMA-13B.
    """
    import asyncio

    with user_errors():
        played, summary = asyncio.run(_play(turns))
    if as_json:
        import dataclasses
        import json

        typer.echo(json.dumps(dataclasses.asdict(summary)))
    else:
        _show(played, summary)


async def _play(turns: int) -> "tuple[list[Turn], Summary]":
    import time

    from rich.console import Console
    from rich.progress import track

    from nemoguardrails_trust.guardrail.demo import play, summarize

    started = time.perf_counter()
    played: list[Turn] = []
    console = Console(stderr=True)
    lines = LinesNowAndThen()
    steps = iter(
        track(
            range(turns),
            description="Asking…",
            console=console,
            transient=True,
            disable=not console.is_terminal or is_quiet(),
        )
    )
    async for turn in play(turns):
        played.append(turn)
        next(steps)
        if not console.is_terminal:
            lines.say(f"{len(played)} of {turns} questions asked")
    next(steps, None)  # The bar ends when its iterator does.
    return played, summarize(played, started)


def _show(played: "list[Turn]", summary: "Summary") -> None:
    from rich.markup import escape
    from rich.table import Table

    from nemoguardrails_trust.commands.terminal import terminal
    from nemoguardrails_trust.guardrail.demo import RECORDED_NOTE

    console = terminal()
    table = Table("Question", "Answer", "Score", "Flagged", "Right", title="Trivia, scored")
    for turn in played:
        table.add_row(
            escape(_shortened(turn.question, 60)),
            escape(_shortened(turn.answer, 30)),
            "–" if turn.score is None else f"{turn.score:.2f}",
            "[yellow]flagged[/]" if turn.flagged else "",
            "right" if turn.correct else "[red]wrong[/]",
        )
    console.print(table)
    console.print(RECORDED_NOTE)
    console.print(f"Accuracy of all {summary.turns} answers: {summary.accuracy_all:.0%}")
    kept = summary.turns - summary.flagged
    console.print(f"Accuracy of the {kept} not flagged: {_share(summary.accuracy_kept)}")
    console.print(f"Wrong answers that were flagged: {_share(summary.wrong_caught)}")
    console.print(f"Time: {summary.seconds:.1f} s", highlight=False)


def _shortened(text: str, width: int) -> str:
    text = " ".join(text.split())
    return text if len(text) <= width else f"{text[: width - 1]}…"


def _share(share: float | None) -> str:
    return "–" if share is None else f"{share:.0%}"
