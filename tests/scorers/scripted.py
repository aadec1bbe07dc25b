"""A language model that does what a test tells it, and remembers what it was asked."""

import asyncio
import math
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from nemoguardrails_trust.exchange.tokens import TokenLogprob
from nemoguardrails_trust.models.base import Ask, Completion, Purpose, Reply
from nemoguardrails_trust.scores import CallUsage


def verdict(probability: float) -> Completion:
    """A judge's one-token answer with the probabilities of True and False."""
    top = tuple(
        (word, math.log(share))
        for word, share in (("True", probability), ("False", 1.0 - probability))
        if share > 0.0
    )
    token, logprob = max(top, key=lambda pair: pair[1])
    return Completion(token, (TokenLogprob(token, logprob, top),), "length")


Judgement = Completion | str | Exception


@dataclass
class ScriptedModel:
    """Answers as scripted.

    Attributes:
        judge: The judge's answer, or a callable of the request that gives it.
        samples: Dealt out in turn; an exception fails the request that comes to it.
        comparison: The judge's comparison, likewise.
        claims: The judge's verdicts on sentences, likewise.
        rephrasings: Likewise; the default is none that asks for the same.
        seconds: How long a request of each purpose takes.
    """

    judge: Judgement | Callable[[Ask], Judgement] = field(default_factory=lambda: verdict(0.9))
    samples: Sequence[Judgement] = ("42",)
    comparison: Judgement | Callable[[Ask], Judgement] = "{}"
    claims: Judgement | Callable[[Ask], Judgement] = ""
    rephrasings: Sequence[str] = ("",)
    seconds: dict[str, float] = field(default_factory=dict)
    name: str = "scripted"
    asked: list[Ask] = field(default_factory=list)
    open: int = 0
    most_open: int = 0
    cancelled: int = 0
    closed: int = 0
    dealt: int = 0

    async def complete(self, ask: Ask) -> Reply:
        self.asked.append(ask)
        self.open += 1
        self.most_open = max(self.most_open, self.open)
        try:
            await asyncio.sleep(self.seconds.get(ask.purpose, 0.0))
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        finally:
            self.open -= 1
        completions = self._completions(ask)
        samples = ask.n if ask.purpose == "sample" else 0
        return Reply(completions, (CallUsage(ask.purpose, samples, 10, ask.n, 0.1),))

    async def aclose(self) -> None:
        self.closed += 1

    def made(self, purpose: Purpose) -> list[Ask]:
        return [call for call in self.asked if call.purpose == purpose]

    def _completions(self, asked: Ask) -> tuple[Completion, ...]:
        if asked.purpose == "sample":
            dealt = [self.samples[(self.dealt + i) % len(self.samples)] for i in range(asked.n)]
            self.dealt += asked.n
            return tuple(_completion(answer) for answer in dealt)
        if asked.purpose == "rephrasing":
            count = len(self.rephrasings)
            return tuple(Completion(self.rephrasings[i % count]) for i in range(asked.n))
        scripts = {"reflection": self.judge, "claims": self.claims}
        scripted: Any = scripts.get(asked.purpose, self.comparison)
        return (_completion(scripted(asked) if callable(scripted) else scripted),)


def _completion(scripted: Judgement) -> Completion:
    if isinstance(scripted, Exception):
        raise scripted
    return Completion(scripted) if isinstance(scripted, str) else scripted


async def cancel_in_flight(scoring: Coroutine[Any, Any, object], model: ScriptedModel) -> None:
    """Cancels scoring once its two calls are open; neither may be left."""
    task = asyncio.create_task(scoring)
    while model.open < 2:
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (model.open, model.cancelled) == (0, 2)
