"""Whether one way of scoring, or one model, does better than another on the same questions."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nemoguardrails_trust.calibration.evaluation import Booleans, Floats, auroc, components
from nemoguardrails_trust.calibration.intervals import Z95, Interval

RESAMPLES = 10_000
_FEWEST_KEPT = 10  # of which drawing again tells anything: three answers that all change would do
_SEED = 20_260_101


@dataclass(frozen=True, slots=True)
class Scores:
    """Scores of answers to the same questions, and whether each answer is right."""

    values: Floats
    correct: Booleans

    @classmethod
    def of(cls, values: Sequence[float], correct: Sequence[bool]) -> "Scores":
        """Takes both as lists."""
        return cls(np.array(values, dtype=np.float64), np.array(correct, dtype=np.bool_))


def auroc_difference(before: Scores, after: Scores) -> Interval:
    """Gives how much the AUROC has risen, with the 95 % interval of DeLong's paired comparison.

    Where the same answers are right in both this is DeLong, DeLong & Clarke-Pearson (1988). Where
    they are not, the variance is that of the differences of the same components, question by
    question, as in the infinitesimal jackknife.

    Returns:
        No value where one of the two has no AUROC; no interval where one has none.
    """
    first, second = auroc(before.values, before.correct), auroc(after.values, after.correct)
    if first.value is None or second.value is None:
        return Interval(None)
    value = second.value - first.value
    if first.low is None or second.low is None:
        return Interval(value)
    margin = Z95 * math.sqrt(float(np.sum((_influence(after) - _influence(before)) ** 2)))
    return Interval(value, max(-1.0, value - margin), min(1.0, value + margin))


def accuracy_kept_difference(before: Scores, after: Scores, threshold: float) -> Interval:
    """Gives how much the share of right answers among those not flagged has risen.

    The 95 % interval is the bootstrap's (percentiles; Efron & Tibshirani, "An introduction to the
    bootstrap", 1993), questions being drawn with what stands in both; the same each time.

    Returns:
        No value where one of the two keeps no answer; no interval where one keeps fewer than 10.
    """
    kept, kept_after = before.values >= threshold, after.values >= threshold
    # A question counts only by whether it is kept and right, before and after: 16 kinds.
    kinds = kept + 2 * (kept & before.correct) + 4 * kept_after + 8 * (kept_after & after.correct)
    counts = np.bincount(kinds, minlength=16)
    value = _accuracy_differences(counts[None, :])[0]
    if math.isnan(value):
        return Interval(None)
    if min(kept.sum(), kept_after.sum()) < _FEWEST_KEPT:
        return Interval(float(value))
    total = int(counts.sum())
    drawn = np.random.default_rng(_SEED).multinomial(total, counts / total, size=RESAMPLES)
    differences = _accuracy_differences(drawn)
    low, high = np.nanquantile(differences, [0.025, 0.975])
    return Interval(float(value), float(low), float(high))


def _influence(scores: Scores) -> Floats:
    """What each question adds to the AUROC's error; the squares sum to DeLong's variance."""
    above, below = components(scores.values, scores.correct)
    found = np.empty(len(scores.values))
    for parts, places in ((above, scores.correct), (below, ~scores.correct)):
        found[places] = (parts - parts.mean()) / math.sqrt(len(parts) * (len(parts) - 1))
    return found


def _accuracy_differences(counts: np.ndarray) -> Floats:
    """After less before, for each row of how many questions there are of each of the 16 kinds."""
    kinds = np.arange(16)

    def share(kept: int, right: int) -> Floats:
        total = counts[:, kinds & kept != 0].sum(axis=1)
        found = np.full(len(counts), np.nan)
        np.divide(counts[:, kinds & right != 0].sum(axis=1), total, out=found, where=total > 0)
        return found

    return share(4, 8) - share(1, 2)
