"""What rows are read from, whatever holds them."""

from collections.abc import Iterator
from typing import Any, NamedTuple, Protocol

from nemoguardrails_trust.errors import DataError

BATCH_ROWS = 1024


class Position(NamedTuple):
    """Where a row begins.

    Attributes:
        row: Rows before it.
        offset: Bytes before it, in a text file.
        line: Lines before it, in a text file.
    """

    row: int = 0
    offset: int = 0
    line: int = 0

    @property
    def number(self) -> int:
        """The row's number for people, from 1: its line in a text file, else its place."""
        return max(self.line, self.row) + 1


class UnreadableRow(dict[str, Any]):
    """A row that is there and cannot be read: it has no values.

    Attributes:
        problem: Why, with the file and the line.
        raw: What stands there.
    """

    def __init__(self, problem: DataError, raw: str = "") -> None:
        super().__init__()
        self.problem = problem
        self.raw = raw


class Source(Protocol):
    """Rows that can be read more than once, from any place."""

    @property
    def name(self) -> str:
        """The path, or what else it is, for messages."""
        ...

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns; where rows differ, those of the first."""
        ...

    @property
    def remarks(self) -> tuple[str, ...]:
        """What had to be guessed about it, for people."""
        ...

    @property
    def blank_is_none(self) -> bool:
        """Whether empty text is the format's way to say that there is nothing."""
        ...

    @property
    def row_count(self) -> int | None:
        """How many rows there are, where that is known without reading them."""
        ...

    def rows(self, start: Position | None = None) -> Iterator[tuple[Position, dict[str, Any]]]:
        """The rows from `start` on, each with its position.

        A row that cannot be read is an `UnreadableRow`, and the others come all the same.

        Raises:
            DataError: The file cannot be read, or where its rows end cannot be told.
        """
        ...

    def share(self, position: Position) -> float:
        """How much of the whole lies before a position, 0 to 1."""
        ...
