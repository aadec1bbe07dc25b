import pytest

from nemoguardrails_trust.agreement import SAME, agreement


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("next Tuesday", "this Tuesday", False),
        ("It is due last month.", "It is due next month.", False),
        ("This was changed next week.", "It was changed next week.", True),
        ("the coming Monday", "next Monday", True),
        ("the end of March", "the end of May", False),
        ("by the end of May", "the end of May", True),
    ],
)
def test_days_and_months_that_go_by_today(first: str, second: str, same: bool) -> None:
    assert (agreement(first, second, prompt="When is it due?").value >= SAME) is same
    assert (agreement(second, first, prompt="When is it due?").value >= SAME) is same
