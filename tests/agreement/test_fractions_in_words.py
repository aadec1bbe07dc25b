import pytest

from nemoguardrails_trust.agreement import SAME, agreement
from tests.agreement.both_ways import same


@pytest.mark.parametrize(
    ("asked", "first", "second"),
    [
        ("Quelle part des voix ?", "deux tiers", "2/3"),
        ("Quelle part des voix ?", "trois quarts", "3/4"),
        ("Quelle part des voix ?", "un tiers", "1/3"),
        ("Quale quota?", "due terzi", "2/3"),
        ("Quale quota?", "tre quarti", "75%"),
        ("¿Qué parte?", "dos tercios", "2/3"),
        ("¿Qué parte?", "tres cuartos", "3/4"),
        ("Welcher Anteil?", "zwei Drittel", "2/3"),
        ("Welcher Anteil?", "drei Viertel", "3/4"),
        ("Que parte?", "dois terços", "2/3"),
        ("Welk deel?", "twee derde", "2/3"),
        ("Welk deel?", "drie kwart", "3/4"),
        ("Quelle part ?", "les deux tiers des voix", "2/3 des voix"),
        ("In welcher Zeit?", "in zwei Dritteln der Fälle", "in 2/3 der Fälle"),
    ],
)
def test_a_fraction_may_be_told_in_words(asked: str, first: str, second: str) -> None:
    assert same(first, second, asked)


@pytest.mark.parametrize(
    ("asked", "first", "second"),
    [
        ("Quelle part des voix ?", "deux tiers", "trois quarts"),
        ("Quelle part des voix ?", "les deux tiers", "un tiers"),
        ("Quale quota?", "due terzi", "2/5"),
        ("¿Qué parte?", "dos quintos", "2/3"),
        ("Welcher Anteil?", "ein Drittel", "2/3"),
        ("Que parte?", "três quartos", "2/4"),
        ("Wer gewann?", "der zweite Drittel", "2/3"),
    ],
)
def test_other_fractions_in_words_are_others(asked: str, first: str, second: str) -> None:
    assert not same(first, second, asked)


@pytest.mark.parametrize(
    ("asked", "first", "second"),
    [
        ("Combien de temps ?", "une année et demie", "18 mois"),
        ("Combien de temps ?", "un an et demi", "18 mois"),
        ("Combien de temps ?", "deux ans et demi", "30 mois"),
        ("Combien de temps ?", "deux heures et demie", "150 minutes"),
        ("Wie lange?", "anderthalb Jahre", "18 Monate"),
        ("Wie lange?", "eineinhalb Jahre", "18 Monate"),
        ("Wie lange?", "zweieinhalb Stunden", "150 Minuten"),
        ("¿Cuánto tiempo?", "año y medio", "18 meses"),
        ("¿Cuánto tiempo?", "un año y medio", "18 meses"),
        ("¿Cuánto tiempo?", "dos horas y media", "150 minutos"),
        ("Quanto tempo?", "un anno e mezzo", "18 mesi"),
        ("Quanto tempo?", "due ore e mezza", "150 minuti"),
        ("Quanto tempo?", "um ano e meio", "18 meses"),
        ("Hoe lang?", "anderhalf jaar", "18 maanden"),
        ("Hoe lang?", "anderhalf uur", "90 minuten"),
    ],
)
def test_a_span_and_a_half_is_read(asked: str, first: str, second: str) -> None:
    assert same(first, second, asked)


@pytest.mark.parametrize(
    ("asked", "first", "second"),
    [
        ("Combien de temps ?", "une année et demie", "12 mois"),
        ("Wie lange?", "anderthalb Jahre", "1 Jahr"),
        ("Wie lange?", "zweieinhalb Stunden", "90 Minuten"),
        ("¿Cuánto tiempo?", "año y medio", "6 meses"),
        ("Hoe lang?", "anderhalf jaar", "12 maanden"),
    ],
)
def test_without_the_half_it_is_another_span(asked: str, first: str, second: str) -> None:
    assert not same(first, second, asked)


def test_what_both_count_is_no_part() -> None:
    asked = "¿Cuántas habitaciones?"
    assert agreement("dos cuartos", "2 cuartos", prompt=asked).value >= SAME
    assert agreement("tres quintos", "3", prompt="¿Qué parte?").value < SAME
