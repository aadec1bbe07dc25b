"""Times of day in words: `half past three`, `halb vier`, `kwart over drie`."""

import re
from fractions import Fraction

from nemoguardrails_trust.agreement import dates
from nemoguardrails_trust.agreement.languages import known_words
from nemoguardrails_trust.agreement.number_words import NUMBER_WORDS, join_number_words
from nemoguardrails_trust.agreement.quantities import Quantity
from nemoguardrails_trust.agreement.text import plain_number

_HOUR = r"([a-z]{2,10}|\d{1,2})\b(?! (?:hours?|days?|of|stunden|tage))"
_BEFORE = r"\b(?:(?:at|um|om) )?(?:a )?"
_MINUTES = "twenty[- ]five|twenty|ten|five"
_ENGLISH = re.compile(
    rf"\b(?:(?:at )?(?:a )?(half|quarter)|at ({_MINUTES})(?: minutes)?"
    rf"|({_MINUTES})(?: minutes)?(?= past)) (past|to) {_HOUR}(?: o'?clock)?"
)
"""By itself, `five to six` is a range."""
_GERMAN = re.compile(rf"{_BEFORE}(halb|viertel nach|viertel vor|dreiviertel) {_HOUR}(?: uhr)?")
_DUTCH = re.compile(rf"{_BEFORE}(half|kwart over|kwart voor) {_HOUR}(?: uur)?")
_PARTS = "media|cuarto|mezza|mezzo|un quarto|meia|quart|demie?"
_ROMANCE = re.compile(
    r"\b(?:a las?|(?:son )?las|alle|(?:sono )?le|as|a) ([a-z]{3,8}|\d{1,2})(?: heures?)?"
    rf" (?:(y|e|et)|menos|meno|moins)(?: le)? ({_PARTS})\b"
)
_FROM_HOUR = {
    "half past": 30, "quarter past": 15, "quarter to": -15, "five past": 5, "five to": -5,
    "ten past": 10, "ten to": -10, "twenty past": 20, "twenty to": -20, "twenty five past": 25,
    "twenty five to": -25, "halb": -30, "viertel nach": 15, "viertel vor": -15, "dreiviertel": -15,
    "half": -30, "kwart over": 15, "kwart voor": -15,
}  # fmt: skip
"""Minutes from the hour that is named."""
_NAMED = re.compile(
    r"\b((?:at|by|until|till|to|from|before|after|around|about) )"
    r"(?:12 )?(?:(noon|midday)|midnight)\b"
)
_OF_NAMED = ("noon", " mid")
_OF_OTHERS = (
    "hal",
    "art",
    "viertel",
    "medi",
    "mezz",
    "meia",
    "demi",
    "past ",
    "five to ",
    "ten to ",
    "twenty to ",
)
"""Of half, halb, quarter, kwart and viertel, and of minutes."""
SIGNS = (*_OF_NAMED, *_OF_OTHERS)
_MOST = 12
_LONGEST = 160


def in_digits(folded: str) -> str:
    """Puts a number of hours on the face of a clock for a time of day in words."""
    if len(folded) > _LONGEST:
        return folded
    if any(map(folded.__contains__, _OF_NAMED)):
        folded = _NAMED.sub(lambda found: f"{found[1]}{'12' if found[2] else '0'}:00", folded)
    if not any(map(folded.__contains__, _OF_OTHERS)):
        return folded
    folded = _ROMANCE.sub(_in_romance, _ENGLISH.sub(_in_english, folded))
    folded = _GERMAN.sub(lambda found: _written(found, found[1], found[2], "de"), folded)
    return _DUTCH.sub(lambda found: _written(found, found[1], found[2], "nl"), folded)


def _in_english(found: re.Match[str]) -> str:
    part = (found[1] or found[2] or found[3]).replace("-", " ")
    return _written(found, f"{part} {found[4]}", found[5], "en")


def _in_romance(found: re.Match[str]) -> str:
    """`a las ocho y media`, `alle otto meno un quarto`."""
    numbers = (_number(found[1], language) for language in ("es", "it", "pt", "fr"))
    hour = next((number for number in numbers if number is not None), 0)
    minutes = 15 if "quart" in found[3] or "cuarto" in found[3] else 30
    if not 0 < hour <= _MOST:
        return found[0]
    hours = (hour + (minutes if found[2] else -minutes) / 60) % _MOST
    return f"{plain_number(f'{hours:.4f}')} clockface"


def _written(found: re.Match[str], part: str, hour: str, language: str) -> str:
    number = _number(hour, language)
    if part not in _FROM_HOUR or number is None or not 0 < number <= _MOST:
        return found[0]
    hours = (number + _FROM_HOUR[part] / 60) % _MOST
    return f"{plain_number(f'{hours:.4f}')} clockface"


def _number(hour: str, language: str) -> int | None:
    if hour.isdecimal():
        return int(hour)
    if language != "en":
        return known_words().numbers[language].get(hour)
    return int(join_number_words([hour])[0]) if hour in NUMBER_WORDS - {"half"} else None


def time_of_day(folded: str) -> Quantity | None:
    """The time that a text is, in minutes; in those of UTC, where it names its zone."""
    minutes = dates.clock_in_zone(folded)
    if minutes is None:
        return None
    local, in_utc = map(Fraction, (minutes[0], minutes[1] or 0))
    if minutes[1] is None:
        return Quantity(local, local, "time of day")
    return Quantity(in_utc, local, "time of day in UTC")
