"""Two answers compared by the numbers, dates and mathematics that they give."""

import re
from collections.abc import Sequence
from dataclasses import replace

from nemoguardrails_trust.agreement import (
    bounds,
    dates,
    equivalents,
    expressions,
    quantities,
    text,
    units,
)
from nemoguardrails_trust.agreement.answers import Answer, Value
from nemoguardrails_trust.agreement.question import Question
from nemoguardrails_trust.agreement.result import NO, SAME, YES, Agreement
from nemoguardrails_trust.agreement.words import stem

_CALCULATION = re.compile(r"[^\w-]*[\d.,]+\s*[-+*/=×÷]")
_AT_AN_END = 0.4
"""How far `below 8` and `2-8` agree."""
_A_NUMBER = 4
"""Most words of an answer that is but a number."""
_MOST_OF_IT = 0.5
_WORKED_OUT = text.word_set(
    "percent percentage change growth average ratio increase decrease difference calculate compute"
    " portion share proportion"
)
# Not behind an initial or a title.
_SENTENCES = re.compile(
    r"(?<=[\w%)][a-z\d%)\"'][.!?])(?<!\b[DMSJN][rsto]\.)(?<!\bMrs\.)(?<!\bProf\.)\s+(?=[A-Z])"
)
_DECIMAL_COMMA = re.compile(r"[-+]?\d{1,9},\d{1,9}\.?")
_DECIMAL_POINT = re.compile(r"[-+]?\d{1,9}\.\d{1,9}\.?")


def compare_values(first: Answer, second: Answer) -> Agreement | None:
    """Two numbers, dates or pieces of mathematics; `None` where not both answers give one."""
    if "," in first.final or "," in second.final:
        first, second = _with_point(first, second), _with_point(second, first)
    one, other = first.value, second.value
    if one is None and other is None:
        return None
    if isinstance(one, expressions.Group) != isinstance(other, expressions.Group):
        # A tuple whose commas got lost reads as something else.
        one = (isinstance(other, expressions.Group) and first.spaced_value) or one
        other = (isinstance(one, expressions.Group) and second.spaced_value) or other
    if one is None or other is None:
        return None
    return _compare_known_values(first, second, one, other)


def _with_point(answer: Answer, other: Answer) -> Answer:
    """The answer, its comma written as the other writes its point: `12,5` beside `12.5`."""
    if (
        "," in answer.final
        and _DECIMAL_COMMA.fullmatch(answer.final)
        and _DECIMAL_POINT.fullmatch(other.folded)
    ):
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
            one, other = (without_asked(side, first.question) for side in (one, other))
        value = quantities.compare_quantities(one, other)
        if value < SAME and not _WORKED_OUT.isdisjoint(first.question.words):
            rounded = quantities.may_be_rounded(one, other)
            return Agreement(0.6 if rounded else value, settled=not rounded)
        doubtful = bounds.may_agree(one.bound, other.bound) or quantities.may_be_equal(one, other)
        return Agreement(value, settled=not doubtful)
    ours_, theirs_ = _as_mathematics(one), _as_mathematics(other)
    if first.question.asks_for_order:
        ours_, theirs_ = map(expressions.in_order, (ours_, theirs_))
    if expressions.compare_mathematics(ours_, theirs_):
        return YES
    if expressions.may_be_interval(ours_, theirs_):
        return Agreement(0.0, settled=False)
    for spaced, plain in ((first.spaced_value, theirs_), (second.spaced_value, ours_)):
        if spaced is not None and expressions.compare_mathematics(spaced, plain):
            return YES
    return NO


def without_asked(number: quantities.Quantity, question: Question) -> quantities.Quantity:
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


def compare_numbers_in_prose(first: Answer, second: Answer) -> Agreement | None:
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
    if _is_range(long):
        ends = (long.pair.first, long.pair.second) if long.pair else ()
        at_an_end = any(end.plain == number.plain for end in ends)
        return Agreement(_AT_AN_END if at_an_end else 0.0, settled=False)
    found = long.numbers
    found = [word for word in found if word not in long.question.words] or found
    short = first if long is second else second
    at_once = _told_at_once(long, found) if len(short.words) <= _A_NUMBER else None
    if not found or (number.label and at_once is None):
        return None
    last = _last_quantity(long, number, found if at_once is None else [at_once])
    if last is None:
        return None
    bare = quantities.Quantity(number.plain, number.plain, digits=number.digits)
    value = quantities.compare_quantities(number if last.kind else bare, last)
    if text.is_number(long.words[0]) and _CALCULATION.match(long.folded) is None:
        first_too = quantities.quantity(long.words[:1])
        value = max(value, quantities.compare_quantities(bare, first_too) if first_too else 0.0)
    if value >= SAME:
        return Agreement(0.9 * value, settled=False)
    among = any(
        quantity is not None and quantity.value == number.plain
        for quantity in map(quantities.quantity, ([word] for word in found))
    )
    return Agreement(0.4 if among else value, settled=False)


def _is_range(answer: Answer) -> bool:
    """Whether it is `2-8 degrees`, of which neither end is the whole; a span of years has both."""
    pair = answer.pair
    if pair is None or pair.share or pair.are_years:
        return False
    return pair.first.kind == pair.second.kind and pair.first.plain < pair.second.plain


def _told_at_once(prose: Answer, found: Sequence[str]) -> str | None:
    """The only number of its own in a first sentence that repeats the question, and more follow."""
    asked, first, *more = prose.question.content, *_SENTENCES.split(prose.final, maxsplit=1)
    if not (asked and more):
        return None
    words = Answer(first, prose.question).words
    own = set(found).intersection(words)
    if len(own) != 1 or len(asked.intersection(map(stem, words))) < _MOST_OF_IT * len(asked):
        return None
    return own.pop()


def _last_quantity(
    prose: Answer, number: quantities.Quantity, found: Sequence[str]
) -> quantities.Quantity | None:
    """The last of a prose's numbers, with its unit where the other number has one too."""
    if prose.question.asks_for_a_year and text.is_year(f"{number.plain}"):
        found = [word for word in found if text.is_year(word)] or found
    if number.kind is not None:
        alike = {
            measure.quantity
            for measure in equivalents.measures(prose.words)
            if measure.quantity.kind == number.kind
        }
        if len(alike) == 1:
            return alike.pop()
    place = len(prose.words) - prose.words[::-1].index(found[-1])
    if number.kind is not None and place < len(prose.words):
        unit = prose.words[place]
        if units.is_unit(unit):
            return quantities.quantity([found[-1], unit])
    return quantities.quantity(found[-1:])
