"""Mathematical expressions, compared by their values.

An expression is held as its values at a few fixed points for its variables. Two expressions
that have the same values there are the same expression, but for a chance that is nil in
practice (the Schwartz-Zippel argument for testing identities).
"""

import cmath
import math
from dataclasses import dataclass

POINTS = 3
_TOLERANCE = 1e-9
_STEPS = (0.618033988749895, 0.414213562373095, 0.732050807568877)

Values = tuple[complex, ...]


@dataclass(frozen=True, slots=True)
class Expression:
    """Something that has a value at each of the points.

    Attributes:
        values: The values.
        name: The variable it is said to be equal to, as in `x = 3`.
        relation: For an equation or inequality, its sign; `values` is then left minus right.
    """

    values: Values
    name: str | None = None
    relation: str | None = None

    @property
    def constant(self) -> float | None:
        """The real number that this is, where it is one."""
        first = self.values[0]
        if self.relation or any(not _close(first, other) for other in self.values[1:]):
            return None
        if not cmath.isfinite(first) or abs(first.imag) > _TOLERANCE * max(1.0, abs(first.real)):
            return None
        return first.real


@dataclass(frozen=True, slots=True)
class Group:
    """Several expressions: a tuple, an interval, a set, a matrix, or a bare list.

    Attributes:
        items: What it holds.
        brackets: Both its brackets; empty for a list without, `∪` for a union.
    """

    items: "tuple[Mathematics, ...]"
    brackets: str = ""

    @property
    def ordered(self) -> bool:
        """Whether the order of its items has a meaning."""
        return self.brackets not in ("", "{}", "∪")


Mathematics = Expression | Group


def in_order(value: Mathematics) -> Mathematics:
    """A bare list as one whose order has a meaning; everything else as it is."""
    if isinstance(value, Group) and not value.brackets:
        return Group(value.items, ",")
    return value


def compare_mathematics(first: Mathematics, second: Mathematics) -> bool:
    """Whether two pieces of mathematics say the same."""
    if isinstance(first, Group) and isinstance(second, Group):
        return _same_groups(first, second)
    if isinstance(first, Group) or isinstance(second, Group):
        return False
    if first.relation != second.relation:
        return False
    if first.relation:
        return _proportional(first, second)
    if first.name and second.name and first.name != second.name:
        return False
    if first.constant is not None and second.constant is not None:
        return _same_constants(first.constant, second.constant)
    return all(_close(a, b) for a, b in zip(first.values, second.values, strict=True))


def _same_groups(first: Group, second: Group) -> bool:
    if len(first.items) != len(second.items):
        return False
    if first.ordered != second.ordered or (first.ordered and first.brackets != second.brackets):
        return False
    if first.ordered:
        return all(map(compare_mathematics, first.items, second.items))
    left = list(second.items)
    for item in first.items:
        match = next((k for k, other in enumerate(left) if compare_mathematics(item, other)), None)
        if match is None:
            return False
        del left[match]
    return True


def _proportional(first: Expression, second: Expression) -> bool:
    a, b = first.values, second.values
    if not all(_close(a[0] * b[k], a[k] * b[0]) for k in range(1, POINTS)):
        return False
    return first.relation in ("=", "!=") or (a[0] * b[0].conjugate()).real > 0


def has_variables(value: Mathematics) -> bool:
    """Whether it is an expression whose value depends on a variable."""
    return isinstance(value, Expression) and value.constant is None


def may_be_interval(first: Mathematics, second: Mathematics) -> bool:
    """Whether one is an inequality and the other a group, such as the interval that it means."""
    for one, other in ((first, second), (second, first)):
        if isinstance(one, Expression) and one.relation not in (None, "=", "!="):
            return isinstance(other, Group)
    return False


def is_noise(number: float) -> bool:
    """Whether a number is as small as what rounding leaves of zero; smaller ones are meant so."""
    return number == 0.0 or 1e-17 < abs(number) <= 1e-12


def _close(a: complex, b: complex) -> bool:
    try:
        return a == b or abs(a - b) <= _TOLERANCE * max(1e-3, abs(a), abs(b))
    except OverflowError:
        return False


def _same_constants(a: float, b: float) -> bool:
    """Whether two numbers are equal, very small ones too: those are no noise."""
    return math.isclose(a, b, rel_tol=_TOLERANCE) or (0.0 in (a, b) and is_noise(a - b))


def variable(name: str) -> Values:
    """The values of a variable at the points: arbitrary, but always the same."""
    seed = 0
    for character in name:
        seed = (seed * 131 + ord(character)) % 1_000_003
    return tuple(complex(0.3 + 1.7 * math.modf(seed * step)[0]) for step in _STEPS)
