"""Answers in sentences, as chat models give them: what is said, and what only looks alike."""

import pytest

from nemoguardrails_trust.agreement.compare import SAME, agreement

SAME_SENTENCES = [
    (
        "What is the capital of France?",
        "I believe the capital of France is Paris.",
        "Paris is the capital city of France.",
    ),
    ("What is the capital of France?", "As far as I know, it is Paris.", "It's Paris."),
    (
        "What is the capital of Australia?",
        "The capital of Australia is Canberra, not Sydney.",
        "Canberra is the capital of Australia.",
    ),
    (
        "Who discovered penicillin?",
        "I'm not certain, but I believe it was Alexander Fleming.",
        "Penicillin was discovered by Alexander Fleming in 1928.",
    ),
    # dates and times
    (
        "When did World War II end?",
        "World War II ended on September 2, 1945.",
        "It ended on 2nd September 1945.",
    ),
    (
        "When was he born?",
        "He was born on 12 March 1901.",
        "He was born on 1901-03-12.",
    ),
    (
        "When was the Eiffel Tower completed?",
        "It was finished in 1889 after two years of construction.",
        "The Eiffel Tower was completed in 1889.",
    ),
    ("When was Caesar killed?", "In 44 BC.", "44 B.C.E."),
    ("What time does it open?", "It opens at 9 am.", "The shop opens at 9:00 AM."),
    ("What time does it open?", "It opens at 9.30 p.m. on Mondays.", "It opens at 9:30 pm."),
    # numbers with units
    (
        "What is the boiling point of water?",
        "Water boils at 100 degrees Celsius.",
        "The boiling point is 100°C.",
    ),
    ("How warm is a body?", "37 °C", "98.6 °F"),
    ("How warm is a body?", "It is 310.15 kelvin.", "It is 37 degrees Celsius."),
    (
        "What is the speed of light?",
        "The speed of light is approximately 300,000 km/s.",
        "About 300,000 kilometres per second.",
    ),
    ("How fast is it?", "60 mph", "60 miles per hour"),
    (
        "How long is a marathon?",
        "A marathon is 42.195 km long.",
        "The length of a marathon is 26.2 miles.",
    ),
    (
        "How far is the Moon?",
        "The Moon is about 384,400 km away.",
        "It is about 238,855 miles from Earth.",
    ),
    # yes and no
    ("Is a tomato a fruit?", "A tomato is botanically a fruit.", "Yes, it is."),
    ("Can penguins fly?", "Penguins cannot fly, since their wings are short.", "No."),
    ("Is it so?", "Certainly not.", "No, it is not."),
]
DIFFERENT_SENTENCES = [
    (
        "What is the capital of France?",
        "The capital of France is Paris.",
        "The capital of France is Lyon.",
    ),
    (
        "What is the capital of France?",
        "As far as I know, it is Paris.",
        "As far as I know, it is Lyon.",
    ),
    (
        "What is the capital of France?",
        "I don't know the capital of France.",
        "The capital of France is Paris.",
    ),
    ("What is the capital of Australia?", "It is Canberra, not Sydney.", "It is Sydney."),
    # dates and times
    (
        "When was the Eiffel Tower completed?",
        "It was completed in March 1889.",
        "It was completed in May 1889.",
    ),
    ("What time does it open?", "It opens at 9 am.", "The shop opens at 9 pm."),
    # numbers of the prompt
    (
        "Who wrote 1984?",
        "1984 was written by George Orwell.",
        "1984 was written by Aldous Huxley.",
    ),
    # decimals
    (
        "What is the pH?",
        "The pH value of this solution is 3.5 at room temperature, measured twice.",
        "The pH value of this solution is 35 at room temperature, measured twice.",
    ),
    ("How warm is a body?", "37 °C", "37 °F"),
    ("How fast is it?", "60 mph", "60 km/h"),
    # the same year, unit or place, and another name
    (
        "Who wrote Prime?",
        'The 2005 film "Prime" was written by Nicole Holofcener.',
        'The 2005 film "Prime" was written by Nora Ephron.',
    ),
    ("Who was he?", "He was born in Vienna in 1912.", "He was born in Graz in 1912."),
    (
        "When did she die?",
        "She died on March 5, 1902, in Altenburg at the age of 82.",
        "She died on March 29, 1902, in Altenburg, Germany.",
    ),
    # opposites
    ("Is it so?", "Certainly not.", "Yes."),
    ("Is it so?", "Absolutely not.", "Absolutely."),
    ("Is Rome older than Athens?", "Athens is older than Rome.", "Yes."),
    ("Is a whale a fish?", "Whales look like fish.", "Yes."),
    ("Is a drug safe?", "The drug is safe for children.", "The drug is unsafe for children."),
    ("When to take it?", "You should take it before meals.", "You should take it after meals."),
    ("What happened?", "The price went up in May.", "The price went down in May."),
    ("What happened?", "Sales increased by 5%.", "Sales decreased by 5%."),
    ("What is lit?", "The light is on.", "The light is off."),
    ("Who passed?", "All students passed.", "Some students passed."),
    # lists and intervals
    ("Name two noble gases.", "Helium and neon", "Helium and argon"),
    ("Where is it positive?", "$(1,2]$", "$[1,2]$"),
]


@pytest.mark.parametrize(("prompt", "first", "second"), SAME_SENTENCES)
def test_sentences_that_say_the_same_agree(prompt: str, first: str, second: str) -> None:
    assert agreement(first, second, prompt=prompt).value >= SAME
    assert agreement(second, first, prompt=prompt) == agreement(first, second, prompt=prompt)


@pytest.mark.parametrize(("prompt", "first", "second"), DIFFERENT_SENTENCES)
def test_sentences_that_only_look_alike_do_not_agree(prompt: str, first: str, second: str) -> None:
    assert agreement(first, second, prompt=prompt).value < SAME
    assert agreement(second, first, prompt=prompt) == agreement(first, second, prompt=prompt)


def test_sentences_about_different_things_contradict_each_other_less() -> None:
    prompt = "Tell me about Marie Curie."
    born = "She was born in Warsaw in the year 1867 to a family of teachers."
    elsewhere = "She was born in Paris in the year 1870 to a family of farmers."
    prize = "Her second prize from Stockholm was for finding radium and polonium in 1911."
    contradicted = agreement(born, elsewhere, prompt=prompt).value
    assert contradicted < 0.2 < agreement(born, prize, prompt=prompt).value < SAME


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("Signal is a messaging app.", "Signal is a science fiction thriller series."),
        ("She was born in 1867.", "Her sister had studied medicine."),
    ],
)
def test_a_short_sentence_about_something_else_is_no_contradiction(first: str, second: str) -> None:
    value = agreement(first, second).value
    assert agreement("drama film", "rap group").value < 0.2 < value < SAME
    assert agreement(second, first).value == value
