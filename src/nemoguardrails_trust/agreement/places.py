"""Two things that have changed their places: what comes first, and what is done to which."""

import re
from collections.abc import Sequence, Set

from nemoguardrails_trust.agreement import names, polarity, structures, text
from nemoguardrails_trust.agreement.answers import Answer
from nemoguardrails_trust.agreement.words import stem

_LONGEST = 40
"""Most words of which the order is looked at."""
_STEM_ELSEWHERE = 5
"""Letters to which words of other languages are cut, since their endings change."""
_ELSEWHERE = frozenset(
    word[:_STEM_ELSEWHERE]
    for word in text.word_set(
        "a nach zu para в во до na do naar til till puis ensuite dann danach luego despues poi"
        " depois потом затем potem"
    )
)
"""What other languages have for `to` and `then`."""
# Between two things, these say which of them comes first, or what is done to which.
_DIRECTED = text.word_set("to from then than before after into over by for under until through")
_SYMMETRIC = names.MUTUAL | text.word_set("and or also with called named known means mean located")
_OWNER = re.compile(r"\b(\w+)'s (\w+)")
_MOST_MARKS = 6
SHORT = 12
"""Most words of an answer that compares two things only, and turns on a single word."""


def are_opposed(first: Answer, second: Answer) -> bool:
    """Whether one says `before` where the other says `after`, of the same things in one order."""
    ours, theirs = first.poles, second.poles
    if not (ours and theirs):
        return False
    short = max(len(first.words), len(second.words)) <= SHORT
    if not short:
        ours, theirs = ours - polarity.IN_SHORT, theirs - polarity.IN_SHORT
    if not polarity.at_opposite_poles(ours, theirs):
        return False
    return not (short and polarity.are_converse(first.words, second.words, ours, theirs))


def changed_places(first: Answer, second: Answer) -> bool:
    """Whether two things have changed their places about a word that relates them.

    So they have in `from Paris to Rome` and `from Rome to Paris`, but not in `Paris is the
    capital` and `the capital is Paris`.
    """
    elsewhere = first.question.is_elsewhere
    ours, theirs = (
        [word[:_STEM_ELSEWHERE] for word in answer.words]
        if elsewhere
        else [word for word in answer.words if word not in text.ARTICLES]
        for answer in (first, second)
    )
    if len(ours) != len(theirs) or not 3 <= len(ours) <= _LONGEST or sorted(ours) != sorted(theirs):
        return False
    in_order = _ELSEWHERE if elsewhere else {"then", "to"}
    if first.parts is not None and in_order.isdisjoint(ours):
        return False
    start = 0
    while start < len(ours) and ours[start] == theirs[start]:
        start += 1
    end = len(ours)
    while end > start and ours[end - 1] == theirs[end - 1]:
        end -= 1
    return _is_swap(ours[start:end], theirs[start:end], elsewhere=elsewhere)


def _is_swap(ours: Sequence[str], theirs: Sequence[str], *, elsewhere: bool) -> bool:
    """Whether they are `x relation y` and `y relation x`."""
    for left in range(1, len(ours) - 1):
        for right in range(left + 1, len(ours)):
            relation = ours[left:right]
            if [*ours[right:], *relation, *ours[:left]] == theirs and (
                _relates(relation) or (elsewhere and not _ELSEWHERE.isdisjoint(relation))
            ):
                return True
    return False


def _relates(words: Sequence[str]) -> bool:
    if not _SYMMETRIC.isdisjoint(words):
        return False
    return any(word in _DIRECTED or word not in text.STOP_WORDS for word in words)


def marks_changed_places(first: Answer, second: Answer) -> bool:
    """Whether they tell the same of two numbers or names, but of each what the other has."""
    marks, by_name = set(first.numbers), False
    if not marks and {*first.words} == {*second.words} and len(first.words) <= _LONGEST:
        marks, by_name = set(first.capitalised - text.STOP_WORDS).intersection(first.words), True
    others = second.capitalised.intersection(second.words) if by_name else set(second.numbers)
    if not 2 <= len(marks) <= _MOST_MARKS or marks != others - text.STOP_WORDS:
        return False
    if by_name and sorted(first.items or ()) == sorted(second.items or ("",)):
        return False
    if all(structures.is_numbered(answer.final) for answer in (first, second)):
        return False  # they number the items of a list
    same = crossed = 0
    sides = list(zip(_beside(first, marks), _beside(second, marks), strict=True))
    # Behind names may stand what is done by them, or to them.
    for ours, theirs in sides[:1] if by_name else sides:
        for mark, words in ours.items():
            if words & theirs[mark]:
                same += 1
            elif any(words & others for others in theirs.values()):
                crossed += 1
    return crossed > 1 and not same


def _beside(answer: Answer, marks: Set[str]) -> tuple[dict[str, set[str]], dict[str, set[str]]]:
    """The words in front of each mark and behind it, but for those that stand at each."""
    before: dict[str, set[str]] = {mark: set() for mark in marks}
    behind: dict[str, set[str]] = {mark: set() for mark in marks}
    passed: set[str] = set()
    last = None
    for word in answer.words:
        if word in marks:
            before[word] |= passed
            passed, last = set(), word
        elif word not in text.STOP_WORDS:
            passed.add(stem(word))
            if last is not None:
                behind[last].add(stem(word))
    for side in (before, behind):
        common = set.intersection(*side.values())
        for words in side.values():
            words -= common
    return before, behind


def owners_changed_places(first: Answer, second: Answer) -> bool:
    """Whether they name `my mother's brother` and `my brother's mother`.

    Or one says that Ann is Ben's daughter, and the other that Ben is Ann's.
    """
    if "'" not in first.folded or "'" not in second.folded:
        return False
    ours, theirs = (_OWNER.findall(answer.folded) for answer in (first, second))
    return any(
        (owner, owned) == (thing, other)
        or (owned == thing and owner != other and owner in second.words and other in first.words)
        for owner, owned in ours
        for other, thing in theirs
    )


def other_steps(first: Answer, second: Answer) -> bool:
    """Whether what is to be done begins with the same words in another order."""
    if not first.question.asks_how or first.parts is None or second.parts is None:
        return False
    ours, theirs = (
        [item.lower().split(" ") for item in parts] for parts in (first.parts, second.parts)
    )
    heads, others = ([item[0] for item in items] for items in (ours, theirs))
    is_done = len(ours) > 2 and all(len(item) > 1 for item in ours)
    return is_done and heads != others and sorted(heads) == sorted(others)
