"""Reads files of rows, whatever their format, in constant memory."""

import re
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from nemoguardrails_trust.datasets.csv_files import CsvSource
from nemoguardrails_trust.datasets.excel_files import ExcelSource
from nemoguardrails_trust.datasets.json_files import JsonArraySource, JsonLinesSource
from nemoguardrails_trust.datasets.json_objects import find_wrapped
from nemoguardrails_trust.datasets.lines import PACKINGS, TextFile, encoding_of, unpacked_file
from nemoguardrails_trust.datasets.parquet_files import ParquetSource
from nemoguardrails_trust.datasets.source import Position, Source, UnreadableRow
from nemoguardrails_trust.disk import reading
from nemoguardrails_trust.errors import DataError

_FORMATS = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "json",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".xlsx": "xlsx",
}
_SPREAD = re.compile(r"\{\s*\n")
"""How an object begins that stands on several lines."""

_ZIP = b"PK\x03\x04"
_PICKLE = "is a pickle, which is never opened; write JSON Lines, CSV or Parquet"
_WEB_PAGE = "is a web page, not a file of rows; download the file itself"
_FOREIGN = {
    b"\xd0\xcf\x11\xe0": "is an old Excel workbook; save it as .xlsx or .csv",
    b"BZh": "is compressed with bzip2; decompress it, or use gzip or zstd",
    b"\xfd7zXZ": "is compressed with xz; decompress it, or use gzip or zstd",
    b"7z\xbc\xaf": "is a 7z archive; extract it and give one of its files",
    b"ARROW1": "is an Arrow (Feather) file; write Parquet, such as with pandas' to_parquet",
    b"\x93NUMPY": "is a NumPy array; write JSON Lines, CSV or Parquet",
    **dict.fromkeys((b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05"), _PICKLE),
    b"SQLite format 3": "is a SQLite database; export the table as CSV",
    b"%PDF": "is a PDF; save the table in it as CSV",
    b"version https://git-lfs": "is a Git LFS pointer, not the file; fetch it with git lfs pull",
    **dict.fromkeys((b"<!doctype html", b"<html"), _WEB_PAGE),
}
"""How files begin that hold no rows as this project reads them, and what to do."""

_OTHER_KINDS = {
    ".eval": "is an Inspect log that is not JSON; run 'inspect log convert FILE --to json "
    "--output-dir DIR'",
    **dict.fromkeys((".yaml", ".yml"), "is YAML; write JSON, JSON Lines or CSV"),
    ".xml": "is XML; write JSON, JSON Lines or CSV",
}
"""What files of other kinds are called, and what to do."""

_TAR = slice(257, 262)
_LOOKED_AT = 512
_FIRST_ROWS = 20
"""Of which one at least can be read, if the format is the one that it seems to be."""
_JSON_OBJECTS = re.compile(r"\{\s*\"|\[\s*\{")


class Format(NamedTuple):
    """How a file is written: `csv`, `json` and so on, and packed as `.gz`, `.zst` or not."""

    kind: str
    packing: str = ""


def format_by_name(path: Path) -> Format | None:
    """The format that the ending of a file's name says; `None` where it says nothing."""
    packing = path.suffix.lower() if path.suffix.lower() in PACKINGS else ""
    kind = _FORMATS.get(Path(path.stem).suffix.lower() if packing else path.suffix.lower())
    return None if kind is None else Format(kind, packing)


def open_source(path: Path, *, limit: int | None = None, encoding: str | None = None) -> Source:
    """Opens a file to read its rows.

    The format is told by how the file begins, and by its name where that leaves a choice.

    Args:
        path: The file.
        limit: Only so many rows, at least 1.
        encoding: Of a text file; by default it is found out.

    Raises:
        DataError: It cannot be read, is empty, or is not what its name says.
        MissingDependencyError: What reads such a file is not installed.
        SettingsError: There is no such encoding.
    """
    if path.is_dir():
        raise _folder(path)
    if path.exists() and not path.is_file():
        raise DataError("is not a regular file; give one, or - to read stdin", path=str(path))
    with reading(path):
        size = path.stat().st_size
    if size == 0:
        raise DataError("the file is empty", path=str(path))
    source = _open(path, limit, encoding)
    first: UnreadableRow | None = None
    for _, row in islice(source.rows(), _FIRST_ROWS):
        if not isinstance(row, UnreadableRow):
            return source
        first = row if first is None else first
    if first is None:
        raise DataError("the file has no rows", path=str(path))
    raise first.problem  # not one row of many, but another format


def _open(path: Path, limit: int | None, encoding: str | None) -> Source:
    named = format_by_name(path)
    kind = named.kind if named else ""
    with unpacked_file(path) as unpacked:
        start = unpacked.read(_LOOKED_AT)
    _require_rows(start, path)
    told = _OTHER_KINDS.get(path.suffix.lower())
    if told is not None and not _JSON_OBJECTS.match(start.decode("utf-8", "ignore")):
        raise DataError(told, path=str(path))
    if start.startswith(_ZIP) or kind == "xlsx":
        return ExcelSource(path, limit)
    if start.startswith(b"PAR1") or kind == "parquet":
        return ParquetSource(path, limit)
    encoding, told = encoding_of(path, encoding)
    file = TextFile(path, encoding, limit, () if told is None else (told,))
    with unpacked_file(path) as unpacked:
        text = unpacked.read(4096).decode(encoding, "ignore").lstrip("\ufeff \t\r\n")
    is_json = text.startswith(("{", "[")) if not kind else _JSON_OBJECTS.match(text)
    if not is_json and kind in ("", "csv", "tsv"):
        return CsvSource(file, tabbed=kind == "tsv")
    if text.startswith("["):
        return JsonArraySource(file)
    wrapped = find_wrapped(file)
    if wrapped is not None:
        told = f"the rows of {path} are read from {wrapped.path!r} in it"
        file = replace(file, remarks=(*file.remarks, told))
        return JsonArraySource(file, begin=wrapped.inside)
    if _SPREAD.match(text):
        return JsonArraySource(file, begin=Position(), ends=False)
    return JsonLinesSource(file)


def _require_rows(start: bytes, path: Path) -> None:
    """Makes sure that a file is not known to be anything but rows.

    Raises:
        DataError: It is.
    """
    found = next(
        (told for sign, told in _FOREIGN.items() if start.lower().startswith(sign.lower())), None
    )
    if start[_TAR] == b"ustar":
        found = "is a tar archive; extract it and give one of its files"
    if found is not None:
        raise DataError(found, path=str(path))


def _folder(path: Path) -> DataError:
    """The error that a folder was given, which names a file in it where one can be meant."""
    with reading(path):
        files = sorted(inner for inner in path.iterdir() if format_by_name(inner) is not None)
    such = f", such as {files[0]}" if files else ""
    return DataError(f"is a folder; give a file of rows{such}", path=str(path))
