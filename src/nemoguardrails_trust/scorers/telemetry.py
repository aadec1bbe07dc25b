"""Figures as metrics of OpenTelemetry."""

import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING

from nemoguardrails_trust import __version__
from nemoguardrails_trust.errors import MissingDependencyError
from nemoguardrails_trust.scorers.figures import PREFIX, Figure

if TYPE_CHECKING:
    from opentelemetry.metrics import Counter, Histogram, Meter, UpDownCounter


class TelemetryInstruments:
    """Writes figures to a meter.

    Args:
        meter: It. One of OpenTelemetry's own API goes nowhere until the application sets a
            meter provider, and to that from then on.
        figures: Those that will be written.
    """

    def __init__(self, meter: "Meter", figures: Iterable[Figure]) -> None:
        self._adding: dict[Figure, Counter | UpDownCounter] = {}
        self._recording: dict[Figure, Histogram] = {}
        for figure in figures:
            name = PREFIX + figure.name
            if figure.kind == "histogram":
                self._recording[figure] = meter.create_histogram(
                    name,
                    figure.unit,
                    figure.told,
                    explicit_bucket_boundaries_advisory=figure.buckets,
                )
            elif figure.kind == "counter":
                self._adding[figure] = meter.create_counter(name, figure.unit, figure.told)
            else:
                self._adding[figure] = meter.create_up_down_counter(name, figure.unit, figure.told)

    def add(self, figure: Figure, amount: float, *labels: str) -> None:
        """See `Instruments`."""
        self._adding[figure].add(amount, dict(zip(figure.labels, labels, strict=True)))

    def record(self, figure: Figure, value: float, *labels: str) -> None:
        """See `Instruments`."""
        self._recording[figure].record(value, dict(zip(figure.labels, labels, strict=True)))


def telemetry(figures: Iterable[Figure], *, wanted: bool | None) -> TelemetryInstruments | None:
    """What writes figures to the meter provider that the application sets.

    Args:
        figures: Those that will be written.
        wanted: Whether it must be; `None` where the application has loaded OpenTelemetry, which
            takes time that nobody who does not use it should wait for.

    Raises:
        MissingDependencyError: It must be, and OpenTelemetry is not installed.
    """
    if wanted is False or (wanted is None and "opentelemetry" not in sys.modules):
        return None
    try:
        from opentelemetry import metrics
    except ImportError:
        if wanted:
            raise MissingDependencyError("opentelemetry-api", "opentelemetry") from None
        return None
    meter = metrics.get_meter_provider().get_meter("nemoguardrails_trust", __version__)
    return TelemetryInstruments(meter, figures)
