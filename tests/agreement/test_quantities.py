from fractions import Fraction

import pytest

from nemoguardrails_trust.agreement.number_words import join_number_words
from nemoguardrails_trust.agreement.phrases import words_of
from nemoguardrails_trust.agreement.quantities import (
    Quantity,
    compare_quantities,
    quantity,
)
from nemoguardrails_trust.agreement.text import fold, tokens


def read(text: str) -> Quantity | None:
    return quantity(words_of(fold(text)))


@pytest.mark.parametrize(
    ("text", "joined"),
    [
        ("one thousand two hundred and five", ["1205"]),
        ("twenty one cats and one dog", ["21", "cats", "and", "1", "dog"]),
        ("three or four", ["3", "or", "4"]),
        ("two hundred thousand", ["200000"]),
        ("2.5 million", ["2500000"]),
        ("nineteen ninety-nine", ["1999"]),
        ("henry viii", ["henry", "8"]),
        ("minus two", ["-2"]),
        ("ten minus two", ["10", "-2"]),
        ("no numbers here", ["no", "numbers", "here"]),
    ],
)
def test_number_words_become_digits(text: str, joined: list[str]) -> None:
    assert join_number_words(tokens(text)) == joined


@pytest.mark.parametrize(
    ("text", "value", "kind"),
    [
        ("42", 42, None),
        ("-$3.50", Fraction(-7, 2), "dollar"),
        ("about 12 km", 12_000, "length"),
        ("1 hour and 15 minutes", 4_500, "time"),
        ("3 square metres", 3, "length^2"),
        ("7%", 7, "percent"),
        ("two dozen", 24, None),
        ("50 cents", Fraction(1, 2), "dollar"),
    ],
)
def test_a_number_is_read_with_its_unit(text: str, value: int | Fraction, kind: str | None) -> None:
    found = read(text)
    assert found is not None
    assert (found.value, found.kind) == (value, kind)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Paris",
        "1 2",
        "5 kg and 3 km",
        "12 of the many people who came there that day",
        "4 or 5",
    ],
)
def test_what_is_no_single_quantity_is_not_read(text: str) -> None:
    assert read(text) is None


def test_a_rate_is_no_plain_amount() -> None:
    first, second = read("5 dollars per day"), read("5 dollars")
    assert first is not None
    assert second is not None
    assert compare_quantities(first, second) == 0.0


def test_a_number_too_large_for_a_float_is_compared_exactly() -> None:
    first, second = read("9" * 390), read("9" * 389 + "8")
    assert first is not None
    assert second is not None
    assert compare_quantities(first, first) == 1.0
    assert compare_quantities(first, second) == 0.0
