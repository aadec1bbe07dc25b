"""Mathematics in LaTeX and in plain text, evaluated while it is read."""

import cmath
import math
import re

from nemoguardrails_trust.agreement.expressions import (
    POINTS,
    Expression,
    Group,
    Mathematics,
    Values,
    variable,
)
from nemoguardrails_trust.agreement.latex import (
    CONSTANTS,
    FUNCTIONS,
    GREEK,
    NotMathematicsError,
    lexemes,
)

LONGEST = 400
"""Longest text that is read as mathematics, in characters."""
_DEEPEST = 30

_BRACKETS = {"(": ")", "[": "]", "{": "}"}

_RELATIONS = frozenset(("=", "<", ">", "<=", ">=", "!="))


def may_be_symbol(text: str) -> bool:
    """Whether a text may be mathematics though no digit stands in it, as `π` or LaTeX."""
    return "\\" in text or (len(text) == 1 and not text.isascii())


def read(text: str) -> Mathematics | None:
    """Reads a text as mathematics, all of it; `None` where it is something else.

    Brackets that are never closed are closed at the end, so a cut-off answer can be read.
    """
    if len(text) > LONGEST:
        return None
    try:
        return _Reader(lexemes(text)).read()
    except (ArithmeticError, ValueError):
        return None


class _Reader:
    """Evaluates lexemes by recursive descent."""

    def __init__(self, lexemes: list[str]) -> None:
        self.lexemes = lexemes
        self.place = 0
        self.depth = 0
        self.sign = 1

    def read(self) -> Mathematics:
        if not self.lexemes:
            raise NotMathematicsError
        if "±" in self.lexemes:
            plus = _Reader(["+" if lexeme == "±" else lexeme for lexeme in self.lexemes]).read()
            minus = _Reader(["-" if lexeme == "±" else lexeme for lexeme in self.lexemes]).read()
            return Group((plus, minus))
        items = self._list(("",))
        if self.place < len(self.lexemes):
            raise NotMathematicsError
        return items[0] if len(items) == 1 else Group(tuple(items))

    def _peek(self) -> str:
        return self.lexemes[self.place] if self.place < len(self.lexemes) else ""

    def _take(self) -> str:
        token = self._peek()
        self.place += 1
        return token

    def _list(self, ends: tuple[str, ...]) -> list[Mathematics]:
        items = [self._union()]
        while self._peek() in (",", ";", "&") and self._peek() not in ends:
            self._take()
            if self._peek() in ends:
                break
            items.append(self._union())
        return items

    def _union(self) -> Mathematics:
        items = [self._statement()]
        while self._peek() == "∪":
            self._take()
            items.append(self._statement())
        return items[0] if len(items) == 1 else Group(tuple(items), "∪")

    def _statement(self) -> Mathematics:
        start = self.place
        group = self._group()
        if group is not None:
            return group
        self.place = start
        left = self._sum()
        relation = self._peek()
        if relation not in _RELATIONS:
            return Expression(left)
        name = self._name(start)
        self._take()
        if relation == "=" and name:
            right = self._statement()
            if isinstance(right, Group):
                return right
            return Expression(right.values, name) if not right.relation else right
        right_values = self._sum()
        if relation == "=" and _is_number(left) and _is_number(right_values):
            # A calculation, such as 12 * 12 = 144, says what it comes to.
            while self._peek() == "=":
                self._take()
                right_values = self._sum()
            return Expression(right_values)
        if relation.startswith(">"):
            left, right_values, relation = right_values, left, relation.replace(">", "<")
        return Expression(
            tuple(a - b for a, b in zip(left, right_values, strict=True)), relation=relation
        )

    def _name(self, start: int) -> str | None:
        """The left side of an equation, where it is a variable, or a function of one."""
        name = "".join(self.lexemes[start : self.place])
        return name if re.fullmatch(r"\\?[a-zA-Z]\w*(?:\([a-z]\))?", name) else None

    def _group(self) -> Group | None:
        """A tuple, interval, set or matrix; `None` for brackets about a single expression."""
        opening = self._peek()
        if opening not in ("(", "["):
            return None
        self._deeper()
        self._take()
        is_set = self._peek() == "\\set"
        if is_set:
            self._take()
        items: list[Mathematics] = []
        if self._peek() not in (")", "]", ""):
            items = self._list((")", "]", ""))
        closing = self._take() or _BRACKETS[opening]
        self.depth -= 1
        if closing not in (")", "]") or self._peek() not in ("", ",", ";", "&", ")", "]", "∪"):
            return None
        if is_set:
            return Group(tuple(items), "{}")
        if len(items) < 2 and opening == "(":
            return None
        return Group(tuple(items), opening + closing)

    def _sum(self) -> Values:
        total = self._product()
        while self._peek() in ("+", "-"):
            sign = self._take()
            other = self._product()
            total = tuple(
                a + b if sign == "+" else a - b for a, b in zip(total, other, strict=True)
            )
        return total

    def _product(self) -> Values:
        total = self._signed()
        while True:
            sign = self._peek()
            if sign in ("*", "/"):
                self._take()
                other = self._signed()
            elif sign and (sign[0].isalnum() or sign[0] in "\\({."):
                other = self._power()
                sign = "*"
            else:
                return total
            total = tuple(
                a / b if sign == "/" else a * b for a, b in zip(total, other, strict=True)
            )

    def _signed(self) -> Values:
        sign = 1
        while self._peek() in ("+", "-"):
            if self._take() == "-":
                sign = -sign
        return tuple(sign * value for value in self._power())

    def _power(self) -> Values:
        base = self._atom()
        while self._peek() in ("!", "%", "^"):
            mark = self._take()
            if mark == "!":
                base = tuple(complex(math.gamma(value.real + 1)) for value in base)
            elif mark == "%":
                base = tuple(value / 100 for value in base)
            else:
                exponent = self._argument()
                base = tuple(a**b for a, b in zip(base, exponent, strict=True))
        return base

    def _argument(self) -> Values:
        if self._peek() == "-":
            self._take()
            return tuple(-value for value in self._argument())
        return self._atom()

    def _atom(self) -> Values:
        self._deeper()
        try:
            lexeme = self._take()
            if lexeme in ("(", "{", "["):
                inner = self._sum()
                if self._peek() in (")", "}", "]"):
                    self._take()
                elif self._peek():
                    raise NotMathematicsError
                return inner
            if lexeme == "|":
                inner = self._sum()
                if self._take() != "|":
                    raise NotMathematicsError
                return tuple(complex(abs(value)) for value in inner)
            if lexeme and (lexeme[0].isdecimal() or lexeme[0] == "."):
                return (complex(float(lexeme)),) * POINTS
            return self._symbol(lexeme)
        finally:
            self.depth -= 1

    def _symbol(self, lexeme: str) -> Values:
        name = lexeme.removeprefix("\\")
        if lexeme == "\\frac":
            top, bottom = self._atom(), self._atom()
            return tuple(a / b for a, b in zip(top, bottom, strict=True))
        if lexeme == "\\sqrt":
            return self._root()
        if lexeme.startswith("\\") and name in FUNCTIONS:
            return self._function(name)
        if name in CONSTANTS:
            return (CONSTANTS[name],) * POINTS
        if (len(name) == 1 and name.isalpha()) or name.lower() in GREEK:
            return variable(name + self._subscript())
        raise NotMathematicsError

    def _subscript(self) -> str:
        if self._peek() != "_":
            return ""
        self._take()
        if self._peek() != "{":
            return "_" + self._take()
        start = self.place
        while self._take() not in ("}", ""):
            pass
        return "_" + "".join(self.lexemes[start + 1 : self.place - 1])

    def _root(self) -> Values:
        degree: Values = (2,) * POINTS
        if self._peek() == "[":
            degree = self._atom()
        inner = self._atom()
        if all(value.imag == 0 and value.real < 0 for value in inner) and degree[0] == 3:
            return tuple(-((-value) ** (1 / 3)) for value in inner)
        return tuple(value ** (1 / n) for value, n in zip(inner, degree, strict=True))

    def _function(self, name: str) -> Values:
        function = FUNCTIONS[name]
        power: Values | None = None
        base: Values | None = None
        while self._peek() in ("^", "_"):
            if self._take() == "^":
                power = self._argument()
            else:
                base = self._atom()
        inner = self._function_argument()
        if power is not None and power[0] == -1:
            function = FUNCTIONS.get(f"arc{name}", function)
            power = None
        values = tuple(function(value) for value in inner)
        if base is not None:
            values = tuple(
                cmath.log(value) / cmath.log(b) for value, b in zip(inner, base, strict=True)
            )
        if power is not None:
            values = tuple(a**b for a, b in zip(values, power, strict=True))
        return values

    def _function_argument(self) -> Values:
        """What stands behind `sin`: a bracket, or a product such as `2x`."""
        if self._peek() in ("(", "{"):
            return self._atom()
        if self._peek() == "-":
            return self._argument()
        total = self._power()
        while self._peek() and (self._peek()[0].isalnum() or self._peek() == "\\pi"):
            total = tuple(a * b for a, b in zip(total, self._power(), strict=True))
        return total

    def _deeper(self) -> None:
        self.depth += 1
        if self.depth > _DEEPEST:
            raise NotMathematicsError


def _is_number(values: Values) -> bool:
    return Expression(values).constant is not None
