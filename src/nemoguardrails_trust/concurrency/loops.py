"""An event loop on a thread of its own, for callers that have one running or none."""

import asyncio
import threading
import weakref
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import CancelledError, Future, wait
from contextlib import suppress
from typing import Any, Generic, Self, TypeVar

from nemoguardrails_trust.errors import ScoringError

Result = TypeVar("Result")

_LONGEST_END = 5.0  # seconds that an interrupted call may take to let go of what it holds


class LoopThread:
    """Runs coroutines on a daemon thread, which is started at the first use.

    It ends with `close` or the `with` block, when this object is dropped, and with the process.
    Used again after `close`, it starts anew. Safe to use from any thread.
    """

    def __init__(self, name: str = "nemo-trust") -> None:
        """Starts nothing yet; the thread will have this name."""
        self._name = name
        self._lock = threading.Lock()
        self._runner: _Runner | None = None
        self._end: weakref.finalize[..., Any] | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        return LoopThread, (self._name,)  # a thread cannot go along

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def submit(self, work: Coroutine[Any, Any, Result]) -> Future[Result]:
        """Starts a coroutine, in the caller's context.

        Returns:
            Its result to come. Cancelling it cancels the coroutine.
        """
        return self._start(work).outcome

    def call(self, function: Callable[..., object], *arguments: Any) -> None:
        """Calls a function on the loop, soon."""
        self._running().loop.call_soon_threadsafe(function, *arguments)

    def run(self, work: Coroutine[Any, Any, Result]) -> Result:
        """Runs a coroutine to its end and returns its result.

        Where the waiting is interrupted, as by Ctrl-C, the coroutine is cancelled and has ended
        before the interrupt goes on.

        Raises:
            RuntimeError: It is called from a coroutine that runs on this loop, which would wait
                for itself.
            ScoringError: The loop was closed meanwhile.
        """
        job = self._start(work)
        try:
            wait([job.outcome])
        except BaseException:
            job.loop.call_soon_threadsafe(job.cancel)
            wait([job.outcome], _LONGEST_END)
            raise
        try:
            return job.outcome.result()
        except CancelledError:
            raise ScoringError("the call was ended before it was done") from None

    def close(self) -> None:
        """Ends the thread; what still runs is cancelled, and connections are closed."""
        with self._lock:
            if self._end is not None:
                self._end()
            self._runner = self._end = None

    async def aclose(self, last: Callable[[], Awaitable[None]]) -> None:
        """Ends the thread as `close` does, without holding up the caller's loop.

        Args:
            last: Called when all else has ended: on this object's loop where that runs, else
                on the caller's.
        """
        if self._runner is None:
            await last()
            return

        async def finish() -> None:
            others = asyncio.all_tasks() - {asyncio.current_task()}
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)
            await last()

        try:
            await asyncio.wrap_future(self.submit(finish()))
        finally:
            await asyncio.to_thread(self.close)

    def _start(self, work: Coroutine[Any, Any, Result]) -> "_Job[Result]":
        try:
            runner = self._running()
        except BaseException:
            work.close()
            raise
        job = _Job(work, runner.loop)
        runner.loop.call_soon_threadsafe(job.start)
        return job

    def _running(self) -> "_Runner":
        with self._lock:
            runner = self._runner
            # A forked process has the object, but not the thread.
            if runner is None or not runner.thread.is_alive():
                runner = self._runner = _Runner(self._name)
                self._end = weakref.finalize(self, runner.stop)
            if threading.current_thread() is runner.thread:
                raise RuntimeError(
                    "a synchronous method was called from inside an asynchronous one of the "
                    "same object; await the method that ends in _async instead"
                )
            return runner


def run_interruptibly(
    main: Callable[[asyncio.Event], Coroutine[Any, Any, Result]],
    on_interrupt: Callable[[], None] | None = None,
) -> Result:
    """Runs a coroutine on a thread of its own and waits for it.

    Args:
        main: Makes the coroutine, given an event that asks it to end soon. The first Ctrl-C sets
            the event, the second cancels the coroutine.
        on_interrupt: Called at the first Ctrl-C.

    Returns:
        What the coroutine returns, even where it was asked to end.

    Raises:
        KeyboardInterrupt: Ctrl-C was pressed twice.
    """
    stop = asyncio.Event()
    with LoopThread() as thread:
        future = thread.submit(main(stop))
        try:
            return future.result()
        except KeyboardInterrupt:
            thread.call(stop.set)
            if on_interrupt is not None:
                on_interrupt()
        try:
            return future.result()
        except KeyboardInterrupt:
            future.cancel()
            raise


class _Runner:
    """A thread with a running event loop."""

    def __init__(self, name: str) -> None:
        ready: Future[asyncio.AbstractEventLoop] = Future()
        self.thread = threading.Thread(target=_serve, args=(ready,), name=name, daemon=True)
        self.thread.start()
        self.loop = ready.result()

    def stop(self) -> None:
        if self.thread.is_alive():
            self.loop.call_soon_threadsafe(self.loop.stop)
            if threading.current_thread() is not self.thread:
                self.thread.join()


def _serve(ready: "Future[asyncio.AbstractEventLoop]") -> None:
    # At its end the runner cancels what is left and closes asynchronous generators, which hold
    # the connections.
    with asyncio.Runner() as runner:
        loop = runner.get_loop()
        ready.set_result(loop)
        loop.run_forever()


class _Job(Generic[Result]):
    """A coroutine on its way through another thread's loop."""

    def __init__(self, work: Coroutine[Any, Any, Result], loop: asyncio.AbstractEventLoop) -> None:
        self.outcome: Future[Result] = Future()
        self.loop = loop
        self._work = work
        self._task: asyncio.Task[Result] | None = None
        self.outcome.add_done_callback(self._pass_on)

    def start(self) -> None:
        self._task = self.loop.create_task(self._work)
        self._task.add_done_callback(self._ended)

    def cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()

    def _pass_on(self, outcome: Future[Result]) -> None:
        if outcome.cancelled():
            with suppress(RuntimeError):  # a loop that is closed has cancelled all it had
                self.loop.call_soon_threadsafe(self.cancel)

    def _ended(self, task: asyncio.Task[Result]) -> None:
        if task.cancelled():
            self.outcome.cancel()
        if not self.outcome.set_running_or_notify_cancel():
            return
        if (error := task.exception()) is not None:
            self.outcome.set_exception(error)
        else:
            self.outcome.set_result(task.result())
