"""What scoring a data set would take, told from some of its rows."""

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass
from statistics import fmean, linear_regression

from nemoguardrails_trust.concurrency.loops import run_interruptibly
from nemoguardrails_trust.concurrency.pool import run_pool
from nemoguardrails_trust.datasets.columns import Columns
from nemoguardrails_trust.datasets.row_scorers import RowScorer
from nemoguardrails_trust.datasets.rows import Row
from nemoguardrails_trust.datasets.source import Source
from nemoguardrails_trust.datasets.tally import Tally
from nemoguardrails_trust.scores import Usage

SAMPLE = 20
_POOL = 20 * SAMPLE  # rows of which the sample is drawn, evenly by their length
_Sampled = tuple[int, Usage]  # the length of a row, and what it took


@dataclass(frozen=True, slots=True)
class Estimate:
    """What scoring a data set would take.

    Attributes:
        whole: All rows, with the calls and the tokens that they would take.
        sampled: The rows that were scored to tell, and what they took.
        seconds: How long it would take, at the pace of the sampled rows.
    """

    whole: Tally
    sampled: Tally
    seconds: float


def estimate(
    source: Source,
    columns: Columns,
    scorer: RowScorer,
    *,
    concurrency: int,
    threshold: float,
    least_seconds: Callable[[Tally], float] = lambda _: 0.0,
) -> Estimate:
    """Scores some rows, drawn from the whole data set, and tells what all would take.

    Tokens grow with the length of what is read, as the sampled rows show it. The scorer is closed
    in the end.

    Args:
        source: The rows.
        columns: Which of their columns are read.
        scorer: Scores the sampled rows.
        concurrency: Rows in flight at a time.
        threshold: Scores below it are counted as flagged.
        least_seconds: The time that a rate limit makes a tally take at least.

    Raises:
        DataError: The data cannot be read.
        SetupError: No row can be scored.
        KeyboardInterrupt: It was interrupted.
    """
    rows, characters, drawn = _drawn(source, columns)
    tally = Tally()
    sampled: list[_Sampled] = []

    async def score(row: Row) -> None:
        result = await scorer.score(row, columns)
        tally.add(result, threshold)
        if not result.failed:
            sampled.append((_length(row, columns), result.usage))

    async def main(_: asyncio.Event) -> None:
        try:
            await run_pool(drawn, score, workers=min(concurrency, len(drawn)) or 1)
        finally:
            await scorer.aclose()

    run_interruptibly(main)
    share = rows / len(drawn) if drawn else 0.0
    usable = rows * len(sampled) / len(drawn) if drawn else 0.0
    mean_length = characters / rows if rows else 0.0
    lengths = [length for length, _ in sampled]
    read, written = (
        round(usable * _at(mean_length, lengths, [getattr(usage, name) for _, usage in sampled]))
        for name in ("prompt_tokens", "completion_tokens")
    )
    mean_seconds = fmean(usage.seconds for _, usage in sampled) if sampled else 0.0
    pace = usable * mean_seconds / min(concurrency, max(rows, 1))
    calls = round(tally.calls * share)
    whole = Tally(rows=rows, calls=calls, prompt_tokens=read, completion_tokens=written)
    return Estimate(whole, tally, max(pace, least_seconds(whole)))


def _drawn(source: Source, columns: Columns) -> tuple[int, int, list[Row]]:
    """How many rows there are, how long all are, and some: short ones and long ones."""
    choice = random.Random(0)  # the same rows each time
    pool: list[tuple[int, Row]] = []
    rows = characters = 0
    for rows, (_, row) in enumerate(source.rows(), start=1):
        length = _length(row, columns)
        characters += length
        if len(pool) < _POOL:
            pool.append((length, row))
        elif (place := choice.randrange(rows)) < _POOL:
            pool[place] = length, row
    pool.sort(key=lambda known: known[0])
    count = min(SAMPLE, len(pool))
    middles = [(2 * number + 1) * len(pool) // (2 * count) for number in range(count)]
    return rows, characters, [pool[place][1] for place in middles]


def _length(row: Row, columns: Columns) -> int:
    names = {columns.prompt, columns.response, columns.context}
    return sum(len(str(row[name])) for name in names if name is not None and name in row)


def _at(x: float, xs: list[int], ys: list[int]) -> float:
    """What a line through the points tells for `x`; a line that falls is none."""
    if not xs:
        return 0.0
    slope = linear_regression(xs, ys).slope if len(set(xs)) > 1 else 0.0
    return max(0.0, fmean(ys) + max(0.0, slope) * (x - fmean(xs)))
