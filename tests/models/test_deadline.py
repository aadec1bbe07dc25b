"""A deadline knows the time-out that was set, whatever is left of it."""

from nemoguardrails_trust.models.deadline import (
    calls_deadline,
    time_left,
    time_limit,
    whole_deadline,
)


async def test_without_a_deadline_there_is_no_end_and_the_limit_is_ones_own() -> None:
    assert time_left() == float("inf")
    assert time_limit(3.0) == 3.0


async def test_what_is_left_of_a_time_out_is_told_as_the_time_out() -> None:
    with whole_deadline(60.0):
        assert time_limit(59.2) == 60.0
        with whole_deadline(time_left() - 1.0), calls_deadline(time_left() - 1.0):
            assert time_left() <= 58.0
            assert time_limit(time_left()) == 60.0
    with whole_deadline(58.7, limit=60.0):
        assert time_limit(58.7) == 60.0


async def test_a_shorter_time_out_within_is_told_as_itself_and_a_longer_one_is_not() -> None:
    with whole_deadline(60.0):
        with whole_deadline(5.0, limit=5.0):
            assert time_limit(4.0) == 5.0
        with whole_deadline(600.0, limit=600.0):
            assert time_limit(599.0) == 60.0


async def test_calls_have_a_little_less_than_the_whole() -> None:
    with calls_deadline(100.0):
        assert time_left() <= 97.0
        assert time_limit(100.0) == 100.0
