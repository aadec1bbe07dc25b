"""Number words and months in other languages than English.

The words stand in `languages.json`, which `python -m tests.agreement.make_languages` makes out of
the Unicode CLDR (by Babel) and num2words.
"""

import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import chain

from nemoguardrails_trust.agreement import text, units
from nemoguardrails_trust.agreement.scripts import SIGNS_ON_LETTERS

PREFIX = 3
"""Letters by which it is seen at once that a word is no number in any language."""
_MOST_WORDS = 24
LONGEST_RUN = 9
"""Most words that one number is written in."""
_LONGEST_NUMBER = 60
"""Most letters that one number is written in."""
ENGLISH_TOO = text.word_set("once elf cent die bin set six zero nine million")
_NO_NUMBERS = ENGLISH_TOO | text.word_set("ein eine ett een una une uma")
_BETWEEN = ("und", "y", "e", "et", "si", "en", "och", "og", "and", "و", "ו", "i")

# What some languages say behind a year: `12 апреля 1961 года`, `11 listopada 1918 roku`.
_YEAR = r"(?:พ\.?ศ\.?\s?)?(\d{4})\b(?:\s(?:год[ау]?|г|року|р|roku)\b\.?)?"
LETTER = rf"(?:[^\W\d_]|[{SIGNS_ON_LETTERS}\u0e30-\u0e4e])"
_DAY_MONTH = re.compile(
    rf"\b(\d{{1,2}})(?:\.|er|º|o)?\s(?:de\s|d')?({LETTER}{{3,12}})(?!{LETTER})\.?"
    rf"(?:(?:\sdel?)?,?\s{_YEAR})?"
)
_MONTH_YEAR = re.compile(rf"\b({LETTER}{{3,12}})(?:\sdel?)?\s{_YEAR}")
_ASCII_WORD = re.compile("[a-z]+")
_YEAR_MONTH_DAY = re.compile(r"\b(\d{4})\.?\s([^\W\d_]{3,12})\.?\s(\d{1,2})\b\.?")


_VIETNAMESE = re.compile(r"\b(\d{1,2}) thang (\d{1,2})(?:,? nam|,)? (\d{4})\b")
_THAI = re.compile("[\u0e00-\u0e7f]")
_THAI_YEARS = 543
_FIRST_THAI, _LAST_THAI = 2300, 2700


_ENGLISH_ENDS = text.word_set("an any time ar ev zi week")
"""Of `par an` and the like, what also stands in English, and so is not looked for."""


@dataclass(frozen=True, slots=True)
class _Words:
    """What the file holds.

    Attributes:
        months: Names of months in full, folded, with their number.
        short_months: The same of abbreviations.
        numbers: By language, number words without spaces, with their value.
        number_words: Those of all languages.
        longest: The letters of the longest of them.
        prefixes: By the first letters of a number word, the languages that have it.
        units: Units of measure and currencies, with their names in English.
        wholes: Words for two or half of a unit, with that number and the unit's name in English.
        halves: Words for half of something.
        periods: Words for the parts of a day, with its half.
        period_ends: The last words of these.
        shares: Words for `per day` and their like, with the unit.
        share_ends: The last words of these.
        times: Words for `times`.
        every: Words for `every`.
        joins: Words for `and`, as they are written.
        counted: Of what is measured or counted, all words that do not stand by themselves.
        scales: Words for thousands, millions and so on, with the English one.
        eras: `bc` or `ad`.
        quarters: Quarters of a year, with their number.
        ordinals: Ordinals without spaces, with their number.
    """

    months: dict[str, int]
    short_months: dict[str, int]
    numbers: dict[str, dict[str, int]]
    number_words: frozenset[str]
    longest: int
    prefixes: dict[str, tuple[str, ...]]
    units: dict[str, str]
    wholes: dict[str, tuple[str, str]]
    halves: frozenset[str]
    periods: dict[tuple[str, ...], str]
    period_ends: frozenset[str]
    shares: dict[tuple[str, ...], str]
    share_ends: frozenset[str]
    times: frozenset[str]
    every: frozenset[str]
    joins: tuple[str, ...]
    counted: frozenset[str]
    scales: dict[str, str]
    eras: dict[str, str]
    quarters: dict[str, int]
    ordinals: dict[str, int]


@cache
def known_words() -> _Words:
    """The words of all languages, read once."""
    stored = json.loads(files(__package__).joinpath("languages.json").read_text("utf-8"))
    prefixes: defaultdict[str, list[str]] = defaultdict(list)
    for language, words in stored["numbers"].items():
        for prefix in sorted({word[:PREFIX] for word in words}):
            prefixes[prefix].append(language)
    number_words = frozenset(chain.from_iterable(stored["numbers"].values()))
    wholes = {word: ("2", unit) for word, unit in stored["duals"].items()}
    wholes |= {word: ("0.5", unit) for word, unit in stored["half_units"].items()}
    wholes |= {word: (number, "times") for word, number in stored["multiples"].items()}
    shares, periods = map(_by_words, (stored["shares"], stored["periods"]))
    share_ends, period_ends = (
        frozenset(phrase[-1] for phrase in phrases) for phrases in (shares, periods)
    )
    return _Words(
        months=stored["months"],
        short_months=stored["short_months"],
        numbers=stored["numbers"],
        number_words=number_words,
        longest=max(map(len, number_words)),
        prefixes={prefix: tuple(found) for prefix, found in prefixes.items()},
        units=stored["units"],
        wholes=wholes,
        halves=frozenset(stored["halves"]),
        periods=periods,
        period_ends=period_ends,
        shares=shares,
        share_ends=share_ends,
        times=frozenset(stored["times"]),
        every=frozenset(stored["every"]),
        joins=tuple(stored["joins"]),
        counted=frozenset((*stored["units"], *units.UNITS)).union(
            wholes, stored["times"], period_ends, (share_ends | {"par"}) - _ENGLISH_ENDS
        ),
        scales=stored["scales"],
        eras=stored["eras"],
        quarters=stored["quarters"],
        ordinals=stored["ordinals"],
    )


def _by_words(phrases: dict[str, str]) -> dict[tuple[str, ...], str]:
    return {tuple(phrase.split(" ")): meaning for phrase, meaning in phrases.items()}


def english_months(folded: str) -> str:
    """Writes the months in dates of a folded text in English: `3. mai 1808` as `3 may 1808`."""
    if not text.has_digits(folded):
        return folded
    if "thang" in folded:
        folded = _VIETNAMESE.sub(r"\3-\2-\1", folded)
    if folded.isascii() and _months_in_ascii().isdisjoint(_ASCII_WORD.findall(folded)):
        return folded
    folded = _YEAR_MONTH_DAY.sub(_reordered, folded)
    folded = _DAY_MONTH.sub(_with_day, folded)
    return _MONTH_YEAR.sub(_without_day, folded)


@cache
def _months_in_ascii() -> frozenset[str]:
    known = known_words()
    return frozenset(filter(str.isascii, (*known.months, *known.short_months)))


def _reordered(found: re.Match[str]) -> str:
    month = known_words().months.get(found[2])
    return f"{found[3]} {text.MONTH_NAMES[month - 1]} {found[1]}" if month else found[0]


def _with_day(found: re.Match[str]) -> str:
    words = known_words()
    month = words.months.get(found[2]) or words.months.get(found[2].removeprefix("ב"))
    if month is None and found[3]:
        month = words.short_months.get(found[2])  # by itself it may be a word of its own
    if month is None:
        return found[0]
    return " ".join(filter(None, (found[1], text.MONTH_NAMES[month - 1], _year(found))))


def _without_day(found: re.Match[str]) -> str:
    month = known_words().months.get(found[1])
    if month is None or found[1] == "mars":  # the planet and its missions
        return found[0]
    return f"{text.MONTH_NAMES[month - 1]} {_year(found)}"


def _year(found: re.Match[str]) -> str | None:
    """The year of a date, by the common count where it is one of Thailand's."""
    year: str | None = found[found.re.groups]
    if year and _THAI.search(found[0]) and _FIRST_THAI <= int(year) <= _LAST_THAI:
        return str(int(year) - _THAI_YEARS)
    return year


def in_digits(words: Sequence[str], wanted: Callable[[int], bool]) -> list[str] | None:
    """Words with a number that another language writes in words put in digits.

    Args:
        words: The words of an answer without digits, folded.
        wanted: Whether a number is one to look for. A number word that is another word, too,
            is only taken where the answer has little else.

    Returns:
        The words; `None` where there is no such number.
    """
    if len(words) > _MOST_WORDS:
        return None
    prefixes = known_words().prefixes
    for start, first in enumerate(words):
        if len(first) >= PREFIX and first[:PREFIX] not in prefixes:
            continue
        if not _starts_with_number("".join(words[start : start + LONGEST_RUN])):
            continue
        for end in range(min(len(words), start + LONGEST_RUN), start, -1):
            run = words[start:end]
            if len(words) > 2 and end - start == 1 and _may_be_another(run[0]):
                continue
            found = list(values("".join(run)))
            for value in found:
                if wanted(value):
                    return [*words[:start], str(value), *words[end:]]
            if found and end - start > 1:
                break  # `ciento veinticinco mil` is not 125
    return None


def _starts_with_number(joined: str) -> bool:
    """Whether joined words begin with a number word of any language; few do."""
    known = known_words()
    ends = range(1, min(len(joined), known.longest) + 1)
    return not known.number_words.isdisjoint([joined[:end] for end in ends])


def _ends_with_number(joined: str) -> bool:
    """Whether they end with one, which is seen faster than what all of them are."""
    known = known_words()
    starts = range(max(0, len(joined) - known.longest), len(joined))
    return not known.number_words.isdisjoint([joined[start:] for start in starts])


def _may_be_another(word: str) -> bool:
    return len(word) < PREFIX or word in text.STOP_WORDS or word in _NO_NUMBERS


def values(joined: str) -> Iterator[int]:
    """What number words without spaces between them mean, in each language that has them."""
    if len(joined) > _LONGEST_NUMBER or not _ends_with_number(joined):
        return
    words = known_words()
    starts = (words.prefixes.get(joined[:end], ()) for end in range(PREFIX, 1, -1))
    for language in dict.fromkeys(chain.from_iterable(starts)):
        value = _value(joined, words.numbers[language])
        if value is not None:
            yield value


def _value(joined: str, numbers: dict[str, int]) -> int | None:
    parts = _parts(joined, numbers, set())
    return _combined(parts) if parts else None


def _parts(joined: str, numbers: dict[str, int], failed: set[str]) -> list[int] | None:
    """The values of the number words that joined words consist of, the longest words first.

    Args:
        joined: The words without spaces.
        numbers: The number words of one language.
        failed: Ends of `joined` that are known not to consist of any; more are added.
    """
    for end in range(min(len(joined), known_words().longest), 0, -1):
        value = numbers.get(joined[:end])
        if value is None:
            continue
        if end == len(joined):
            return [value]
        for rest in _rests(joined[end:]):
            if rest not in failed:
                following = _parts(rest, numbers, failed)
                if following is not None:
                    return [value, *following]
                failed.add(rest)
    return None


def _rests(behind: str, most: int = 2) -> Iterator[str]:
    """What may follow a number word: at once, or behind one or two words such as `and`."""
    yield behind
    for word in _BETWEEN:
        if most and behind.startswith(word):
            yield from _rests(behind.removeprefix(word), most - 1)


def _combined(parts: Sequence[int]) -> int | None:
    """`2, 100, 50` as 250; `None` where the parts make no number."""
    total, group, room = 0, 0, 1_000
    for part in parts:
        if part >= 1_000:
            total += (group or 1) * part
            group, room = 0, 1_000
        elif part == 100 and 1 < group < 20:
            group, room = group * 100, 100
        elif part < room:
            group += part
            room = 100 if part >= 100 else 10 if part >= 20 and part % 10 == 0 else 1
        else:
            return None
    return total + group
