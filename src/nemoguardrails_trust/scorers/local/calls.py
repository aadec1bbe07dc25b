"""Calls to models: how many at once, how long, and what they cost."""

import asyncio
import time
import weakref
from collections.abc import Awaitable
from dataclasses import replace

from nemoguardrails_trust.errors import ModelResponseError, TrustError
from nemoguardrails_trust.models.base import Ask, LanguageModel, Purpose, Reply
from nemoguardrails_trust.models.chat_answers import answering
from nemoguardrails_trust.scorers.safely import settled
from nemoguardrails_trust.scores import CallUsage


class Gate:
    """Lets so many calls through at once, on each event loop.

    A call that a model makes as several requests, for a server without `n`, counts once; how many
    requests a server gets at once is the model's own cap.
    """

    def __init__(self, concurrency: int) -> None:
        """Takes the most calls at once, at least 1."""
        if concurrency < 1:
            raise ValueError(f"concurrency is {concurrency}; it must be at least 1")
        self._concurrency = concurrency
        # A semaphore belongs to the loop on which it was first waited for.
        self._by_loop: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore] = (
            weakref.WeakKeyDictionary()
        )

    def here(self) -> asyncio.Semaphore:
        """The semaphore of the running event loop."""
        loop = asyncio.get_running_loop()
        found = self._by_loop.get(loop)
        if found is None:
            found = self._by_loop[loop] = asyncio.Semaphore(self._concurrency)
        return found


class Calls:
    """The calls of one score, with their cost.

    Attributes:
        made: What each call cost, in the order they ended. One that failed or was cancelled
            stands there with its time alone.
        failures: Why calls failed, in the order they did.
    """

    def __init__(self, gate: Gate, *, timeout: float | None = None) -> None:
        """Prepares for the calls of a score.

        Args:
            gate: Shared by all the scores of a scorer.
            timeout: Seconds for each call, from when it is let through.
        """
        self._gate = gate
        self._timeout = timeout
        self.made: list[CallUsage] = []
        self.failures: list[TrustError] = []

    async def ask(self, model: LanguageModel, ask: Ask) -> Reply:
        """Makes one call.

        Args:
            model: Whom to ask.
            ask: What to ask.

        Raises:
            TrustError: No answer could be had.
        """
        async with self._gate.here():
            return await self.take(model.complete(ask), ask.purpose)

    async def take(self, call: Awaitable[Reply], purpose: Purpose) -> Reply:
        """Waits for a call that someone has made, or is about to make.

        Args:
            call: The call. It is cancelled where this is, and where it takes too long.
            purpose: What its answer is for.

        Raises:
            TrustError: No answer could be had.
        """
        started = time.perf_counter()
        try:
            reply = await settled(call, timeout=self._timeout, what="the model")
        except BaseException as error:
            self.made.append(CallUsage(purpose, seconds=time.perf_counter() - started))
            if isinstance(error, TrustError):
                self.failures.append(error)
            raise
        self.made.extend(reply.calls)
        # Whoever made the model: thinking is no answer, no vote and no judgement.
        reply = replace(reply, completions=tuple(map(answering, reply.completions)))
        if not reply.completions:
            self.failures.append(ModelResponseError("the model gave no answer"))
            raise self.failures[-1]
        return reply
