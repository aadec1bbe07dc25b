"""How well scores tell right answers from wrong ones, on answers known to be either.

An answer is *flagged* when its score is below the threshold, and flagging is judged as a detector
of wrong answers: precision is the share of the flagged that are wrong, recall the share of the
wrong that are flagged.
"""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from nemoguardrails_trust.calibration.intervals import Z95, Interval
from nemoguardrails_trust.scores import Usage

Floats = npt.NDArray[np.float64]
Booleans = npt.NDArray[np.bool_]

ECE_BINS = 10


@dataclass(frozen=True, slots=True)
class Evaluation:
    """How well scores tell right answers from wrong ones. A figure that cannot be had is `None`.

    Answers without a score count in `n` and in the cost of a score, and nowhere else.

    Attributes:
        n: Number of answers, including those without a score.
        accuracy: Share of right answers.
        auroc: Probability that a right answer has a higher score than a wrong one (ties count
            half): the area under the ROC curve.
        auroc_low: Lower end of its 95 % interval.
        auroc_high: Upper end.
        threshold: Scores below it are flagged.
        flagged_share: Share of answers that are flagged.
        precision: Share of flagged answers that are wrong.
        recall: Share of wrong answers that are flagged.
        accuracy_kept: Share of right answers among those not flagged.
        ece: Expected calibration error of the score as a probability of being right.
        calls_per_score: Mean number of requests to a model or service; `None` if unknown.
        samples_per_score: Mean number of samples drawn, likewise.
        prompt_tokens_per_score: Mean number of tokens read, likewise.
        completion_tokens_per_score: Mean number of tokens written, likewise.
        unchecked: Number of answers without a score.
        seconds: Wall-clock time of the scoring.
    """

    n: int
    accuracy: float | None
    auroc: float | None
    auroc_low: float | None
    auroc_high: float | None
    threshold: float
    flagged_share: float | None
    precision: float | None
    recall: float | None
    accuracy_kept: float | None
    ece: float | None
    calls_per_score: float | None
    samples_per_score: float | None
    prompt_tokens_per_score: float | None
    completion_tokens_per_score: float | None
    unchecked: int
    seconds: float

    @property
    def why_no_auroc(self) -> str | None:
        """Why `auroc` is `None`; `None` where it is not."""
        if self.auroc is not None:
            return None
        if self.accuracy is None:
            return "no answer has a score"
        return f"every answer with a score is {'right' if self.accuracy else 'wrong'}"

    def to_json(self) -> dict[str, Any]:
        """The figures as JSON types."""
        return asdict(self)


def evaluate(
    scores: Sequence[float | None],
    correct: Sequence[bool],
    threshold: float,
    *,
    usage: Sequence[Usage] | None = None,
    seconds: float = 0.0,
) -> Evaluation:
    """Holds scores against the truth.

    Args:
        scores: 0 to 1 each; `None` where an answer is unchecked.
        correct: Whether each answer is right.
        threshold: Scores below it are flagged.
        usage: What each score cost, where it is known.
        seconds: Wall-clock time of the scoring.

    Raises:
        ValueError: The sequences differ in length.
    """
    if len(scores) != len(correct) or (usage is not None and len(usage) != len(scores)):
        raise ValueError("scores, correct and usage must have the same length")
    pairs = [(s, c) for s, c in zip(scores, correct, strict=True) if s is not None]
    checked = np.array([s for s, _ in pairs], dtype=np.float64)
    right = np.array([c for _, c in pairs], dtype=np.bool_)
    flagged = checked < threshold
    area = auroc(checked, right)
    return Evaluation(
        n=len(scores),
        accuracy=_share(right),
        auroc=area.value,
        auroc_low=area.low,
        auroc_high=area.high,
        threshold=threshold,
        flagged_share=_share(flagged),
        precision=_share(~right[flagged]),
        recall=_share(flagged[~right]),
        accuracy_kept=_share(right[~flagged]),
        ece=expected_calibration_error(checked, right),
        calls_per_score=_mean([spent.calls for spent in usage or ()]),
        samples_per_score=_mean([spent.samples for spent in usage or ()]),
        prompt_tokens_per_score=_mean([spent.prompt_tokens for spent in usage or ()]),
        completion_tokens_per_score=_mean([spent.completion_tokens for spent in usage or ()]),
        unchecked=len(scores) - len(pairs),
        seconds=seconds,
    )


def auroc(scores: Floats, correct: Booleans) -> Interval:
    """Gives the area under the ROC curve, with DeLong's 95 % interval.

    DeLong, DeLong & Clarke-Pearson, "Comparing the areas under two or more correlated receiver
    operating characteristic curves", Biometrics 44 (1988), by midranks as in Sun & Xu, "Fast
    implementation of DeLong's algorithm", IEEE Signal Processing Letters 21 (2014). The interval
    is cut off at 0 and 1.

    Args:
        scores: Higher means more trustworthy.
        correct: Whether each answer is right.

    Returns:
        No value where all answers are right or all are wrong; no interval where only one is.
    """
    m, n = int(correct.sum()), int((~correct).sum())
    if m == 0 or n == 0:
        return Interval(None)
    above, below = components(scores, correct)
    area = float(above.mean())
    if m == 1 or n == 1:
        return Interval(area)
    margin = Z95 * math.sqrt(above.var(ddof=1) / m + below.var(ddof=1) / n)
    return Interval(area, max(0.0, area - margin), min(1.0, area + margin))


def components(scores: Floats, correct: Booleans) -> tuple[Floats, Floats]:
    """Gives DeLong's components of the AUROC, by midranks.

    Returns:
        For each right answer the share of the wrong ones that are below it, and for each wrong
        one the share of the right ones that are above it; ties count half.
    """
    right, wrong = scores[correct], scores[~correct]
    m, n = len(right), len(wrong)
    ranks = _midranks(np.concatenate([right, wrong]))
    above: Floats = (ranks[:m] - _midranks(right)) / n
    below: Floats = 1.0 - (ranks[m:] - _midranks(wrong)) / m
    return above, below


def expected_calibration_error(scores: Floats, correct: Booleans) -> float | None:
    """Gives the expected calibration error over bins of equal width.

    The mean, weighted by their sizes, of the bins' differences between mean score and share of
    right answers: Naeini, Cooper & Hauskrecht, "Obtaining well calibrated probabilities using
    Bayesian binning", AAAI 2015; Guo et al., "On calibration of modern neural networks", ICML
    2017.

    Returns:
        0 to 1, lower is better; `None` without scores.
    """
    if len(scores) == 0:
        return None
    which = np.minimum((scores * ECE_BINS).astype(np.intp), ECE_BINS - 1)
    gaps = np.bincount(which, weights=scores - correct)
    return float(np.abs(gaps).sum() / len(scores))


def _midranks(values: Floats) -> Floats:
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    middle: Floats = (last - (counts - 1) / 2)[inverse]
    return middle


def _share(flags: Booleans) -> float | None:
    return float(flags.mean()) if len(flags) else None


def _mean(values: Sequence[int]) -> float | None:
    return sum(values) / len(values) if values else None
