"""Files that are written whole or not at all, by one process at a time."""

import errno
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from nemoguardrails_trust.errors import DataError

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def write_atomically(path: Path, data: bytes) -> None:
    """Writes a file so that it is there whole or not at all, whatever happens.

    Raises:
        DataError: It cannot be written; what was there before still is.
    """
    unfinished = path.with_name(f"{path.name}.tmp")
    with replacing(path, unfinished):
        unfinished.write_bytes(data)


@contextmanager
def replacing(path: Path, unfinished: Path) -> Iterator[None]:
    """Puts a file that the block makes in the place of another, synced and at once.

    Raises:
        DataError: The block could not write it; nothing is replaced then.
    """
    try:
        with writing(path):
            yield
            _sync(unfinished)
            unfinished.replace(path)
            _sync(path.parent)
    except BaseException:
        with suppress(OSError):
            unfinished.unlink()
        raise


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turns the failures of writing to a file into errors that say what to do.

    Raises:
        DataError: Writing failed.
    """
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            told = (
                f"cannot be written: {error.strerror}; what has been scored is kept, "
                "so free some space and run the same command again"
            )
        else:
            told = f"cannot be written: {error.strerror or error}"
        raise DataError(told, path=str(path)) from None


@contextmanager
def locked(path: Path, out: Path) -> Iterator[None]:
    """Holds a lock file, made with its folder where there is none.

    Args:
        path: The lock file.
        out: What it keeps others from writing, for the error.

    Raises:
        DataError: Another process holds it.
    """
    import fcntl  # only where files are written: Windows has no such module

    while True:
        with writing(path):
            path.parent.mkdir(exist_ok=True)
            file = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                holder = os.pread(file, 200, 0).decode("utf-8", "replace").strip()
                raise DataError(
                    f"another run is writing it ({holder or 'just started'}); "
                    "wait for that one, or choose another OUT",
                    path=str(out),
                ) from None
            if not _is_at(file, path):  # a run that ended just now has removed it
                continue
            with writing(path):
                os.ftruncate(file, 0)
                os.pwrite(file, f"process {os.getpid()} on {socket.gethostname()}".encode(), 0)
            yield
            return
        finally:
            os.close(file)


def _is_at(file: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file), path.stat())
    except FileNotFoundError:
        return False


def _sync(path: Path) -> None:
    file = os.open(path, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)
