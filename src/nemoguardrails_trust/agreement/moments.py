"""Days and spans told from today: `next Tuesday` is not `this Tuesday`."""

from itertools import pairwise

from nemoguardrails_trust.agreement import text
from nemoguardrails_trust.agreement.answers import Answer

_FROM_TODAY = {
    **dict.fromkeys(("next", "coming", "following", "upcoming"), "next"),
    **dict.fromkeys(("last", "past", "previous"), "last"),
    "this": "this",
}
_SPANS = text.word_set(
    "monday tuesday wednesday thursday friday saturday sunday week weekend month quarter year"
    " spring summer autumn fall winter morning afternoon evening night semester season"
).union(text.MONTH_NAMES)


def other_moment(first: Answer, second: Answer) -> bool:
    """Whether one says `next week` where the other says `this week`."""
    if _SPANS.isdisjoint(first.words) or _SPANS.isdisjoint(second.words):
        return False
    ours, theirs = _moments(first), _moments(second)
    return any(theirs.get(span, told) != told for span, told in ours.items())


def _moments(answer: Answer) -> dict[str, str]:
    """Each span that is told from today, with where it lies."""
    return {
        span: _FROM_TODAY[word]
        for word, span in pairwise(answer.words)
        if span in _SPANS and word in _FROM_TODAY
    }
