"""The table in which a benchmark shows its figures beside their bounds."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True, slots=True)
class Row:
    """One figure.

    Attributes:
        figure: What was measured.
        measured: The value.
        at_most: The highest value that keeps the bound.
        at_least: The lowest value that keeps the bound; without either, a figure to compare with.
        digits: Decimal places to show.
    """

    figure: str
    measured: float
    at_most: float | None = None
    at_least: float | None = None
    digits: int = 2

    @property
    def reached(self) -> bool:
        """Whether the bounds are kept."""
        if self.at_most is not None and not self.measured <= self.at_most:
            return False
        return self.at_least is None or self.measured >= self.at_least

    @property
    def bound(self) -> str:
        """The bound in words."""
        if self.at_most is not None:
            return f"at most {self.at_most:g}"
        return "" if self.at_least is None else f"at least {self.at_least:g}"


def show(title: str, rows: Sequence[Row]) -> bool:
    """Prints the table; tells whether every bound is kept."""
    table = Table("figure", "measured", "bound", "", title=title)
    for row in rows:
        verdict = "" if not row.bound else "reached" if row.reached else "MISSED"
        table.add_row(row.figure, f"{row.measured:.{row.digits}f}", row.bound, verdict)
    Console(highlight=False).print(table)
    return all(row.reached for row in rows)
