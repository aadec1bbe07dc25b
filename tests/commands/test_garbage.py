"""The garbage collector is slowed down while a command works, and only then."""

import contextlib
import gc
from collections.abc import Iterator

import pytest

from nemoguardrails_trust.commands.garbage import seldom_collected


@pytest.fixture(autouse=True)
def _thresholds() -> Iterator[None]:
    before = gc.get_threshold()
    gc.set_threshold(700, 10, 10)
    yield
    gc.set_threshold(*before)


def test_the_pace_is_back_after_an_error_too() -> None:
    with contextlib.suppress(ValueError), seldom_collected():
        assert gc.get_threshold() == (10_000, 10, 10)
        assert gc.get_freeze_count() > 0
        raise ValueError
    assert gc.get_threshold() == (700, 10, 10)
    assert gc.get_freeze_count() == 0


@pytest.mark.parametrize("pace", [(0, 10, 10), (50_000, 5, 5)])
def test_a_slower_pace_is_left_alone(pace: tuple[int, int, int]) -> None:
    gc.set_threshold(*pace)
    with seldom_collected():
        assert gc.get_threshold() == pace
    assert gc.get_threshold() == pace
