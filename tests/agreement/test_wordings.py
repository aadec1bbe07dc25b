"""What is said in several wordings, and what comes close to it and says something else."""

import pytest

from nemoguardrails_trust.agreement import SAME, agreement
from nemoguardrails_trust.agreement.phrases import words_of

AT_LEAST_18 = ("at least 18", "from 18", "minimum 18", "18 or older", "not under 18", "18 and over")
OVER_18 = ("over 18", "more than 18", "older than 18")
AT_MOST_2 = ("at most 2", "up to 2", "no more than 2", "maximum 2", "max. 2", "2 or fewer")
UNDER_2 = ("under 2", "fewer than 2", "less than 2")

SAME_ANSWERS = [
    ("How old must I be?", "You must be 18 or older.", "You must be at least 18 years old."),
    ("What is the dose?", "Take at most 2 per day.", "Take no more than 2 daily."),
    # rates
    ("What is the dose?", "4 g per day", "4 grams in 24 hours"),
    ("What is the dose?", "8 tablets in any 24 hours", "8 tablets a day"),
    ("What is the rate?", "3.5 % p.a.", "3.5 % annually"),
    ("What is the rate?", "The rate is 3.5% per annum.", "The rate is 3.5% a year."),
    # units of two words
    ("How long?", "It takes 5 business days.", "It takes 5 working days."),
    ("How long?", "5 calendar days", "5 days"),
    ("How far?", "5 nautical miles", "9.26 km"),
    # what is not to be done
    ("Is it safe?", "Aspirin should be avoided.", "Aspirin should not be taken."),
    ("Can I drink with it?", "Alcohol must be avoided.", "Alcohol should not be used."),
    # whom it is free for
    ("What does it cost?", "It is free.", "It is free for everyone."),
    ("What does it cost for guests?", "It is free for guests.", "It is free."),
    ("Who was it?", "Julie Andrews", "Dame Julie Andrews DBE"),
    ("Who was it?", "George W.", "George W. Bush"),
    # behind a yes
    ("Can I return it?", "Yes, you can return it.", "Yes, returns are possible."),
    ("Can I return it?", "Yes.", "Yes, within 30 days."),
]
OTHER_ANSWERS = [
    ("How old must I be?", "You must be 18 or older.", "You must be over 18."),
    ("What is the minimum age?", "18", "over 18"),
    ("How heavy may it be?", "It may weigh up to 23 kg.", "It must weigh less than 23 kg."),
    ("What is the dose?", "4 g per day", "4 g in 12 hours"),
    ("What is the rate?", "3.5 % p.a.", "3.5 % per month"),
    ("How long?", "It takes 5 business days.", "It takes 5 days."),
    ("How far?", "5 nautical miles", "5 miles"),
    ("How much did it rise?", "It rose by 5 percentage points.", "It rose by 5%."),
    ("Is it safe?", "Aspirin should be avoided.", "Aspirin need not be avoided."),
    ("Is it safe?", "Aspirin should be avoided.", "Aspirin can be taken."),
    ("What does it cost?", "It is free.", "It is free for members."),
    ("What does it cost?", "free", "free on weekdays"),
    ("Is breakfast included?", "Breakfast is included.", "Breakfast is included for members."),
    ("Did my payment go through?", "Yes, the payment went through.", "Yes, it was declined."),
    ("Is it here?", "Yes, it is in Madrid.", "Yes, it is in Lisbon."),
    ("Are they back?", "Yes, they are normal.", "Yes, they are abnormal."),
    # names
    ("Which pope?", "John Paul", "John Paul II"),
    ("Which pope?", "Pope John Paul", "John Paul II"),
    ("Who was it?", "Martin Luther", "Martin Luther King"),
    ("Which mission?", "Apollo", "Apollo 11"),
]
UNSETTLED = [
    ("How long?", "30 days", "one month"),
    ("How long?", "52 weeks", "a year"),
    ("How long?", "10 business days", "two weeks"),
    ("How old must I be?", "at least 18", "over 18"),
    ("Is it ready?", "Yes, it can be collected.", "Yes, it was sent by post."),
    ("Who was it?", "Albert", "Albert Einstein"),
]


def value(first: str, second: str, prompt: str) -> float:
    found = agreement(first, second, prompt=prompt)
    assert found == agreement(second, first, prompt=prompt)
    return found.value


@pytest.mark.parametrize(("prompt", "first", "second"), SAME_ANSWERS)
def test_another_wording_is_the_same_answer(prompt: str, first: str, second: str) -> None:
    assert value(first, second, prompt) >= SAME


@pytest.mark.parametrize(("prompt", "first", "second"), OTHER_ANSWERS)
def test_a_like_wording_may_be_another_answer(prompt: str, first: str, second: str) -> None:
    assert value(first, second, prompt) < SAME


@pytest.mark.parametrize(("prompt", "first", "second"), UNSETTLED)
def test_what_words_cannot_tell_is_not_settled(prompt: str, first: str, second: str) -> None:
    assert not agreement(first, second, prompt=prompt).settled


@pytest.mark.parametrize("same", [AT_LEAST_18, OVER_18, AT_MOST_2, UNDER_2])
def test_one_limit_has_many_wordings(same: tuple[str, ...]) -> None:
    assert {value(same[0], other, "Which?") for other in same} == {1.0}


@pytest.mark.parametrize(
    ("limits", "others"),
    [(AT_LEAST_18, OVER_18), (AT_MOST_2, UNDER_2)],
)
def test_a_limit_that_counts_is_not_one_that_does_not(
    limits: tuple[str, ...], others: tuple[str, ...]
) -> None:
    assert max(value(one, other, "Which?") for one in limits for other in others) < SAME


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("5 min 30 s", "5 min 30 s"),
        ("it went from 5 to 3", "it went from 5 to 3"),
        ("more than enough", "more than enough"),
        ("5 and more people than 3", "5 and more people than 3"),
        ("to avoid delays book early", "to avoid delays book early"),
        ("the daily dose is 4 g", "the daily dose is 4 g"),
        ("5 dollar for a year", "5 dollar for a year"),
    ],
)
def test_other_words_stay_as_they_are(text: str, words: str) -> None:
    assert " ".join(words_of(text)) == words
