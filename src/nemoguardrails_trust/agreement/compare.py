"""Do two answers say the same?

Compared is, in this order and as far as both answers have it: JSON by value; the normalised
text; numbers with units, dates and mathematics by value; yes and no; the letter of a choice;
lists regardless of order; and at last the words that the answers add to the prompt.
"""

import logging
import re
from dataclasses import replace

from nemoguardrails_trust.agreement import (
    conditions,
    contrasts,
    equivalents,
    fractions_in_words,
    identifiers,
    languages,
    names,
    operators,
    overlap,
    pairs,
    places,
    polarity,
    rivals,
    structures,
    text,
    values,
)
from nemoguardrails_trust.agreement.answers import Answer
from nemoguardrails_trust.agreement.quantities import Quantity
from nemoguardrails_trust.agreement.question import Question
from nemoguardrails_trust.agreement.result import APART, NO, SAME, YES, Agreement
from nemoguardrails_trust.agreement.words import Term, stem

__all__ = ["SAME", "Agreement", "agreement", "compare_answers"]

_log = logging.getLogger(__name__)

_BOTH_YES = 0.6
"""The least that two answers agree which both say yes, or no, and go on in other words."""
_BOTH_NO = 0.9
"""How far two answers agree that both say no, for reasons that share nothing."""
_SAYING_YES = frozenset(map(stem, polarity.YES_WORDS))
_DENIED = 1 / 3
_GROUPED = re.compile(r"\D{0,3}\d{1,3}(?:\.\d{3})+\D{0,9}")
_MOST_OF_IT = 0.5
_FEW = 8
_WORDS_OF_A_SHARE = 6
_ITEM_REPLACED = 0.45
"""Two lists of one length and with different items are at most this alike by their words."""


def agreement(first: str, second: str, *, prompt: str = "") -> Agreement:
    """Compares two answers to a prompt.

    It is symmetric, an answer fully agrees with itself, and a blank answer agrees with nothing
    but a blank one. No text makes it raise: what cannot be compared counts as different, with the
    `failure`. Of very long texts only the two ends are read.

    Args:
        first: One answer.
        second: The other.
        prompt: What both reply to; its own words say nothing about whether they agree.
    """
    question = Question(prompt)
    return compare_answers(Answer(first, question), Answer(second, question))


def compare_answers(first: Answer, second: Answer) -> Agreement:
    """Compares two answers that have been read; see `agreement`."""
    if first.text == second.text:
        return YES
    try:
        return _compare(first, second)
    except Exception as error:  # noqa: BLE001 - no text may turn its own check off
        kind = type(error).__name__
        _log.warning("two answers could not be compared, and count as different: %s", kind)
        return Agreement(0.0, settled=False, failure=kind)


def _compare(first: Answer, second: Answer) -> Agreement:
    if first.blank or second.blank:
        return YES if first.blank and second.blank else NO
    if first.structure is not None and second.structure is not None:
        return _compare_structures(first, second)
    found = _compare_texts(first, second)
    # Of what was not read, nothing is known.
    return replace(found, settled=False) if first.cut or second.cut else found


def _compare_texts(first: Answer, second: Answer) -> Agreement:
    named = _compare_identifiers(first, second)
    if named is not None:
        return named
    if first.key == second.key:
        return _compare_signs(first, second)
    found = _compare_choices(first, second) or _compare_number_words(first, second)
    if found is not None:
        return found
    found = (
        _compare_pairs(first, second)
        or values.compare_values(first, second)
        or _compare_kinds(first, second)
        or _compare_stances(first, second)
        or _compare_equal_measures(first, second)
        or _compare_lists(first, second)
        or values.compare_numbers_in_prose(first, second)
        or _compare_terms(first, second)
    )
    if found.value >= SAME and contrasts.tells_apart(first, second):
        return Agreement(APART, settled=False)
    return found


def _compare_signs(first: Answer, second: Answer) -> Agreement:
    """Two answers of the same words, which capitals and signs may tell apart."""
    formula = first.question.asks_for_a_formula
    if formula and identifiers.formulas_differ(first.final, second.final):
        return NO
    if first.words != second.words and names.titles_differ(first.words, second.words):
        return Agreement(APART, settled=False)
    if operators.differ(first.final, second.final):
        return Agreement(APART, settled=False)
    return YES


def _compare_structures(first: Answer, second: Answer) -> Agreement:
    if structures.same_value(first.structure, second.structure):
        return YES
    ours, theirs = structures.fields(first.structure), structures.fields(second.structure)
    if not ours or not theirs:
        return NO
    same = sum(
        1 for name in ours if name in theirs and structures.same_value(ours[name], theirs[name])
    )
    # Less than the same however many fields are right: an object is right as a whole.
    return Agreement(0.4 * same / len(ours.keys() | theirs.keys()), settled=True)


def _compare_number_words(first: Answer, second: Answer) -> Agreement | None:
    """A number in digits against the same in words of another language than English."""
    if not (first.numbers or second.numbers):
        return None
    # As they stand: of `cinquante-six`, a part is one of English, too.
    if first.has_digits == second.has_digits:
        return None
    spelled, other = (second, first) if first.has_digits else (first, second)
    own = text.tokens(spelled.folded)
    words = fractions_in_words.in_digits(own, other.words)
    if words is None:
        words = languages.in_digits(own, lambda number: f"{number}" in other.numbers)
    if words is None and _GROUPED.fullmatch(other.final):
        # What is spelled out tells that `1.500` is no decimal.
        whole = other.final.replace(".", "")
        words = languages.in_digits(own, lambda number: f"{number}" in whole)
        other = Answer(whole, other.question)
    if words is None:
        return None
    return _compare_texts(Answer(" ".join(words), spelled.question), other)


def _compare_equal_measures(first: Answer, second: Answer) -> Agreement | None:
    """Sentences and lists, once the measures of one stand in the units of the other."""
    if not (first.numbers and second.numbers):
        return None
    # The same one of both each time, so that the order of the two makes no difference.
    one, other = (first, second) if first.final <= second.final else (second, first)
    rewritten = equivalents.with_measures_of(other, one)
    if rewritten is None:
        return None
    found = _compare_texts(one, rewritten)
    return replace(found, settled=False) if found.value >= SAME else None


def _compare_pairs(first: Answer, second: Answer) -> Agreement | None:
    """Two ranges, ratios or results, or a share as a pair and as a number."""
    if not any((first.numbers, second.numbers, first.has_digits, second.has_digits)):
        return None
    for one, other in ((first, second), (second, first)):
        if len(one.words) <= _WORDS_OF_A_SHARE and "in" in one.words and one.pair is not None:
            number = other.value if other.pair is None else None
            if isinstance(number, Quantity) and pairs.is_share(
                one.pair, values.without_asked(number, first.question)
            ):
                return YES
    if first.pair is None or second.pair is None:
        return None
    as_ratio = "ratio" in first.question.words
    return YES if pairs.compare_pairs(first.pair, second.pair, as_ratio=as_ratio) else NO


def _compare_stances(first: Answer, second: Answer) -> Agreement | None:
    ours, theirs = first.stance, second.stance
    if ours is None and theirs is None:
        return None
    said = first.said_stance is not None and second.said_stance is not None
    # Beside a plain yes or no, a repeated question is one in any language.
    ours = first.implied_stance if ours is None else ours
    theirs = second.implied_stance if theirs is None else theirs
    if ours is None or theirs is None:
        return _compare_with_denial(first, second)
    if ours != theirs:
        return NO
    bare = min(len(first.words), len(second.words)) <= 3
    if said and first.question.asks_yes_or_no:
        return _compare_behind_yes(first, second) if ours else _compare_behind_no(first, second)
    if bare:
        return YES
    by_words = _compare_terms(first, second)
    if said and first.question.asks_for_something:
        return by_words
    return Agreement(max(_BOTH_YES, by_words.value), settled=False)


def _compare_with_denial(first: Answer, second: Answer) -> Agreement | None:
    """A yes or no, and a statement about what is asked that denies it: `Nein`, `kein Visum`."""
    for one, other in ((first, second), (second, first)):
        if one.said_stance is None or not one.question.may_ask_yes_or_no:
            continue
        if other.repeats and polarity.negations(other.words) % 2 == 1:
            return NO if one.said_stance else Agreement(_BOTH_YES, settled=False)
    return None


def _compare_behind_yes(first: Answer, second: Answer) -> Agreement:
    """What two answers that both say yes go on to say: of two things, only one may be true."""
    ours, theirs = map(_behind, (first, second))
    if not (ours and theirs):
        return YES
    values_told = _compare_values_behind(first, second)
    if values_told is not None and values_told.value < SAME:
        return Agreement(APART, settled=False)
    value, against = overlap.compare_words(ours, theirs)
    if value >= SAME:
        return YES
    others = overlap.name_others(ours, theirs)
    if max(first.repeats, second.repeats) > _MOST_OF_IT and not others:
        return YES  # where the question is repeated, the rest is but the reason
    if others or against >= _DENIED:
        return Agreement(APART, settled=False)
    return Agreement(max(_BOTH_YES, value), settled=False)


def _compare_behind_no(first: Answer, second: Answer) -> Agreement:
    """A no holds whatever its reason, but whether two reasons are one is not sure."""
    ours, theirs = map(_behind, (first, second))
    if not (ours and theirs) or overlap.compare_words(ours, theirs)[0] >= SAME:
        return YES
    return Agreement(_BOTH_NO, settled=False)


def _behind(answer: Answer) -> dict[str, Term]:
    """What an answer adds to its yes or no."""
    return {word: term for word, term in answer.terms.items() if word not in _SAYING_YES}


def _compare_values_behind(first: Answer, second: Answer) -> Agreement | None:
    """Two numbers, dates or spans, where nothing else stands behind a yes."""
    if not (first.numbers and second.numbers):
        return None
    ours, theirs = (
        Answer(polarity.without_opening(answer.final), answer.question)
        for answer in (first, second)
    )
    if ours.pair is not None and theirs.pair is not None:
        both = ours.pair.first.kind == theirs.pair.first.kind  # `10 to 6` may be 10 am to 6 pm
        return _compare_pairs(ours, theirs) if both else None
    return values.compare_values(ours, theirs)


def _compare_choices(first: Answer, second: Answer) -> Agreement | None:
    if first.choice is None or second.choice is None:
        return None
    if first.choice.letters != second.choice.letters:
        return NO
    if first.choice.hedged != second.choice.hedged:
        return NO
    return YES


def _compare_identifiers(first: Answer, second: Answer) -> Agreement | None:
    """Versions, codes and telephone numbers, which are not compared by value."""
    for ours, theirs in (
        (first.addresses, second.addresses),
        (first.call_numbers, second.call_numbers),
        (first.identifiers, second.identifiers),
    ):
        if not (ours and theirs):
            continue
        short = identifiers.is_short(first.words) and identifiers.is_short(second.words)
        if ours.isdisjoint(theirs):
            for one, other in ((ours, theirs), (theirs, ours)):
                if ours is first.call_numbers and identifiers.may_be_one_line(one, other):
                    return Agreement(0.9, settled=False)
            return Agreement(0.0, settled=short)
        sure = ours is first.call_numbers or identifiers.are_long_numbers(ours)
        if sure and ours == theirs and short:
            return YES
    return None


def _compare_kinds(first: Answer, second: Answer) -> Agreement | None:
    """Refusals, acronyms, two spellings of a name, and names that changed their roles."""
    if first.declines and second.declines:
        return Agreement(0.9, settled=False)
    if (first.acronym and names.stands_for(first.acronym, second.words)) or (
        second.acronym and names.stands_for(second.acronym, first.words)
    ):
        return Agreement(0.9, settled=False)
    ours, theirs = first.full_name, second.full_name
    if ours and theirs and names.is_same_person(ours, theirs):
        return Agreement(0.9, settled=False)
    if first.joined != second.joined and names.same_but_for_vowels(first.joined, second.joined):
        return Agreement(0.6, settled=False)
    listed = first.parts is not None or second.parts is not None
    if not listed and _roles_are_swapped(first, second):
        return Agreement(0.3, settled=False)
    return None


def _roles_are_swapped(first: Answer, second: Answer) -> bool:
    found = {**first.names, **second.names}
    return names.roles_are_swapped(
        first.words, second.words, names=found
    ) or names.swapped_in_signs(first.final, second.final)


def _compare_lists(first: Answer, second: Answer) -> Agreement | None:
    if first.parts is None or second.parts is None or not (first.items and second.items):
        return None
    if sorted(first.items) == sorted(second.items):
        in_order = first.items == second.items or not (
            first.question.asks_for_order or all(map(conditions.is_in_steps, (first, second)))
        )
        return YES if in_order else Agreement(0.3, settled=True)
    ours, theirs = set(first.items), set(second.items)
    shared = len(ours & theirs)
    if shared == 0:
        if len(first.words) != len(second.words) or sorted(first.words) != sorted(second.words):
            return None
        # Germany 7, Brazil 1: the numbers have changed places.
        # Ann in Rome, Bob in Paris: each place is somebody's.
        named = len(first.capitalised) > 2 and not any(
            first.capitalised.issuperset(item.split()) for item in ours | theirs
        )
        return Agreement(APART, settled=False) if first.numbers or named else None
    by_words = _compare_terms(first, second).value
    if ours != theirs and (ours < theirs or theirs < ours) and _are_lists(first, second):
        by_words = min(by_words, _ITEM_REPLACED)  # one of them leaves something out
        return Agreement(by_words, settled=False)
    if by_words < 0.9 and len(ours) == len(theirs):
        by_words = min(by_words, _ITEM_REPLACED)  # one of them names something else
    return Agreement(max(by_words, 0.9 * shared / len(ours | theirs)), settled=False)


def _are_lists(first: Answer, second: Answer) -> bool:
    """Whether two lists name several things, and not one thing such as `Paris, France`."""
    items = {*(first.items or ()), *(second.items or ())}
    if any(item.startswith(("other ", "etc", "more")) for item in items):
        return False  # they are examples
    return first.enumerates or second.enumerates


def _compare_terms(first: Answer, second: Answer) -> Agreement:
    if first.joined == second.joined:
        return YES
    ours, theirs = rivals.terms_beside(first, second), rivals.terms_beside(second, first)
    chosen = not (ours and theirs)
    if chosen:  # one of the prompt's own words is the answer
        ours, theirs = first.all_terms, second.all_terms
    prose = (
        text.is_sentence(first.words)
        and text.is_sentence(second.words)
        and not rivals.answer_in_full(first, second)
    )
    same = overlap.about_the_same(first.all_terms.keys(), second.all_terms.keys()) if prose else 1.0
    value, against = overlap.compare_words(ours, theirs, prose=prose, about_the_same=same)
    if first.formula or second.formula or places.are_opposed(first, second):
        value *= 0.4
    if chosen and first.picks and second.picks:
        value = value if first.picks == second.picks else 0.0
    elif chosen and (
        first.picks != second.picks
        or (
            next(iter(ours), "") != next(iter(theirs), "")
            and not (
                max(len(first.words), len(second.words)) <= _FEW and overlap.both_deny(ours, theirs)
            )
        )
    ):
        value *= 0.5  # both name it, but perhaps only one chooses it
    elif (
        value >= SAME
        and first.question.alternatives is not None
        and max(len(first.words), len(second.words)) <= _FEW
        and {first.picks, second.picks} == {1, 2}
    ):
        value = APART
    return Agreement(value, settled=against > 0 and ours.keys() == theirs.keys())
