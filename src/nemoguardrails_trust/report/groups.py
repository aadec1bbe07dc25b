"""The figures of each value of a column, such as a product, a language or a week."""

import math
from array import array
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from nemoguardrails_trust.calibration.evaluation import Floats, auroc
from nemoguardrails_trust.datasets.rows import Row
from nemoguardrails_trust.datasets.scored import ScoredRow, as_text
from nemoguardrails_trust.report.figures import threshold_bins

GROUPS_SHOWN = 20
_GROUPS_KEPT = 1000
_NAME_SHOWN = 80
_OTHERS = "all others"
_EMPTY = "(empty)"


@dataclass(slots=True)
class _Numbers:
    scores: "array[float]" = field(default_factory=lambda: array("d"))
    labels: "array[float]" = field(default_factory=lambda: array("d"))

    def add(self, result: ScoredRow) -> None:
        self.scores.append(math.nan if result.score is None else result.score)
        self.labels.append(math.nan if result.correct is None else result.correct)

    def extend(self, other: "_Numbers") -> None:
        self.scores.extend(other.scores)
        self.labels.extend(other.labels)


class Groups:
    """Scores and labels by the value of a column."""

    def __init__(self, column: str) -> None:
        """Takes the column by which rows are grouped."""
        self._column = column
        self._numbers: dict[str, _Numbers] = {}

    def add(self, row: Row, result: ScoredRow) -> None:
        """Takes in one row."""
        name = as_text(row.get(self._column)).strip()[:_NAME_SHOWN] or _EMPTY
        if name not in self._numbers and len(self._numbers) >= _GROUPS_KEPT:
            name = _OTHERS
        self._numbers.setdefault(name, _Numbers()).add(result)

    def to_json(self) -> list[dict[str, Any]]:
        """The figures of each group as JSON types, the largest first, the rest as one."""
        ordered = sorted(self._numbers.items(), key=lambda group: -len(group[1].scores))
        shown, rest = ordered[:GROUPS_SHOWN], ordered[GROUPS_SHOWN:]
        others = _Numbers()
        for _, numbers in rest:
            others.extend(numbers)
        return [_summary(name, numbers) for name, numbers in shown] + (
            [_summary(f"{len(rest):,} others", others)] if rest else []
        )


def _summary(name: str, numbers: _Numbers) -> dict[str, Any]:
    scores, labels = np.asarray(numbers.scores), np.asarray(numbers.labels)
    scored = ~np.isnan(scores)
    judged = scored & ~np.isnan(labels)
    known, truth = scores[judged], labels[judged]
    return {
        "name": name,
        "rows": len(scores),
        "mean": float(np.mean(scores[scored])) if np.any(scored) else None,
        "auroc": auroc(known, truth == 1).value,
        "thresholds": {
            "all": _filled(scores[scored]),
            "right": _filled(known[truth == 1]),
            "wrong": _filled(known[truth == 0]),
        },
    }


def _filled(scores: Floats) -> list[list[int]]:
    """The bins of `threshold_bins` that hold anything, as `[bin, count]`."""
    return [[bin_, count] for bin_, count in enumerate(threshold_bins(scores)) if count]
