"""Samples that are drawn while the bot's model is still writing its answer."""

import asyncio
import contextvars
from collections.abc import Awaitable, Coroutine
from typing import Any

from nemoguardrails.context import llm_stats_var

from nemoguardrails_trust.models.base import Reply


class Prefetch:
    """A call for samples that is under way before anybody has asked for them.

    Whoever takes it owns it from then on. Until then it is cancelled by `drop`, by the end of the
    turn, and when too much time has passed since the answer.

    Args:
        draw: The call; it starts at once.
        patience: How many seconds after the answer the samples may still be taken.
        turn: The task whose end is the turn's; `None` where no such task is known.
    """

    def __init__(
        self,
        draw: Coroutine[Any, Any, Reply],
        *,
        patience: float,
        turn: asyncio.Task[Any] | None,
    ) -> None:
        # Turns are told apart by their statistics, which live no longer than the turn as long as
        # nothing that the turn is looked up by holds them.
        context = contextvars.copy_context()
        context.run(llm_stats_var.set, None)
        self._call = asyncio.create_task(draw, context=context)
        self._call.add_done_callback(_look_at)
        self._patience = patience
        self._timer: asyncio.TimerHandle | None = None
        self._turn = turn
        self._settled = False
        if turn is not None:
            turn.add_done_callback(self._turn_ended)

    def answered(self) -> None:
        """Says that the answer is there: the samples are wanted soon, or not at all."""
        if not self._settled:
            loop = asyncio.get_running_loop()
            context = contextvars.Context()
            self._timer = loop.call_later(self._patience, self.drop, context=context)

    def take(self) -> Awaitable[Reply] | None:
        """Hands the call over, once; `None` where it was taken or dropped before."""
        if self._settled:
            return None
        self._settle()
        return self._call

    def drop(self) -> None:
        """Cancels the call and closes its requests, unless somebody has taken it."""
        if not self._settled:
            self._settle()
            self._call.cancel()

    def _turn_ended(self, _turn: asyncio.Task[Any]) -> None:
        self.drop()

    def _settle(self) -> None:
        self._settled = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._turn is not None:
            self._turn.remove_done_callback(self._turn_ended)
            self._turn = None


def _look_at(call: asyncio.Task[Reply]) -> None:
    if not call.cancelled():
        call.exception()  # Asked for here, since nobody may ever wait for it.
