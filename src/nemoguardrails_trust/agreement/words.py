"""What a single word of an answer says by itself."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from nemoguardrails_trust.agreement import polarity, text
from nemoguardrails_trust.agreement.spelling import american
from nemoguardrails_trust.agreement.synonyms import SYNONYMS

NAMES = 3.0
"""What a name or a number weighs; other words weigh 1."""


class Term(NamedTuple):
    """A word that an answer adds to its prompt.

    Attributes:
        weight: How much it says: numbers and names more than other words.
        negated: Whether it is turned into its opposite, by its clause or by itself.
        opposite: Whether it is so by itself, as `unsafe` is.
    """

    weight: float
    negated: bool
    opposite: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Meaning:
    """What a word says; there is one for each word, so that it is its own key in a cache.

    Attributes:
        stem: Its own stem.
        base: The stem of its positive form, as `safe` for `unsafe`.
        opposite: Whether it says the opposite of that.
        number: Whether it is a number, or a month, which digits may stand for.
        title: Whether it is a title, as `Dr`.
    """

    stem: str
    base: str
    opposite: bool
    number: bool
    title: bool


_MONTHS = frozenset(text.MONTH_NAMES) - {"may"}


def name_of(word: str) -> Meaning:
    """What a word says that is a name here and says nothing elsewhere."""
    return Meaning(word, word, opposite=False, number=False, title=False)


# The month and the verb are spelled alike; the verb says nothing.
MAY = Meaning("may", "may", opposite=False, number=True, title=False)


def is_month(words: Sequence[str]) -> bool:
    """Whether the `may` in a clause is next to a number, as in `May 1889`."""
    place = words.index("may")
    return any(text.is_number(word) for word in words[max(0, place - 1) : place + 2])


@lru_cache(maxsize=4096)
def meaning_of(word: str) -> Meaning | None:
    """`None` for a word that says nothing, or only negates."""
    if word in text.STOP_WORDS or polarity.is_negator(word):
        return None
    base, opposite = polarity.positive(word)
    return Meaning(
        stem=stem(word),
        base=stem(base),
        opposite=opposite,
        number=text.is_number(word) or word in _MONTHS,
        title=word in text.TITLES,
    )


@lru_cache(maxsize=4096)
def stem(word: str) -> str:
    """A word in American spelling, without the commonest endings of English."""
    word = SYNONYMS.get(word) or american(word)
    if len(word) > 5 and word.endswith(("ing", "ies")):
        return word[:-3]
    if len(word) > 4 and word.endswith(("es", "ed")):
        return word[:-2]
    if len(word) > 3 and word.endswith(("s", "e", "y")) and not word.endswith("ss"):
        return word[:-1]
    return word
