"""How many of each thing two answers name."""

import pytest

from nemoguardrails_trust.agreement import SAME, agreement


@pytest.mark.parametrize(
    ("asked", "first", "second", "same"),
    [
        ("How much?", "Two tablets twice a day", "One tablet twice a day", False),
        (
            "How much?",
            "2 tablets in the morning and 1 in the evening",
            "1 tablet in the morning and 2 in the evening",
            False,
        ),
        ("How much?", "1 tablet 2 times a day", "2 times a day, 1 tablet", True),
        ("Who may enter?", "2 adults and 2 children", "2 adults and 1 child", False),
        ("How long?", "1 hour and 30 minutes", "90 minutes", True),
        ("How big?", "3 rooms and 2 baths", "2 baths and 3 rooms", True),
        ("How big?", "3 rooms and 2 baths", "2 rooms and 3 baths", False),
        (
            "How many people?",
            "8.1 million people in 5 boroughs",
            "8.1 million people living in 5 boroughs",
            True,
        ),
    ],
)
def test_the_number_of_one_thing_is_not_that_of_another(
    asked: str, first: str, second: str, same: bool
) -> None:
    assert (agreement(first, second, prompt=asked).value >= SAME) is same
    assert (agreement(second, first, prompt=asked).value >= SAME) is same
