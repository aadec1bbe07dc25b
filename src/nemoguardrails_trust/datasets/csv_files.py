"""Reads CSV files row by row."""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from nemoguardrails_trust.datasets.lines import Lines
from nemoguardrails_trust.datasets.source import Position, reading_file
from nemoguardrails_trust.errors import DataError


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
        with reading_file(path), path.open("rb") as file:
            lines = Lines(file, self.name, Position())
            self.columns = tuple(self._next_record(self._reader(lines), lines) or ())
        if len(set(self.columns)) != len(self.columns):
            twice = next(name for name in self.columns if self.columns.count(name) > 1)
            raise DataError(f"the header names column {twice!r} twice", path=self.name, line=1)

    def rows(self, start: Position | None = None) -> Iterator[tuple[Position, dict[str, Any]]]:
        """See `Source.rows`."""
        with reading_file(self._path), self._path.open("rb") as file:
            lines = Lines(file, self.name, start or Position())
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

    def _reader(self, lines: "Lines") -> Iterator[list[str]]:
        # Retrieved passages are longer than the module's own limit of 128 KiB a field.
        csv.field_size_limit(2**31 - 1)
        return csv.reader(lines, delimiter=self._delimiter, strict=True)

    def _next_record(self, reader: Iterator[list[str]], lines: "Lines") -> list[str] | None:
        first = lines.line + 1
        try:
            return next(reader, None)
        except csv.Error as error:
            raise DataError(f"is not CSV: {error}", path=self.name, line=first) from None
