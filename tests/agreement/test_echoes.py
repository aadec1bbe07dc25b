"""An answer that only repeats the question is not the answer that another one gives."""

import pytest

from nemoguardrails_trust.agreement.compare import SAME, agreement


@pytest.mark.parametrize(
    ("prompt", "echo", "answer"),
    [
        (
            "What is the former name of Kinshasa?",
            "Kinshasa",
            "Kinshasa was formerly called Léopoldville.",
        ),
        (
            "Tala is the monetary unit of which country?",
            "Tala",
            "Tala is the monetary unit of Samoa.",
        ),
        (
            "In which city is the head office of Example Bank?",
            "The head office of Example Bank",
            "The head office of Example Bank is in Zurich.",
        ),
        (
            "How many days do I have to return the shoes?",
            "You have days to return the shoes.",
            "You have 30 days to return the shoes.",
        ),
        (
            "Which drug is metoprolol often given with?",
            "Metoprolol is often given with a drug.",
            "Metoprolol is often given with Ramipril.",
        ),
    ],
)
def test_repeating_the_question_is_no_answer(prompt: str, echo: str, answer: str) -> None:
    found = agreement(echo, answer, prompt=prompt)
    assert found.value < SAME
    assert not found.settled
    assert agreement(answer, echo, prompt=prompt) == found


@pytest.mark.parametrize(
    ("prompt", "short", "long"),
    [
        ("LOT is the airline of which country?", "U.S.", "United States"),
        ("Which is higher, Everest or K2?", "Everest", "Everest is 238 metres higher."),
        (
            "Which of Everest and K2 is higher?",
            "Everest",
            "Everest, at 8,849 metres.",
        ),
        ("Is Paris the capital of France?", "Paris is the capital of France.", "Yes, since 987."),
        (
            "What did Ada Lovelace and Charles Babbage work on?",
            "the Analytical Engine",
            "They worked on the Analytical Engine.",
        ),
        (
            "A) Paris B) London: which is the capital of France?",
            "Paris",
            "Paris is it, since 987.",
        ),
    ],
)
def test_what_stands_in_the_question_may_be_its_answer(prompt: str, short: str, long: str) -> None:
    assert agreement(short, long, prompt=prompt).value >= SAME


def test_an_answer_may_be_taken_from_a_text_in_the_prompt() -> None:
    passage = (
        "All our machines are delivered with a mains lead, a dust cover and a leaflet, and we "
        "repair them at no charge in the first year, apart from batteries and filters, which "
        "the customer replaces from time to time, and apart from damage by water and heat. "
    )
    question = "Who replaces batteries and filters?"
    long = "The customer replaces batteries and filters from Acme."
    assert agreement("the customer", long, prompt=passage + question).value >= SAME


def test_one_of_two_that_are_offered_is_not_the_same_as_neither() -> None:
    prompt = "Which film is about rock groups, Loud Winter or The Quiet Gesture?"
    named = "The film about rock groups is The Quiet Gesture."
    assert agreement(named, "The film is about rock groups.", prompt=prompt).value < SAME
    assert agreement(named, "The Quiet Gesture", prompt=prompt).value >= SAME
