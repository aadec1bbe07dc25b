from hypothesis import given, settings
from hypothesis import strategies as st

from nemoguardrails_trust.errors import (
    CredentialsError,
    ModelRequestError,
    ModelResponseError,
    ModelServerError,
    RateLimitError,
)
from nemoguardrails_trust.scorers.cleanlab.session import refusal


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
