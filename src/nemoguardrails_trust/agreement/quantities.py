"""Numbers in digits and words, with their units."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from nemoguardrails_trust.agreement import bounds, frequencies, units
from nemoguardrails_trust.agreement.bounds import BOUNDS
from nemoguardrails_trust.agreement.expressions import is_noise
from nemoguardrails_trust.agreement.text import is_number, word_set

_HEDGES = word_set(
    "about approximately around roughly nearly almost exactly approx circa some ca equals total "
    "a an the of just only than at"
)
_LONGEST_LABEL = 3
_EXACT_DIGITS = 15
_OTHER_THING = 0.45
"""How far a number of things and the same number with a unit agree."""
_DAY = 86_400
_KITCHEN = {units.UNITS[name][1] for name in ("teaspoon", "tablespoon", "cup", "fluidounce")}
_HALF_A_DAY = 720
_CLOCK_FACE = "time on a clock"
_DAYS: dict[str | None, Sequence[Fraction]] = {
    "months": (Fraction(28), Fraction(31)),
    "business day": (Fraction(7, 5), Fraction(7, 5)),
}
"""The fewest and the most days that one of a unit has."""


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number, with its unit where it has one.

    Attributes:
        value: The number, in the unit kind's first unit where the unit is known.
        plain: The number as it stands in the text, before its unit is taken into account.
        kind: `length`, `mass`, …, or the unit's own name; `None` without a unit.
        digits: Digits behind the decimal point as written, by which a rounding is known.
        label: Words behind the number that are no known unit, as in `240 telephone calls`.
        bound: One of `BOUNDS` for what is said to be less or more than the number.
    """

    value: Fraction | float
    plain: Fraction | float
    kind: str | None = None
    digits: int = 0
    label: frozenset[str] = frozenset()
    bound: str = ""


def exact(number: float) -> Quantity:
    """A number that was worked out, not written."""
    return Quantity(number, number, digits=0 if number == int(number) else _EXACT_DIGITS)


def quantity(words: Sequence[str]) -> Quantity | None:
    """Reads words as one quantity, all of them.

    A compound such as `5 feet 4 inches` is one quantity; two numbers that do not add up are
    none. Up to three words that are no unit may stand behind a number. How often something is
    done is a quantity, too: `every 6 hours` is `four times a day`.
    """
    words, bound = frequencies.with_per(words), ""
    if (often := frequencies.interval(words)) is not None:
        return Quantity(often[0], often[0], often[1])
    if (dose := frequencies.repeated(words)) is not None:
        each = quantity(dose[0])
        # In the kind, since one dose a day is none that is divided into three.
        return each and replace(each, kind=f"{each.kind or ''}{dose[1]}")
    place, parts = 0, []
    while place < len(words) and (words[place] in _HEDGES or words[place] in BOUNDS):
        bound = BOUNDS.get(words[place], bound)
        place += 1
    while place < len(words):
        if not is_number(words[place]) or len(words[place]) > 400:
            return None
        part, place = _read_part(words, place)
        if part is None:
            return None
        parts.append(part)
        if place < len(words) and words[place] == "and":
            place += 1
    total = _add_up(parts)
    return replace(total, bound=bound) if total and bound else total


def _read_part(words: Sequence[str], place: int) -> tuple[Quantity | None, int]:
    number = words[place]
    # Fractions take a text apart with a pattern, and a whole number as it is.
    value = Fraction(int(number) if number.isdecimal() else number)
    digits = min(15, len(number.partition(".")[2]))
    place += 1
    kind, size, power, zero = None, Fraction(1), 1, Fraction(0)
    label: list[str] = []
    while place < len(words) and not is_number(words[place]):
        word = words[place]
        if word == "and":
            break
        if word in units.POWERS:
            power = units.POWERS[word]
        elif word in units.UNITS and kind is None and not label:
            kind, size = units.UNITS[word]
            zero = units.ZERO.get(word.removesuffix("s"), zero)
        elif word in units.AFTER_DEGREES and kind == "degree":
            kind, size = units.UNITS[units.AFTER_DEGREES[word]]
            zero = units.ZERO.get(units.AFTER_DEGREES[word], zero)
        elif word == "in" and _is_span(words[place + 1 :]):
            share_kind, share_size = units.UNITS[words[place + 2]]
            size /= Fraction(words[place + 1]) * share_size
            kind, place = f"{kind or ''} per {share_kind}", len(words)
            break
        elif word in ("per", "each", "every"):
            share = words[place + 1 : place + 3]
            rest = words[place + 2 :]
            alone = not any(
                is_number(word) or word == "per" for word in rest[rest[:1] == ["per"] :]
            )
            if share and share[0] in units.UNITS and alone:
                share_kind, share_size = units.UNITS[share[0]]
                kind, size = f"{kind or ''} per {share_kind}", size / share_size
                if word == "per" and rest[:1] == ["per"] and rest[1:2] and units.is_time(rest[1]):
                    share_kind, share_size = units.UNITS[rest[1]]  # `mg per kg per day`
                    kind, size = f"{kind} per {share_kind}", size / share_size
            else:
                kind = f"{kind or ''} per {' '.join(share)}"
            place = len(words)
            break
        elif word not in _HEDGES:
            label.append(word)
            if len(label) > _LONGEST_LABEL:
                return None, place
        place += 1
    if kind is not None and power > 1:
        kind, size = f"{kind}^{power}", size**power
    measured = value if kind is None else value * size + zero
    return Quantity(measured, value, kind, digits, frozenset(label)), place


def _is_span(words: Sequence[str]) -> bool:
    """Whether nothing but a span of time stands there, as in `5 km in 30 minutes`."""
    if len(words) != 2 or not is_number(words[0]) or Fraction(words[0]) <= 0:
        return False
    return units.UNITS.get(words[1], (None,))[0] in ("time", "months")


def _add_up(parts: Sequence[Quantity]) -> Quantity | None:
    if not parts:
        return None
    if len(parts) == 1:
        return parts[0]
    kind = parts[0].kind
    sizes = [part.value / part.plain if part.plain else 0 for part in parts]
    if kind is None or any(part.kind != kind for part in parts) or sizes != sorted(sizes)[::-1]:
        return None
    if len(set(sizes)) < len(sizes):
        return None  # two prices, and no sum of them
    total = sum((part.value for part in parts), start=Fraction(0))
    return Quantity(total, total / sizes[-1] if sizes[-1] else total, kind, parts[-1].digits)


def compare_quantities(first: Quantity, second: Quantity) -> float:
    """How far two quantities are the same, 0 to 1; above 0.5 they count as the same.

    Equal numbers are 1.0, whether written as a fraction, a decimal or a percentage; a unit that
    only one has takes off a little, as does a number that is a rounding of the other. The same
    number of different things (`12 monkeys`, `12 angry men`) is 0.2. Different
    numbers are at most 0.1, by how near they are, so that a close miss counts for more than an
    absurdity; different units are 0.0.
    """
    if first.bound != second.bound:
        alike = bounds.agree(first.bound, second.bound)
        return alike * compare_quantities(replace(first, bound=""), replace(second, bound=""))
    united = first.kind is not None and second.kind is not None  # the words are no unit then
    if not united and first.label and second.label and first.label.isdisjoint(second.label):
        return 0.2 if _same(first.plain, second.plain) else 0.0
    if first.kind == second.kind:
        if _is_conversion(first, second):
            return 0.95
        alike = _compare_numbers(first.value, second.value, first.digits, second.digits)
        return 0.8 if alike < 0.8 and _is_rough_conversion(first, second) else alike
    kinds = {first.kind, second.kind}
    if _CLOCK_FACE in kinds:
        return _compare_on_a_clock(first, second)
    if may_be_equal(first, second):
        return _OTHER_THING
    if None in kinds and bool(first.label) != bool(second.label):
        counted, measured = (first, second) if first.kind is None else (second, first)
        if counted.label and not measured.label:
            return min(_OTHER_THING, _compare_numbers(first.plain, second.plain, 0, 0))
    if kinds == {"time of day", "time of day in UTC"}:
        return 0.8 * _compare_numbers(first.plain, second.plain, 0, 0)
    if kinds == {"percent", "percentage point"} and _in_basis_points(first, second):
        return 0.97 * _compare_numbers(first.value, second.value, first.digits, second.digits)
    if None not in kinds and kinds != {"degree", "temperature"}:
        return 0.0
    bare, other = (first, second) if first.kind in (None, "degree") else (second, first)
    if other.kind == "time of day" and not bare.label and bare.kind is None and bare.plain <= 24:
        return 0.8 if (60 * bare.plain - other.value) % _HALF_A_DAY == 0 else 0.0
    if other.kind == "percent":
        as_share = other.value / 100
        if _same(bare.plain, as_share):
            return 1.0
    return 0.97 * _compare_numbers(bare.plain, other.plain, bare.digits, other.digits)


def _compare_on_a_clock(first: Quantity, second: Quantity) -> float:
    """A time in words, of which the half of the day is not said, against one of which it is."""
    if {first.kind, second.kind} != {_CLOCK_FACE, "time of day"}:
        return 0.0
    return 0.8 if round(first.value - second.value) % _HALF_A_DAY == 0 else 0.0


def _in_basis_points(first: Quantity, second: Quantity) -> bool:
    """Whether percentage points are given in hundredths, by which rates are told, too."""
    points = first if first.kind == "percentage point" else second
    return 100 * points.value == points.plain


def may_be_equal(first: Quantity, second: Quantity) -> bool:
    """Whether they are spans of which only the calendar tells whether they are equal.

    Such are 30 days and a month, 52 weeks and a year, 10 business days and two weeks.
    """
    days, other = (second, first) if second.kind == "time" else (first, second)
    if days.kind != "time" or other.kind not in _DAYS:
        return False
    if not (isinstance(days.value, Fraction) and isinstance(other.value, Fraction)):
        return False
    least, most = (other.value * count for count in _DAYS[other.kind])
    return least <= days.value / _DAY <= most and days.value > 0


def may_be_rounded(first: Quantity, second: Quantity) -> bool:
    """Whether one is the other, rounded to no more than two significant digits.

    So `21%` is to `20.66%`, which is enough where something had to be worked out.
    """
    if first.digits == second.digits or "percent" not in (first.kind, second.kind):
        return False
    short, long = sorted((first, second), key=lambda quantity: quantity.digits)
    try:
        x, y = abs(float(short.plain)), abs(float(long.plain))
    except OverflowError:
        return False
    if x * 10**short.digits < 10 or (first.plain < 0) != (second.plain < 0):
        return False
    return abs(x - y) <= 0.5000001 * 10.0**-short.digits


def _compare_numbers(
    a: Fraction | float, b: Fraction | float, a_digits: int, b_digits: int
) -> float:
    if _same(a, b):
        return 1.0
    try:
        x, y = float(a), float(b)
    except OverflowError:
        return 0.0
    if a_digits != b_digits and _is_rounding(x, y, min(a_digits, b_digits)):
        return 0.95
    if x * y <= 0 or not math.isfinite(x * y):
        return 0.0
    return 0.1 * math.cbrt(min(abs(x), abs(y)) / max(abs(x), abs(y)))


def _same(a: Fraction | float, b: Fraction | float) -> bool:
    if isinstance(a, Fraction) and isinstance(b, Fraction):
        return bool(a == b)
    try:
        x, y = float(a), float(b)
        return math.isclose(x, y, rel_tol=1e-7) or (0.0 in (x, y) and is_noise(x - y))
    except OverflowError:
        return False


def _is_conversion(first: Quantity, second: Quantity) -> bool:
    """Whether one is the other in another unit, rounded to at least three significant digits."""
    if first.kind in (None, "temperature") or not (first.value and second.value):
        return False
    try:
        (x, x_size, x_digits), (y, y_size, y_digits) = (
            (float(one.value), float(one.value / one.plain), abs(one.plain) * 10**one.digits)
            for one in (first, second)
        )
    except OverflowError:
        return False
    if math.isclose(x_size, y_size) or min(x_digits, y_digits) < 100:
        return False
    steps = (x_size * 10.0**-first.digits, y_size * 10.0**-second.digits)
    return abs(x - y) <= 0.5000001 * max(steps)


def _is_rough_conversion(first: Quantity, second: Quantity) -> bool:
    """Whether one is the other in another system of units, rounded as people do.

    So are `100 km/h` and `62 mph`, and `5 ml` and `a teaspoon`, which is 2 % less.
    """
    if first.kind in (None, "temperature", "time", "months") or not (first.value and second.value):
        return False
    try:
        x, y = float(first.value), float(second.value)
        ratio = float(first.value / first.plain * second.plain / second.value)
    except OverflowError:
        return False
    if ratio == 1 or math.log10(ratio).is_integer() or abs(x - y) > 0.02 * max(abs(x), abs(y)):
        return False
    sizes = {one.value / one.plain for one in (first, second)}
    return abs(x - y) <= 0.005 * max(abs(x), abs(y)) or not _KITCHEN.isdisjoint(sizes)


def _is_rounding(x: float, y: float, digits: int) -> bool:
    """Whether one is the other, rounded to a number of at least three significant digits."""
    if digits < 1 or min(abs(x), abs(y)) * math.pow(10, digits) < 100:
        return False
    return abs(x - y) <= 0.5000001 * math.pow(10, -digits)
