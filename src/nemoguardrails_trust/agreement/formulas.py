"""The values of formulas, also with a unit behind them: `3/4 cup`."""

import re
from dataclasses import replace

from nemoguardrails_trust.agreement import (
    dates,
    expressions,
    mathematics,
    quantities,
    text,
    units,
)

_WITH_UNIT = re.compile(
    r"(?P<formula>.*[\d})])\s*\{?\s*(?P<unit>[a-z]{2,}(?:[ /][a-z]+){0,2})\s*[{}]*\.?\s*$",
    re.DOTALL,
)

Value = quantities.Quantity | expressions.Expression | expressions.Group


def value_of(folded: str, final: str, *, is_asked_for: bool) -> Value | None:
    """The value of a formula, with its unit where one stands behind it.

    Args:
        folded: The answer, folded.
        final: The final answer in it, as it is written.
        is_asked_for: Whether the question is a mathematical one.
    """
    if dates.date(folded) is not None:
        return None  # 4/7/1776 is no fraction
    found = mathematics.read(final.lower())
    if found is None or not is_asked_for:
        measured = _with_unit(
            folded, known=found is not None and not expressions.has_variables(found)
        )
        if measured is not None or found is None:
            return measured  # in `3/4 cup`, the letters are no variables
    if isinstance(found, expressions.Expression) and found.constant is not None:
        return quantities.exact(found.constant)
    return found


def _with_unit(folded: str, *, known: bool) -> quantities.Quantity | None:
    """The value of a formula with a word behind it; `None` for another text.

    Args:
        folded: The text, folded.
        known: Whether the word has to be a known unit.
    """
    parts = _WITH_UNIT.match(folded)
    if parts is None or (known and not units.is_unit(parts["unit"].split()[0])):
        return None
    found = mathematics.read(parts["formula"])
    unit = quantities.quantity(("1", *text.tokens(parts["unit"])))
    if not isinstance(found, expressions.Expression) or found.constant is None or unit is None:
        return None
    number = quantities.exact(found.constant)
    return replace(number, value=number.value * unit.value, kind=unit.kind, label=unit.label)
