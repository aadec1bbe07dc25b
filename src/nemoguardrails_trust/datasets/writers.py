"""Writes a data set with its scores, in constant memory."""

import csv
import gzip
import io
import json
import math
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from nemoguardrails_trust.datasets.columns import Columns
from nemoguardrails_trust.datasets.excel_files import MOST_ROWS, import_openpyxl, write_workbook
from nemoguardrails_trust.datasets.files import format_by_name
from nemoguardrails_trust.datasets.parquet_files import import_pyarrow
from nemoguardrails_trust.datasets.parquet_writer import schema_of, write_parquet
from nemoguardrails_trust.datasets.rows import (
    Row,
    RowResult,
    added_columns,
    carried_name,
    scored_row,
)
from nemoguardrails_trust.datasets.source import Source
from nemoguardrails_trust.errors import DataError, SettingsError
from nemoguardrails_trust.exchange.values import finite, json_bytes

Pairs = Iterator[tuple[dict[str, Any], RowResult]]

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a cell begins with that spreadsheets compute."""


@dataclass(frozen=True, slots=True)
class Output:
    """How OUT is written.

    Attributes:
        kind: `csv`, `tsv`, `jsonl`, `json`, `parquet` or `xlsx`.
        packing: `.gz`, `.zst`, or empty.
        bom: Whether a CSV file begins with the mark by which Excel knows UTF-8.
        safe_cells: Whether text in a CSV file that a spreadsheet would compute is put behind an
            apostrophe.
    """

    kind: str
    packing: str = ""
    bom: bool = False
    safe_cells: bool = False

    @classmethod
    def of(cls, path: Path, *, bom: bool = False, safe_cells: bool = False) -> "Output":
        """Settles how a file is written, by the ending of its name.

        Raises:
            DataError: It says nothing, or a format that is not packed.
            SettingsError: An option is for CSV only.
        """
        found = format_by_name(path)
        if found is None or (found.packing and found.kind in ("parquet", "xlsx")):
            raise DataError(
                "the name must end in .csv, .tsv, .jsonl, .json, .parquet or .xlsx, to say what "
                "to write; the text formats may be compressed (.csv.gz, .jsonl.zst)",
                path=str(path),
            )
        for option, is_given in (("--bom", bom), ("--safe-cells", safe_cells)):
            if is_given and found.kind not in ("csv", "tsv"):
                raise SettingsError(f"{option} is for .csv and .tsv files")
        return cls(found.kind, found.packing, bom, safe_cells)


def write_scored(
    path: Path,
    output: Output,
    source: Source,
    pairs: Pairs,
    columns: Columns,
    signals: Sequence[str],
) -> None:
    """Writes all rows with what scoring adds.

    Args:
        path: The file to make.
        output: How to write it.
        source: Where the rows are from.
        pairs: The rows in order, each with its result.
        columns: Which columns were read.
        signals: The names of all signals in the results.

    Raises:
        DataError: The rows cannot be written in this format.
        OSError: The file cannot be written.
    """
    if output.kind == "parquet":
        write_parquet(path, source, pairs, columns, signals)
    elif output.kind in ("json", "jsonl"):
        rows = (scored_row(row, result, columns, signals) for row, result in pairs)
        with _packed(path, output.packing) as file:
            _write_json(file, rows, as_array=output.kind == "json")
    else:
        names = _names(source, columns, signals)
        cells = (
            [values.get(name) for name in names]
            for values in (scored_row(row, result, columns, signals) for row, result in pairs)
        )
        if output.kind == "xlsx":
            write_workbook(path, names, ([_cell(value) for value in row] for row in cells))
        else:
            _write_csv(path, output, names, cells)


def check_writable(output: Output, source: Source) -> None:
    """Finds out before any score is paid for whether the rows fit the format.

    Raises:
        DataError: They do not: Parquet wants one type a column, and Excel has only so many rows.
        MissingDependencyError: What writes the format is not installed.
    """
    if output.kind == "parquet":
        schema_of(source)
    elif output.kind == "xlsx":
        import_openpyxl()
        if (source.row_count or 0) > MOST_ROWS:
            raise DataError(
                f"has {source.row_count:,} rows, and Excel at most {MOST_ROWS:,}; write .csv or "
                ".parquet",
                path=source.name,
            )
    elif output.packing == ".zst":
        import_pyarrow()


@contextmanager
def _packed(path: Path, packing: str) -> Iterator[IO[bytes]]:
    with path.open("wb") as file:
        if packing == ".gz":
            with gzip.GzipFile("", "wb", fileobj=file, mtime=0) as packed:
                yield packed  # type: ignore[misc]
        elif packing == ".zst":
            arrow, _ = import_pyarrow()
            with arrow.CompressedOutputStream(file, "zstd") as packed:
                yield packed
        else:
            yield file


def _write_json(file: IO[bytes], rows: Iterable[Row], *, as_array: bool) -> None:
    between = b""
    for values in rows:
        file.write(between if between else b"[\n" * as_array)
        file.write(json_bytes(values, ensure_ascii=False, default=_json_value))
        between = b",\n" if as_array else b"\n"
    file.write(b"\n]\n" if as_array else b"\n")


def _json_value(value: Any) -> Any:
    if hasattr(value, "tolist"):
        return finite(value.tolist())
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def _write_csv(
    path: Path, output: Output, names: Sequence[str], cells: Iterable[Sequence[Any]]
) -> None:
    delimiter = "\t" if output.kind == "tsv" else ","
    encoding = "utf-8-sig" if output.bom else "utf-8"
    shown = _safe_cell if output.safe_cells else _cell
    with _packed(path, output.packing) as file:
        text = io.TextIOWrapper(file, encoding, errors="replace", newline="")
        writer = csv.writer(text, delimiter=delimiter, lineterminator="\n")
        writer.writerow([shown(name) for name in names])
        writer.writerows([shown(value) for value in row] for row in cells)
        text.flush()
        text.detach()


def _cell(value: Any) -> Any:
    """A value as a cell holds it: lists and objects as JSON, and nothing as nothing."""
    if value is None or isinstance(value, str):  # so most are
        return value
    if isinstance(value, list | dict | tuple):
        return json.dumps(value, ensure_ascii=False, default=_json_value) if value else None
    return None if isinstance(value, float) and math.isnan(value) else value


def _safe_cell(value: Any) -> Any:
    value = _cell(value)
    if isinstance(value, str) and value.startswith(_FORMULA):
        try:
            float(value)
        except ValueError:
            return f"'{value}"
    return value


def _names(source: Source, columns: Columns, signals: Sequence[str]) -> list[str]:
    """The columns of a table, which has to name them before its first row."""
    added = added_columns(signals)
    present: Iterable[str] = source.columns
    # Only rows of JSON are looked through.
    if source.row_count is None and not source.blank_is_none:
        present = dict.fromkeys(name for _, row in source.rows() for name in row)
    own = [carried_name(name, added) for name in present]
    made = () if columns.response else ("response",)
    return list(dict.fromkeys((*own, *made, *added)))
