"""The words of an answer as they are weighed: what each says, and whether it is denied."""

import re
from collections.abc import Collection, Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple

from nemoguardrails_trust.agreement import bounds, polarity
from nemoguardrails_trust.agreement.text import STOP_WORDS, is_number
from nemoguardrails_trust.agreement.words import (
    MAY,
    NAMES,
    Meaning,
    Term,
    is_month,
    meaning_of,
    name_of,
    stem,
)

_WILL = re.compile(r"\bWill [A-Z]")
_MONTH = re.compile(r"(?<=[a-z,] )May\b")
_OF_TWO_MEANINGS = frozenset(("may", "will", "a"))
_TITLES = 0.5
"""What a title weighs that stands before another word, since names go with and without."""
_LATER_SENTENCES = 0.2
"""What the words after the first sentence with a name or a number weigh of that."""

_term = lru_cache(maxsize=256)(Term)


class Said(NamedTuple):
    """A word that means something.

    Attributes:
        stem: Its stem.
        base: The stem of its positive form.
        term: What it says.
    """

    stem: str
    base: str
    term: Term


@lru_cache(maxsize=4096)
def _said(meaning: Meaning, weight: float, negated: bool) -> Said:
    return Said(meaning.stem, meaning.base, _term(weight, negated, meaning.opposite))


def read_clause(
    words: Sequence[str], *, asked: Collection[str], capitalised: Collection[str], written: str
) -> list[Said]:
    """Those words of a clause that mean something.

    Args:
        words: The clause.
        asked: The words of the prompt.
        capitalised: The words that begin with a capital letter, folded.
        written: The answer as it is written, capitals and all.
    """
    said: list[Said] = []
    negations = polarity.negations(words, asked)
    for place, word in enumerate(words):
        if word in _OF_TWO_MEANINGS:
            meaning = _meaning_here(words, place, written)
        else:
            meaning = meaning_of(word)
        if meaning is None:
            continue
        named = meaning.number or word in capitalised or word == "a"
        weight = NAMES if named else 1.0
        if meaning.title and word != words[-1]:
            weight = _TITLES
        negated = (negations + meaning.opposite) % 2 == 1
        said.append(_said(meaning, weight, negated))
    return said


def own_words(words: Sequence[str], asked: Collection[str]) -> list[str]:
    """The words that are not the prompt's; its numbers too, where there are no others.

    Args:
        words: The words of an answer.
        asked: Stems of the prompt's words.
    """
    own = [
        word
        for word in words
        if (stem(word) not in asked and word not in STOP_WORDS) or word in bounds.WORDS
    ]
    if any(map(is_number, own)):
        return own
    return [word for word in words if is_number(word) or word in own]


def _meaning_here(words: Sequence[str], place: int, written: str) -> Meaning | None:
    """What a word says that may be a name: `Will Smith`, `hepatitis A`, `May 1889`."""
    word = words[place]
    if word == "may":
        return MAY if is_month(words) or _MONTH.search(written) else meaning_of(word)
    is_name = _WILL.search(written) if word == "will" else 0 < place == len(words) - 1
    return name_of(word) if is_name else meaning_of(word)


def weigh(sentences: Iterable[Sequence[Said]], left_out: Collection[str]) -> dict[str, Term]:
    """The words of an answer, in order, each with what it says where it first stands.

    Args:
        sentences: What each of its sentences says.
        left_out: Stems of words that are not counted.
    """
    terms: dict[str, Term] = {}
    named = False
    for sentence in sentences:
        later = named
        for word, base, term in sentence:
            if word in left_out or base in terms:
                continue
            if later:
                term = _term(term.weight * _LATER_SENTENCES, term.negated, term.opposite)
            terms[base] = term
            named = named or term.weight >= NAMES
    return terms


def parts_of_names(
    sentences: Iterable[Sequence[Said]], left_out: Collection[str], common: Collection[str]
) -> dict[str, Term]:
    """The capitalised words beside a name of the answer's own that are common in the prompt.

    Args:
        sentences: What each of its sentences says.
        left_out: Stems of words that are not counted by themselves.
        common: Stems of the prompt's words in small letters.
    """
    if not common:
        return {}
    return {
        said.base: _term(NAMES, said.term.negated, said.term.opposite)
        for sentence in sentences
        for place, said in enumerate(sentence)
        if said.stem in common
        and said.term.weight >= NAMES
        and any(
            beside.term.weight >= NAMES and beside.stem not in left_out
            for beside in (*sentence[max(0, place - 1) : place], *sentence[place + 1 : place + 2])
        )
    }
