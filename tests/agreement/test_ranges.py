import pytest

from tests.agreement.both_ways import same


@pytest.mark.parametrize(
    ("asked", "first", "second"),
    [
        ("At what temperature is it stored?", "between 2 and 8 °C", "2-8 degrees"),
        ("At what temperature is it stored?", "between 2 and 8 °C", "2-8 °C"),
        ("At what temperature is it stored?", "between 2 and 8 °C", "2 to 8 degrees Celsius"),
        ("Bei welcher Temperatur?", "zwischen 2 und 8 °C", "2-8 Grad"),
        ("Bei welcher Temperatur?", "zwischen 2 und 8 °C", "2 bis 8 Grad"),
        ("À quelle température ?", "entre 2 et 8 °C", "2 à 8 degrés"),
        ("¿A qué temperatura?", "entre 2 y 8 °C", "de 2 a 8 grados"),
    ],
)
def test_a_range_is_the_same_in_other_words(asked: str, first: str, second: str) -> None:
    assert same(first, second, asked)


@pytest.mark.parametrize(
    ("asked", "first", "second"),
    [
        ("At what temperature is it stored?", "between 2 and 8 °C", "2-8 °F"),
        ("At what temperature is it stored?", "between 2 and 8 °C", "-2 to 8 degrees"),
        ("At what temperature is it stored?", "2-8 °C", "2-18 degrees"),
        ("At what temperature is it stored?", "below 8 °C", "2-8 degrees"),
    ],
)
def test_other_ends_or_a_single_limit_are_another_range(
    asked: str, first: str, second: str
) -> None:
    assert not same(first, second, asked)
