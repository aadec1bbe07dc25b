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
        ("in the morning and in the evening", "in the morning", False),
        ("in the morning", "every morning", True),
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


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("5 May", "after 5 May", False),
        ("May 5", "before May 5", False),
        ("5 May 2026", "after 5 May 2026", False),
        ("on 5 May", "before 5 May", False),
        ("3 pm", "after 3 pm", False),
        ("2019", "before 2019", False),
        ("Monday", "after Monday", False),
        ("5. Mai", "nach dem 5. Mai", False),
        ("le 5 mai", "après le 5 mai", False),
        ("5 de mayo", "después del 5 de mayo", False),
        ("5 мая", "после 5 мая", False),
        ("5 May", "by 5 May", True),
        ("since 2019", "2019", True),
        ("just before 3 pm", "3 pm", True),
        ("3 days", "after 3 days", True),
        ("after 5 May", "After May 5th", True),
    ],
)
def test_a_day_is_not_what_lies_before_or_after_it(first: str, second: str, same: bool) -> None:
    assert (agreement(first, second, prompt="When does it open?").value >= SAME) is same
    assert (agreement(second, first, prompt="When does it open?").value >= SAME) is same


def test_a_day_that_the_question_names_as_a_limit_need_not_be_one_in_the_answer() -> None:
    asked = "What is charged after 2019?"
    assert agreement("12 euros after 2019", "12 euros in 2019", prompt=asked).value >= SAME
