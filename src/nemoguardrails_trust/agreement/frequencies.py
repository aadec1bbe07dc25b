"""How often something is done, and parts of a unit in words: `twice daily`, `half an hour`."""

from collections.abc import Sequence
from fractions import Fraction
from itertools import zip_longest

from nemoguardrails_trust.agreement import units
from nemoguardrails_trust.agreement.text import STOP_WORDS, is_number

_TIMES = {
    "once": "1", "twice": "2", "thrice": "3", "double": "2", "doubles": "2", "doubled": "2",
    "triple": "3", "triples": "3", "tripled": "3", "quadrupled": "4", "halved": "0.5",
}  # fmt: skip
ONE = frozenset(("a", "an"))
_EACH = ONE | {"per", "each", "every"}
EACH_TIME = {
    "hourly": "hour", "daily": "day", "nightly": "day", "weekly": "week", "monthly": "month",
    "yearly": "year", "annually": "year", "fortnightly": "fortnight",
}  # fmt: skip
_OFTEN = _EACH | EACH_TIME.keys()
_PARTS = {"half": "0.5", "quarter": "0.25"}
_PLACES = {"second": "2", "hundredth": "100", "thousandth": "1000", "millionth": "1000000"}
_MOST_OF_A_PLACE = 6
_OWNERS = frozenset(("the", "his", "her", "its", "my", "your", "our", "their"))
IN_WORDS = frozenset((*_TIMES, *_PARTS, *_PLACES))
"""Without one of these only the article in `a year` is put in digits."""
_SHORTEST_DOSE = 5
"""Words of an amount and how often it is given: `5 mg every 8 hours`."""
_AND_A_HALF = ("and", "a", "half")


def in_digits(words: Sequence[str]) -> Sequence[str]:
    """Puts digits for numbers that are no number words.

    So `2 times` stands for `twice`, `1 times` for the `once` of `once a day`, `0.5 hour` for `half
    an hour`, `1.5 hour` for `an hour and a half`, and `1 year` for an answer that is `a year`.
    """
    if not _TIMES.keys().isdisjoint(words):
        words = _in_times(words)
    if not _PARTS.keys().isdisjoint(words):
        words = _in_parts(words)
    if not _PLACES.keys().isdisjoint(words):
        words = _in_places(words)
    if len(words) == 2 and words[0] in ONE and units.is_unit(words[1]):
        return ["1", words[1]]
    return words


def _in_places(words: Sequence[str]) -> Sequence[str]:
    """`the second floor` as `the 2 floor`; `a second` and `the second is a unit` stay.

    In prose it stays, too: there it is one word of many.
    """
    if len(words) > _MOST_OF_A_PLACE:
        return words
    written: list[str] = [*words[:1]]
    for before, word, following in zip(words, words[1:], [*words[2:], ""], strict=False):
        nouns = bool(following) and following not in STOP_WORDS and not is_number(following)
        lone = not following and len(words) == 2 and word != "second"
        is_place = word in _PLACES and before in _OWNERS and (nouns or lone)
        written.append(_PLACES[word] if is_place else word)
    return written


def _in_times(words: Sequence[str]) -> Sequence[str]:
    written: list[str] = []
    for word, following in zip_longest(words, words[1:]):
        often = word != "once" or following in _EACH or following in EACH_TIME
        written += (_TIMES[word], "times") if word in _TIMES and often else (word,)
    return written


def _in_parts(words: Sequence[str]) -> Sequence[str]:
    written: list[str] = []
    place = 0
    while place < len(words):
        word, following = words[place], tuple(words[place + 1 : place + 3])
        of_one = len(following) == 2 and following[0] in ONE and units.is_unit(following[1])
        is_one = word in ONE and bool(following) and units.is_unit(following[0])
        if word == "half" and following == ("a", "dozen"):
            written.append("6")
            place += 3
        elif word in _PARTS and of_one:
            written += (_PARTS[word], following[1])
            place += 3
        elif is_one and tuple(words[place + 2 : place + 5]) == _AND_A_HALF:
            written += ("1.5", following[0])
            place += 5
        elif word == "half" and following[:1] == ("as",):
            written += (_PARTS[word], "times")
            place += 1
        else:
            written.append(word)
            place += 1
    return written


def with_per(words: Sequence[str]) -> Sequence[str]:
    """Puts `2 times per day` for `2 times daily` and `2 times a day`."""
    if _OFTEN.isdisjoint(words):
        return words
    written = [*words[:1]]
    for word, following in zip_longest(words[1:], words[2:], fillvalue=""):
        if word in EACH_TIME:
            written += ("per", EACH_TIME[word])
        else:
            share = (
                word in _EACH
                and units.is_time(following)
                and not (word in ONE and written[-1] in STOP_WORDS)
            )
            written.append("per" if share else word)
    return written


def interval(words: Sequence[str]) -> tuple[Fraction, str] | None:
    """How often `every 6 hours` is, and the kind of unit that it is in."""
    if len(words) < 3 or words[0] not in _EACH - ONE or not is_number(words[1]):
        return None
    number = Fraction(words[1])
    if number <= 0 or not units.is_time(words[2]) or any(map(is_number, words[3:])):
        return None
    kind, size = units.UNITS[words[2]]
    return 1 / (number * size), f" per {kind}"


def repeated(words: Sequence[str]) -> tuple[Sequence[str], str] | None:
    """What is given again and again, and how often: `5 mg per kg`, and the rate of `every 8 hours`.

    `None` for words that do not end with how often.

    Args:
        words: The words of a text, as `with_per` leaves them.
    """
    if len(words) < _SHORTEST_DOSE or not units.is_time(words[-1]):
        return None
    for count in (3, 4):
        behind = words[-count:]
        if count == 3:
            often = interval(behind)
        elif behind[1:3] == ["times", "per"] and is_number(behind[0]):
            kind, size = units.UNITS[behind[3]]
            often = Fraction(behind[0]) / size, f" per {kind}"
        else:
            often = None
        if often is not None and any(map(units.is_unit, words[:-count])):
            return words[:-count], f" {often[0]} times{often[1]}"
    return None


def differ(first: Sequence[str], second: Sequence[str]) -> bool:
    """Whether two texts say how often, and not the same: `2 times per week`, `every 2 weeks`.

    Args:
        first: The words of one.
        second: Those of the other.
    """
    ours = _rates(first)
    theirs = _rates(second) if ours else {}
    return any(ours[kind].isdisjoint(theirs[kind]) for kind in ours.keys() & theirs.keys())


def _rates(words: Sequence[str]) -> dict[str | None, set[Fraction]]:
    """How often a text says that something is done, by the kind of unit that it is in."""
    rates: dict[str | None, set[Fraction]] = {}
    for place, word in enumerate(words):
        if word not in _EACH:
            continue
        if words[place - 1] == "times" and place > 1 and is_number(words[place - 2]):
            number, unit = Fraction(words[place - 2]), words[place + 1 : place + 2]
        else:
            number, unit = Fraction(1), words[place + 2 : place + 3]
            spans = words[place + 1 : place + 2]
            if word == "every" and spans and units.is_time(spans[0]):
                spans, unit = ["1"], spans
            if not (spans and is_number(spans[0]) and Fraction(spans[0]) > 0):
                continue
            number /= Fraction(spans[0])
        if unit and units.is_time(unit[0]):
            kind, size = units.UNITS[unit[0]]
            rates.setdefault(kind, set()).add(number / size)
    return rates
