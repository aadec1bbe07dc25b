"""Do two answers say the same?

Compared is, in this order and as far as both answers have it: JSON by value; the normalised
text; numbers with units, dates and mathematics by value; yes and no; the letter of a choice;
lists regardless of order; and at last the words that the answers add to the prompt.
"""

import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from nemoguardrails_trust.agreement import (
    conditions,
    contrasts,
    dates,
    expressions,
    identifiers,
    languages,
    names,
    overlap,
    pairs,
    polarity,
    quantities,
    structures,
    text,
    units,
)
from nemoguardrails_trust.agreement.answers import Answer, Value
from nemoguardrails_trust.agreement.question import Question
from nemoguardrails_trust.agreement.words import stem

_log = logging.getLogger(__name__)

SAME = 0.5
"""From this value on, two answers count as the same."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far two answers say the same.

    Attributes:
        value: 0 (something else) to 1 (the same).
        settled: Whether plain comparing can tell; where not, `value` is its best guess.
        failure: The kind of error that kept them from being compared; `None` without one.
    """

    value: float
    settled: bool
    failure: str | None = None


_APART = 0.3
"""How far two answers agree that use the same words for different things."""
_ITEM_REPLACED = 0.45
"""Two lists of one length and with different items are at most this alike by their words."""

_ABOUT_THE_SAME = 0.45
"""The share of two sentences' words from which on they are about the same thing."""
_DECIMAL_COMMA = re.compile(r"[-+]?\d{1,9},\d{1,9}\.?")
_DECIMAL_POINT = re.compile(r"[-+]?\d{1,9}\.\d{1,9}\.?")

_YES = Agreement(1.0, settled=True)
_NO = Agreement(0.0, settled=True)


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
        return _YES
    try:
        return _compare(first, second)
    except Exception as error:  # noqa: BLE001 - no text may turn its own check off
        kind = type(error).__name__
        _log.warning("two answers could not be compared, and count as different: %s", kind)
        return Agreement(0.0, settled=False, failure=kind)


def _compare(first: Answer, second: Answer) -> Agreement:
    if first.blank or second.blank:
        return _YES if first.blank and second.blank else _NO
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
        formula = first.question.asks_for_a_formula
        return _NO if formula and identifiers.formulas_differ(first.final, second.final) else _YES
    found = _compare_choices(first, second) or _compare_number_words(first, second)
    if found is not None:
        return found
    found = (
        _compare_pairs(first, second)
        or _compare_values(first, second)
        or _compare_kinds(first, second)
        or _compare_stances(first, second)
        or _compare_lists(first, second)
        or _compare_numbers_in_prose(first, second)
        or _compare_terms(first, second)
    )
    if found.value >= SAME and contrasts.tells_apart(first, second):
        return Agreement(_APART, settled=False)
    return found


def _compare_structures(first: Answer, second: Answer) -> Agreement:
    if structures.same_value(first.structure, second.structure):
        return _YES
    ours, theirs = structures.fields(first.structure), structures.fields(second.structure)
    if not ours or not theirs:
        return _NO
    same = sum(
        1 for name in ours if name in theirs and structures.same_value(ours[name], theirs[name])
    )
    # Less than the same however many fields are right: an object is right as a whole.
    return Agreement(0.4 * same / len(ours.keys() | theirs.keys()), settled=True)


def _compare_number_words(first: Answer, second: Answer) -> Agreement | None:
    """A number in digits against the same in words of another language than English."""
    if not (first.numbers or second.numbers):
        return None
    # As they stand: of `cinquante-six`, a part is a number word of English, too.
    if first.has_digits == second.has_digits:
        return None
    spelled, other = (second, first) if first.has_digits else (first, second)
    own = text.tokens(spelled.folded)
    words = languages.in_digits(own, lambda number: f"{number}" in other.numbers)
    if words is None:
        return None
    return _compare_texts(Answer(" ".join(words), spelled.question), other)


def _compare_pairs(first: Answer, second: Answer) -> Agreement | None:
    """Two ranges, ratios or results."""
    if first.pair is None or second.pair is None:
        return None
    as_ratio = "ratio" in first.question.words
    return _YES if pairs.compare_pairs(first.pair, second.pair, as_ratio=as_ratio) else _NO


def _compare_values(first: Answer, second: Answer) -> Agreement | None:
    first, second = _with_point(first, second), _with_point(second, first)
    one, other = first.value, second.value
    if isinstance(one, expressions.Group) != isinstance(other, expressions.Group):
        # A tuple whose commas got lost reads as something else.
        one = (isinstance(other, expressions.Group) and first.spaced_value) or one
        other = (isinstance(one, expressions.Group) and second.spaced_value) or other
    if one is None or other is None:
        return None
    return _compare_known_values(first, second, one, other)


def _with_point(answer: Answer, other: Answer) -> Answer:
    """The answer, its comma written as the other writes its point: `12,5` beside `12.5`."""
    if _DECIMAL_COMMA.fullmatch(answer.final) and _DECIMAL_POINT.fullmatch(other.folded):
        return Answer(answer.final.replace(",", "."), answer.question)
    return answer


def _compare_known_values(
    first: Answer, second: Answer, one: Value, other: Value
) -> Agreement | None:
    if isinstance(one, dates.Date) or isinstance(other, dates.Date):
        ours, theirs = _as_date(first), _as_date(second)
        if ours is None or theirs is None:
            return None
        value, settled = dates.compare_dates(ours, theirs)
        return Agreement(value, settled)
    if isinstance(one, quantities.Quantity) and isinstance(other, quantities.Quantity):
        if one.label - other.label and other.label - one.label and one.label & other.label:
            return None  # the film of 2005 by one, and by another
        if bool(one.label) != bool(other.label):
            one, other = (_without_asked(side, first.question) for side in (one, other))
        return Agreement(quantities.compare_quantities(one, other), settled=True)
    ours_, theirs_ = _as_mathematics(one), _as_mathematics(other)
    if first.question.asks_for_order:
        ours_, theirs_ = map(expressions.in_order, (ours_, theirs_))
    if expressions.compare_mathematics(ours_, theirs_):
        return _YES
    if expressions.may_be_interval(ours_, theirs_):
        return Agreement(0.0, settled=False)
    for spaced, plain in ((first.spaced_value, theirs_), (second.spaced_value, ours_)):
        if spaced is not None and expressions.compare_mathematics(spaced, plain):
            return _YES
    return _NO


def _without_asked(number: quantities.Quantity, question: Question) -> quantities.Quantity:
    """A quantity of what the prompt asks for, whose words the other answer need not repeat."""
    own = frozenset(word for word in number.label if stem(word) not in question.stems)
    return replace(number, label=own)


def _as_date(answer: Answer) -> dates.Date | None:
    if isinstance(answer.value, dates.Date):
        return answer.value
    return dates.date(answer.folded)


def _as_mathematics(
    value: quantities.Quantity | dates.Date | expressions.Mathematics,
) -> expressions.Mathematics:
    if isinstance(value, quantities.Quantity):
        try:
            number = complex(float(value.plain))
        except OverflowError:
            number = complex("inf")
        return expressions.Expression((number, number, number))
    assert not isinstance(value, dates.Date)
    return value


def _compare_numbers_in_prose(first: Answer, second: Answer) -> Agreement | None:
    """A number against prose: what the prose starts with, or the last number that it adds."""
    one, other = first.leading_value, second.leading_value
    if one is not None and other is not None:
        return _compare_known_values(first, second, one, other)
    number, long = (one, second) if other is None else (other, first)
    if not isinstance(number, quantities.Quantity):
        return None
    if long.formula or len(long.words) <= len(long.numbers):
        # Digits that came apart, as some extractions leave them, may be the number.
        apart = "".join(long.words) == f"{number.plain}"
        return Agreement(SAME if apart else 0.0, settled=False)
    found = long.numbers
    found = [word for word in found if word not in long.question.words] or found
    if not found or number.label:
        return None
    last = _last_quantity(long, number, found)
    if last is None:
        return None
    bare = quantities.Quantity(number.plain, number.plain, digits=number.digits)
    value = quantities.compare_quantities(number if last.kind else bare, last)
    if text.is_number(long.words[0]):
        first_too = quantities.quantity(long.words[:1])
        value = max(value, quantities.compare_quantities(bare, first_too) if first_too else 0.0)
    if value >= SAME:
        return Agreement(0.9 * value, settled=False)
    among = any(
        quantity is not None and quantity.value == number.plain
        for quantity in map(quantities.quantity, ([word] for word in found))
    )
    return Agreement(0.4 if among else value, settled=False)


def _last_quantity(
    prose: Answer, number: quantities.Quantity, found: Sequence[str]
) -> quantities.Quantity | None:
    """The last of a prose's numbers, with its unit where the other number has one too."""
    if prose.question.asks_for_a_year and text.is_year(f"{number.plain}"):
        found = [word for word in found if text.is_year(word)] or found
    place = len(prose.words) - prose.words[::-1].index(found[-1])
    if number.kind is not None and place < len(prose.words):
        unit = prose.words[place]
        if units.is_unit(unit):
            return quantities.quantity([found[-1], unit])
    return quantities.quantity(found[-1:])


def _compare_stances(first: Answer, second: Answer) -> Agreement | None:
    ours, theirs = first.stance, second.stance
    if ours is None and theirs is None:
        return None
    said = first.said_stance is not None and second.said_stance is not None
    # Beside a plain yes or no, a repeated question is one in any language.
    ours = first.implied_stance if ours is None else ours
    theirs = second.implied_stance if theirs is None else theirs
    if ours is None or theirs is None:
        return None
    if ours != theirs:
        return _NO
    bare = min(len(first.words), len(second.words)) <= 3
    if bare or (said and first.question.asks_yes_or_no):
        return _YES
    return Agreement(max(0.6, _compare_terms(first, second).value), settled=False)


def _compare_choices(first: Answer, second: Answer) -> Agreement | None:
    if first.choice is None or second.choice is None:
        return None
    if first.choice.letters != second.choice.letters:
        return _NO
    if first.choice.hedged != second.choice.hedged:
        return _NO
    return _YES


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
            return _YES
    return None


def _compare_kinds(first: Answer, second: Answer) -> Agreement | None:
    """Refusals, acronyms, two spellings of a name, and names that changed their roles."""
    if first.declines and second.declines:
        return Agreement(0.9, settled=False)
    if names.is_acronym(first.final, second.words) or names.is_acronym(second.final, first.words):
        return Agreement(0.9, settled=False)
    if names.is_same_person(first.full_name, second.full_name):
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
        return _YES if in_order else Agreement(0.3, settled=True)
    ours, theirs = set(first.items), set(second.items)
    shared = len(ours & theirs)
    if shared == 0:
        # Germany 7, Brazil 1: the numbers have changed places.
        apart = bool(first.numbers) and sorted(first.words) == sorted(second.words)
        return Agreement(_APART, settled=False) if apart else None
    by_words = _compare_terms(first, second).value
    if by_words < 0.9 and len(ours) == len(theirs):
        by_words = min(by_words, _ITEM_REPLACED)  # one of them names something else
    return Agreement(max(by_words, 0.9 * shared / len(ours | theirs)), settled=False)


def _about_the_same(first: Answer, second: Answer) -> float:
    """How far two sentences are about the same thing, by their words and the prompt's."""
    ours, theirs = first.bases, second.bases
    shared = 2 * len(ours & theirs) / max(1, len(ours) + len(theirs))
    return min(1.0, shared / _ABOUT_THE_SAME)


def _compare_terms(first: Answer, second: Answer) -> Agreement:
    if first.joined == second.joined:
        return _YES
    ours, theirs = first.terms, second.terms
    chosen = not (ours and theirs)
    if chosen:  # one of the prompt's own words is the answer
        ours, theirs = first.all_terms, second.all_terms
    prose = text.is_sentence(first.words) and text.is_sentence(second.words)
    same = _about_the_same(first, second) if prose else 1.0
    value, against = overlap.compare_words(ours, theirs, prose=prose, about_the_same=same)
    if first.formula or second.formula or polarity.at_opposite_poles(first.poles, second.poles):
        value *= 0.4
    if chosen and first.picks and second.picks:
        value = value if first.picks == second.picks else 0.0
    elif chosen and next(iter(ours), "") != next(iter(theirs), ""):
        value *= 0.5  # both name it, but perhaps only one chooses it
    return Agreement(value, settled=against > 0 and ours.keys() == theirs.keys())
