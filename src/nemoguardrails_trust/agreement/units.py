"""Units of measure, and what one of each is worth."""

import re
from collections import defaultdict
from collections.abc import Callable, Sequence
from fractions import Fraction
from itertools import pairwise

from nemoguardrails_trust.agreement.text import has_digits, is_number

# Each kind of unit: names of one unit, and its size in the first one.
UNITS: dict[str, tuple[str | None, Fraction]] = {}


def _size(written: str) -> Fraction:
    top, _, bottom = written.partition("/")
    return Fraction(top) / Fraction(bottom or 1)


def _define(kind: str | None, table: str) -> None:
    for entry in table.split(";"):
        size, *names = entry.split()
        for name in names:
            UNITS[name] = (kind or names[0], _size(size))


_define(
    "length",
    "1 m metre metres meter meters; 1000 km kilometre kilometres kilometer kilometers;"
    "1/100 cm centimetre centimetres centimeter centimeters;"
    "1/1000 mm millimetre millimetres millimeter millimeters;"
    "1/1000000 μm um micron microns micrometre micrometres micrometer micrometers;"
    "1/1000000000 nm nanometre nanometres nanometer nanometers;"
    "1609.344 mile miles mi; 0.9144 yard yards yd; 0.3048 foot feet ft; 0.0254 inch inches;"
    "1852 nauticalmile; 9460730472580800 lightyear",
)
_define(
    "mass",
    "1 kg kilogram kilograms kilo kilos; 1/1000 g gram grams gramme grammes;"
    "1/1000000 mg milligram milligrams; 1/1000000000 μg ug mcg microgram micrograms;"
    "1/1000000000000 ng nanogram nanograms; 1000 tonne tonnes ton tons;"
    "1000 megagram; 0.45359237 pound pounds lb lbs; 0.028349523125 ounce ounces oz;"
    "907.18474 shortton; 0.0311034768 troyounce",
)
_define(
    "time",
    "1 s sec secs second seconds; 60 min mins minute minutes; 3600 h hr hrs hour hours;"
    "86400 day days; 604800 week weeks; 1209600 fortnight fortnights;"
    "1/1000 ms millisecond milliseconds; 1/1000000 μs us microsecond microseconds;"
    "1/1000000000 ns nanosecond nanoseconds",
)
_define("time of day", "3600/60 oclock")
_define("time on a clock", "3600/60 clockface")
_define(
    "months", "1 month months; 12 year years yr yrs; 120 decade decades; 1200 century centuries"
)
_define(
    "volume",
    "1 l litre litres liter liters; 1/10 dl decilitre decilitres deciliter deciliters;"
    "1/100 cl centilitre centilitres centiliter centiliters;"
    "1/1000 ml cc millilitre millilitres milliliter milliliters;"
    "1/1000000 μl ul microlitre microlitres microliter microliters;"
    "3.785411784 gallon gallons gal; 0.2365882365 cup cups;"
    "0.01478676478125 tablespoon tablespoons tbsp; 0.00492892159375 teaspoon teaspoons tsp;"
    "0.0295735295625 fluidounce",
)
_define(
    "energy",
    "1/1000 millijoule; 1000000 megajoule; 1 j joule joules; 1000 kj kilojoule kilojoules;"
    "4184 kcal kilocalorie kilocalories;"
    "3600000 kwh; 3600 wh",
)
_define(
    "power",
    "1/1000000 microwatt;"
    "1 w watt watts; 1000 kw kilowatt kilowatts; 1000000 mw megawatt megawatts;"
    "1000000000 gw gigawatt gigawatts; 1/1000 milliwatt milliwatts; 745.699872 hp horsepower",
)
_define(
    "data",
    "1 byte bytes; 1000 kb kilobyte kilobytes; 1000000 mb megabyte megabytes;"
    "1000000000 gb gigabyte gigabytes; 1000000000000 tb terabyte terabytes;"
    "1024 kib; 1048576 mib; 1073741824 gib; 1/8 bit bits; 125 kbit kilobit kilobits;"
    "125000 mbit megabit megabits; 125000000 gbit gigabit gigabits",
)
_define("frequency", "1/1000 millihertz; 1 hz hertz; 1000 khz; 1000000 mhz; 1000000000 ghz")
_define(
    "pressure",
    "1/1000 millipascal; 1 pascal pascals; 1000 kpa kilopascal kilopascals;"
    "1000000 mpa; 100000 bar; 100 mbar hpa; 133.322387415 mmhg;"
    "6894.757293168 psi; 101325 atm",
)
_define("amount", "1 mol; 1/1000 mmol; 1/1000000 μmol umol")
_define("business day", "1 businessday")
_define("area", "1 hectare hectares ha; 0.40468564224 acre acres")
_define("electric current", "1 amp amps ampere amperes; 1/1000 milliamp milliamps")
_define("charge", "1 mah")
_define("concentration", "1/1000 millimolar; 1/1000000 micromolar")
_define("torque", "1 newtonmetre")
_define("voltage", "1/1000 millivolt millivolts mv; 1 volt volts; 1000 kv; 1000000 megavolt")
_define("speed", "1 knot knots")
_define("biological activity", "1 iu")
_define("equivalents", "1 meq")
_define(None, "1 dollar dollars usd buck bucks; 1/100 cent cents")
_define("dollar", "1/100 cent cents")
_define(
    None,
    "1 euro euros eur; 1 yen jpy; 1 rupee rupees inr; 1 try tl lira liras; 1 ils; 1 uah; 1 vnd",
)
_define("percent", "1 percent pct; 1/10 permille promille")
_define("percentage point", "1 percentagepoint; 1/100 basispoint")
_define(None, "1 degree degrees deg; 1 gbp quid; 1 yuan cny rmb renminbi; 1 peso pesos")
_define(None, "1 franc francs; 1 ruble rubles rouble roubles rub; 1 bitcoin bitcoins btc; 1 ether")
_define(None, "1 aed; 1 aud; 1 brl; 1 cad; 1 chf; 1 czk; 1 dkk; 1 hkd; 1 huf; 1 krw; 1 mxn; 1 nok")
_define(None, "1 nzd; 1 pln zl zloty zlotys; 1 sek; 1 sgd; 1 thb; 1 zar")
_define("temperature", "1 celsius centigrade kelvin kelvins; 5/9 fahrenheit")
_define("length per time", "1609.344/3600 mph; 1000/3600 kph kmh")

# What is added to a temperature, after its size, to have it in degrees Celsius.
ZERO = {"fahrenheit": Fraction(-160, 9), "kelvin": Fraction(-27315, 100)}
AFTER_DEGREES = {
    **{name: name for name in ("celsius", "fahrenheit", "kelvin")},
    "c": "celsius", "centigrade": "celsius", "f": "fahrenheit", "k": "kelvin",
}  # fmt: skip

POWERS = {"square": 2, "squared": 2, "sq": 2, "cubic": 3, "cubed": 3, "cu": 3}


def is_unit(word: str) -> bool:
    """Whether a word is the name of a known unit."""
    return word in UNITS


def is_time(word: str) -> bool:
    """Whether a word is the name of a unit of time."""
    return UNITS.get(word, (None,))[0] in ("time", "months")


# What the case of a letter tells: a milliwatt is no megawatt, a gigabit no gigabyte, and 300 K are
# kelvins.
_CASED = re.compile(r"\d\s?(?:['′’]\s?\d|[kmMbBAKPpGT]|Nm|[µμ][MWAV])|[$‰₹₩₽₺₪฿₫₴]|[Pp]oint")
_AMOUNT = r"[$£€]\s?\d+(?:[.,]\d+)?"
_NAMES = {"W": "watt", "Pa": "pascal", "J": "joule", "Hz": "hertz", "V": "volt", "A": "amp"}
_BITS = {"M": "mbit", "G": "gbit"}
_SIGNS = {
    "₹": "inr", "₩": "krw", "₽": "rub", "₺": "try", "₪": "ils", "฿": "thb", "₫": "vnd", "₴": "uah",
}  # fmt: skip
_DOLLARS = {
    "US": "usd", "C": "cad", "CA": "cad", "CAN": "cad", "A": "aud", "AU": "aud", "HK": "hkd",
    "NZ": "nzd", "S": "sgd", "SG": "sgd", "R": "brl", "MX": "mxn",
}  # fmt: skip
_NUMBER = r"-?\d[\d.,]*\d|\d"
_BY_CASE: tuple[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]], ...] = (
    (re.compile(r"(?<![\d.,])(\d{1,2})['′’]\s?(\d{1,2})(?:[\"″”]|''|(?!\w))"),
     r"\1 feet \2 inches"),
    (re.compile(r"(?<=\d)\s?m(W|Pa|J|Hz|V|A)\b"), lambda found: f" milli{_NAMES[found[1]]}"),
    (re.compile(r"(?<=\d)\s?M(J|V)\b"), lambda found: f" mega{_NAMES[found[1]]}"),
    (re.compile(r"(?<=\d)\s?[µμ]W\b"), " microwatt"),
    (re.compile(r"(?<=\d)\s?Pa\b"), " pascal"),
    (re.compile(r"(?<=\d)\s?([MG])(?:b(?:it)?)(?: ?/ ?s\b|ps\b)"),
     lambda found: f" {_BITS[found[1]]} per second"),
    (re.compile(r"(?<=\d)\s?([MG])b(?:it)?\b"), lambda found: f" {_BITS[found[1]]}"),
    (re.compile(r"(?<=\d)\s?([KMGT]B)ps\b"), r" \1 per second"),
    (re.compile(r"(?<=\d)\s?Mg\b"), " megagram"),
    (re.compile(r"(?<=\d)\s?Nm\b"), " newtonmetre"),
    (re.compile(r"(?<=\d)\s?mM\b"), " millimolar"),
    (re.compile(r"(?<=\d)\s?[µμ]M\b"), " micromolar"),
    (re.compile(r"(?<=\d)\sK(?= |[.,;)]|$)"), " kelvin"),
    (re.compile(r"(?<=\d[.,]\d)\s?A\b|(?<=\d)\s?A$"), " amp"),
    (re.compile(rf"(?<![\w$])({'|'.join(_DOLLARS)})\$\s?({_NUMBER})(?!\d)"),
     lambda found: f"{found[2]} {_DOLLARS[found[1]]}"),
    (re.compile(rf"([{''.join(_SIGNS)}])\s?({_NUMBER})"),
     lambda found: f"{found[2]} {_SIGNS[found[1]]}"),
    (re.compile(rf"(?<=\d)\s?([{''.join(_SIGNS)}])"), lambda found: f" {_SIGNS[found[1]]}"),
    (re.compile(r"(?<=\d)\s?‰"), " permille"),
    (re.compile(r"(?i)(?<=\d)\s?(?:%[- ]|percent(?:age)?[- ])points?\b|(?<=\d)\s?pp\b(?!\.)"),
     " percentagepoint"),
    (re.compile(r"(?i)(?<=\d)\s?(?:basis[- ]points?|bps?)\b"), " basispoint"),
    (re.compile(rf"(?<![\w.,])(?!401k)({_AMOUNT}|\d{{2,}}|\d+[.,]\d+)k\b"), r"\1 thousand"),
    (re.compile(rf"({_AMOUNT})\s?[mM]\b"), r"\1 million"),
    # Not in PT30M, nor the company 3M.
    (re.compile(rf"(?<![\w.,])(?!3M)({_NUMBER})\s?M(?= |[.,;)]|$)"), r"\1 million"),
    (re.compile(rf"({_AMOUNT})\s?[bB]\b"), r"\1 billion"),
)  # fmt: skip


def in_full(text: str) -> str:
    """Puts words for the units and scales that only the case of a letter tells apart."""
    if not has_digits(text) or _CASED.search(text) is None:
        return text
    for pattern, written in _BY_CASE:
        text = pattern.sub(written, text)
    return text


def differ(first: Sequence[str], second: Sequence[str]) -> bool:
    """Whether two texts give one number different units, as `5 mg` and `5 mcg` do.

    Args:
        first: The words of one.
        second: Those of the other.
    """
    ours, theirs = _units_by_number(first), _units_by_number(second)
    shared = ours.keys() & theirs.keys()
    return any(
        ours[number].isdisjoint(theirs[number])
        # In `60 mph` the whole is one word.
        and not any(" per " in (kind or "") for kind, _ in ours[number] | theirs[number])
        for number in shared
    )


def _units_by_number(words: Sequence[str]) -> dict[str, set[tuple[str | None, Fraction]]]:
    found: defaultdict[str, set[tuple[str | None, Fraction]]] = defaultdict(set)
    for place, (number, word) in enumerate(pairwise(words), start=2):
        rate = words[place : place + 1] == ["per"]
        if word in UNITS and is_number(number) and not rate:
            found[number].add(UNITS["oclock" if word == "clockface" else word])
    return found
