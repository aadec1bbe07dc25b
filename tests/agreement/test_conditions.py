"""Answers of one kind that hold under other conditions."""

import pytest

from nemoguardrails_trust.agreement import SAME, agreement

OTHER = [
    ("Wer darf teilnehmen?", "unter 18 Jahren", "über 18 Jahre"),
    ("Wer darf teilnehmen?", "über 18 Jahre", "ab 18 Jahren"),
    ("Qui ?", "moins de 26 ans", "plus de 26 ans"),
    ("¿Quién?", "más de 65 años", "menos de 65 años"),
    ("Chi?", "meno di 30 giorni", "più di 30 giorni"),
    ("Quem?", "mais de 60 anos", "menos de 60 anos"),
    ("Wie?", "jonger dan 18 jaar", "ouder dan 18 jaar"),
    ("Quand ?", "tous les jours sauf le dimanche", "tous les jours"),
    ("Quando?", "tutti i giorni tranne la domenica", "tutti i giorni"),
    ("¿Cuándo?", "todos los días excepto los domingos", "todos los días"),
    ("Wanneer?", "elke dag behalve zondag", "elke dag"),
    ("Is delivery free?", "Yes, for orders over $50.", "Yes, for all orders."),
    ("Is delivery free?", "Yes, for orders over $50.", "Yes, if the order is under $50."),
    ("Can I return it?", "Yes, within 30 days", "Yes, within 30 days if unopened"),
    ("Can I cancel?", "Yes, until 24 hours before", "Yes"),
    ("Ist der Versand gratis?", "Ja, ab 50 Euro.", "Ja, immer."),
    ("La livraison est-elle gratuite ?", "Oui, à partir de 50 euros.", "Oui, toujours."),
    ("Can I return it?", "Yes, within 14 days.", "Yes, within 30 days."),
    ("Can I pay by card?", "Yes, but only online.", "Yes, in every branch."),
    ("Can I fly?", "Yes, up to week 20.", "Yes, up to week 30."),
    ("How long may it take?", "It takes up to 3 days.", "It takes at least 3 days."),
    ("How old must I be?", "You must be under 18.", "You must be over 18."),
    ("What is the state of my flight?", "Your flight is cancelled.", "Your flight is on time."),
    ("What does delivery cost?", "Delivery is free.", "Delivery costs 5 dollars."),
    ("Who gets it?", "It is for all customers.", "It is for Premium customers."),
    (
        "How often do I get it?",
        "You get three withdrawals a day.",
        "You get three withdrawals a week.",
    ),
    ("How do I do it?", "1. Wash your hands.\n2. Open it.", "1. Open it.\n2. Wash your hands."),
]
SAME_ANSWERS = [
    ("Wer darf teilnehmen?", "unter 18 Jahren", "jünger als 18 Jahre"),
    ("How many?", "over 100 people", "mehr als 100 people"),
    ("¿Cuándo?", "todos los días excepto los domingos", "todos los días salvo los domingos"),
    ("Is delivery free?", "Yes, for orders over $50.", "Yes, for all orders over 50 dollars."),
    ("Is delivery free?", "Yes, for orders over $50.", "Yes, if the order is over $50."),
    ("Can I cancel?", "Yes, up to 24 hours before", "Yes, until 24 hours before"),
    ("Ist der Versand gratis?", "Ja, ab 50 Euro.", "Ja, ab 50 €."),
    ("Can I return it?", "Yes, within 14 days.", "Yes, you can return it within 14 days."),
    ("How long may it take?", "It takes up to 3 days.", "It takes at most 3 days."),
    ("What does delivery cost?", "Delivery is free.", "It is free of charge."),
    ("Which are open?", "1. Basel\n2. Bern", "1. Bern\n2. Basel"),
]


@pytest.mark.parametrize(("prompt", "first", "second"), OTHER)
def test_other_conditions_are_another_answer(prompt: str, first: str, second: str) -> None:
    assert agreement(first, second, prompt=prompt).value < SAME
    assert agreement(second, first, prompt=prompt) == agreement(first, second, prompt=prompt)


@pytest.mark.parametrize(("prompt", "first", "second"), SAME_ANSWERS)
def test_the_same_conditions_are_the_same_answer(prompt: str, first: str, second: str) -> None:
    assert agreement(first, second, prompt=prompt).value >= SAME
