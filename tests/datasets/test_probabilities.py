import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nemoguardrails_trust.datasets.probabilities import read_tokens
from nemoguardrails_trust.errors import DataError
from nemoguardrails_trust.exchange.tokens import TokenLogprob

ONE = {"token": "B", "logprob": -0.5}
TOP = (("B", -0.5), ("A", -1.0))
PAIRS = [{"token": "B", "logprob": -0.5}, {"token": "A", "logprob": -1.0}]


@pytest.mark.parametrize(
    ("row", "tokens"),
    [
        ({}, None),
        ({"token_logprobs": []}, None),
        ({"token_logprobs": [-0.5]}, [TokenLogprob("", -0.5)]),
        ({"token_logprobs": "[-0.5, -1]"}, [TokenLogprob("", -0.5), TokenLogprob("", -1.0)]),
        ({"token_logprobs": [ONE]}, [TokenLogprob("B", -0.5)]),
        ({"token_logprobs": {"content": [ONE]}}, [TokenLogprob("B", -0.5)]),
        ({"token_logprobs": [{**ONE, "top_logprobs": PAIRS}]}, [TokenLogprob("B", -0.5, TOP)]),
        ({"token_logprobs": [-0.5], "tokens": ["B"]}, [TokenLogprob("B", -0.5)]),
        ({"token_logprobs": [-0.5], "tokens": 1}, [TokenLogprob("", -0.5)]),
        ({"token_logprobs": [-0.5], "top_logprobs": [dict(TOP)]}, [TokenLogprob("B", -0.5, TOP)]),
        ({"token_logprobs": [-0.5], "top_logprobs": 5}, [TokenLogprob("", -0.5)]),
        ({"top_logprobs": dict(TOP)}, [TokenLogprob("B", -0.5, TOP)]),
        ({"top_logprobs": json.dumps(dict(TOP))}, [TokenLogprob("B", -0.5, TOP)]),
        ({"top_logprobs": PAIRS}, [TokenLogprob("B", -0.5, TOP)]),
        ({"top_logprobs": [PAIRS]}, [TokenLogprob("B", -0.5, TOP)]),
        ({"top_logprobs": [["B", -0.5], ["A", -1]]}, [TokenLogprob("B", -0.5, TOP)]),
        (
            {"token_logprobs": [-0.5, -2.0], "top_logprobs": [dict(TOP)]},
            [TokenLogprob("B", -0.5, TOP)],
        ),
    ],
)
def test_every_form_of_tokens_is_read(
    row: dict[str, Any], tokens: list[TokenLogprob] | None
) -> None:
    found = read_tokens(row)
    assert found == (None if tokens is None else tuple(tokens))


@pytest.mark.parametrize(
    ("row", "named"),
    [
        ({"token_logprobs": "high"}, "token_logprobs"),
        ({"token_logprobs": [True]}, "token_logprobs"),
        ({"token_logprobs": [{"token": "B"}]}, "token_logprobs"),
        ({"top_logprobs": "high"}, "top_logprobs"),
        ({"top_logprobs": ["B"]}, "top_logprobs"),
        ({"token_logprobs": [-1, -1, -1], "top_logprobs": [dict(TOP)] * 2}, "top_logprobs"),
    ],
)
def test_what_cannot_be_read_is_named(row: dict[str, Any], named: str) -> None:
    with pytest.raises(DataError, match=f"'{named}'"):
        read_tokens(row)


VALUES: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["token", "logprob", "top_logprobs", "B"]), inner)
    ),
    max_leaves=8,
)


@settings(max_examples=150)
@given(VALUES, VALUES, VALUES)
def test_any_values_are_read_or_refused(logprobs: Any, tops: Any, texts: Any) -> None:
    row = {"token_logprobs": logprobs, "top_logprobs": tops, "tokens": texts}
    try:
        found = read_tokens(row)
    except DataError:
        return
    assert found is None or all(isinstance(token, TokenLogprob) for token in found)
