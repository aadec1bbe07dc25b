"""Who is told of every score that is made, and what it is compared with."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from contextvars import ContextVar

from nemoguardrails_trust.concurrency.context import Holding
from nemoguardrails_trust.scorers.base import DEFAULT_THRESHOLD, Scorer
from nemoguardrails_trust.scores import TrustworthinessScore

Observer = Callable[[Scorer, TrustworthinessScore], None]

_observer: ContextVar[Observer | None] = ContextVar("observer", default=None)
_threshold: ContextVar[float] = ContextVar("threshold", default=DEFAULT_THRESHOLD)


def observed_by(observer: Observer) -> AbstractContextManager[Observer]:
    """Has an observer told of all scores made within, also by tasks started there.

    Args:
        observer: Called with what scored and what came of it, a failure included.
    """
    return Holding(_observer, observer)


def tell(scorer: Scorer, score: TrustworthinessScore) -> None:
    """Tells the observer, where there is one, of a score."""
    observer = _observer.get()
    if observer is not None:
        observer(scorer, score)


def compared_with(threshold: float) -> AbstractContextManager[float]:
    """Lets an observer know with what scores made within, also by tasks started there, compare."""
    return Holding(_threshold, threshold)


def threshold_in_force() -> float:
    """Scores below it are untrustworthy here and now."""
    return _threshold.get()
