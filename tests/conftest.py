"""For all tests."""

import gc


def pytest_collection_finish() -> None:
    """Has the garbage collector look seldom: it takes a tenth of the time of the suite."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 10, 50)
