import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nemoguardrails_trust.agreement.final_answer import final_answer
from nemoguardrails_trust.agreement.text import WINDOW, fold, tokens, window


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1,234,567.50 km", ["1234567.5", "km"]),
        ("1,23", ["1", "23"]),
        ("J. R. R. Tolkien's ring", ["jrr", "tolkien", "ring"]),
        ("don't O'Brien", ["don't", "obrien"]),
        ("the 21st of May", ["the", "21", "of", "may"]),
        ("$-5 and -$5", ["-5", "dollar", "and", "-5", "dollar"]),
        ("10-15", ["10", "15"]),
        ("3/4 cup", ["0.75", "cup"]),
        ("4/7/1776", ["4", "7", "1776"]),
        ("1.5e-3", ["0.0015"]),
        ("18..5", ["18.5"]),
        ("c# c++ c", ["c#", "c++", "c"]),
        ("東京", ["东", "京"]),
        ("!?", []),
    ],
)
def test_words_and_numbers_are_found(text: str, expected: list[str]) -> None:
    assert tokens(fold(text)) == expected


@given(st.text(st.characters(exclude_categories=()), max_size=80))
@settings(max_examples=500)
def test_any_text_can_be_folded_and_taken_apart(text: str) -> None:
    for token in tokens(fold(text)):
        assert token
        assert not any(character.isspace() for character in token)


def test_of_a_long_text_both_ends_are_read() -> None:
    text = "start " + "x" * 3 * WINDOW + " end"
    assert window(text).startswith("start")
    assert window(text).endswith("end")
    assert len(window(text)) <= WINDOW + 1
    assert window("short") == "short"


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (r"So \boxed{1} or \boxed{\frac{a}{b}}.", r"\frac{a}{b}"),
        (r"\boxed{cut off", "cut off"),
        ("The answer is 4. Wait. The final answer is **5**.", "5"),
        ("<answer> Paris </answer>", "Paris"),
        ("Steps\n#### 18\n", "18"),
        ("Answers vary", "Answers vary"),
        ("The answer is: ", "The answer is: "),
    ],
)
def test_the_final_answer_of_a_text_is_found(text: str, answer: str) -> None:
    assert final_answer(text) == answer
