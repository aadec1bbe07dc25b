"""Names inside names: what is named after something else, and what only goes with more words."""

import pytest

from nemoguardrails_trust.agreement import agreement
from tests.agreement.both_ways import same


@pytest.mark.parametrize(
    ("prompt", "first", "second"),
    [
        ("Who reported it?", "New York", "New York Times"),
        ("Who is on the card?", "King", "King of Pop"),
        ("Who was president in 1975?", "Ford", "Ford Motor Company"),
        ("Who sets the rate?", "England", "the Bank of England"),
        ("Where did the hurricane form?", "Mexico", "Gulf of Mexico"),
        ("Where was she born?", "Kansas", "Kansas City"),
        ("What did Livingstone see?", "Victoria", "Victoria Falls"),
        ("What did she get?", "Apple", "Apple Watch"),
        ("What does he drive?", "Tesla", "Tesla Model 3"),
        ("Who was his first wife?", "Catherine", "Catherine of Aragon"),
        ("Who won?", "Manchester", "Manchester United"),
        ("Who was president in 2001?", "George W. Bush", "George H. W. Bush"),
        ("Which band recorded it?", "Queen", "Queens of the Stone Age"),
        ("Which film was it?", "Alien", "Aliens"),
        ("Who wrote it?", "Maria Cruz", "Mario Cruz"),
        ("Where did she study?", "Washington University", "University of Washington"),
        ("Where did she study?", "Washington University in St. Louis", "University of Washington"),
        ("Where did she study?", "University of Miami", "Miami University"),
        ("Which is it?", "It is Washington University.", "It is the University of Washington."),
        ("Where did she study?", "Boston University", "Boston College"),
        ("Who is the manager?", "Anna Schmidt", "Anna Schmitt-Klein"),
        ("Who is the manager?", "Jean Martin", "Jean Martinez-Lopez"),
        ("Who is the manager?", "Peter Thomson", "Peter Thompson-Smith"),
    ],
)
def test_what_is_named_after_something_is_another_thing(
    prompt: str, first: str, second: str
) -> None:
    assert not same(first, second, prompt)
    assert not agreement(first, second, prompt=prompt).settled


@pytest.mark.parametrize(
    ("prompt", "first", "second"),
    [
        ("Which company made the Model T?", "Ford", "Ford Motor Company"),
        ("Which river is the longest in South America?", "the Amazon", "Amazon River"),
        ("What is the longest river?", "Nile", "The Nile River"),
        ("Which university did she attend?", "Oxford", "Oxford University"),
        ("Which university did she attend?", "Oxford", "University of Oxford"),
        ("Who makes the iPhone?", "Apple", "Apple Inc."),
        ("Where is Broadway?", "New York", "New York City"),
        ("Where is Dublin?", "Ireland", "Republic of Ireland"),
        ("Where is the Louvre?", "Paris", "Paris, France"),
        ("Who was prime minister?", "Boris Johnson", "Johnson"),
        ("Who was president?", "Barack", "Barack Obama"),
        ("Which Dutch painter was it?", "Rembrandt", "Rembrandt van Rijn"),
        ("Who was the sixth president?", "John Quincy Adams", "John Q. Adams"),
        ("Who was the sixth president?", "John Adams", "John Quincy Adams"),
        ("Who was president in 1962?", "John F. Kennedy", "John Kennedy"),
        ("Who wrote Fidelio?", "Ludwig van Beethoven", "Ludwig Beethoven"),
        ("Which animal is it?", "Lion", "Lions"),
        ("Which family was it?", "The Mitford Sisters", "The Mitfords"),
        ("Who wrote it?", "Gonzalo Ruis", "Gonzalo Ruiz"),
        ("Where did she study?", "University of Chicago", "Chicago University"),
        ("Where did she study?", "Oxford University", "University of Oxford"),
        ("Where did she study?", "The University of Washington", "University of Washington"),
        ("Who is the manager?", "Anna Schmidt-Klein", "Anna Klein"),
        ("Who is the manager?", "Helena Bonham-Carter", "Helena Bonham Carter"),
        ("Who directed it?", "Park Chan-wook", "Park Chanwook"),
        ("Who is it?", "Abdul Al-Rashid", "Abdul Rashid"),
        ("", "New York", "New York Times"),
    ],
)
def test_what_the_prompt_asks_for_or_what_may_be_left_out_makes_no_other_thing(
    prompt: str, first: str, second: str
) -> None:
    assert same(first, second, prompt)
