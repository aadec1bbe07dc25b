"""Maps scores to ratings that people gave: any numbers, and several scores for each rating."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nemoguardrails_trust.calibration.evaluation import Floats
from nemoguardrails_trust.calibration.fitting import Knots, bagged_isotonic
from nemoguardrails_trust.errors import DataError

_KNOTS = 41
_FEWEST = 5
_PRIOR = 0.1  # a rating says more than one right or wrong


@dataclass(frozen=True, slots=True)
class RatingMap:
    """A map from scores to ratings that never falls as a score rises."""

    weights: tuple[float, ...]  # of the scores, adding up to 1
    knots: Knots  # of the weighted mean, to be joined by straight lines

    def apply(self, scores: Sequence[float]) -> float:
        """The rating that scores let expect, from 0 (the lowest given) to 1 (the highest)."""
        places, values = np.array(self.knots).T
        mean = float(np.dot(self.weights, scores))
        return float(np.interp(mean, places, values))


def fit_ratings(scores: Sequence[Sequence[float]], ratings: Sequence[float]) -> RatingMap:
    """Fits a map from scores to ratings.

    The scores are weighed by a least-squares fit in which none counts downwards, and their mean
    is mapped by isotonic regressions on resampled rows.

    Args:
        scores: For each row its scores, 0 to 1, as many in every row.
        ratings: For each row its rating; only the order and the distances matter.

    Raises:
        DataError: The rows are too few, or all of one rating.
    """
    if len(ratings) < _FEWEST:
        raise DataError(f"there are {len(ratings)} rated scores; at least {_FEWEST} are needed")
    features = np.array(scores, dtype=np.float64)
    targets = np.array(ratings, dtype=np.float64)
    least, greatest = float(targets.min()), float(targets.max())
    if least == greatest:
        raise DataError("the ratings are all the same; some must be better than others")
    targets = (targets - least) / (greatest - least)
    weights = _weights(features, targets)
    means: Floats = features @ weights
    places = np.unique(np.concatenate([means, np.linspace(0.0, 1.0, _KNOTS)]))
    if len(places) > 4 * _KNOTS:
        places = np.unique(np.quantile(places, np.linspace(0.0, 1.0, 4 * _KNOTS)))
    values = bagged_isotonic(means, targets, places, prior=_PRIOR)
    knots = tuple(zip(places.tolist(), values.tolist(), strict=True))
    return RatingMap(tuple(weights.tolist()), knots)


def _weights(features: Floats, targets: Floats) -> Floats:
    kept = list(range(features.shape[1]))
    while kept:
        design = np.column_stack([np.ones(len(targets)), features[:, kept]])
        found = np.linalg.lstsq(design, targets, rcond=None)[0][1:]
        if found.min() >= 0.0 and found.sum() > 0.0:
            weights = np.zeros(features.shape[1])
            weights[kept] = found / found.sum()
            return weights
        kept.pop(int(np.argmin(found)))
    return np.full(features.shape[1], 1.0 / features.shape[1])
