"""`nemo-trust demo`."""

import dataclasses
import time
from typing import TYPE_CHECKING

from nemoguardrails_trust.commands.help import parameter
from nemoguardrails_trust.commands.options import JsonOption, ScorerOptions, user_errors
from nemoguardrails_trust.commands.output import LinesNowAndThen, is_quiet
from nemoguardrails_trust.commands.terminal import tell_json, terminal
from nemoguardrails_trust.errors import SettingsError, counted

if TYPE_CHECKING:
    from nemoguardrails_trust.guardrail.demo import Summary, Turn


@user_errors()
def demo(
    turns: int = parameter("--turns N", "How many questions to ask.", min=1, max=500, default=100),
    show_every: bool = parameter("--all", "Show every answer.", default=False),
    model: str | None = parameter(
        "--model NAME",
        "Ask this model instead, on an OpenAI-compatible server (key in OPENAI_API_KEY). Its "
        "answers are labelled by reference answers.",
    ),
    base_url: str | None = parameter(
        "--base-url URL", "The server of --model. Default: OPENAI_BASE_URL, or OpenAI."
    ),
    quality: str | None = parameter(
        "--quality PRESET",
        "With --model, how many model calls a score may take: base, low, medium (the "
        "default), high or best.",
    ),
    as_json: JsonOption = False,
) -> None:
    """Try the rail on trivia questions; needs no model and no key.

    A real guardrails bot is asked, and every answer is scored. The answers and samples were
    recorded from LLaMA-13B; with --model, your own model answers the same questions.
    """
    import asyncio

    if model is not None:
        from nemoguardrails_trust.commands.live import live_demo

        asked = ScorerOptions(model, base_url, quality=quality)
        live_demo(asked, turns, show_every=show_every, as_json=as_json)
        return
    if base_url is not None or quality is not None:
        given = "--quality" if base_url is None else "--base-url"
        raise SettingsError(f"{given} needs --model", key="model")
    played, summary = asyncio.run(_play(turns))
    if as_json:
        tell_json(dataclasses.asdict(summary))
    else:
        from nemoguardrails_trust.commands.demo_screen import show_all, show_screen

        (show_all if show_every else show_screen)(terminal(), played, summary)


async def _play(turns: int) -> "tuple[list[Turn], Summary]":
    from rich.console import Console
    from rich.progress import Progress

    from nemoguardrails_trust.guardrail.demo import play, summarize

    started = time.perf_counter()
    played: list[Turn] = []
    console = Console(stderr=True)
    lines = LinesNowAndThen()
    hidden = not console.is_terminal or is_quiet()
    with Progress(console=console, transient=True, disable=hidden) as bar:
        task = bar.add_task("Asking…", total=turns)
        async for turn in play(turns):
            played.append(turn)
            bar.advance(task)
            if not console.is_terminal:
                lines.say(f"{len(played)} of {counted(turns, 'question')} asked")
    return played, summarize(played, started)
