"""Fractions in the words of other languages: `deux tiers`, `zwei Drittel`, `dos tercios`.

The denominators are the ordinals of `languages.json`, with the endings that make parts of them.
"""

from collections.abc import Sequence
from functools import cache

from nemoguardrails_trust.agreement import languages

_ENDINGS = ("s", "n", "l", "ls", "ln", "del", "dels", "dele", "delar", "deler")
"""`quintos`, `vijfden`, `funftel` and `tredjedele`, each behind the ordinal."""
_OWN = {
    "tiers": 3, "tercio": 3, "tercios": 3, "terco": 3, "tercos": 3, "drittel": 3, "dritteln": 3,
    "quarts": 4, "kwart": 4, "quarti": 4, "terzi": 3, "quinti": 5,
}  # fmt: skip
"""Those that are no ordinals, or no regular plurals of them."""
_LEAST, _MOST = 3, 12


@cache
def _denominators() -> dict[str, int]:
    parts = {
        word: number
        for word, number in languages.known_words().ordinals.items()
        if _LEAST <= number <= _MOST
    }
    return {word + end: number for word, number in parts.items() for end in ("", *_ENDINGS)} | _OWN


def in_digits(words: Sequence[str], other: Sequence[str]) -> list[str] | None:
    """Puts `2/3` for the first `deux tiers` among words; `None` where there is no fraction.

    Args:
        words: The words of an answer without digits, folded.
        other: Those of the answer that it is compared with. What it counts, too, is no part:
            beside `2 cuartos`, `dos cuartos` are rooms.
    """
    known = _denominators()
    for place, word in enumerate(words[1:], start=1):
        parts = known.get(word)
        if parts is None or word in other:
            continue
        number = next(languages.values(words[place - 1]), 0)
        if 0 < number < parts:
            return [*words[: place - 1], f"{number}/{parts}", *words[place + 1 :]]
    return None
