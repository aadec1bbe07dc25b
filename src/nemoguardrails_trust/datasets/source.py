"""What rows are read from, whatever holds them."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
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
    def blank_is_none(self) -> bool:
        """Whether empty text is the format's way to say that there is nothing."""
        ...

    @property
    def row_count(self) -> int | None:
        """How many rows there are, where that is known without reading them."""
        ...

    def rows(self, start: Position | None = None) -> Iterator[tuple[Position, dict[str, Any]]]:
        """The rows from `start` on, each with its position.

        Raises:
            DataError: The file cannot be read, or a row of it not understood.
        """
        ...

    def share(self, position: Position) -> float:
        """How much of the whole lies before a position, 0 to 1."""
        ...


@contextmanager
def reading_file(path: Path) -> Iterator[None]:
    """Turns the failures of reading a file into errors that name it.

    Raises:
        DataError: Reading failed.
    """
    try:
        yield
    except (OSError, io.UnsupportedOperation) as error:
        told = error.strerror or str(error).partition("\n")[0]
        raise DataError(f"cannot be read: {told}", path=str(path)) from None
