from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from tests.guardrail.scripted import ScriptedScorer, ask, bot_v1


async def test_the_outcome_is_on_the_current_span(scorer: ScriptedScorer) -> None:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    scorer.answer = 0.3
    with provider.get_tracer("test").start_as_current_span("turn"):
        await bot_v1("Lyon").generate_async(messages=ask())
    (span,) = exporter.get_finished_spans()
    assert span.attributes is not None
    assert span.attributes["trustworthiness.score"] == 0.3
    assert span.attributes["trustworthiness.threshold"] == 0.6
    assert span.attributes["trustworthiness.status"] == "untrustworthy"
    assert span.attributes["trustworthiness.scorer"] == "scripted"
    assert span.attributes["trustworthiness.explanation"] == "As scripted."


async def test_an_unchecked_outcome_puts_no_score_on_the_span(scorer: ScriptedScorer) -> None:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    scorer.answer = None
    with provider.get_tracer("test").start_as_current_span("turn"):
        await bot_v1("Lyon").generate_async(messages=ask())
    (span,) = exporter.get_finished_spans()
    assert span.attributes is not None
    assert "trustworthiness.score" not in span.attributes
    assert span.attributes["trustworthiness.status"] == "unchecked"
