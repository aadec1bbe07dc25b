"""Under what conditions two answers of one kind hold: limits, restrictions, prices, what is off."""

import re
from collections.abc import Sequence
from itertools import pairwise

from nemoguardrails_trust.agreement import bounds, prices, structures, text
from nemoguardrails_trust.agreement.answers import Answer
from nemoguardrails_trust.agreement.words import stem

_LONGEST = 25
_NUMBER = r"(-?\d+(?:\.\d+)?)\b"
_ASKING_FOR_A_LIMIT = text.word_set("minimum maximum min max limit least most")
_LIMITING = re.compile(
    r"\b(?:up to|at most|at least|under|over|below|above|within|until|for|after|before|than)"
    rf"(?: week| day| month| age)? {_NUMBER}"
)
_NOT_BY = {
    "by": frozenset(("after", "from", "to")),
    **dict.fromkeys(("on", "at"), frozenset(("after", "before"))),
}
_BEHIND_YES = 2
_CIRCUMSTANCES = text.word_set("if when for in on at with online after before until from")
_RESTRICTING = text.word_set("only unless except excluding if provided until")
_CONDITIONAL = text.word_set("if unless provided except excluding")
_NEVER = frozenset(("never", "ever", "always"))
_EVERYWHERE = text.word_set(
    "everywhere anywhere worldwide always anytime everyone anyone everybody"
)
_WHENEVER = text.word_set(
    "whenever anytime always unlimited all every jederzeit immer alle toujours tous toutes siempre"
    " todos todas sempre tutti tutte altijd"
)
_UNDONE = text.word_set(
    "cancelled canceled postponed rescheduled refunded revoked expired void overdrawn owe owes owed"
    " owing overdue"
)
UNDONE_OR_REFUSED = _UNDONE | text.word_set(
    "declined refused rejected denied failed bounced blocked"
)


def is_in_steps(answer: Answer) -> bool:
    """Whether it is a list of steps with numbers, in reply to how something is done."""
    return answer.question.asks_how and structures.is_numbered(answer.final)


def other_limits(first: Answer, second: Answer) -> bool:
    """Whether one says `up to 3 days`, and the other `at least 3 days` or `under 3 days`."""
    if not (first.numbers and second.numbers):
        return False
    if _by_and_from(first.words, second.words) or _by_and_from(second.words, first.words):
        return True
    ours, theirs = bounds.limits(first.words), bounds.limits(second.words)
    if not (ours or theirs):
        return False
    if bounds.differ(ours, theirs):
        return True
    one_is_off = bounds.has_tolerance(ours) != bounds.has_tolerance(theirs)
    if one_is_off and (first.pair is None or second.pair is None):
        return True
    if _ASKING_FOR_A_LIMIT.isdisjoint(first.question.words):
        return False
    # The minimum age is 18: that is no age over 18.
    return any(
        number in other.numbers and number not in limits
        for beyond, other, limits in (
            (bounds.strict(ours), second, theirs),
            (bounds.strict(theirs), first, ours),
        )
        for number in beyond
    )


def _by_and_from(first: Sequence[str], second: Sequence[str]) -> bool:
    """Whether one says `by 1 May`, and the other `from 1 May`; or `rose by 6` and `rose to 6`.

    `on 1 May` is not `after 1 May`, either.
    """
    if _NOT_BY.keys().isdisjoint(first):
        return False
    return any(
        before in _NOT_BY[word] and other == number
        for word, number in pairwise(first)
        if word in _NOT_BY and text.is_number(number)
        for before, other in pairwise(second)
    )


def other_conditions(first: Answer, second: Answer) -> bool:
    """Whether two that both say yes, or both no, say so of something else.

    `Yes, but only online` is not the plain `Yes`, nor `Yes, up to week 20` what goes on to 30.
    """
    if first.said_stance is None or first.said_stance != second.said_stance:
        return False
    if max(len(first.words), len(second.words)) > _LONGEST:
        return False
    ours, theirs = (_restriction(answer.words) for answer in (first, second))
    if bool(ours) != bool(theirs):
        told = second.words if ours else first.words
        is_told = {*map(stem, ours or theirs)}.issubset(map(stem, told))
        if is_told and _limits(first) & _limits(second):
            return False  # `if it is over $50`, `over $50`
        # A no without its reason is a no.
        return first.said_stance or any(map(_is_no_on_condition, (first.words, second.words)))
    if not first.said_stance and any(
        not _NEVER.isdisjoint(one.words) and _is_no_somewhere(other.words)
        for one, other in ((first, second), (second, first))
    ):
        return True
    if first.said_stance and any(
        (_is_everywhere(one.words) and _is_somewhere(other.words))
        or (_is_at_any_time(one) and _is_limited(other))
        for one, other in ((first, second), (second, first))
    ):
        return True
    limits, their_limits = _limits(first), _limits(second)
    return bool(limits and their_limits) and limits.isdisjoint(their_limits)


def _limits(answer: Answer) -> set[str]:
    """The numbers that limit it, without those of the question."""
    return set(_LIMITING.findall(" ".join(answer.words))) - answer.question.words


def _restriction(words: Sequence[str]) -> set[str]:
    """What follows the first word that restricts, without the words that say nothing."""
    place = next((at for at in range(len(words)) if _restricts(words, at)), len(words))
    return {word for word in words[place + 1 :] if word not in text.STOP_WORDS}


def _restricts(words: Sequence[str], place: int) -> bool:
    """Whether a word restricts a yes."""
    if words[place] == "only":
        return is_restricted_by_only(words, behind_yes=True)
    return words[place] in _RESTRICTING


def is_restricted_by_only(words: Sequence[str], *, behind_yes: bool = False) -> bool:
    """Whether the first `only` among words restricts what they say.

    Elsewhere than behind a yes it does, but for `only 5`. A yes it restricts where it stands next
    to it or to a circumstance: `yes, it is only divisible by itself` gives but a reason.
    """
    if "only" not in words:
        return False
    place = words.index("only")
    following = words[place + 1 : place + 2]
    if behind_yes:
        return place <= _BEHIND_YES or not _CIRCUMSTANCES.isdisjoint(following)
    return not (following and text.is_number(following[0]))


def _is_no_on_condition(words: Sequence[str]) -> bool:
    """Whether it says `no, if` or `no, unless`."""
    return not _CONDITIONAL.isdisjoint(words[1 : _BEHIND_YES + 1])


def _is_no_somewhere(words: Sequence[str]) -> bool:
    """Whether it says `no, not for` or `no, not on`, and so yes elsewhere."""
    return words[1:2] == ["not"] and not _CIRCUMSTANCES.isdisjoint(words[2:3])


def _is_everywhere(words: Sequence[str]) -> bool:
    return not _EVERYWHERE.isdisjoint(words)


def _is_at_any_time(answer: Answer) -> bool:
    """Whether it sets no limit: `Yes, at any time`."""
    return not answer.numbers and (
        not _WHENEVER.isdisjoint(answer.words) or ("any", "time") in pairwise(answer.words)
    )


def _is_limited(answer: Answer) -> bool:
    numbers = _LIMITING.findall(" ".join(answer.words)) or bounds.limits(answer.words)
    return not answer.question.words.issuperset(numbers)


def _is_somewhere(words: Sequence[str]) -> bool:
    """Whether it says `yes, in` or `yes, on`, and not everywhere."""
    return not (_CIRCUMSTANCES.isdisjoint(words[1:_BEHIND_YES]) or _is_everywhere(words))


def undone_by_one(first: Answer, second: Answer) -> bool:
    """Whether only one says that something is cancelled, or owed, or was refused."""
    if max(len(first.words), len(second.words)) > _LONGEST:
        return False
    # Behind a no, a refusal is but its reason.
    undone = _UNDONE if False in (first.stance, second.stance) else UNDONE_OR_REFUSED
    ours, theirs = undone.intersection(first.words), undone.intersection(second.words)
    return bool(ours) != bool(theirs) and first.question.words.isdisjoint(ours | theirs)


def free_for_some(first: Answer, second: Answer) -> bool:
    """Whether only one says for whom, or when, something is free or included."""
    ours, theirs = (
        prices.conditions(answer.words, answer.question.stems) for answer in (first, second)
    )
    if bool(ours) == bool(theirs):
        return False
    other = second if ours else first
    return max(len(first.words), len(second.words)) <= _LONGEST and (ours | theirs).isdisjoint(
        map(stem, other.words)
    )


def free_or_priced(first: Answer, second: Answer) -> bool:
    """Whether one says that something costs nothing, and the other what it costs."""
    free, other_free = _is_free(first.words), _is_free(second.words)
    if free == other_free:
        if ("included" in first.words) == ("included" in second.words):
            return False
        return prices.is_charged((second if "included" in first.words else first).words)
    words = second.words if free else first.words
    priced = not prices.MONEY.isdisjoint(words) and "0" not in words
    return priced or prices.is_charged(words)


def _is_free(words: Sequence[str]) -> bool:
    return prices.is_free(words) and prices.MONEY.isdisjoint(words)
