"""Lines of JSON that each carry a checksum, so that a damaged one is told and never believed."""

import json
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from nemoguardrails_trust.disk import reading
from nemoguardrails_trust.errors import DataError

_encode = json.JSONEncoder(separators=(",", ":")).encode
_SEAL = b',"crc":"%08x"}\n'
_SEAL_LENGTH = len(_SEAL % 0)


def seal(values: Mapping[str, Any]) -> bytes:
    """A line that holds an object, with the checksum as its last key."""
    body = _encode(values).encode("ascii")[:-1]
    return body + _SEAL % zlib.crc32(body)


def unseal(line: bytes, *, path: Path, number: int, cure: str) -> dict[str, Any]:
    """The object that a line holds.

    Args:
        line: It, with its end.
        path: The file, for the error.
        number: The line's number, from 1.
        cure: What to do where the line is damaged.

    Raises:
        DataError: It is not as it was written.
    """
    body = line[:-_SEAL_LENGTH]
    if line[-_SEAL_LENGTH:] == _SEAL % zlib.crc32(body):
        values: dict[str, Any] = json.loads(line)
        del values["crc"]
        return values
    raise DataError(f"the line is damaged; {cure}", path=str(path), line=number)


def unsealed_lines(path: Path, *, cure: str) -> Iterator[tuple[bytes, dict[str, Any]]]:
    """The lines of a file, each with the object it holds; one that is torn at the end is left out.

    Raises:
        DataError: A line is not as it was written, or the file cannot be read.
    """
    for number, line in enumerate(whole_lines(path), start=1):
        yield line, unseal(line, path=path, number=number, cure=cure)


def whole_lines(path: Path) -> list[bytes]:
    """The lines of a file that may end in a torn one, that one left out.

    Raises:
        DataError: The file cannot be read.
    """
    with reading(path):
        try:
            lines = path.read_bytes().splitlines(keepends=True)
        except FileNotFoundError:
            return []
    return lines[:-1] if lines and not lines[-1].endswith(b"\n") else lines
