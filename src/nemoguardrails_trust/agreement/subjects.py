"""Statements in the same words about different people and things."""

from collections.abc import Sequence

from nemoguardrails_trust.agreement import text
from nemoguardrails_trust.agreement.answers import Answer

_SHORTEST_NAME = 2
"""Words of a name; a single one at the start has its capital letter in any case."""
_LONGEST_NAME = 6
_SAME_WORDS = 3
"""How many words after the name must be the same."""


def other_subject(first: Answer, second: Answer) -> bool:
    """Whether both begin with a name, and say with the same words something of another one.

    So they do in `Harrison Ford was first cast as the hero` and `Tom Selleck was first cast as the
    hero, but Harrison Ford got the part`.
    """
    ours, theirs = _subject(first), _subject(second)
    if not ours or not theirs or not ours.isdisjoint(theirs):
        return False
    told, other = (
        _behind(answer.words, name) for answer, name in ((first, ours), (second, theirs))
    )
    if len(told) < _SAME_WORDS or told != other:
        return False
    return ours.isdisjoint(second.words) or theirs.isdisjoint(first.words)


def _subject(answer: Answer) -> frozenset[str]:
    """The words of the name that an answer begins with; none where it begins with no name."""
    name: list[str] = []
    for word in answer.words[: _LONGEST_NAME + 1]:
        if not name and (word in text.ARTICLES or word in text.TITLES):
            continue
        if word not in answer.capitalised or word in text.STOP_WORDS:
            break
        name.append(word)
    fits = _SHORTEST_NAME <= len(name) <= _LONGEST_NAME
    return frozenset(name) if fits else frozenset()


def _behind(words: Sequence[str], name: frozenset[str]) -> Sequence[str]:
    """The words that follow the name."""
    start = next(place for place, word in enumerate(words) if word in name) + len(name)
    return words[start : start + _SAME_WORDS]
