"""Python's garbage collector, while hundreds of calls are under way."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

_OFTEN_ENOUGH = 10_000  # new objects; Python's own figure is 700 or 2,000


@contextmanager
def seldom_collected() -> Iterator[None]:
    """Has the collector look less often at what calls under way keep alive, and not at the rest.

    At Python's own pace it takes up to a fifth of the time of a long run. A slower pace, or none,
    that was set before is left alone. Only a command may do so: the pace is the process's.
    """
    before = gc.get_threshold()
    gc.freeze()
    if 0 < before[0] < _OFTEN_ENOUGH:
        gc.set_threshold(_OFTEN_ENOUGH, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()
