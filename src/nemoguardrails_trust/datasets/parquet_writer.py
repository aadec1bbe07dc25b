"""Writes a data set with its scores as Parquet."""

import math
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from nemoguardrails_trust.datasets.columns import Columns
from nemoguardrails_trust.datasets.parquet_files import import_pyarrow
from nemoguardrails_trust.datasets.rows import (
    RowResult,
    added_columns,
    carried_name,
    encodable,
    kind_of,
    scored_row,
)
from nemoguardrails_trust.datasets.source import BATCH_ROWS, Source
from nemoguardrails_trust.errors import DataError
from nemoguardrails_trust.exchange.values import to_json

_ROW_GROUP_ROWS = 16 * BATCH_ROWS


def arrow_type(column: str) -> Any:
    """The Arrow type of a column that scoring adds."""
    import pyarrow as pa

    return {
        "text": pa.string(),
        "texts": pa.list_(pa.string()),
        "number": pa.float64(),
        "count": pa.int64(),
        "claims": pa.list_(
            pa.struct([("start", pa.int64()), ("end", pa.int64()), ("score", pa.float64())])
        ),
    }[kind_of(column)]


def write_parquet(
    path: Path,
    source: Source,
    pairs: Iterator[tuple[dict[str, Any], RowResult]],
    columns: Columns,
    signals: Sequence[str],
) -> None:
    """Writes all rows with what scoring adds.

    Raises:
        DataError: The rows need more than one type a column.
        MissingDependencyError: pyarrow is not installed.
        OSError: The file cannot be written.
    """
    arrow, parquet = import_pyarrow()
    own = schema_of(source)
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

    rows = [scored_row(row, result, columns, signals) for row, result in chunk]
    arrays = {
        carried_name(name, added_columns(signals)): carried.column(index)
        for index, name in enumerate(carried.schema.names)
    }
    if columns.response is None:
        arrays["response"] = pa.array([row["response"] for row in rows], pa.string())
    elif any(result.response is not None for _, result in chunk):
        name = carried_name(columns.response, added_columns(signals))
        arrays[name] = _array([row[name] for row in rows], schema.field(name).type)
    for name in added_columns(signals):
        arrays[name] = pa.array([row[name] for row in rows], arrow_type(name))
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
        arrays = [_array([row.get(field.name) for row in chunk], field.type) for field in schema]
        yield pa.RecordBatch.from_arrays(arrays, schema=schema)


def schema_of(source: Source) -> Any:
    """The Arrow schema of a source: its own, all text for CSV, or what its rows need.

    Raises:
        DataError: They need more than one type a column, or a column's name is no text.
        MissingDependencyError: pyarrow is not installed.
    """
    arrow, _ = import_pyarrow()
    stored = getattr(source, "schema", None)
    if stored is not None:
        return stored
    if source.blank_is_none:
        return arrow.schema([(name, arrow.string()) for name in source.columns])
    types: dict[str, Any] = {}
    as_text: set[str] = set()  # columns of numbers for which Arrow has no type
    rows = (row for _, row in source.rows())
    while chunk := list(islice(rows, BATCH_ROWS)):
        for name in dict.fromkeys(name for row in chunk for name in row):
            values = [row.get(name) for row in chunk]
            known = types.get(name, arrow.null())
            try:
                types[name] = _common_type(known, values, name, source.name)
            except OverflowError:
                as_text.add(name)
    # A column of nothing but nulls is text, as readers of Parquet know nothing of a null type.
    fields = [
        (name, arrow.string() if name in as_text or arrow.types.is_null(kind) else kind)
        for name, kind in {**types, **dict.fromkeys(as_text - types.keys())}.items()
    ]
    try:
        return arrow.schema(fields)
    except (UnicodeEncodeError, TypeError):
        told = "a column's name is not text, as Parquet requires; write .jsonl or .csv"
        raise DataError(told, path=source.name) from None


def _common_type(known: Any, values: list[Any], name: str, path: str) -> Any:
    import pyarrow as pa

    found = None
    try:
        found = _array(_without_nan(values)).type
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
            f"column {name!r} holds {told}; Parquet allows one type per column: "
            "write .jsonl or .csv, or make them the same",
            path=path,
        ) from None


def _array(values: list[Any], kind: Any = None) -> Any:
    """An Arrow array; texts as Arrow has them, and in a column of text anything as text."""
    import pyarrow as pa

    if kind is not None and pa.types.is_string(kind):
        values = [
            v if v is None or isinstance(v, str) else to_json(v) for v in _without_nan(values)
        ]
    try:
        return pa.array(values, kind)
    except UnicodeEncodeError:
        return pa.array([encodable(value) for value in values], kind)


def _without_nan(values: list[Any]) -> list[Any]:
    """Values in which there is nothing where pandas has NaN for a text that is missing."""
    return [None if isinstance(value, float) and math.isnan(value) else value for value in values]
