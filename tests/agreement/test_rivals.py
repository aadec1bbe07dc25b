import pytest

from nemoguardrails_trust.agreement import SAME, agreement


@pytest.mark.parametrize(
    ("asked", "first", "second"),
    [
        (
            "Which city is the capital of Australia?",
            "The capital of Australia is the city of Sydney.",
            "The capital of Australia is the city of Canberra.",
        ),
        (
            "What is the largest planet?",
            "The largest planet is Jupiter.",
            "The largest planet is Saturn.",
        ),
        ("What is the cause?", "The cause is tuberculosis.", "The cause is Cancer."),
    ],
)
def test_sentences_that_repeat_all_that_is_asked_are_rivals(
    asked: str, first: str, second: str
) -> None:
    assert agreement(first, second, prompt=asked).value < 0.1
    assert agreement(second, first, prompt=asked).value < 0.1


def test_a_name_and_a_description_may_be_of_the_same_thing() -> None:
    asked = "Which is the first tale of the collection?"
    named = "The first tale of the collection is Griselda."
    described = "The first tale of the collection is about a patient wife and her cruel husband."
    assert agreement(named, described, prompt=asked).value == 0.3


@pytest.mark.parametrize(
    ("asked", "first", "second", "same"),
    [
        # Written without capitals, the prompt does not tell names from other words.
        *(
            (
                f"{which} museum shows how civil liberties were lost?",
                "National Museum of American History",
                "National Civil Liberty Museum",
                same,
            )
            for which, same in (("Which", False), ("which", True))
        ),
        ("Which lake is the largest?", "Lake Superior", "Superior", True),
        ("Which lake is the largest?", "Lake Superior", "The largest lake is Superior.", True),
        ("Which bridge is the longest?", "Tower Bridge", "tower bridge", True),
    ],
)
def test_a_word_of_the_prompt_tells_names_apart_that_it_is_a_part_of(
    asked: str, first: str, second: str, same: bool
) -> None:
    assert (agreement(first, second, prompt=asked).value >= SAME) is same
    assert (agreement(second, first, prompt=asked).value >= SAME) is same


def test_a_slip_of_spelling_counts_alike_with_a_capital_or_without() -> None:
    small = agreement("photosynthesis", "photosynthsis").value
    assert small >= SAME
    assert agreement("photosynthesis", "Photosynthsis").value == pytest.approx(small)
