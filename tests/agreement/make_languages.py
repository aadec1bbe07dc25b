"""Makes the words of other languages that comparing knows, out of Babel's and num2words' data.

`python -m tests.agreement.make_languages` writes the package's `languages.json` anew. The names of
months are those of the Unicode CLDR (Unicode License v3), the number words those of num2words
(used as a tool; its words are facts of the languages).
"""

import json
from pathlib import Path
from typing import Any

from babel import Locale
from num2words import num2words

from nemoguardrails_trust.agreement import text

FILE = Path(__file__).parents[2] / "src/nemoguardrails_trust/agreement/languages.json"
LANGUAGES = {
    "cs": "cs", "da": "da", "de": "de", "es": "es", "fi": "fi", "fr": "fr", "hu": "hu",
    "it": "it", "nb": "no", "nl": "nl", "pl": "pl", "pt": "pt", "ro": "ro", "ru": "ru",
    "sv": "sv", "tr": "tr", "uk": "uk",
}  # fmt: skip
"""CLDR's names of the languages, and those of num2words."""
NUMBERS = (*range(101), *range(200, 1_000, 100), *range(1_000, 10_000, 1_000), 10**6)


def _folded(word: str) -> str:
    return text.fold(word).strip(". ")


def make() -> dict[str, Any]:
    """The content of the file."""
    months: dict[str, int] = {}
    short_months: dict[str, int] = {}
    numbers: dict[str, dict[str, int]] = {}
    english = {_folded(name) for kind in ("wide", "abbreviated") for name in _months("en", kind)}
    for language, name in LANGUAGES.items():
        for target, kind in ((months, "wide"), (short_months, "abbreviated")):
            for word, month in _months(language, kind).items():
                if _folded(word) not in english and not word[0].isdecimal():
                    assert target.setdefault(_folded(word), month) == month, word
        numbers[language] = _number_words(name)
    return {
        "months": dict(sorted(months.items())),
        "short_months": {
            word: month for word, month in sorted(short_months.items()) if word not in months
        },
        "numbers": numbers,
    }


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
    for size in (1_000, 10**6):
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
