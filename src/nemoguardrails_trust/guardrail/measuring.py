"""What a rail's checks are counted and timed by."""

import logging
from contextlib import AbstractContextManager, nullcontext

from nemoguardrails_trust.guardrail.settings import TrustSettings
from nemoguardrails_trust.scorers.base import Scorer
from nemoguardrails_trust.scorers.figures import (
    CHECKS_IN_FLIGHT,
    OF_RAIL,
    SCORES,
    Figure,
    Instruments,
    record_score,
    under_way,
)
from nemoguardrails_trust.scorers.observing import observed_by
from nemoguardrails_trust.scorers.telemetry import telemetry
from nemoguardrails_trust.scores import Status, TrustworthinessScore

_log = logging.getLogger(__name__)


class CheckFigures:
    """The figures of one rail; none, where the application reads none.

    Raises:
        MissingDependencyError: `metrics` is true, and OpenTelemetry is not installed.
    """

    def __init__(self, settings: TrustSettings) -> None:
        found = telemetry(OF_RAIL, wanted=settings.metrics)
        self._instruments = None if found is None else _Harmless(found)
        self._preset = settings.quality

    def checking(self) -> AbstractContextManager[object]:
        """Counts a check as under way."""
        if self._instruments is None:
            return nullcontext()
        return under_way(self._instruments, CHECKS_IN_FLIGHT)

    def scoring(self) -> AbstractContextManager[object]:
        """Counts and times the scores that are made within."""
        return nullcontext() if self._instruments is None else observed_by(self._scored)

    def decided(self, status: Status) -> None:
        """Counts an answer by what was found of it."""
        if self._instruments is not None:
            self._instruments.add(SCORES, 1, self._preset, status)

    def _scored(self, _: Scorer, score: TrustworthinessScore) -> None:
        if self._instruments is not None:
            record_score(self._instruments, self._preset, score)


class _Harmless:
    """Instruments whose failures, which are those of the application's own, stop no answer."""

    def __init__(self, instruments: Instruments) -> None:
        self._instruments = instruments

    def add(self, figure: Figure, amount: float, *labels: str) -> None:
        try:
            self._instruments.add(figure, amount, *labels)
        except Exception as error:  # noqa: BLE001
            _tell(error)

    def record(self, figure: Figure, value: float, *labels: str) -> None:
        try:
            self._instruments.record(figure, value, *labels)
        except Exception as error:  # noqa: BLE001
            _tell(error)


def _tell(error: Exception) -> None:
    _log.warning("a metric could not be recorded: %s", type(error).__name__)
