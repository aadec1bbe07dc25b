"""What `nemo-trust demo` shows: on one screen, or every answer."""

from typing import TYPE_CHECKING

from nemoguardrails_trust.errors import counted
from nemoguardrails_trust.exchange.values import shortened

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from nemoguardrails_trust.guardrail.demo import Summary, Turn

_SUREST, _MISTAKES = 3, 2
_ROWS = 38  # of the whole screen and the prompt after it; with fewer, less is shown
_ANSWER_SHOWN = 16
_BESIDE_QUESTION = 52  # the other columns, and the space between

NEXT = (
    ("nemo-trust demo --all", "every answer"),
    ("nemo-trust check CONFIG", "whether the rail runs in your own bot"),
    ("nemo-trust score DATA --out OUT", "scores for answers in a file"),
)


def show_screen(console: "Console", played: "list[Turn]", summary: "Summary") -> None:
    """Shows the tell-tale answers, what became of all, one turn as its user sees it, and more."""
    from rich.markup import escape

    from nemoguardrails_trust.guardrail.demo import RECORDED_NOTE

    console.print(
        f"[bold]{counted(summary.turns, 'trivia question')}, asked of a real guardrails bot[/]"
    )
    console.print(RECORDED_NOTE)
    is_short = console.is_terminal and console.height < _ROWS
    answers = _telling_answers(played, _room(console), most=1 if is_short else _SUREST)
    outcomes = _outcomes(played, summary)
    answers.show_edge = outcomes.show_edge = not is_short  # blank lines above and below
    console.print(answers)
    console.print(outcomes)
    console.print(
        f"Of all answers {summary.accuracy_all:.0%} are right; of those kept "
        f"{percent(summary.accuracy_kept)}. {percent(summary.wrong_caught)} of the wrong ones were "
        f"flagged. A score took {summary.calls_per_score:g} calls to the model. "
        f"Time: {summary.seconds:.1f} s",
        highlight=False,
    )
    flagged = next((turn for turn in played if turn.flagged and not turn.correct), None)
    if flagged is not None and not is_short:
        console.print("\n[bold]What the bot's user sees[/]")
        console.print(f"[dim]>[/] {escape(flagged.question)}", highlight=False)
        console.print(escape(flagged.shown), highlight=False)
    console.print("\n[bold]What next[/]")
    for command, purpose in NEXT:
        console.print(f"  [cyan]{command:<32}[/] {purpose}", highlight=False)


def show_all(console: "Console", played: "list[Turn]", summary: "Summary") -> None:
    """Shows every answer, and what became of all."""
    table = _table("All answers")
    for turn in played:
        table.add_row(*_cells(turn, _room(console)))
    console.print(table)
    console.print(_outcomes(played, summary))


def _room(console: "Console") -> int:
    """Characters that a question may take."""
    return max(20, console.width - _BESIDE_QUESTION)


def _telling_answers(played: "list[Turn]", room: int, most: int) -> "Table":
    """The surest of either kind, and the mistakes: so many of each kind, each answer once."""
    scored = sorted(
        (turn for turn in played if turn.score is not None), key=lambda turn: turn.score or 0.0
    )
    kinds = {
        "surest": [turn for turn in reversed(scored) if turn.correct and not turn.flagged],
        "least sure": [turn for turn in scored if not turn.correct and turn.flagged],
        "missed": [turn for turn in reversed(scored) if not turn.correct and not turn.flagged],
        "false alarm": [turn for turn in scored if turn.correct and turn.flagged],
    }
    table = _table()
    table.add_column("", no_wrap=True)
    for kind, turns in kinds.items():
        for turn in turns[: most if "sure" in kind else min(most, _MISTAKES)]:
            table.add_row(*_cells(turn, room), kind)
    return table


def _table(title: str | None = None) -> "Table":
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, title=title, title_justify="left", pad_edge=False)
    for name in ("Score", "Question", "Answer", ""):
        table.add_column(name, no_wrap=True)
    return table


def _cells(turn: "Turn", room: int) -> tuple[str, str, str, str]:
    from rich.markup import escape

    score = "–" if turn.score is None else f"{turn.score:.2f}"
    return (
        f"[yellow]{score}[/]" if turn.flagged else score,
        escape(shortened(turn.question, room)),
        escape(shortened(turn.answer, _ANSWER_SHOWN)),
        "right" if turn.correct else "[red]wrong[/]",
    )


def _outcomes(played: "list[Turn]", summary: "Summary") -> "Table":
    """Kept and flagged against right and wrong."""
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("")
    for name in ("right", "wrong"):
        table.add_column(name, justify="right")
    table.add_column("")
    rows = (
        (f"kept ({summary.threshold:g} or more)", False, "wrong here: missed"),
        (f"flagged (below {summary.threshold:g})", True, "right here: false alarms"),
    )
    for name, flagged, meaning in rows:
        counts = [
            sum(turn.flagged is flagged and turn.correct is correct for turn in played)
            for correct in (True, False)
        ]
        table.add_row(name, *map(str, counts), f"[dim]{meaning}[/]")
    return table


def percent(share: float | None) -> str:
    """A share in percent, for people."""
    return "–" if share is None else f"{share:.0%}"
