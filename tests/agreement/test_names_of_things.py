"""Digits that are names, letters that are choices, numbers as other countries write them."""

import pytest

from nemoguardrails_trust.agreement import agreement
from tests.agreement.both_ways import same

SEVERAL = "Select all that apply.\nA. x\nB. y\nC. z\nD. w"
CAPITAL = "Which is the capital of France?\nA. Berlin\nB. Paris\nC. Rome"


@pytest.mark.parametrize(
    ("prompt", "first", "second"),
    [
        ("P?", "1/2^99", "1/2^98"),
        ("Planck constant?", r"$6.626\times10^{-34}$", r"$1.055\times10^{-34}$"),
        ("charge?", r"$1.6 \cdot 10^{-19}$", r"$3.2 \cdot 10^{-19}$"),
        ("charge?", "1.6e-19", "0"),
        ("Support number?", "+1 555 010 1234", "+1 555 010 1239"),
        ("Which card was charged?", "4111 1111 1111 1111", "4111 1111 1111 1112"),
        ("Which Python version is needed?", "3.10", "3.1"),
        ("Which version is needed?", "2.0.0", "2.0.0-beta"),
        ("Which version is needed?", "1.20.0", "1.2"),
        ("Which release is needed?", "3.12.0 RC 1", "3.12.0-rc2"),
        ("Which release fixed it?", "Version 2.10", "Version 2.1"),
        ("Which release fixed it?", "1.10.0", "1.1.0"),
        ("Where does it listen?", "10.0.0.1", "10.0.0.10"),
        ("Which section applies?", "Section 4.20", "Section 4.2"),
        ("Zip code?", "01234", "1234"),
        ("What is the PIN?", "0042", "42"),
        (SEVERAL, "A and C", "A"),
        (SEVERAL, "A and C", "A and D"),
        (SEVERAL, "A or C", "A"),
        (SEVERAL, "A or C", "A and C"),
        (SEVERAL, "A) x and C) z", "A) x"),
        (CAPITAL, "Paris", "A"),
        ("How many cups?", "1½ cups", "5.5 cups"),
        ("Preis?", "2,5 kg", "25 kg"),
        ("Preis?", "1.234,56", "1.234,65"),
    ],
)
def test_these_are_different(prompt: str, first: str, second: str) -> None:
    assert not same(first, second, prompt)


@pytest.mark.parametrize(
    ("prompt", "first", "second"),
    [
        ("Support number?", "(555) 010-1234", "555-010-1234"),
        ("Whom do I call?", "Call 0049 30 1234567", "Call +49 30 1234567"),
        ("Which release fixed it?", "v2.10", "2.10"),
        ("Which release fixed it?", "It was fixed in 4.2.", "4.2.0"),
        ("Which release fixed it?", "It was fixed in 2.10 (issue 77).", "2.10"),
        (SEVERAL, "A, C", "AC"),
        (SEVERAL, "C and A", "A, C"),
        (CAPITAL, "Paris", "B"),
        (CAPITAL, "B. Paris", "B"),
        (CAPITAL, "The answer seems to be B.", "B"),
        ("How many cups?", "1½ cups", "1.5 cups"),
        ("How long?", "7½ hours", "7 1/2 hours"),
        ("How much?", "½", "0.5"),
        ("Wie hoch ist der Preis in Euro?", "1.000,50 €", "1000.50 €"),
        ("Preis?", "2,5 kg", "2.5 kg"),
        ("Preis?", "1.234,56", "1234,56"),
        ("Population?", "1.234.567", "1,234,567"),
        ("Population?", "1'234'567", "1,234,567"),
        ("Population?", "12,34,567", "1,234,567"),
        ("How many steps?", "0.1 + 0.2", "0.3"),
    ],
)
def test_these_are_the_same(prompt: str, first: str, second: str) -> None:
    assert same(first, second, prompt)


@pytest.mark.parametrize(
    ("prompt", "first", "second"),
    [
        ("Solve for x: 2x<6.", "$x<3$", r"$(-\infty, 3)$"),
        ("Solve", r"$x \ge 3$", r"$[3,\infty)$"),
        ("Which country won?", "USA", "United States of America"),
    ],
)
def test_what_plain_comparing_cannot_know_is_not_settled(
    prompt: str, first: str, second: str
) -> None:
    assert not agreement(first, second, prompt=prompt).settled
