"""What a server's headers say about when to ask again."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nemoguardrails_trust.models.rate_headers import retry_after


def retry_after_of(value: str) -> float | None:
    return retry_after({"Retry-After": value})


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("0", 0.0), ("30", 30.0), (" 7 ", 7.0), ("0.25", 0.25), ("86400", 86400.0)],
)
def test_a_number_of_seconds_is_taken(value: str, seconds: float) -> None:
    assert retry_after_of(value) == seconds


def test_a_date_is_taken_as_the_seconds_until_then() -> None:
    now = datetime.now(UTC)
    assert retry_after_of(
        format_datetime(now + timedelta(seconds=90), usegmt=True)
    ) == pytest.approx(90, abs=5)
    assert retry_after_of(format_datetime(now - timedelta(hours=1), usegmt=True)) == 0
    assert retry_after_of("Wed, 21 Oct 2015 07:28:00 -0000") == 0


@pytest.mark.parametrize("value", ["", "soon", "-5", "nan", "inf", "5 s", "9" * 400, "90000"])
def test_what_is_neither_is_left_out(value: str) -> None:
    assert retry_after_of(value) is None


@given(st.text(max_size=40))
@settings(max_examples=300)
def test_no_header_breaks_it(value: str) -> None:
    seconds = retry_after_of(value)
    assert seconds is None or 0 <= seconds < float("inf")
