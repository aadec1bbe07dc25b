"""Calls to models: how many at once, how long, and what they cost."""

import asyncio
import logging
import time
import weakref
from collections.abc import Awaitable, Sequence
from typing import Any

from nemoguardrails_trust.errors import (
    ModelError,
    ModelResponseError,
    ModelTimeoutError,
    TrustError,
)
from nemoguardrails_trust.exchange import Message
from nemoguardrails_trust.models.base import LanguageModel, Purpose, Reply
from nemoguardrails_trust.scores import CallUsage

_log = logging.getLogger(__name__)


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

    async def ask(
        self,
        model: LanguageModel,
        messages: Sequence[Message],
        *,
        purpose: Purpose,
        **parameters: Any,
    ) -> Reply:
        """Makes one call.

        Args:
            model: Whom to ask.
            messages: The conversation.
            purpose: What the answer is for.
            parameters: More for `LanguageModel.complete`.

        Raises:
            ModelError: No answer could be had.
        """
        async with self._gate.here():
            return await self.take(model.complete(messages, purpose=purpose, **parameters), purpose)

    async def take(self, call: Awaitable[Reply], purpose: Purpose) -> Reply:
        """Waits for a call that someone has made, or is about to make.

        Args:
            call: The call. It is cancelled where this is, and where it takes too long.
            purpose: What its answer is for.

        Raises:
            ModelError: No answer could be had.
        """
        started = time.perf_counter()
        reply: Reply | None = None
        try:
            async with asyncio.timeout(self._timeout):
                reply = await call
        except asyncio.CancelledError:
            if _is_being_cancelled():
                raise
            raise ModelError("the call was cancelled") from None
        except ModelError:
            raise
        except TrustError as error:
            raise ModelError(str(error)) from error
        except TimeoutError:
            raise ModelTimeoutError("no answer within the time for a call") from None
        except Exception as error:  # noqa: BLE001
            # A model of the user's own may raise anything, and its text may hold a key.
            _log.warning("a model failed with %s", type(error).__name__)
            raise ModelError(f"the model failed with {type(error).__name__}") from None
        finally:
            if reply is None:
                self.made.append(CallUsage(purpose, seconds=time.perf_counter() - started))
        self.made.extend(reply.calls)
        if not reply.completions:
            raise ModelResponseError("the model gave no answer")
        return reply


def _is_being_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
