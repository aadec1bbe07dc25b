import pytest

from tests.agreement.both_ways import same


@pytest.mark.parametrize(
    ("asked", "first", "second"),
    [
        ("¿Cuánto cuesta?", "10 euros al mes", "10 euros mensuales"),
        ("¿Cuánto cuesta?", "10 euros al mes", "10 euros por mes"),
        ("Combien ça coûte ?", "10 euros par mois", "10 euros mensuels"),
        ("Combien ça coûte ?", "10 euros par mois", "120 euros par an"),
        ("Quanto costa?", "10 euro al mese", "10 euro mensili"),
        ("Was kostet es?", "10 Euro im Monat", "10 Euro monatlich"),
        ("Was kostet es?", "10 Euro pro Monat", "10 Euro monatlich"),
        ("Quanto custa?", "10 euros por mês", "10 euros mensais"),
    ],
)
def test_a_rate_may_be_told_by_an_adjective(asked: str, first: str, second: str) -> None:
    assert same(first, second, asked)


@pytest.mark.parametrize(
    ("asked", "first", "second"),
    [
        ("¿Cuánto cuesta?", "10 euros al mes", "10 euros al año"),
        ("¿Cuánto cuesta?", "10 euros mensuales", "10 euros anuales"),
        ("Combien ça coûte ?", "10 € par mois", "10 € par an"),
        ("Quanto costa?", "10 euro al mese", "10 euro all'anno"),
        ("Was kostet es?", "10 Euro im Monat", "10 Euro jährlich"),
        ("Quanto custa?", "10 euros por mês", "10 euros por ano"),
    ],
)
def test_another_span_is_another_rate(asked: str, first: str, second: str) -> None:
    assert not same(first, second, asked)


@pytest.mark.parametrize(
    ("asked", "first", "second"),
    [
        ("いくらですか？", "3千円", "3000円"),
        ("いくらですか？", "1万5千円", "15000円"),
        ("何人ですか？", "1万5千人", "15,000人"),
        ("多少钱？", "3千元", "3000元"),
        ("多少钱？", "1万5千", "15000"),
        ("多少钱？", "2万元", "20000元"),
        ("多少钱？", "5百元", "500元"),
        ("얼마예요?", "3천원", "3000원"),
        ("얼마예요?", "1만5천원", "15000원"),
    ],
)
def test_digits_go_with_signs_for_hundreds_and_thousands(
    asked: str, first: str, second: str
) -> None:
    assert same(first, second, asked)


@pytest.mark.parametrize(
    ("asked", "first", "second"),
    [
        ("いくらですか？", "3千円", "3万円"),
        ("いくらですか？", "1万5千円", "10500円"),
        ("얼마예요?", "1만원", "1천원"),
    ],
)
def test_another_sign_is_another_number(asked: str, first: str, second: str) -> None:
    assert not same(first, second, asked)
