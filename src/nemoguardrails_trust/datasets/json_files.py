"""Reads JSON lines, JSON arrays and objects one after another, row by row."""

from collections.abc import Iterator
from itertools import islice
from typing import Any

from nemoguardrails_trust.datasets.json_objects import BRACKETS
from nemoguardrails_trust.datasets.lines import Lines, TextFile, TextSource
from nemoguardrails_trust.datasets.source import BATCH_ROWS, Position, UnreadableRow
from nemoguardrails_trust.errors import DataError
from nemoguardrails_trust.exchange.values import kind_told, load_json

_OPENING, _CLOSING = ("[", "{"), ("]", "}")


class JsonLinesSource(TextSource):
    """A file with one JSON object a line."""

    def __init__(self, file: TextFile) -> None:
        super().__init__(file)
        # A row may lack a column, the first one too.
        self.columns = tuple(
            dict.fromkeys(name for _, row in islice(self.rows(), BATCH_ROWS) for name in row)
        )

    def rows(self, start: Position | None = None) -> Iterator[tuple[Position, dict[str, Any]]]:
        """See `Source.rows`."""
        with self._lines(start) as lines:
            row = start.row if start else 0
            while row != self._limit:
                position = Position(row, lines.offset, lines.line)
                try:
                    line = next(lines, None)
                except DataError as error:
                    if not lines.goes_on:
                        raise
                    yield position, UnreadableRow(error)
                    row += 1
                    continue
                if line is None:
                    return
                if not line.isspace():
                    yield position, self._parse(line, position.line + 1)
                    row += 1

    def _parse(self, text: str, line: int) -> dict[str, Any]:
        """The object that a text is the JSON of."""
        try:
            value = load_json(text)
        except ValueError as error:
            why = getattr(error, "msg", error)
            told = f"is not a JSON object: {why}; write each row with json.dumps or the like"
        else:
            if isinstance(value, dict):
                return value
            told = f"is {kind_told(value)} in JSON; it must be an object with the columns as keys"
        return UnreadableRow(DataError(f"the row {told}", path=self.name, line=line), text)


class JsonArraySource(JsonLinesSource):
    """A JSON array of objects, which may stand in an object; or objects one after another."""

    def __init__(self, file: TextFile, *, begin: Position | None = None, ends: bool = True) -> None:
        """Takes the file, where its elements begin if that is not told by the first bracket.

        `ends` tells whether the array has a bracket at its end.
        """
        self._begin = begin
        self._ends = ends
        super().__init__(file)

    def rows(self, start: Position | None = None) -> Iterator[tuple[Position, dict[str, Any]]]:
        """See `Source.rows`."""
        start = start or self._begin
        first = start.row if start else 0
        with self._lines(start) as lines:
            elements = self._elements(lines, within=start is not None)
            for row, (offset, line, text) in enumerate(elements, start=first):
                if row == self._limit:
                    return
                yield Position(row, offset, line), self._parse(text, line + 1)

    def _elements(self, lines: Lines, *, within: bool) -> Iterator[tuple[int, int, str]]:
        """The elements with the bytes and the lines before them.

        Only brackets are looked at to find where one ends, so that an element which is broken or
        nested without end costs no other.
        """
        depth = 1 if within else 0
        offset = line = 0
        pieces: list[str] = []
        for text in lines:
            taken, passed = 0, lines.offset - len(text.encode("utf-8", "replace"))
            for token in BRACKETS.finditer(text):
                if token[0] not in _OPENING and token[0] not in _CLOSING:
                    continue  # a string, with whatever brackets are in it
                if token[0] in _OPENING and depth <= 1:
                    gap = text[taken : token.start()]
                    self._require_gap(gap, lines.line)
                    taken = token.start() + (depth == 0)
                    passed += len(gap.encode()) + (depth == 0)
                    offset, line = passed, lines.line - 1
                depth += 1 if token[0] in _OPENING else -1
                if depth == 0:
                    self._require_gap(text[taken : token.start()], lines.line)
                    return
                if depth == 1 and token[0] in _CLOSING:
                    pieces.append(text[taken : token.end()])
                    taken, passed = token.end(), passed + len(pieces[-1].encode())
                    yield offset, line, "".join(pieces)
                    pieces.clear()
            if depth > 1:
                pieces.append(text[taken:])
            else:
                self._require_gap(text[taken:], lines.line)
        if self._ends or depth > 1:
            what = "array" if self._ends else "object"
            raise DataError(f"the JSON {what} does not end; the file was cut off", path=self.name)

    def _require_gap(self, text: str, line: int) -> None:
        if text.replace(",", "").strip():
            raise DataError(
                "holds something other than objects; each row must be an object with the columns "
                "as keys",
                path=self.name,
                line=line,
            )
