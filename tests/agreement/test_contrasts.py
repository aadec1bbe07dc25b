"""Answers in like words that say something else, and the same in other words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nemoguardrails_trust.agreement import SAME, agreement, units
from nemoguardrails_trust.agreement.identifiers import addresses, designations_differ
from nemoguardrails_trust.agreement.names import is_same_person, parts_of_name
from nemoguardrails_trust.agreement.pairs import are_reversed, pair
from nemoguardrails_trust.agreement.quantities import quantity
from tests.agreement.both_ways import value

OPTIONS = "Select all that apply.\nA. red\nB. green\nC. blue"


@pytest.mark.parametrize(
    ("prompt", "first", "second"),
    [
        # units
        ("Dose?", "5 mg", "5 mcg"),
        ("Dose?", "10 µg", "10 mg"),
        ("Dose?", "100 IU", "100 mg"),
        ("Dose?", "Take 5 mg of warfarin.", "Take 5 mcg of warfarin."),
        ("Energy?", "5 kJ", "5 kcal"),
        ("Power?", "5 mW", "5 MW"),
        ("Price?", "5 CAD", "5 USD"),
        ("Size?", "5 GB", "5 MB"),
        ("How many?", "5 litres", "5 bottles"),
        # two numbers in an order
        ("Ratio?", "3:4", "4:3"),
        ("Odds?", "5 to 1", "1 to 5"),
        ("How many passed?", "3 of 4", "4 of 3"),
        ("Who won?", "Brazil won 2-1.", "Brazil won 1-2."),
        ("Range?", "5-10", "10-15"),
        ("How long?", "5-10 days", "5-10 weeks"),
        ("Opening hours?", "9:00-17:00", "9:00-18:00"),
        # order and roles
        ("Steps?", "First unplug it, then press reset.", "First press reset, then unplug it."),
        ("Order?", "Paris, then Rome", "Rome, then Paris"),
        ("Route?", "from Paris to Rome", "from Rome to Paris"),
        ("Translate", "dog bites man", "man bites dog"),
        ("Who pays?", "the buyer pays the seller", "the seller pays the buyer"),
        ("Which rule?", "a and b", "a or b"),
        # one word that is the opposite
        ("Change?", "up 5%", "down 5%"),
        ("Result?", "a profit of 5 million", "a loss of 5 million"),
        ("Where?", "north of Paris", "south of Paris"),
        ("Which?", "the left kidney", "the right kidney"),
        ("Limit?", "5 or more", "5 or fewer"),
        ("Limit?", "no more than 5", "no less than 5"),
        ("Is water damage covered?", "The warranty covers it.", "The warranty excludes it."),
        ("Is it covered?", "The warranty covers water.", "The warranty excludes water."),
        ("The rate?", "The rate is fixed at 4.5%.", "The rate is variable at 4.5%."),
        ("Where is my order?", "It was shipped on May 3.", "It will be shipped on May 3."),
        # one thing in the place of another, or without another
        ("How do I reset it?", "Hold the power button.", "Hold the volume button."),
        ("Allergy?", "Allergic to penicillin.", "Allergic to amoxicillin."),
        ("Which plans?", "Business and Enterprise.", "Only Enterprise."),
        ("Where?", "In all EU countries.", "In all EU countries except France."),
        ("Who won?", "Obama defeated Romney.", "Obama was defeated by Romney."),
        ("Final score?", "Germany 7, Brazil 1", "Germany 1, Brazil 7"),
        ("Sort ascending", "1, 2, 3", "3, 2, 1"),
        ("Coordinates?", "48.85, 2.35", "2.35, 48.85"),
        ("Where is it?", "48.85° N, 2.35° E", "48.85° S, 2.35° E"),
        (OPTIONS, "red and blue", "A and B"),
        (OPTIONS, "not red", "A"),
        # names of other things
        ("Model?", "GPT-4", "GPT-4o"),
        ("Formula?", "H2O", "H2O2"),
        ("Formula?", "CO", "CO2"),
        ("Which?", "hepatitis A", "hepatitis B"),
        ("Who?", "Will Smith", "Sam Smith"),
        ("Who?", "George H. W. Bush", "George W. Bush"),
        ("Where?", "New South Wales", "Wales"),
        ("Where?", "West Virginia", "Virginia"),
        ("Office?", "Vice President", "President"),
        ("When?", "the 1990s", "1990"),
        ("When is it due?", "by 5 May", "from 5 May"),
        ("What changed?", "The price rose to $6.", "The price rose by $6."),
        ("Who approves it?", "Either Ann or Ben approves it.", "Both Ann and Ben approve it."),
        ("Who called?", "My mother's brother called.", "My brother's mother called."),
        ("When?", "It starts at ten past five.", "It starts at ten to five."),
        ("Where?", "Democratic Republic of the Congo", "Republic of the Congo"),
        ("When?", "12/11/1990", "11/12/1990"),
        # what is written to the letter
        ("Page?", "https://example.com/a", "https://example.com/b"),
        ("Where?", "Go to https://shop.example.com/returns", "Go to https://shop.example.com/faq"),
        ("Mail?", "a.smith@example.com", "b.smith@example.com"),
        ("Path?", "/etc/hosts", "/etc/host"),
        ("Path?", "C:\\a\\b", "C:\\a\\c"),
        ("Command?", "rm -r x", "rm -rf x"),
        ("Account?", "DE89 3704 0044 0532 0130 00", "DE89 3704 0044 0532 0130 01"),
        ("Device?", "00:1A:2B:3C:4D:5E", "00:1A:2B:3C:4D:5F"),
        (
            "Which record?",
            "550e8400-e29b-41d4-a716-446655440000",
            "550e8400-e29b-41d4-a716-446655440001",
        ),
        ("Preis?", "1.000 €", "1 €"),
    ],
)
def test_these_are_different(prompt: str, first: str, second: str) -> None:
    assert value(first, second, prompt) < SAME


@pytest.mark.parametrize(
    ("prompt", "first", "second"),
    [
        ("Dose?", "10 µg", "10 mcg"),
        ("Dose?", "10 ug", "10 micrograms"),
        ("Dose?", "0.5 g", "500 mg"),
        ("Dose?", "Take 5 mg of warfarin.", "Take 5 milligrams of warfarin."),
        ("How many?", "¾ cup", "0.75 cup"),
        ("Price?", "$1.50", "1,50 $"),
        ("Price?", "€3,99", "3.99 euros"),
        ("Price?", "$1.5k", "$1500"),
        ("Price?", "$2M", "2 million dollars"),
        ("How many users?", "150k", "150,000"),
        ("Preis?", "1.000 €", "1000 €"),
        ("Betrag?", "CHF 1'250.50", "1250.50 CHF"),
        ("Support number?", "1-800-555-0100", "(800) 555-0100"),
        ("Hotline?", "+49 30 123456", "030 123456"),
        ("ISBN?", "978-3-16-148410-0", "9783161484100"),
        ("Когда?", "9 мая 1945 года", "1945-05-09"),
        (OPTIONS, "red and blue", "A and C"),
        (OPTIONS, "It is green.", "B"),
        (OPTIONS, "A, B and C", "All of them"),
        ("Ratio?", "3:4", "3 to 4"),
        ("What is the ratio?", "1:2", "2:4"),
        ("Range?", "5-10", "5 to 10"),
        ("Range?", "5–10 days", "between 5 and 10 days"),
        ("When?", "1914-18", "1914 to 1918"),
        ("Opening hours?", "9:00-17:00", "9am to 5pm"),
        ("When?", "noon", "12:00"),
        ("When does it start?", "The meeting starts at noon.", "It starts at 12:00."),
        ("When does it end?", "Check-out ends at midnight.", "It ends at 12 am."),
        ("When does it start?", "It starts at five to six.", "It starts at 5:55."),
        ("When does it start?", "Twenty-five minutes past three.", "3:25"),
        ("When does it start?", "It starts in a fortnight.", "It starts in two weeks."),
        ("How long does it take?", "It takes an hour.", "It takes 60 minutes."),
        ("How many?", "none", "0"),
        ("How many?", "a third", "1/3"),
        ("Limit?", "5 or more", "at least 5"),
        ("Limit?", "no more than 5", "5 or less"),
        ("Solve", "x = -2 or x = 3", "{-2, 3}"),
        ("Mass in kg?", "9.109e-31", "9.109 × 10^-31 kg"),
        ("Who?", "J. S. Bach", "Johann Sebastian Bach"),
        ("Who?", "J.K. Rowling", "Joanne Rowling"),
        ("Which flight?", "LH 400", "LH400"),
        ("Who?", "Will Smith", "will smith"),
        ("Page?", "https://example.com/a/", "example.com/a"),
        ("Account?", "DE89 3704 0044 0532 0130 00", "DE89370400440532013000"),
        ("Where?", "Paris and Rome", "Rome and Paris"),
        ("Who won?", "Obama defeated Romney.", "Romney was defeated by Obama."),
        ("What is it?", "Berlin is the capital", "the capital is Berlin"),
        ("How fast?", "60 mph", "60 miles per hour"),
    ],
)
def test_these_are_the_same(prompt: str, first: str, second: str) -> None:
    assert value(first, second, prompt) >= SAME


def test_two_statements_that_only_imply_a_yes_are_not_settled() -> None:
    prompt = "Is it available in stores?"
    said = agreement("It is available in stores.", "It is available online.", prompt=prompt)
    assert not said.settled
    assert agreement("Yes, it is.", "Yes, in all of them.", prompt=prompt).settled


def test_a_pair_of_numbers_is_read_with_its_unit() -> None:
    found = pair("5-10 kg")
    assert found is not None
    assert (found.first.kind, found.second.value) == ("mass", 10)


@pytest.mark.parametrize(
    "text", ["", "5", "555-0101", "2020-05", "5 and 10", "3:30 pm", "from five", "1-2-3"]
)
def test_what_is_no_pair_of_numbers_is_not_read(text: str) -> None:
    assert pair(text) is None


@given(st.integers(0, 999), st.integers(0, 999))
def test_a_pair_is_reversed_only_where_its_numbers_differ(low: int, high: int) -> None:
    assert are_reversed(f"it was {low}:{high}.", f"it was {high}:{low}.") == (low != high)
    assert not are_reversed(f"it was {low}:{high}.", f"it was {low}:{high}, as before.")


@given(st.sampled_from(sorted(units.UNITS)), st.integers(2, 999))
def test_a_unit_never_differs_from_itself(unit: str, number: int) -> None:
    assert not units.differ([str(number), unit], [str(number), unit])
    found = quantity([str(number), unit])
    assert found is not None
    assert found.kind is not None


def test_letters_in_a_size_tell_by_their_case() -> None:
    assert units.in_full("5mW and $3k") == "5 milliwatt and $3 thousand"
    assert units.in_full("a 401k, 300K, 5 MW and 2k") == "a 401k, 300K, 5 MW and 2k"


def test_addresses_and_options_are_found_and_fractions_are_none() -> None:
    assert addresses("See https://www.example.com/x, or /etc/hosts.") == {
        "www.example.com/x",
        "/etc/hosts",
    }
    assert addresses("`git reset --hard`") == {"--hard"}
    assert addresses("3/4 of it, and/or 5 km/h - or so") == frozenset()


def test_designations_are_compared_without_their_dashes() -> None:
    assert not designations_differ("an F-16", "the F16")
    assert designations_differ("an F-16", "an F-18")
    assert not designations_differ("5kg", "5mg")  # which the units tell
    assert not designations_differ("an iPhone", "an iPhone-14")


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("J. S. Bach", "Johann Sebastian Bach", True),
        ("John Q. Adams", "John Quincy Adams", True),
        ("George W. Bush", "George H. W. Bush", False),
        ("John Adams", "John Quincy Adams", None),
        ("Will Smith", "Sam Smith", None),
        ("J. Bach", "J. Brahms", None),
        ("bach", "Johann Sebastian Bach", None),
    ],
)
def test_initials_stand_for_names(first: str, second: str, same: bool | None) -> None:
    ours, theirs = parts_of_name(first), parts_of_name(second)
    assert is_same_person(ours, theirs) is same
    assert is_same_person(theirs, ours) is same
