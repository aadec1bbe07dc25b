"""Calls to models: how many at once, how long, and what they cost."""

import asyncio
import inspect
import operator
import time
from collections.abc import Awaitable
from dataclasses import replace

from nemoguardrails_trust.errors import ModelResponseError, TrustError
from nemoguardrails_trust.models.base import Ask, LanguageModel, Purpose, Reply
from nemoguardrails_trust.models.chat_answers import answering
from nemoguardrails_trust.models.limits import Limits
from nemoguardrails_trust.scorers.safely import without_foreign_errors
from nemoguardrails_trust.scores import CallUsage


class Calls:
    """The calls of one score, with their cost.

    Attributes:
        made: What each call cost, in the order they ended. One that failed or was cancelled
            stands there with its time alone.
        failures: Why calls failed, in the order they did.
    """

    def __init__(self, limits: Limits) -> None:
        """Prepares for the calls of a score.

        Args:
            limits: How many are made at once, over all the scores of a scorer. A call that a
                model makes as several requests, for a server without `n`, counts once; how many
                requests a server gets at once is the model's own cap.
        """
        self._limits = limits
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
        async with self._limits.place():
            return await self.take(model.complete(ask), ask.purpose)

    async def take(self, call: Awaitable[Reply], purpose: Purpose) -> Reply:
        """Waits for a call that someone has made, or is about to make.

        Args:
            call: The call. It is cancelled where this is.
            purpose: What its answer is for.

        Raises:
            TrustError: No answer could be had.
        """
        started = time.perf_counter()
        try:
            reply = await without_foreign_errors(call, "the model")
        except BaseException as error:
            self.made.append(CallUsage(purpose, seconds=time.perf_counter() - started))
            if isinstance(error, TrustError):
                self.failures.append(error)
            raise
        self.made.extend(reply.calls)
        # Whoever made the model: thinking is no answer, no vote and no judgement.
        reply = _answering(reply)
        if not reply.completions:
            self.failures.append(ModelResponseError("the model gave no answer"))
            raise self.failures[-1]
        return reply


def _answering(reply: Reply) -> Reply:
    completions = tuple(map(answering, reply.completions))
    is_plain = all(map(operator.is_, completions, reply.completions))
    return reply if is_plain else replace(reply, completions=completions)


def drop(prefetched: Awaitable[Reply]) -> None:
    """Ends a call if it has not ended yet, as where its answer was not needed."""
    if isinstance(prefetched, asyncio.Future):
        prefetched.cancel()
    elif inspect.iscoroutine(prefetched):
        prefetched.close()
