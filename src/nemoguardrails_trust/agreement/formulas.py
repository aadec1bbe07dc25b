"""Formulas with a unit behind them: `3/4 cup`."""

import re
from dataclasses import replace

from nemoguardrails_trust.agreement import expressions, mathematics, quantities, text, units

_WITH_UNIT = re.compile(
    r"(?P<formula>.*[\d})])\s*\{?\s*(?P<unit>[a-z]{2,}(?:[ /][a-z]+){0,2})\s*[{}]*\.?\s*$",
    re.DOTALL,
)


def with_unit(folded: str, *, known: bool) -> quantities.Quantity | None:
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
