"""What is told of a score on the current span of OpenTelemetry."""

import sys
from collections.abc import Mapping

Attribute = str | float | list[str]


def annotate_span(attributes: Mapping[str, Attribute | None]) -> None:
    """Sets attributes on the current span, where there is one.

    Args:
        attributes: By name without the prefix `trustworthiness.`; those that are `None` are left
            out.
    """
    # Nobody traces who has not imported it, and importing it takes time.
    if "opentelemetry" not in sys.modules:
        return
    from opentelemetry import trace

    span = trace.get_current_span()
    if not span.is_recording():
        return
    for name, value in attributes.items():
        if value is not None:
            span.set_attribute(f"trustworthiness.{name}", value)
