"""What an application's own meter provider of OpenTelemetry has been told."""

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader, NumberDataPoint

PREFIX = "nemo_trust_"


def metered(reader: InMemoryMetricReader) -> MeterProvider:
    """A provider whose figures a test reads."""
    return MeterProvider([reader], shutdown_on_exit=False)


def figures_of(reader: InMemoryMetricReader) -> dict[tuple[str, ...], float]:
    """All figures, by name and the values of their labels, these in the order of their names.

    Of a distribution it is the number of its values.
    """
    figures: dict[tuple[str, ...], float] = {}
    data = reader.get_metrics_data()
    if data is None:
        return figures
    for part in data.resource_metrics:
        for scope in part.scope_metrics:
            # Beside those of the web framework, which tells its own.
            for metric in (found for found in scope.metrics if found.name.startswith(PREFIX)):
                for point in metric.data.data_points:
                    labels = (str(value) for _, value in sorted((point.attributes or {}).items()))
                    value = point.value if isinstance(point, NumberDataPoint) else point.count
                    figures[metric.name.removeprefix(PREFIX), *labels] = value
    return figures
