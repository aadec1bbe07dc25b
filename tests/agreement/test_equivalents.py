"""Measures, dates and times that are the same and written otherwise."""

import pytest

from nemoguardrails_trust.agreement import SAME, agreement

SAME_ANSWERS = [
    ("How long is the warranty?", "It lasts two years.", "It is valid for 24 months."),
    ("How much?", "5 ml", "one teaspoon"),
    ("Doses?", "- 5 ml now\n- 10 ml then", "- one teaspoon now\n- two teaspoons then"),
    ("What is the dose?", "Take 5 ml every 8 hours.", "Take one teaspoon every 8 hours."),
    ("How far is it?", "5 km", "3.1 miles"),
    ("How fast is it?", "100 km/h", "62 mph"),
    ("How heavy is it?", "It weighs 1 kg.", "It weighs 2.2 lb."),
    ("How tall is he?", "6'2\"", "6 feet 2 inches"),
    ("How tall is he?", "He is 6'2\".", "He is 188 cm tall."),
    ("How long is it?", "5 feet 4 inches", "64 inches"),
    ("When does it end?", "It ends in March 2027.", "It runs until 03/2027."),
    ("When does it end?", "March 2027", "03/2027"),
    ("How long is it?", "It takes 1 hour and 45 minutes.", "It takes 105 minutes."),
    ("How long is the trip?", "The trip takes 1 hour and 45 minutes.", "It takes 105 minutes."),
    ("When do you open?", "At 10", "At 10 am"),
    ("When do you open?", "We open at 9 am.", "9:00"),
    ("When do you open?", "We open at 9 am.", "We open at 9:00."),
    ("What time is it?", "3:30 pm", "half past three"),
    ("What time is it?", "quarter to four", "3:45"),
    ("Wann beginnt es?", "Um halb vier", "15:30 Uhr"),
    ("Hoe laat?", "om half drie", "14:30"),
    ("Hoe laat?", "kwart over drie", "15:15"),
    ("When is it?", "14:00 UTC", "2 pm GMT"),
    ("What is the time-out?", "30s", "30 seconds"),
    ("How much faster is it?", "double the speed", "2x"),
    ("Did revenue grow?", "Revenue doubled.", "Revenue grew 2x."),
]  # fmt: skip
OTHER_ANSWERS = [
    ("How long is the warranty?", "It lasts two years.", "It is valid for 12 months."),
    ("What is the dose?", "Take 5 ml every 8 hours.", "Take one tablespoon every 8 hours."),
    ("How far is it?", "5 km", "5.1 miles"),
    ("How heavy is it?", "It weighs 1 kg.", "It weighs 2.6 lb."),
    ("How tall is he?", "6'2\"", "6'3\""),
    ("When does it end?", "It ends in March 2027.", "It runs until 05/2027."),
    ("When do you open?", "We open at 9 am.", "We open at 9 pm."),
    ("When do you open?", "At 10", "At 11 am"),
    ("How long is it?", "It takes 1 hour and 45 minutes.", "It takes 145 minutes."),
    ("What time is it?", "quarter past four", "3:45"),
    ("Wann beginnt es?", "Um halb vier", "16:30 Uhr"),
    ("When is it?", "14:00 UTC", "14:00 CET"),
    ("When was it?", "the 1980s", "1985"),
    ("How much faster is it?", "double the speed", "3x"),
    ("Who gets how much?", "Anna gets 24 months.", "Bernd gets two years."),
]  # fmt: skip


@pytest.mark.parametrize(("prompt", "first", "second"), SAME_ANSWERS)
def test_these_are_the_same(prompt: str, first: str, second: str) -> None:
    assert agreement(first, second, prompt=prompt).value >= SAME
    assert agreement(second, first, prompt=prompt) == agreement(first, second, prompt=prompt)


@pytest.mark.parametrize(("prompt", "first", "second"), OTHER_ANSWERS)
def test_these_are_not(prompt: str, first: str, second: str) -> None:
    assert agreement(first, second, prompt=prompt).value < SAME
    assert agreement(second, first, prompt=prompt) == agreement(first, second, prompt=prompt)
