"""Numbers in digits and words, with their units."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from nemoguardrails_trust.agreement import bounds, frequencies, units
from nemoguardrails_trust.agreement.bounds import BOUNDS
from nemoguardrails_trust.agreement.expressions import is_noise
from nemoguardrails_trust.agreement.text import is_number, plain_number, word_set


def _words(table: str) -> list[str]:
    return table.split()


_ONES = _words(
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen "
    "fifteen sixteen seventeen eighteen nineteen"
)
TENS = _words("twenty thirty forty fifty sixty seventy eighty ninety")
ORDINALS = _words(
    "zeroth first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth "
    "thirteenth fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth"
)
_SMALL: dict[str, int] = {
    **{word: value for value, word in enumerate(_ONES)},
    **{word: 10 * value for value, word in enumerate(TENS, start=2)},
    **{word: value for value, word in enumerate(ORDINALS) if word != "second"},
    **{f"{word[:-1]}ieth": 10 * value for value, word in enumerate(TENS, start=2)},
}
_SCALES = {
    "hundred": 10**2, "thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12,
    "hundreds": 10**2, "thousands": 10**3, "millions": 10**6, "billions": 10**9,
    "hundredth": 10**2, "thousandth": 10**3, "mn": 10**6, "bn": 10**9, "dozen": 12,
    "crore": 10**7, "lakh": 10**5,
}  # fmt: skip
NUMBER_WORDS = frozenset((*_SMALL, *_SCALES, "half"))
_LARGE = {word: size for word, size in _SCALES.items() if size >= 1000}
_PARTS = {
    "half": 2, "halves": 2, "third": 3, "thirds": 3, "quarter": 4, "quarters": 4, "fourths": 4,
    "fifth": 5, "fifths": 5, "sixths": 6, "sevenths": 7, "eighth": 8, "eighths": 8, "ninths": 9,
    "tenth": 10, "tenths": 10,
}  # fmt: skip
_AND_A_PART = frozenset(("a", part) for part in ("half", "quarter", "third"))
_MINUS = frozenset(("minus", "negative"))
_LAST_ROMAN = {"i": "1", "v": "5", "x": "10"}
# As in `Henry VIII` and `World War II`; those that are letters or words too are left out.
_ROMAN = {
    "ii": "2", "iii": "3", "iv": "4", "vi": "6", "vii": "7", "viii": "8", "ix": "9", "xi": "11",
    "xii": "12", "xiii": "13", "xiv": "14", "xv": "15", "xvi": "16", "xvii": "17", "xviii": "18",
    "xix": "19", "xx": "20",
}  # fmt: skip
_NO_PLAIN_WORDS = NUMBER_WORDS.union(frequencies.IN_WORDS, _MINUS, _PARTS, _ROMAN, _LAST_ROMAN)

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


def join_number_words(words: Sequence[str]) -> list[str]:
    """Puts digits for spelled-out numbers: `twenty one thousand` becomes `21000`."""
    if _NO_PLAIN_WORDS.isdisjoint(words) and (len(words) != 2 or words[0] not in frequencies.ONE):
        return list(words)
    words = frequencies.in_digits(words)
    if len(words) > 1 and words[0] == "a" and words[1] in _PARTS and words[2:3] in ([], ["of"]):
        part = _written(Fraction(1, _PARTS[words[1]]))
        return [part, *words[2:]]
    if not _ROMAN.keys().isdisjoint(words):
        first = words[:1] if len(words) > 1 else []  # it may be an initial
        words = [*first, *(_ROMAN.get(word, word) for word in words[len(first) :])]
    if len(words) > 1 and words[-1] in _LAST_ROMAN:
        words = [*words[:-1], _LAST_ROMAN[words[-1]]]
    if _MINUS.isdisjoint(words) and NUMBER_WORDS.isdisjoint(words):
        return list(words)
    joined: list[str] = []
    place = 0
    while place < len(words):
        word = words[place]
        digits = is_number(word)
        if word in _SMALL or ((digits or word == "a") and _has_scale(words, place + 1)):
            number, place = _read_number(words, place)
            joined.append(number)
        elif digits:
            place += 1
            if word[0] != "-" and place + 1 < len(words) and words[place + 1] in _LARGE:
                # `$1.5 million` comes as 1.5, dollar, million.
                scale = _LARGE[words[place + 1]]
                joined += [_written(Fraction(word) * scale), words[place]]
                place += 2
                continue
            joined.append(word)
        elif word == "half" and len(words) == 1:
            return ["0.5"]
        else:
            joined.append(word)
            place += 1
            continue
        if len(joined) > 1 and joined[-2] in _MINUS and not joined[-1].startswith("-"):
            joined[-2:] = [f"-{joined[-1]}"]
    return joined


def _has_scale(words: Sequence[str], place: int) -> bool:
    return place < len(words) and words[place] in _SCALES


def _read_number(words: Sequence[str], place: int) -> tuple[str, int]:
    total, group, previous = Fraction(0), Fraction(0), None
    while place < len(words):
        word = words[place]
        if word in _SCALES and previous is not None:
            scale = _SCALES[word]
            if scale <= 100:
                group *= scale
            else:
                total, group = total + group * scale, Fraction(0)
            previous = "scale"
        elif word == "and" and previous == "scale" and _is_small(words, place + 1):
            pass
        elif word in _SMALL and _may_follow(previous, _SMALL[word]):
            group += _SMALL[word]
            previous = "tens" if _SMALL[word] >= 20 else "ones"
        elif word in _SMALL and not total and 10 <= group < 100 and _SMALL[word] >= 10:
            group = 100 * group + _SMALL[word]  # a year, as in nineteen eighty-four
            previous = "tens" if _SMALL[word] >= 20 else "ones"
        elif word in _PARTS and previous == "ones":
            total, group, previous = total, group / _PARTS[word], "part"
        elif word == "and" and tuple(words[place + 1 : place + 3]) in _AND_A_PART:
            group += Fraction(1, _PARTS[words[place + 2]])
            place, previous = place + 2, "part"
        elif previous is None or (previous == "scale" and is_number(word) and "." not in word):
            group += Fraction(1) if word == "a" else Fraction(word)
            previous = "digits"
        else:
            break
        place += 1
    return _written(total + group), place


def _is_small(words: Sequence[str], place: int) -> bool:
    return place < len(words) and (words[place] in _SMALL or is_number(words[place]))


def _may_follow(previous: str | None, value: int) -> bool:
    return previous in (None, "scale") or (previous == "tens" and 0 < value < 10)


def _written(number: Fraction) -> str:
    if number.denominator == 1:
        return str(number.numerator)
    try:
        return plain_number(f"{float(number):.9f}")
    except OverflowError:  # beyond all floating-point numbers
        return str(round(number))


def quantity(words: Sequence[str]) -> Quantity | None:
    """Reads words as one quantity, all of them.

    A compound such as `5 feet 4 inches` is one quantity; two numbers that do not add up are
    none. Up to three words that are no unit may stand behind a number. How often something is
    done is a quantity, too: `every 6 hours` is `four times a day`.
    """
    words, bound = frequencies.with_per(words), ""
    if (often := frequencies.interval(words)) is not None:
        return Quantity(often[0], often[0], often[1])
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
    value, digits = Fraction(number), min(15, len(number.partition(".")[2]))
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
            alone = not any(is_number(word) or word == "per" for word in rest)
            if share and share[0] in units.UNITS and alone:
                share_kind, share_size = units.UNITS[share[0]]
                kind, size = f"{kind or ''} per {share_kind}", size / share_size
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
    return Quantity(value * size + zero, value, kind, digits, frozenset(label)), place


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
    if other.kind == "percent":
        as_share = other.value / 100
        if _same(bare.plain, as_share):
            return 1.0
    return 0.97 * _compare_numbers(bare.plain, other.plain, bare.digits, other.digits)


def _compare_on_a_clock(first: Quantity, second: Quantity) -> float:
    """A time in words, of which the half of the day is not said, against one of which it is."""
    if {first.kind, second.kind} != {_CLOCK_FACE, "time of day"}:
        return 0.0
    return 0.8 if (first.value - second.value) % _HALF_A_DAY == 0 else 0.0


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
