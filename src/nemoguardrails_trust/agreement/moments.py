"""Days and spans told from today: `next Tuesday` is not `this Tuesday`."""

import re
from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise

from nemoguardrails_trust.agreement import bounds
from nemoguardrails_trust.agreement.answers import Answer
from nemoguardrails_trust.agreement.text import MOMENTS, MONTH_NAMES, WEEK, is_number

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
_PARTS = {"morning": 0, "afternoon": 1, "evening": 2, "night": 2}
"""Nobody says for sure where an evening ends."""
_RANGE = re.compile(
    rf"\b({'|'.join(WEEK)})s?(?: ?- ?| (?:to|through|thru|until|till) )({'|'.join(WEEK)})\b"
)
_SHORT = 14
"""Most words of an answer that says nothing but when."""
BEYOND = frozenset(("before", "after"))
_UNSURE = bounds.WORDS | {"by", "from", "to", "till", "through", "between", "around", "about"}
_NEARLY = frozenset(("not", "just", "shortly", "right", "immediately", "soon", "until"))
_LEADING = frozenset((*MONTH_NAMES, "the", "of"))
_YEARS = range(1000, 2100)


def other_days(first: Answer, second: Answer) -> bool:
    """Whether two short answers name other days of the week, or other parts of the day."""
    if not (first.moments and second.moments) or max(len(first.words), len(second.words)) > _SHORT:
        return False
    ours, theirs = _days(first), _days(second)
    if ours and theirs and ours != theirs:
        return True
    ours, theirs = (
        {_PARTS[word] for word in answer.moments & _PARTS.keys()} for answer in (first, second)
    )
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


def beyond_one(first: Answer, second: Answer) -> bool:
    """Whether one says `after 5 May`, and the other just `5 May`."""
    if max(len(first.words), len(second.words)) > _SHORT:
        return False
    ours, theirs = _points(first.words), _points(second.words)
    return any(
        "" in told | theirs[point] and told.isdisjoint(theirs[point])
        for point, told in ours.items()
        if point in theirs and point not in first.question.words
    )


def _points(words: Sequence[str]) -> dict[str, set[str]]:
    """The days, times and years among words, each with `before`, `after` or nothing.

    One that is a limit of another kind, as in `by 5 May`, may be the day itself, and is left out.
    """
    found: defaultdict[str, set[str]] = defaultdict(set)
    unsure: set[str] = set()
    for place, word in enumerate(words):
        if not _is_point(words, place):
            continue
        start = place
        while start and words[start - 1] in _LEADING:
            start -= 1
        leading = words[start - 1] if start else ""
        if leading in BEYOND and (start < 2 or words[start - 2] not in _NEARLY):
            found[word].add(leading)
        elif leading in _UNSURE:
            unsure.add(word)
        else:
            found[word].add("")
    return {point: told for point, told in found.items() if point not in unsure}


def _is_point(words: Sequence[str], place: int) -> bool:
    """Whether a word is a day of the week, or the number of a day, a time or a year."""
    if words[place] in WEEK:
        return True
    if not is_number(words[place]):
        return False
    following = [word for word in words[place + 1 : place + 3] if word != "of"][:1]
    if following and (following[0] in MONTH_NAMES or following[0] == "oclock"):
        return True
    if place and words[place - 1] in MONTH_NAMES:
        return True
    is_year = words[place].isdecimal() and int(words[place]) in _YEARS
    return is_year and not following
