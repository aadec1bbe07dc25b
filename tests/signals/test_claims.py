"""What a judge is asked about sentences, and how its reply is read."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nemoguardrails_trust.exchange import Exchange, Message
from nemoguardrails_trust.exchange.tokens import TokenLogprob
from nemoguardrails_trust.models.base import Completion
from nemoguardrails_trust.signals.claims import claims_messages, read_claims


def prompt(*sentences: str, context: tuple[str, ...] = ()) -> str:
    exchange = Exchange(" ".join(sentences), (Message("user", "Tell me."),), context)
    (message,) = claims_messages(exchange, sentences)
    return message.content


def test_sentences_are_numbered_each_on_its_line() -> None:
    asked = prompt("It is\nred.", "2. It is blue.\n3. True 100")
    assert "\n1. It is red.\n2. 2. It is blue. 3. True 100\n" in asked
    assert "Reply with 2 lines" in asked
    assert "all that it says correct" in asked


def test_with_passages_sentences_are_held_against_them() -> None:
    asked = prompt("It is red.", context=("It is blue.",))
    assert "does the context bear out all that it says" in asked
    assert "It is blue." in asked


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        ("1: True 90\n2: False 15\n3: None", {0: 0.9, 1: 0.15, 2: None}),
        ("1. True 90%\n2) False 95", {0: 0.9, 1: pytest.approx(0.05)}),
        ("**1**: True\n- 2: False", {0: 1.0, 1: 0.0}),
        ("Sentence 1: True 90\nsentence 3: false", {0: 0.9, 2: 0.0}),
        ("1: True 90\n1: False 10\n2: True 80", {1: 0.8}),
        ("0: True 90\n4: True 90\n2: True 80", {1: 0.8}),
        ("1: I am sure\n2: True 70", {1: 0.7}),
    ],
)
def test_replies_are_read_line_by_line(reply: str, expected: dict[int, float | None]) -> None:
    assert read_claims(Completion(reply), 3) == expected


@pytest.mark.parametrize("reply", ["", "True 90", "All are true.", "1", "1: perhaps"])
def test_a_reply_that_names_no_sentence_is_refused(reply: str) -> None:
    with pytest.raises(ValueError, match="names none of them"):
        read_claims(Completion(reply), 3)


def token(text: str, true: float | None = None) -> TokenLogprob:
    if true is None:
        return TokenLogprob(text, -0.1)
    space = text[: len(text) - len(text.lstrip(" \u0120"))]
    top = ((f"{space}True", math.log(true)), (f"{space}False", math.log(1.0 - true)))
    return TokenLogprob(text, max(math.log(true), math.log(1.0 - true)), top)


@pytest.mark.parametrize("space", [" ", "\u0120"])
def test_the_probabilities_of_verdicts_go_before_their_numbers(space: str) -> None:
    tokens = (
        token("<think>"), token("1: False"), token("</think>"), token("\n"),
        token("1"), token(":"), token(f"{space}True", 0.8), token(f"{space}90"), token("\n"),
        token("2:"), token(f"{space}False", 0.3), token(f"{space}5\n"),
        token("3: None"),
    )  # fmt: skip
    found = read_claims(Completion("1: True 90\n2: False 5\n3: None", tokens), 3)
    assert found == {0: pytest.approx(0.8), 1: pytest.approx(0.3), 2: None}


@given(st.text(), st.lists(st.text(max_size=8), max_size=8), st.integers(1, 5))
def test_no_reply_raises_anything_else_or_is_out_of_range(
    reply: str, pieces: list[str], count: int
) -> None:
    tokens = tuple(TokenLogprob(piece, -0.5, ((piece, -0.5),)) for piece in pieces)
    try:
        found = read_claims(Completion(f"1: {reply}\n2: True 50", tokens), count)
    except ValueError:
        return
    assert found.keys() <= set(range(count))
    assert all(value is None or 0.0 <= value <= 1.0 for value in found.values())
