"""How far `nemo-trust score` has come, on stderr."""

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Self

from nemoguardrails_trust.commands.output import LinesNowAndThen, is_quiet, say

if TYPE_CHECKING:
    from rich.progress import Progress as Bar
    from rich.progress import TaskID

    from nemoguardrails_trust.datasets.tally import Prices, Progress

_BAR_WIDTH = 12


class ProgressDisplay:
    """A bar where there is a terminal, else a line now and then.

    Args:
        prices: What tokens cost, where the user said so.
        guessed: Whether the total is guessed from how far the data has been read.
        quiet: Show nothing.
    """

    def __init__(
        self, prices: "Prices | None", *, guessed: bool = False, quiet: bool = False
    ) -> None:
        self._prices = prices
        self._guessed = guessed
        self._most = 0
        self._quiet = quiet or is_quiet()
        self._bar: Bar | None = None
        self._task: TaskID | None = None
        self._lines = LinesNowAndThen()
        self.last: Progress | None = None

    def __enter__(self) -> Self:
        from rich.console import Console

        console = Console(stderr=True)
        if console.is_terminal and not self._quiet:
            from rich.progress import BarColumn, Progress, TextColumn

            self._bar = Progress(
                BarColumn(bar_width=_BAR_WIDTH), TextColumn("{task.description}"), console=console
            )
            self._task = self._bar.add_task("starting", total=None)
            self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def update(self, progress: "Progress") -> None:
        """Shows how far a run has come."""
        self.last = progress
        steady = self._steady(progress)
        told = describe(steady, self._prices, about=steady is not progress)
        if self._bar is not None and self._task is not None:
            room = self._bar.console.width - _BAR_WIDTH - 2
            while len(told) > room and " · " in told:
                told = told.rpartition(" · ")[0]
            self._bar.update(
                self._task, description=told, completed=steady.tally.rows, total=steady.total
            )
        elif not self._quiet:
            self._lines.say(told)

    def _steady(self, progress: "Progress") -> "Progress":
        """With a guessed total in round numbers, which never goes down; else as it is."""
        rows, total = progress.tally.rows, progress.total
        if not self._guessed or total is None or total == rows:
            return progress
        self._most = max(self._most, total)
        return replace(progress, total=max(rows, _round_number(self._most)))

    def say(self, text: str) -> None:
        """Shows a message above the bar."""
        if self._bar is not None:
            self._bar.console.print(text, markup=False, highlight=False)
        else:
            say(text)


def describe(progress: "Progress", prices: "Prices | None", *, about: bool = False) -> str:
    """How far a run has come, in a line that begins with what matters most.

    Args:
        progress: How far.
        prices: What tokens cost, where the user said so.
        about: Whether the total is only known about.
    """
    tally = progress.tally
    total = "" if progress.total is None else f"{progress.total:,}"
    of_total = total and f" of {'about ' if about else ''}{total}"
    parts = [f"{tally.rows:,}{of_total} rows"]
    if progress.seconds_left is not None:
        parts.append(f"{duration(progress.seconds_left)} left")
    parts.append(_pace(progress.rate))
    if tally.scored:
        parts.append(f"{tally.flagged / tally.scored:.1%} flagged")
    parts.append(f"{tally.errors:,} errors")
    if prices is not None:
        parts.append(f"cost {money(prices.cost(tally))}")
    parts.append(cost_of(tally.prompt_tokens, tally.completion_tokens))
    return " · ".join(parts)


def _round_number(number: int) -> int:
    """The number with no more than two digits that are not 0."""
    return round(number, 2 - len(str(number))) if number >= 100 else number


def _pace(rate: float) -> str:
    """Rows a second, or a minute where it is less than one."""
    return f"{60 * rate:.0f}/min" if 0 < rate < 1 else f"{rate:,.0f}/s"


def cost_of(prompt_tokens: int, completion_tokens: int) -> str:
    """The tokens of a run, for people."""
    return f"{prompt_tokens:,} + {completion_tokens:,} tokens"


def money(cost: float) -> str:
    """A cost for people: in hundredths, or as fine as it takes to show two digits."""
    if cost <= 0.0 or cost >= 0.1:
        return f"{cost:,.2f}"
    return f"{cost:.{1 - math.floor(math.log10(cost))}f}"


def duration(seconds: float) -> str:
    """A time as h:mm:ss, or m:ss below an hour."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
