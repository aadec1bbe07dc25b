"""The numbers that the page draws, gathered row by row and then summed up.

An answer is *flagged* when its score is below the threshold. Flagging is judged as a detector
of wrong answers: precision is the share of the flagged that are wrong, recall the share of the
wrong that are flagged.
"""

import math
from array import array
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

import numpy as np

from nemoguardrails_trust.calibration.evaluation import (
    ECE_BINS,
    Floats,
    auroc,
    expected_calibration_error,
)
from nemoguardrails_trust.calibration.intervals import wilson
from nemoguardrails_trust.datasets.rows import USAGE
from nemoguardrails_trust.datasets.scored import ScoredRow

THRESHOLD_STEPS = 1000
SIGNAL_BINS = 20
SIGNALS_SHOWN = 6
ERRORS_SHOWN = 12
_ERRORS_KEPT = 1000

SCORE_NAME = "trustworthiness score"


def threshold_bins(scores: Floats) -> list[int]:
    """Counts scores by the lowest threshold that flags them.

    The thresholds are 0, 0.001, … 1. Entry k is the number of scores that k/1000 flags and
    (k-1)/1000 does not, so that the sum of the entries up to k is the number of answers flagged
    at k/1000, exactly; the last entry holds what no threshold flags.
    """
    thresholds = np.arange(THRESHOLD_STEPS + 1) / THRESHOLD_STEPS
    lowest = np.searchsorted(thresholds, scores, side="right")
    return [int(n) for n in np.bincount(lowest, minlength=THRESHOLD_STEPS + 2)]


@dataclass(slots=True)
class Scores:
    """The scores of rows and what their labels say, eight bytes each; NaN where there is none.

    Attributes:
        scores: Trustworthiness scores.
        labels: 1 for right, 0 for wrong.
    """

    scores: "array[float]" = field(default_factory=lambda: array("d"))
    labels: "array[float]" = field(default_factory=lambda: array("d"))

    def add(self, result: ScoredRow) -> None:
        """Takes in one row."""
        self.scores.append(math.nan if result.score is None else result.score)
        self.labels.append(math.nan if result.correct is None else result.correct)

    def extend(self, other: "Scores") -> None:
        """Takes in the rows of another."""
        self.scores.extend(other.scores)
        self.labels.extend(other.labels)

    def judged(self) -> tuple[Floats, Floats, Floats]:
        """All scores that there are; the scores of rows with a label, and their labels."""
        scores, labels = np.asarray(self.scores), np.asarray(self.labels)
        scored = ~np.isnan(scores)
        judged = scored & ~np.isnan(labels)
        return scores[scored], scores[judged], labels[judged]

    def figures(self, bins: Callable[[Floats], Any] = threshold_bins) -> dict[str, Any]:
        """The figures as JSON types.

        Returns:
            `rows`, `mean` score, `auroc` (`None` without labels) and `thresholds`: counts by bin
            of `all` scores and of the labelled `right` and `wrong` ones.
        """
        scored, known, truth = self.judged()
        return {
            "rows": len(self.scores),
            "mean": float(np.mean(scored)) if len(scored) else None,
            "auroc": auroc(known, truth == 1).value,
            "thresholds": {
                "all": bins(scored),
                "right": bins(known[truth == 1]),
                "wrong": bins(known[truth == 0]),
            },
        }


@dataclass
class Gathered(Scores):
    """The numbers of all rows.

    Attributes:
        signals: The signals' values, by name, each as long as `scores`.
        usage: Calls, tokens and seconds, by column, each as long as `scores`.
        errors: How often each error occurred among the rows without a score.
        partial: Rows with a score that carry an error nevertheless: a signal is missing.
    """

    signals: "dict[str, array[float]]" = field(default_factory=dict)
    usage: "dict[str, array[float]]" = field(default_factory=dict)
    errors: Counter[str] = field(default_factory=Counter)
    partial: int = 0

    def add(self, result: ScoredRow) -> None:
        """Takes in one row."""
        before = len(self.scores)
        super().add(result)
        _append(self.signals, result.signals, before)
        _append(self.usage, result.usage, before)
        if result.score is None:
            error = result.error or "no reason given"
            known = error in self.errors or len(self.errors) < _ERRORS_KEPT
            self.errors[error if known else "other errors"] += 1
        elif result.error:
            self.partial += 1


def _append(columns: "dict[str, array[float]]", values: Any, before: int) -> None:
    for name in values:
        if name not in columns:
            columns[name] = array("d", [math.nan]) * before
    for name, column in columns.items():
        value = values.get(name)
        column.append(math.nan if value is None else value)


def reliability(scores: Floats, labels: Floats) -> dict[str, Any]:
    """Scores against the share that is right, in bins of equal width, the empty ones left out."""
    place = np.minimum((scores * ECE_BINS).astype(np.intp), ECE_BINS - 1)
    bins = []
    for k in range(ECE_BINS):
        inside = place == k
        count = int(np.sum(inside))
        if not count:
            continue
        right = wilson(int(np.sum(labels[inside])), count)
        bins.append(
            {
                "from": k / ECE_BINS,
                "to": (k + 1) / ECE_BINS,
                "count": count,
                "score": float(np.mean(scores[inside])),
                "accuracy": right.value,
                "low": right.low,
                "high": right.high,
            }
        )
    return {"bins": bins, "error": expected_calibration_error(scores, labels == 1)}


def summarise(gathered: Gathered) -> dict[str, Any]:
    """The page's figures as JSON types.

    Returns:
        Those of `Scores.figures`, `scored`, `unchecked`, `partial`, `labelled` (scored rows with a
        label), `reliability` (`None` without labels), `signals`, `pairs`, `usage` and `errors`.
    """
    scores, labels = np.asarray(gathered.scores), np.asarray(gathered.labels)
    scored, known, truth = gathered.judged()
    signals = {name: np.asarray(values) for name, values in gathered.signals.items()}
    columns = ({SCORE_NAME: scores} if len(scored) else {}) | signals
    present = {name: column for name, column in columns.items() if not np.all(np.isnan(column))}
    return {
        **gathered.figures(),
        "scored": len(scored),
        "unchecked": len(scores) - len(scored),
        "partial": gathered.partial,
        "labelled": len(known),
        "reliability": reliability(known, truth) if len(known) else None,
        "signals": [_column_summary(name, column, labels) for name, column in columns.items()],
        "pairs": _pairs(present, labels),
        "usage": [
            _usage_summary(name, np.asarray(gathered.usage[name]))
            for name in USAGE
            if name in gathered.usage
        ],
        "errors": _error_summary(gathered.errors),
    }


def _column_summary(name: str, column: Floats, labels: Floats) -> dict[str, Any]:
    there = ~np.isnan(column)
    judged = there & ~np.isnan(labels)
    return {
        "name": name,
        "count": int(np.sum(there)),
        "missing": int(np.sum(~there)),
        "mean": float(np.mean(column[there])) if np.any(there) else None,
        "auroc": auroc(column[judged], labels[judged] == 1).value,
    }


def _pairs(columns: dict[str, Floats], labels: Floats) -> list[dict[str, Any]]:
    """Every two signals against each other, the score being one of them, as counts on a grid."""
    found = []
    for first, second in combinations(list(columns)[:SIGNALS_SHOWN], 2):
        there = ~np.isnan(columns[first]) & ~np.isnan(columns[second])
        if not np.any(there):
            continue
        x, y = columns[first][there], columns[second][there]
        right, wrong = labels[there] == 1, labels[there] == 0
        varied = len(x) > 1 and np.ptp(x) > 0 and np.ptp(y) > 0
        found.append(
            {
                "x": first,
                "y": second,
                "correlation": float(np.corrcoef(x, y)[0, 1]) if varied else None,
                "count": _grid(x, y),
                "right": _grid(x[right], y[right]),
                "wrong": _grid(x[wrong], y[wrong]),
            }
        )
    return found


def _grid(x: Floats, y: Floats) -> list[list[int]]:
    """The cells of a square grid that hold anything, as `[column, row, count]`."""
    column = np.minimum((x * SIGNAL_BINS).astype(int), SIGNAL_BINS - 1)
    row = np.minimum((y * SIGNAL_BINS).astype(int), SIGNAL_BINS - 1)
    counts = np.bincount(row * SIGNAL_BINS + column, minlength=SIGNAL_BINS**2)
    return [
        [int(k % SIGNAL_BINS), int(k // SIGNAL_BINS), int(counts[k])] for k in counts.nonzero()[0]
    ]


def _usage_summary(name: str, column: Floats) -> dict[str, Any]:
    there = column[~np.isnan(column)]
    middle, late = np.quantile(there, [0.5, 0.95])
    return {
        "name": name,
        "rows": len(there),
        "total": float(np.sum(there)),
        "mean": float(np.mean(there)),
        "median": float(middle),
        "late": float(late),
    }


def _error_summary(errors: Counter[str]) -> list[dict[str, Any]]:
    most = errors.most_common(ERRORS_SHOWN)
    shown = [{"message": message, "count": count} for message, count in most]
    rest = errors.total() - sum(count for _, count in most)
    if rest:
        shown.append({"message": f"{len(errors) - len(most)} other kinds of error", "count": rest})
    return shown
