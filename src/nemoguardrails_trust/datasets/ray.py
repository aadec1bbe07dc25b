"""Scores the rows of a run on a Ray cluster, a shard at a time in each actor.

Input, OUT and OUT.shards have to be on a file system that all machines share. The shards and the
manifest are those of `local.py`: a run that was begun here can be ended there.
"""

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from itertools import chain, groupby, islice
from typing import Any

from nemoguardrails_trust.concurrency.loops import LoopThread
from nemoguardrails_trust.concurrency.pool import in_thread, run_pool
from nemoguardrails_trust.datasets.row_scorers import RowScorer
from nemoguardrails_trust.datasets.rows import fingerprint
from nemoguardrails_trust.datasets.runs import Engine, InputCheck, Job, check_same_row
from nemoguardrails_trust.datasets.shards import (
    Journal,
    RunFolder,
    Shard,
    journal_path,
    run_folder_path,
)
from nemoguardrails_trust.datasets.source import Position
from nemoguardrails_trust.datasets.tally import Progress, ProgressCallback
from nemoguardrails_trust.errors import DataError, ScoringError, TrustError, needing
from nemoguardrails_trust.models.ray_rates import share_rates_over_ray

WaitingRow = tuple[int, str, dict[str, Any]]


def ray_engine(build: Callable[[], RowScorer], *, report: ProgressCallback | None = None) -> Engine:
    """An engine that scores on Ray Data, in as many actors as there are processors.

    It takes the cluster that this process is connected to or that `RAY_ADDRESS` names, else it
    starts one on this machine.

    Args:
        build: Makes the scorer; called once in each actor, so it must be picklable.
        report: Called whenever a shard is finished.

    Raises:
        MissingDependencyError: Ray is not installed.
    """
    with needing("ray", "ray"):
        import ray.data

    def engine(job: Job, folder: RunFolder) -> bool:
        tally = folder.tally()
        resumed = tally.rows
        tasks = [{"start": list(start)} for start in plan(job, folder)]
        if not tasks:
            return True
        if not ray.is_initialized():
            ray.init(log_to_driver=False, logging_level=logging.ERROR)
        logging.getLogger("ray.data").setLevel(logging.ERROR)
        ray.data.DataContext.get_current().enable_progress_bars = False
        actors = max(1, min(len(tasks), int(ray.cluster_resources().get("CPU", 1))))
        finished = ray.data.from_items(tasks, override_num_blocks=len(tasks)).map_batches(
            ShardScorer,
            fn_constructor_args=(build, job),
            batch_size=1,
            compute=ray.data.ActorPoolStrategy(size=actors),
            num_cpus=1,
        )
        started = time.monotonic()
        try:
            for row in finished.iter_rows():
                if row["error"]:
                    raise DataError(row["error"])
                shard = Shard.from_json(json.loads(row["shard"]))
                folder.add(shard)
                tally.merge(shard.tally)
                if report is not None:
                    seconds = time.monotonic() - started
                    report(Progress(replace(tally), resumed, job.source.row_count, seconds))
        except ray.exceptions.RayError as error:
            told = str(error).strip().rpartition("\n")[2]
            raise ScoringError(f"Ray ended the run: {told}; run it again to continue") from error
        return True

    return engine


def plan(job: Job, folder: RunFolder) -> Iterator[Position]:
    """Where the shards begin that are not finished; those that are, are held against the input.

    Raises:
        DataError: The input is not what it was.
    """
    check = InputCheck(job, folder)
    end = 0
    for index, rows in _shards(job, folder):
        finished = folder.finished.get(index)
        start, _ = first = next(rows)
        end = max(end, start.row + 1)
        if finished is None:
            yield start
        for position, values in chain((first,), rows):
            end = position.row + 1
            if finished is not None:
                check.finished_row(finished, position.row, fingerprint(values))
    check.end(end if job.source.row_count is None else job.source.row_count, folder.journalled()[1])


def _shards(
    job: Job, folder: RunFolder
) -> Iterator[tuple[int, Iterator[tuple[Position, dict[str, Any]]]]]:
    """The shards by their index with their rows, as far as these have to be read."""
    size, count = job.shard_size, job.source.row_count
    if count is None:  # text has to be read to know where rows begin
        yield from groupby(job.source.rows(), lambda row: row[0].row // size)
        return
    for index, first in enumerate(range(0, count, size)):
        if index in folder.finished:
            yield index, islice(job.source.rows(Position(first)), size)
        else:
            yield index, iter([(Position(first), {})])


class ShardScorer:
    """Scores shards in a Ray actor, with one scorer and one event loop for all of them."""

    def __init__(self, build: Callable[[], RowScorer], job: Job) -> None:
        self._job = job
        share_rates_over_ray()
        self._scorer = build()
        self._loop = LoopThread()  # until the actor's process ends

    def __call__(self, batch: dict[str, Any]) -> dict[str, list[str]]:
        """Scores the shards of a batch.

        Returns:
            For each its line of the manifest, or the error that ends the run.
        """
        shards, errors = [], []
        for start in batch["start"]:
            begin = Position(*map(int, start))
            scoring = self._loop.submit(score_shard(self._job, begin, self._scorer))
            try:
                shards.append(json.dumps(scoring.result().to_json()))
                errors.append("")
            except TrustError as error:
                shards.append("")
                errors.append(str(error))
        return {"shard": shards, "error": errors}


async def score_shard(job: Job, start: Position, scorer: RowScorer) -> Shard:
    """Scores the rows of a shard that its journal does not hold, and finishes it.

    Raises:
        DataError: The input is not what it was, or a file cannot be read or written.
        TrustError: No row can be scored.
    """
    folder = run_folder_path(job.out)
    index = start.row // job.shard_size
    journal = Journal(journal_path(folder, index), job.threshold)
    before = dict(journal.fingerprints)
    rows = 0

    async def items() -> AsyncIterator[WaitingRow]:
        nonlocal rows
        async for position, values in in_thread(islice(job.source.rows(start), job.shard_size)):
            rows += 1
            digits = fingerprint(values)
            if then := before.get(position.row):
                check_same_row(job, position.row, then, digits)
            else:
                yield position.row, digits, values

    async def work(item: WaitingRow) -> None:
        row, digits, values = item
        journal.append(row, digits, await scorer.score(values, job.columns))

    try:
        await run_pool(items(), work, workers=job.concurrency)
    finally:
        journal.close()
    return await asyncio.to_thread(journal.finish, folder, index, start.row, rows)
