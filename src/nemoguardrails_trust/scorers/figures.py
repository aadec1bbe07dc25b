"""What is counted and timed of scores: one list for Prometheus and for OpenTelemetry."""

from dataclasses import dataclass
from typing import Literal, Protocol

from nemoguardrails_trust.scorers.base import Scorer
from nemoguardrails_trust.scores import TrustworthinessScore, Usage

PREFIX = "nemo_trust_"
OTHER = "other"
"""The value of a label for what has no name of its own."""

_SECONDS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0)
_SHARES = tuple(place / 10 for place in range(1, 11))


@dataclass(frozen=True, slots=True, eq=False)
class Figure:
    """One thing that is measured."""

    name: str  # without the prefix; Prometheus puts `_total` behind that of a counter
    kind: Literal["counter", "gauge", "histogram"]
    told: str
    labels: tuple[str, ...] = ()
    unit: str = "1"  # in OpenTelemetry's form (UCUM)
    buckets: tuple[float, ...] = ()  # the upper bounds of a distribution


SCORES = Figure(
    "scores",
    "counter",
    "Answers by outcome: trusted, untrustworthy or unchecked.",
    ("preset", "outcome"),
    "{answer}",
)
SCORE = Figure("score", "histogram", "Scores.", ("preset",), buckets=_SHARES)
SCORE_SECONDS = Figure(
    "score_seconds", "histogram", "Seconds per score.", ("preset",), "s", _SECONDS
)
UNSCORED = Figure("unscored", "counter", "Scores that failed.", ("preset", "reason"), "{score}")
CALLS = Figure("score_calls", "counter", "Model calls made for scores.", ("preset",), "{call}")
TOKENS = Figure(
    "score_tokens",
    "counter",
    "Tokens read and written by models for scores.",
    ("preset", "kind"),
    "{token}",
)
CHECKS_IN_FLIGHT = Figure(
    "checks_in_flight", "gauge", "Answers that the rail is checking.", unit="{answer}"
)
REQUESTS = Figure("requests", "counter", "Requests.", ("endpoint", "status"), "{request}")
REQUEST_SECONDS = Figure(
    "request_seconds", "histogram", "Seconds to answer a request.", ("endpoint",), "s", _SECONDS
)
IN_FLIGHT = Figure(
    "requests_in_flight", "gauge", "Requests in progress or waiting.", unit="{request}"
)
WORKING = Figure(
    "requests_working",
    "gauge",
    "Requests in progress, not counting those waiting.",
    unit="{request}",
)
WAITING = Figure("requests_waiting", "gauge", "Requests waiting for their turn.", unit="{request}")

OF_SCORES = (SCORES, SCORE, SCORE_SECONDS, UNSCORED, CALLS, TOKENS)
OF_RAIL = (*OF_SCORES, CHECKS_IN_FLIGHT)
OF_SERVER = (*OF_SCORES, REQUESTS, REQUEST_SECONDS, IN_FLIGHT, WORKING, WAITING)


class Instruments(Protocol):
    """What figures are written to."""

    def add(self, figure: Figure, amount: float, *labels: str) -> None:
        """Adds to a counter or a gauge; labels are in the figure's own order."""

    def record(self, figure: Figure, value: float, *labels: str) -> None:
        """Puts a value into a distribution."""


class under_way:  # noqa: N801 -- a generator in its place takes four times as long
    """Counts what is under way within."""

    __slots__ = ("_gauge", "_instruments")

    def __init__(self, instruments: Instruments, gauge: Figure) -> None:
        """Takes where it is counted."""
        self._instruments = instruments
        self._gauge = gauge

    def __enter__(self) -> None:
        self._instruments.add(self._gauge, 1)

    def __exit__(self, *_: object) -> None:
        self._instruments.add(self._gauge, -1)


def record_score(instruments: Instruments, preset: str, score: TrustworthinessScore) -> None:
    """Records what a score cost, and its value or why there is none."""
    instruments.record(SCORE_SECONDS, score.usage.seconds, preset)
    record_calls(instruments, preset, score.usage)
    if score.score is not None:
        instruments.record(SCORE, score.score, preset)
        return
    failure = next(iter(score.failures), None)
    reason = "no score" if failure is None else type(failure).__name__
    instruments.add(UNSCORED, 1, preset, reason)


def record_calls(instruments: Instruments, preset: str, usage: Usage) -> None:
    """Records calls to models, and their tokens."""
    instruments.add(CALLS, usage.calls, preset)
    instruments.add(TOKENS, usage.prompt_tokens, preset, "read")
    instruments.add(TOKENS, usage.completion_tokens, preset, "written")


def preset_of(scorer: Scorer) -> str:
    """The preset of a scorer, as a label."""
    return str(getattr(scorer, "quality", None) or OTHER)
