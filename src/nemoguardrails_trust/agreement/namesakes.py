"""Names inside names: `New York Times` and `New York`, `King of Pop` and `King`."""

import re
from collections.abc import Callable, Collection, Sequence, Set
from itertools import pairwise

from nemoguardrails_trust.agreement.text import ARTICLES, SUFFIXES, TITLES, fold, word_set
from nemoguardrails_trust.agreement.words import stem

_MOST_WORDS = 7
_LONGEST = 70
_NAME = re.compile(r"[\w'’&.-]+(?: [\w'’&.-]+)*")
_LINKS = word_set("of the de del della di da du la le van von der den y e and for in on at to")
_PERSON = word_set("who whom whose name named surname president king queen pope poet monarch saint")
_PERSON_ENDINGS = ("er", "or", "ist", "ian", "man", "men", "ess", "ers", "ors", "ists", "ians")
_ROMAN = re.compile("(?=[ivx])x{0,3}(?:ix|iv|v?i{0,3})")
_ASKING_FOR_TITLE = frozenset(("title", "rank"))
_LONGEST_ABBREVIATION = 4
_LEGAL = word_set(
    """
    inc corp corporation ltd limited plc llc gmbh ag sa co group jr sr fc afc cf sc dc usa us uk
    river ocean sea desert mountains range islands island peninsula county province region
    """
)
"""Behind a name, these leave it the same thing."""
_HEADS = word_set(
    """
    times post tribune herald journal review gazette magazine news street road avenue square
    city town university college school institute hospital clinic museum memorial castle palace
    tower bridge park gardens falls bay beach airport station airlines airways hotel stadium arena
    company companies motors motor bank insurance foundation trust estate society association
    party government army navy police united rovers rangers wanderers athletic celtics
    prize award cup league tournament championship effect theorem law syndrome disease act treaty
    plan account card store shop museum world land studios records pictures maps watch prime pro
    plus premium express spaniel terrier hounds family brothers sisters band orchestra
    """
)
"""Behind a name, these make another thing of it, whatever is asked for."""
_CITIES = frozenset(("york", "vatican"))  # whose name goes with and without `City`
_OF_TWO_UNIVERSITIES = ("washington", "miami", "york", "california", "pacific")
"""Places and the like with a university of their own and another one, elsewhere, by their name."""
_STYLES = word_set(
    "republic kingdom city town state commonwealth county province isle island duke duchess earl"
)
"""With `of` in front of a name, these leave it the same."""
_NAMED_IN_FULL = word_set(
    "airline airport newspaper paper magazine company bank university college school club team city"
    " town state county district island church party station street league"
)
"""Of these, a name with another word in front is that of another one."""
_KINDS = word_set("fort port saint san the de la le el los las greater old")
"""In front of a name, these leave it the same."""
_WITH_ASIDE = re.compile(r"([^()]{3,40})\(([^()]{3,40})\)")
_WORKS = word_set(
    "film films movie movies series show shows sitcom novel novels book books comic song songs "
    "album albums single game games band bands group play plays musical opera poem title titled"
)
"""What has a title, of which each letter counts."""


def name_words(written: str) -> Sequence[str]:
    """The words of a text that is a name, as they are written; none of other text."""
    name = written.strip(" .!*\"'")
    if len(name) > _LONGEST or not _NAME.fullmatch(name):
        return ()
    words = name.split()
    if words[0].lower() in ARTICLES:
        words = words[1:]
    named = all(word[0].isupper() or word[0].isdecimal() or word in _LINKS for word in words)
    if not (words and named and words[0][0].isupper()) or len(words) > _MOST_WORDS:
        return ()
    return [fold(word).rstrip(".") for word in words]


def asks_for_a_person(asked: Collection[str]) -> bool:
    """Whether a prompt may ask for somebody, of whom a surname may be left out."""
    return not _PERSON.isdisjoint(asked) or any(
        len(word) > 4 and word.endswith(_PERSON_ENDINGS) for word in asked
    )


def differ_in_a_numeral(
    first: Sequence[str], second: Sequence[str], asked: Collection[str]
) -> bool:
    """Whether one name is the other with a number, as `John Paul` and `John Paul II` are.

    Args:
        first: The words of one name.
        second: Those of the other.
        asked: The words of the prompt.
    """
    short, long = sorted((_untitled(first), _untitled(second)), key=len)
    if not short or short != long[:-1] or long[-1] in asked:
        return False
    return bool(_ROMAN.fullmatch(long[-1])) or (long[-1].isdecimal() and len(long[-1]) < 4)


def _untitled(name: Sequence[str]) -> Sequence[str]:
    return [word for word in name if word not in TITLES]


def differ_in_number(first: Sequence[str], second: Sequence[str], asked: Collection[str]) -> bool:
    """Whether of two titles one is the plural of the other: the films `Alien` and `Aliens`.

    Args:
        first: The words of one name.
        second: Those of the other.
        asked: The words of the prompt.
    """
    if len(first) != len(second) or _WORKS.isdisjoint(asked):
        return False
    differing = [{one, other} for one, other in zip(first, second, strict=True) if one != other]
    return bool(differing) and all(min(pair) + "s" == max(pair) for pair in differing)


def is_named_after(short: Sequence[str], long: Sequence[str], asked: Collection[str]) -> bool:
    """Whether the longer of two names is that of another thing, named after the shorter one.

    A head noun behind the name makes another thing of it (`New York Times`), and so does `of`
    (`King of Pop`, `Bank of England`), unless the prompt asks for the kind: to `Which river?`,
    `Amazon` and `Amazon River` are the same.

    Args:
        short: The words of one name.
        long: Those of the other.
        asked: The words of the prompt.
    """
    count = len(short)
    if not 0 < count < len(long) or not asked:
        return False
    stems = {stem(word) for word in asked}
    if long[-count:] == short and long[-count - 1] == "of":
        return _is_other(long[: -count - 1], stems, lambda front: front[-1] not in _STYLES)
    if long[:count] != short and not (
        long[count] == "of" and [*map(stem, long[:count])] == [*map(stem, short)]
    ):
        return False
    if long[count:] == ["city"] and short[-1] in _CITIES:
        return False
    rest = long[count:]
    if count == 1 and short[0] in TITLES and len(short[0]) > _LONGEST_ABBREVIATION:
        return _ASKING_FOR_TITLE.isdisjoint(asked)  # `Prince` and `Prince Royce`
    if count > 1 and "".join(rest).isalpha() and not _PERSON.isdisjoint(asked):
        # A surname may follow a first name; behind two names, it makes another person.
        return len(short[-1]) > 1 and rest[-1] not in _LEGAL | SUFFIXES
    person = asks_for_a_person(asked)
    return _is_other(long[count:], stems, lambda rest: _makes_another(rest, person=person))


def has_more(short: Sequence[str], long: Sequence[str], asked: Set[str]) -> bool:
    """Whether the longer of two names of things has a word in front: `Pan American`, `American`.

    Or within: `Columbia University`, `University of British Columbia`. Of people, the first name
    may be left out, and of mountains and the like the kind.

    Args:
        short: The words of one name.
        long: Those of the other.
        asked: The words of the prompt.
    """
    if long[: len(short)] == short or not {*short} - _LINKS < {*long}:
        return False
    if _NAMED_IN_FULL.isdisjoint(asked) or asks_for_a_person(asked):
        return False
    more = {*long}.difference(short, _LINKS, _KINDS, _LEGAL, _STYLES, TITLES, asked)
    return any(len(word) > 2 for word in more) and not {*long}.difference(short) & _KINDS


def are_two_universities(first: Sequence[str], second: Sequence[str]) -> bool:
    """Whether one is the `University of Washington`, and the other `Washington University`.

    Of most places, both orders name the same: `University of Chicago`, `Chicago University`.

    Args:
        first: The words of one answer.
        second: Those of the other.
    """
    return any(
        ("university", "of", place) in zip(one, one[1:], one[2:], strict=False)
        and (place, "university") in pairwise(other)
        for one, other in ((first, second), (second, first))
        for place in _OF_TWO_UNIVERSITIES
    )


def goes_on_otherwise(one: str, other: str) -> bool:
    """Whether a name with an aside goes on otherwise than another: `Frankfurt (Oder)`.

    Args:
        one: A name with an aside.
        other: Another, with or without one.
    """
    found = _WITH_ASIDE.fullmatch(one.strip(" ."))
    if found is None:
        return False
    head, aside = found[1].strip(), set(name_words(found[2]))
    if not aside or not other.startswith(head) or len(other) > _LONGEST:
        return False
    rest = other[len(head) :].strip(" .,()")
    theirs = {fold(word) for word in re.findall(r"[^\W\d_]{2,}", rest) if word[0].isupper()}
    return bool(theirs) and aside.isdisjoint(theirs)


def _is_other(
    rest: Sequence[str], asked: Set[str], makes_another: Callable[[Sequence[str]], bool]
) -> bool:
    """Whether what a name has more makes another of it and is none that the prompt speaks of."""
    return bool(rest) and asked.isdisjoint(map(stem, rest)) and makes_another(rest)


def _makes_another(rest: Sequence[str], *, person: bool) -> bool:
    if rest[0] == "of" or rest[-1] in _HEADS:
        return True
    return not (person or rest[0] in _LINKS or rest[-1] in _LEGAL)
