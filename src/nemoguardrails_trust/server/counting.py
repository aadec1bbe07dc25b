"""What the scores and the calls of a request are counted as."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar

from nemoguardrails_trust.concurrency.context import Holding
from nemoguardrails_trust.errors import TrustError
from nemoguardrails_trust.scorers.observing import compared_with
from nemoguardrails_trust.scores import CallUsage, TrustworthinessScore, Usage
from nemoguardrails_trust.server.wanted import Wanted

Spender = Callable[[str, Usage], None]
"""Told of what was spent beside scores: the preset, and the calls."""

_wanted: ContextVar[Wanted | None] = ContextVar("wanted", default=None)
_spender: ContextVar[Spender | None] = ContextVar("spender", default=None)
_failures: ContextVar[list[TrustError] | None] = ContextVar("failures", default=None)


@contextmanager
def counted_for(wanted: Wanted, threshold: float) -> Iterator[list[TrustError]]:
    """Has what is scored and spent within, also by tasks started there, counted for a client.

    Args:
        wanted: What the client wants.
        threshold: With what scores compare.

    Returns:
        Gets the failures behind all scores that could not be had.
    """
    failures: list[TrustError] = []
    with Holding(_wanted, wanted), Holding(_failures, failures), compared_with(threshold):
        yield failures


def note_failures(score: TrustworthinessScore) -> None:
    """Keeps why there is no score, where there is none."""
    failures = _failures.get()
    if failures is not None and score.score is None:
        failures += score.failures


def is_score_wanted() -> bool:
    """Whether the client wants a trustworthiness score, and not only what is judged beside it."""
    wanted = _wanted.get()
    return wanted is None or wanted.has_trustworthiness


def spending_told(spender: Spender) -> AbstractContextManager[Spender]:
    """Has a spender told of all calls that are made within and belong to no score."""
    return Holding(_spender, spender)


def tell_spent(calls: Sequence[CallUsage]) -> None:
    """Tells the spender in force of calls that belong to no score."""
    spender, wanted = _spender.get(), _wanted.get()
    if spender is not None and wanted is not None and calls:
        spender(wanted.quality, Usage.of_calls(tuple(calls), 0.0))
