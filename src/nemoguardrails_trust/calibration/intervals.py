"""Estimates with the interval that they may lie in."""

import math
from dataclasses import dataclass

Z95 = 1.959963984540054
"""The 97.5 % quantile of the normal distribution, which 95 % intervals are made with."""


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate with its 95 % interval.

    Attributes:
        value: The estimate; `None` where there is nothing to have it from.
        low: Lower end; `None` where there is too little to give one.
        high: Upper end, likewise.
    """

    value: float | None
    low: float | None = None
    high: float | None = None


def wilson(successes: int, trials: int) -> Interval:
    """Gives a share with Wilson's 95 % score interval, which is sound for few trials too.

    Wilson, "Probable inference, the law of succession, and statistical inference", Journal of
    the American Statistical Association 22 (1927).

    Returns:
        No value without trials.
    """
    if trials == 0:
        return Interval(None)
    share, square = successes / trials, Z95**2
    centre = (share + square / (2 * trials)) / (1 + square / trials)
    spread = math.sqrt(share * (1 - share) / trials + square / (4 * trials**2))
    margin = Z95 * spread / (1 + square / trials)
    return Interval(share, max(0.0, centre - margin), min(1.0, centre + margin))
