"""Versions, addresses, codes and telephone numbers: what is written to the letter."""

import re
from collections.abc import Collection

from nemoguardrails_trust.agreement.text import has_digits, word_set

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
# As in `2.0.0-rc.1` and `3.14 beta 2`.
_STAGE = r"((?:[-. ]?(?i:alpha|beta|rc|preview|snapshot|dev)(?:[-. ]?\d+|\b))?)"
_DOTTED = re.compile(rf"(?<![\w.])v?(\d+(?:\.\d+)+){_STAGE}(?![\d.]*\d)")
_CODE = re.compile(rf"(?<![\w.,])v?(\d+(?:[.:/-]\d+)*[a-z]?){_STAGE}(?![\w]|[.,]\d)")
_LAST_OF_THREE = re.compile(r"(?<![\w.])(v?\d+\.\d+)\.0(?!\w|\.\d)")
_GROUPS = re.compile(r"\d{1,3}(?:\.\d{3})+")
_CALL = re.compile(r"(?<![\w.,])\+?\(?\d[\d ().\-/]{5,24}\d(?![\w]|[.,]\d)")
_IBAN = re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b")
_ADDRESS = re.compile(
    r"\bhttps?://[^\s<>\"'`)\]}]+|\bwww\.[^\s<>\"'`)\]}]+|(?<![\w.+-])[\w.+-]+@[\w-]+(?:\.[\w-]+)+"
    r"|(?<![^\s`'\"(])(?:~|\.{1,2})?/[\w.-]+(?:/[\w.-]*)*|\b[A-Za-z]:\\[^\s\"'`]+"
)
_HEXADECIMAL = re.compile(
    r"(?i)\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b|\b(?:[0-9a-f]{2}:){5}[0-9a-f]{2}\b"
)
_FLAG = re.compile(r"(?<!\S)-{1,2}[A-Za-z][\w-]*")
# GPT-4o, H2O, CO2, B12, A-380.
_DESIGNATION = re.compile(
    r"(?<![\w.,-])(?=[\w-]*\d)(?=[\w-]*[A-Z])"
    r"[A-Za-z0-9]+(?:-[A-Za-z0-9]+)*(?![\w-])"
)
_NO_DESIGNATION = re.compile(
    r"(?i)-?\d+(?:st|nd|rd|th|s|x|[kmbt]|[ap]m|[kmgt]?i?b|[km]?hz|[kmgt]?wh?|[kcm]?[mgl]|mm|v|c|f|d)"
    r"(?:-.*)?|(?:utc|gmt|q)[-+]?\d+|\d+(?:-\w+)*-[a-z]{3,}"
)
_CHEMISTRY = word_set(
    "element elements symbol symbols formula formulas chemical chemistry compound compounds gas"
    " gases molecule molecules ion ions metal metals atom atoms oxide monoxide isotope reaction"
    " substance carbon elementsymbol formel formule formula simbolo symbole химический формула"
)
_ELEMENTS = word_set(
    """
    H He Li Be B C N O F Ne Na Mg Al Si P S Cl Ar K Ca Sc Ti V Cr Mn Fe Co Ni Cu Zn Ga Ge
    As Se Br Kr Rb Sr Y Zr Nb Mo Tc Ru Rh Pd Ag Cd In Sn Sb Te I Xe Cs Ba La Ce Pr Nd Pm Sm
    Eu Gd Tb Dy Ho Er Tm Yb Lu Hf Ta W Re Os Ir Pt Au Hg Tl Pb Bi Po At Rn Fr Ra Ac Th Pa U
    Np Pu Am Cm Bk Cf Es Fm Md No Lr Rf Db Sg Bh Hs Mt Ds Rg Cn Nh Fl Mc Lv Ts Og
    """
)
_SYMBOL = "|".join(sorted(_ELEMENTS, key=lambda name: (-len(name), name)))
_FORMULA = re.compile(rf"(?<![\w-])(?:(?:{_SYMBOL})[0-9₀-₉]{{0,3}}){{1,8}}(?![\w-])")
_PIECE = re.compile(r"[A-Za-z0-9]+")
_MOST_PIECES = 24
_FEWEST_DIGITS, _MOST_DIGITS = 7, 19
_LONG_NUMBER = 10
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
        return frozenset(_without_dashes(code) + _stage(of) for code, of in _CODE.findall(answer))
    if answer.count(".") < 2:
        return frozenset()
    return frozenset(
        found + _stage(of)
        for found, of in _DOTTED.findall(answer)
        if found.count(".") > 1 and not _GROUPS.fullmatch(found)  # 1.234.567 is a number
    )


def _stage(written: str) -> str:
    """What makes another version of a number, in one writing: `-rc.1` and `RC 1`."""
    return re.sub(r"[-. ]", "", written).lower()


def without_last_zero(answer: str) -> str:
    """Versions without a zero in the third place: `4.2.0` as `4.2`."""
    return _LAST_OF_THREE.sub(r"\1", answer) if ".0" in answer else answer


def _without_dashes(code: str) -> str:
    """A long number without the dashes that group its digits, as in an ISBN."""
    digits = code.replace("-", "")
    return digits if digits.isdecimal() and len(digits) >= _LONG_NUMBER else code


def are_long_numbers(codes: Collection[str]) -> bool:
    """Whether codes are so long that two equal ones are no chance."""
    return all(code.isdecimal() and len(code) >= _LONG_NUMBER for code in codes)


def may_be_one_line(first: Collection[str], second: Collection[str]) -> bool:
    """Whether of two telephone numbers one is the other with the code of its country."""
    for short in first:
        local = short.lstrip("0")
        for long in second:
            code = len(long) - len(local)
            if len(local) >= _FEWEST_DIGITS and 0 < code <= 3 and long.endswith(local):
                return True
    return False


def call_numbers(answer: str) -> frozenset[str]:
    """The digits of telephone numbers, cards and accounts that stand in an answer."""
    accounts = {found.replace(" ", "") for found in _IBAN.findall(answer)}
    if accounts:
        return frozenset(accounts)
    digits = ("".join(filter(str.isdecimal, found)) for found in _CALL.findall(answer))
    return frozenset(
        found.removeprefix("00") for found in digits if _FEWEST_DIGITS <= len(found) <= _MOST_DIGITS
    )


def addresses(answer: str) -> frozenset[str]:
    """The addresses of pages, mailboxes, files and devices in an answer, and commands' options."""
    if not any(map(answer.__contains__, "/@-:\\")):
        return frozenset()
    found = _ADDRESS.findall(answer)
    plain = (re.sub(r"^https?://|^www\.", "", place).rstrip("/.,;:!?") for place in found)
    codes = (code.lower() for code in _HEXADECIMAL.findall(answer))
    return frozenset((*filter(None, plain), *codes, *_FLAG.findall(answer)))


def designations_differ(first: str, second: str) -> bool:
    """Whether one of two texts names a model, formula or code that the other has not.

    `GPT-4` and `GPT-4o` differ, `CO` and `CO2` too, but not `LH 400` and `LH400`, nor a text
    without any from one that has one.
    """
    if not (has_digits(first) or has_digits(second)):
        return False
    ours, theirs = _designations(first), _designations(second)
    if not (ours or theirs):
        return False
    runs, other_runs = _runs(first), _runs(second)
    if ours and theirs:
        return ours.isdisjoint(other_runs) and theirs.isdisjoint(runs)
    return any(
        name.rstrip("0123456789") in (other_runs if ours else runs) and name.isalnum()
        for name in _attached(first if ours else second)
    )


def asks_for_a_formula(words: Collection[str]) -> bool:
    """Whether the words of a prompt are about chemistry, where `CO` is not `Co`."""
    return not _CHEMISTRY.isdisjoint(words)


def formulas_differ(first: str, second: str) -> bool:
    """Whether two texts write a symbol or formula alike but for capitals: `CO` and `Co`."""
    ours, theirs = (
        {name.lower(): name for name in _FORMULA.findall(text)} for text in (first, second)
    )
    return any(theirs.get(name, written) != written for name, written in ours.items())


def is_short(words: Collection[str]) -> bool:
    """Whether an answer consists of little more than the identifier."""
    return len(words) <= _SHORT


def _designations(text: str) -> set[str]:
    return {name.replace("-", "").lower() for name in _written_designations(text)}


def _attached(text: str) -> set[str]:
    """Those in which the digits follow the letters without a dash."""
    return {name.lower() for name in _written_designations(text) if "-" not in name}


def _written_designations(text: str) -> list[str]:
    return [name for name in _DESIGNATION.findall(text) if not _NO_DESIGNATION.fullmatch(name)]


def _runs(text: str) -> set[str]:
    """All pieces of a text, and each two or three that follow one another, written as one."""
    pieces = [piece.lower() for piece in _PIECE.findall(text)[:_MOST_PIECES]]
    return {
        "".join(pieces[start : start + count])
        for count in (1, 2, 3)
        for start in range(len(pieces) - count + 1)
    }
