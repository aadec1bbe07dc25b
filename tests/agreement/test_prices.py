import pytest

from nemoguardrails_trust.agreement import SAME, agreement

SAME_ANSWERS = [
    ("Is entry free?", "Entry is free.", "No charge."),
    ("Is delivery free?", "Yes, delivery is free.", "There is no charge for delivery."),
    ("Is there an entry fee?", "Entry is free.", "No."),
    ("Is there an entry fee?", "It costs $5.", "Yes."),
    ("¿Cuánto cuesta?", "Es gratis.", "No cuesta nada."),
    ("Was kostet der Eintritt?", "Der Eintritt ist kostenlos.", "Er kostet nichts."),
    ("Quanto costa?", "È gratuito.", "Non costa nulla."),
    ("What do children pay?", "half price", "50 %"),
    ("What do children pay?", "Children pay half price.", "Children get a 50% discount."),
    ("What do students pay?", "Students pay 90% of the full price.", "Students get 10% off."),
    ("How much is the discount?", "a reduction of 15%", "15% off"),
    ("How much is the deposit?", "The deposit is 10% of the price.", "10%"),
]
OTHER_ANSWERS = [
    ("Is entry free?", "No charge.", "Not free."),
    ("Is entry free?", "Entry is free.", "It costs $5."),
    ("Is there an entry fee?", "Entry is free.", "Yes."),
    ("Is delivery free?", "Free for orders over $50.", "Yes, it's always free."),
    ("Can I cancel?", "Yes, but there is a fee.", "Yes, free of charge."),
    ("¿Cuánto cuesta?", "Es gratis.", "Cuesta 5 euros."),
    ("¿Cuánto cuesta?", "Es gratis.", "No es gratis."),
    ("Was kostet der Eintritt?", "Er ist kostenlos.", "Er ist nicht kostenlos."),
    ("What do children pay?", "Children get 20% off.", "Children pay 20% of the price."),
    ("What do children pay?", "Children pay half price.", "Children pay full price."),
]


@pytest.mark.parametrize(("prompt", "first", "second"), SAME_ANSWERS)
def test_what_is_free_costs_nothing(prompt: str, first: str, second: str) -> None:
    assert agreement(first, second, prompt=prompt).value >= SAME
    assert agreement(second, first, prompt=prompt).value >= SAME


@pytest.mark.parametrize(("prompt", "first", "second"), OTHER_ANSWERS)
def test_what_has_its_price_is_not_free(prompt: str, first: str, second: str) -> None:
    assert agreement(first, second, prompt=prompt).value < SAME
    assert agreement(second, first, prompt=prompt).value < SAME
