"""Nothing counts as written that the server did not accept, and nothing is written twice."""

import asyncio
import math
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nemoguardrails_trust.errors import ModelServerError
from nemoguardrails_trust.integrations.langfuse import LangfuseClient
from nemoguardrails_trust.integrations.langfuse.writing import (
    BATCH_SIZE,
    MAX_BATCH_BYTES,
    TraceScore,
    write_scores,
)
from tests.integrations.langfuse.conftest import FAST
from tests.servers.faults import status
from tests.servers.langfuse import LangfuseServer
from tests.servers.local import threaded_server

NOW = datetime(2026, 11, 20, 23, 59, tzinfo=UTC)


def score(number: int, value: float = 0.5, **fields: Any) -> TraceScore:
    return TraceScore(f"t{number}", "trust_score", value, fields.pop("timestamp", NOW), **fields)


async def test_a_score_arrives_with_all_it_has(
    server: LangfuseServer, client: LangfuseClient
) -> None:
    written = await write_scores(
        client, [score(1, comment="why", metadata={"scorer": "local"}, environment="live")]
    )
    assert written.accepted == {"t1"}
    (kept,) = server.trace_scores("t1")
    assert (kept.id, kept.value, kept.comment) == ("t1-trust_score", 0.5, "why")
    assert (kept.timestamp, kept.environment) == (NOW, "live")
    assert kept.metadata == {"scorer": "local"}


async def test_a_hundred_scores_are_one_request(
    server: LangfuseServer, client: LangfuseClient
) -> None:
    written = await write_scores(client, [score(n) for n in range(250)])
    assert len(written.accepted) == len(server.scores) == 250
    assert server.writes == 3


async def test_writing_again_replaces_also_across_the_date(
    server: LangfuseServer, client: LangfuseClient
) -> None:
    await write_scores(client, [score(1, 0.1)])
    elsewhere = NOW.astimezone(datetime.now().astimezone().tzinfo)
    await write_scores(client, [score(1, 0.2, timestamp=elsewhere)])
    assert [written.value for written in server.trace_scores("t1")] == [0.2]
    await write_scores(client, [score(1, 0.3, timestamp=NOW + timedelta(minutes=2))])
    assert len(server.trace_scores("t1")) == 2  # the store does tell dates apart


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
async def test_what_is_no_number_is_refused_before_it_is_sent(
    server: LangfuseServer, client: LangfuseClient, value: float
) -> None:
    written = await write_scores(client, [score(1, value), score(2)])
    assert written.accepted == {"t2"}
    assert "not a finite number" in written.rejected["t1"]
    assert "t1-trust_score" not in str(server.bodies)


async def test_a_time_without_a_zone_and_a_huge_comment_are_refused(client: LangfuseClient) -> None:
    naive = score(1, timestamp=NOW.replace(tzinfo=None))
    huge = score(2, comment="x" * (MAX_BATCH_BYTES + 1))
    written = await write_scores(client, [naive, huge])
    assert written.rejected["t1"] == "the trace's time has no time zone"
    assert "bytes of text" in written.rejected["t2"]
    assert written.accepted == set()


async def test_no_request_is_larger_than_the_server_takes(
    server: LangfuseServer, client: LangfuseClient
) -> None:
    comment = "é" * 20_000  # six bytes each in JSON
    written = await write_scores(client, [score(n, comment=comment) for n in range(20)])
    assert len(written.accepted) == 20
    sizes = [int(request.headers["content-length"]) for request in server.received]
    assert len(sizes) > 1
    assert max(sizes) < 1024 * 1024


async def test_a_batch_refused_in_part_is_settled_score_by_score(
    server: LangfuseServer, client: LangfuseClient
) -> None:
    server.rejects = lambda body: "no such trace" if body["traceId"] in ("t3", "t77") else None
    written = await write_scores(client, [score(n) for n in range(100)])
    assert len(written.accepted) == len(server.scores) == 98
    assert written.rejected == {
        "t3": "Langfuse rejected the score: no such trace",
        "t77": "Langfuse rejected the score: no such trace",
    }
    assert server.writes < 30  # halves, not a hundred single ones


async def test_a_score_that_is_accepted_at_the_second_try_is_written(
    server: LangfuseServer, client: LangfuseClient
) -> None:
    tries: list[str] = []

    def reject_once(body: Mapping[str, Any]) -> str | None:
        tries.append(body["id"])
        return "busy" if len(tries) == 1 else None

    server.rejects = reject_once
    written = await write_scores(client, [score(1), score(2)])
    assert written.accepted == {"t1", "t2"}
    assert written.rejected == {}


async def test_a_400_for_a_whole_batch_is_settled_score_by_score(
    server: LangfuseServer, client: LangfuseClient
) -> None:
    server.faults.next(status(400, {"message": "invalid"}))
    written = await write_scores(client, [score(1), score(2)])
    assert written.accepted == {"t1", "t2"}


async def test_a_server_that_stays_away_is_an_error(
    server: LangfuseServer, client: LangfuseClient
) -> None:
    server.faults.always(status(500))
    with pytest.raises(ModelServerError, match="while writing scores"):
        await write_scores(client, [score(1)])
    assert server.scores == {}


@given(st.lists(st.booleans(), min_size=1, max_size=2 * BATCH_SIZE + 1))
@settings(max_examples=15)
def test_exactly_what_the_server_keeps_is_reported_as_written(sound: list[bool]) -> None:
    async def run(server: LangfuseServer) -> None:
        client = LangfuseClient(server.connection(), FAST)
        scores = [score(n) for n in range(len(sound))]
        written = await write_scores(client, scores)
        await client.aclose()
        assert written.accepted == {accepted.trace_id for accepted in server.scores.values()}
        assert written.accepted == {f"t{n}" for n, ok in enumerate(sound) if ok}
        assert written.rejected.keys() == {f"t{n}" for n, ok in enumerate(sound) if not ok}

    bad = {f"t{n}" for n, ok in enumerate(sound) if not ok}
    rejecting = LangfuseServer(rejects=lambda body: "no" if body["traceId"] in bad else None)
    with threaded_server(rejecting) as server:
        asyncio.run(run(server))
