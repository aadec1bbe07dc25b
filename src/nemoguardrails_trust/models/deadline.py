"""The time by which a whole piece of work must be done, known to every request made within it."""

import asyncio
import math
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_deadline: ContextVar[float | None] = ContextVar("deadline", default=None)


@contextmanager
def whole_deadline(seconds: float) -> Iterator[None]:
    """Tells requests made within, also by tasks started there, when they must be done.

    Nothing is cancelled by it: that stays with `asyncio.timeout`. It spares waiting for what
    cannot come in time, such as a rate limit that ends later.

    Args:
        seconds: From now. Within another deadline the earlier one counts.
    """
    at = asyncio.get_running_loop().time() + seconds
    outer = _deadline.get()
    token = _deadline.set(at if outer is None else min(at, outer))
    try:
        yield
    finally:
        _deadline.reset(token)


def time_left() -> float:
    """Seconds until the deadline, at least 0; infinite where there is none."""
    at = _deadline.get()
    return math.inf if at is None else max(0.0, at - asyncio.get_running_loop().time())


def current_deadline() -> float | None:
    """The deadline on the running loop's clock; `None` where there is none."""
    return _deadline.get()
