"""Scores traces: reads, scores and writes at the same time."""

import asyncio
import contextlib
import logging
import math
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from nemoguardrails_trust.concurrency.failures import DEFAULT_MAX_FAILURES, FailureStreak
from nemoguardrails_trust.errors import SettingsError, SetupError, TrustError
from nemoguardrails_trust.integrations.langfuse.client import Connection, LangfuseClient
from nemoguardrails_trust.integrations.langfuse.exchanges import (
    DEFAULT_MAX_CHARACTERS,
    Trace,
    UnreadableTraceError,
    read_exchange,
)
from nemoguardrails_trust.integrations.langfuse.query import TraceQuery
from nemoguardrails_trust.integrations.langfuse.reading import (
    DEFAULT_PAGE_SIZE,
    Reading,
    read_traces,
)
from nemoguardrails_trust.integrations.langfuse.results import TraceReport, TraceResult
from nemoguardrails_trust.integrations.langfuse.writing import (
    BATCH_SIZE,
    DEFAULT_SCORE_NAME,
    TraceScore,
    write_scores,
)
from nemoguardrails_trust.scorers.base import DEFAULT_THRESHOLD, Scorer, require_threshold
from nemoguardrails_trust.scorers.logged import kind_and_place
from nemoguardrails_trust.scorers.safely import BATCH_TIMEOUT, score_safely
from nemoguardrails_trust.scores import TrustworthinessScore

DEFAULT_CONCURRENCY = 16
DEFAULT_PERIOD = timedelta(hours=24)

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ScoringOptions:
    """How traces are scored.

    Attributes:
        score_name: The name of the score in Langfuse.
        threshold: Scores below it are flagged, 0 to 1.
        dry_run: Whether to write nothing.
        skip_scored: Whether to skip traces that already have a score with this name.
        context_keys: Metadata keys with retrieved passages.
        concurrency: How many scores to make at once, at least 1.
        timeout: Seconds per score, above 0.
        page_size: Traces per request, 1 to 100.
        max_characters: Longer exchanges are not scored.
        settle: Traces that ended less than this long ago are left for another run, since parts of
            them may still be missing. 0 leaves none.
    """

    score_name: str = DEFAULT_SCORE_NAME
    threshold: float = DEFAULT_THRESHOLD
    dry_run: bool = False
    skip_scored: bool = False
    context_keys: tuple[str, ...] = ()
    concurrency: int = DEFAULT_CONCURRENCY
    timeout: float = BATCH_TIMEOUT
    page_size: int = DEFAULT_PAGE_SIZE
    max_characters: int = DEFAULT_MAX_CHARACTERS
    settle: timedelta = timedelta(0)

    def __post_init__(self) -> None:
        require_threshold(self.threshold)
        if not self.timeout > 0.0:
            raise SettingsError(f"timeout is {self.timeout}; it must be above 0", key="timeout")
        if not self.score_name.strip():
            raise SettingsError("score-name is empty", key="score-name")
        for key, number in (
            ("concurrency", self.concurrency),
            ("max-characters", self.max_characters),
        ):
            if number < 1:
                raise SettingsError(f"{key} is {number}; it must be at least 1", key=key)

    @property
    def reading(self) -> Reading:
        """How the traces are read."""
        return Reading(self.score_name, self.skip_scored, self.context_keys, self.page_size)


OnResult = Callable[[TraceResult], None]
OnProgress = Callable[[TraceReport], None]


def score_traces(
    scorer: Scorer,
    query: TraceQuery | None = None,
    options: ScoringOptions | None = None,
    *,
    connection: Connection | None = None,
    on_result: OnResult | None = None,
) -> TraceReport:
    """Scores Langfuse traces and writes the scores to them.

    Args:
        scorer: The scorer.
        query: Which traces to score; by default those of the past 24 hours.
        options: How to score them.
        connection: The Langfuse server; by default taken from the environment.
        on_result: Called with each result once it is final.

    Returns:
        The results of all traces, including those without a score.

    Raises:
        CredentialsError: A key is missing or was refused.
        MissingDependencyError: The `langfuse` package is not installed.
        TrustError: The run could not finish. Scores made until then are written.
    """
    run = score_traces_async(scorer, query, options, connection=connection, on_result=on_result)
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(run)
    with ThreadPoolExecutor(1) as thread:  # a notebook has a loop of its own
        return thread.submit(asyncio.run, run).result()


async def score_traces_async(
    scorer: Scorer,
    query: TraceQuery | None = None,
    options: ScoringOptions | None = None,
    *,
    connection: Connection | None = None,
    on_result: OnResult | None = None,
) -> TraceReport:
    """Like `score_traces`, on the running event loop."""
    client = LangfuseClient(connection or Connection.from_environment())
    query = query or TraceQuery(start=datetime.now(UTC) - DEFAULT_PERIOD)
    try:
        report = await run_scoring(
            client, scorer, query, options or ScoringOptions(), on_result=on_result
        )
    finally:
        await client.aclose()
    if report.error is not None:
        raise report.error
    return report


async def run_scoring(
    client: LangfuseClient,
    scorer: Scorer,
    query: TraceQuery,
    options: ScoringOptions,
    *,
    handled: Callable[[str], bool] = lambda trace_id: False,
    on_result: OnResult | None = None,
    on_progress: OnProgress | None = None,
    stop: asyncio.Event | None = None,
) -> TraceReport:
    """Scores traces over a client that is open already.

    Args:
        client: The client.
        scorer: Gives the scores.
        query: Which traces.
        options: How they are scored.
        handled: Says of a trace's id whether it is to be passed over.
        on_result: Called with each result when it is final.
        on_progress: Called whenever the report has changed.
        stop: When it is set, the run ends: what is scored is written, what is not is left.

    Returns:
        The report; an error that ended the run is in it.
    """
    run = _Run(client, scorer, query, options, handled, on_result, on_progress)
    started, requests = time.perf_counter(), client.requests
    work = asyncio.ensure_future(run.work())
    stopping = asyncio.ensure_future((stop or asyncio.Event()).wait())
    try:
        await asyncio.wait({work, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if not work.done():
            run.report.stopped = True
            work.cancel()
            await asyncio.wait({work})
        if not work.cancelled():
            work.result()
        await run.finish()
    finally:
        for task in (work, stopping):
            task.cancel()
        await asyncio.gather(work, stopping, return_exceptions=True)
    run.report.seconds = time.perf_counter() - started
    run.report.requests = client.requests - requests
    return run.report


@dataclass(eq=False)
class _Run:
    """One run: a reader, several scorers, and scores that wait to be written."""

    client: LangfuseClient
    scorer: Scorer
    query: TraceQuery
    options: ScoringOptions
    handled: Callable[[str], bool]
    on_result: OnResult | None
    on_progress: OnProgress | None

    def __post_init__(self) -> None:
        self.report = TraceReport(self.options.threshold)
        self._waiting: list[tuple[TraceResult, TraceScore]] = []
        self._writable = True
        self._streak = FailureStreak(DEFAULT_MAX_FAILURES)
        self._traces: asyncio.Queue[Trace | None] = asyncio.Queue(2 * self.options.page_size)

    async def work(self) -> None:
        """Reads, scores and writes until all is done or writing fails."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._read())
                for _ in range(self.options.concurrency):
                    tasks.create_task(self._score_waiting())
        except* TrustError as failures:
            self.report.error = _first(failures)

    async def finish(self) -> None:
        """Writes what is scored and not yet written."""
        try:
            while self._waiting and self._writable:
                await self._write()
        except TrustError as error:
            self.report.error = error
        for result, _ in self._waiting:
            reason = f"not written: {self.report.error}"
            self._settle(replace(result, status="rejected", error=reason))
        self._waiting.clear()

    async def _read(self) -> None:
        pages = read_traces(self.client, self.query, self.options.reading)
        try:
            async with contextlib.aclosing(pages):
                async for page in pages:
                    for trace in page:
                        if self._is_wanted(trace):
                            await self._traces.put(trace)
                    self._tell()
        except TrustError as error:  # the pages before are good, and are still scored
            self.report.error = error
        for _ in range(self.options.concurrency):
            await self._traces.put(None)

    def _is_wanted(self, trace: Trace) -> bool:
        if self.handled(trace.id):
            return False
        self.report.read += 1
        if self.options.skip_scored and trace.scored:
            self.report.skipped += 1
            return False
        settle = self.options.settle
        if settle and datetime.now(UTC) - (trace.end or trace.start) < settle:
            self.report.settling += 1
            return False
        return True

    async def _score_waiting(self) -> None:
        while (trace := await self._traces.get()) is not None:
            result = await self._score(trace)
            if result.status == "scored":
                self._streak.succeeded()
            if result.status != "scored" or self.options.dry_run:
                self._settle(result)
                if result.status == "unscored":
                    self._streak.failed(result.error or "no reason given")
                continue
            self._waiting.append((result, self._to_write(trace, result)))
            if len(self._waiting) >= BATCH_SIZE:
                await self._write()

    async def _score(self, trace: Trace) -> TraceResult:
        try:
            exchange = read_exchange(
                trace,
                context_keys=self.options.context_keys,
                max_characters=self.options.max_characters,
            )
        except UnreadableTraceError as error:
            return TraceResult(trace.id, trace.start, "unreadable", error=str(error))
        except Exception as error:  # noqa: BLE001 - a trace may hold anything, and costs no other
            return TraceResult(trace.id, trace.start, "unreadable", error=_fault(trace, error))
        try:
            score = await score_safely(self.scorer, exchange, timeout=self.options.timeout)
        except SetupError:
            raise
        except Exception as error:  # noqa: BLE001 - likewise
            fault = _fault(trace, error)
            return TraceResult(trace.id, trace.start, "unscored", exchange, error=fault)
        if score.score is not None:
            return TraceResult(trace.id, trace.start, "scored", exchange, score)
        return TraceResult(trace.id, trace.start, "unscored", exchange, error=score.error)

    def _to_write(self, trace: Trace, result: TraceResult) -> TraceScore:
        score = result.score or TrustworthinessScore(None)
        details = {
            "scorer": score.scorer,
            "signals": {name: signal.value for name, signal in score.signals.items()},
            "threshold": self.options.threshold,
            "error": score.error,
        }
        return TraceScore(
            trace_id=trace.id,
            name=self.options.score_name,
            value=math.nan if score.score is None else score.score,
            timestamp=trace.start,
            comment=score.explanation or _comment(score, self.options.threshold),
            metadata={name: value for name, value in details.items() if value is not None},
            environment=trace.environment,
        )

    async def _write(self) -> None:
        batch, self._waiting = self._waiting[:BATCH_SIZE], self._waiting[BATCH_SIZE:]
        try:
            written = await write_scores(self.client, [score for _, score in batch])
        except BaseException as error:
            self._waiting = batch + self._waiting  # writing them again changes nothing
            self._writable = not isinstance(error, TrustError)
            raise
        for result, _ in batch:
            if result.trace_id in written.accepted:
                self._settle(replace(result, status="written"))
            else:
                reason = written.rejected.get(result.trace_id, "Langfuse did not accept the score")
                self._settle(replace(result, status="rejected", error=reason))

    def _settle(self, result: TraceResult) -> None:
        self.report.results.append(result)
        if self.on_result is not None:
            self.on_result(result)
        self._tell()

    def _tell(self) -> None:
        if self.on_progress is not None:
            self.on_progress(self.report)


def _fault(trace: Trace, error: Exception) -> str:
    """What is told of an unforeseen error, whose text may hold anything."""
    _log.debug("trace %s could not be scored", trace.id, exc_info=error)
    return f"the trace could not be scored: {kind_and_place(error)}"


def _comment(score: TrustworthinessScore, threshold: float) -> str:
    """What stands beside a score that has no explanation of its own."""
    values = [
        f"{name} {signal.value:.2f}"
        for name, signal in score.signals.items()
        if signal.value is not None
    ]
    measured = f" ({', '.join(values)})" if values else ""
    if score.score is not None and score.score < threshold:
        return f"Below the threshold of {threshold:g}{measured}."
    return f"No reason for doubt was found{measured}."


def _first(failures: BaseExceptionGroup[TrustError]) -> TrustError:
    """One error of a group: they are of one cause."""
    first = failures.exceptions[0]
    return _first(first) if isinstance(first, BaseExceptionGroup) else first
