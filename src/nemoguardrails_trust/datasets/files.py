"""Reads CSV, JSON lines and Parquet files row by row, in constant memory."""

from pathlib import Path

from nemoguardrails_trust.datasets.csv_files import CsvSource
from nemoguardrails_trust.datasets.json_files import JsonLinesSource
from nemoguardrails_trust.datasets.lines import BYTE_ORDER_MARK
from nemoguardrails_trust.datasets.parquet_files import ParquetSource
from nemoguardrails_trust.datasets.source import Source, reading_file
from nemoguardrails_trust.errors import DataError

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
    with reading_file(path), path.open("rb") as file:
        start = file.read(4096).removeprefix(BYTE_ORDER_MARK).lstrip()
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
    with reading_file(path):
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
