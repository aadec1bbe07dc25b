"""A run: one data set scored into one file, by whichever engine."""

import json
import logging
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

from nemoguardrails_trust.datasets.columns import Columns
from nemoguardrails_trust.datasets.rows import RowResult, fingerprint
from nemoguardrails_trust.datasets.shards import (
    RunFolder,
    Shard,
    check_same_settings,
    digest_of,
    has_results,
    locked_folder,
    run_folder_path,
)
from nemoguardrails_trust.datasets.source import Position, Source
from nemoguardrails_trust.datasets.tally import Tally
from nemoguardrails_trust.datasets.writers import Output, write_scored
from nemoguardrails_trust.disk import replacing, write_atomically
from nemoguardrails_trust.errors import DataError, SettingsError

_logger = logging.getLogger(__name__)

_CURE = "choose another OUT, or remove it to score again"


@dataclass(frozen=True, slots=True)
class Job:
    """What is to be done.

    Attributes:
        settings: What the results depend on besides the rows; a run goes on only with the same.
        disposable: Whether OUT is nobody's file: what a finished run left there of other rows or
            settings is then removed, instead of refused.
    """

    source: Source
    columns: Columns
    out: Path
    output: Output
    settings: Mapping[str, Any]
    threshold: float
    concurrency: int
    shard_size: int
    retry_errors: bool = False
    disposable: bool = False

    @property
    def identity(self) -> dict[str, Any]:
        """All that has to be the same for a run to go on."""
        return {
            **self.settings,
            "threshold": self.threshold,
            "prompt column": self.columns.prompt,
            "response column": self.columns.response,
            "context column": self.columns.context,
            **(
                {"other columns": [name for _, name in self.columns.given]}
                if self.columns.given
                else {}
            ),
            "shard size": self.shard_size,
            "bom": self.output.bom,
            "safe cells": self.output.safe_cells,
        }


@dataclass(frozen=True, slots=True)
class Outcome:
    """What has become of a run."""

    tally: Tally
    complete: bool  # OUT has been written; else the run was interrupted
    resumed: int = 0  # rows that an earlier run had scored
    already: bool = False  # all had been done before
    seconds: float = 0.0


Engine = Callable[[Job, RunFolder], bool]
"""Scores all rows that are not yet scored; false where it was interrupted."""


def carry_out(job: Job, engine: Engine) -> Outcome:
    """Scores a data set, or what is left of it, and writes OUT.

    Raises:
        SettingsError: An earlier run on this OUT was started with other settings, and has scores.
        DataError: The input has changed since, another run is writing, OUT exists and is not
            this program's, or a file cannot be read or written.
    """
    started = time.monotonic()
    with locked_folder(job.out) as path:
        if job.disposable and _is_of_another_run(job):
            _remove_results(job.out, path)
        begun = (path / "manifest.jsonl").exists()
        if job.out.exists() and not begun:
            return Outcome(_finished_before(job), complete=True, already=True)
        folder = _folder_of(path, job.identity)
        if job.retry_errors:
            folder.reopen_failed()
        resumed = folder.tally().rows + folder.journalled()[0]
        if not engine(job, folder):
            seconds = time.monotonic() - started
            return Outcome(folder.tally(), complete=False, resumed=resumed, seconds=seconds)
        tally = folder.tally()
        with replacing(job.out, unfinished := folder.path / "assembled.tmp"):
            pairs, signals = _with_results(job, folder), list(tally.signals)
            write_scored(unfinished, job.output, job.source, pairs, job.columns, signals)
        _record(job, folder, tally)
        if not tally.errors:
            folder.remove()
        seconds = time.monotonic() - started
        return Outcome(tally, complete=True, resumed=resumed, seconds=seconds)


def _folder_of(path: Path, settings: Mapping[str, Any]) -> RunFolder:
    """The folder of a run; one that was begun with other settings is emptied if nothing is lost."""
    try:
        return RunFolder(path, settings)
    except SettingsError:
        if has_results(path):
            raise
        _logger.info("%s: no row has a score, so the run starts afresh with other settings", path)
        _empty(path)
        return RunFolder(path, settings)


def recorded_settings(out: Path) -> dict[str, Any]:
    """The settings of the run that wrote a file; none where no run is known to have written it."""
    try:
        settings = json.loads(record_path(out).read_bytes())["settings"]
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    has_all = isinstance(settings, dict) and {"scorer", "quality", "model"} <= settings.keys()
    return settings if has_all else {}


def discard(out: Path) -> None:
    """Removes the file of a run and all that is kept beside it."""
    _remove_results(out, run_folder_path(out))
    shutil.rmtree(run_folder_path(out), ignore_errors=True)


def _remove_results(out: Path, folder: Path) -> None:
    """Removes the file of a run, and what its folder holds besides the lock."""
    _empty(folder)
    for path in (out, record_path(out)):
        path.unlink(missing_ok=True)


def _empty(folder: Path) -> None:
    """Removes what the folder of a run holds besides the lock."""
    for path in (*folder.glob("*.jsonl"), *folder.glob("*.journal")):
        path.unlink(missing_ok=True)


def record_path(out: Path) -> Path:
    """Where it is recorded that a run has ended, and with what."""
    return out.with_name(f"{out.name}.run.json")


def fingerprinted(source: Source) -> Iterator[tuple[Position, str, dict[str, Any]]]:
    """The rows of a source with their positions and fingerprints."""
    for position, row in source.rows():
        yield position, fingerprint(row), row


class InputCheck:
    """Makes sure that rows are those which earlier runs scored."""

    def __init__(self, job: Job, folder: RunFolder) -> None:
        self._job = job
        self._folder = folder
        self._before: list[str] = []

    def finished_row(self, shard: Shard, row: int, digits: str) -> None:
        """Takes the next row of a finished shard.

        Raises:
            DataError: It was not there, or the shard is complete and a row of it differs.
        """
        if row >= shard.first + shard.rows:
            raise changed(self._job, row, "is new")
        self._before.append(digits)
        if row == shard.first + shard.rows - 1:
            if digest_of(self._before) != shard.digest:
                then = self._folder.fingerprints(shard)
                pairs = enumerate(zip(then, self._before, strict=False), start=shard.first)
                row, pair = next((row, pair) for row, pair in pairs if pair[0] != pair[1])
                check_same_row(self._job, row, *pair)
            self._before = []

    def end(self, rows: int, journalled: int = -1) -> None:
        """Takes that the input has ended after so many rows.

        Args:
            rows: How many rows there were.
            journalled: The last row that stands in a journal.

        Raises:
            DataError: More rows had been scored.
        """
        finished = self._folder.finished.values()
        last = max((shard.first + shard.rows - 1 for shard in finished), default=-1)
        if max(last, journalled) >= rows:
            raise changed(
                self._job, rows, "was scored but is no longer there (removed, or beyond --limit)"
            )


def check_same_row(job: Job, row: int, then: str, now: str) -> None:
    """Compares the fingerprints of a row.

    Raises:
        DataError: They differ.
    """
    if then != now:
        raise changed(job, row, "is not the one that was scored (edited, or in another place)")


def changed(job: Job, row: int, told: str) -> DataError:
    """The error that the input is not what it was."""
    folder = run_folder_path(job.out)
    return DataError(
        f"row {row + 1} {told}; the input has changed since the run was started: put it back as "
        f"it was, or choose another OUT, or remove {folder} to start afresh",
        path=job.source.name,
    )


def _with_results(job: Job, folder: RunFolder) -> Iterator[tuple[dict[str, Any], RowResult]]:
    check = InputCheck(job, folder)
    results = folder.results()
    row = -1
    for position, now, values in fingerprinted(job.source):
        row = position.row
        stored = next(results, None)
        if stored is None:
            raise changed(job, row, "is new")
        check_same_row(job, row, stored[0], now)
        yield values, stored[1]
    check.end(row + 1)


def _record(job: Job, folder: RunFolder, tally: Tally) -> None:
    digests = [folder.finished[index].digest for index in sorted(folder.finished)]
    record = {
        "settings": job.identity,
        "input": {"rows": tally.rows, "digest": digest_of(digests)},
        "output": {"bytes": job.out.stat().st_size},
        "tally": tally.to_json(),
    }
    write_atomically(record_path(job.out), json.dumps(record, indent=1).encode("ascii") + b"\n")


def _finished_before(job: Job) -> Tally:
    """Makes sure that OUT is what this job would make.

    Raises:
        SettingsError: It was made with other settings.
        DataError: It was made from other rows, or is not this program's.
    """
    record = _read_record(job.out)
    if record is None:
        raise DataError(
            "already exists, but not as a run left it; remove it or choose another OUT",
            path=str(job.out),
        )
    _require_same(job, record)
    if job.retry_errors and record.tally.errors:
        raise DataError(
            f"its rows without a score cannot be scored again, since {run_folder_path(job.out)} "
            f"is gone; {_CURE}",
            path=str(job.out),
        )
    return record.tally


class _Record(NamedTuple):
    """What is recorded of a finished run: its settings, a digest of its input, and its counts."""

    settings: dict[str, Any]
    digest: str
    tally: Tally


def _read_record(out: Path) -> _Record | None:
    """What is recorded of the run that wrote OUT; `None` if OUT is not as a run left it."""
    try:
        record = json.loads(record_path(out).read_bytes())
        if record["output"]["bytes"] != out.stat().st_size:
            return None
        tally = Tally.from_json(record["tally"])
        return _Record(record["settings"], record["input"]["digest"], tally)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _require_same(job: Job, record: _Record) -> None:
    """Makes sure that a finished run had the settings and the rows of this job.

    Raises:
        SettingsError: It had other settings.
        DataError: It had other rows.
    """
    check_same_settings(record.settings, job.identity, str(job.out), cure=_CURE)
    shards = groupby(fingerprinted(job.source), lambda row: row[0].row // job.shard_size)
    digests = [digest_of([digits for _, digits, _ in rows]) for _, rows in shards]
    if digest_of(digests) != record.digest:
        raise DataError(
            f"was made from different rows than {job.source.name} has now, or with another "
            f"--limit; {_CURE}",
            path=str(job.out),
        )


def _is_of_another_run(job: Job) -> bool:
    """Whether OUT is what a finished run made of other rows, or with other settings."""
    record = _read_record(job.out)
    if record is None:
        return False
    try:
        _require_same(job, record)
    except (DataError, SettingsError):
        return True
    return False
