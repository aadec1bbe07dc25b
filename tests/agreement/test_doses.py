import pytest

from tests.agreement.both_ways import same


@pytest.mark.parametrize(
    ("asked", "first", "second"),
    [
        ("What is the dose?", "5 mg/kg every 8 hours", "5 mg per kg three times a day"),
        ("What is the dose?", "15 mg/kg", "15 mg per kg"),
        ("What is the dose?", "15 mg/kg/day", "15 mg per kg per day"),
        ("What is the dose?", "500 mg every 6 hours", "500 mg four times a day"),
        ("What is the dose?", "10 ml/kg every 12 hours", "10 ml per kg twice daily"),
        ("Wie ist die Dosis?", "5 mg/kg alle 8 Stunden", "5 mg pro kg dreimal täglich"),
        ("How often?", "Take 5 mg every 8 hours.", "Take 5 mg three times a day."),
        ("How often?", "Take one tablet every 4 hours.", "Take one tablet six times a day."),
    ],
)
def test_a_dose_is_its_amount_and_how_often_it_is_given(
    asked: str, first: str, second: str
) -> None:
    assert same(first, second, asked)


@pytest.mark.parametrize(
    ("asked", "first", "second"),
    [
        ("What is the dose?", "5 mg/kg every 8 hours", "5 mg per kg twice a day"),
        ("What is the dose?", "5 mg/kg every 8 hours", "5 mg three times a day"),
        ("What is the dose?", "5 mg/kg every 8 hours", "10 mg per kg three times a day"),
        ("What is the dose?", "15 mg/kg", "15 mg per day"),
        ("Wie ist die Dosis?", "5 mg/kg alle 8 Stunden", "5 mg pro kg zweimal täglich"),
        ("How often?", "Take 5 mg every 8 hours.", "Take 5 mg every 6 hours."),
        ("How often?", "Take one tablet every 4 hours.", "Take one tablet 4 times a day."),
        ("How often?", "Take 3 tablets every 8 hours.", "Take 8 tablets 3 times a day."),
    ],
)
def test_another_amount_rate_or_denominator_is_another_dose(
    asked: str, first: str, second: str
) -> None:
    assert not same(first, second, asked)
