"""Data sets for tests."""

import csv
import json
import resource
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

Rows = Sequence[dict[str, Any]]


def make_rows(count: int, **more: Any) -> list[dict[str, Any]]:
    return [
        {"id": index, "prompt": f"question {index}", "response": f"answer {index}", **more}
        for index in range(count)
    ]


def write(path: Path, rows: Rows) -> Path:
    """Writes rows by the ending of the name."""
    if path.suffix == ".parquet":
        import pyarrow as pa
        import pyarrow.parquet as pq

        pq.write_table(pa.Table.from_pylist(list(rows)), path)
    elif path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    elif path.suffix == ".json":
        path.write_text(json.dumps(list(rows)))
    elif path.suffix == ".xlsx":
        import openpyxl

        book = openpyxl.Workbook()
        for values in (list(rows[0]), *(list(row.values()) for row in rows)):
            book.active.append(values)
        book.save(path)
    else:
        with path.open("w", newline="") as file:
            delimiter = "\t" if path.suffix == ".tsv" else ","
            writer = csv.DictWriter(file, list(rows[0]), delimiter=delimiter)
            writer.writeheader()
            writer.writerows(rows)
    return path


def read(path: Path) -> list[dict[str, Any]]:
    """Reads a file back with readers that are not this project's."""
    if path.suffix == ".parquet":
        import pyarrow.parquet as pq

        rows: list[dict[str, Any]] = pq.read_table(path).to_pylist()
        return rows
    if path.suffix == ".jsonl":
        return [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    if path.suffix == ".json":
        return list(json.loads(path.read_text("utf-8")))
    if path.suffix == ".xlsx":
        import openpyxl

        names, *cells = openpyxl.load_workbook(path).active.iter_rows(values_only=True)
        return [dict(zip(names, values, strict=True)) for values in cells]
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """Makes writing fail as on a full disk, where a file would grow beyond a size."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
