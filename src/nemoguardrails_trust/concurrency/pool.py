"""Runs work with bounded concurrency."""

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Iterable, Iterator
from itertools import islice
from typing import Any, TypeVar

Item = TypeVar("Item")

_CHUNK = 64
_END: Any = object()


async def run_pool(
    items: Iterable[Item] | AsyncIterable[Item],
    work: Callable[[Item], Awaitable[None]],
    *,
    workers: int,
) -> None:
    """Does the work for every item, so many at a time.

    There is a task for each worker, not for each item, and at most as many items wait as there
    are workers: memory does not grow with their number.

    Args:
        items: What to work on.
        work: What to do; its first error ends all.
        workers: How many at a time.
    """
    try:
        async with asyncio.TaskGroup() as tasks:
            if isinstance(items, AsyncIterable):
                queue: asyncio.Queue[Item] = asyncio.Queue(maxsize=workers)
                tasks.create_task(_feed(items, queue, workers))
                for _ in range(workers):
                    tasks.create_task(_work_off(queue, work))
            else:
                shared = iter(items)
                for _ in range(workers):
                    tasks.create_task(_work_through(shared, work))
    except BaseExceptionGroup as group:
        raise _first_of(group) from None


async def _feed(items: AsyncIterable[Item], queue: asyncio.Queue[Item], workers: int) -> None:
    async for item in items:
        await queue.put(item)
    for _ in range(workers):
        await queue.put(_END)


async def _work_off(queue: asyncio.Queue[Item], work: Callable[[Item], Awaitable[None]]) -> None:
    while (item := await queue.get()) is not _END:
        await work(item)


async def _work_through(items: Iterator[Item], work: Callable[[Item], Awaitable[None]]) -> None:
    # Several do so with one iterator, and each item is taken by one of them.
    for item in items:
        await work(item)


async def in_thread(items: Iterator[Item]) -> AsyncIterator[Item]:
    """Iterates in a worker thread, some items at a time, since reading may block."""
    while chunk := await asyncio.to_thread(lambda: list(islice(items, _CHUNK))):
        for item in chunk:
            yield item


def _first_of(group: BaseExceptionGroup[BaseException]) -> BaseException:
    first: BaseException = group
    while isinstance(first, BaseExceptionGroup):
        first = first.exceptions[0]
    return first
