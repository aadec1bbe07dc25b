import pytest

from nemoguardrails_trust.agreement.polarity import (
    is_yes_no_question,
    negations,
    stance,
    without_prefix,
)
from nemoguardrails_trust.agreement.text import fold, tokens


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Yes", True),
        ("Yes, because it boils.", True),
        ("Absolutely!", True),
        ("That's right", True),
        ("Of course not", False),
        ("I don't think so", False),
        ("The answer is no", False),
        ("No. It does not.", False),
        ("not incorrect", True),
        ("that is not true", False),
        ("No. 5", None),
        ("No one", None),
        ("Yes Minister", None),
        ("Nobel", None),
        ("I know", None),
        ("Paris", None),
        ("", None),
    ],
)
def test_yes_and_no_are_told_in_any_wording(text: str, expected: bool | None) -> None:
    folded = fold(text)
    assert stance(folded, tokens(folded)) is expected


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("Is Paris the capital of France?", True),
        ("Context: Paris is large.\n\nIs it the capital", True),
        ("True or false: water is wet.", True),
        ("What is the capital of France?", False),
        ("Name the river that is the longest.", False),
        ("", False),
    ],
)
def test_a_question_for_yes_or_no_is_known(prompt: str, expected: bool) -> None:
    assert is_yes_no_question(fold(prompt)) is expected


def test_a_negation_that_the_prompt_made_is_not_counted() -> None:
    words = ["pluto", "is", "not", "a", "planet"]
    assert negations(words) == 1
    assert negations(words, frozenset(["which", "is", "not", "a", "planet"])) == 0
    assert negations(["no", "1", "hit"]) == 0


def test_negating_prefixes_oppose_words() -> None:
    assert "typical" in without_prefix("atypical")
    assert "reversible" in without_prefix("irreversible")
    assert "port" not in without_prefix("airport")
    assert "able" not in without_prefix("unable-bodied")
