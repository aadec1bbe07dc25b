import pytest

from tests.agreement.both_ways import same


@pytest.mark.parametrize(
    ("asked", "first", "second"),
    [
        ("What is the capital of Laos?", "As far as I know, it is Vientiane.", "Vientiane"),
        ("Who wrote Emma?", "Based on my training data, Jane Austen wrote Emma.", "Jane Austen"),
        (
            "How long may I return it?",
            "Based on the information provided, you may return it for 30 days.",
            "30 days",
        ),
        ("Is it free?", "According to the provided context, yes.", "Yes, to my knowledge."),
        ("Is it free?", "Yes.", "According to the documentation, it is free."),
        ("Wie heißt die Hauptstadt?", "Soweit ich weiß, Berlin.", "Berlin"),
        ("Quelle est la capitale ?", "À ma connaissance, Lyon.", "Lyon"),
        ("¿Cuál es la capital?", "Sucre, que yo sepa.", "Sucre"),
        ("Qual è la capitale?", "Roma, per quanto ne so.", "Roma"),
        ("Qual é a capital?", "Brasília, que eu saiba.", "Brasília"),
        ("Wat is de hoofdstad?", "Voor zover ik weet, Amsterdam.", "Amsterdam"),
    ],
)
def test_where_an_answer_is_from_is_no_part_of_it(asked: str, first: str, second: str) -> None:
    assert same(first, second, asked)


@pytest.mark.parametrize(
    ("asked", "first", "second"),
    [
        ("Who wrote Emma?", "As far as I know, Jane Austen.", "As far as I know, Ann Radcliffe."),
        ("Is it free?", "As far as I know, yes.", "Not as far as I know."),
        ("Is it free?", "To my knowledge, yes.", "No, not to my knowledge."),
        # These say by what it is, and not how the answer came to be known.
        (
            "What do I pay?",
            "According to the old policy, you pay nothing.",
            "According to the new policy, you pay nothing.",
        ),
        ("What is the price based on?", "It is based on your data.", "It is based on your age."),
        ("How far may I drive?", "As far as Rome.", "As far as I know, no limit applies."),
        ("What does it need?", "Knowledge, as far as I can tell.", "Data"),
    ],
)
def test_what_an_answer_says_beside_it_tells_answers_apart(
    asked: str, first: str, second: str
) -> None:
    assert not same(first, second, asked)
