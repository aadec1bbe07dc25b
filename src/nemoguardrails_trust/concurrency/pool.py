"""Runs work with bounded concurrency, and event loops on threads of their own."""

import asyncio
import contextvars
import threading
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from itertools import islice
from typing import Any, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

_CHUNK = 64
_END: Any = object()


async def run_pool(
    items: AsyncIterable[Item], work: Callable[[Item], Awaitable[None]], *, workers: int
) -> None:
    """Does the work for every item, so many at a time.

    There is a task for each worker, not for each item, and at most as many items wait as there
    are workers: memory does not grow with their number.

    Args:
        items: What to work on.
        work: What to do; its first error ends all.
        workers: How many at a time.
    """
    queue: asyncio.Queue[Item] = asyncio.Queue(maxsize=workers)

    async def worker() -> None:
        while (item := await queue.get()) is not _END:
            await work(item)

    async def feed() -> None:
        async for item in items:
            await queue.put(item)
        for _ in range(workers):
            await queue.put(_END)

    try:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(feed())
            for _ in range(workers):
                tasks.create_task(worker())
    except BaseExceptionGroup as group:
        raise _first_of(group) from None


async def in_thread(items: Iterator[Item]) -> AsyncIterator[Item]:
    """Iterates in a worker thread, some items at a time, since reading may block."""
    while chunk := await asyncio.to_thread(lambda: list(islice(items, _CHUNK))):
        for item in chunk:
            yield item


class LoopThread:
    """An event loop on a thread of its own, for callers that have one running or none."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop

    def submit(self, work: Coroutine[Any, Any, Result]) -> Future[Result]:
        """Starts a coroutine on the loop."""
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def call(self, function: Callable[..., object], *arguments: Any) -> None:
        """Calls a function on the loop, soon."""
        self._loop.call_soon_threadsafe(function, *arguments)


@contextmanager
def loop_thread() -> Iterator[LoopThread]:
    """Runs an event loop on a new thread; what still runs when the block ends is cancelled."""
    ready: Future[asyncio.AbstractEventLoop] = Future()

    async def serve() -> None:
        loop = asyncio.get_running_loop()
        ended = asyncio.Event()
        stops.append(lambda: loop.call_soon_threadsafe(ended.set))
        ready.set_result(loop)
        await ended.wait()

    stops: list[Callable[[], object]] = []
    context = contextvars.copy_context()
    thread = threading.Thread(
        target=lambda: context.run(asyncio.run, serve()), name="nemo-trust", daemon=True
    )
    thread.start()
    loop = ready.result()
    try:
        yield LoopThread(loop)
    finally:
        stops[0]()
        thread.join()


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
    with loop_thread() as loop:
        future = loop.submit(main(stop))
        try:
            return future.result()
        except KeyboardInterrupt:
            loop.call(stop.set)
            if on_interrupt is not None:
                on_interrupt()
        try:
            return future.result()
        except KeyboardInterrupt:
            future.cancel()
            raise


def _first_of(group: BaseExceptionGroup[BaseException]) -> BaseException:
    first: BaseException = group
    while isinstance(first, BaseExceptionGroup):
        first = first.exceptions[0]
    return first
