"""Versions, addresses, codes and telephone numbers: digits that are names, not numbers."""

import re
from collections.abc import Collection

from nemoguardrails_trust.agreement.text import word_set

_ASKING = word_set(
    """
    version versions release releases section clause paragraph chapter article ip zip postcode
    postal pin code codes id identifier serial isbn extension build ticket invoice sku passcode
    """
)
_ASKING_FOR_A_CALL = word_set(
    "phone telephone call contact hotline fax account iban card mobile number numbers"
)
_COUNTING = frozenset(("many", "much"))
_DOTTED = re.compile(r"(?<![\w.])v?(\d+(?:\.\d+)+)(?![\d.]*\d)")
_CODE = re.compile(r"(?<![\w.,])v?(\d+(?:[.:/-]\d+)*)(?![\w]|[.,]\d)")
_GROUPS = re.compile(r"\d{1,3}(?:\.\d{3})+")
_CALL = re.compile(r"(?<![\w.,])\+?\(?\d[\d ().\-/]{5,24}\d(?![\w]|[.,]\d)")
_FEWEST_DIGITS, _MOST_DIGITS = 7, 19
_SHORT = 8
"""Words of an answer that consists of little more than the identifier."""


def asks_for_identifier(words: Collection[str]) -> bool:
    """Whether the words of a prompt ask for digits that are a name."""
    return not _ASKING.isdisjoint(words) and _COUNTING.isdisjoint(words)


def asks_for_call_number(words: Collection[str]) -> bool:
    """Whether they may ask for a number to call, or that of an account."""
    return not _ASKING_FOR_A_CALL.isdisjoint(words) and _COUNTING.isdisjoint(words)


def identifiers(answer: str, *, asked: bool) -> frozenset[str]:
    """The identifiers in an answer, as they are written.

    Args:
        answer: The answer.
        asked: Whether the prompt asks for one; else only what can be nothing else is one, as
            `10.0.0.1`.
    """
    if asked:
        return frozenset(_CODE.findall(answer))
    if answer.count(".") < 2:
        return frozenset()
    return frozenset(
        found
        for found in _DOTTED.findall(answer)
        if found.count(".") > 1 and not _GROUPS.fullmatch(found)  # 1.234.567 is a number
    )


def call_numbers(answer: str) -> frozenset[str]:
    """The digits of telephone numbers, cards and accounts that stand in an answer."""
    digits = ("".join(filter(str.isdecimal, found)) for found in _CALL.findall(answer))
    return frozenset(
        found.removeprefix("00") for found in digits if _FEWEST_DIGITS <= len(found) <= _MOST_DIGITS
    )


def is_short(words: Collection[str]) -> bool:
    """Whether an answer consists of little more than the identifier."""
    return len(words) <= _SHORT
