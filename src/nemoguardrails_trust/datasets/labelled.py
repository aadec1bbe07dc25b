"""Answers that are known to be right or wrong: reading them, and scoring them."""

import asyncio
import json
import logging
import math
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from pydantic import TypeAdapter

from nemoguardrails_trust.errors import DataError, SetupError
from nemoguardrails_trust.models.replay import Recorded, numbered_lines, parse_line
from nemoguardrails_trust.scores import Signal, TrustworthinessScore

CONCURRENCY = 64
"""How many rows are scored at once."""

SIGNAL_PREFIX = "signal_"
"""What the columns of signals begin with in the results of `nemo-trust score`."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Label:
    """Whether an answer is right.

    Attributes:
        correct: 1 or true where it is, 0 or false where it is not.
    """

    correct: bool | Literal[0, 1]


@dataclass(frozen=True, slots=True)
class LabelledRow:
    """An answer that is known to be right or wrong.

    Attributes:
        correct: Whether it is right.
        recorded: The answer with all that was recorded of it; `None` where only a score was read.
        score: The score that was there already; `None` where there was none.
    """

    correct: bool
    recorded: Recorded | None = None
    score: TrustworthinessScore | None = None


@dataclass(frozen=True, slots=True)
class LabelledData:
    """What a file of labelled answers holds.

    Attributes:
        rows: The answers that can be used.
        problems: One for each line that cannot, naming it.
    """

    rows: Sequence[LabelledRow]
    problems: Sequence[DataError] = field(default=())


_RECORDED = TypeAdapter(Recorded)
_LABEL = TypeAdapter(Label)

ScoreRow = Callable[[LabelledRow], Awaitable[TrustworthinessScore]]


_OTHER_FORMATS = (".csv", ".tsv", ".parquet")


def read_labelled(
    path: str | Path, *, score_column: str | None = None, limit: int | None = None
) -> LabelledData:
    """Reads labelled answers from JSON lines.

    Args:
        path: Each line an object with `prompt`, `response`, `correct`, and where they are there
            `context`, `samples` and `reflection`.
        score_column: Read the scores that stand in this column, and `correct`, and nothing else
            but the signals that `nemo-trust score` wrote beside them.
        limit: The most rows to read.

    Raises:
        DataError: The file cannot be read, or has no line that can be used.
    """
    rows: list[LabelledRow] = []
    problems: list[DataError] = []
    for number, line in numbered_lines(path):
        try:
            rows.append(_read_row(line, score_column, path=path, number=number))
        except DataError as error:
            problems.append(error)
        if limit is not None and len(rows) == limit:
            break
    if not rows:
        if Path(path).suffix.lower() in _OTHER_FORMATS:
            raise DataError(
                "labelled answers are read from JSON lines, which this is not; "
                "'nemo-trust score' writes them with an --out that ends in .jsonl",
                path=str(path),
            )
        raise problems[0] if problems else DataError("has no lines", path=str(path))
    return LabelledData(rows, problems)


def _read_row(
    line: bytes, score_column: str | None, *, path: str | Path, number: int
) -> LabelledRow:
    correct = bool(parse_line(_LABEL, line, path=path, number=number).correct)
    if score_column is None:
        return LabelledRow(correct, parse_line(_RECORDED, line, path=path, number=number))
    row = json.loads(line)
    if score_column not in row:
        raise DataError(f"has no {score_column!r}", path=str(path), line=number)
    signals = {
        key.removeprefix(SIGNAL_PREFIX): Signal(_share(key, value, path, number))
        for key, value in row.items()
        if key.startswith(SIGNAL_PREFIX)
    }
    value = _share(score_column, row[score_column], path, number)
    return LabelledRow(correct, score=TrustworthinessScore(value, signals))


def _share(key: str, value: Any, path: str | Path, number: int) -> float | None:
    if value is None:
        return None
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not (math.isfinite(value) and 0.0 <= value <= 1.0):
        raise DataError(
            f"{key!r} must be a number from 0 to 1, or null", path=str(path), line=number
        )
    return float(value)


async def score_rows(
    rows: Sequence[LabelledRow],
    score_row: ScoreRow,
    *,
    concurrency: int = CONCURRENCY,
    on_score: Callable[[TrustworthinessScore], None] | None = None,
) -> list[TrustworthinessScore]:
    """Scores rows, some at once.

    A row whose score cannot be had is unchecked: its score is `None` and says why.

    Args:
        rows: What to score.
        score_row: Scores one.
        concurrency: How many at once.
        on_score: Called with each score as it comes.

    Returns:
        The scores, in the order of the rows.

    Raises:
        CredentialsError: A key is missing or was refused.
        MissingDependencyError: An extra is not installed.
        SettingsError: A setting cannot be used.
    """
    scores: dict[int, TrustworthinessScore] = {}
    numbered = iter(enumerate(rows))

    async def work() -> None:
        for number, row in numbered:
            scores[number] = await score_row(row)
            if on_score is not None:
                on_score(scores[number])
            await asyncio.sleep(0)  # a replay never waits, and an interrupt must come through

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(min(concurrency, len(rows))):
                group.create_task(work())
    except* SetupError as errors:
        raise _first(errors) from None
    return [scores[number] for number in range(len(rows))]


def _first(errors: BaseExceptionGroup[Any]) -> BaseException:
    first = errors.exceptions[0]
    return _first(first) if isinstance(first, BaseExceptionGroup) else first
