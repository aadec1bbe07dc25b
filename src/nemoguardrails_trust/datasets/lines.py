"""The lines of text files of any encoding, packed or not, with how far reading has come."""

import codecs
import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from nemoguardrails_trust.datasets.parquet_files import import_pyarrow
from nemoguardrails_trust.datasets.source import Position, Source
from nemoguardrails_trust.disk import reading
from nemoguardrails_trust.errors import DataError, SettingsError, needing

UTF_8 = "utf-8"
PACKINGS = {".gz": b"\x1f\x8b", ".zst": b"\x28\xb5\x2f\xfd"}
"""How packed files are named and begin."""

_CHUNK = 1 << 20
_SAMPLE = 1 << 16  # bytes of lines with letters beyond ASCII, from which an encoding is guessed
_BYTE_ORDER_MARKS = {
    codecs.BOM_UTF8: UTF_8,
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_USUAL = (
    *("cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257", "cp1258"),
    *("cp932", "gb18030", "big5", "cp949", "koi8_r", "mac_roman"),
)
"""What is no UTF-8 is mostly one of Windows' own encodings."""


@contextmanager
def unpacked_file(path: Path) -> Iterator[IO[bytes]]:
    """Opens a file to read its bytes, those of a packed one unpacked.

    Raises:
        DataError: It cannot be read, or is broken.
        MissingDependencyError: It is packed by Zstandard, and pyarrow is not installed.
    """
    with reading(path), path.open("rb") as file:
        start = file.read(4)
        file.seek(0)
        if start.startswith(PACKINGS[".gz"]):
            with _unpacking(path, "gzip"), gzip.open(file) as unpacked:
                yield io.BufferedReader(unpacked)
        elif start == PACKINGS[".zst"]:
            arrow, _ = import_pyarrow()
            with (
                _unpacking(path, "zstd"),
                arrow.CompressedInputStream(file, "zstd") as unpacked,
            ):
                yield io.BufferedReader(unpacked)
        else:
            yield file


@contextmanager
def _unpacking(path: Path, program: str) -> Iterator[None]:
    """Has broken packed data told with what to do.

    Raises:
        DataError: The data are broken.
    """
    try:
        yield
    except (OSError, EOFError, zlib.error) as error:
        told = str(error).partition("\n")[0]
        if isinstance(error, EOFError) or "truncated" in told.casefold():
            told = f"was cut off: its compressed data stop at byte {path.stat().st_size:,}"
        else:
            told = f"its compressed data are damaged ({told})"
        raise DataError(
            f"{told}; copy it again, or save what is there with {program} -dc {path.name} > NEW",
            path=str(path),
        ) from None


def encoding_of(path: Path, chosen: str | None = None) -> tuple[str, str | None]:
    """The encoding of a text file.

    Args:
        path: The file.
        chosen: The user's choice.

    Returns:
        The encoding, and what people are to be told of it: `None` where it is certain.

    Raises:
        DataError: The file cannot be read, or nothing that is usual fits it.
        MissingDependencyError: It has to be guessed, and charset-normalizer is not installed.
        SettingsError: There is no such encoding.
    """
    if chosen is not None:
        try:
            name = codecs.lookup(chosen).name
        except LookupError:
            raise SettingsError(f"there is no encoding {chosen!r}", key="encoding") from None
        return UTF_8 if name == "utf-8-sig" else name, None
    with unpacked_file(path) as file:
        start = file.read(4)
    for mark, name in _BYTE_ORDER_MARKS.items():
        if start.startswith(mark):
            return name, None
    if len(start) == 4 and start.count(0) == 2:  # UTF-16 that says nothing of itself
        return ("utf-16-le" if start[0] else "utf-16-be"), None
    sample = _lines_beyond_ascii(path)
    if sample is None:
        return UTF_8, None
    name = _guessed(sample, path)
    told = f"{path} is not UTF-8 and is read as {name}; if letters are wrong, set --encoding"
    return name, told


def _lines_beyond_ascii(path: Path) -> bytes | None:
    """Lines from which an encoding can be guessed; `None` where a file is UTF-8.

    So is one in which most is UTF-8: that is one with broken lines.
    """
    decoder = codecs.getincrementaldecoder(UTF_8)()
    with unpacked_file(path) as file:
        try:
            while chunk := file.read(_CHUNK):
                decoder.decode(chunk)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            pass
        else:
            return None
    sample = b""
    with unpacked_file(path) as file:
        for line in file:
            if not line.isascii():
                sample += line
            if len(sample) > _SAMPLE:
                break
    decoded = sample.decode(UTF_8, "replace")
    broken = decoded.count("\ufffd")
    letters = sum(not letter.isascii() for letter in decoded) - broken
    return None if letters >= broken else sample[:_SAMPLE]


def _guessed(sample: bytes, path: Path) -> str:
    with needing("charset-normalizer", "datasets"):
        from charset_normalizer import from_bytes
    found = from_bytes(sample, cp_isolation=list(_USUAL))
    names = {name for match in found for name in (match.encoding, *match.could_be_from_charset)}
    best = found.best()
    if best is None:
        raise DataError("is not text in any usual encoding; save it as UTF-8", path=str(path))
    return "cp1252" if "cp1252" in names else best.encoding


@dataclass(frozen=True, slots=True)
class TextFile:
    """A text file of rows, as far as it is known before they are read."""

    path: Path
    encoding: str
    limit: int | None = None
    remarks: tuple[str, ...] = ()  # what was guessed about it

    @contextmanager
    def lines(self, start: Position | None = None) -> Iterator["Lines"]:
        """Opens it to read its lines, from `start` on."""
        with unpacked_file(self.path) as file:
            yield Lines(file, str(self.path), start or Position(), self.encoding)


class TextSource(Source):
    """A source that is a text file."""

    def __init__(self, file: TextFile) -> None:
        """Takes the file."""
        self.name = str(file.path)
        self.remarks = file.remarks
        self._limit = file.limit
        self._lines = file.lines
        self._size = file.path.stat().st_size

    def share(self, position: Position) -> float:
        """See `Source.share`."""
        if self._limit:
            return position.row / self._limit
        return min(1.0, position.offset / self._size)


class Lines:
    """The lines of a text file from a position on, as text, with how far reading has come.

    Offsets count the bytes that the text has as UTF-8, whatever the file's own encoding.
    """

    def __init__(self, file: IO[bytes], name: str, start: Position, encoding: str) -> None:
        self._name = name
        self._encoding = encoding
        self.goes_on = encoding == UTF_8  # behind a line that cannot be decoded
        self.offset = start.offset
        self.line = start.line
        self._file = file
        self._text: io.TextIOWrapper | None = None
        self._rest = ""  # of the line that reading begins in
        if encoding != UTF_8:
            self._text = io.TextIOWrapper(file, encoding, newline="\n")
            self._rest = _rest_of_line(self._text, start.offset)
        elif file.seekable():
            file.seek(start.offset)
        else:
            left = start.offset
            while left > 0:
                left -= len(file.read(min(left, _CHUNK)))

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        try:
            if self._text is None:
                return self._decoded()
            text, self._rest = self._rest or self._text.readline(), ""
        except UnicodeDecodeError:
            told = "UTF-8" if self.goes_on else self._encoding
            line = self.line if self.goes_on else self.line + 1
            raise DataError(f"the line is not {told} text", path=self._name, line=line) from None
        if not text:
            raise StopIteration
        self.line += 1
        self.offset += len(text.encode("utf-8", "surrogatepass"))
        return text

    def _decoded(self) -> str:
        data = self._file.readline()
        if not data:
            raise StopIteration
        text = data.removeprefix(codecs.BOM_UTF8) if self.offset == 0 else data
        self.offset += len(data)
        self.line += 1
        return text.decode(UTF_8)


def _rest_of_line(file: io.TextIOWrapper, offset: int) -> str:
    """Passes over so many bytes, as UTF-8, and returns what else is on the last line."""
    while offset > 0 and (text := file.readline()):
        line = text.encode("utf-8", "surrogatepass")
        if len(line) > offset:
            return line[offset:].decode("utf-8", "surrogatepass")
        offset -= len(line)
    return ""
