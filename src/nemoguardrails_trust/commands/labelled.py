"""What `evaluate` and `calibrate` share: labelled answers read, scored, and spoken about."""

import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import typer

from nemoguardrails_trust.commands.options import (
    EXIT_INCOMPLETE,
    NO_RATES,
    REPLAY,
    Rates,
    build_scorer,
    require_no_server,
)

if TYPE_CHECKING:
    from pathlib import Path

    from nemoguardrails_trust.datasets.labelled import LabelledData, LabelledRow
    from nemoguardrails_trust.scorers.base import Scorer, ScorerSettings
    from nemoguardrails_trust.scores import TrustworthinessScore


@dataclass(frozen=True, slots=True)
class Source:
    """Where the scores of labelled answers come from, as the options say.

    Attributes:
        settings: The scorer's.
        base_url: The value of `--base-url`.
        samples: The value of `--samples`.
        score_column: The value of `--score-column`; `None` scores the answers anew.
        decide_at: With `--early-stop`, the threshold.
        rates: What the model may be asked in a minute.
    """

    settings: "ScorerSettings"
    base_url: str | None = None
    samples: int | None = None
    score_column: str | None = None
    decide_at: float | None = None
    rates: Rates = NO_RATES

    @property
    def is_replay(self) -> bool:
        """Whether samples and judgements are those recorded in the data."""
        return self.score_column is None and self.settings.model == REPLAY


@dataclass(frozen=True, slots=True)
class Scored:
    """Labelled answers with their scores.

    Attributes:
        data: The answers.
        scores: Their scores, in the same order.
        seconds: Wall-clock time of the scoring.
    """

    data: "LabelledData"
    scores: "Sequence[TrustworthinessScore]"
    seconds: float

    @property
    def unchecked(self) -> Counter[str]:
        """How many answers have no score, by the reason."""
        return Counter(
            each.error or "the data has none" for each in self.scores if each.score is None
        )


def read_and_score(path: "Path", source: Source, limit: int | None) -> Scored:
    """Reads labelled answers and scores them; names bad lines and missing scores on stderr.

    Raises:
        TrustError: It cannot be done; the message says why.
    """
    import asyncio

    from nemoguardrails_trust.datasets.labelled import read_labelled

    source = _with_rounds(source)
    data = read_labelled(path, score_column=source.score_column, limit=limit)
    for problem in data.problems:
        typer.echo(f"nemo-trust: {problem}", err=True)
    started = time.perf_counter()
    if source.score_column is None:
        with _progress(len(data.rows)) as advance:
            scores: Sequence[TrustworthinessScore] = asyncio.run(_score(data.rows, source, advance))
    else:
        scores = _column_scores(data.rows, source)
    scored = Scored(data, scores, time.perf_counter() - started)
    for reason, count in scored.unchecked.most_common(3):
        noun = "answer has" if count == 1 else "answers have"
        typer.echo(f"nemo-trust: {count} {noun} no score: {reason}", err=True)
    return scored


def finish(scored: Scored, *, skip_bad: bool) -> None:
    """Ends the command with exit code 1 where there is something to look at.

    Raises:
        typer.Exit: There were bad lines, or nothing has a score.
    """
    nothing_scored = scored.unchecked.total() == len(scored.scores)
    if nothing_scored or (scored.data.problems and not skip_bad):
        raise typer.Exit(EXIT_INCOMPLETE)


def _with_rounds(source: Source) -> Source:
    """Checks that the options make sense together, and sets a round for each sample."""
    from dataclasses import replace

    from nemoguardrails_trust.errors import SettingsError
    from nemoguardrails_trust.scorers.local.presets import plan_for

    settings = source.settings
    given = {
        "--base-url": source.base_url is not None,
        "--samples": source.samples is not None,
        "--early-stop": source.decide_at is not None,
    }
    chosen = next((option for option, is_given in given.items() if is_given), source.rates.option)
    if chosen and source.score_column is not None:
        raise SettingsError(f"{chosen} is of no use with --score-column: nothing is scored anew")
    if settings.scorer != "local":
        if chosen:
            raise SettingsError(f"{chosen} is for the local scorer")
        if source.is_replay:
            raise SettingsError("--model replay is for the local scorer")
        return source
    if source.is_replay:
        require_no_server(source.base_url, source.rates)
    drawn = plan_for(settings.quality, has_probability=False, samples=source.samples).samples
    if drawn == 0 and (source.samples is not None or source.decide_at is not None):
        option = "--early-stop" if source.samples is None else "--samples"
        raise SettingsError(
            f"{option} is of no use with --quality {settings.quality}, which draws no samples"
        )
    if source.decide_at is None:
        return source
    return replace(source, settings=settings.model_copy(update={"rounds": drawn}))


async def _score(
    rows: "Sequence[LabelledRow]", source: Source, advance: Callable[[], None]
) -> "list[TrustworthinessScore]":
    from nemoguardrails_trust.datasets.labelled import score_rows
    from nemoguardrails_trust.models.replay import ReplayModel
    from nemoguardrails_trust.scorers.create import create_scorer, load_calibration

    calibration = load_calibration(source.settings)
    options = {} if source.samples is None else {"samples": source.samples}

    async def replay(row: "LabelledRow") -> "TrustworthinessScore":
        # A model for each row: the same prompt may stand in several, with other answers.
        model = ReplayModel(filter(None, [row.recorded]), rewind=False)
        built = create_scorer(source.settings, model, calibration=calibration, **options)
        return await _score_row(built.scorer, row, source)

    if source.is_replay:
        return await score_rows(rows, replay, on_score=lambda _: advance())

    scorer = build_scorer(
        source.settings,
        source.settings.model,
        source.base_url,
        samples=source.samples,
        rates=source.rates,
    ).scorer
    try:
        return await score_rows(
            rows,
            lambda row: _score_row(scorer, row, source),
            on_score=lambda _: advance(),
        )
    finally:
        close = getattr(scorer, "aclose", None)
        if close is not None:
            await close()


def _score_row(
    scorer: "Scorer", row: "LabelledRow", source: Source
) -> "Awaitable[TrustworthinessScore]":
    from nemoguardrails_trust.scorers.safely import score_safely

    assert row.recorded is not None
    seconds = source.settings.timeout
    exchange = row.recorded.exchange
    return score_safely(scorer, exchange, timeout=seconds, decide_at=source.decide_at)


def _column_scores(rows: "Sequence[LabelledRow]", source: Source) -> "list[TrustworthinessScore]":
    from nemoguardrails_trust.calibration.calibration import Calibration

    scores = [row.score for row in rows if row.score is not None]
    path = source.settings.calibration
    if path is None:
        return scores
    calibration = Calibration.load(path)
    names = ("scorer", "quality", "model")
    stated = set(names) & source.settings.model_fields_set
    if stated:  # of scores that are there already, no more is known than what is stated
        calibration.require_match(
            **{
                name: getattr(source.settings if name in stated else calibration, name)
                for name in names
            }
        )
    return [calibration.recalibrate(score) for score in scores]


@contextmanager
def _progress(total: int) -> Iterator[Callable[[], None]]:
    """A progress bar on stderr where that is a terminal; yields what moves it on by one."""
    if not sys.stderr.isatty():
        yield lambda: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    columns = ("Scoring", BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("", total=total)
        yield lambda: progress.advance(task)
