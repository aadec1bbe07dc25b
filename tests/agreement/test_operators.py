import pytest

from nemoguardrails_trust.agreement import SAME, agreement

APART = [
    ("Write it.", "SELECT id FROM users WHERE age > 30;", "select id from users where age < 30"),
    ("Write the query.", "WHERE total >= 100", "WHERE total > 100"),
    ("Which condition?", "`user.active && user.paid`", "`user.active || user.paid`"),
    ("Which line sets it?", "total = price + taxes", "total = price - taxes"),
    ("Write add.", "def add(a, b):\n    return a + b", "def add(a, b):\n    return a - b"),
    ("Write it.", "SELECT * FROM users WHERE age >= 18", "SELECT * FROM users WHERE age > 18"),
    ("What regex matches digits?", "\\d+", "\\D+"),
    ("How fast is it?", "O(log n)", "O(n log n)"),
    ("How fast is it?", "Linear time, O(n)", "It runs in O(n^2)."),
]
TOGETHER = [
    ("Write it.", "SELECT id FROM users WHERE age > 30;", "select id from users where age > 30"),
    ("Which condition?", "status == done", "status = done"),
    ("Which city?", "<b>Paris</b>", "Paris"),
    ("Which city?", "> Paris", "Paris"),
    ("Write add.", "def add(a, b):\n    return a + b", "def add(x, y):\n    return x + y"),
    ("Which route?", "Paris -> Rome", "Paris - Rome"),
    ("How fast is it?", "O(n^2)", "O(n²)"),
]


@pytest.mark.parametrize(("prompt", "first", "second"), APART)
def test_other_signs_between_the_same_words_make_another_answer(
    prompt: str, first: str, second: str
) -> None:
    assert agreement(first, second, prompt=prompt).value < SAME
    assert agreement(second, first, prompt=prompt).value < SAME


@pytest.mark.parametrize(("prompt", "first", "second"), TOGETHER)
def test_signs_that_say_the_same_or_nothing_tell_nothing_apart(
    prompt: str, first: str, second: str
) -> None:
    assert agreement(first, second, prompt=prompt).value >= SAME
    assert agreement(second, first, prompt=prompt).value >= SAME
