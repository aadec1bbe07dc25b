"""Python's garbage collector, while hundreds of calls are under way."""

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_OFTEN_ENOUGH = 10_000  # new objects; Python's own figure is 700 or 2,000
_lock = threading.Lock()
_users = 0
_before: tuple[int, int, int] = (0, 0, 0)


@contextmanager
def seldom_collected() -> Iterator[None]:
    """Has the collector look less often at all that calls under way keep alive.

    At Python's own pace it takes up to a fifth of the time of a long list. The pace is the
    process's; it is as it was when the last of those who are in such a block leaves it. A slower
    pace, or none, that was set before is left alone.
    """
    global _users, _before
    with _lock:
        _users += 1
        if _users == 1:
            _before = gc.get_threshold()
            if 0 < _before[0] < _OFTEN_ENOUGH:
                gc.set_threshold(_OFTEN_ENOUGH, *_before[1:])
    try:
        yield
    finally:
        with _lock:
            _users -= 1
            if _users == 0:
                gc.set_threshold(*_before)
