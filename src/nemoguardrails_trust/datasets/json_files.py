"""Reads JSON lines row by row."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from nemoguardrails_trust.datasets.lines import Lines
from nemoguardrails_trust.datasets.source import Position, reading_file
from nemoguardrails_trust.errors import DataError


class JsonLinesSource:
    """A file with one JSON object a line."""

    blank_is_none = False
    row_count = None

    def __init__(self, path: Path, limit: int | None = None) -> None:
        self.name = str(path)
        self._path = path
        self._limit = limit
        self._size = path.stat().st_size
        first = next(self.rows(), None)
        self.columns = tuple(first[1]) if first else ()

    def rows(self, start: Position | None = None) -> Iterator[tuple[Position, dict[str, Any]]]:
        """See `Source.rows`."""
        with reading_file(self._path), self._path.open("rb") as file:
            lines = Lines(file, self.name, start or Position())
            row = start.row if start else 0
            while row != self._limit:
                position = Position(row, lines.offset, lines.line)
                line = next(lines, None)
                if line is None:
                    return
                if line.isspace():
                    continue
                yield position, self._parse(line, position)
                row += 1

    def share(self, position: Position) -> float:
        """See `Source.share`."""
        return position.row / self._limit if self._limit else position.offset / self._size

    def _parse(self, line: str, position: Position) -> dict[str, Any]:
        number = position.line + 1
        try:
            value = json.loads(line)
        except (ValueError, RecursionError) as error:
            told = getattr(error, "msg", type(error).__name__)
            raise DataError(
                f"the line is not a JSON object: {told}", path=self.name, line=number
            ) from None
        if not isinstance(value, dict):
            raise DataError(
                f"the line is a JSON {type(value).__name__}, not an object",
                path=self.name,
                line=number,
            )
        return value
