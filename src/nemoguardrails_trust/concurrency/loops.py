"""An event loop on a thread of its own, for callers that have one running or none."""

import asyncio
import contextvars
import threading
import weakref
from collections.abc import Callable, Coroutine
from concurrent.futures import Future, wait
from typing import Any, Generic, TypeVar

from nemoguardrails_trust.errors import ScoringError

Result = TypeVar("Result")

_LONGEST_END = 5.0  # seconds that an interrupted call may take to let go of what it holds


class BackgroundLoop:
    """Runs coroutines on a daemon thread, which is started at the first use.

    It ends with `close`, when this object is dropped, and with the process. Used again after
    `close`, it starts anew. Safe to use from any thread.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._runner: _Runner | None = None
        self._end: weakref.finalize[..., Any] | None = None

    def run(self, work: Coroutine[Any, Any, Result]) -> Result:
        """Runs a coroutine to its end and returns its result.

        Where the waiting is interrupted, as by Ctrl-C, the coroutine is cancelled and has ended
        before the interrupt goes on.

        Raises:
            RuntimeError: It is called from a coroutine that runs on this loop, which would wait
                for itself.
            ScoringError: The loop was closed meanwhile.
        """
        try:
            runner = self._running()
        except BaseException:
            work.close()
            raise
        job = _Job(work)
        runner.loop.call_soon_threadsafe(job.start)
        try:
            wait([job.outcome])
        except BaseException:
            runner.loop.call_soon_threadsafe(job.cancel)
            wait([job.outcome], _LONGEST_END)
            raise
        return job.outcome.result()

    def close(self) -> None:
        """Ends the thread; what still runs is cancelled, and connections are closed."""
        with self._lock:
            if self._end is not None:
                self._end()
            self._runner = self._end = None

    def _running(self) -> "_Runner":
        with self._lock:
            runner = self._runner
            # A forked process has the object, but not the thread.
            if runner is None or not runner.thread.is_alive():
                runner = self._runner = _Runner()
                self._end = weakref.finalize(self, runner.stop)
            if threading.current_thread() is runner.thread:
                raise RuntimeError(
                    "a synchronous method was called from within an asynchronous one of the same "
                    "object; await the method that ends in _async"
                )
            return runner


class _Runner:
    """A thread with a running event loop."""

    def __init__(self) -> None:
        ready: Future[tuple[asyncio.AbstractEventLoop, Callable[[], None]]] = Future()
        # `asyncio.run` cancels what is left and closes asynchronous generators, which hold the
        # connections.
        self.thread = threading.Thread(
            target=lambda: asyncio.run(_serve(ready)), name="nemo-trust", daemon=True
        )
        self.thread.start()
        self.loop, self._stop = ready.result()

    def stop(self) -> None:
        if self.thread.is_alive():
            self._stop()
            if threading.current_thread() is not self.thread:
                self.thread.join()


async def _serve(
    ready: "Future[tuple[asyncio.AbstractEventLoop, Callable[[], None]]]",
) -> None:
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    ready.set_result((loop, lambda: _set_on(loop, ended)))
    await ended.wait()


def _set_on(loop: asyncio.AbstractEventLoop, event: asyncio.Event) -> None:
    loop.call_soon_threadsafe(event.set)


class _Job(Generic[Result]):
    """A coroutine on its way through another thread's loop."""

    def __init__(self, work: Coroutine[Any, Any, Result]) -> None:
        self.outcome: Future[Result] = Future()
        self._work = work
        self._context = contextvars.copy_context()
        self._task: asyncio.Task[Result] | None = None

    def start(self) -> None:
        loop = asyncio.get_running_loop()
        self._task = loop.create_task(self._work, context=self._context)
        self._task.add_done_callback(self._ended)

    def cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()

    def _ended(self, task: asyncio.Task[Result]) -> None:
        if task.cancelled():
            self.outcome.set_exception(ScoringError("the call was ended before it was done"))
        elif (error := task.exception()) is not None:
            self.outcome.set_exception(error)
        else:
            self.outcome.set_result(task.result())
