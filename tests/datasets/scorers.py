"""Scorers for tests, quick and without a model; `create` is a factory for `--scorer`."""

import asyncio
import os
from collections.abc import Callable

from nemoguardrails_trust.errors import ScoringError
from nemoguardrails_trust.exchange import Exchange
from nemoguardrails_trust.scorers.base import ScorerSettings
from nemoguardrails_trust.scores import Signal, TrustworthinessScore, Usage

CALL_LOG = "TEST_CALL_LOG"
LATENCY = "TEST_LATENCY"


def expected_score(response: str) -> float:
    """The score that every scorer here gives to a response."""
    return (sum(map(ord, response)) % 101) / 100


class TestScorer:
    """Scores by the letters of the response; a response that holds `bad` fails.

    Attributes:
        asked: The questions in the order in which they came.
        most: The most scores under way at a time.
    """

    __test__ = False

    def __init__(
        self, latency: float | Callable[[str], float] = 0.0, call_log: str | None = None
    ) -> None:
        self.asked: list[str] = []
        self.most = 0
        self.closed = 0
        self.broken: Callable[[Exchange], bool] = lambda exchange: "bad" in exchange.response
        self._latency = latency
        self._running = 0
        self._log = os.open(call_log, os.O_WRONLY | os.O_APPEND | os.O_CREAT) if call_log else None

    async def score(self, exchange: Exchange) -> TrustworthinessScore:
        self.asked.append(exchange.question)
        if self._log is not None:
            os.write(self._log, exchange.question.encode() + b"\n")
        self._running += 1
        self.most = max(self.most, self._running)
        latency = self._latency
        await asyncio.sleep(latency if isinstance(latency, float) else latency(exchange.question))
        self._running -= 1
        if self.broken(exchange):
            raise ScoringError("no score for this one")
        score = expected_score(exchange.response)
        return TrustworthinessScore(
            score,
            signals={"reflection": Signal(score), "consistency": Signal(None, error="none")},
            explanation=f"Scored “{exchange.response}”.",
            alternatives=("another",),
            usage=Usage(calls=1, prompt_tokens=10, completion_tokens=2, seconds=0.5),
        )

    async def aclose(self) -> None:
        self.closed += 1


def create(settings: ScorerSettings) -> TestScorer:
    """Makes a scorer as the environment says."""
    return TestScorer(float(os.environ.get(LATENCY, "0")), os.environ.get(CALL_LOG))
