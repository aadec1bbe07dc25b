"""The one way to ask a scorer for a score, whatever the scorer does."""

import asyncio
import json
import logging
import math
import signal
import threading
import time
from collections.abc import Awaitable, Sequence
from functools import partial
from inspect import CORO_CREATED, getcoroutinestate
from typing import Any, TypeVar

from nemoguardrails_trust.errors import ModelTimeoutError, ScoringError, SetupError, TrustError
from nemoguardrails_trust.exchange import Exchange
from nemoguardrails_trust.models.base import Reply
from nemoguardrails_trust.models.deadline import calls_deadline, time_limit
from nemoguardrails_trust.models.prompts import require_sendable, require_text
from nemoguardrails_trust.scorers.base import (
    SamplingScorer,
    Scorer,
    ends_in_time,
    takes_media,
)
from nemoguardrails_trust.scorers.logged import kind_and_place
from nemoguardrails_trust.scorers.observing import tell
from nemoguardrails_trust.scores import TrustworthinessScore, Usage, require_share

_log = logging.getLogger(__name__)

_TOGETHER = 0.1  # seconds

BATCH_TIMEOUT = 300.0
"""Seconds for a score of many, unless told otherwise: a rate limit may hold one up for minutes."""

_CLEAN_UP = 0.1  # seconds that work may take to let go of what it holds, once it is cancelled
_ENCODER = json.JSONEncoder(allow_nan=False, ensure_ascii=False)

Result = TypeVar("Result")


async def score_safely(
    scorer: Scorer,
    exchange: Exchange,
    *,
    timeout: float,
    decide_at: float | None = None,
    prefetched: Awaitable[Reply] | None = None,
) -> TrustworthinessScore:
    """Scores an exchange with any scorer, one of the user's own included.

    Args:
        scorer: Gives the score.
        exchange: What to score.
        timeout: Seconds for the whole score.
        decide_at: The threshold, where only the decision matters; a hint for a `SamplingScorer`.
        prefetched: Samples that are already being drawn; likewise.

    Returns:
        The score; where none could be had, one whose `score` is `None`, with the reason in
        `error` and the errors behind it in `failures`.

    Raises:
        SetupError: The scorer cannot score anything: a key is refused, an extra is missing.
        asyncio.CancelledError: The caller was cancelled.
    """
    started = time.perf_counter()
    try:
        if takes_media(scorer):
            require_sendable(exchange)
        else:
            require_text(exchange, by=_name_of(scorer) or "the scorer")
        answering = exchange.answering()
        # The calls know the deadline too, and do not wait for what lies beyond it.
        with calls_deadline(timeout):
            work = _ask(scorer, answering, decide_at, prefetched)
            wait = _ended_by_itself if ends_in_time(scorer) else settled
            score = await wait(work, timeout=timeout, what="the scorer")
        require_usable(score)
        if answering is not exchange:
            score = score.with_claims_in(exchange.response)
        if score.score is None and not score.error:
            raise ScoringError("the scorer returned no score and no reason")
    except TrustError as error:
        score = TrustworthinessScore(
            None,
            usage=Usage(seconds=time.perf_counter() - started),
            scorer=_name_of(scorer),
            error=str(error),
            failures=(error,),
        )
    tell(scorer, score)
    if score.score is None:
        for failure in score.failures:
            if isinstance(failure, SetupError):
                raise failure
    return score


def _name_of(scorer: Scorer) -> str:
    name = getattr(scorer, "name", "")
    return name if isinstance(name, str) else ""


async def settled(work: Awaitable[Result], *, timeout: float, what: str) -> Result:
    """Waits for work that may be the user's own: it may raise anything, hang, or block.

    Args:
        work: What to wait for. It is cancelled where this is, and where it takes too long; work
            that does not let itself be cancelled is left behind.
        timeout: Seconds.
        what: Who does the work, for the error.

    Raises:
        TrustError: It failed, in whatever way, or did not end in time.
        asyncio.CancelledError: The caller was cancelled.
    """
    loop = asyncio.get_running_loop()
    started = time.perf_counter()
    task = loop.create_task(without_foreign_errors(work, what))
    # By hand, since `asyncio.wait`, which is made for many, takes twice as many calls.
    over = loop.create_future()
    task.add_done_callback(partial(_release, over))
    timer = loop.call_later(timeout, _release, over)
    try:
        await over
    except asyncio.CancelledError:
        try:
            await end([task], what)
        finally:
            if asyncio.iscoroutine(work) and getcoroutinestate(work) == CORO_CREATED:
                work.close()  # cancelled before it began, of which Python would warn
        raise
    finally:
        timer.cancel()
    # What came together with the end of the time is still taken.
    late = time.perf_counter() - started > timeout + _TOGETHER
    if late and task.done():
        _log.warning("%s blocked the event loop: it ran past its timeout", what)
    if late or not task.done():
        await end([task], what)
        raise _too_late(what, timeout)
    return task.result()


def _release(over: "asyncio.Future[None]", *_: object) -> None:
    if not over.done():
        over.set_result(None)


async def _ended_by_itself(work: Awaitable[Result], *, timeout: float, what: str) -> Result:
    """Waits for work that needs nobody to end it in time, and so no task; else as `settled`."""
    started = time.perf_counter()
    result = await without_foreign_errors(work, what)
    if time.perf_counter() - started > timeout + _TOGETHER:
        _log.warning("%s ran past its timeout: something blocked the event loop", what)
        raise _too_late(what, timeout)
    return result


def _too_late(what: str, timeout: float) -> ModelTimeoutError:
    return ModelTimeoutError(f"{what} did not answer within {time_limit(timeout):.3g} s")


async def _ask(
    scorer: Scorer,
    exchange: Exchange,
    decide_at: float | None,
    prefetched: Awaitable[Reply] | None,
) -> TrustworthinessScore:
    has_hints = decide_at is not None or prefetched is not None
    if has_hints and isinstance(scorer, SamplingScorer):
        return await scorer.score(exchange, decide_at=decide_at, prefetched=prefetched)
    return await scorer.score(exchange)


async def without_foreign_errors(work: Awaitable[Result], what: str) -> Result:
    """Waits for work that may raise anything, within something that bounds its time.

    Args:
        work: What to wait for.
        what: Who does the work, for the error.

    Raises:
        TrustError: It failed, in whatever way, or was cancelled by another than the caller.
        asyncio.CancelledError: The caller was cancelled.
    """
    task = asyncio.current_task()
    before = 0 if task is None else task.cancelling()  # whose last cancelling was long dealt with
    try:
        result = await work
    except TrustError:
        raise
    except asyncio.CancelledError:
        if task is not None and task.cancelling() > before:
            raise
        raise ScoringError(f"{what} was cancelled") from None
    except BaseException as error:
        if _ends_the_program(error):
            raise
        # Its text may hold a key: whoever debugs finds it as the cause.
        name = type(error).__name__
        _log.debug("%s raised %s", what, kind_and_place(error))
        raise ScoringError(f"{what} raised {name}") from error
    if task is not None and task.cancelling() > before:  # which the work took no notice of
        raise asyncio.CancelledError
    return result


def _ends_the_program(error: BaseException) -> bool:
    """Whether an error is no failure of the work, but the end of what it runs in."""
    if type(error) is GeneratorExit:  # thrown into a coroutine that is closed with its loop
        return asyncio.current_task() is None
    # Where an event loop has its own handler, Ctrl-C cancels, and raises nothing in here.
    is_unhandled = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    in_main_thread = threading.current_thread() is threading.main_thread()
    return type(error) is KeyboardInterrupt and is_unhandled and in_main_thread


async def end(tasks: Sequence["asyncio.Future[Any]"], what: str) -> None:
    """Cancels what still runs, and leaves behind what does not let itself be cancelled."""
    running = [task for task in tasks if not task.done()]
    for task in running:
        task.add_done_callback(_read)  # also where nobody waits until it ends
        task.cancel()
    if running:
        await asyncio.wait(running, timeout=_CLEAN_UP)
    for task in tasks:
        if not task.done():
            _log.warning("%s keeps running although it was cancelled", what)
        else:
            _read(task)


def _read(task: "asyncio.Future[Any]") -> None:
    """Reads a task's error, which asyncio would otherwise log with its text."""
    if not task.cancelled():
        task.exception()


def require_usable(score: object) -> None:
    """Refuses a scorer's result that no application could be given.

    Raises:
        ScoringError: It is no score, or a field that a scorer filled is not what it should be.
    """
    if not isinstance(score, TrustworthinessScore):
        given = type(score).__name__
        raise ScoringError(f"the scorer returned a {given}, not a TrustworthinessScore")
    for name in ("explanation", "error"):
        value = getattr(score, name)
        if value is not None and not isinstance(value, str):
            raise ScoringError(f"the scorer's {name} is a {type(value).__name__}, not text")
    try:
        require_share("score", score.score)
    except ValueError as error:
        raise ScoringError(f"the scorer's {error}") from None
    try:
        told = score.to_json()
        if not _is_plain(told):
            _ENCODER.encode(told).encode()
    except (AttributeError, RecursionError, TypeError, ValueError) as error:
        raise ScoringError(
            "the scorer's signals, usage, alternatives, metadata or claims cannot be written as "
            "JSON"
        ) from error


def _is_plain(value: Any) -> bool:
    """Whether a value is sure to be one that JSON can hold, as nearly all are.

    Writing it to find out takes several times as long: of a float, every digit is worked out.
    """
    kind = type(value)
    if kind is str:
        return bool(value.isascii())
    if kind is float:
        return math.isfinite(value)
    if kind is dict:
        for name in value:
            if type(name) is not str or not name.isascii():
                return False
        value = value.values()
    elif kind is not list:
        return value is None or kind is bool or (kind is int and value.bit_length() <= 64)
    return all(map(_is_plain, value))
