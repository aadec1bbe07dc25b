"""Files that are written whole or not at all, by one process at a time."""

import errno
import os
import shutil
import socket
import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from nemoguardrails_trust.errors import DataError

_LONGEST_WAIT = 0.2  # seconds for a lock, since a run that ends just now removes its lock file
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def write_atomically(path: Path, data: bytes) -> None:
    """Writes a file so that it is there whole or not at all, whatever happens.

    Raises:
        DataError: It cannot be written; what was there before still is.
    """
    with replacing(path) as unfinished:
        unfinished.write_bytes(data)


@contextmanager
def replacing(path: Path, unfinished: Path | None = None) -> Iterator[Path]:
    """Puts a file that the block makes in the place of another, synced and at once.

    The new file has the permissions of the one before.

    Args:
        path: The file to be replaced, or to be made.
        unfinished: Where the block is to write; by default beside it, at a place of its own.

    Yields:
        Where the block is to write.

    Raises:
        DataError: The block could not write it; nothing is replaced then.
    """
    target = path
    if unfinished is None:
        target = path.resolve() if path.is_symlink() else path  # the link stays
        mine = f"{os.getpid()}.{threading.get_ident()}"
        unfinished = target.with_name(f".{path.name}.{mine}.tmp")
    try:
        with writing(path):
            yield unfinished
            _sync(unfinished)
            with suppress(FileNotFoundError):
                shutil.copymode(target, unfinished)
            unfinished.replace(target)
            _sync(target.parent)
    except BaseException:
        with suppress(OSError):
            unfinished.unlink()
        raise


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turns the failures of reading a file into errors that name it.

    Raises:
        DataError: Reading failed.
    """
    try:
        yield
    except (OSError, EOFError, zlib.error) as error:  # the latter of packed files
        told = getattr(error, "strerror", None) or str(error).partition("\n")[0]
        raise DataError(f"cannot be read: {told}", path=str(path)) from None


def read_yaml(path: Path) -> Any:
    """Reads a YAML file.

    Raises:
        DataError: It cannot be read, or is not YAML.
    """
    import yaml  # most files are others

    try:
        with reading(path):
            return yaml.safe_load(path.read_bytes())
    except yaml.YAMLError as error:  # which would show what stands in the file
        mark = getattr(error, "problem_mark", None)
        told = f"is not YAML: {getattr(error, 'problem', None) or 'it cannot be decoded'}"
        raise DataError(told, path=str(path), line=mark and mark.line + 1) from None


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
                f"cannot be written: {error.strerror}; free some space and run the same "
                "command again (finished work is kept)"
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
    from filelock import FileLock, Timeout

    holder = path.with_name(f"{path.name}.holder")
    lock = FileLock(path)
    with writing(path):
        path.parent.mkdir(exist_ok=True)
        try:
            lock.acquire(timeout=_LONGEST_WAIT, poll_interval=_LONGEST_WAIT / 4)
        except Timeout:
            raise DataError(
                f"another run is writing it ({_text_of(holder) or 'just started'}); wait "
                "for it to finish, or choose another OUT",
                path=str(out),
            ) from None
    try:
        with writing(path):
            holder.write_text(f"process {os.getpid()} on {socket.gethostname()}", "utf-8")
        yield
    finally:
        with suppress(OSError):
            holder.unlink()
        lock.release()


def _text_of(path: Path) -> str:
    try:
        return path.read_text("utf-8", "replace").strip()
    except OSError:
        return ""


def _sync(path: Path) -> None:
    if os.name == "nt" and path.is_dir():  # Windows opens no folders
        return
    file = os.open(path, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)
