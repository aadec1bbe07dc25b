from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nemoguardrails_trust.errors import (
    CredentialsError,
    ModelRequestError,
    ModelResponseError,
    ModelServerError,
    RateLimitError,
)
from nemoguardrails_trust.scorers.cleanlab.session import refusal, retry_after


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("0", 0.0), ("30", 30.0), (" 7 ", 7.0), ("0.25", 0.25), ("86400", 86400.0)],
)
def test_a_number_of_seconds_is_taken(value: str, seconds: float) -> None:
    assert retry_after(value) == seconds


def test_a_date_is_taken_as_the_seconds_until_then() -> None:
    now = datetime.now(UTC)
    assert retry_after(format_datetime(now + timedelta(seconds=90), usegmt=True)) == pytest.approx(
        90, abs=5
    )
    assert retry_after(format_datetime(now - timedelta(hours=1), usegmt=True)) == 0
    assert retry_after("Wed, 21 Oct 2015 07:28:00 -0000") == 0


@pytest.mark.parametrize(
    "value", [None, "", "soon", "-5", "nan", "inf", "1e3", "٣", "5 s", "9" * 400]
)
def test_what_is_neither_is_left_out(value: str | None) -> None:
    assert retry_after(value) is None


@given(st.text(max_size=40))
@settings(max_examples=300, deadline=None)
def test_no_header_breaks_it(value: str) -> None:
    seconds = retry_after(value)
    assert seconds is None or 0 <= seconds < float("inf")


@given(st.integers(100, 599).filter(lambda status: status != 200))
@settings(max_examples=200, deadline=None)
def test_every_status_but_200_is_an_error_of_its_kind(status: int) -> None:
    error = refusal(status, {}, "api.example", "SOME_KEY")
    expected: type[Exception] = ModelResponseError
    if status == 401:
        expected = CredentialsError
    elif status == 429:
        expected = RateLimitError
    elif status >= 500:
        expected = ModelServerError
    elif status >= 400:
        expected = ModelRequestError
    assert type(error) is expected
    assert str(status) in str(error)
