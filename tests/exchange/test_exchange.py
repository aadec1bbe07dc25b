"""An exchange as a user builds it."""

from typing import Any

import pytest

from nemoguardrails_trust import Exchange
from nemoguardrails_trust.errors import DataError
from nemoguardrails_trust.exchange import Message


@pytest.mark.parametrize("response", [(Message("user", "6 x 7?"),), None, 42, ["42"]])
def test_a_response_that_is_no_text_is_named_where_the_exchange_is_built(response: Any) -> None:
    with pytest.raises(DataError, match=f"is a text, not a {type(response).__name__}"):
        Exchange(response)
