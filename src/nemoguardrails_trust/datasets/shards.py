"""What a run has scored so far, kept on disk so that a run killed at any moment can go on.

Beside `OUT` stands the folder `OUT.shards`:

    lock                    held while a run writes
    manifest.jsonl          first what the run was started with, then a line for each finished shard
    shard-00000000.jsonl    a finished shard: the results of `shard_size` rows, in order
    shard-00000001.journal  an open shard: a line for each row, written as soon as it is scored

A finished shard is written beside its name, synced and renamed. A journal is only ever appended
to, so that at worst its last line is torn; that line is then dropped. Each line of all three
carries a checksum, and finished shards are looked through before a run goes on. A shard is open as
long as it has a journal, whatever the manifest says, and a later line of the manifest replaces an
earlier one of the same shard: so a run may be killed between any two steps.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from nemoguardrails_trust.datasets.rows import RowResult
from nemoguardrails_trust.datasets.sealed_lines import seal, unseal, unsealed_lines, whole_lines
from nemoguardrails_trust.datasets.tally import Tally
from nemoguardrails_trust.disk import locked, write_atomically, writing
from nemoguardrails_trust.errors import DataError, SettingsError

VERSION = 1

_MEND_JOURNAL = "remove it, and its row is scored again on the next run"
_MEND_SHARD = "remove the file, and its rows are scored again on the next run"
_MEND_MANIFEST = "remove it, and the rows of its shard are scored again on the next run"


@dataclass(frozen=True, slots=True)
class Shard:
    """A line of the manifest: one finished shard."""

    index: int
    first: int  # its first row, from 0
    rows: int
    digest: str  # of the fingerprints of its rows, in order
    checksum: str  # of its file
    tally: Tally

    def to_json(self) -> dict[str, Any]:
        """The shard as JSON types."""
        return {**asdict(self), "tally": self.tally.to_json()}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Self:
        """The inverse of `to_json`."""
        return cls(**{**stored, "tally": Tally.from_json(stored["tally"])})


class Journal:
    """The rows of an open shard that are scored, in the order in which they came."""

    def __init__(self, path: Path, threshold: float) -> None:
        self.path = path
        self.fingerprints: dict[int, str] = {}  # by row, in the order of its lines
        self.tally = Tally()
        self._threshold = threshold
        lines: dict[int, bytes] = {}
        results: dict[int, RowResult] = {}
        for line, stored in (read := list(unsealed_lines(path, cure=_MEND_JOURNAL))):
            lines[stored["row"]] = line
            self.fingerprints[stored["row"]] = stored["fingerprint"]
            results[stored["row"]] = RowResult.from_json(stored["result"])
        if len(lines) < len(read):  # two processes had it open, as when a machine was given up
            write_atomically(path, b"".join(lines.values()))
        for result in results.values():
            self.tally.add(result, threshold)
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
        os.ftruncate(self._file, sum(map(len, lines.values())))

    def append(self, row: int, fingerprint: str, result: RowResult) -> None:
        """Writes a row down.

        It then outlives this process, though not the machine: a write into the page cache
        takes microseconds, a sync for each row would take longer than scoring it.

        Raises:
            DataError: It cannot be written, as when the disk is full.
        """
        data = seal({"row": row, "fingerprint": fingerprint, "result": result.to_json()})
        with writing(self.path):
            while data:  # a disk that fills up takes a part first
                data = data[os.write(self._file, data) :]
        self.fingerprints[row] = fingerprint
        self.tally.add(result, self._threshold)

    def close(self) -> None:
        """Closes the file; what is written stays."""
        os.close(self._file)

    def finish(self, folder: Path, index: int, first: int, rows: int) -> Shard:
        """Makes a finished shard of it; the journal stays until the manifest tells of the shard.

        Args:
            folder: The folder of the run.
            index: Its place among the shards.
            first: Its first row.
            rows: How many rows it has.

        Returns:
            The line for the manifest.

        Raises:
            DataError: A row is missing, or the shard cannot be written.
        """
        lines = dict(zip(self.fingerprints, read := whole_lines(self.path), strict=False))
        order = range(first, first + rows)
        if lines.keys() != set(order) or len(read) != rows:
            raise DataError(
                f"the journal does not hold rows {first + 1} to {first + rows}",
                path=str(self.path),
            )
        data = b"".join(lines[row] for row in order)
        digest = digest_of([self.fingerprints[row] for row in order])
        write_atomically(shard_path(folder, index), data)
        return Shard(index, first, rows, digest, _digest(data), self.tally)


class RunFolder:
    """The folder of a run, locked for this process."""

    def __init__(self, path: Path, settings: Mapping[str, Any]) -> None:
        self.path = path
        self.finished: dict[int, Shard] = {}
        self._manifest = path / "manifest.jsonl"
        lines = whole_lines(self._manifest)
        if len(lines) > 1 or (lines and any(path.glob("shard-*.journal"))):
            self._check(lines[0], settings)
            with writing(self._manifest):
                os.truncate(self._manifest, sum(map(len, lines)))
        else:
            head = {"version": VERSION, "settings": dict(settings)}
            write_atomically(self._manifest, seal(head))
        for number, line in enumerate(lines[1:], start=2):
            stored = unseal(line, path=self._manifest, number=number, cure=_MEND_MANIFEST)
            shard = Shard.from_json(stored)
            self.finished[shard.index] = shard
        for index in list(self.finished):
            if self.journal_path(index).exists() or not shard_path(self.path, index).exists():
                del self.finished[index]
            else:
                self._require_whole(index)

    def _check(self, head: bytes, settings: Mapping[str, Any]) -> None:
        cure = f"remove {self.path} to start afresh"
        stored = unseal(head, path=self._manifest, number=1, cure=cure)
        if stored["version"] != VERSION:
            raise DataError("was made by another version of this program", path=str(self.path))
        check_same_settings(stored["settings"], settings, f"the run in {self.path}")

    def _require_whole(self, index: int) -> None:
        """Makes sure that a finished shard is as it was written.

        Raises:
            DataError: It is not.
        """
        path = shard_path(self.path, index)
        if _digest_of_file(path) != self.finished[index].checksum:
            for _ in unsealed_lines(path, cure=_MEND_SHARD):  # names the line, if there is one
                pass
            raise DataError(f"the shard is damaged; {_MEND_SHARD}", path=str(path))

    def journal_path(self, index: int) -> Path:
        """Where the journal of an open shard is."""
        return journal_path(self.path, index)

    def add(self, shard: Shard) -> None:
        """Enters a finished shard in the manifest and drops its journal.

        Raises:
            DataError: The manifest cannot be written.
        """
        line = seal(shard.to_json())
        with writing(self._manifest), self._manifest.open("ab") as file:
            file.write(line)
            file.flush()
            os.fsync(file.fileno())
        self.finished[shard.index] = shard
        self.journal_path(shard.index).unlink(missing_ok=True)

    def tally(self) -> Tally:
        """Counts and costs of the finished shards, in their order."""
        total = Tally()
        for index in sorted(self.finished):
            total.merge(self.finished[index].tally)
        return total

    def journalled(self) -> tuple[int, int]:
        """How many rows stand in journals, and the last of them (-1 where there are none)."""
        count, last = 0, -1
        for path in self.path.glob("shard-*.journal"):
            rows = {stored["row"] for _, stored in unsealed_lines(path, cure=_MEND_JOURNAL)}
            count, last = count + len(rows), max(last, *rows, -1)
        return count, last

    def reopen_failed(self) -> None:
        """Opens every shard that holds failed rows again, with the others as they are."""
        for index, shard in list(self.finished.items()):
            if shard.tally.errors:
                kept = _without_failed(shard_path(self.path, index), _MEND_SHARD)
                write_atomically(self.journal_path(index), kept)
                del self.finished[index]
        for path in self.path.glob("shard-*.journal"):
            write_atomically(path, _without_failed(path, _MEND_JOURNAL))

    def fingerprints(self, shard: Shard) -> list[str]:
        """The fingerprints of a finished shard's rows, in order."""
        lines = unsealed_lines(shard_path(self.path, shard.index), cure=_MEND_SHARD)
        return [stored["fingerprint"] for _, stored in lines]

    def results(self) -> Iterator[tuple[str, RowResult]]:
        """All results in order, each with the fingerprint of its row.

        Raises:
            DataError: A shard is damaged.
        """
        for index in sorted(self.finished):
            self._require_whole(index)
            for _, stored in unsealed_lines(shard_path(self.path, index), cure=_MEND_SHARD):
                yield stored["fingerprint"], RowResult.from_json(stored["result"])

    def remove(self) -> None:
        """Removes the folder with all that is in it.

        It is renamed first, since a folder that is half gone would be taken for a run that had
        scored only the rest.
        """
        gone = _finished_path(self.path)
        with writing(self.path):
            self.path.rename(gone)
        shutil.rmtree(gone, ignore_errors=True)  # what stays, the next run removes


@contextmanager
def locked_folder(out: Path) -> Iterator[Path]:
    """Makes the folder of a run where there is none yet, and locks it for this process.

    Raises:
        DataError: Another run is writing, or the folder cannot be written to.
    """
    folder = run_folder_path(out)
    shutil.rmtree(_finished_path(folder), ignore_errors=True)
    with locked(folder / "lock", out):
        try:
            yield folder
        finally:
            if not (folder / "manifest.jsonl").exists():  # nothing was begun, or all is done
                with suppress(OSError):
                    (folder / "lock").unlink(missing_ok=True)
                    (folder / "lock.holder").unlink(missing_ok=True)
                    folder.rmdir()


def has_results(folder: Path) -> bool:
    """Whether a run has a score for any row, or a response that was made.

    Raises:
        DataError: A shard or a journal is damaged.
    """
    for kind, cure in (("jsonl", _MEND_SHARD), ("journal", _MEND_JOURNAL)):
        for path in folder.glob(f"shard-*.{kind}"):
            for _, stored in unsealed_lines(path, cure=cure):
                if stored["result"]["score"] is not None or stored["result"]["made"]:
                    return True
    return False


def run_folder_path(out: Path) -> Path:
    """Where the folder of a run is."""
    return out.with_name(f"{out.name}.shards")


def _finished_path(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.done")


def shard_path(folder: Path, index: int) -> Path:
    """Where a finished shard is."""
    return folder / f"shard-{index:08}.jsonl"


def journal_path(folder: Path, index: int) -> Path:
    """Where the journal of an open shard is."""
    return folder / f"shard-{index:08}.journal"


def digest_of(fingerprints: list[str]) -> str:
    """One digest of the fingerprints of rows, in order."""
    return _digest("".join(fingerprints).encode("ascii"))


def check_same_settings(
    then: Mapping[str, Any], now: Mapping[str, Any], what: str, *, cure: str | None = None
) -> None:
    """Makes sure that settings are those of an earlier run.

    Raises:
        SettingsError: One differs; the message names it with both values.
    """
    now = json.loads(json.dumps(dict(now)))
    for key in {**then, **now}:
        if then.get(key) != now.get(key):
            if key == "generate" and then.get(key) is False and now[key] is True:
                continue  # the rows with a score had a response, and need none made
            told = _other_setting(key, then.get(key), now.get(key), what)
            cure = cure or "use the same, or another OUT, or remove that folder to start afresh"
            raise SettingsError(f"{told}; {cure}", key=key)


def _other_setting(key: str, then: Any, now: Any, what: str) -> str:
    if isinstance(then, dict) or isinstance(now, dict):  # a calibration, which is long
        return f"{key} is not what {what} was started with"
    is_now = "is not set" if not now else "is set" if now is True else f"is {now!r}"
    was = "without it" if not then else "with it" if then is True else f"with {then!r}"
    return f"{key} {is_now}, but {what} was started {was}"


def _without_failed(path: Path, cure: str) -> bytes:
    """The lines of a journal or a shard whose rows have a score."""
    lines = unsealed_lines(path, cure=cure)
    return b"".join(line for line, stored in lines if stored["result"]["score"] is not None)


def _digest(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=16).hexdigest()


def _digest_of_file(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()
