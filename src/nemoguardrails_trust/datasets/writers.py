"""Writes a data set with its scores as CSV, JSON lines or Parquet, in constant memory."""

import csv
import json
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from nemoguardrails_trust.datasets.rows import (
    Columns,
    Row,
    RowResult,
    added_columns,
    carried_name,
    kind_of,
    scored_row,
)
from nemoguardrails_trust.datasets.source import BATCH_ROWS, Source
from nemoguardrails_trust.errors import DataError, MissingDependencyError

Pairs = Iterator[tuple[dict[str, Any], RowResult]]
Writer = Callable[[Path, Source, Pairs, Columns, Sequence[str]], None]

_ROW_GROUP_ROWS = 16 * BATCH_ROWS


def write_scored(
    path: Path, kind: str, source: Source, pairs: Pairs, columns: Columns, signals: Sequence[str]
) -> None:
    """Writes all rows with what scoring adds.

    Args:
        path: The file to make.
        kind: `csv`, `tsv`, `jsonl` or `parquet`.
        source: Where the rows are from.
        pairs: The rows in order, each with its result.
        columns: Which columns were read.
        signals: The names of all signals in the results.

    Raises:
        DataError: The rows cannot be written in this format.
        OSError: The file cannot be written.
    """
    _WRITERS[kind](path, source, pairs, columns, signals)


def check_writable(kind: str, source: Source) -> None:
    """Finds out before any score is paid for whether the rows fit the format.

    Raises:
        DataError: They do not: Parquet wants one type a column.
        MissingDependencyError: The format needs pyarrow, which is not installed.
    """
    if kind == "parquet":
        _schema_of(source)


def arrow_type(column: str) -> Any:
    """The Arrow type of a column that scoring adds."""
    import pyarrow as pa

    return {
        "text": pa.string(),
        "texts": pa.list_(pa.string()),
        "number": pa.float64(),
        "count": pa.int64(),
    }[kind_of(column)]


def _write_json_lines(
    path: Path, _source: Source, pairs: Pairs, columns: Columns, signals: Sequence[str]
) -> None:
    with path.open("wb") as file:
        for row, result in pairs:
            line = _json_line(scored_row(row, result, columns, signals))
            file.write(line)


def _json_line(values: Row) -> bytes:
    try:
        text = json.dumps(values, ensure_ascii=False, allow_nan=False, default=_json_value)
    except ValueError:  # JSON has no word for what is not a finite number
        finite = {
            name: None if isinstance(value, float) and not math.isfinite(value) else value
            for name, value in values.items()
        }
        text = json.dumps(finite, ensure_ascii=False, default=_json_value)
    try:
        return text.encode("utf-8") + b"\n"
    except UnicodeEncodeError:  # half a surrogate pair stays escaped, as it came
        return json.dumps(json.loads(text)).encode("ascii") + b"\n"


def _json_value(value: Any) -> Any:
    if hasattr(value, "tolist"):
        return value.tolist()
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def _csv_writer(delimiter: str) -> Writer:
    def write(
        path: Path, source: Source, pairs: Pairs, columns: Columns, signals: Sequence[str]
    ) -> None:
        added = added_columns(signals)
        own = [carried_name(name, added) for name in _all_columns(source)]
        if columns.response is None:
            own.append("response")
        with path.open("w", encoding="utf-8", errors="replace", newline="") as file:
            writer = csv.writer(file, delimiter=delimiter, lineterminator="\n")
            names = list(dict.fromkeys([*own, *added]))
            writer.writerow(names)
            for row, result in pairs:
                values = scored_row(row, result, columns, signals)
                writer.writerow([_csv_value(values.get(name)) for name in names])

    return write


def _csv_value(value: Any) -> Any:
    if isinstance(value, list | dict | tuple):
        return json.dumps(value, ensure_ascii=False, default=_json_value) if value else ""
    return "" if isinstance(value, float) and math.isnan(value) else value


def _all_columns(source: Source) -> Iterable[str]:
    """All columns of all rows; only rows of JSON need to be looked through for that."""
    if source.row_count is not None or source.blank_is_none:
        return source.columns
    return dict.fromkeys(name for _, row in source.rows() for name in row)


def _write_parquet(
    path: Path, source: Source, pairs: Pairs, columns: Columns, signals: Sequence[str]
) -> None:
    arrow, parquet = _pyarrow()
    own = _schema_of(source)
    added = added_columns(signals)
    fields = [field.with_name(carried_name(field.name, added)) for field in own]
    names = {field.name for field in fields}
    made = [] if columns.response else ["response"]
    fields += [arrow.field(name, arrow_type(name)) for name in (*made, *added) if name not in names]
    schema = arrow.schema(fields, metadata=own.metadata)
    with parquet.ParquetWriter(path, schema) as writer:
        waiting: list[Any] = []
        for carried in _carried_batches(source, own):
            chunk = list(islice(pairs, carried.num_rows))
            waiting.append(_joined(carried, chunk, columns, signals, schema))
            if len(waiting) * BATCH_ROWS >= _ROW_GROUP_ROWS:
                writer.write_table(arrow.Table.from_batches(waiting, schema))
                waiting.clear()
        if waiting:
            writer.write_table(arrow.Table.from_batches(waiting, schema))
        if next(pairs, None) is not None:
            raise DataError("the input changed while it was written out", path=source.name)


def _joined(
    carried: Any,
    chunk: list[tuple[dict[str, Any], RowResult]],
    columns: Columns,
    signals: Sequence[str],
    schema: Any,
) -> Any:
    """A record batch of the input with what scoring adds to its rows."""
    import pyarrow as pa

    results = [result for _, result in chunk]
    added = [result.columns(signals) for result in results]
    arrays = {
        carried_name(name, added_columns(signals)): carried.column(index)
        for index, name in enumerate(carried.schema.names)
    }
    if columns.response is None:
        arrays["response"] = pa.array([each.response for each in results], pa.string())
    elif any(each.response is not None for each in results):
        name = carried_name(columns.response, added_columns(signals))
        merged = [
            row[str(columns.response)] if each.response is None else each.response
            for row, each in chunk
        ]
        arrays[name] = pa.array(merged, schema.field(name).type)
    for name in added_columns(signals):
        arrays[name] = pa.array([values[name] for values in added], arrow_type(name))
    return pa.RecordBatch.from_arrays([arrays[name] for name in schema.names], schema=schema)


def _carried_batches(source: Source, schema: Any) -> Iterator[Any]:
    """The input as Arrow record batches: as they are stored, or made from its rows."""
    import pyarrow as pa

    batches = getattr(source, "batches", None)
    if batches is not None:
        yield from batches()
        return
    rows = (row for _, row in source.rows())
    while chunk := list(islice(rows, BATCH_ROWS)):
        arrays = [pa.array([row.get(field.name) for row in chunk], field.type) for field in schema]
        yield pa.RecordBatch.from_arrays(arrays, schema=schema)


def _schema_of(source: Source) -> Any:
    """The Arrow schema of a source: its own, all text for CSV, or what its rows need."""
    arrow, _ = _pyarrow()
    stored = getattr(source, "schema", None)
    if stored is not None:
        return stored
    if source.blank_is_none:
        return arrow.schema([(name, arrow.string()) for name in source.columns])
    types: dict[str, Any] = {}
    rows = (row for _, row in source.rows())
    while chunk := list(islice(rows, BATCH_ROWS)):
        for name in dict.fromkeys(name for row in chunk for name in row):
            values = [row.get(name) for row in chunk]
            types[name] = _common_type(types.get(name, arrow.null()), values, name, source.name)
    # A column of nothing but nulls is text, as readers of Parquet know nothing of a null type.
    return arrow.schema(
        [
            (name, arrow.string() if arrow.types.is_null(kind) else kind)
            for name, kind in types.items()
        ]
    )


def _common_type(known: Any, values: list[Any], name: str, path: str) -> Any:
    import pyarrow as pa

    found = None
    try:
        found = pa.array(values).type
        unified = pa.unify_schemas(
            [pa.schema([("column", known)]), pa.schema([("column", found)])],
            promote_options="permissive",
        )
        return unified.field("column").type
    except pa.ArrowException:
        kinds = {type(value).__name__ for value in values if value is not None}
        if len(kinds) > 1:
            told = " and ".join(sorted(kinds))
        else:
            told = "values of several types" if found is None else f"{known} and {found}"
        raise DataError(
            f"column {name!r} holds {told}; Parquet wants one type a column: "
            "write .jsonl or .csv, or make them the same",
            path=path,
        ) from None


def _pyarrow() -> tuple[Any, Any]:
    try:
        import pyarrow as pa
        import pyarrow.parquet as parquet
    except ImportError:
        raise MissingDependencyError("pyarrow", "datasets") from None
    return pa, parquet


_WRITERS: dict[str, Writer] = {
    "csv": _csv_writer(","),
    "tsv": _csv_writer("\t"),
    "jsonl": _write_json_lines,
    "parquet": _write_parquet,
}
