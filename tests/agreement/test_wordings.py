"""What is said in several wordings, and what comes close to it and says something else."""

import pytest

from nemoguardrails_trust.agreement import SAME, agreement
from nemoguardrails_trust.agreement.phrases import words_of, written_out
from nemoguardrails_trust.agreement.spelling import american
from tests.agreement.both_ways import value

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
    ("When is it paid?", "It is paid quarterly.", "It is paid every three months."),
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
    # signs
    ("How old must I be?", "18+", "18 or older"),
    ("When is it free?", "on orders of $50+", "on orders of at least $50"),
    ("How precise is it?", "±5 mm", "plus or minus 5 mm"),
    ("How precise is it?", "It is off by ± 5 mm.", "It is off by +/-5 mm."),
    ("How long is it?", "10 ± 2 mm", "8 to 12 mm"),
    ("How much faster is it?", "5x", "five times"),
    ("How much faster is it?", "It is 5x faster.", "It is five times faster."),
    ("What is the spread?", "50 bps", "0.5 %"),
    ("What is the spread?", "50 basis points", "0.5 percentage points"),
    ("Which?\n① Paris\n② Rome", "②", "Rome"),
    ("Which? ① Paris ② Rome", "① Paris", "Paris"),
    # spelling
    ("Which colour is it?", "grey", "gray"),
    ("What is offered?", "a catalogue of the theatre", "a catalog of the theater"),
    ("What is low?", "the haemoglobin", "the hemoglobin"),
    # ordinals and centuries
    ("Which floor?", "the second floor", "the 2nd floor"),
    ("Which place?", "second", "2nd"),
    ("Which place?", "thirty-second", "32nd"),
    ("When?", "the twenty-first of June", "21 June"),
    ("When?", "June twenty-first", "21 June"),
    ("Quand ?", "le dix-neuvième siècle", "XIXe siècle"),
    ("Когда?", "девятнадцатый век", "XIX в."),
    ("Когда?", "в XIX веке", "19-й век"),
    ("¿Cuándo?", "en el siglo XIX", "19th century"),
    # Hindi
    ("कितने?", "पच्चीस", "25"),
    ("कितने?", "पांच सौ", "500"),
    ("कितने?", "दो लाख", "200000"),
    ("कितने?", "एक हजार", "1000"),
    ("What is the range?", "10 ± 2", "8 to 12"),
    ("What is the probability?", "1/4", "one in four"),
    ("What is the probability?", "25%", "1 in 4"),
    # what desks say in two words
    ("When does it start?", "The sale starts on Friday.", "The sale begins on Friday."),
    ("Where is it?", "Your order was dispatched yesterday.", "Your order was shipped yesterday."),
    ("Is it open on Mondays?", "No, it is closed on Mondays.", "It isn't open on Mondays."),
    ("Is it safe?", "It is not recommended for children.", "It should be avoided for children."),
    ("Who is my doctor?", "Dr. Gonzalez", "Maria Gonzalez"),
    ("Who approved it?", "It was approved by Dr. Gonzalez.", "It was approved by Maria Gonzalez."),
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
    ("How old must I be?", "18+", "over 18"),
    ("How precise is it?", "±5%", "5%"),
    ("How precise is it?", "10 ± 2 mm", "10 ± 3 mm"),
    ("How long is it?", "10 ± 2 mm", "10 mm"),
    ("How much faster is it?", "It is 5x faster.", "It is 5% faster."),
    ("What is the spread?", "50 bps", "5 %"),
    ("Which? ① Paris ② Rome", "①", "Rome"),
    ("What is it?", "four", "for"),
    ("Which floor?", "the second floor", "the third floor"),
    ("Когда?", "XIX век", "18th century"),
    ("कितने?", "बारह", "13"),
    ("What is the range?", "10 ± 2", "9 to 11"),
    ("What is the probability?", "25%", "4 in 1"),
    ("When does it start?", "The sale starts on Friday.", "The sale ends on Friday."),
    ("Is it open on Mondays?", "It is open on Mondays.", "It is closed on Mondays."),
    ("Who signed?", "Mr. Smith", "Mrs. Smith"),
    ("By when must I pay?", "Pay by 1 May.", "Pay after 1 May."),
    ("How much is it?", "20% off", "20% more"),
    ("How many remain?", "12 - 5 = 7, so 7 apples remain.", "12"),
    ("Who is my doctor?", "Dr. Maria Gonzalez", "Dr. Pedro Gonzalez"),
    ("Who approved it?", "It was approved by Dr. Gonzalez.", "It was approved by Dr. Perez."),
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
        ("a second later", "a second later"),
        ("it lasts a second", "it lasts a second"),
    ],
)
def test_other_words_stay_as_they_are(text: str, words: str) -> None:
    assert " ".join(words_of(text)) == words


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("2x + 3", "2x + 3"),
        ("y = 5x", "y = 5x"),
        ("5 x 3", "5 x 3"),
        ("2+2", "2+2"),
        ("x = ±5", "x = ±5"),
        ("c++ 17", "c++ 17"),
    ],
)
def test_signs_of_mathematics_stay_as_they_are(text: str, written: str) -> None:
    assert written_out(text) == written


@pytest.mark.parametrize(
    ("british", "other"),
    [
        ("grey", "gray"),
        ("colourful", "colorful"),
        ("centres", "centers"),
        ("organisation", "organization"),
        ("analysed", "analyzed"),
        ("licence", "license"),
        ("travelled", "traveled"),
        ("enrol", "enroll"),
        ("paediatrics", "pediatrics"),
        ("diarrhoea", "diarrhea"),
        ("programme", "program"),
        ("ploughs", "plows"),
    ],
)
def test_both_spellings_are_one_word(british: str, other: str) -> None:
    assert american(british) == american(other)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("four", "for"),
        ("mourning", "morning"),
        ("prise", "prize"),
        ("filling", "filing"),
        ("michael", "michel"),
        ("heroes", "heres"),
        ("boulder", "bolder"),
        ("timbre", "timber"),
        ("fourth", "forth"),
    ],
)
def test_other_words_are_no_spellings(first: str, second: str) -> None:
    assert american(first) != american(second)
