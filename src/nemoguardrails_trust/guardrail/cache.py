"""Scores kept in memory, and one score for concurrent equal checks."""

import asyncio
import contextlib
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass

from nemoguardrails_trust.errors import ScoringError
from nemoguardrails_trust.scores import TrustworthinessScore

MakeScore = Callable[[], Awaitable[TrustworthinessScore]]


@dataclass(slots=True)
class _Flight:
    """A score that is being made, and how many wait for it."""

    task: asyncio.Task[TrustworthinessScore]
    waiting: int = 0


class ScoreCache:
    """Keeps the last scores, least recently used out first.

    Only scores that could be had are kept: a failure is tried again next time.

    Args:
        size: How many scores are kept; 0 keeps none, and checks under way are still shared.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._scores: OrderedDict[Hashable, TrustworthinessScore] = OrderedDict()
        self._flights: dict[Hashable, _Flight] = {}

    async def get(self, key: Hashable, make: MakeScore) -> TrustworthinessScore:
        """The score kept under `key`, or the one that `make` gives.

        Equal keys at one time on one event loop share a single call of `make`. It is cancelled
        only when nobody waits for it any more.

        Raises:
            Exception: Whatever `make` raises.
        """
        kept = self._scores.get(key)
        if kept is not None:
            self._scores.move_to_end(key)
            return kept
        # A task belongs to its loop, so each loop has its own flights.
        flight_key = (id(asyncio.get_running_loop()), key)
        flight = self._flights.get(flight_key)
        if flight is None or flight.task.done():
            flight = self._take_off(flight_key, key, make)
        return await self._join(flight)

    def _take_off(self, flight_key: Hashable, key: Hashable, make: MakeScore) -> _Flight:
        async def score() -> TrustworthinessScore:
            result = await make()
            self._keep(key, result)
            return result

        flight = _Flight(asyncio.create_task(score()))
        self._flights[flight_key] = flight

        def land(task: asyncio.Task[TrustworthinessScore]) -> None:
            if not task.cancelled():
                task.exception()  # Asked for here, since those who waited may have left.
            if self._flights.get(flight_key) is flight:
                del self._flights[flight_key]

        flight.task.add_done_callback(land)
        return flight

    async def _join(self, flight: _Flight) -> TrustworthinessScore:
        flight.waiting += 1
        try:
            return await asyncio.shield(flight.task)
        except asyncio.CancelledError:
            waiter = asyncio.current_task()
            if flight.task.cancelled() and waiter is not None and not waiter.cancelling():
                # The scorer was cancelled from within, and not the turn that waits for it.
                raise ScoringError("the scorer was cancelled") from None
            raise
        finally:
            flight.waiting -= 1
            if not flight.waiting and not flight.task.done():
                flight.task.cancel()
                # One pass of the loop lets a well-behaved scorer close its requests; one that
                # swallows the cancellation must not hold the turn up.
                with contextlib.suppress(asyncio.CancelledError):
                    await asyncio.sleep(0)

    def _keep(self, key: Hashable, result: TrustworthinessScore) -> None:
        if not self._size or result.score is None:
            return
        self._scores[key] = result
        self._scores.move_to_end(key)
        while len(self._scores) > self._size:
            self._scores.popitem(last=False)
