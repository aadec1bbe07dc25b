"""Limits: whether what is meant lies below a number or above it, and may be the number itself."""

import re
from collections import defaultdict
from collections.abc import Sequence

BOUNDS = {
    **dict.fromkeys(("under", "below", "less", "fewer"), "<"),
    **dict.fromkeys(("over", "above", "more", "greater"), ">"),
    "most": "<=",
    "least": ">=",
    # Of a point in time, nobody means the difference.
    **dict.fromkeys(("before", "until", "within"), "<~"),
    **dict.fromkeys(("after", "since"), ">~"),
    "plusminus": "±",
}
WORDS = frozenset(BOUNDS)
_IN_PROSE = BOUNDS | {"from": ">~"}
_STRICT = frozenset("<>")
_ONE_ONLY = 0.8
_BUT_FOR_THE_LIMIT = 0.4
"""How far `at least 18` and `over 18` agree, which differ in a single case."""
_BEFORE_NUMBER = re.compile(
    rf"\b({'|'.join(sorted(_IN_PROSE.keys() - {'less', 'fewer', 'more', 'greater'}))})"
    r" (?:(?:the )?(?:age of |age |week |day |month ))?(-?\d+(?:\.\d+)?)(?![\w.])"
)


def agree(first: str, second: str) -> float:
    """How far two limits agree, 0 to 1.

    Args:
        first: One of the values of `BOUNDS`; empty for a number that is none.
        second: Another.
    """
    if first == second:
        return 1.0
    if "±" in (first, second):
        return 0.0
    if not first or not second:
        return _ONE_ONLY
    if first[0] != second[0]:
        return 0.0
    return 1.0 if "~" in first + second else _BUT_FOR_THE_LIMIT


def may_agree(first: str, second: str) -> bool:
    """Whether they differ in a single case only, so that it is not sure that they do."""
    return agree(first, second) == _BUT_FOR_THE_LIMIT


def limits(words: Sequence[str]) -> dict[str, set[str]]:
    """The numbers among words that are limits, each with what it is."""
    if _IN_PROSE.keys().isdisjoint(words):
        return {}
    found: defaultdict[str, set[str]] = defaultdict(set)
    for word, number in _BEFORE_NUMBER.findall(" ".join(words)):
        found[number].add(_IN_PROSE[word])
    return found


def differ(first: dict[str, set[str]], second: dict[str, set[str]]) -> bool:
    """Whether two texts give the same number as different limits."""
    return any(
        all(agree(one, other) < 1.0 for one in first[number] for other in second[number])
        for number in first.keys() & second.keys()
    )


def strict(found: dict[str, set[str]]) -> set[str]:
    """The numbers that are themselves beyond their limit, as in `over 18`."""
    return {number for number, kinds in found.items() if kinds <= _STRICT}


def has_tolerance(found: dict[str, set[str]]) -> bool:
    """Whether one of the numbers says how far another may be off, as in `10 ± 2 mm`."""
    return any("±" in kinds for kinds in found.values())
