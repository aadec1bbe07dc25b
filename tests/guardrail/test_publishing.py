import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from nemoguardrails_trust.errors import CredentialsError
from nemoguardrails_trust.integrations.langfuse import flush_outcomes
from tests.guardrail.scripted import ScriptedScorer, ask, bot_v1
from tests.servers.langfuse import LangfuseServer
from tests.servers.local import threaded_server


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


async def test_the_outcome_becomes_the_score_of_the_langfuse_trace(
    scorer: ScriptedScorer, monkeypatch: pytest.MonkeyPatch
) -> None:
    tracer = TracerProvider().get_tracer("test")
    with threaded_server(LangfuseServer()) as server:
        for name, value in server.environment().items():
            monkeypatch.setenv(name, value)
        rails = bot_v1("Lyon", "Paris", settings="trace_scores: langfuse")
        scorer.answer = 0.3
        with tracer.start_as_current_span("turn") as span:
            await rails.generate_async(messages=ask())
        scorer.answer = None
        with tracer.start_as_current_span("turn"):
            await rails.generate_async(messages=ask("And of Spain?"))
        assert flush_outcomes()
        trace_id = f"{span.get_span_context().trace_id:032x}"
        (score,) = server.scores.values()
    assert (score.id, score.value) == (f"{trace_id}-trust_score", 0.3)
    assert score.comment == "As scripted."
    assert score.metadata["status"] == "untrustworthy"


async def test_langfuse_without_keys_stops_the_bot(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LANGFUSE_PUBLIC_KEY", "LANGFUSE_SECRET_KEY"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(CredentialsError) as caught:
        bot_v1("Lyon", settings="trace_scores: langfuse")
    assert "LANGFUSE_PUBLIC_KEY" in str(caught.value)
