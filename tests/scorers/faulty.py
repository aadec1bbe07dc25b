"""A scorer of a user's own that misbehaves in the way that the response names."""

import asyncio
import math
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from nemoguardrails_trust import Exchange, ScorerSettings, Signal, TrustworthinessScore
from nemoguardrails_trust.errors import ModelServerError, ScoringError

FINE = "fine"
NAME = "tests.scorers.faulty:make"
TIMEOUT = 1.0  # seconds for a score, of those that hang
SECRET = "sk-secret"


class LookAlike(KeyboardInterrupt):
    """Looks like Ctrl-C, and is not."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What a scorer does wrongly.

    Attributes:
        act: Does it.
        told: What the error must say.
    """

    act: Callable[[], Awaitable[Any]]
    told: str


def _raising(error: BaseException) -> Callable[[], Awaitable[Any]]:
    async def act() -> None:
        raise error

    return act


def _returning(value: object) -> Callable[[], Awaitable[Any]]:
    async def act() -> object:
        return value

    return act


def _forced(value: float) -> TrustworthinessScore:
    score = TrustworthinessScore(0.9)
    object.__setattr__(score, "score", value)
    return score


async def _hang() -> None:
    await asyncio.Event().wait()


async def _hang_on() -> None:
    for _ in range(2):
        try:
            await asyncio.sleep(2 * TIMEOUT)
        except asyncio.CancelledError:
            continue


async def _block() -> TrustworthinessScore:
    time.sleep(1.5 * TIMEOUT)
    return TrustworthinessScore(0.9)


async def _cancel_itself() -> None:
    raise asyncio.CancelledError


_NOTHING_IN_TIME = "the scorer did not answer within "  # what is left of `TIMEOUT` at that door
_NOT_JSON = "cannot be written as JSON"

FAULTS = {
    "raises an error of ours": Fault(_raising(ScoringError("no score today")), "no score today"),
    "raises a retryable error": Fault(_raising(ModelServerError("it failed")), "it failed"),
    "raises anything": Fault(_raising(ValueError(SECRET)), "the scorer raised ValueError"),
    "raises a TimeoutError of its own": Fault(
        _raising(TimeoutError()), "the scorer raised TimeoutError"
    ),
    "raises GeneratorExit": Fault(_raising(GeneratorExit()), "the scorer raised GeneratorExit"),
    "raises SystemExit": Fault(_raising(SystemExit(3)), "the scorer raised SystemExit"),
    "raises what looks like Ctrl-C": Fault(_raising(LookAlike()), "the scorer raised LookAlike"),
    "is cancelled from within": Fault(_cancel_itself, "the scorer was cancelled"),
    "hangs": Fault(_hang, _NOTHING_IN_TIME),
    "hangs and ignores being cancelled": Fault(_hang_on, _NOTHING_IN_TIME),
    "blocks": Fault(_block, _NOTHING_IN_TIME),
    "returns a float": Fault(_returning(0.9), "the scorer returned a float"),
    "returns None": Fault(_returning(None), "the scorer returned a NoneType"),
    "returns a dict": Fault(_returning({"score": 0.9}), "the scorer returned a dict"),
    "returns NaN": Fault(_returning(_forced(math.nan)), "the scorer's score is nan"),
    "returns a score out of range": Fault(_returning(_forced(1.7)), "the scorer's score is 1.7"),
    "returns no score and no reason": Fault(
        _returning(TrustworthinessScore(None)), "no score and no reason"
    ),
    "returns details that are no JSON": Fault(
        _returning(TrustworthinessScore(0.9, {"reflection": Signal(0.9, {"x": object()})})),
        _NOT_JSON,
    ),
    "returns NaN in its metadata": Fault(
        _returning(TrustworthinessScore(0.9, metadata={"x": math.nan})), _NOT_JSON
    ),
    "returns half a surrogate pair": Fault(
        _returning(TrustworthinessScore(0.9, alternatives=("\ud83d",))), _NOT_JSON
    ),
    "returns a number for a text": Fault(
        _returning(TrustworthinessScore(0.9, explanation=3)),  # type: ignore[arg-type]
        "the scorer's explanation is a int",
    ),
}


class FaultyScorer:
    """Does what the response names; any other response is scored 0.9."""

    name = NAME
    quality = "medium"

    async def score(self, exchange: Exchange) -> TrustworthinessScore:
        fault = FAULTS.get(exchange.response)
        if fault is None:
            return TrustworthinessScore(0.9)
        return await fault.act()  # type: ignore[no-any-return]


def make(settings: ScorerSettings) -> FaultyScorer:
    """The factory that settings name as `NAME`."""
    return FaultyScorer()
