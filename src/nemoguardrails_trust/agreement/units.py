"""Units of measure, and what one of each is worth."""

from fractions import Fraction

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
    "length", "1 m metre metres meter meters; 1000 km kilometre kilometres kilometer kilometers"
)
_define("length", "1/100 cm centimetre centimetres centimeter centimeters")
_define("length", "1/1000 mm millimetre millimetres millimeter millimeters")
_define("length", "1609.344 mile miles mi; 0.9144 yard yards yd; 0.3048 foot feet ft")
_define("length", "0.0254 inch inches")
_define("mass", "1 kg kilogram kilograms kilo kilos; 1/1000 g gram grams gramme grammes")
_define("mass", "1/1000000 mg milligram milligrams; 1000 tonne tonnes")
_define("mass", "0.45359237 pound pounds lb lbs; 0.028349523125 ounce ounces oz")
_define("time", "1 s sec secs second seconds; 60 min mins minute minutes; 3600 h hr hrs hour hours")
_define("time", "86400 day days; 604800 week weeks; 1/1000 ms millisecond milliseconds")
_define(
    "months", "1 month months; 12 year years yr yrs; 120 decade decades; 1200 century centuries"
)
_define("volume", "1 l litre litres liter liters; 1/1000 ml millilitre millilitres milliliter")
_define("energy", "1 j joule joules; 1000 kj kilojoule kilojoules")
_define("power", "1 w watt watts; 1000 kw kilowatt kilowatts; 1000000 mw megawatt megawatts")
_define("data", "1 byte bytes; 1000 kb kilobyte kilobytes; 1000000 mb megabyte megabytes")
_define("data", "1000000000 gb gigabyte gigabytes; 1000000000000 tb terabyte terabytes")
_define(None, "1 dollar dollars usd buck bucks; 1/100 cent cents")
_define("dollar", "1/100 cent cents")
_define(None, "1 euro euros eur; 1 yen jpy; 1 rupee rupees inr; 1 percent pct")
_define(None, "1 degree degrees deg; 1 gbp quid")
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
