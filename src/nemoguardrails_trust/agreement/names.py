"""Names written in short and in full, in two spellings, and in two roles."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache

from nemoguardrails_trust.agreement.spelling import likeness
from nemoguardrails_trust.agreement.text import STOP_WORDS, fold, is_number, word_set

_ACRONYM = re.compile(r"(?<![\w.])(?:[A-Z]\.?){2,6}(?!\w)")
_MOST_WORDS = 40
_LONGEST_ARTICLE = 3
_SHORTEST_NAME, _LONGEST_NAME = 7, 40
_DOUBLED = re.compile(r"(\w)\1+")
_SPELLINGS = (
    (re.compile("schtsch|shch|szcz"), "q"),
    (re.compile("tsch|tch|kh|ch|cz"), "x"),
    (re.compile("sch|sh|sz|z"), "s"),
    (re.compile("ph"), "f"),
    (re.compile("w"), "v"),
    (re.compile("c(?=[aou])"), "k"),
    (re.compile("[aeiouyj]+"), "e"),
)
"""How European languages write the same sounds; the first that fits is taken."""
_ARTICLES = word_set(
    "the a la le les el los las il lo gli der die das den dem de het een o os as um uma un una une"
)
_SAYING_NOTHING = STOP_WORDS | _ARTICLES
_ELIDED = re.compile(r"^(?:l|d|dell|nell|all)['’]")
_CJK_ONLY = re.compile(r"[\u3040-\u30ff\u4e00-\u9fff]{5,40}")
_KOREAN_ROLES = re.compile(r"([가-힣]+)[이가은는]\s(?:\S+\s)?([가-힣]+)[을를]\s")
_CJK_JOINS = frozenset("和与與及或跟同、とや")
MUTUAL = word_set(
    "met meet meets married marry marries played plays play drew tied equals equal resembles "
    "borders border joined plus times versus vs near beside against"
)
"""Between two names, these leave their order without a meaning."""
_NAMES_OF_A_SWAP = 2
_SHORTEST_IN_SHORT = 3
_OF_MEN = word_set("mr mister sir lord king prince duke count baron emperor monsieur")
_OF_WOMEN = word_set("mrs ms miss madam lady dame queen princess duchess countess baroness empress")
_BEING = word_set("is are was were be been being")


def acronym(text: str) -> str:
    """The letters of a text that is an acronym such as `NASA`, folded; else nothing."""
    is_one = _ACRONYM.fullmatch(text.strip(" .,!'\"")) is not None
    return fold(re.sub("[^A-Z]", "", text)) if is_one else ""


def stands_for(letters: str, words: Sequence[str]) -> bool:
    """Whether an acronym stands for these words."""
    if not letters or len(words) > _MOST_WORDS:
        return False
    full = [word for word in words if word not in STOP_WORDS]
    # What articles and the like are in other languages is told by how short they are.
    long = [word for word in words if len(word) > _LONGEST_ARTICLE]
    return len(full) > 1 and letters in (
        "".join(word[0] for word in spelt) for spelt in (words, full, long)
    )


def same_but_for_vowels(first: str, second: str) -> bool:
    """Whether two folded names may be two spellings of one (`Ulaanbaatar`, `Ulan-Bator`).

    They have the same consonants in the same places, doubled letters counting once, in the
    spelling of whichever language: `Gorbachev`, `Gorbatschow`.
    """
    if not (_may_be_spelt(first) and _may_be_spelt(second)):
        return False
    return _sounds(first) == _sounds(second)


def _may_be_spelt(name: str) -> bool:
    """Whether it is long enough to be told by its consonants, and nothing but letters."""
    return _SHORTEST_NAME <= len(name) <= _LONGEST_NAME and name.isalpha()


@lru_cache(maxsize=256)  # a response is held against each of its samples
def _sounds(name: str) -> str:
    for spelling, sound in _SPELLINGS:
        name = spelling.sub(sound, name)
    return _DOUBLED.sub(r"\1", name)


def without_elisions(capitalised: Iterable[str]) -> Mapping[str, str]:
    """Folded words without their elided article, by how they stand among an answer's words.

    There an apostrophe has gone: `litalie` for `l'italie`.
    """
    return {
        word.replace("'", "") if "'" in word else word: (
            _ELIDED.sub("", word) if "'" in word else word
        )
        for word in capitalised
    }


def roles_are_swapped(
    first: Sequence[str], second: Sequence[str], *, names: Mapping[str, str]
) -> bool:
    """Whether two names have changed their places about a verb.

    So they have in `France beat Croatia` and `Croatia beat France`, but not in `France and
    Croatia met`, where their order says nothing.

    Args:
        first: The words of one answer.
        second: Those of the other.
        names: The names of both, as `without_elisions` gives them.
    """
    if max(len(first), len(second)) > _MOST_WORDS:
        return False
    told = {*names.values()}
    if told == names.keys():  # none has an elided article
        shared = told.intersection(first).intersection(second)
        if len(shared) < _NAMES_OF_A_SWAP:
            return False
    told -= _SAYING_NOTHING
    for words in (first, second):
        if len(told.intersection([names.get(word, word) for word in words])) < _NAMES_OF_A_SWAP:
            return False
    one, other = (
        [names.get(word, word) for word in words if word not in _ARTICLES]
        for words in (first, second)
    )
    if len(told.intersection(one).intersection(other)) < _NAMES_OF_A_SWAP:
        return False
    theirs = [(y, verb, x) for x, verb, y in _told(other, told)]
    return any(
        (x, y) == (a, b) and x != y and _is_one_deed(verb, deed)
        for x, verb, y in _told(one, told)
        for a, deed, b in theirs
    )


def _is_one_deed(first: Sequence[str], second: Sequence[str]) -> bool:
    """Whether two verbs, with what goes with them, differ in their tense at most.

    Those that change within, as `beat` and `beaten` do, begin alike.
    """
    return len(first) == len(second) and all(
        one == other or (min(len(one), len(other)) > 3 and one[:2] == other[:2])
        for one, other in zip(first, second, strict=True)
    )


def swapped_in_signs(first: str, second: str) -> bool:
    """The same where no capital letters tell names: `德国击败巴西` and `巴西击败德国`."""
    if first.isascii() or second.isascii():
        return False
    ours, theirs = _KOREAN_ROLES.search(first), _KOREAN_ROLES.search(second)
    if ours is not None and theirs is not None:
        return ours.groups() == theirs.groups()[::-1] and ours[1] != ours[2]
    first, second = (text.strip(" .。!！") for text in (first, second))
    if len(first) != len(second) or not _CJK_ONLY.fullmatch(first) or first == second:
        return False
    for start in range(2, len(first) - 2):
        for end in range(start + 1, len(first) - 1):
            left, verb, right = first[:start], first[start:end], first[end:]
            if second == right + verb + left and _CJK_JOINS.isdisjoint(verb):
                return True
    return False


_NAME = re.compile(r"(?:[A-Z][\w'’-]*(?:\.\s?|\s|$)){2,5}")
_SHORTEST_OF_TWO = 4
_A_SLIP = 0.8
_PART_OF_NAME = re.compile(r"[A-Z](?=\.|\s|[A-Z]\.)|[A-Z][\w'’-]*")


def titles_differ(first: Sequence[str], second: Sequence[str]) -> bool:
    """Whether one is about a man and the other about a woman, as `Mr. Smith` and `Mrs. Smith`."""
    return any(
        not (_OF_MEN.isdisjoint(ours) or _OF_WOMEN.isdisjoint(theirs))
        and _OF_WOMEN.isdisjoint(ours)
        and _OF_MEN.isdisjoint(theirs)
        for ours, theirs in ((first, second), (second, first))
    )


def is_same_person(ours: Sequence[str], theirs: Sequence[str]) -> bool | None:
    """Whether two names with initials or with several first names may be one person's.

    `J. S. Bach` and `Johann Sebastian Bach` may; `George W. Bush` and `George H. W. Bush` differ.
    `None` where the names are not of this kind, or their first or last parts differ.

    Args:
        ours: The parts of one name.
        theirs: Those of the other.
    """
    if min(len(ours), len(theirs)) < 2 or ours[-1] != theirs[-1] or ours == theirs:
        return None
    if not _may_stand_for(ours[0], theirs[0]):
        return None
    middle, other_middle = ours[1:-1], theirs[1:-1]
    if not middle or not other_middle:
        return True if ours[0] != theirs[0] else None
    return len(middle) == len(other_middle) and all(map(_may_stand_for, middle, other_middle))


def differ_in_gender(ours: Sequence[str], theirs: Sequence[str]) -> bool:
    """Whether two names differ in the end of one part, which tells `Mario` from `Maria`.

    Args:
        ours: The parts of one name.
        theirs: Those of the other.
    """
    differing = [pair for pair in zip(ours, theirs, strict=False) if pair[0] != pair[1]]
    if len(ours) != len(theirs) or len(differing) != 1:
        return False
    one, other = differing[0]
    return one[:-1] == other[:-1] and {one[-1], other[-1]} == {"a", "o"}


def differ_in_a_double_name(ours: Sequence[str], theirs: Sequence[str]) -> bool:
    """Whether one has a double surname that the other's is no part of: `Schmidt`, `Schmitt-Klein`.

    Args:
        ours: The parts of one name.
        theirs: Those of the other.
    """
    if min(len(ours), len(theirs)) < 2 or ("-" in ours[-1]) == ("-" in theirs[-1]):
        return False
    double, other = (ours, theirs) if "-" in ours[-1] else (theirs, ours)
    parts = double[-1].split("-")
    if len(parts) != 2 or min(map(len, parts)) < _SHORTEST_OF_TWO:
        return False  # a particle, as in `al-Rashid`, is none of two names
    single = other[-1]
    return single not in parts and likeness("".join(parts), single) < _A_SLIP


def parts_of_name(name: str) -> list[str]:
    """The parts of a name of several, folded, from the name as it is written."""
    written = name.strip(" .!*\"'")
    if len(written) > 60 or not _NAME.fullmatch(written):
        return []
    return [fold(part) for part in _PART_OF_NAME.findall(written)]


def _may_stand_for(first: str, second: str) -> bool:
    short, long = sorted((first, second), key=len)
    if short == long or len(short) < _SHORTEST_IN_SHORT:
        return short == long or (len(short) == 1 and long.startswith(short))
    # `Tim` and `Timothy`, but not `Paul` and `Paula`.
    return long.startswith(short) and (len(long) - len(short) != 1 and long[-1] not in "ae")


_Told = tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]


def _told(words: Sequence[str], names: set[str]) -> Iterator[_Told]:
    """Each pair of neighbouring names, with what one does to the other, where there is a verb.

    In `Croatia was beaten by France`, it is the second that does it.
    """
    runs: list[tuple[bool, list[str]]] = []
    for word in words:
        named = word in names
        if runs and runs[-1][0] == named:
            runs[-1][1].append(word)
        else:
            runs.append((named, [word]))
    for (named, x), (_, between), (_, y) in zip(runs, runs[1:], runs[2:], strict=False):
        if not named:
            continue
        verb = {word for word in between if word not in STOP_WORDS and not is_number(word)}
        # As `plus grand que`, and not `two plus two`.
        mutual = MUTUAL if "plus" not in verb or len(verb) == 1 else MUTUAL - {"plus"}
        if verb and verb.isdisjoint(mutual):
            passive = between[-1] == "by" and not _BEING.isdisjoint(between)
            told = [word for word in between[:-1] if word not in _BEING] if passive else between
            x, y = (y, x) if passive else (x, y)
            yield tuple(x), tuple(told), tuple(y)
