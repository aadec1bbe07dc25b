"""The time by which a whole piece of work must be done, known to every request made within it."""

import asyncio
import math
from contextlib import AbstractContextManager
from contextvars import ContextVar
from typing import NamedTuple

from nemoguardrails_trust.concurrency.context import Holding

SHARE_FOR_CALLS = 0.97
"""How much of the time for a score its calls may take, so that what came in time is still used."""


class _Deadline(NamedTuple):
    at: float  # on the loop's clock
    limit: float  # the time-out that was set, for messages


_deadline: ContextVar[_Deadline | None] = ContextVar("deadline", default=None)


def whole_deadline(seconds: float, *, limit: float | None = None) -> AbstractContextManager[object]:
    """Tells requests made within, also by tasks started there, when they must be done.

    Nothing is cancelled by it: that stays with `asyncio.timeout`. It spares waiting for what
    cannot come in time, such as a rate limit that ends later.

    Args:
        seconds: From now. Within another deadline the earlier one counts.
        limit: The time-out that was set, if `seconds` are what is left of it, or it is another
            one than that of the deadline around this one.
    """
    at = asyncio.get_running_loop().time() + seconds
    outer = _deadline.get()
    if outer is None or at < outer.at:
        outer = _Deadline(at, time_limit(seconds) if limit is None else limit)
    return Holding(_deadline, outer)


def calls_deadline(timeout: float) -> AbstractContextManager[object]:
    """The same for the calls of work that has so many seconds in all."""
    return whole_deadline(timeout * SHARE_FOR_CALLS, limit=time_limit(timeout))


def time_left() -> float:
    """Seconds until the deadline, at least 0; infinite where there is none."""
    deadline = _deadline.get()
    if deadline is None:
        return math.inf
    return max(0.0, deadline.at - asyncio.get_running_loop().time())


def time_limit(timeout: float) -> float:
    """The time-out that was set, of which `timeout` may be what is left; for messages."""
    deadline = _deadline.get()
    return timeout if deadline is None else deadline.limit


def current_deadline() -> float | None:
    """The deadline on the running loop's clock; `None` where there is none."""
    deadline = _deadline.get()
    return None if deadline is None else deadline.at
