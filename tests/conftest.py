"""For all tests."""

import gc
import signal
from collections.abc import Generator

import pytest
from hypothesis import settings

settings.register_profile("any machine", deadline=None)  # one may be as slow as it likes
settings.load_profile("any machine")

# A shell's job in the background ignores Ctrl-C, and so would all that the tests start from there.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_finish() -> None:
    """Has the garbage collector look seldom: it takes a tenth of the time of the suite."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 10, 50)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Writes half surrogate pairs of what a test printed as `?`: workers cannot hand them on."""
    report = yield
    report.sections = [
        (title, printed.encode("utf-8", "replace").decode()) for title, printed in report.sections
    ]
    return report
