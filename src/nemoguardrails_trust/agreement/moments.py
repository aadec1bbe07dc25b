"""Days and spans told from today: `next Tuesday` is not `this Tuesday`."""

import re
from itertools import pairwise

from nemoguardrails_trust.agreement.answers import Answer
from nemoguardrails_trust.agreement.text import MOMENTS, WEEK

_FROM_TODAY = {
    **dict.fromkeys(("next", "coming", "following", "upcoming"), "next"),
    **dict.fromkeys(("last", "past", "previous"), "last"),
    "this": "this",
}
_DAYS = {
    **{day: frozenset([place]) for place, day in enumerate(WEEK)},
    "weekdays": frozenset(range(5)),
    "weekends": frozenset((5, 6)),
}
_RANGE = re.compile(
    rf"\b({'|'.join(WEEK)})s?(?: ?- ?| (?:to|through|thru|until|till) )({'|'.join(WEEK)})\b"
)
_SHORT = 14
"""Most words of an answer that says nothing but when."""


def other_days(first: Answer, second: Answer) -> bool:
    """Whether two short answers name other days of the week."""
    if not (first.moments and second.moments) or max(len(first.words), len(second.words)) > _SHORT:
        return False
    ours, theirs = _days(first), _days(second)
    return bool(ours and theirs) and ours != theirs


def _days(answer: Answer) -> set[int]:
    days = {day for word in answer.words for day in _DAYS.get(word, ())}
    for start, end in _RANGE.findall(answer.folded):
        low, high = WEEK.index(start), WEEK.index(end)
        days |= {day % len(WEEK) for day in range(low, high + 1 + len(WEEK) * (high < low))}
    return days


def other_moment(first: Answer, second: Answer) -> bool:
    """Whether one says `next week` where the other says `this week`."""
    if not (first.moments and second.moments):
        return False
    ours, theirs = _moments(first), _moments(second)
    return any(theirs.get(span, told) != told for span, told in ours.items())


def _moments(answer: Answer) -> dict[str, str]:
    """Each span that is told from today, with where it lies."""
    return {
        span: _FROM_TODAY[word]
        for word, span in pairwise(answer.words)
        if span in MOMENTS and word in _FROM_TODAY
    }
