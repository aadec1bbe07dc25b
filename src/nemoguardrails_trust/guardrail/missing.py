"""Signals that scores go without: what is told of them, and when a score is not enough."""

import logging
import time
from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Any

from nemoguardrails_trust.concurrency.failures import count_reason, told_reasons
from nemoguardrails_trust.scores import TrustworthinessScore

_log = logging.getLogger(__name__)

_BETWEEN_WARNINGS = 60.0  # seconds, for each signal


class MissingSignals:
    """Counts the signals that a bot's scores go without, and warns of them now and then.

    Args:
        clock: Gives the seconds by which warnings are spaced.
        tells_reasons: Whether the warnings may hold what the scorer says; otherwise it is logged
            at DEBUG.
    """

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, *, tells_reasons: bool = True
    ) -> None:
        self._clock = clock
        self._tells_reasons = tells_reasons
        self._scores = 0
        self._reasons: dict[str, dict[str, int]] = {}
        self._warned: dict[str, float] = {}

    def count(self, result: TrustworthinessScore) -> dict[str, dict[str, Any]]:
        """Counts a score, and warns where a signal is missing and that was not told lately.

        Returns:
            For each signal that this score lacks, the `reason`, how many `times` it has been
            missing so far, and `of` how many scores.
        """
        self._scores += 1
        told = {}
        for name, signal in result.signals.items():
            if signal.value is not None:
                continue
            reason = str(signal.error or "no reason given")
            reasons = self._reasons.setdefault(name, {})
            count_reason(reasons, reason)
            times = sum(reasons.values())
            told[name] = {"reason": reason, "times": times, "of": self._scores}
            self._warn(name, times, reasons)
        return told

    def _warn(self, name: str, times: int, reasons: dict[str, int]) -> None:
        now = self._clock()
        if name in self._warned and now - self._warned[name] < _BETWEEN_WARNINGS:
            return
        self._warned[name] = now
        told = told_reasons(reasons)
        if not self._tells_reasons:
            _log.debug("%s is missing: %s", name, told)
            told = "the reasons are logged at DEBUG"
        _log.warning("%s is missing in %d of %d scores: %s", name, times, self._scores, told)


def held_to(
    result: TrustworthinessScore, *, require: Collection[str], min_signals: int
) -> TrustworthinessScore:
    """The score, without its value where it lacks signals that the settings ask for.

    Args:
        result: The score.
        require: The signals that must be there, by name.
        min_signals: How many must be there at least.
    """
    if result.score is None:
        return result
    there = result.signal_values
    lacking = [name for name in require if name not in there]
    if lacking:
        problem = f"the score lacks {', '.join(lacking)}, which `require` asks for"
    elif len(there) < min_signals:
        problem = (
            f"the score has {len(there)} of the {min_signals} signals that `min_signals` asks for"
        )
    else:
        return result
    return without_value(result, problem)


def without_value(result: TrustworthinessScore, problem: str) -> TrustworthinessScore:
    """The score with a problem in the place of its value."""
    error = f"{problem} ({result.error})" if result.error else problem
    return replace(result, score=None, error=error)
