"""Reads CSV files row by row, as programs and people write them."""

import csv
import re
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from typing import Any, NamedTuple

from nemoguardrails_trust.datasets.lines import Lines, TextFile, TextSource
from nemoguardrails_trust.datasets.source import Position, UnreadableRow
from nemoguardrails_trust.errors import DataError, counted

_DELIMITERS = (",", ";", "\t", "|")
_SAMPLE_LINES = 100
_SEPARATOR_LINE = re.compile(r"sep=(.)\r?\n?$")
"""Excel's own way to say what separates fields, before the header."""


class Dialect(NamedTuple):
    """How a CSV file is written."""

    delimiter: str
    spaced: bool = False  # a space follows it that is no part of the field
    told: bool = False  # by a first line


class CsvSource(TextSource):
    """A CSV file with a header; every value is text, kept as it stands."""

    blank_is_none = True

    def __init__(self, file: TextFile, *, tabbed: bool) -> None:
        """Reads how the file is written, and its header; `tabbed` is what its name suggests.

        Raises:
            DataError: It cannot be read, or its header cannot be used.
        """
        super().__init__(file)
        # Retrieved passages are longer than the module's own limit of 128 KiB a field.
        csv.field_size_limit(2**31 - 1)
        with self._lines() as lines:
            try:
                self._dialect = _dialect_of(lines, (*"\t" * tabbed, *_DELIMITERS))
            except csv.Error:  # the one thing that a reader which is not strict refuses
                raise DataError(
                    "a line has a carriage return outside quotation marks; save the file "
                    "with lines that end in a line feed",
                    path=self.name,
                    line=1,
                ) from None
        with self._lines() as lines:
            header = self._header(lines)
        self.columns = tuple(
            name.strip() if self._dialect.spaced else name for name in _named(header)
        )
        if len(set(self.columns)) != len(self.columns):
            twice = next(name for name in self.columns if self.columns.count(name) > 1)
            raise DataError(f"the header names column {twice!r} twice", path=self.name, line=1)

    def rows(self, start: Position | None = None) -> Iterator[tuple[Position, dict[str, Any]]]:
        """See `Source.rows`."""
        with self._lines(start) as lines:
            if start is None:
                self._header(lines)
            reader = self._reader(lines)
            row = start.row if start else 0
            while row != self._limit:
                position = Position(row, lines.offset, lines.line)
                values = self._next_row(reader, lines)
                if values is None:
                    return
                if values or isinstance(values, UnreadableRow):
                    yield position, values
                    row += 1

    def _reader(self, lines: Lines) -> Iterator[list[str]]:
        delimiter, spaced, _ = self._dialect
        return csv.reader(lines, delimiter=delimiter, skipinitialspace=spaced, strict=True)

    def _header(self, lines: Lines) -> list[str]:
        if self._dialect.told:
            next(lines)
        try:
            return next(filter(None, self._reader(lines)), [])  # blank lines may come first
        except csv.Error as error:
            raise DataError(f"is not CSV: {error}", path=self.name, line=1) from None

    def _next_row(self, reader: Iterator[list[str]], lines: Lines) -> dict[str, Any] | None:
        """The next row, without values where the line is blank; `None` at the end."""
        first = lines.line + 1
        try:
            fields = next(reader, None)
        except csv.Error as error:
            if "end of data" in str(error):  # and the open mark has swallowed rows
                raise DataError(
                    "is not CSV: a quotation mark that opens here is never closed",
                    path=self.name,
                    line=first,
                ) from None
            return UnreadableRow(DataError(f"is not CSV: {error}", path=self.name, line=first))
        except DataError as error:
            if not lines.goes_on:
                raise
            return UnreadableRow(error)
        if not fields:
            return None if fields is None else {}
        if len(fields) == len(self.columns):
            return dict(zip(self.columns, fields, strict=True))
        told = (
            f"the row has {counted(len(fields), 'field')}, the header {len(self.columns)}; text "
            f"that holds {self._dialect.delimiter!r} must be in quotation marks"
        )
        problem = DataError(told, path=self.name, line=first)
        return UnreadableRow(problem, "\0".join(fields))


def _named(header: list[str]) -> list[str]:
    """A header, in which a column without a name is called by its place, as Excel leaves them."""
    return [name or f"column {place}" for place, name in enumerate(header, start=1)]


def _dialect_of(lines: Lines, delimiters: tuple[str, ...]) -> Dialect:
    """What separates the fields: that by which all rows have as many as the header, and most."""
    sample: list[str] = []
    with suppress(DataError):  # of a line that cannot be decoded; its row will say so
        sample.extend(islice(lines, _SAMPLE_LINES))
    told = _SEPARATOR_LINE.match(sample[0]) if sample else None
    if told:
        delimiters, sample = (told[1],), sample[1:]
    best, most = Dialect(delimiters[0], told=told is not None), (False, 1)
    for delimiter in delimiters:
        # The last row may be cut, and nothing is strict where a delimiter is but tried.
        rows = [row for row in csv.reader(sample, delimiter=delimiter) if row]
        width = len(rows[0]) if rows else 0
        is_even = all(len(row) == width for row in rows[:-1])
        if width > 1 and (is_even, width) > most:
            spaced = all(name.startswith(" ") for name in rows[0][1:])
            best, most = Dialect(delimiter, spaced, told is not None), (is_even, width)
    return best
