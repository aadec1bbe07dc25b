"""Work on a loop in another thread: its results, its failures, its cancellation, its end."""

import asyncio
import threading
from contextvars import ContextVar

import pytest

from nemoguardrails_trust.concurrency.loops import LoopThread
from nemoguardrails_trust.errors import ScoringError

NAME = "test-background"


async def nothing() -> None:
    pass


def threads() -> int:
    return sum(entry.name == NAME for entry in threading.enumerate())


async def test_what_holds_up_the_other_loop_does_not_hold_up_this_one() -> None:
    background, going_on = LoopThread(NAME), threading.Event()

    async def parse() -> str:
        assert going_on.wait(20)  # holds its loop up, as parsing does
        return threading.current_thread().name

    work = asyncio.wrap_future(background.submit(parse()))
    for _ in range(10):
        await asyncio.sleep(0.01)
    assert not work.done()
    going_on.set()
    assert await work == NAME
    await background.aclose(nothing)


async def test_what_it_raises_is_raised_here() -> None:
    background = LoopThread(NAME)

    async def fail() -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await asyncio.wrap_future(background.submit(fail()))
    await background.aclose(nothing)


async def test_cancelling_reaches_the_call() -> None:
    background, begun, cancelled = LoopThread(NAME), threading.Event(), threading.Event()

    async def wait() -> None:
        begun.set()
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            cancelled.set()
            raise

    work = asyncio.wrap_future(background.submit(wait()))
    assert await asyncio.to_thread(begun.wait, 10)
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    assert await asyncio.to_thread(cancelled.wait, 10)
    await background.aclose(nothing)


async def test_closing_ends_what_is_under_way_and_the_thread() -> None:
    background, begun, places = LoopThread(NAME), threading.Event(), list[str]()

    async def wait() -> None:
        begun.set()
        await asyncio.sleep(60)

    async def last() -> None:
        places.append(threading.current_thread().name)

    work = asyncio.wrap_future(background.submit(wait()))
    assert await asyncio.to_thread(begun.wait, 10)
    await background.aclose(last)
    with pytest.raises(asyncio.CancelledError):
        await work
    assert (places, threads()) == ([NAME], 0)


async def test_without_work_no_thread_is_started() -> None:
    background, closed = LoopThread(NAME), list[int]()

    async def last() -> None:
        closed.append(threads())

    await background.aclose(last)
    assert closed == [0]


def test_a_synchronous_caller_gets_the_result_and_the_errors() -> None:
    with LoopThread(NAME) as background:
        assert background.run(asyncio.sleep(0, "done")) == "done"

        async def fail() -> None:
            raise ValueError("no")

        with pytest.raises(ValueError, match="no"):
            background.run(fail())
    assert threads() == 0


def test_after_its_end_it_starts_anew() -> None:
    background = LoopThread(NAME)
    for _ in range(2):
        assert background.run(asyncio.sleep(0, "done")) == "done"
        assert threads() == 1
        background.close()
        assert threads() == 0


def test_a_loop_that_is_dropped_ends_its_thread() -> None:
    background = LoopThread(NAME)
    background.run(asyncio.sleep(0))
    assert threads() == 1
    del background
    assert threads() == 0


def test_who_waits_for_a_loop_that_is_closed_is_told() -> None:
    background, begun = LoopThread(NAME), threading.Event()

    async def wait() -> None:
        begun.set()
        await asyncio.sleep(60)

    def close() -> None:
        begun.wait(10)
        background.close()

    closing = threading.Thread(target=close)
    closing.start()
    with pytest.raises(ScoringError, match="ended before it was done"):
        background.run(wait())
    closing.join()


def test_a_loop_does_not_wait_for_itself() -> None:
    with LoopThread(NAME) as background:

        async def ask_again() -> None:
            background.run(asyncio.sleep(0))

        with pytest.raises(RuntimeError, match="_async"):
            background.run(ask_again())


def test_the_context_of_the_caller_holds_on_the_loop() -> None:
    color = ContextVar("color", default="none")
    color.set("red")

    async def seen() -> str:
        return color.get()

    with LoopThread(NAME) as background:
        assert background.run(seen()) == "red"
        assert background.submit(seen()).result() == "red"


def test_what_is_cancelled_before_it_begins_is_never_begun() -> None:
    begun, go_on = list[int](), threading.Event()

    async def work() -> None:
        begun.append(1)

    with LoopThread(NAME) as background:
        background.call(go_on.wait)
        future = background.submit(work())
        assert future.cancel()
        go_on.set()
        background.run(asyncio.sleep(0))
    assert begun == []
