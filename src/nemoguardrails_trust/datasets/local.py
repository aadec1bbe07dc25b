"""Scores the rows of a run in this process, all on one event loop."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any, NamedTuple

from nemoguardrails_trust.concurrency.loops import run_interruptibly
from nemoguardrails_trust.concurrency.pool import in_thread, run_pool
from nemoguardrails_trust.datasets.budget import Budget
from nemoguardrails_trust.datasets.row_scorers import RowScorer
from nemoguardrails_trust.datasets.runs import (
    Engine,
    InputCheck,
    Job,
    check_same_row,
    fingerprinted,
)
from nemoguardrails_trust.datasets.shards import Journal, RunFolder
from nemoguardrails_trust.datasets.source import Position
from nemoguardrails_trust.datasets.tally import Progress, ProgressCallback

_REPORT_SECONDS = 0.2
_SPARE_SHARDS = 16


class OpenShard:
    """A shard some of whose rows are still to be scored."""

    def __init__(self, folder: RunFolder, job: Job, index: int) -> None:
        self.index = index
        self.first = index * job.shard_size
        self.journal = Journal(folder.journal_path(index), job.threshold)
        self.before = dict(self.journal.fingerprints)
        self.rows: int | None = None

    @property
    def complete(self) -> bool:
        """Whether its last row has been read and all are scored."""
        return len(self.journal.fingerprints) == self.rows


class WaitingRow(NamedTuple):
    """A row that is to be scored."""

    shard: OpenShard
    row: int
    fingerprint: str
    values: dict[str, Any]


class LocalRun:
    """Reads, scores and writes down the rows of a run that are not yet scored."""

    def __init__(
        self,
        job: Job,
        folder: RunFolder,
        scorer: RowScorer,
        report: ProgressCallback | None,
        budget: Budget | None,
    ) -> None:
        self._job = job
        self._folder = folder
        self._scorer = scorer
        self._report = report
        self._budget = budget
        self._check = InputCheck(job, folder)
        self._open: dict[int, OpenShard] = {}
        self._most_open = _SPARE_SHARDS + 2 * job.concurrency // job.shard_size
        self._closed = asyncio.Condition()
        self._finishing = asyncio.Lock()
        self._stop = asyncio.Event()
        self._position = Position()
        self._all_read = False
        self._tally = folder.tally()
        self._resumed = self._tally.rows
        self._started = time.monotonic()

    async def score(self, stop: asyncio.Event) -> bool:
        """Scores what is left.

        Args:
            stop: Once set, rows in flight are finished and no more are begun.

        Returns:
            Whether all rows are scored.
        """
        self._stop = stop
        reporter = asyncio.create_task(self._keep_reporting())
        try:
            await run_pool(self._items(), self._work, workers=self._job.concurrency)
        finally:
            reporter.cancel()
            for shard in self._open.values():
                shard.journal.close()
            await self._scorer.aclose()
        self._tell()
        return self._all_read and not self._open

    async def _items(self) -> AsyncIterator[WaitingRow]:
        shard: OpenShard | None = None
        rows = 0
        journalled = self._folder.journalled()[1]
        async for position, digits, values in in_thread(fingerprinted(self._job.source)):
            if self._stop.is_set():
                return
            self._position = position
            rows = position.row + 1
            index = position.row // self._job.shard_size
            if finished := self._folder.finished.get(index):
                self._check.finished_row(finished, position.row, digits)
                continue
            if shard is None or shard.index != index:
                shard = await self._begin(index)
            if then := shard.before.get(position.row):
                check_same_row(self._job, position.row, then, digits)
            else:
                yield WaitingRow(shard, position.row, digits, values)
            if rows == shard.first + self._job.shard_size:
                await self._read_to(shard, rows)
        self._check.end(rows, journalled)
        if shard is not None and shard.rows is None:
            await self._read_to(shard, rows)
        self._all_read = True

    async def _begin(self, index: int) -> OpenShard:
        async with self._closed:
            await self._closed.wait_for(lambda: len(self._open) < self._most_open)
        shard = self._open[index] = OpenShard(self._folder, self._job, index)
        self._tally.merge(shard.journal.tally)
        self._resumed += len(shard.before)
        return shard

    async def _read_to(self, shard: OpenShard, end: int) -> None:
        shard.rows = end - shard.first
        if shard.complete:
            await self._finish(shard)

    async def _work(self, item: WaitingRow) -> None:
        if self._budget is None:
            await self._score(item)
            return
        async with self._budget.row(self._tally) as allowed:
            if allowed:
                await self._score(item)
            else:
                self._stop.set()

    async def _score(self, item: WaitingRow) -> None:
        if self._stop.is_set():
            return
        result = await self._scorer.score(item.values, self._job.columns)
        shard = item.shard
        shard.journal.append(item.row, item.fingerprint, result)
        self._tally.add(result, self._job.threshold)
        if shard.complete:
            await self._finish(shard)

    async def _finish(self, shard: OpenShard) -> None:
        async with self._finishing:
            await asyncio.to_thread(self._write, shard)
        del self._open[shard.index]
        shard.journal.close()
        async with self._closed:
            self._closed.notify_all()

    def _write(self, shard: OpenShard) -> None:
        rows = shard.rows or 0
        self._folder.add(shard.journal.finish(self._folder.path, shard.index, shard.first, rows))

    async def _keep_reporting(self) -> None:
        while self._report is not None:
            self._tell()
            await asyncio.sleep(_REPORT_SECONDS)

    def _tell(self) -> None:
        if self._report is not None:
            seconds = time.monotonic() - self._started
            self._report(Progress(replace(self._tally), self._resumed, self._total(), seconds))

    def _total(self) -> int | None:
        source = self._job.source
        if source.row_count is not None:
            return source.row_count
        share = source.share(self._position)
        return round(self._position.row / share) if share and self._position.row else None


def local_engine(
    scorer: RowScorer,
    *,
    report: ProgressCallback | None = None,
    on_interrupt: Callable[[], None] | None = None,
    budget: Budget | None = None,
) -> Engine:
    """An engine that scores in this process.

    Args:
        scorer: Scores the rows.
        report: Called several times a second with how far the run has come.
        on_interrupt: Called at the first Ctrl-C, which lets the rows in flight be finished.
        budget: What may be spent; once it is, the run ends as if it had been interrupted.
    """

    def engine(job: Job, folder: RunFolder) -> bool:
        run = LocalRun(job, folder, scorer, report, budget)
        return run_interruptibly(run.score, on_interrupt)

    return engine
