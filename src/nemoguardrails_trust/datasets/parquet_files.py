"""Reads Parquet files row by row."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from nemoguardrails_trust.datasets.source import BATCH_ROWS, Position, Source
from nemoguardrails_trust.disk import reading
from nemoguardrails_trust.errors import DataError, needing


class ParquetSource(Source):
    """A Parquet file."""

    def __init__(self, path: Path, limit: int | None = None) -> None:
        self.name = str(path)
        self._path = path
        with self._open() as file:
            self.schema = file.schema_arrow
            rows: int = file.metadata.num_rows
        self.row_count = rows if limit is None else min(rows, limit)
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
        pa, parquet = import_pyarrow()
        try:
            with reading(self._path), parquet.ParquetFile(self._path) as file:
                yield file
        except pa.ArrowException as error:
            told = str(error).partition("\n")[0]
            raise DataError(f"the Parquet file is damaged: {told}", path=self.name) from None


def import_pyarrow() -> tuple[Any, Any]:
    """Pyarrow and its Parquet module.

    Raises:
        MissingDependencyError: It is not installed.
    """
    with needing("pyarrow", "datasets"):
        import pyarrow as pa
        import pyarrow.parquet as parquet
    return pa, parquet


def rows_of_batch(batch: Any) -> Iterator[dict[str, Any]]:
    """The rows of an Arrow record batch or table as Python values."""
    columns = [_python_values(column) for column in batch.columns]
    names = batch.schema.names
    for values in zip(*columns, strict=True):
        yield dict(zip(names, values, strict=True))


def _python_values(column: Any) -> list[Any]:
    """The values of a column; Python's own times have microseconds and years up to 9999."""
    import pyarrow as pa

    kind = _in_microseconds(column.type)
    try:
        values: list[Any] = (column if kind == column.type else column.cast(kind)).to_pylist()
    except (ValueError, OverflowError):  # Arrow's errors of values are ValueErrors as well
        if pa.types.is_nested(kind):
            return [_nested_value(scalar, kind) for scalar in column]
        return [_value(scalar, kind) for scalar in column]
    return values


def _value(scalar: Any, kind: Any) -> Any:
    """A value; as text if Python has none like it."""
    import pyarrow as pa

    try:
        return scalar.cast(kind).as_py()
    except (ValueError, OverflowError):
        return scalar.cast(pa.string()).as_py()


def _nested_value(scalar: Any, kind: Any) -> Any:
    """A list or structure, whose times lose what is below microseconds."""
    import pyarrow as pa

    try:
        return pa.array([scalar], scalar.type).cast(kind, safe=False).to_pylist()[0]
    except OverflowError:
        return "values out of range"


def _in_microseconds(kind: Any) -> Any:
    """A type with microseconds in the place of nanoseconds."""
    import pyarrow as pa

    types = pa.types
    if types.is_list(kind) or types.is_large_list(kind):
        inner = _in_microseconds(kind.value_type)
        return kind if inner == kind.value_type else pa.list_(inner)
    if types.is_struct(kind):
        fields = [kind.field(place) for place in range(kind.num_fields)]
        return pa.struct([field.with_type(_in_microseconds(field.type)) for field in fields])
    if not types.is_temporal(kind) or getattr(kind, "unit", "") != "ns":
        return kind
    if types.is_timestamp(kind):
        return pa.timestamp("us", kind.tz)
    return pa.time64("us") if types.is_time(kind) else pa.duration("us")
