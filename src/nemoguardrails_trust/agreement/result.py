"""What comparing two answers comes to."""

from dataclasses import dataclass

SAME = 0.5
"""From this value on, two answers count as the same."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far two answers say the same.

    Attributes:
        value: 0 (something else) to 1 (the same).
        settled: Whether plain comparing can tell; where not, `value` is its best guess.
        failure: The kind of error that kept them from being compared; `None` without one.
    """

    value: float
    settled: bool
    failure: str | None = None


APART = 0.3
"""How far two answers agree that use the same words for different things."""

YES = Agreement(1.0, settled=True)
NO = Agreement(0.0, settled=True)
