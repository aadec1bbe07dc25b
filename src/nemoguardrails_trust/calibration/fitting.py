"""Fitting what a calibration holds: a monotone map of scores, and the weights of the signals."""

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np

from nemoguardrails_trust.calibration.evaluation import Booleans, Floats, auroc
from nemoguardrails_trust.signals.combine import DEFAULT_WEIGHTS, Weights, combine

Knots = tuple[tuple[float, float], ...]
Fit = Callable[[Floats, Booleans, Floats], Floats]

_FOLDS = 5
_SEED = 0
_GROUPS = 200  # rows are put together to so many points before an isotonic regression
_RESAMPLES = 30
_KNOTS = 41  # at evenly spread scores, and as many at evenly spread ranks
_TILT = 1e-3  # share of the score itself in a map, so that two scores never become one
_SUREST = 1e-3  # no fit calls an answer more surely right or wrong than this
_EDGE = 1e-4  # logarithms of scores nearer to 0 or 1 than this would outweigh all others

# A judge who was talked round must not lift an answer past what the samples bear, so reflection
# keeps under 0.6 of the weight (see `Weights`).
_REFLECTION_SHARES = tuple(round(0.05 * i, 2) for i in range(2, 12))
_PROBABILITY_WEIGHTS = (0.05, 0.15, 0.42)


def fit_map(scores: Floats, correct: Booleans) -> tuple[str, Knots]:
    """Fits a strictly rising map from a score to the probability of being right.

    Of several monotone fits it takes the one with the lowest log loss in cross-validation: a
    proper scoring rule, which true probabilities minimise (Gneiting & Raftery, "Strictly proper
    scoring rules, prediction, and estimation", JASA 2007).

    Args:
        scores: 0 to 1.
        correct: Whether each answer is right; some must be, and some not.

    Returns:
        The name of the fit, and the map's knots, to be joined by straight lines.
    """
    losses = {name: _held_out_loss(fit, scores, correct) for name, fit in FITS.items()}
    name = min(losses, key=lambda shape: losses[shape])
    even = np.linspace(0.0, 1.0, _KNOTS)
    places = np.unique(np.concatenate([even, np.quantile(scores, even)]))
    values = (1.0 - _TILT) * FITS[name](scores, correct, places) + _TILT * places
    return name, tuple(zip(places.tolist(), values.tolist(), strict=True))


def folds(correct: Booleans, count: int) -> Iterator[Booleans]:
    """Yields for each fold which rows are held out, the right and the wrong spread evenly."""
    order = np.random.default_rng(_SEED).permutation(len(correct))
    order = order[np.argsort(correct[order], kind="stable")]
    fold = np.empty(len(correct), dtype=np.intp)
    fold[order] = np.arange(len(correct)) % count
    for number in range(count):
        yield fold == number


def scores_by_weights(signals: Sequence[Mapping[str, float]]) -> dict[Weights, Floats]:
    """Combines rows' signals by each of the weights that are tried out.

    Returns:
        The rows' scores by weights; empty where there are not two signals to weigh.
    """
    present = set().union(*signals)
    if not {"reflection", "consistency"} <= present:
        return {}
    of_probability = (
        _PROBABILITY_WEIGHTS if "probability" in present else (DEFAULT_WEIGHTS.probability,)
    )
    tried = [DEFAULT_WEIGHTS] + [
        Weights(share, round(1.0 - share, 2), probability)
        for share in _REFLECTION_SHARES
        for probability in of_probability
    ]
    return {
        weights: np.array([combine(signal, weights) for signal in signals], dtype=np.float64)
        for weights in tried
    }


def choose_weights(by_weights: Mapping[Weights, Floats], correct: Booleans) -> Weights:
    """Chooses the weights whose scores tell right from wrong best, by AUROC.

    The default ones stay unless, in cross-validation, choosing gains more than the standard
    error of the gain on rows that it was not made on.

    Args:
        by_weights: The rows' scores, from `scores_by_weights`.
        correct: Whether each answer is right.
    """
    gains = []
    for held_out in folds(correct, _FOLDS):
        best = _best(by_weights, correct, ~held_out)
        gains.append(
            _area(by_weights[best], correct, held_out)
            - _area(by_weights[DEFAULT_WEIGHTS], correct, held_out)
        )
    error = np.std(gains, ddof=1) / np.sqrt(len(gains))
    if np.mean(gains) <= error:
        return DEFAULT_WEIGHTS
    return _best(by_weights, correct, np.ones(len(correct), dtype=np.bool_))


def _best(by_weights: Mapping[Weights, Floats], correct: Booleans, rows: Booleans) -> Weights:
    return max(by_weights, key=lambda weights: _area(by_weights[weights], correct, rows))


def _area(scores: Floats, correct: Booleans, rows: Booleans) -> float:
    return auroc(scores[rows], correct[rows]).value or 0.0


def _held_out_loss(fit: Fit, scores: Floats, correct: Booleans) -> float:
    losses = np.empty(len(scores))
    for held_out in folds(correct, _FOLDS):
        values = fit(scores[~held_out], correct[~held_out], scores[held_out])
        losses[held_out] = -np.log(np.where(correct[held_out], values, 1.0 - values))
    return float(losses.mean())


def _platt(scores: Floats, correct: Booleans, at: Floats) -> Floats:
    """A logistic curve over the score's log-odds.

    Platt, "Probabilistic outputs for support vector machines", 1999.
    """
    return _logistic([lambda x: _log(x) - _log(1.0 - x)], scores, correct, at)


def _beta(scores: Floats, correct: Booleans, at: Floats) -> Floats:
    """A logistic curve with its two ends apart.

    Kull, Silva Filho & Flach, "Beta calibration", AISTATS 2017.
    """
    features = [_log, lambda x: -_log(1.0 - x)]
    return _logistic(features, scores, correct, at)


def _isotonic(scores: Floats, correct: Booleans, at: Floats) -> Floats:
    """Isotonic regression with its steps joined by lines.

    Zadrozny & Elkan, "Transforming classifier scores into accurate multiclass probability
    estimates", KDD 2002.
    """
    return _joined_isotonic(scores, correct, np.ones(len(scores)), at)


def bagged_isotonic(
    scores: Floats, correct: Booleans | Floats, at: Floats, *, prior: float = 1.0
) -> Floats:
    """The mean of isotonic regressions on resampled rows: smoother, and monotone as they are.

    Breiman, "Bagging predictors", Machine Learning 24 (1996).

    Args:
        scores: 0 to 1.
        correct: Whether each answer is right, or how far it is, 0 to 1.
        at: The scores to map.
        prior: By how many rows each share is drawn towards the mean of all.
    """
    random = np.random.default_rng(_SEED)
    size = len(scores)
    total = np.zeros(len(at))
    for _ in range(_RESAMPLES):
        counts = np.bincount(random.integers(size, size=size), minlength=size)
        total += _joined_isotonic(scores, correct, counts.astype(np.float64), at, prior)
    return total / _RESAMPLES


FITS: Mapping[str, Fit] = {
    "platt": _platt,
    "beta": _beta,
    "isotonic": _isotonic,
    "bagged isotonic": bagged_isotonic,
}
"""Each fits scores to the truth, and gives the probabilities at further scores."""


def _joined_isotonic(
    scores: Floats, correct: Booleans | Floats, counts: Floats, at: Floats, prior: float = 1.0
) -> Floats:
    """Pools adjacent violators, and joins the middles of the blocks by lines.

    A block's share is drawn towards the base rate by `prior` rows, so that few rows never make
    certainty.
    """
    blocks: list[tuple[float, float, float]] = []
    for block in zip(*_grouped(scores, correct, counts), strict=True):
        blocks.append(block)
        while len(blocks) > 1 and blocks[-2][1] >= blocks[-1][1]:
            right = blocks.pop()
            blocks[-1] = _pooled(blocks[-1], right)
    places, shares, sizes = np.array(blocks).T
    base = float((shares * sizes).sum() / sizes.sum())
    # Blocks of unlike sizes are drawn unlike far, which may leave one below its neighbour.
    drawn = np.maximum.accumulate((shares * sizes + prior * base) / (sizes + prior))
    return _clipped(np.interp(at, places, drawn))


def _pooled(
    left: tuple[float, float, float], right: tuple[float, float, float]
) -> tuple[float, float, float]:
    size = left[2] + right[2]
    place = (left[0] * left[2] + right[0] * right[2]) / size
    share = (left[1] * left[2] + right[1] * right[2]) / size
    return place, share, size


def _grouped(
    scores: Floats, correct: Booleans | Floats, counts: Floats
) -> tuple[Floats, Floats, Floats]:
    """Puts equal scores, and neighbours where there are many, together.

    Returns:
        Each group's mean score, share of right answers, and size.
    """
    order = np.argsort(scores, kind="stable")
    order = order[counts[order] > 0.0]
    ordered, right, sizes = scores[order], correct[order], counts[order]
    _, starts = np.unique(ordered, return_index=True)
    if len(starts) > _GROUPS:
        starts = starts[np.linspace(0, len(starts), _GROUPS, endpoint=False).astype(np.intp)]
    totals = np.add.reduceat(sizes, starts)
    places: Floats = np.add.reduceat(ordered * sizes, starts) / totals
    shares: Floats = np.add.reduceat(right * sizes, starts) / totals
    return places, shares, totals


def _logistic(
    features: list[Callable[[Floats], Floats]], scores: Floats, correct: Booleans, at: Floats
) -> Floats:
    """Logistic regression on features that may only count upwards, with Platt's softened targets.

    A feature that would count downwards is left out, so that the curve never falls.
    """
    right = int(correct.sum())
    wrong = len(correct) - right
    targets = np.where(correct, (right + 1.0) / (right + 2.0), 1.0 / (wrong + 2.0))
    kept = list(features)
    while True:
        weights = _newton(_design(kept, scores), targets)
        if not kept or weights[1:].min() >= 0.0:
            return _clipped(_sigmoid(_design(kept, at) @ weights))
        kept.pop(int(np.argmin(weights[1:])))


def _design(features: Sequence[Callable[[Floats], Floats]], scores: Floats) -> Floats:
    return np.column_stack([np.ones(len(scores)), *(feature(scores) for feature in features)])


def _newton(design: Floats, targets: Floats) -> Floats:
    """The weights of a logistic regression, by Newton's method with a slight ridge."""
    ridge = 1e-6 * np.eye(design.shape[1])
    weights: Floats = np.zeros(design.shape[1])
    for _ in range(50):
        values = _sigmoid(design @ weights)
        curvature = (design * (values * (1.0 - values))[:, None]).T @ design + ridge
        step = np.linalg.solve(curvature, design.T @ (targets - values) - ridge @ weights)
        weights = weights + step
        if np.abs(step).max() < 1e-8:
            break
    return weights


def _sigmoid(values: Floats) -> Floats:
    result: Floats = 1.0 / (1.0 + np.exp(-np.clip(values, -30.0, 30.0)))
    return result


def _log(values: Floats) -> Floats:
    result: Floats = np.log(np.clip(values, _EDGE, 1.0 - _EDGE))
    return result


def _clipped(values: Floats) -> Floats:
    return np.clip(values, _SUREST, 1.0 - _SUREST)
