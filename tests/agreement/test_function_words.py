import pytest

from nemoguardrails_trust.agreement import SAME, agreement
from nemoguardrails_trust.agreement.function_words import NONE, function_words


@pytest.mark.parametrize(
    ("prompt", "first", "second"),
    [
        ("Quelle est la capitale ?", "La capitale de l'Australie est Canberra.", "C'est Canberra."),
        ("Wo liegt Kiel?", "Es liegt an der Ostsee.", "Kiel liegt an der Ostsee."),
        ("¿Quién lo escribió?", "Es de Cervantes.", "Lo escribió Cervantes."),
    ],
)
def test_articles_and_copulas_of_other_languages_say_nothing(
    prompt: str, first: str, second: str
) -> None:
    assert agreement(first, second, prompt=prompt).value >= SAME


def test_a_question_in_english_leaves_no_word_out() -> None:
    assert function_words(frozenset(("who", "was", "el", "cid"))) == NONE
    assert agreement("Die Hard", "Hard", prompt="Which film was it?").value < 1.0
