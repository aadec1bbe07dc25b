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
    show_every: Annotated[bool, typer.Option("--all", help="Show every answer.")] = False,
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
        from nemoguardrails_trust.commands.demo_screen import show_all, show_screen
        from nemoguardrails_trust.commands.terminal import terminal

        (show_all if show_every else show_screen)(terminal(), played, summary)


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
