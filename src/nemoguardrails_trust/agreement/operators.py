"""What is written with the same words and other signs: `age > 30` and `age < 30`."""

import re

_SIGN = re.compile(r"(?<![-=<>!])(?:[<>]=?|!=|==?)(?![<>=])|<>|&&|\|\||\\[A-Za-z](?![A-Za-z])")
_ARITHMETIC = re.compile(r"(?<=[\w)\]] )[-+*/%](?= [\w(\[])")
_BY_OTHER_NAMES = {"==": "=", "<>": "!="}
_HINT = re.compile(r"[<>=&|\\]|\breturn\b")
_COMPLEXITY = re.compile(
    r"(?:\b[OΘΩ]|\\(?:mathcal\{O\}|Theta|Omega)) ?\(([^()]*(?:\([^()]*\))?[^()]*)\)"
)
_CALL = re.compile(r"([A-Za-z_]\w+)\(([^()]*)\)")
_WRITING = re.compile(r"[\s*\\{}·]|\*\*|cdot")
_POWERS = str.maketrans({"²": "^2", "³": "^3", "√": "sqrt"})


def differ(first: str, second: str) -> bool:
    """Whether two texts have other signs in the same places.

    Args:
        first: One text.
        second: Another, with the same words.
    """
    if _HINT.search(first) is None:
        return False
    ours, theirs = _signs(first), _signs(second)
    return len(ours) == len(theirs) and ours != theirs


def complexities_differ(first: str, second: str) -> bool:
    """Whether two texts name other orders of growth, as `O(n)` and `O(n log n)`."""
    if "(" not in first or "(" not in second:
        return False
    ours, theirs = (set(map(_order, _COMPLEXITY.findall(text))) for text in (first, second))
    return bool(ours and theirs) and ours.isdisjoint(theirs)


def calls_differ(first: str, second: str) -> bool:
    """Whether two texts call one function with more arguments: `f(x)`, `f(x, reverse=True)`."""
    if "(" not in first or "(" not in second:
        return False
    ours, theirs = (
        {name: given.count(",") for name, given in _CALL.findall(text)} for text in (first, second)
    )
    return any(theirs.get(name, given) != given for name, given in ours.items())


def _signs(text: str) -> list[str]:
    found = [_BY_OTHER_NAMES.get(sign, sign) for sign in _SIGN.findall(text)]
    return found + _ARITHMETIC.findall(text)


def _order(written: str) -> str:
    return _WRITING.sub("", written.translate(_POWERS).replace("**", "^")).lower()
