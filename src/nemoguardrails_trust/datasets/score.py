"""Scores data sets from Python: files, frames, tables, lists and iterators."""

import asyncio
import logging
import queue
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Iterable,
    Iterator,
    Mapping,
)
from contextlib import aclosing
from dataclasses import replace
from itertools import chain, islice
from os import PathLike
from pathlib import Path
from typing import Any, Literal

from nemoguardrails_trust.concurrency.loops import LoopThread
from nemoguardrails_trust.concurrency.pool import in_thread, run_pool
from nemoguardrails_trust.datasets.columns import Columns, no_column
from nemoguardrails_trust.datasets.files import open_source
from nemoguardrails_trust.datasets.frames import columns_of_results, open_frame
from nemoguardrails_trust.datasets.local import local_engine
from nemoguardrails_trust.datasets.row_scorers import ModelRowScorer, RowScorer
from nemoguardrails_trust.datasets.rows import Row, RowResult, read_content, scored_row
from nemoguardrails_trust.datasets.runs import Job, carry_out
from nemoguardrails_trust.datasets.source import Source
from nemoguardrails_trust.datasets.tally import ProgressCallback
from nemoguardrails_trust.datasets.writers import Output, check_writable
from nemoguardrails_trust.errors import DataError, SettingsError
from nemoguardrails_trust.exchange.values import kind_told
from nemoguardrails_trust.models.base import LanguageModel
from nemoguardrails_trust.scorers.base import DEFAULT_THRESHOLD, Scorer

_log = logging.getLogger(__name__)

DEFAULT_CONCURRENCY = 64
DEFAULT_SHARD_SIZE = 1000
_WINDOW = 4  # times the concurrency: how far rows may run ahead of the slowest one


def score_dataset(
    data: Any,
    *,
    scorer: Scorer,
    model: LanguageModel | None = None,
    generate: bool = False,
    out: str | PathLike[str] | None = None,
    prompt_column: str | None = None,
    response_column: str | None = None,
    context_column: str | None = None,
    concurrency: int = DEFAULT_CONCURRENCY,
    shard_size: int = DEFAULT_SHARD_SIZE,
    retry_errors: bool = False,
    threshold: float = DEFAULT_THRESHOLD,
    limit: int | None = None,
    encoding: str | None = None,
    bom: bool = False,
    safe_cells: bool = False,
    progress: ProgressCallback | None = None,
) -> Any:
    """Scores every row of a data set.

    A row that cannot be scored has the reason in `error` and does not affect the others. It works
    in a script and inside a running event loop, which it blocks; use `score_rows` if it must not.

    Args:
        data: A path to a CSV, JSON, JSON lines, Parquet or Excel file, a pandas or polars frame,
            an Arrow table, a list of mappings, or an iterator of them.
        scorer: The scorer. Its `aclose`, if it has one, is called at the end.
        model: With `generate`, the model that writes the responses.
        generate: Whether to write missing responses. Otherwise, such rows get an error.
        out: The file to write, whose ending gives the format. A run that ended early continues when
            it is called again with the same arguments. Required if `data` is a path; not possible
            with an iterator, which cannot be read again.
        prompt_column: The column with the prompts, as text or chat messages; by default `prompt` or
            another usual name.
        response_column: The column with the answers to score; by default `response` or another
            usual name. If there is none, the last turn of a chat is the answer.
        context_column: The column with retrieved passages; by default `context` or another usual
            name, if there is one.
        concurrency: How many rows to score at once, at least 1.
        shard_size: With `out`, rows per shard, at least 1.
        retry_errors: With `out`, whether to retry rows that an earlier run could not score.
        threshold: Scores below it are counted as flagged, 0 to 1.
        limit: How many rows of a file to score, from the first; at least 1.
        encoding: The encoding of a text file; detected by default.
        bom: Whether a CSV `out` begins with a byte order mark, so that Excel reads it as UTF-8.
        safe_cells: Whether to put an apostrophe before text in a CSV `out` that a spreadsheet would
            take for a formula.
        progress: With `out`, called several times a second with the progress of the run.

    Returns:
        With `out`, its path. Otherwise data of the same kind, with its own columns and
        `trustworthiness_score`, `signal_…`, `explanation`, `alternatives`, `error` and `usage_…`.
        For an iterator, an iterator of dictionaries that reads ahead at most four times the
        concurrency. An input column with one of these names is kept as `input_…`.

    Raises:
        SettingsError: The arguments contradict each other, or an earlier run on this `out` was
            started with others.
        DataError: The data cannot be read, lacks a column, or has changed since an earlier run
            on this `out`; or `out` cannot be written, or is being written by another run.
        CredentialsError: A key is missing or was refused.
        KeyboardInterrupt: It was interrupted; with `out`, the same call goes on.
    """
    if concurrency < 1 or shard_size < 1:
        raise SettingsError("concurrency and shard_size must be at least 1")
    rows = ModelRowScorer(scorer, _answering(model, generate=generate))
    names = {"prompt": prompt_column, "response": response_column, "context": context_column}
    is_path = isinstance(data, str | PathLike)
    if is_path and out is None:
        raise SettingsError("out must say which file to write", key="out")
    frame = None if is_path else open_frame(data)
    source = open_source(Path(data), limit=limit, encoding=encoding) if is_path else frame
    if source is None:
        if out is not None:
            raise SettingsError("out cannot be used with an iterator, which cannot be read again")
        if not isinstance(data, Iterable):
            raise DataError(f"data is {kind_told(data)}; it must be a path, a frame or rows")
        return _scored_iterator(data, rows, names, concurrency)
    for told in source.remarks:
        _log.warning("%s", told)
    columns = find_columns(source, generate=generate, **names)
    if frame is None or out is not None:
        place, output = settled_output(source, Path(str(out)), bom=bom, safe_cells=safe_cells)
        job = Job(
            source=source,
            columns=columns,
            out=place,
            output=output,
            settings=describe_scorer(scorer, model if generate else None),
            threshold=threshold,
            concurrency=concurrency,
            shard_size=shard_size,
            retry_errors=retry_errors,
        )
        if not carry_out(job, local_engine(rows, report=progress)).complete:
            raise KeyboardInterrupt
        return Path(str(out))
    values = (row for _, row in frame.rows())
    results = [result for _, result in _in_order(values, rows, columns, concurrency)]
    return frame.with_columns(*columns_of_results(frame, results, columns))


async def score_rows(
    rows: Iterable[Row] | AsyncIterable[Row],
    *,
    scorer: Scorer,
    model: LanguageModel | None = None,
    generate: bool = False,
    prompt_column: str = "prompt",
    response_column: str = "response",
    context_column: str = "context",
    concurrency: int = DEFAULT_CONCURRENCY,
) -> AsyncIterator[dict[str, Any]]:
    """Scores rows as they arrive, on the running event loop, and yields them in order.

    Args:
        rows: Mappings by column, read ahead by at most four times the concurrency. An iterable
            that is not asynchronous is read in a worker thread.
        scorer: The scorer. It is not closed at the end.
        model: With `generate`, the model that writes the responses.
        generate: Whether to write missing responses. Otherwise, such rows get an error.
        prompt_column: The column with the prompts, as text or chat messages.
        response_column: The column with the answers to score.
        context_column: The column with retrieved passages.
        concurrency: How many rows to score at once, at least 1.

    Yields:
        Each row with the columns that `score_dataset` adds.

    Raises:
        CredentialsError: A key is missing or was refused.
    """
    columns = Columns(prompt_column, response_column, context_column)
    row_scorer = ModelRowScorer(scorer, _answering(model, generate=generate))
    pairs = score_in_order(rows, row_scorer, columns, concurrency)
    async with aclosing(pairs):
        async for row, result in pairs:
            yield scored_row(row, result, columns)


async def score_in_order(
    rows: Iterable[Row] | AsyncIterable[Row],
    scorer: RowScorer,
    columns: Columns,
    concurrency: int,
) -> AsyncGenerator[tuple[Row, RowResult], None]:
    """Scores rows and yields them with their results in their order.

    At most four times the concurrency of rows are held, those that wait for a slower one before
    them included.
    """
    loop = asyncio.get_running_loop()
    window = asyncio.Semaphore(_WINDOW * concurrency)
    ordered: asyncio.Queue[asyncio.Future[tuple[Row, RowResult]] | None] = asyncio.Queue()

    async def numbered() -> AsyncIterator[tuple[Row, asyncio.Future[tuple[Row, RowResult]]]]:
        source = rows if isinstance(rows, AsyncIterable) else in_thread(iter(rows))
        async for row in source:
            await window.acquire()
            place: asyncio.Future[tuple[Row, RowResult]] = loop.create_future()
            ordered.put_nowait(place)
            yield row, place

    async def work(item: tuple[Row, asyncio.Future[tuple[Row, RowResult]]]) -> None:
        row, place = item
        place.set_result((row, await scorer.score(row, columns)))

    async def run() -> None:
        try:
            await run_pool(numbered(), work, workers=concurrency)
        finally:
            ordered.put_nowait(None)

    pool = asyncio.create_task(run())
    try:
        while (place := await ordered.get()) is not None:
            if not place.done():
                await asyncio.wait((place, pool), return_when=asyncio.FIRST_COMPLETED)
            if not place.done():
                break
            window.release()
            yield place.result()
        await pool
    finally:
        pool.cancel()
        await asyncio.wait((pool,))


def find_columns(
    source: Source,
    *,
    generate: bool | Literal["anew"],
    prompt: str | None = None,
    response: str | None = None,
    context: str | None = None,
) -> Columns:
    """Settles the columns of a source.

    Args:
        source: The rows.
        generate: Whether responses are made where there are none; `anew` where there are some, too.
        prompt: The user's choice.
        response: The user's choice.
        context: The user's choice.

    Raises:
        DataError: A column is not there, or there are no responses and none are to be made.
    """
    columns = Columns.find(
        source.columns,
        prompt=prompt,
        response=response,
        context=context,
        blank_is_none=source.blank_is_none,
        anew=generate == "anew",
        path=source.name,
    )
    if columns.response is None and not generate and not _ends_with_answer(source, columns):
        error = no_column(source.columns, "response", "--response-column", source.name)
        raise DataError(f"{error}; --generate (generate=True) has the model write the responses")
    return columns


def _ends_with_answer(source: Source, columns: Columns) -> bool:
    """Whether the first chat has the answer as its last turn."""
    _, row = next(iter(source.rows()))
    try:
        return read_content(row, columns).response is not None
    except DataError:
        return False


def _answering(model: LanguageModel | None, *, generate: bool) -> LanguageModel | None:
    if generate and model is None:
        raise SettingsError("generate needs a model to write the responses", key="model")
    return model if generate else None


def settled_output(
    source: Source, out: Path, *, bom: bool, safe_cells: bool
) -> tuple[Path, Output]:
    """Settles where and how OUT is written, and finds out what stands against it.

    Raises:
        DataError: OUT is the input, cannot be there, or cannot hold such rows.
        MissingDependencyError: What writes OUT is not installed.
        SettingsError: An option does not go with OUT's format.
    """
    if out.is_symlink():  # by whatever name, it is one file and one run
        out = out.resolve()
    output = Output.of(out, bom=bom, safe_cells=safe_cells)
    if not out.parent.is_dir():
        raise DataError("there is no such folder to write to", path=str(out.parent))
    if out.is_dir():
        raise DataError("is a folder, not a file to write", path=str(out))
    if out.exists() and Path(source.name).exists() and out.samefile(source.name):
        raise DataError("is the input; OUT must be another file", path=str(out))
    check_writable(output, source)
    return out, output


def describe_scorer(scorer: Scorer, model: LanguageModel | None) -> dict[str, Any]:
    """What the results of a scorer depend on, as far as it shows it."""
    kind = type(scorer)
    return {
        "scorer": getattr(scorer, "name", f"{kind.__module__}.{kind.__qualname__}"),
        "quality": getattr(scorer, "quality", None),
        "model": getattr(scorer, "model_name", None),
        "server": getattr(scorer, "server", None),
        **({"claims": True} if getattr(scorer, "scores_claims", False) else {}),
        "model of the responses": None if model is None else model.name,
    }


def _scored_iterator(
    rows: Iterable[Row], scorer: RowScorer, names: Mapping[str, str | None], concurrency: int
) -> Iterator[dict[str, Any]]:
    rows = iter(rows)
    first = list(islice(rows, 1))
    columns = Columns()
    if first:
        prompt, response, context = (names[key] for key in ("prompt", "response", "context"))
        columns = Columns.find(list(first[0]), prompt=prompt, response=response, context=context)
        # Other rows may have what the first one lacks.
        columns = replace(
            columns, response=columns.response or "response", context=columns.context or "context"
        )
    for row, result in _in_order(chain(first, rows), scorer, columns, concurrency):
        yield scored_row(row, result, columns)


def _in_order(
    rows: Iterable[Row], scorer: RowScorer, columns: Columns, concurrency: int
) -> Iterator[tuple[Row, RowResult]]:
    """Scores on a thread of its own; the rows are read on the caller's, where they were made."""
    fed: asyncio.Queue[Row | None] = asyncio.Queue()
    done: queue.SimpleQueue[tuple[Row, RowResult] | BaseException] = queue.SimpleQueue()

    async def source() -> AsyncIterator[Row]:
        while (row := await fed.get()) is not None:
            yield row

    async def drive() -> None:
        try:
            pairs = score_in_order(source(), scorer, columns, concurrency)
            async with aclosing(pairs):
                async for pair in pairs:
                    done.put(pair)
        except BaseException as error:
            done.put(error)
            raise
        finally:
            await scorer.aclose()

    def take() -> tuple[Row, RowResult]:
        taken = done.get()
        if isinstance(taken, BaseException):
            raise taken
        return taken

    with LoopThread() as loop:
        driving = loop.submit(drive())
        outstanding = 0
        for row in rows:
            loop.call(fed.put_nowait, row)
            outstanding += 1
            while outstanding >= _WINDOW * concurrency or not done.empty():
                outstanding -= 1
                yield take()
        loop.call(fed.put_nowait, None)
        while outstanding:
            outstanding -= 1
            yield take()
        driving.result()
