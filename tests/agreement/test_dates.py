import pytest

from nemoguardrails_trust.agreement.dates import clock, compare_dates, date


@pytest.mark.parametrize(
    ("text", "reading"),
    [
        ("july 4, 1776", (1776, 7, 4)),
        ("the 4th of july, 1776", (1776, 7, 4)),
        ("1776-07-04t00:00:00z", (1776, 7, 4)),
        ("sept. 2001", (2001, 9, None)),
        ("3 march", (None, 3, 3)),
        ("in 1066", (1066, None, None)),
        ("44 bc", None),
        ("15 march 44 bc", (-44, 3, 15)),
        ("ad 476", (476, None, None)),
        ("2001-02-45", None),
        ("paris", None),
        ("3.14", None),
    ],
)
def test_dates_are_read(
    text: str, reading: tuple[int | None, int | None, int | None] | None
) -> None:
    found = date(text)
    assert (found and found.readings[0]) == reading


def test_a_date_in_numbers_may_be_either_way_round() -> None:
    either, american, british, other = map(
        date, ("03/04/2001", "march 4, 2001", "3 april 2001", "5 april 2001")
    )
    assert either is not None
    assert american is not None
    assert british is not None
    assert other is not None
    assert compare_dates(either, american) == (0.9, False)
    assert compare_dates(either, british) == (0.9, False)
    assert compare_dates(either, other)[0] < 0.1


def test_two_dates_in_numbers_that_are_not_written_alike_are_more_likely_two_days() -> None:
    one, other, plain = map(date, ("12/11/1990", "11/12/1990", "13/11/1990"))
    assert one is not None
    assert other is not None
    assert plain is not None
    assert compare_dates(one, other) == (0.3, False)
    assert compare_dates(one, one) == (1.0, True)
    assert compare_dates(one, plain)[0] < 0.1


@pytest.mark.parametrize(
    ("text", "minutes"),
    [
        ("3:10 pm", 910),
        ("15:10", 910),
        ("12 a.m.", 0),
        ("at 12:30 pm", 750),
        ("3 o'clock", None),
        ("25:00", None),
        ("3", None),
    ],
)
def test_times_of_day_are_read(text: str, minutes: int | None) -> None:
    assert clock(text) == minutes
