"""Reads CSV, JSON lines and Parquet files row by row, in constant memory."""

import csv
import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, NamedTuple, Protocol

from nemoguardrails_trust.errors import DataError, MissingDependencyError

BATCH_ROWS = 1024
_FORMATS = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".parquet": "parquet",
    ".pq": "parquet",
}
_DELIMITERS = {"csv": ",", "tsv": "\t"}
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class Position(NamedTuple):
    """Where a row begins.

    Attributes:
        row: Rows before it.
        offset: Bytes before it, in a text file.
        line: Lines before it, in a text file.
    """

    row: int = 0
    offset: int = 0
    line: int = 0


class Source(Protocol):
    """Rows that can be read more than once, from any place."""

    @property
    def name(self) -> str:
        """The path, or what else it is, for messages."""
        ...

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns; where rows differ, those of the first."""
        ...

    @property
    def blank_is_none(self) -> bool:
        """Whether empty text is the format's way to say that there is nothing."""
        ...

    @property
    def row_count(self) -> int | None:
        """How many rows there are, where that is known without reading them."""
        ...

    def rows(self, start: Position | None = None) -> Iterator[tuple[Position, dict[str, Any]]]:
        """The rows from `start` on, each with its position.

        Raises:
            DataError: The file cannot be read, or a row of it not understood.
        """
        ...

    def share(self, position: Position) -> float:
        """How much of the whole lies before a position, 0 to 1."""
        ...


def format_of(path: Path, *, reading: bool = False) -> str:
    """The format of a file: `csv`, `tsv`, `jsonl` or `parquet`.

    By the ending of its name; when reading, otherwise by how it begins.

    Raises:
        DataError: The ending says nothing, and the file is not there to be looked at.
    """
    by_name = _FORMATS.get(path.suffix.lower())
    if not reading:
        if by_name is None:
            raise DataError(
                "the name must end in .csv, .tsv, .jsonl or .parquet, to say what to write",
                path=str(path),
            )
        return by_name
    with _reading(path), path.open("rb") as file:
        start = file.read(4096).removeprefix(_BYTE_ORDER_MARK).lstrip()
    if start.startswith(b"PAR1"):
        return "parquet"
    return by_name or ("jsonl" if start.startswith(b"{") else "csv")


def open_source(path: Path, *, limit: int | None = None) -> Source:
    """Opens a file to read its rows.

    Args:
        path: The file.
        limit: Only so many rows, at least 1.

    Raises:
        DataError: It cannot be read, is empty, or is not what its name says.
        MissingDependencyError: It is a Parquet file, and pyarrow is not installed.
    """
    if path.exists() and not path.is_file():
        raise DataError("is not a regular file", path=str(path))
    with _reading(path):
        size = path.stat().st_size
    if size == 0:
        raise DataError("the file is empty", path=str(path))
    kind = format_of(path, reading=True)
    source: Source
    if kind == "parquet":
        source = ParquetSource(path, limit)
    elif kind == "jsonl":
        source = JsonLinesSource(path, limit)
    else:
        source = CsvSource(path, _DELIMITERS[kind], limit)
    if next(iter(source.rows()), None) is None:
        raise DataError("the file has no rows", path=str(path))
    return source


class CsvSource:
    """A CSV file with a header; every value is text, kept as it stands."""

    blank_is_none = True
    row_count = None

    def __init__(self, path: Path, delimiter: str = ",", limit: int | None = None) -> None:
        self.name = str(path)
        self._path = path
        self._limit = limit
        self._delimiter = delimiter
        self._size = path.stat().st_size
        with _reading(path), path.open("rb") as file:
            lines = _Lines(file, self.name, Position())
            self.columns = tuple(self._next_record(self._reader(lines), lines) or ())
        if len(set(self.columns)) != len(self.columns):
            twice = next(name for name in self.columns if self.columns.count(name) > 1)
            raise DataError(f"the header names column {twice!r} twice", path=self.name, line=1)

    def rows(self, start: Position | None = None) -> Iterator[tuple[Position, dict[str, Any]]]:
        """See `Source.rows`."""
        with _reading(self._path), self._path.open("rb") as file:
            lines = _Lines(file, self.name, start or Position())
            reader = self._reader(lines)
            if start is None:
                self._next_record(reader, lines)
            row = start.row if start else 0
            while row != self._limit:
                position = Position(row, lines.offset, lines.line)
                fields = self._next_record(reader, lines)
                if fields is None:
                    return
                if not fields:  # a blank line
                    continue
                if len(fields) != len(self.columns):
                    raise DataError(
                        f"the row has {len(fields)} fields, the header {len(self.columns)}",
                        path=self.name,
                        line=position.line + 1,
                    )
                yield position, dict(zip(self.columns, fields, strict=True))
                row += 1

    def share(self, position: Position) -> float:
        """See `Source.share`."""
        return position.row / self._limit if self._limit else position.offset / self._size

    def _reader(self, lines: "_Lines") -> Iterator[list[str]]:
        # Retrieved passages are longer than the module's own limit of 128 KiB a field.
        csv.field_size_limit(2**31 - 1)
        return csv.reader(lines, delimiter=self._delimiter, strict=True)

    def _next_record(self, reader: Iterator[list[str]], lines: "_Lines") -> list[str] | None:
        first = lines.line + 1
        try:
            return next(reader, None)
        except csv.Error as error:
            raise DataError(f"is not CSV: {error}", path=self.name, line=first) from None


class JsonLinesSource:
    """A file with one JSON object a line."""

    blank_is_none = False
    row_count = None

    def __init__(self, path: Path, limit: int | None = None) -> None:
        self.name = str(path)
        self._path = path
        self._limit = limit
        self._size = path.stat().st_size
        first = next(self.rows(), None)
        self.columns = tuple(first[1]) if first else ()

    def rows(self, start: Position | None = None) -> Iterator[tuple[Position, dict[str, Any]]]:
        """See `Source.rows`."""
        with _reading(self._path), self._path.open("rb") as file:
            lines = _Lines(file, self.name, start or Position())
            row = start.row if start else 0
            while row != self._limit:
                position = Position(row, lines.offset, lines.line)
                line = next(lines, None)
                if line is None:
                    return
                if line.isspace():
                    continue
                yield position, self._parse(line, position)
                row += 1

    def share(self, position: Position) -> float:
        """See `Source.share`."""
        return position.row / self._limit if self._limit else position.offset / self._size

    def _parse(self, line: str, position: Position) -> dict[str, Any]:
        number = position.line + 1
        try:
            value = json.loads(line)
        except (ValueError, RecursionError) as error:
            told = getattr(error, "msg", type(error).__name__)
            raise DataError(
                f"the line is not a JSON object: {told}", path=self.name, line=number
            ) from None
        if not isinstance(value, dict):
            raise DataError(
                f"the line is a JSON {type(value).__name__}, not an object",
                path=self.name,
                line=number,
            )
        return value


class ParquetSource:
    """A Parquet file."""

    blank_is_none = False

    def __init__(self, path: Path, limit: int | None = None) -> None:
        self.name = str(path)
        self._path = path
        with self._open() as file:
            self.schema = file.schema_arrow
            rows: int = file.metadata.num_rows
        self.row_count: int | None = rows if limit is None else min(rows, limit)
        self.columns = tuple(self.schema.names)
        if len(set(self.columns)) != len(self.columns):
            raise DataError("has several columns of the same name", path=self.name)

    def rows(self, start: Position | None = None) -> Iterator[tuple[Position, dict[str, Any]]]:
        """See `Source.rows`."""
        row = start.row if start else 0
        for batch in self.batches(start):
            for values in rows_of_batch(batch):
                yield Position(row), values
                row += 1

    def share(self, position: Position) -> float:
        """See `Source.share`."""
        return position.row / self.row_count if self.row_count else 1.0

    def batches(self, start: Position | None = None) -> Iterator[Any]:
        """The rows from `start` on as Arrow record batches."""
        skip = start.row if start else 0
        left = (self.row_count or 0) - skip
        with self._open() as file:
            groups: list[int] = []
            for index in range(file.metadata.num_row_groups):
                rows = file.metadata.row_group(index).num_rows
                if not groups and skip >= rows:
                    skip -= rows
                else:
                    groups.append(index)
            for batch in file.iter_batches(batch_size=BATCH_ROWS, row_groups=groups):
                if skip >= batch.num_rows:
                    skip -= batch.num_rows
                    continue
                if left <= 0:
                    return
                wanted = batch.slice(skip, left)
                skip = 0
                left -= wanted.num_rows
                yield wanted

    @contextmanager
    def _open(self) -> Iterator[Any]:
        try:
            import pyarrow as pa
            import pyarrow.parquet as parquet
        except ImportError:
            raise MissingDependencyError("pyarrow", "datasets") from None
        try:
            with _reading(self._path), parquet.ParquetFile(self._path) as file:
                yield file
        except pa.ArrowException as error:
            told = str(error).partition("\n")[0]
            raise DataError(f"the Parquet file is broken: {told}", path=self.name) from None


def rows_of_batch(batch: Any) -> Iterator[dict[str, Any]]:
    """The rows of an Arrow record batch or table as Python values."""
    import pyarrow as pa

    columns = []
    for column in batch.columns:
        kind = column.type
        # Python's own times end at microseconds; the number below is told apart as well.
        in_nanoseconds = pa.types.is_temporal(kind) and getattr(kind, "unit", "") == "ns"
        columns.append((column.cast(pa.int64()) if in_nanoseconds else column).to_pylist())
    names = batch.schema.names
    for values in zip(*columns, strict=True):
        yield dict(zip(names, values, strict=True))


class _Lines:
    """The lines of a file from an offset on, as text, with how far reading has come."""

    def __init__(self, file: IO[bytes], name: str, start: Position) -> None:
        file.seek(start.offset)
        self._file = file
        self._name = name
        self.offset = start.offset
        self.line = start.line

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        data = self._file.readline()
        if not data:
            raise StopIteration
        text = data.removeprefix(_BYTE_ORDER_MARK) if self.offset == 0 else data
        self.offset += len(data)
        self.line += 1
        try:
            return text.decode("utf-8")
        except UnicodeDecodeError:
            raise DataError("the line is not UTF-8 text", path=self._name, line=self.line) from None


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, io.UnsupportedOperation) as error:
        told = error.strerror or str(error).partition("\n")[0]
        raise DataError(f"cannot be read: {told}", path=str(path)) from None
