"""An exchange as a user builds it."""

from typing import Any

import pytest

from nemoguardrails_trust import Exchange
from nemoguardrails_trust.errors import DataError
from nemoguardrails_trust.exchange import Message


@pytest.mark.parametrize(
    ("response", "told"),
    [
        ((Message("user", "6 x 7?"),), "a list"),
        (None, "null"),
        (42, "a number"),
        ({"answer": 42}, "an object"),
        (Message("user", "6 x 7?"), "a value of type Message"),
    ],
)
def test_a_response_that_is_no_text_is_named_where_the_exchange_is_built(
    response: Any, told: str
) -> None:
    with pytest.raises(DataError, match=f"must be text, not {told}; "):
        Exchange(response)
