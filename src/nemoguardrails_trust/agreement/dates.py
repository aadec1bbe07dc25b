"""Dates in their usual ways of writing."""

import re
from dataclasses import dataclass

from nemoguardrails_trust.agreement.text import MONTH_NAMES, has_digits, word_set

MONTHS: dict[str, int] = {
    **{name: number for number, name in enumerate(MONTH_NAMES, start=1)},
    **{name[:3]: number for number, name in enumerate(MONTH_NAMES, start=1)},
    "sept": 9,
}
_WEEKDAYS = word_set("monday tuesday wednesday thursday friday saturday sunday")
_DAYS_IN_FULL = {day[:3].capitalize(): day.capitalize() for day in _WEEKDAYS}
_SHORT_DAY = re.compile(r"\b(Mon|Tues?|Wed|Thu(?:rs?)?|Fri|Sat|Sun)\b\.?")
_LONGEST_WITH_DAYS = 160
_MONTH_NAME = r"(?P<month>" + "|".join(sorted(MONTHS, key=len, reverse=True)) + r")\.?"
_DAY = r"(?P<day>\d{1,2})(?:st|nd|rd|th)?"
_YEAR = r"(?P<year>\d{1,4})"
_PATTERNS = tuple(
    re.compile(pattern)
    for pattern in (
        rf"{_MONTH_NAME} (?:the )?{_DAY}(?:,? {_YEAR})?",
        rf"(?:the )?{_DAY} (?:of )?{_MONTH_NAME}(?:,? (?:of )?{_YEAR})?",
        rf"{_MONTH_NAME},? (?:of )?(?P<year>\d{{4}})",
        r"(?P<year>\d{4})[-/.](?P<month>\d{1,2})[-/.](?P<day>\d{1,2})(?:t[\d:.]+z?)?",
        r"(?P<month>0?[1-9]|1[0-2])/(?P<year>(?:19|20)\d{2})",
        r"(?P<first>\d{1,2})[-/.](?P<second>\d{1,2})[-/.](?P<year>\d{4})",
        r"(?P<year>[1-9]\d{2,3})",
    )
)
_LEADING = re.compile(r"^(?:on|in|it was|around|circa|c\.|am|um|den|le|el|il|em|op)\s+")
_TRAILING = re.compile(r" (?:года|году|г|r|roku)\.?$")
_ERA = re.compile(r"\s*\b(?:(b\.?c\.?(?:e\.?)?)|(?:a\.?d\.?|c\.?e\.?))$|^a\.?d\.?\s+")
_CLOCK = re.compile(r"(?:at )?(\d{1,2})(?::(\d{2}))?\s*([ap]\.? ?m)?\.?(?: o'clock)?")
_ZONES = {
    "utc": 0, "gmt": 0, "z": 0, "wet": 0, "bst": 60, "west": 60, "cet": 60, "mez": 60, "cest": 120,
    "mesz": 120, "eet": 120, "eest": 180, "msk": 180, "est": -300, "edt": -240, "cst": -360,
    "cdt": -300, "mst": -420, "mdt": -360, "pst": -480, "pdt": -420, "jst": 540, "kst": 540,
}  # fmt: skip
"""How far time zones are from UTC, in minutes; those that stand for one place only."""
_ZONE = re.compile(rf"\s?({'|'.join(_ZONES)})(?:([+-])(\d{{1,2}})(?::?(\d{{2}}))?)?$")
_AT = re.compile(r"^(?:um|gegen|a|as|alle|om|kl\.?|o|в) (?=\d)")
_NAMED_TIMES = {"noon": 720, "12 noon": 720, "midday": 720, "midnight": 0, "12 midnight": 0}
_NAMED = re.compile("noon|mid(?:day|night)")
_LONGEST = 48


@dataclass(frozen=True, slots=True)
class Date:
    """A day, a month or a year; before Christ the year is negative.

    Attributes:
        readings: `(year, month, day)` with `None` for what is not said; two where day and
            month could be either way round.
    """

    readings: tuple[tuple[int | None, int | None, int | None], ...]


def date(folded: str) -> Date | None:
    """Reads a folded text as one date, all of it.

    A bare number may be a year of three or four digits.
    """
    text = " ".join(folded.strip(" .!").split()) if len(folded) <= _LONGEST else ""
    if not has_digits(text):
        return None
    text = _TRAILING.sub("", _LEADING.sub("", text))
    head, _, rest = text.partition(" ")
    if head.rstrip(",") in _WEEKDAYS:
        text = rest
    era = _ERA.search(text)
    before_christ = bool(era and era[1])
    if era:
        text = _ERA.sub("", text).strip()
    for pattern in _PATTERNS:
        found = pattern.fullmatch(text)
        if found:
            return _checked(found.groupdict(), before_christ=before_christ)
    return None


def days_in_full(written: str) -> str:
    """A short text with its days in full, where it gives several: `Mon-Fri` as `Monday-Friday`."""
    if len(written) > _LONGEST_WITH_DAYS or not _has_day(written):
        return written
    if len(_SHORT_DAY.findall(written)) < 2:
        return written
    return _SHORT_DAY.sub(lambda found: _DAYS_IN_FULL[found[1][:3]], written)


def _has_day(text: str) -> bool:
    """Whether the beginning of any day's name stands in a text; seen faster than by a pattern."""
    return (
        "Mon" in text
        or "Tue" in text
        or "Wed" in text
        or "Thu" in text
        or "Fri" in text
        or "Sat" in text
        or "Sun" in text
    )


def same_zone(first: str, second: str) -> bool:
    """Whether two words name time zones that are equally far from UTC."""
    offset = _ZONES.get(first)
    return offset is not None and offset == _ZONES.get(second)


def clock(folded: str) -> int | None:
    """The minutes since midnight of a text that is a time of day, such as `3:10 pm`."""
    written = folded.strip(" .") if len(folded) <= _LONGEST else ""
    if written in _NAMED_TIMES:
        return _NAMED_TIMES[written]
    found = _CLOCK.fullmatch(written)
    if found is None or not (found[2] or found[3]):
        return None
    hour, minute = int(found[1]), int(found[2] or 0)
    if found[3]:
        hour = hour % 12 + (12 if found[3].startswith("p") else 0)
    return 60 * hour + minute if hour < 24 and minute < 60 else None


def clock_in_zone(folded: str) -> tuple[int, int | None] | None:
    """The minutes since midnight as they are written, and those of UTC where a zone is named."""
    if len(folded) > _LONGEST or not (has_digits(folded) or _NAMED.search(folded)):
        return None
    written = _AT.sub("", folded.strip(" ."))
    zone = _ZONE.search(written)
    if zone is None:
        plain = clock(written)
        return None if plain is None else (plain, None)
    local = clock(written[: zone.start()])
    if local is None:
        return None
    offset = _ZONES[zone[1]]
    if zone[2]:
        offset += int(f"{zone[2]}1") * (60 * int(zone[3]) + int(zone[4] or 0))
    return local, (local - offset) % 1440


def _checked(parts: dict[str, str | None], *, before_christ: bool) -> Date | None:
    numbers = {name: _number(text) for name, text in parts.items() if text}
    year, month, day = (numbers.get(name) for name in ("year", "month", "day"))
    options = [(month, day)]
    if "first" in numbers:
        first, second = numbers["first"], numbers["second"]
        options = [(first, second), (second, first)]
    if year is not None and before_christ:
        year = -year
    readings = [
        (year, month, day)
        for month, day in options
        if (month is None or 1 <= month <= 12) and (day is None or 1 <= day <= 31)
    ]
    return Date(tuple(dict.fromkeys(readings))) if readings else None


def _number(text: str) -> int:
    return MONTHS.get(text) or int(text)


def compare_dates(first: Date, second: Date) -> tuple[float, bool]:
    """How far two dates are the same, and whether that is settled.

    Dates that differ in a part that both name are 0.05 with the same year, else 0.0. Where one
    says less than the other, and nothing else, they may be the same: 0.7, not settled. So may two
    of which one could be read either way round; two that both could, and that are not written
    alike, are more likely different days: 0.3.
    """
    if first.readings == second.readings:
        return 1.0, True
    ambiguous = len(first.readings) + len(second.readings) - 2
    if ambiguous and set(first.readings) & set(second.readings):
        return (0.3 if ambiguous > 1 else 0.9), False
    best, settled = 0.0, True
    for one in first.readings:
        for other in second.readings:
            value, sure = _compare_readings(one, other)
            if value > best:
                best, settled = value, sure
    return best, settled


def _compare_readings(
    one: tuple[int | None, ...], other: tuple[int | None, ...]
) -> tuple[float, bool]:
    if one == other:
        return 1.0, True
    pairs = list(zip(one, other, strict=True))
    shared = [(a, b) for a, b in pairs if a is not None and b is not None]
    if not shared:
        return 0.0, True
    if all(a == b for a, b in shared):
        return 0.7, False
    return (0.05 if one[0] == other[0] and one[0] is not None else 0.0), True
