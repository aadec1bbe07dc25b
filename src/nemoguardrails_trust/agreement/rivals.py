"""Answers of which only one can be right: by their names, and by how fully they answer."""

from nemoguardrails_trust.agreement import overlap
from nemoguardrails_trust.agreement.answers import Answer
from nemoguardrails_trust.agreement.words import NAMES, Term

_ONE_THING = 2
"""Most words that a sentence adds to the question and that are the thing asked for, no more."""


def terms_beside(answer: Answer, other: Answer) -> dict[str, Term]:
    """The words that an answer adds to its prompt, and parts of its names that the other lacks."""
    if not (answer.terms and answer.parts_of_names):
        return answer.terms
    lacking = {
        word: term
        for word, term in answer.parts_of_names.items()
        if word not in other.all_terms and not overlap.any_alike([word], other.all_terms)
    }
    return answer.terms | lacking


def answer_in_full(first: Answer, second: Answer) -> bool:
    """Whether both repeat all that is asked, so that only one of the things they add may be true.

    Both may be where one denies it: `Atlanta is not the capital of Georgia` and `of any state`.
    So may a name and a description, of which nobody knows whether they are of the same thing.
    """
    if first.question.asks_yes_or_no or not first.repeats == second.repeats == 1.0:
        return False
    if not len(first.sentences) == len(second.sentences) == 1:
        return False
    if any(term.negated for answer in (first, second) for term in answer.all_terms.values()):
        return False
    named, other_named = (
        any(term.weight >= NAMES for term in answer.terms.values()) for answer in (first, second)
    )
    return named == other_named or max(len(first.terms), len(second.terms)) <= _ONE_THING
