"""What a scorer returns: a score, the signals behind it, and what it cost."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Literal

from nemoguardrails_trust.errors import SetupError, TrustError

_EMPTY: Mapping[str, Any] = MappingProxyType({})


Status = Literal["trusted", "untrustworthy", "unchecked"]


def status_of(score: float | None, threshold: float) -> Status:
    """What an answer is found to be by its score, which is `None` where there is none."""
    if score is None:
        return "unchecked"
    return "untrustworthy" if score < threshold else "trusted"


@dataclass(frozen=True, slots=True)
class Signal:
    """One measurement that goes into a score.

    Attributes:
        value: 0 to 1, higher means more trustworthy; `None` if it could not be measured.
        details: How the value came about, ready for JSON.
        error: Why there is no value.
    """

    value: float | None
    details: Mapping[str, Any] = field(default_factory=lambda: _EMPTY)
    error: str | None = None

    def __post_init__(self) -> None:
        require_share("value", self.value)

    def to_json(self) -> dict[str, Any]:
        """The signal as JSON types."""
        return {"value": self.value, "details": dict(self.details), "error": self.error}


@dataclass(frozen=True, slots=True)
class CallUsage:
    """What one call to a model cost.

    Attributes:
        purpose: `answer`, `sample`, `reflection`, `comparison`, `fields`, `rephrasing`, `claims` or
            `evaluation`.
        samples: The number of answers it returned.
        prompt_tokens: Tokens read, as counted by the server; 0 if it did not count.
        completion_tokens: Tokens written, likewise.
        seconds: From sending the request to the last byte of the answer.
    """

    purpose: str
    samples: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Usage:
    """What a score cost.

    Attributes:
        calls: Requests to a model or service.
        samples: Samples drawn.
        prompt_tokens: Tokens read, as counted by the servers.
        completion_tokens: Tokens written, likewise.
        seconds: Wall-clock time of the whole score.
        by_call: The individual calls, if they are known.
    """

    calls: int = 0
    samples: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    seconds: float = 0.0
    by_call: tuple[CallUsage, ...] = ()

    @classmethod
    def of_calls(cls, calls: tuple[CallUsage, ...], seconds: float) -> "Usage":
        """Adds up individual calls that together took `seconds` of wall-clock time."""
        samples = prompt_tokens = completion_tokens = 0
        for call in calls:
            samples += call.samples if call.purpose == "sample" else 0
            prompt_tokens += call.prompt_tokens
            completion_tokens += call.completion_tokens
        return cls(len(calls), samples, prompt_tokens, completion_tokens, seconds, calls)

    def __add__(self, more: "Usage") -> "Usage":
        """What both cost together, one after the other."""
        return Usage(
            calls=self.calls + more.calls,
            samples=self.samples + more.samples,
            prompt_tokens=self.prompt_tokens + more.prompt_tokens,
            completion_tokens=self.completion_tokens + more.completion_tokens,
            seconds=self.seconds + more.seconds,
            by_call=(*self.by_call, *more.by_call),
        )

    def to_json(self) -> dict[str, Any]:
        """The usage as JSON types."""
        return {
            "calls": self.calls,
            "samples": self.samples,
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": self.completion_tokens,
            "seconds": self.seconds,
            "by_call": [
                {
                    "purpose": call.purpose,
                    "samples": call.samples,
                    "prompt_tokens": call.prompt_tokens,
                    "completion_tokens": call.completion_tokens,
                    "seconds": call.seconds,
                }
                for call in self.by_call
            ],
        }


@dataclass(frozen=True, slots=True)
class Claim:
    """A sentence of a response with its own score.

    Attributes:
        start: Where it begins in the response, as a character offset from 0.
        end: Where it ends.
        text: The sentence.
        score: How far it can be trusted, 0 to 1.
        signals: The signals behind the score, by name.
    """

    start: int
    end: int
    text: str
    score: float
    signals: Mapping[str, float] = field(default_factory=lambda: _EMPTY)

    def __post_init__(self) -> None:
        require_share("score", self.score)

    def to_json(self) -> dict[str, Any]:
        """Its position and score as JSON types."""
        return {"start": self.start, "end": self.end, "score": self.score}


@dataclass(frozen=True, slots=True)
class TrustworthinessScore:
    """How far a response can be trusted.

    Attributes:
        score: 0 to 1, higher is better; `None` if there is no score.
        signals: The measurements behind the score, by name.
        explanation: Why the score is what it is, in a sentence or more.
        alternatives: Other answers that the model gave, most frequent first.
        usage: What the score cost.
        scorer: The name of the scorer.
        error: Why there is no score, or which signals it is missing.
        metadata: Any other information, ready for JSON.
        failures: The errors behind what is missing, in order; not part of the JSON.
        claims: The scored sentences of the response, in order; `None` if they were not
            requested.
    """

    score: float | None
    signals: Mapping[str, Signal] = field(default_factory=lambda: _EMPTY)
    explanation: str | None = None
    alternatives: tuple[str, ...] = ()
    usage: Usage = field(default_factory=Usage)
    scorer: str = ""
    error: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=lambda: _EMPTY)
    failures: tuple[TrustError, ...] = ()
    claims: tuple[Claim, ...] | None = None

    def __post_init__(self) -> None:
        require_share("score", self.score)

    @property
    def signal_values(self) -> Mapping[str, float]:
        """The values of the signals behind the score, by name."""
        return {
            name: signal.value for name, signal in self.signals.items() if signal.value is not None
        }

    @property
    def is_retryable(self) -> bool:
        """Whether there is no score, and another attempt may give one."""
        if self.score is not None or any(isinstance(error, SetupError) for error in self.failures):
            return False
        return any(error.is_retryable for error in self.failures)

    def with_claims_in(self, response: str) -> "TrustworthinessScore":
        """The score, with its claims moved to their places in the whole response.

        Args:
            response: The whole response, of which only a part was scored. Claims that are not in it
                are left out.
        """
        found: list[Claim] = []
        for claim in self.claims or ():
            start = response.find(claim.text, found[-1].end if found else 0)
            if start >= 0:
                found.append(replace(claim, start=start, end=start + len(claim.text)))
        return self if self.claims is None else replace(self, claims=tuple(found))

    def to_json(self) -> dict[str, Any]:
        """The score as JSON types; `claims` only if they were requested."""
        told: dict[str, Any] = {
            "trustworthiness_score": self.score,
            "signals": {name: signal.to_json() for name, signal in self.signals.items()},
            "explanation": self.explanation,
            "alternatives": list(self.alternatives),
            "usage": self.usage.to_json(),
            "scorer": self.scorer,
            "error": self.error,
            "metadata": dict(self.metadata),
        }
        if self.claims is not None:
            told["claims"] = [claim.to_json() for claim in self.claims]
        return told


def require_share(name: str, value: float | None) -> None:
    """Makes sure that a value is a share, or `None`.

    Raises:
        ValueError: It is not a finite number from 0 to 1.
    """
    if value is None or (type(value) is float and 0.0 <= value <= 1.0):  # as nearly all are
        return
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"{name} is {value!r}; it must be a finite number from 0 to 1, or None")
    if not 0.0 <= value <= 1.0:
        raise ValueError(f"{name} is {value!r}; it must be from 0 to 1, or None")


def number_of(text: str) -> float:
    """The number that a text is; NaN, which no comparison holds for, where it is none."""
    try:
        return float(text)
    except ValueError:
        return math.nan
