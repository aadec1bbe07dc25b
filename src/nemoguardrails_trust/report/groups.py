"""The figures of each value of a column, such as a product, a language or a week."""

from typing import Any

from nemoguardrails_trust.calibration.evaluation import Floats
from nemoguardrails_trust.datasets.rows import Row
from nemoguardrails_trust.datasets.scored import ScoredRow, as_text
from nemoguardrails_trust.report.figures import Scores, threshold_bins

GROUPS_SHOWN = 20
_GROUPS_KEPT = 1000
_NAME_SHOWN = 80
_OTHERS = "all others"
_EMPTY = "(empty)"


class Groups:
    """Scores and labels by the value of a column."""

    def __init__(self, column: str) -> None:
        """Takes the column by which rows are grouped."""
        self._column = column
        self._numbers: dict[str, Scores] = {}

    def add(self, row: Row, result: ScoredRow) -> None:
        """Takes in one row."""
        name = as_text(row.get(self._column)).strip()[:_NAME_SHOWN] or _EMPTY
        if name not in self._numbers and len(self._numbers) >= _GROUPS_KEPT:
            name = _OTHERS
        self._numbers.setdefault(name, Scores()).add(result)

    def to_json(self) -> list[dict[str, Any]]:
        """The figures of each group as JSON types, the largest first, the rest as one."""
        ordered = sorted(self._numbers.items(), key=lambda group: -len(group[1].scores))
        shown, rest = ordered[:GROUPS_SHOWN], ordered[GROUPS_SHOWN:]
        others = Scores()
        for _, numbers in rest:
            others.extend(numbers)
        if rest:
            shown.append((f"{len(rest):,} others", others))
        return [{"name": name, **numbers.figures(_filled)} for name, numbers in shown]


def _filled(scores: Floats) -> list[list[int]]:
    """The bins of `threshold_bins` that hold anything, as `[bin, count]`."""
    return [[bin_, count] for bin_, count in enumerate(threshold_bins(scores)) if count]
