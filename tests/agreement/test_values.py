"""A number or a date against prose that tells it, as graders hold gold answers against replies."""

import pytest

from nemoguardrails_trust.agreement import SAME, agreement

SAME_ANSWERS = [
    (
        "How many years were Dr. Evans and Lois Evans married?",
        "49",
        "Dr. Evans and Lois Evans were married for 49 years. They had married in 1970.",
    ),
    (
        "How many races did she win in Season 4?",
        "4",
        "She won four races in Season 4.",
    ),
    (
        "In which years did he work in private practice?",
        "1958-1971",
        "He worked in private practice from 1958 to 1971.",
    ),
    (
        "How old was Shanice when she met Ella?",
        "9",
        "Shanice met Ella when she was 9 years old. That was in 1981.",
    ),
    (
        "What did Cook sue for?",
        "$20 million",
        "Cook sued for $20 million, claiming that she stopped his book in 1997.",
    ),
    ("When did he die?", "26 Mar, 2006", "Anil Biswas passed away on March 26, 2006."),
    ("When was he born?", "May 17, 1990.", "Jody Williams was born on May 17, 1990."),
    ("What was the percentage change?", "-21%", "-20.66%"),
    ("What was the percentage change?", "2.6%", "2.58"),
]  # fmt: skip
OTHER_ANSWERS = [
    (
        "How many years were Dr. Evans and Lois Evans married?",
        "40",
        "Dr. Evans and Lois Evans were married for 49 years. They married in 1970, 40 years ago.",
    ),
    (
        "When was the antenna replaced with a digital one?",
        "August 2, 2007",
        "The antenna was replaced with a digital one on August 1, 2007.",
    ),
    ("When did he die?", "26 Mar, 2006", "Anil Biswas passed away on May 26, 2006."),
    (
        "What did Cook sue for?",
        "$20 million",
        "Cook sued for $25 million, claiming that she stopped his book in 1997.",
    ),
    ("Which version was it?", "6.88b", "It was version 6.88."),
    ("What is the APR?", "20%", "19.9%"),
    ("What was the percentage change?", "-21%", "-21.66%"),
    ("Who was the rector?", "Prof. Dr. Tunçalp Özgen", "The rector was Prof. Dr. Uğur Erdener."),
]


@pytest.mark.parametrize(("prompt", "first", "second"), SAME_ANSWERS)
def test_what_the_prose_tells_is_the_same(prompt: str, first: str, second: str) -> None:
    assert agreement(first, second, prompt=prompt).value >= SAME
    assert agreement(second, first, prompt=prompt).value >= SAME


@pytest.mark.parametrize(("prompt", "first", "second"), OTHER_ANSWERS)
def test_what_the_prose_tells_is_something_else(prompt: str, first: str, second: str) -> None:
    assert agreement(first, second, prompt=prompt).value < SAME
    assert agreement(second, first, prompt=prompt).value < SAME


def test_a_figure_rounded_to_two_digits_is_not_sure_to_be_the_same() -> None:
    assert not agreement("2.6%", "2.58%", prompt="What was the percentage change?").settled
