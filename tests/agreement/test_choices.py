import pytest

from nemoguardrails_trust.agreement import SAME, agreement
from nemoguardrails_trust.agreement.choices import lettered

COLOURS = "Pick one:\n1. red\n2. green\n3. blue"


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("2", "green", True),
        ("Option 2", "2. green", True),
        ("(2)", "The answer is 2.", True),
        ("2", "blue", False),
        ("2", "3", False),
    ],
)
def test_options_go_by_their_numbers_too(first: str, second: str, same: bool) -> None:
    assert (agreement(first, second, prompt=COLOURS).value >= SAME) is same
    assert (agreement(second, first, prompt=COLOURS).value >= SAME) is same


@pytest.mark.parametrize(
    "prompt",
    [
        "Which one is right?\n1. 4\n2. 2",  # options that are numbers themselves
        "Do this:\n1. mix\n2. bake\nHow many eggs are needed?",
        "Pick one: red or green",
        "Pick one:\n1. red\n3. green",
    ],
)
def test_other_numbered_lines_are_no_options(prompt: str) -> None:
    assert lettered(prompt) is None
