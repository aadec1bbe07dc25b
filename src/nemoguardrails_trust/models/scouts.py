"""Lets a few requests try out what a server takes before the others follow."""

import asyncio
import weakref
from collections.abc import Callable
from contextlib import suppress

_MOST = 2
# A refusal comes at once, an answer takes its time: who has waited this long need wait no more.
_LONGEST_WAIT = 1.0


class Scouts:
    """Keeps the first of many concurrent requests from all being refused for the same reason."""

    def __init__(self) -> None:
        self._troops: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, _Troop] = (
            weakref.WeakKeyDictionary()
        )

    async def enter(self, is_unproven: Callable[[], bool]) -> "Scout | None":
        """Waits while others try out the same, a second at the most.

        Args:
            is_unproven: Whether the request holds anything that the server has not yet taken.

        Returns:
            The duty to report the end of the request by `leave`, where it is one that tries out.
        """
        if not is_unproven():
            return None
        loop = asyncio.get_running_loop()
        troop = self._troops.get(loop)
        if troop is None:
            troop = self._troops[loop] = _Troop()
        until = loop.time() + _LONGEST_WAIT
        while troop.out >= _MOST and is_unproven() and (left := until - loop.time()) > 0:
            with suppress(TimeoutError):
                # Python 3.11's wait_for would lose a cancellation that comes with the return.
                async with asyncio.timeout(left):
                    await troop.returned.wait()
        return Scout(troop) if is_unproven() else None


class Scout:
    """A request that tries out."""

    __slots__ = ("_troop",)

    def __init__(self, troop: "_Troop") -> None:
        self._troop = troop
        troop.out += 1

    def leave(self) -> None:
        """Reports the request's end, however it went."""
        self._troop.out -= 1
        self._troop.returned.set()
        self._troop.returned = asyncio.Event()


class _Troop:
    """The scouts of one event loop."""

    __slots__ = ("__weakref__", "out", "returned")

    def __init__(self) -> None:
        self.out = 0
        self.returned = asyncio.Event()
