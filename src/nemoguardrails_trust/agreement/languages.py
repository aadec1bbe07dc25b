"""Number words, months, units and eras in other languages than English.

The words stand in `languages.json`, which `python -m tests.agreement.make_languages` makes out of
the Unicode CLDR (by Babel), num2words and OpenCC.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from nemoguardrails_trust.agreement import text, units
from nemoguardrails_trust.agreement.stored import stored

_PREFIX = 3
"""Letters by which it is seen at once that a word is no number in any language."""
_MOST_WORDS = 24
_LONGEST_RUN = 9
"""Most words that one number is written in."""
_LONGEST_NUMBER = 60
"""Most letters that one number is written in."""
_ENGLISH_TOO = text.word_set("once elf cent die bin set six zero nine million")
_BETWEEN = ("und", "y", "e", "et", "si", "en", "och", "og", "and")

# What some languages say behind a year: `12 апреля 1961 года`, `11 listopada 1918 roku`.
_YEAR = r"(\d{4})\b(?:\s(?:год[ау]?|г|року|р|roku)\b\.?)?"
_LETTER = r"(?:[^\W\d_]|[\u0900-\u0dff\u0e31-\u0e4e])"  # vowel signs are no letters to `re`
_NAME = rf"({_LETTER}{{3,12}})(?!{_LETTER})"
_DAY_MONTH = re.compile(
    rf"\b(\d{{1,2}})(?:\.|er|º|o)?\s(?:de\s|d')?{_NAME}\.?"
    rf"(?:(?:\sdel?)?,?\s{_YEAR})?"
)
_MONTH_YEAR = re.compile(rf"\b{_NAME}(?:\sdel?)?\s{_YEAR}")
_YEAR_MONTH_DAY = re.compile(rf"\b(\d{{4}})\.?\s{_NAME}\.?\s(\d{{1,2}})\b\.?")
_NUMBERED_MONTH = re.compile(r"\b(\d{1,2}) (?:thang )(\d{1,2})(?:,? nam)? (\d{4})\b")  # Vietnamese
_MEASURED = re.compile(
    rf"(\d)(\s?)((?:[\u3040-\u9fff\uac00-\ud7a3]){{1,9}}|{_LETTER}{{2,24}}(?:\s{_LETTER}{{2,24}}){{0,3}})"
)
_DECIMAL = re.compile(r"(?<![\w.,])(\d{1,9}),(\d{1,9})(?=[\s\u3040-\uffff])")
_AND_A_HALF = re.compile(r"\b(?:anderthalb(?:e[mnrs]?)?|полтор[аы]|([a-z]{3,8})einhalb)\b")
_MAY_BE_ERA = re.compile(r"\d\s\w{1,4}\.|[^\x00-\x7f]")
_QUARTERS = {
    "first": 1,
    "second": 2,
    "third": 3,
    "fourth": 4,
    "1st": 1,
    "2nd": 2,
    "3rd": 3,
    "4th": 4,
}
_QUARTER = re.compile(rf"\b(?:the )?({'|'.join(_QUARTERS)}) quarter(?:,| of| in)? (\d{{4}})\b")


@dataclass(frozen=True, slots=True)
class _Words:
    """What the file holds.

    Attributes:
        months: Names of months in full, folded, with their number.
        short_months: The same of abbreviations.
        numbers: By language, number words without spaces, with their value.
        prefixes: By the first letters of a number word, the languages that have it.
        measures: The first words of units.
    """

    months: dict[str, int]
    short_months: dict[str, int]
    numbers: dict[str, dict[str, int]]
    prefixes: dict[str, tuple[str, ...]]
    measures: frozenset[str]


@cache
def _words() -> _Words:
    known = stored()
    prefixes: defaultdict[str, list[str]] = defaultdict(list)
    for language, words in known["numbers"].items():
        for prefix in sorted({word[:_PREFIX] for word in words}):
            prefixes[prefix].append(language)
    return _Words(
        months=known["months"],
        short_months=known["short_months"],
        numbers=known["numbers"],
        prefixes={prefix: tuple(found) for prefix, found in prefixes.items()},
        measures=frozenset(name.partition(" ")[0] for name in known["units"]),
    )


def in_english(folded: str) -> str:
    """Writes months, units, sizes and eras beside numbers of a folded text in English.

    `3. mai 1808` becomes `3 may 1808`, `2,5 kilogramm` `2.5 kg`, and `44 v. chr.` `44 bc`.
    """
    if "halb" in folded or "полтор" in folded:
        folded = _AND_A_HALF.sub(_with_half, folded)
    if not any(map(str.isdecimal, folded)):
        return folded
    folded = _YEAR_MONTH_DAY.sub(_reordered, folded)
    if "thang" in folded:
        folded = _NUMBERED_MONTH.sub(_numbered, folded)
    folded = _DAY_MONTH.sub(_with_day, folded)
    folded = _MONTH_YEAR.sub(_without_day, folded)
    if _MAY_BE_ERA.search(folded):
        behind, before = _eras()
        folded = before.sub(r"\1 bc", behind.sub(_in_era, folded))
    if "quarter" in folded:
        folded = _QUARTER.sub(lambda found: f"q{_QUARTERS[found[1]]} {found[2]}", folded)
    return _with_units(folded)


def _with_half(found: re.Match[str]) -> str:
    whole = _words().numbers["de"].get(found[1] if found[1] != "ein" else "eins") if found[1] else 1
    return found[0] if whole is None else f"{whole}.5"


def _with_units(folded: str) -> str:
    if "," in folded:
        folded = _DECIMAL.sub(_with_decimals, folded)
    return _MEASURED.sub(_measured, folded)


def _with_decimals(found: re.Match[str]) -> str:
    """With a point, where what follows is a unit of another language, or can be no thousand."""
    behind = _MEASURED.match(found.string, found.end() - 1)
    if behind is None:
        return found[0]
    known = _measured(behind) != behind[0]
    known = known or (len(found[2]) < 3 and units.is_unit(behind[3].split()[0]))
    return f"{found[1]}.{found[2]}" if known else found[0]


def _measured(found: re.Match[str]) -> str:
    words = found[3]
    if words.partition(" ")[0] not in _words().measures and words[0] < "\u3000":
        return found[0]
    known = stored()["units"]
    if words[0] >= "\u3000":  # without spaces between words
        for end in range(len(words), 0, -1):
            if (unit := known.get(words[:end])) is not None:
                rest = words[end:].removeprefix("間")
                return f"{found[1]} {unit} {rest}".rstrip()
        return found[0]
    parts = words.split()
    for end in range(len(parts), 0, -1):
        unit = known.get(" ".join(parts[:end]))
        if unit is not None:
            return " ".join((found[1], unit, *parts[end:]))
    return found[0]


@cache
def _eras() -> tuple[re.Pattern[str], re.Pattern[str]]:
    """Patterns of what stands behind a year, and of what before it says `before Christ`."""
    eras = sorted(stored()["eras"], key=len, reverse=True)
    spaced = ("".join(re.escape(sign) + (r"\s?" if sign == "." else "") for sign in era)
              for era in eras if era < "\u3000")  # fmt: skip
    behind = "|".join(era.replace("дон", r"до\s?н").removesuffix(r"\s?") for era in spaced)
    before = "|".join(era for era in eras if era >= "\u3000" and stored()["eras"][era] == "bc")
    return (
        re.compile(rf"\b(\d{{1,4}}(?:\s(?:год[ау]?|г\.?|r\.?|roku))?)\s({behind})(?!\w)\.?"),
        re.compile(rf"(?:{before})\s?(\d{{1,4}})\s?[年년]?"),
    )


def _in_era(found: re.Match[str]) -> str:
    year = found[1].split()[0]
    return f"{year} {stored()['eras'].get(found[2].replace(' ', '').rstrip('.'), 'bc')}"


def _numbered(found: re.Match[str]) -> str:
    month = int(found[2])
    if not 1 <= month <= 12:
        return found[0]
    return f"{found[1]} {text.MONTH_NAMES[month - 1]} {found[3]}"


def _reordered(found: re.Match[str]) -> str:
    month = _words().months.get(found[2])
    return f"{found[3]} {text.MONTH_NAMES[month - 1]} {found[1]}" if month else found[0]


def _with_day(found: re.Match[str]) -> str:
    words = _words()
    month = words.months.get(found[2])
    if month is None and found[3]:
        month = words.short_months.get(found[2])  # by itself it may be a word of its own
    if month is None:
        return found[0]
    return " ".join(filter(None, (found[1], text.MONTH_NAMES[month - 1], found[3])))


def _without_day(found: re.Match[str]) -> str:
    month = _words().months.get(found[1])
    if month is None or found[1] == "mars":  # the planet and its missions
        return found[0]
    return f"{text.MONTH_NAMES[month - 1]} {found[2]}"


def in_digits(words: Sequence[str], wanted: Callable[[int], bool]) -> list[str] | None:
    """Words with a number that another language writes in words put in digits.

    Args:
        words: The words of an answer without digits, folded.
        wanted: Whether a number is one to look for. A number word that is a word of English, too,
            is only taken where the answer has little else.

    Returns:
        The words; `None` where there is no such number.
    """
    if len(words) > _MOST_WORDS:
        return None
    prefixes = _words().prefixes
    for start, first in enumerate(words):
        if len(first) >= _PREFIX and first[:_PREFIX] not in prefixes:
            continue
        for end in range(min(len(words), start + _LONGEST_RUN), start, -1):
            run = words[start:end]
            if len(words) > 2 and end - start == 1 and _may_be_english(run[0]):
                continue
            for value in _values("".join(run)):
                if wanted(value):
                    return [*words[:start], str(value), *words[end:]]
    return None


def _may_be_english(word: str) -> bool:
    return len(word) < _PREFIX or word in text.STOP_WORDS or word in _ENGLISH_TOO


def _values(joined: str) -> Iterator[int]:
    """What number words without spaces between them mean, in each language that has them."""
    if len(joined) > _LONGEST_NUMBER:
        return
    words = _words()
    for language in words.prefixes.get(joined[:_PREFIX], ()):
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
    for end in range(len(joined), 0, -1):
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
        elif part == 100 and 0 < group < 10:
            group, room = group * 100, 100
        elif part < room:
            group += part
            room = 100 if part >= 100 else 10 if part >= 20 and part % 10 == 0 else 1
        else:
            return None
    return total + group
