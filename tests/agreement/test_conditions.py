"""Answers of one kind that hold under other conditions."""

import pytest

from nemoguardrails_trust.agreement import SAME, agreement

OTHER = [
    ("Can I return it?", "Yes, within 14 days.", "Yes, within 30 days."),
    ("Can I pay by card?", "Yes, but only online.", "Yes, in every branch."),
    ("Can I fly?", "Yes, up to week 20.", "Yes, up to week 30."),
    ("How long may it take?", "It takes up to 3 days.", "It takes at least 3 days."),
    ("How old must I be?", "You must be under 18.", "You must be over 18."),
    ("What is the state of my flight?", "Your flight is cancelled.", "Your flight is on time."),
    ("What does delivery cost?", "Delivery is free.", "Delivery costs 5 dollars."),
    ("Who gets it?", "It is for all customers.", "It is for Premium customers."),
    (
        "How often do I get it?",
        "You get three withdrawals a day.",
        "You get three withdrawals a week.",
    ),
    ("How do I do it?", "1. Wash your hands.\n2. Open it.", "1. Open it.\n2. Wash your hands."),
]
SAME_ANSWERS = [
    ("Can I return it?", "Yes, within 14 days.", "Yes, you can return it within 14 days."),
    ("How long may it take?", "It takes up to 3 days.", "It takes at most 3 days."),
    ("What does delivery cost?", "Delivery is free.", "It is free of charge."),
    ("Which are open?", "1. Basel\n2. Bern", "1. Bern\n2. Basel"),
]


@pytest.mark.parametrize(("prompt", "first", "second"), OTHER)
def test_other_conditions_are_another_answer(prompt: str, first: str, second: str) -> None:
    assert agreement(first, second, prompt=prompt).value < SAME
    assert agreement(second, first, prompt=prompt) == agreement(first, second, prompt=prompt)


@pytest.mark.parametrize(("prompt", "first", "second"), SAME_ANSWERS)
def test_the_same_conditions_are_the_same_answer(prompt: str, first: str, second: str) -> None:
    assert agreement(first, second, prompt=prompt).value >= SAME
