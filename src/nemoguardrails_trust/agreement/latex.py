"""LaTeX, and mathematics in plain text, taken apart into lexemes."""

import cmath
import re
from collections.abc import Callable

from nemoguardrails_trust.agreement.text import spaced_fractions, word_set

FUNCTIONS: dict[str, Callable[[complex], complex]] = {
    "sin": cmath.sin, "cos": cmath.cos, "tan": cmath.tan, "ln": cmath.log, "log": cmath.log10,
    "exp": cmath.exp, "arcsin": cmath.asin, "arccos": cmath.acos, "arctan": cmath.atan,
    "sinh": cmath.sinh, "cosh": cmath.cosh, "tanh": cmath.tanh, "sqrt": cmath.sqrt,
    "sec": lambda z: 1 / cmath.cos(z), "csc": lambda z: 1 / cmath.sin(z),
    "cot": lambda z: 1 / cmath.tan(z),
}  # fmt: skip
CONSTANTS = {"pi": cmath.pi + 0j, "e": cmath.e + 0j, "i": 1j, "infty": complex(1e300)}
GREEK = word_set(
    """
    alpha beta gamma delta epsilon varepsilon zeta eta theta vartheta iota kappa lambda mu nu xi
    rho sigma tau upsilon phi varphi chi psi omega
    """
)
_OPERATORS = {
    "cdot": "*", "times": "*", "div": "/", "le": "<=", "leq": "<=", "ge": ">=", "geq": ">=",
    "lt": "<", "gt": ">", "ne": "!=", "neq": "!=", "in": "=", "pm": "±", "mp": "±", "cup": "∪",
    "degree": "", "circ": "",
}  # fmt: skip
_SPACING = re.compile(
    r"\\(?:[,!;:> ]|quad(?![a-zA-Z])|qquad(?![a-zA-Z])|left\.?(?![a-zA-Z])|right\.?(?![a-zA-Z])"
    r"|displaystyle(?![a-zA-Z])|[bB]igg?[lr]?(?![a-zA-Z]))|~"
)
_WORDING = re.compile(r"\\(?:text|textrm|textbf|mathrm|mathbf|mathit|mbox|operatorname)\s*\{")
_ENVIRONMENT = re.compile(r"\\(begin|end)\{[a-z]*(?:matrix|array)\}(?:\{[a-z|]*\})?")
_DEGREES = re.compile(r"\^\s*\{?\s*\\circ\s*\}?|°")
_POWERS = re.compile("[²³⁴⁵⁶⁷⁸⁹⁰¹⁻]+")
_POWER_DIGITS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")
_REPEATING = re.compile(r"(?<!\d)(\d*)\.(\d*)\\overline\{(\d+)\}")
_MIXED = re.compile(r"(?<![\d.^_/])(\d+)\.? *(?:\\?[dt]?frac\{(\d+)\}\{(\d+)\}|(?<= )(\d+)/(\d+))")
_SHORT_FRACTION = re.compile(r"\\frac *(\d) *(\d)(?!\d)")
_LEXEME = re.compile(
    r"\\([a-zA-Z]+)|(\d+(?:\.\d*)?|\.\d+)|([a-zA-Zα-ωΑ-Ω]+)"
    r"|(<=|>=|!=|[-+*/^_=<>(){}\[\]|,;!%±∪&∞√×·÷])"
)
_PLAIN_SET = re.compile(r"^\s*\{([^{}]{0,200},[^{}]{0,200})\}\s*$")
_CROSS = re.compile(r"(?<=\d)\s*x\s*(?=\d)")
_GAP = re.compile(r"(\\[a-z]+|(?<![\w.])[\w.]+|[)}\]!])\s+(?=(\\[a-z]+|\w|[-+]\S))")
_CHARACTERS = str.maketrans(
    {
        "×": "*", "·": "*", "÷": "/", "−": "-", "–": "-", "≤": "<=", "≥": ">=", "≠": "!=",
        "π": "\\pi ", "∞": "\\infty ", "√": "\\sqrt ", "⁄": "/", "∈": "=",
        "½": "(1/2)", "⅓": "(1/3)", "⅔": "(2/3)", "¼": "(1/4)", "¾": "(3/4)",
    }
)  # fmt: skip


class NotMathematicsError(ValueError):
    """A text is no mathematics, or none that can be read here."""


def clean_latex(text: str) -> str:
    """Takes out of LaTeX what only serves its looks, dollar signs and braces about words too."""
    if "\\" in text:
        text = text.replace("\\\\", " ; ")  # a row's end, before its backslash is taken for a space
        text = text.replace("\\$", " $ ").replace("\\%", "%").replace("\\&", "&")
        text = text.replace("\\dfrac", "\\frac").replace("\\tfrac", "\\frac")
        text = text.replace("\\lbrace", "{").replace("\\rbrace", "}")
        text = _SPACING.sub(" ", text)
        text = _WORDING.sub(" {", text)
        for delimiter in ("\\(", "\\)", "\\[", "\\]"):
            text = text.replace(delimiter, " ")
    return _DEGREES.sub(" degrees ", text) if "°" in text or "circ" in text else text


def spaces_as_commas(text: str) -> str:
    """Puts commas for spaces that part two expressions, which some extractions lose."""
    return _GAP.sub(_as_comma, clean_latex(text))


def _as_comma(gap: re.Match[str]) -> str:
    before, after = gap[1], gap[2]
    for word in (before, after):
        if word.startswith("\\") and not _is_operand(word[1:]):
            return gap[0]
    return f"{before}, "


def _is_operand(command: str) -> bool:
    return command in CONSTANTS or command in GREEK or command in ("frac", "sqrt")


def lexemes(text: str) -> list[str]:
    """Takes a text apart into numbers, letters, commands and signs.

    Raises:
        NotMathematicsError: There is something else in it.
    """
    text = _PLAIN_SET.sub(r"\\{\1\\}", spaced_fractions(text).translate(_CHARACTERS))
    text = _POWERS.sub(lambda found: f"^{{{found[0].translate(_POWER_DIGITS)}}}", text)
    text = clean_latex(text).replace("$", " ").replace(" degrees ", " ")
    text = _ENVIRONMENT.sub(lambda found: "[" if found[1] == "begin" else "]", text)
    text = text.replace("\\{", " [set ").replace("\\}", " ] ")
    text = _REPEATING.sub(_as_fraction, text)
    text = _SHORT_FRACTION.sub(r"\\frac{\1}{\2}", text)
    text = _CROSS.sub("*", text)
    text = _MIXED.sub(_as_sum, text).replace("**", "^").rstrip(" .")
    found: list[str] = []
    place = 0
    while place < len(text):
        if text[place].isspace():
            place += 1
            continue
        lexeme = _LEXEME.match(text, place)
        if lexeme is None:
            raise NotMathematicsError
        found.extend(_expand(lexeme))
        place = lexeme.end()
    return found


def _expand(lexeme: re.Match[str]) -> list[str]:
    command, _, letters, _ = lexeme.groups()
    if command:
        if command in _OPERATORS:
            return [_OPERATORS[command]] if _OPERATORS[command] else []
        if command in FUNCTIONS or command in CONSTANTS or command.lower() in GREEK:
            return [f"\\{command}"]
        if command in ("frac", "overline"):
            return [f"\\{command}"]
        raise NotMathematicsError
    if letters:
        if letters == "set" or letters in FUNCTIONS or letters == "pi":
            return [f"\\{letters}"]
        if letters in ("and", "or"):
            return [","]
        if len(letters) > 3:  # a word, not a product of variables
            raise NotMathematicsError
        return list(letters)
    return [lexeme[0]]


def _as_fraction(found: re.Match[str]) -> str:
    whole, start, cycle = found.groups()
    shift, nines = 10 ** len(start), 10 ** len(cycle) - 1
    top = int(f"{whole or 0}{start}") * nines + int(cycle)
    return f"({top}/{shift * nines})"


def _as_sum(found: re.Match[str]) -> str:
    whole, top, bottom, plain_top, plain_bottom = found.groups()
    top, bottom = top or plain_top, bottom or plain_bottom
    if int(top) >= int(bottom):
        raise NotMathematicsError
    return f"({whole}+{top}/{bottom})"
