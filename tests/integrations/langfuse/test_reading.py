"""Traces are read in pages, with their steps, each once, and with few requests."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from nemoguardrails_trust.errors import ModelServerError, SettingsError
from nemoguardrails_trust.integrations.langfuse import LangfuseClient
from nemoguardrails_trust.integrations.langfuse.exchanges import Trace
from nemoguardrails_trust.integrations.langfuse.query import TraceQuery, parse_conditions
from nemoguardrails_trust.integrations.langfuse.reading import Reading, read_traces
from tests.servers.faults import status
from tests.servers.langfuse import LangfuseServer
from tests.servers.langfuse_store import Span

READING = Reading("trust_score")
CHAT = [{"role": "user", "content": "why?"}]
NOW = datetime(2026, 11, 20, 10, tzinfo=UTC)


async def read(
    client: LangfuseClient, query: TraceQuery | None = None, reading: Reading = READING
) -> list[Trace]:
    pages = read_traces(client, query or TraceQuery(), reading)
    return [trace async for page in pages for trace in page]


async def test_pages_are_read_to_the_end_newest_first(
    server: LangfuseServer, client: LangfuseClient
) -> None:
    ids = [
        server.add_trace(CHAT, f"answer {n}", start=NOW + timedelta(minutes=n)) for n in range(25)
    ]
    found = await read(client, reading=Reading("trust_score", page_size=10))
    assert [trace.id for trace in found] == ids[::-1]
    assert [trace.steps[0].output for trace in found] == [f"answer {n}" for n in range(24, -1, -1)]


async def test_two_requests_read_a_hundred_traces(
    server: LangfuseServer, client: LangfuseClient
) -> None:
    for _ in range(300):
        server.add_trace(CHAT, "because", steps=[{"type": "RETRIEVER", "output": ["a"]}])
    assert len(await read(client)) == 300
    assert client.requests == 6


async def test_the_restrictions_of_a_query_hold(
    server: LangfuseServer, client: LangfuseClient
) -> None:
    wanted = server.add_trace(
        CHAT,
        "because",
        start=NOW,
        tags=("prod", "eu"),
        environment="live",
        session="s1",
        trace_name="chat",
        user="ann",
    )
    server.add_trace(CHAT, "because", start=NOW, tags=("prod",), name="chat")
    server.add_trace(CHAT, "because", start=NOW - timedelta(days=2), environment="live")
    queries = [
        TraceQuery(tags=("prod", "eu")),
        TraceQuery(session="s1"),
        TraceQuery(trace_ids=(wanted,)),
        TraceQuery(start=NOW - timedelta(days=1), environments=("live", "test")),
        TraceQuery(name="chat", environments=("live",)),
        TraceQuery(
            conditions=parse_conditions(
                '[{"type": "string", "column": "userId", "operator": "=", "value": "ann"}]'
            )
        ),
    ]
    for query in queries:
        assert [trace.id for trace in await read(client, query)] == [wanted]
    assert len(await read(client, TraceQuery(name="chat"))) == 2  # its own name, or its root's
    assert await read(client, TraceQuery(end=NOW - timedelta(days=3))) == []


async def test_long_metadata_that_is_used_comes_uncut(
    server: LangfuseServer, client: LangfuseClient
) -> None:
    long = "x" * 1000
    metadata = {"system_prompt": long, "docs": long, "other": long}
    server.add_trace(CHAT, "because", metadata=metadata)
    (trace,) = await read(client, reading=Reading("trust_score", context_keys=("docs",)))
    assert {key: len(value) for key, value in trace.metadata.items()} == {
        "system_prompt": 1000,
        "docs": 1000,
        "other": 200,
    }


async def test_a_trace_of_several_roots_comes_once(
    server: LangfuseServer, client: LangfuseClient
) -> None:
    trace_id = server.add_trace(None, "draft", start=NOW, input="why?")
    later = NOW + timedelta(seconds=5)
    server.keep(Span("second", trace_id, later, later, output="because", is_root=True))
    (trace,) = await read(client)
    assert (trace.start, trace.input, trace.output) == (NOW, "why?", "because")


async def test_a_root_that_is_a_generation_is_a_step(
    server: LangfuseServer, client: LangfuseClient
) -> None:
    server.add_trace(None, "because", input=json.dumps(CHAT), type="GENERATION")
    (trace,) = await read(client)
    assert [step.kind for step in trace.steps] == ["GENERATION"]


async def test_scores_are_looked_for_only_when_asked(
    server: LangfuseServer, client: LangfuseClient
) -> None:
    server.add_trace(CHAT, "because")
    (trace,) = await read(client)
    assert not trace.scored
    assert "/api/public/v3/scores" not in [path for path, _ in server.queries]


async def test_pages_before_a_fault_are_good(
    server: LangfuseServer, client: LangfuseClient
) -> None:
    for n in range(3):
        server.add_trace(CHAT, "because", start=NOW + timedelta(minutes=n))
    pages = read_traces(client, TraceQuery(), Reading("trust_score", page_size=1))
    first = await anext(pages)
    server.faults.always(status(500))

    async def read_on() -> None:
        async for _ in pages:
            pass

    with pytest.raises(ModelServerError):
        await read_on()
    assert [len(trace.steps) for trace in first] == [1]


@pytest.mark.parametrize("size", [0, 101])
def test_a_page_has_from_1_to_100_traces(size: int) -> None:
    with pytest.raises(SettingsError, match="from 1 to 100"):
        Reading("trust_score", page_size=size)
