"""What is said of one person in the same words as of another is not the same."""

import pytest

from nemoguardrails_trust.agreement.compare import SAME, agreement


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (
            "Harrison Ford was originally cast to play Indiana Jones.",
            "Tom Selleck was originally cast to play Indiana Jones, but Harrison Ford got it.",
        ),
        (
            "The Example Bank charges no fee for transfers.",
            "The Sample Bank charges no fee for transfers, and the Example Bank charges 1 euro.",
        ),
        (
            "Dr Jane Miller is on call tonight.",
            "Dr Ravi Shah is on call tonight, and Dr Jane Miller tomorrow.",
        ),
    ],
)
def test_another_name_in_front_of_the_same_words_is_another_answer(first: str, second: str) -> None:
    found = agreement(first, second)
    assert found.value < SAME
    assert agreement(second, first) == found


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("Harrison Ford was cast to play him.", "Ford was cast to play him."),
        ("The Example Bank charges no fee.", "Example Bank charges no fee."),
        (
            "Ada Lovelace and Charles Babbage worked on it.",
            "Charles Babbage and Ada Lovelace worked on it.",
        ),
    ],
)
def test_the_same_name_in_another_form_is_the_same_answer(first: str, second: str) -> None:
    assert agreement(first, second).value >= SAME
