"""How many of each thing two answers name."""

from itertools import pairwise

from nemoguardrails_trust.agreement import text, units
from nemoguardrails_trust.agreement.answers import Answer
from nemoguardrails_trust.agreement.words import stem


def differ(first: Answer, second: Answer) -> bool:
    """Whether there is another number of one thing, which also is one of another thing.

    So `2 tablets 2 times a day` has all the words of `1 tablet 2 times a day`.
    """
    if len(first.numbers) < 2 or len(second.numbers) < 2:
        return False
    if "\n" in first.final or "\n" in second.final:
        return False  # in lists, the numbers may be those of the lines
    ours, theirs = _counts(first), _counts(second)
    return any(
        ours[thing].isdisjoint(theirs[thing])
        and not (ours[thing].isdisjoint(second.numbers) and theirs[thing].isdisjoint(first.numbers))
        for thing in ours.keys() & theirs.keys()
    )


def _counts(answer: Answer) -> dict[str, set[str]]:
    """The numbers right in front of words that are no units, by the word."""
    found: dict[str, set[str]] = {}
    for number, word in pairwise(answer.words):
        if not text.is_number(number) or text.is_number(word):
            continue
        if word not in text.STOP_WORDS and not units.is_unit(word):
            found.setdefault(stem(word), set()).add(number)
    return found
