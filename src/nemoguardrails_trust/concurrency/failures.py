"""Counting why things fail, and giving up where they all do."""

import re
from collections.abc import Mapping

from nemoguardrails_trust.errors import TooManyFailuresError, counted

DEFAULT_MAX_FAILURES = 50
"""How many failures in a row end a run, unless told otherwise."""

OTHER_REASONS = "other reasons"

_KINDS_KEPT = 100
_REASONS_TOLD = 3
_WAIT = re.compile(r"\bin \d+(?:\.\d+)? s\b")  # of a rate limit: another one in every message


def count_reason(counts: dict[str, int], reason: str, times: int = 1) -> None:
    """Counts a reason; beyond a hundred kinds, under `OTHER_REASONS`."""
    kind = _WAIT.sub("in … s", reason)
    if kind not in counts and len(counts) >= _KINDS_KEPT:
        kind = OTHER_REASONS
    counts[kind] = counts.get(kind, 0) + times


def merge_reasons(counts: dict[str, int], others: Mapping[str, int]) -> None:
    """Adds counts to others."""
    for reason, times in others.items():
        count_reason(counts, reason, times)


def told_reasons(counts: Mapping[str, int]) -> str:
    """The most frequent reasons with their counts, of equal ones those that came first."""
    ranked = sorted(counts.items(), key=lambda item: -item[1])
    rest = sum(times for _, times in ranked[_REASONS_TOLD:])
    shown = [*ranked[:_REASONS_TOLD], (OTHER_REASONS, rest)] if rest else ranked
    return "; ".join(f"{times:,} × {reason}" for reason, times in shown)


class FailureStreak:
    """Failures in a row; too many of them end a run that cannot succeed.

    Attributes:
        reasons: Why the last ones in a row failed, and how often for each reason.
    """

    def __init__(self, most: int) -> None:
        """Takes how many in a row are too many; 0 bears any number."""
        self._most = most
        self.reasons: dict[str, int] = {}

    def succeeded(self) -> None:
        """Notes a success, with which the counting starts anew."""
        self.reasons.clear()

    def failed(self, reason: str) -> None:
        """Notes a failure.

        Raises:
            TooManyFailuresError: It was one too many. The message has the commonest reasons.
        """
        count_reason(self.reasons, reason)
        if self._most and (total := sum(self.reasons.values())) >= self._most:
            told = (
                f"stopped after {counted(total, 'failure')} in a row: {told_reasons(self.reasons)}"
            )
            raise TooManyFailuresError(told, reasons=self.reasons)
