"""Reads and writes Excel workbooks (`.xlsx`) row by row."""

import datetime as dt
import math
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

from nemoguardrails_trust.datasets.source import Position, Source
from nemoguardrails_trust.disk import reading
from nemoguardrails_trust.errors import DataError, needing
from nemoguardrails_trust.exchange.values import plain

CELL_CHARACTERS = 32_767
"""The most characters that Excel has in a cell."""

MOST_ROWS = 1_048_575
"""The most rows that Excel has in a sheet, the header left out."""

_FIRST_ROUNDED = 10**15
_FIRST_YEAR = 1900
_CUT = "… [cut]"


class ExcelSource(Source):
    """The first sheet of a workbook, whose first row names the columns."""

    def __init__(self, path: Path, limit: int | None = None) -> None:
        self.name = str(path)
        self._path = path
        self._limit = limit
        with self._sheet() as (sheet, sheets):
            header = [*next(sheet.iter_rows(values_only=True), ())]
            while header and header[-1] is None:
                header.pop()
            if sheets > 1:
                told = f"of the {sheets} sheets of {path}, the first is read ({sheet.title!r})"
                self.remarks = (told,)
        self.columns = tuple(
            f"column {place}" if name is None else str(name)
            for place, name in enumerate(header, start=1)
        )
        if len(set(self.columns)) != len(self.columns):
            raise DataError("has several columns of the same name", path=self.name, line=1)

    def rows(self, start: Position | None = None) -> Iterator[tuple[Position, dict[str, Any]]]:
        """See `Source.rows`."""
        row = 0
        with self._sheet() as (sheet, _):
            for line, cells in enumerate(sheet.iter_rows(min_row=2, values_only=True), start=1):
                if row == self._limit:
                    return
                values = (*cells, *[None] * len(self.columns))[: len(self.columns)]
                if any(value is not None for value in values):
                    if start is None or row >= start.row:
                        yield Position(row, 0, line), dict(zip(self.columns, values, strict=True))
                    row += 1

    def share(self, position: Position) -> float:
        """See `Source.share`."""
        return position.row / self._limit if self._limit else 0.0

    @contextmanager
    def _sheet(self) -> Iterator[tuple[Any, int]]:
        openpyxl = import_openpyxl()
        with reading(self._path), self._path.open("rb") as file:
            try:
                book = openpyxl.load_workbook(file, read_only=True, data_only=True)
                try:
                    yield book.worksheets[0], len(book.worksheets)
                finally:
                    book.close()
            except KeyError:  # a part that every workbook has
                raise DataError(
                    "is a ZIP archive, but not a workbook; extract it and give one of its files",
                    path=self.name,
                ) from None
            except (zipfile.BadZipFile, IndexError, ValueError, SyntaxError) as error:
                told = str(error).partition("\n")[0]
                raise DataError(f"the workbook is damaged: {told}", path=self.name) from None


def write_workbook(path: Path, names: Sequence[str], rows: Iterator[Sequence[Any]]) -> None:
    """Writes a workbook of one sheet.

    A text that is longer than a cell may be is cut, and says so.

    Raises:
        DataError: There are more rows than a sheet has.
        OSError: The file cannot be written.
    """
    openpyxl = import_openpyxl()
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("scored")
    sheet.append([_cell(sheet, name) for name in names])
    for number, values in enumerate(rows):
        if number == MOST_ROWS:
            raise DataError(f"Excel has at most {MOST_ROWS:,} rows; write .csv or .parquet")
        sheet.append([_cell(sheet, value) for value in values])
    with path.open("wb") as file:
        book.save(file)


def _cell(sheet: Any, value: Any) -> Any:
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

    value = _in_excel(plain(value))
    if not isinstance(value, str):
        return value
    text = ILLEGAL_CHARACTERS_RE.sub("\ufffd", value.encode("utf-8", "replace").decode())
    if len(text) > CELL_CHARACTERS:
        text = text[: CELL_CHARACTERS - len(_CUT)] + _CUT
    cell = WriteOnlyCell(sheet, text)
    cell.data_type = "s"  # text that begins with "=" is no formula
    return cell


def _in_excel(value: Any) -> Any:
    """A value of a type that Excel has; as text if it has none, or would round it."""
    if value is None or isinstance(value, str | bool | Decimal | dt.timedelta):
        return value
    if isinstance(value, int | float):
        return value if math.isfinite(value) and abs(value) < _FIRST_ROUNDED else str(value)
    if isinstance(value, dt.date | dt.time):
        has_zone = getattr(value, "tzinfo", None) is not None
        is_early = isinstance(value, dt.date) and value.year < _FIRST_YEAR
        return value.isoformat() if has_zone or is_early else value
    return str(value)


def import_openpyxl() -> Any:
    """The library that reads and writes workbooks.

    Raises:
        MissingDependencyError: It is not installed.
    """
    with needing("openpyxl", "excel"):
        import openpyxl
    return openpyxl
