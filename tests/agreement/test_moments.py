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
        ("the day after tomorrow", "tomorrow", False),
        ("It is due the day before yesterday.", "It is due yesterday.", False),
        ("It is due the day after tomorrow.", "The day after tomorrow", True),
        ("by the end of May", "the end of May", True),
    ],
)
def test_days_and_months_that_go_by_today(first: str, second: str, same: bool) -> None:
    assert (agreement(first, second, prompt="When is it due?").value >= SAME) is same
    assert (agreement(second, first, prompt="When is it due?").value >= SAME) is same


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("Mon-Fri 9:00-17:00", "Monday to Friday, 9 am to 5 pm", True),
        ("Mon-Fri 9:00-17:00", "Weekdays from 9am to 5pm", True),
        ("Mon-Fri 9:00-17:00", "Mon-Sat 9:00-17:00", False),
        ("Monday, Wednesday and Friday", "Mon, Wed, Fri", True),
        ("Friday to Sunday", "Friday and Sunday", False),
        ("Saturday to Monday", "Sat, Sun and Mon", True),
        ("We are open from Monday to Friday.", "We are open from Monday to Thursday.", False),
    ],
)
def test_days_of_the_week(first: str, second: str, same: bool) -> None:
    assert (agreement(first, second, prompt="When are you open?").value >= SAME) is same
    assert (agreement(second, first, prompt="When are you open?").value >= SAME) is same
