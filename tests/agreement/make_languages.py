"""Makes the words of other languages that comparing knows, out of Babel's and num2words' data.

`python -m tests.agreement.make_languages` writes the package's `languages.json` anew. The names of
months are those of the Unicode CLDR (Unicode License v3), the number words those of num2words
(used as a tool; its words are facts of the languages). `characters.json` holds which simplified
character stands for a traditional one, as OpenCC has it (Apache License 2.0).
"""

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any

from babel import Locale
from babel.dates import format_timedelta
from babel.numbers import format_compact_decimal, get_currency_name
from babel.units import format_compound_unit, format_unit
from num2words import num2words
from num2words.lang_AR import Num2Word_AR

from nemoguardrails_trust.agreement import text, units

FILE = Path(__file__).parents[2] / "src/nemoguardrails_trust/agreement/languages.json"
CHARACTERS = FILE.with_name("characters.json")
LANGUAGES = {
    "cs": "cs", "da": "da", "de": "de", "es": "es", "fi": "fi", "fr": "fr", "hu": "hu",
    "it": "it", "nb": "no", "nl": "nl", "pl": "pl", "pt": "pt", "ro": "ro", "ru": "ru",
    "sv": "sv", "tr": "tr", "uk": "uk", "ar": "ar", "he": "he", "id": "id", "ca": "ca", "sk": "sk",
    "bn": "bn",
}  # fmt: skip
"""CLDR's names of the languages, and those of num2words."""
MORE_LANGUAGES = ("hi", "el", "th", "bg", "fa", "ta", "vi", "ko", "zh", "ja")
"""Languages without number words in num2words, or written together with others'."""
UNITS = {
    "duration-second": "second", "duration-minute": "minute", "duration-hour": "hour",
    "duration-day": "day", "duration-week": "week", "duration-month": "month",
    "duration-year": "year", "duration-century": "century", "length-meter": "metre",
    "length-kilometer": "kilometre", "length-centimeter": "centimetre",
    "length-millimeter": "millimetre", "length-mile": "mile", "mass-gram": "gram",
    "mass-kilogram": "kilogram", "mass-milligram": "milligram", "volume-liter": "litre",
    "volume-milliliter": "millilitre", "concentr-percent": "percent",
    "concentr-permille": "permille", "temperature-celsius": "degree celsius",
    "temperature-fahrenheit": "degree fahrenheit", "digital-bit": "bit", "digital-byte": "byte",
    "area-hectare": "hectare", "energy-kilocalorie": "kilocalorie", "power-watt": "watt",
    "power-kilowatt": "kilowatt", "duration-decade": "decade", "angle-degree": "degree",
}  # fmt: skip
"""CLDR's names of units, and what comparing calls them."""
SPANS = {
    "duration-second": 1, "duration-minute": 60, "duration-hour": 3_600, "duration-day": 86_400,
    "duration-week": 604_800, "duration-month": 2_640_000, "duration-year": 31_600_000,
}  # fmt: skip
"""Seconds of a unit of time, so many that some of them are told in that unit."""
CURRENCIES = {
    "EUR": "euro", "USD": "dollar", "GBP": "pound", "JPY": "yen", "INR": "inr", "PLN": "pln",
    "RUB": "rub", "CNY": "cny", "KRW": "krw", "CHF": "chf", "SEK": "sek", "NOK": "nok",
    "DKK": "dkk", "CZK": "czk", "HUF": "huf", "TRY": "try", "UAH": "uah", "ILS": "ils",
    "THB": "thb", "VND": "vnd",
}  # fmt: skip
SCALES = {3: "thousand", 6: "million", 9: "billion", 12: "trillion"}
HINDI = """
    शून्य एक दो तीन चार पाँच छह सात आठ नौ दस ग्यारह बारह तेरह चौदह पन्द्रह सोलह सत्रह अठारह
    उन्नीस बीस इक्कीस बाईस तेईस चौबीस पच्चीस छब्बीस सत्ताईस अट्ठाईस उनतीस तीस इकतीस बत्तीस
    तैंतीस चौंतीस पैंतीस छत्तीस सैंतीस अड़तीस उनतालीस चालीस इकतालीस बयालीस तैंतालीस चौवालीस
    पैंतालीस छियालीस सैंतालीस अड़तालीस उनचास पचास इक्यावन बावन तिरेपन चौवन पचपन छप्पन
    सत्तावन अट्ठावन उनसठ साठ इकसठ बासठ तिरेसठ चौंसठ पैंसठ छियासठ सड़सठ अड़सठ उनहत्तर सत्तर
    इकहत्तर बहत्तर तिहत्तर चौहत्तर पचहत्तर छिहत्तर सतहत्तर अठहत्तर उनासी अस्सी इक्यासी
    बयासी तिरासी चौरासी पचासी छियासी सत्तासी अट्ठासी नवासी नब्बे इक्यानबे बानबे तिरानबे
    चौरानबे पंचानबे छियानबे सत्तानबे अट्ठानबे निन्यानबे
"""
"""The numbers below 100 of CLDR 48's rules for Hindi, which Babel and num2words lack."""
HINDI_SIZES = {"सौ": 100, "हज़ार": 1_000, "लाख": 10**5, "करोड़": 10**7}
FEMININE = {
    "ca": {"una": 1, "dues": 2}, "cs": {"jeden": 1, "dve": 2}, "es": {"una": 1}, "fr": {"une": 1},
    "it": {"una": 1}, "pl": {"jedna": 1, "dwie": 2}, "pt": {"uma": 1, "duas": 2},
    "ro": {"una": 1}, "sk": {"jedna": 1, "dve": 2},
}  # fmt: skip
"""The other gender of one and two, which num2words gives for no number of these languages."""
HALVES = text.word_set(
    "halb halbe halber halbes halben demi demie medio media mezzo mezza meio meia mig mitja half"
    " halve halv halvt halva puoli puolen pół fel jumatate yarım bucuk nua setengah половина"
    " половиной половину μισή μισό μισός חצי וחצי نصف ونصف النصف आधा आधे आधी"
)
"""Half of something; CLDR has no words for it."""
TIMES = text.word_set(
    "mal fois vez veces volta volte vezes vegades vegada keer maal gånger gång ganger"
    " kez kere defa раз раза рази raz razy krát kertaa ori alkalommal kali φορές φορά פעמים"
    " مرات مرة مرّات बार"
)
EVERY = text.word_set(
    "alle jede jeden jedes cada chaque ogni elke iedere vart varje var hver hvert co każdego"
    " каждые каждый каждую каждое кожні minden fiecare joka setiap mỗi κάθε כל كل हर हरेक"
)
EACH_TIME = {
    "täglich": "day", "wöchentlich": "week", "monatlich": "month", "jährlich": "year",
    "stündlich": "hour", "am tag": "day", "die woche": "week", "im monat": "month",
    "im jahr": "year", "in der woche": "week", "al día": "day", "a la semana": "week",
    "al mes": "month", "al año": "year", "ao dia": "day", "por dia": "day", "ao mês": "month",
    "ao ano": "year", "diariamente": "day", "diarias": "day", "diarios": "day", "all ora": "hour",
    "all anno": "year", "dziennie": "day", "codziennie": "day", "tygodniowo": "week",
    "miesięcznie": "month", "rocznie": "year", "ежедневно": "day", "в сутки": "day",
    "еженедельно": "week", "ежемесячно": "month", "ежегодно": "year", "günde": "day",
    "haftada": "week", "ayda": "month", "yılda": "year", "dagelijks": "day", "wekelijks": "week",
    "dagligen": "day", "daglig": "day", "om dagen": "day", "i veckan": "week", "denně": "day",
    "týdně": "week", "يوميا": "day", "اسبوعيا": "week", "شهريا": "month", "سنويا": "year",
    "mensual": "month", "mensuales": "month", "mensuel": "month", "mensuels": "month",
    "mensuelle": "month", "mensuelles": "month", "mensile": "month", "mensili": "month",
    "mensal": "month", "mensais": "month", "anual": "year", "anuales": "year", "annuel": "year",
    "annuels": "year", "annuelle": "year", "annuelles": "year", "annuale": "year",
    "annuali": "year", "annui": "year", "anuais": "year", "semanal": "week", "semanales": "week",
    "semanais": "week", "hebdomadaire": "week", "hebdomadaires": "week", "settimanale": "week",
    "settimanali": "week", "maandelijks": "month", "jaarlijks": "year",
    "रोज़": "day", "रोज": "day", "प्रतिदिन": "day", "sehari": "day", "seminggu": "week",
}  # fmt: skip
"""How often something is done, beside what CLDR has for `per day`."""
NUMBERS = (*range(101), *range(200, 1_000, 100), *range(1_000, 10_000, 1_000), 10**6)


def _folded(word: str) -> str:
    return text.fold(word).strip(". \u200e\u200f")


def make() -> dict[str, Any]:
    """The content of the file."""
    months: dict[str, int] = {}
    short_months: dict[str, int] = {}
    numbers: dict[str, dict[str, int]] = {}
    english = {_folded(name) for kind in ("wide", "abbreviated") for name in _months("en", kind)}
    for language in (*LANGUAGES, *MORE_LANGUAGES):
        for target, kind in ((months, "wide"), (short_months, "abbreviated")):
            for word, month in _months(language, kind).items():
                if _folded(word) not in english and not word[0].isdecimal():
                    target.setdefault(_folded(word), month)
    for language, name in LANGUAGES.items():
        numbers[language] = _number_words(name) | FEMININE.get(language, {})
    for number, word in enumerate(Num2Word_AR().arabicFeminineOnes[:11]):
        numbers["ar"].setdefault(_folded(word), number) if word else None
    hindi = {**{word: value for value, word in enumerate(HINDI.split())}, **HINDI_SIZES}
    numbers["hi"] = {"".join(text.tokens(text.fold(word))): value for word, value in hindi.items()}
    return {
        "months": dict(sorted(months.items())),
        "short_months": {
            word: month for word, month in sorted(short_months.items()) if word not in months
        },
        "numbers": numbers,
        "units": _agreed(_units()),
        "duals": _agreed(_duals()),
        "scales": _agreed(_scales()),
        "eras": _agreed(_eras()),
        "quarters": _agreed(_quarters()),
        "periods": _agreed(_periods()),
        "shares": _agreed(_shares()),
        "halves": sorted({*map(_folded, HALVES)}),
        "half_units": _agreed(_half_units()),
        "multiples": dict(_multiples()),
        "times": sorted({*map(_folded, TIMES)}),
        "joins": sorted({*_joins()}),
        "every": sorted({*map(_folded, EVERY)}),
        "ordinals": {
            "".join(re.split("[- ]", word)): number for word, number in _agreed(_ordinals()).items()
        },
    }


def _agreed(found: Iterator[tuple[str, Any]]) -> dict[str, Any]:
    """The words that mean one thing in all the languages that have them."""
    meanings: dict[str, set[Any]] = {}
    for word, meaning in found:
        meanings.setdefault(" ".join(_folded(word).split()), set()).add(meaning)
    return {
        word: next(iter(meaning))
        for word, meaning in sorted(meanings.items())
        if len(meaning) == 1 and word
    }


def _languages() -> Iterator[str]:
    return iter((*LANGUAGES, *MORE_LANGUAGES))


def _without_number(written: str) -> str:
    return re.sub(r"[\d\s.,]*\d|[\u0660-\u0669\u06f0-\u06f9]", "", written).strip()


def _units() -> Iterator[tuple[str, str]]:
    for language in _languages():
        shown = Locale(language).unit_display_names
        for name, unit in UNITS.items():
            names = {_without_number(form) for form in _forms(language, name)}
            known = shown.get(name, {})
            short = known.get("short", "")
            names.add(known.get("long", short))
            names.add("" if short.isascii() else short)
            for written in filter(_is_word, names - _NO_UNITS):
                yield written, unit
                if language == "de" and written.endswith("e"):
                    yield f"{written}n", unit  # as in `seit zwei Tagen`
    yield from (("année", "year"), ("années", "year"))
    for language in _languages():
        for code, unit in CURRENCIES.items():
            for count in (1, 2, 5, 0.5):
                written = get_currency_name(code, count, locale=language)
                # Of `polnische Zloty`, the name of the currency is the noun.
                if _is_word(written):
                    yield written, unit
                    for word in written.split() if code not in _SHARED else ():
                        if text.fold(word)[:3] == text.fold(_NOUNS.get(code, "-"))[:3]:
                            yield word, unit


_NO_UNITS = frozenset(("angle-degree", "grade"))
"""What stands where CLDR has no name, and what English says of schools and qualities."""
_SHARED = frozenset(("USD", "INR", "KRW", "CNY", "GBP"))
_NOUNS = {"PLN": "zloty", "RUB": "рубль", "JPY": "yen", "EUR": "euro"}


def _forms(language: str, name: str) -> Iterator[str]:
    """What a language says for some numbers of a unit."""
    span = SPANS.get(name)
    for count in (1, 2, 5):
        yield format_unit(count, name, "long", locale=language)
        short = format_unit(count, name, "short", locale=language)
        if not short.isascii():
            yield short
        # Some languages' units of time stand only here, where five weeks are a month.
        if span is not None and (name, count) != ("duration-week", 5):
            yield format_timedelta(timedelta(seconds=count * span), threshold=0.99, locale=language)
    yield format_unit(0.5, name, "long", locale=language)


def _duals() -> Iterator[tuple[str, str]]:
    """What some languages say in one word for two of a unit of time."""
    for language in ("ar", "he"):
        for name, span in SPANS.items():
            two = timedelta(seconds=2 * span)
            for written in (
                format_unit(2, name, "long", locale=language),
                format_timedelta(two, threshold=0.99, locale=language),
            ):
                if _is_word(written) and written.isalpha():
                    yield written, UNITS[name]


def _multiples() -> Iterator[tuple[str, str]]:
    """What some languages say in one word for `three times`."""
    for language, times in (("de", "mal"), ("nl", "maal")):
        for number in range(2, 13):
            yield _folded(num2words(number, lang=language)) + times, f"{number}"
    yield from (("дважды", "2"), ("трижды", "3"), ("dwukrotnie", "2"), ("trzykrotnie", "3"))


def _half_units() -> Iterator[tuple[str, str]]:
    """What Russian and Italian say in one word for half of something."""
    for language, half in (("ru", "пол"), ("uk", "пів")):
        for name, unit in UNITS.items():
            written = format_unit(0.5, name, "long", locale=language).split()[-1]
            if _is_word(written):
                yield half + written, unit
    yield from (("полкило", "kilogram"), ("полгода", "year"), ("mezzora", "hour"))


def _is_word(written: str) -> bool:
    """Whether it can be nothing else: long enough, and no word that English has."""
    folded = _folded(written)
    known = folded in text.STOP_WORDS or folded in ENGLISH or units.is_unit(folded)
    return (
        len(folded) > (2 if folded.isascii() else 1)
        and not known
        and not folded.startswith(_MISSING)
    )


_MISSING = ("duration-", "concentr-", "digital-", "area-", "length-", "mass-", "energy-", "power-")
"""How Babel writes a unit that a language has no name for."""


ENGLISH = text.word_set(
    "are mile men per mil min sec god den sat bill mill bil mia tri billion billions million"
    " millions trillion trillions ton tons dna bit bits degree degrees mir set dan sit"
    " dec dam man dies art sem gun hari uge nam dia metro tis yil segundo bio tag abad mili"
    " let met nap lit time timer jam vat het mes uke bin lat perc binde gam miler arti hat"
    " any luna thang"
)
"""Words that mean something else in English or next to another language, or another number."""


def _scales() -> Iterator[tuple[str, str]]:
    for language in _languages():
        for form in ("short", "long"):
            formats = Locale(language).compact_decimal_formats
            if form not in formats:
                continue
            for power, scale in SCALES.items():
                for count in (1, 2, 5):
                    written = format_compact_decimal(
                        count * 10**power, locale=language, format_type=form
                    )
                    word = _without_number(written)
                    plain = f"{count}" in written and f"{count}0" not in written
                    if plain and _is_word(word):
                        yield word, scale


def _eras() -> Iterator[tuple[str, str]]:
    for language in _languages():
        for kind in ("abbreviated", "wide"):
            for number, name in Locale(language).eras[kind].items():
                if number in (0, 1) and len(_folded(name)) > 2:
                    yield name, ("bc", "ad")[number]


def _quarters() -> Iterator[tuple[str, int]]:
    for language in ("en", *LANGUAGES, *MORE_LANGUAGES):
        for number, name in Locale(language).quarters["format"]["wide"].items():
            yield name, number


def _periods() -> Iterator[tuple[str, str]]:
    """The parts of a day that are told behind a time: `de la tarde`, `abends`."""
    for language in ("en", *LANGUAGES, *MORE_LANGUAGES):
        found: dict[str, str] = {}
        for names in Locale(language).day_periods["format"].values():
            for period, name in names.items():
                written = " ".join(text.tokens(_folded(name)))
                half = HALVES_OF_DAY.get(period.rstrip("12"))
                if half and len(written) > 2 and "." not in name and not _SIGNS.search(written):
                    found.setdefault(written, half)  # the hours after midnight are a morning, too
        yield from found.items()


HALVES_OF_DAY = {"morning": "am", "afternoon": "pm", "evening": "pm", "night": "night"}
_SIGNS = re.compile("[\u0e00-\u0eff\u3040-\u9fff\uac00-\ud7a3]")
"""Scripts that are read sign by sign, or elsewhere."""


def _joins() -> Iterator[str]:
    """What stands between the last two things of a list."""
    for language in _languages():
        for place in ("end", "2"):
            pattern = Locale(language).list_patterns["standard"][place]
            word = pattern.replace("{0}", "").replace("{1}", "").strip(" ,")
            # `a` and `en` mean something else in languages that have them, too.
            if word.isalpha() and not _SIGNS.search(word) and word not in ("a", "en", "و"):
                yield word


def _shares() -> Iterator[tuple[str, str]]:
    """What is said for `per day`, as words."""
    for language in _languages():
        whole = format_unit(3, "volume-liter", "long", locale=language)
        for span in ("hour", "day", "week", "month", "year"):
            written = format_compound_unit(
                3,
                "volume-liter",
                denominator_unit=f"duration-{span}",
                length="long",
                locale=language,
            )
            words = text.tokens(text.fold((written or "").replace(whole, "")))
            known = not any(map((written or "/").__contains__, ("/", "duration-")))
            if len(words) > 1 and known and not _SIGNS.search(" ".join(words)):
                yield " ".join(words), span
    yield from EACH_TIME.items()


def _ordinals() -> Iterator[tuple[str, int]]:
    """The ordinals that centuries go by, in Slavic languages in all cases."""
    for language, name in LANGUAGES.items():
        for number in range(1, 22):
            for case in "ngdaip" if language in ("ru", "uk") else "n":
                options = {"case": case} if language in ("ru", "uk") else {}
                try:
                    written = num2words(number, lang=name, to="ordinal", **options)
                except (NotImplementedError, TypeError):
                    continue
                if not any(map(str.isdecimal, written)) and _is_word(written):
                    yield written, number


def make_characters() -> dict[str, str]:
    """The content of `characters.json`."""
    table = files("opencc").joinpath("dictionary/TSCharacters.txt").read_text("utf-8")
    pairs = (line.split("\t") for line in table.splitlines() if line)
    found = {old: new.split()[0] for old, new in pairs}
    found = {old: new for old, new in found.items() if old != new and max(old + new) < "\U00010000"}
    return {"traditional": "".join(found), "simplified": "".join(found.values())}


def _number_words(language: str) -> dict[str, int]:
    def written(number: int) -> str:
        return "".join(text.tokens(text.fold(num2words(number, lang=language))))

    words: dict[str, int] = {}
    for number in NUMBERS:
        words.setdefault(written(number), number)
    # The forms that stand before other words and behind them: `ciento`, `mila`, `millones`.
    for size in (*range(100, 1_000, 100), 1_000, 2_000):
        for small in (2, 5):
            whole, end = written(size + small), written(small)
            if whole.endswith(end) and len(whole) > len(end):
                words.setdefault(whole.removesuffix(end), size)
    for size in (100, 1_000, 10**6):
        for small in range(2, 10):
            whole, start = written(size * small), written(small)
            if whole.startswith(start) and len(whole) > len(start):
                words.setdefault(whole.removeprefix(start), size)
    # The forms of one and two before a noun: `eine`, `két`, `две`.
    for size in (1_000, 10**6):
        for small in (1, 2):
            whole = written(small * size)
            first, *others = num2words(small * size, lang=language).split()
            forms = [text.fold(first)] if len(others) == 1 else []
            sizes = [word for word, value in words.items() if value == size]
            forms += [whole.removesuffix(word) for word in sizes if whole.endswith(word)]
            for form in forms:
                if len(form) > 2 or form in ("un", "en"):
                    words.setdefault(form, small)
    return words


def _months(language: str, kind: str) -> dict[str, int]:
    names = Locale(language).months
    return {
        word: month
        for context in ("format", "stand-alone")
        for month, word in names[context][kind].items()
    }


if __name__ == "__main__":
    CHARACTERS.write_text(json.dumps(make_characters(), ensure_ascii=False) + "\n", "utf-8")
    FILE.write_text(json.dumps(make(), ensure_ascii=False, separators=(",", ":")) + "\n", "utf-8")
