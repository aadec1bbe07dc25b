"""Who is told of every score that is made, and what it is compared with."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from dataclasses import replace

from nemoguardrails_trust.concurrency.context import Holding
from nemoguardrails_trust.scorers.base import DEFAULT_THRESHOLD, Scorer
from nemoguardrails_trust.scores import TrustworthinessScore, Usage

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


@contextmanager
def told_as_one() -> Iterator[None]:
    """Has an observer told of the best of the scores made within alone, with what all cost."""
    observer = _observer.get()
    if observer is None:
        yield
        return
    made: list[tuple[Scorer, TrustworthinessScore]] = []
    try:
        with observed_by(lambda scorer, score: made.append((scorer, score))):
            yield
    finally:
        if made:
            scorer, best = max(
                made, key=lambda each: -1.0 if each[1].score is None else each[1].score
            )
            observer(scorer, replace(best, usage=_usage_of([score for _, score in made])))


def _usage_of(scores: Sequence[TrustworthinessScore]) -> Usage:
    """What scores that were made at once cost together; they may share their samples."""
    if len(scores) == 1:
        return scores[0].usage
    seconds = max(score.usage.seconds for score in scores)
    calls = {id(call): call for score in scores for call in score.usage.by_call}
    if calls:
        return Usage.of_calls(tuple(calls.values()), seconds)
    return replace(sum((score.usage for score in scores), Usage()), seconds=seconds)


def compared_with(threshold: float) -> AbstractContextManager[float]:
    """Lets an observer know with what scores made within, also by tasks started there, compare."""
    return Holding(_threshold, threshold)


def threshold_in_force() -> float:
    """Scores below it are untrustworthy here and now."""
    return _threshold.get()
