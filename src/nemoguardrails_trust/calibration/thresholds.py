"""Choosing a threshold for what a user asks, and saying what it will do on new data."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from nemoguardrails_trust.calibration.evaluation import (
    Booleans,
    Floats,
    auroc,
    expected_calibration_error,
)
from nemoguardrails_trust.calibration.fitting import (
    Knots,
    choose_weights,
    fit_map,
    folds,
    scores_by_weights,
)
from nemoguardrails_trust.calibration.intervals import Interval, wilson
from nemoguardrails_trust.errors import DataError, SettingsError
from nemoguardrails_trust.scores import number_of
from nemoguardrails_trust.signals.combine import DEFAULT_WEIGHTS, Weights

LEAST_OF_EACH = 10
"""The least right answers, and the least wrong ones, that anything is fitted to."""

WIDEST = 0.2
"""An interval wider than this says too little to rely on."""

_KINDS = ("precision", "recall", "accuracy-kept", "flag-at-most")
_FOLDS = 10
_WANTED_MARGIN = 0.05


@dataclass(frozen=True, slots=True)
class Target:
    """What a threshold is to reach.

    Attributes:
        kind: `precision` and `flag-at-most` flag as many as they allow, `recall` and
            `accuracy-kept` as few as they need.
        share: Above 0, at most 1.
    """

    kind: str
    share: float

    @classmethod
    def parse(cls, text: str) -> Self:
        """Reads a target such as `precision=0.9`.

        Raises:
            SettingsError: It is no target.
        """
        name, _, number = text.partition("=")
        kind = name.strip().casefold().replace("_", "-")
        share = number_of(number)
        if kind not in _KINDS or not 0.0 < share <= 1.0:
            raise SettingsError(
                f"--target is {text!r}; it must be one of "
                f"{', '.join(f'{kind}=SHARE' for kind in _KINDS)}, with a share above 0 and at "
                "most 1",
                key="target",
            )
        return cls(kind, share)

    def __str__(self) -> str:
        return f"{self.kind}={self.share:g}"


@dataclass(frozen=True, slots=True)
class Sample:
    """Scored answers to calibrate on."""

    scores: Floats
    correct: Booleans
    by_weights: Mapping[Weights, Floats]  # the scores, where weights are to be fitted

    @classmethod
    def of(
        cls,
        scores: Sequence[float],
        correct: Sequence[bool],
        signals: Sequence[Mapping[str, float]] | None = None,
    ) -> Self:
        """Gathers scored answers.

        Args:
            scores: 0 to 1.
            correct: Whether each answer is right.
            signals: The signals' values, where weights are to be fitted.

        Raises:
            DataError: There are too few right or too few wrong answers.
        """
        right = sum(correct)
        if min(right, len(correct) - right) < LEAST_OF_EACH:
            raise DataError(
                f"too little data to calibrate: it takes at least {LEAST_OF_EACH} right "
                f"and {LEAST_OF_EACH} wrong answers with a score, but there are {right} "
                f"and {len(correct) - right}"
            )
        given = np.array(scores, dtype=np.float64)
        by_weights = scores_by_weights(signals) if signals and all(signals) else {}
        if by_weights:
            # The usual weights go by more than the signals' values, so the scores as they came.
            by_weights[DEFAULT_WEIGHTS] = given
        return cls(given, np.array(correct, dtype=np.bool_), by_weights)

    def where(self, rows: Booleans) -> Self:
        """Some of the answers."""
        by_weights = {weights: scores[rows] for weights, scores in self.by_weights.items()}
        return type(self)(self.scores[rows], self.correct[rows], by_weights)

    def weighed(self, weights: Weights | None) -> Floats:
        """The scores under these weights; as they came for `None`."""
        return self.scores if weights is None else self.by_weights[weights]


@dataclass(frozen=True, slots=True)
class Fitted:
    """What was fitted to a sample."""

    weights: Weights | None  # of the signals; `None` where the usual ones do as well
    fit: str  # the kind of the map
    knots: Knots
    threshold: float
    reached: bool  # the threshold reaches the target on the sample

    def probabilities(self, sample: Sample) -> Floats:
        """The probabilities that the answers of a sample are right."""
        places, values = np.array(self.knots).T
        result: Floats = np.interp(sample.weighed(self.weights), places, values)
        return result


def fit(sample: Sample, aim: Target | float) -> Fitted:
    """Fits weights, a map and a threshold.

    Args:
        sample: What to fit to.
        aim: What the threshold is to reach, or the threshold itself.
    """
    weights = None
    if sample.by_weights:
        chosen = choose_weights(sample.by_weights, sample.correct)
        weights = None if chosen == DEFAULT_WEIGHTS else chosen
    name, knots = fit_map(sample.weighed(weights), sample.correct)
    fitted = Fitted(weights, name, knots, 0.0, reached=True)
    if isinstance(aim, Target):
        threshold, reached = choose_threshold(fitted.probabilities(sample), sample.correct, aim)
    else:
        threshold, reached = aim, True
    return Fitted(weights, name, knots, threshold, reached)


def choose_threshold(
    probabilities: Floats, correct: Booleans, target: Target
) -> tuple[float, bool]:
    """Chooses a threshold for a target.

    Shares of fewer than 5 answers, or of under 2 % of them, are left aside as luck.

    Returns:
        The threshold, halfway between two probabilities, and whether it reaches the target; if
        none does, the one that comes nearest.
    """
    order = np.argsort(probabilities, kind="stable")
    ordered, wrong = probabilities[order], ~correct[order]
    # A cut flags so many of the lowest; equal probabilities are never cut apart.
    cuts = np.concatenate([[0], np.flatnonzero(np.diff(ordered)) + 1, [len(ordered)]])
    wrong_flagged = np.concatenate([[0], np.cumsum(wrong)])[cuts]
    total, all_wrong = len(ordered), int(wrong.sum())
    least = min(total, max(5, math.ceil(0.02 * total)))
    if target.kind == "precision":
        enough = cuts >= least
        cuts, wrong_flagged = cuts[enough], wrong_flagged[enough]
        reach = wrong_flagged / cuts
    elif target.kind == "recall":
        reach = wrong_flagged / all_wrong
    elif target.kind == "accuracy-kept":
        enough = total - cuts >= least
        cuts, wrong_flagged = cuts[enough], wrong_flagged[enough]
        kept = total - cuts
        reach = (kept - (all_wrong - wrong_flagged)) / kept
    else:
        reach = np.where(cuts / total <= target.share, 1.0, 0.0)
    reaching = np.flatnonzero(reach >= target.share)
    if len(reaching) == 0:
        return _threshold_at(ordered, int(cuts[np.argmax(reach)])), False
    flags_most = target.kind in ("precision", "flag-at-most")
    return _threshold_at(ordered, int(cuts[reaching[-1 if flags_most else 0]])), True


def _threshold_at(ordered: Floats, cut: int) -> float:
    if cut == 0:
        return 0.0
    if cut == len(ordered):
        return float((ordered[-1] + 1.0) / 2.0)
    return float((ordered[cut - 1] + ordered[cut]) / 2.0)


def expect(sample: Sample, aim: Target | float) -> dict[str, Interval]:
    """Says what to expect on new data, by tenfold cross-validation.

    In each fold all is fitted to the other rows, the threshold too, so no row is judged by what
    was fitted to it. The intervals are Wilson's on the counts of all folds (DeLong's for AUROC);
    that the folds share rows is not allowed for.

    Returns:
        `accuracy_kept`, `auroc`, `ece`, `flagged_share`, `precision` and `recall`.
    """
    correct = sample.correct
    probabilities = np.empty(len(correct))
    flagged = np.empty(len(correct), dtype=np.bool_)
    for held_out in folds(correct, _FOLDS):
        fitted = fit(sample.where(~held_out), aim)
        probabilities[held_out] = fitted.probabilities(sample.where(held_out))
        flagged[held_out] = probabilities[held_out] < fitted.threshold
    return {
        "accuracy_kept": _counted(correct[~flagged]),
        "auroc": auroc(probabilities, correct),
        "ece": Interval(expected_calibration_error(probabilities, correct)),
        "flagged_share": _counted(flagged),
        "precision": _counted(~correct[flagged]),
        "recall": _counted(flagged[~correct]),
    }


def _counted(flags: Booleans) -> Interval:
    return wilson(int(flags.sum()), len(flags))


def rows_wanted(share: Interval, rows: int) -> int | None:
    """How many labelled answers it would take to know a share to within 0.05.

    Args:
        share: With Wilson's interval.
        rows: How many there are.

    Returns:
        `None` where the interval is narrow enough to rely on, at most `WIDEST`, or there is none.
    """
    if share.low is None or share.high is None:
        return None
    width = share.high - share.low
    # Widths fall with the root of the number of rows.
    wanted = math.ceil(rows * (width / (2.0 * _WANTED_MARGIN)) ** 2)
    return wanted if width > WIDEST else None
