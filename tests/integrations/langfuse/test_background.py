"""Work on a loop in another thread: its results, its failures, its cancellation, its end."""

import asyncio
import threading
import time

import pytest

from nemoguardrails_trust.integrations.langfuse.background import BackgroundLoop

NAME = "test-background"


async def nothing() -> None:
    pass


def threads() -> int:
    return sum(each.name == NAME for each in threading.enumerate())


async def test_what_holds_up_the_other_loop_does_not_hold_up_this_one() -> None:
    background, longest = BackgroundLoop(NAME), 0.0

    async def parse(seconds: float) -> str:
        time.sleep(seconds)  # as parsing does
        return threading.current_thread().name

    work = asyncio.ensure_future(background.run(parse, seconds=0.5))
    while not work.done():
        begun = time.perf_counter()
        await asyncio.sleep(0.01)
        longest = max(longest, time.perf_counter() - begun)
    assert await work == NAME
    assert longest < 0.4
    await background.aclose(nothing)


async def test_what_it_raises_is_raised_here() -> None:
    background = BackgroundLoop(NAME)

    async def fail() -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await background.run(fail)
    await background.aclose(nothing)


async def test_cancelling_reaches_the_call() -> None:
    background, begun, cancelled = BackgroundLoop(NAME), threading.Event(), threading.Event()

    async def wait() -> None:
        begun.set()
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            cancelled.set()
            raise

    work = asyncio.ensure_future(background.run(wait))
    assert await asyncio.to_thread(begun.wait, 10)
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    assert await asyncio.to_thread(cancelled.wait, 10)
    await background.aclose(nothing)


async def test_closing_ends_what_is_under_way_and_the_thread() -> None:
    background, begun, places = BackgroundLoop(NAME), threading.Event(), list[str]()

    async def wait() -> None:
        begun.set()
        await asyncio.sleep(60)

    async def last() -> None:
        places.append(threading.current_thread().name)

    work = asyncio.ensure_future(background.run(wait))
    assert await asyncio.to_thread(begun.wait, 10)
    await background.aclose(last)
    with pytest.raises(asyncio.CancelledError):
        await work
    assert (places, threads()) == ([NAME], 0)


async def test_without_work_no_thread_is_started() -> None:
    background, closed = BackgroundLoop(NAME), list[int]()

    async def last() -> None:
        closed.append(threads())

    await background.aclose(last)
    assert closed == [0]
