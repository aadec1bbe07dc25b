"""What the words of two answers share, by weight, and what of it is opposed."""

import math
from collections.abc import Collection, Set

from nemoguardrails_trust.agreement import polarity, spelling, text
from nemoguardrails_trust.agreement.words import NAMES, Term

_COMPATIBLE = 0.3
"""How far two sentences agree that share nothing and do not contradict each other."""
_ABOUT_THE_SAME = 0.45
"""The share of two sentences' words from which on they are about the same thing."""
_PARTLY_DENIED = 0.45
"""The most that two answers agree of which one denies much of what the other says."""
_MUCH = 1 / 3
_MOST_PAIRS = 144
"""Pairs of unlike words up to which slips of spelling are looked for."""


def about_the_same(ours: Set[str], theirs: Set[str]) -> float:
    """How far two sentences are about the same thing, 0 to 1, by their words and the prompt's."""
    shared = 2 * len(ours & theirs) / max(1, len(ours) + len(theirs))
    return min(1.0, shared / _ABOUT_THE_SAME)


def compare_words(
    ours: dict[str, Term],
    theirs: dict[str, Term],
    *,
    prose: bool = False,
    about_the_same: float = 1.0,
) -> tuple[float, float]:
    """How far the words of two answers agree, and what share of those is opposed.

    Args:
        ours: The terms of one.
        theirs: Those of the other.
        prose: Whether both are whole sentences, which may well both be true although they share
            few words, as long as neither names or counts what the other does not.
        about_the_same: How far the sentences are about the same thing, 0 to 1.
    """
    left, right = dict(ours), dict(theirs)
    for word in ours.keys() & theirs.keys():
        del left[word], right[word]
    overlap, dice, against = _overlap(ours, theirs, left, right)
    # Above 0.99, one says all that the other says, and perhaps more.
    value = 0.9 + 0.1 * dice if overlap > 0.99 else 0.35 * (overlap + dice)
    if _each_has_its_own(left, right):
        value *= 0.4
        if prose:
            # Each names something else; that contradicts as far as they are about the same thing.
            value += (1.0 - about_the_same) * max(0.0, _COMPATIBLE - value)
    elif prose:
        value = max(value, _COMPATIBLE + 0.5 * value)
    value *= 1.0 - against
    return (min(value, _PARTLY_DENIED) if against >= _MUCH else value), against


def _overlap(
    ours: dict[str, Term], theirs: dict[str, Term], left: dict[str, Term], right: dict[str, Term]
) -> tuple[float, float, float]:
    """What two answers share, by weight.

    Given as a share of the shorter one, as a share of both, and as the share of it that one of
    them negates.
    """
    shared: list[float] = []
    turned: list[float] = []
    by_itself = False
    for word in ours.keys() - left.keys():
        (weight, negated, opposite), other = ours[word], theirs[word]
        weight = max(weight, other.weight)
        shared.append(weight)
        if negated != other.negated:
            turned.append(weight)
            by_itself = by_itself or opposite != other.opposite
    # Summed without rounding, so that it is the same either way round.
    matched = math.fsum(shared)
    # What one turns round by itself (`safe`, `unsafe`) turns the whole.
    against = matched if by_itself else math.fsum(turned)
    alike = _alike(left, right) if left and len(left) * len(right) <= _MOST_PAIRS else []
    if alike:
        left, right = _levelled(left, right, alike)
    total_ours = matched + sum([term.weight for term in left.values()])
    total_theirs = matched + sum([term.weight for term in right.values()])
    if alike:
        near, near_against = _near_matches(left, right, alike)
        matched += near
        against += near_against
    if not matched:
        return 0.0, 0.0, 0.0
    overlap = min(1.0, matched / min(total_ours, total_theirs))
    dice = min(1.0, 2 * matched / (total_ours + total_theirs))
    return overlap, dice, min(1.0, against / matched)


_Alike = list[tuple[float, bool, str, str]]


def _levelled(
    ours: dict[str, Term], theirs: dict[str, Term], alike: _Alike
) -> tuple[dict[str, Term], dict[str, Term]]:
    """With one weight for each two that may be one word, as `Photosynthsis` at a sentence's start.

    It is the greater of both, as for words that are spelled alike.
    """
    levelled, other_levelled = dict(ours), dict(theirs)
    for _, opposed, other, word in alike:
        weight = max(ours[word].weight, theirs[other].weight)
        if opposed or text.is_number(word):
            continue
        levelled[word] = levelled[word]._replace(weight=max(weight, levelled[word].weight))
        other_levelled[other] = other_levelled[other]._replace(
            weight=max(weight, other_levelled[other].weight)
        )
    return levelled, other_levelled


def _near_matches(
    ours: dict[str, Term], theirs: dict[str, Term], alike: _Alike
) -> tuple[float, float]:
    """The weight of words with an opposite or a near match, and what of it is opposed."""
    back = [(likeness, opposed, word, other) for likeness, opposed, other, word in alike]
    # Either way round, since a word may be like several.
    near, against = _best_matches(alike, ours, theirs)
    near_too, against_too = _best_matches(back, theirs, ours)
    return (near + near_too) / 2, (against + against_too) / 2


def _best_matches(
    alike: _Alike, ours: dict[str, Term], theirs: dict[str, Term]
) -> tuple[float, float]:
    best: dict[str, tuple[float, bool, str]] = {}
    for likeness, opposed, other, word in alike:
        best[word] = max(best.get(word, (0.0, False, "")), (likeness, opposed, other))
    matched, against = [], []
    for word, (likeness, opposed, other) in best.items():
        weight = min(ours[word].weight, theirs[other].weight) * likeness
        matched.append(weight)
        if (ours[word].negated == theirs[other].negated) == opposed:
            against.append(weight)
    # Summed without rounding, so that the order of the words makes no difference.
    return math.fsum(matched), math.fsum(against)


def _alike(ours: Collection[str], theirs: Collection[str]) -> _Alike:
    """All pairs of like or opposed words: how like, whether opposed, their word, our word.

    Only words that may be a pair are looked at, since of most texts no two are.
    """
    found = []
    by_letter: dict[str, list[str]] = {}
    for other in theirs:
        if len(other) >= spelling.SHORTEST_LIKE:
            by_letter.setdefault(other[0], []).append(other)
        if bases := polarity.without_prefix(other):
            found += [(1.0, True, other, base) for base in bases if base in ours]
    for word in ours:
        if len(word) >= spelling.SHORTEST_LIKE:
            for other in by_letter.get(word[0], ()):
                if likeness := spelling.likeness(word, other):
                    found.append((likeness, False, other, word))
        if bases := polarity.without_prefix(word):
            found += [(1.0, True, base, word) for base in bases if base in theirs]
    return found


def name_others(ours: dict[str, Term], theirs: dict[str, Term]) -> bool:
    """Whether each has a name that is none of the other's, not even in another spelling."""
    one, other = (
        [word for word, term in left.items() if term.weight >= NAMES and word not in right]
        for left, right in ((ours, theirs), (theirs, ours))
    )
    one, other = ([word for word in side if not text.is_number(word)] for side in (one, other))
    return bool(one and other) and not any_alike(one, other)


def _each_has_its_own(left: dict[str, Term], right: dict[str, Term]) -> bool:
    """Whether of the words that are in one only, each has a name, or each a number."""
    ours = [word for word, term in left.items() if term.weight >= NAMES]
    if not ours:
        return False
    theirs = [word for word, term in right.items() if term.weight >= NAMES]
    if not theirs:
        return False
    names, numbers = _names_and_numbers(ours)
    other_names, other_numbers = _names_and_numbers(theirs)
    if names and other_names and not any_alike(names, other_names):
        return True
    return bool(numbers and other_numbers) and not any_alike(numbers, other_numbers)


def _names_and_numbers(words: list[str]) -> tuple[list[str], list[str]]:
    numbers = [word for word in words if word[-1:].isdecimal() and text.is_number(word)]
    return [word for word in words if word not in numbers] if numbers else words, numbers


def any_alike(ours: Collection[str], theirs: Collection[str]) -> bool:
    """Whether a word of one side may be a word of the other in another spelling."""
    for word in ours:
        for other in theirs:
            if word[0] == other[0] and spelling.likeness(word, other):
                return True
    return False


def both_deny(ours: dict[str, Term], theirs: dict[str, Term]) -> bool:
    """Whether there is a word that both turn into its opposite."""
    return any(ours[word].negated and theirs[word].negated for word in ours.keys() & theirs.keys())
