"""One pooled HTTP session for each event loop, closed when its loop ends."""

import asyncio
import contextlib
import inspect
import warnings
import weakref
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass

import aiohttp


@dataclass(frozen=True, slots=True)
class _Held:
    session: aiohttp.ClientSession
    keeper: AsyncGenerator[None, None]


_Sessions = dict[asyncio.AbstractEventLoop, _Held]


class SessionPool:
    """Gives the running loop its session. Safe to use from several loops and threads.

    A session is closed by `aclose`, and otherwise together with its loop: `asyncio.run` closes
    the asynchronous generators that are still open, and one of them holds the session. Sessions
    of loops that were closed without that are let go of at the next use.

    Args:
        make: Makes a session; called with its loop running.
    """

    def __init__(self, make: Callable[[], aiohttp.ClientSession]) -> None:
        self._make = make
        self._sessions: _Sessions = {}
        weakref.finalize(self, _let_go_of_all, self._sessions)

    async def get(self) -> aiohttp.ClientSession:
        """The running loop's session."""
        loop = asyncio.get_running_loop()
        held = self._sessions.get(loop)
        if held is not None and not held.session.closed:
            return held.session
        for other in [known for known in list(self._sessions) if known.is_closed()]:
            if (dead := self._sessions.pop(other, None)) is not None:
                _let_go(dead)
        session = self._make()
        keeper = _keep(session, self._sessions)
        self._sessions[loop] = _Held(session, keeper)
        await anext(keeper)
        return session

    async def aclose(self) -> None:
        """Closes the running loop's session."""
        held = self._sessions.get(asyncio.get_running_loop())
        if held is not None:
            await held.keeper.aclose()


async def _keep(session: aiohttp.ClientSession, sessions: _Sessions) -> AsyncGenerator[None, None]:
    loop = asyncio.get_running_loop()
    try:
        yield
    finally:
        held = sessions.get(loop)
        if held is not None and held.session is session:
            del sessions[loop]
        await session.close()


def _let_go_of_all(sessions: _Sessions) -> None:
    for loop, held in list(sessions.items()):
        # The session of a running loop is closed there, by its keeper's finalizer.
        if not loop.is_running() and not _closed_by(loop, held):
            _let_go(held)
    sessions.clear()


def _closed_by(loop: asyncio.AbstractEventLoop, held: _Held) -> bool:
    """Has a loop that stands still close its session, if that can be done here and now."""
    if loop.is_closed():
        return False

    async def close() -> None:
        await held.keeper.aclose()

    closing = close()
    try:
        loop.run_until_complete(closing)
    except RuntimeError:  # another loop runs in this thread
        closing.close()
        return False
    return True


def _let_go(held: _Held) -> None:
    """Drops a session whose loop can no longer close it."""
    connector = held.session.connector
    held.session.detach()
    if connector is None or connector.closed:
        return
    with warnings.catch_warnings(), contextlib.suppress(RuntimeError, StopIteration):
        warnings.simplefilter("ignore")
        closing = connector.close()
        if inspect.iscoroutine(closing):
            # It has nothing to wait for: the loop is not there to run it.
            closing.send(None)
            closing.close()
