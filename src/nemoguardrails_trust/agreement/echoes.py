"""Answers that only repeat the question."""

from nemoguardrails_trust.agreement import text
from nemoguardrails_trust.agreement.answers import Answer
from nemoguardrails_trust.agreement.question import Question
from nemoguardrails_trust.agreement.words import stem

_ASKING_FOR_A_NUMBER = text.word_set("how when year number")
_A_NUMBER = 2
_LONGEST = 40
"""Words of a question; a longer prompt may hold a text from which the answer is taken."""


def only_one_answers(first: Answer, second: Answer) -> bool:
    """Whether one only repeats the question, and the other answers it with a name or a number.

    To `What is the former name of Kinshasa?`, these are `Kinshasa` and `Kinshasa was called
    Léopoldville`. What follows a pause is an aside: `Everest` and `Everest, at 8,849 metres` may
    be one answer.
    """
    if bool(first.terms) == bool(second.terms) or not _asks_for_something_new(first.question):
        return False
    if not _ASKING_FOR_A_NUMBER.isdisjoint(first.question.words) and any(
        answer.numbers and len(answer.words) <= _A_NUMBER for answer in (first, second)
    ):
        return False  # how many there are may well be a number of the question
    echo, other = (second, first) if first.terms else (first, second)
    return bool(echo.repeats) and _adds_a_name(other)


def _asks_for_something_new(question: Question) -> bool:
    """Whether the answer to a question cannot stand in it."""
    if "?" not in question.folded[-3:] or len(question.in_order) > _LONGEST:
        return False
    if question.alternatives is not None or question.offers_choices:
        return False
    return not question.asks_yes_or_no


def _adds_a_name(answer: Answer) -> bool:
    head = next(iter(answer.clauses), "")
    return any(
        answer.names_anew(word)
        or (text.is_number(word) and stem(word) not in answer.question.stems)
        for word in text.tokens(head)[1:]  # the first has a capital letter anyway
    )
