"""What rows are read from, whatever holds them."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any, NamedTuple

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
    """A row that cannot be read: it has no values, but a problem and what stands there."""

    def __init__(self, problem: DataError, raw: str = "") -> None:
        super().__init__()
        self.problem = problem
        self.raw = raw


class Source(ABC):
    """Rows that can be read more than once, from any place.

    Attributes:
        name: The path, or what else it is, for messages.
        columns: The columns; where rows differ, those of the first.
        remarks: What had to be guessed about it, for people.
        blank_is_none: Whether empty text is the format's way to say that there is nothing.
        row_count: How many rows there are, where that is known without reading them.
    """

    name: str
    columns: tuple[str, ...]
    remarks: tuple[str, ...] = ()
    blank_is_none = False
    row_count: int | None = None

    @abstractmethod
    def rows(self, start: Position | None = None) -> Iterator[tuple[Position, dict[str, Any]]]:
        """The rows from `start` on, each with its position.

        A row that cannot be read is an `UnreadableRow`, and the others come all the same.

        Raises:
            DataError: The file cannot be read, or where its rows end cannot be told.
        """

    def share(self, position: Position) -> float:
        """How much of the whole lies before a position, 0 to 1; 0 where that cannot be told."""
        return position.row / self.row_count if self.row_count else 0.0
