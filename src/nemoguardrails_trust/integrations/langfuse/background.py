"""An event loop in a thread of its own, for work that would hold up the caller's."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

_T = TypeVar("_T")


class BackgroundLoop:
    """Runs coroutines on an event loop in a thread, which starts with the first of them."""

    def __init__(self, name: str) -> None:
        """Starts nothing yet.

        Args:
            name: The thread's name.
        """
        self._name = name
        self._lock = threading.Lock()
        self._running: tuple[asyncio.AbstractEventLoop, threading.Thread] | None = None

    async def run(self, function: Callable[..., Awaitable[_T]], **arguments: Any) -> _T:
        """Awaits a call on the other loop; cancelling this cancels the call.

        Args:
            function: What is called there.
            **arguments: Its arguments.

        Returns:
            What the call gives; what it raises is raised here.
        """

        async def call() -> _T:
            return await function(**arguments)

        loop, _ = self._start()
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(call(), loop))

    async def aclose(self, last: Callable[[], Awaitable[None]]) -> None:
        """Cancels what is under way, makes a last call, and ends the thread.

        Args:
            last: Is called on the other loop where that runs, else here.
        """
        if self._running is None:
            await last()
            return
        loop, thread = self._running

        async def finish() -> None:
            others = asyncio.all_tasks() - {asyncio.current_task()}
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)
            await last()

        try:
            await self.run(finish)
        finally:
            self._running = None
            loop.call_soon_threadsafe(loop.stop)
            await asyncio.to_thread(thread.join)

    def _start(self) -> tuple[asyncio.AbstractEventLoop, threading.Thread]:
        with self._lock:
            if self._running is None:
                loop = asyncio.new_event_loop()
                thread = threading.Thread(
                    target=_run_until_stopped, args=(loop,), name=self._name, daemon=True
                )
                thread.start()
                self._running = loop, thread
            return self._running


def _run_until_stopped(loop: asyncio.AbstractEventLoop) -> None:
    try:
        loop.run_forever()
    finally:
        loop.close()
