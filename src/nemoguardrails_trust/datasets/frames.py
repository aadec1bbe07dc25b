"""Data sets in memory: pandas and polars frames, Arrow tables and lists of rows."""

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from nemoguardrails_trust.datasets.columns import Columns
from nemoguardrails_trust.datasets.parquet_files import rows_of_batch
from nemoguardrails_trust.datasets.parquet_writer import arrow_type
from nemoguardrails_trust.datasets.rows import RowResult, added_columns, carried_name, kind_of
from nemoguardrails_trust.datasets.source import BATCH_ROWS, Position, Source
from nemoguardrails_trust.errors import DataError


class Frame(Source):
    """A data set in memory, readable like a file."""

    row_count: int

    def __init__(self, data: Any, columns: Iterable[str], row_count: int) -> None:
        self._data = data
        self.columns = tuple(columns)
        self.row_count = row_count

    def rows(self, start: Position | None = None) -> Iterator[tuple[Position, dict[str, Any]]]:
        """See `Source.rows`."""
        first = start.row if start else 0
        for row, values in enumerate(self._values(first), start=first):
            yield Position(row), values

    @abstractmethod
    def _values(self, first: int) -> Iterator[dict[str, Any]]:
        """The rows from a number on."""

    @abstractmethod
    def with_columns(self, renamed: Mapping[str, str], added: Mapping[str, list[Any]]) -> Any:
        """The same kind of data with columns renamed, then added or replaced."""


def open_frame(data: Any) -> Frame | None:
    """The rows of a frame, table or list; `None` where the data is none of these.

    Raises:
        DataError: It has no rows.
    """
    kind = (type(data).__module__.partition(".")[0], type(data).__name__)
    frame: Frame
    if kind == ("pandas", "DataFrame"):
        frame = _PandasFrame(data, data.columns, len(data))
    elif kind == ("polars", "DataFrame"):
        frame = _PolarsFrame(data, data.columns, data.height)
    elif kind == ("pyarrow", "Table"):
        frame = _ArrowTable(data, data.schema.names, data.num_rows)
    elif isinstance(data, list | tuple):
        frame = _RowList(data, data[0] if data else (), len(data))
    else:
        return None
    if not frame.row_count:
        raise DataError(f"{frame.name} has no rows")
    return frame


def columns_of_results(
    frame: Frame, results: Sequence[RowResult], columns: Columns
) -> tuple[dict[str, str], dict[str, list[Any]]]:
    """What `with_columns` takes: the new names of the frame's columns, and those to be added."""
    names = tuple(dict.fromkeys(name for result in results for name in result.names))
    added = added_columns(names)
    values: dict[str, list[Any]] = {name: [] for name in added}
    for result in results:
        for name, value in result.columns(names).items():
            values[name].append(value)
    renamed = {name: carried_name(name, added) for name in frame.columns}
    if columns.response is None:
        values["response"] = [result.response for result in results]
    elif any(result.response is not None for result in results):
        own = (row[columns.response] for _, row in frame.rows())
        values[renamed[columns.response]] = [
            value if result.response is None else result.response
            for value, result in zip(own, results, strict=True)
        ]
    return {old: new for old, new in renamed.items() if old != new}, values


class _PandasFrame(Frame):
    name = "the pandas frame"

    def _values(self, first: int) -> Iterator[dict[str, Any]]:
        import pandas as pd

        for row in range(first, self.row_count, BATCH_ROWS):
            for values in self._data.iloc[row : row + BATCH_ROWS].to_dict("records"):
                for name, value in values.items():
                    if value is pd.NA or value is pd.NaT:
                        values[name] = None
                yield values

    def with_columns(self, renamed: Mapping[str, str], added: Mapping[str, list[Any]]) -> Any:
        import pandas as pd

        index = self._data.index
        numbers = {name for name in added.keys() - set(self.columns) if kind_of(name) == "number"}
        series = {
            name: pd.Series(values, index=index, dtype="float64" if name in numbers else None)
            for name, values in added.items()
        }
        return self._data.rename(columns=dict(renamed)).assign(**series)


class _PolarsFrame(Frame):
    name = "the polars frame"

    def _values(self, first: int) -> Iterator[dict[str, Any]]:
        rows: Iterator[dict[str, Any]] = self._data.slice(first).iter_rows(named=True)
        return rows

    def with_columns(self, renamed: Mapping[str, str], added: Mapping[str, list[Any]]) -> Any:
        import polars as pl

        types = {
            "text": pl.String,
            "texts": pl.List(pl.String),
            "number": pl.Float64,
            "count": pl.Int64,
            "claims": pl.List(pl.Struct({"start": pl.Int64, "end": pl.Int64, "score": pl.Float64})),
        }
        return self._data.rename(dict(renamed)).with_columns(
            pl.Series(name, values, dtype=types[kind_of(name)], strict=False)
            for name, values in added.items()
        )


class _ArrowTable(Frame):
    name = "the Arrow table"

    def _values(self, first: int) -> Iterator[dict[str, Any]]:
        for row in range(first, self.row_count, BATCH_ROWS):
            yield from rows_of_batch(self._data.slice(row, BATCH_ROWS))

    def with_columns(self, renamed: Mapping[str, str], added: Mapping[str, list[Any]]) -> Any:
        import pyarrow as pa

        table = self._data.rename_columns([renamed.get(name, name) for name in self.columns])
        for name, values in added.items():
            column = pa.array(values, arrow_type(name))
            if name in table.schema.names:
                table = table.set_column(table.schema.names.index(name), name, column)
            else:
                table = table.append_column(name, column)
        return table


class _RowList(Frame):
    name = "the list of rows"

    def _values(self, first: int) -> Iterator[dict[str, Any]]:
        return map(dict, self._data[first:])

    def with_columns(self, renamed: Mapping[str, str], added: Mapping[str, list[Any]]) -> Any:
        return [
            {renamed.get(name, name): value for name, value in row.items()}
            | {name: values[index] for name, values in added.items()}
            for index, row in enumerate(self._data)
        ]
