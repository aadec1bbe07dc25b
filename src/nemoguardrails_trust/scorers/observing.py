"""Who is told of every score that is made, and what it is compared with."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from nemoguardrails_trust.scorers.base import DEFAULT_THRESHOLD, Scorer
from nemoguardrails_trust.scores import TrustworthinessScore

Observer = Callable[[Scorer, TrustworthinessScore], None]

_observer: ContextVar[Observer | None] = ContextVar("observer", default=None)
_threshold: ContextVar[float] = ContextVar("threshold", default=DEFAULT_THRESHOLD)


@contextmanager
def observed_by(observer: Observer) -> Iterator[None]:
    """Has an observer told of all scores made within, also by tasks started there.

    Args:
        observer: Called with what scored and what came of it, a failure included.
    """
    token = _observer.set(observer)
    try:
        yield
    finally:
        _observer.reset(token)


def tell(scorer: Scorer, score: TrustworthinessScore) -> None:
    """Tells the observer, where there is one, of a score."""
    observer = _observer.get()
    if observer is not None:
        observer(scorer, score)


@contextmanager
def compared_with(threshold: float) -> Iterator[None]:
    """Lets an observer know with what scores made within, also by tasks started there, compare."""
    token = _threshold.set(threshold)
    try:
        yield
    finally:
        _threshold.reset(token)


def threshold_in_force() -> float:
    """Scores below it are untrustworthy here and now."""
    return _threshold.get()
