"""Watching scores each new trace once, waits out a server that is away, and ends cleanly."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from nemoguardrails_trust.errors import CredentialsError, DataError, SettingsError
from nemoguardrails_trust.integrations.langfuse import (
    LangfuseClient,
    ScoringOptions,
    TraceQuery,
    Watch,
    watch_traces,
)
from nemoguardrails_trust.integrations.langfuse.watching import (
    Position,
    default_position,
    scope_of,
)
from tests.integrations.langfuse.conftest import FAST, ScorerOfValues
from tests.servers.faults import UNAUTHORIZED, status
from tests.servers.langfuse import LangfuseServer

CHAT = [{"role": "user", "content": "why?"}]
SOON = timedelta(milliseconds=10)


async def until(done: object, seconds: float = 5.0) -> None:
    """Waits until a callable is true."""
    async with asyncio.timeout(seconds):
        while not done():  # type: ignore[operator]
            await asyncio.sleep(0.005)


@asynccontextmanager
async def watching(
    client: LangfuseClient,
    scorer: ScorerOfValues,
    path: Path,
    options: ScoringOptions | None = None,
) -> AsyncIterator[asyncio.Task[None]]:
    stop = asyncio.Event()
    task = asyncio.create_task(
        watch_traces(
            client,
            scorer,
            TraceQuery(),
            options or ScoringOptions(),
            Watch(SOON, path),
            stop=stop,
        )
    )
    yield task
    stop.set()
    await task


async def test_new_traces_are_scored_once_as_they_come(
    server: LangfuseServer, client: LangfuseClient, scorer: ScorerOfValues, tmp_path: Path
) -> None:
    server.add_trace(CHAT, "first")
    async with watching(client, scorer, tmp_path / "position.json"):
        await until(lambda: len(server.scores) == 1)
        server.add_trace(CHAT, "second")
        await until(lambda: len(server.scores) == 2)
        looks = len(server.queries)
        await until(lambda: len(server.queries) > looks + 4)
    assert [item.response for item in scorer.given] == ["first", "second"]


async def test_a_restart_goes_on_where_it_was(
    server: LangfuseServer, client: LangfuseClient, scorer: ScorerOfValues, tmp_path: Path
) -> None:
    path = tmp_path / "deep" / "position.json"
    server.add_trace(CHAT, "first")
    async with watching(client, scorer, path):
        await until(lambda: len(server.scores) == 1)
    server.add_trace(CHAT, "while away", start=datetime.now(UTC) - timedelta(minutes=3))
    async with watching(client, scorer, path):
        await until(lambda: len(server.scores) == 2)
    assert [item.response for item in scorer.given] == ["first", "while away"]
    assert list(path.parent.iterdir()) == [path]


async def test_a_server_that_goes_away_is_waited_for(
    server: LangfuseServer,
    client: LangfuseClient,
    scorer: ScorerOfValues,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.WARNING, "nemoguardrails_trust"):
        async with watching(client, scorer, tmp_path / "position.json") as task:
            await until(lambda: server.queries)
            await server.stop()
            await until(lambda: "the connection was refused" in caplog.text)
            assert not task.done()
            server.add_trace(CHAT, "because")
            await server.start()
            await until(lambda: len(server.scores) == 1)
    assert "looking again in 0.01 s" in caplog.text


async def test_a_score_that_was_not_written_is_written_at_the_next_look(
    server: LangfuseServer, client: LangfuseClient, scorer: ScorerOfValues, tmp_path: Path
) -> None:
    trace_id = server.add_trace(CHAT, "because")
    server.faults.next(status(500), times=3, when=lambda body: isinstance(body, list))
    async with watching(client, scorer, tmp_path / "position.json"):
        await until(lambda: server.trace_scores(trace_id))
    assert len(server.scores) == 1


async def test_a_trace_still_arriving_is_left_for_a_later_look(
    server: LangfuseServer, client: LangfuseClient, scorer: ScorerOfValues, tmp_path: Path
) -> None:
    now = datetime.now(UTC)
    server.add_trace(CHAT, "because", start=now, end=now)
    options = ScoringOptions(settle=timedelta(seconds=0.5))
    async with watching(client, scorer, tmp_path / "position.json", options):
        await until(lambda: server.scores)
    assert datetime.now(UTC) - now >= timedelta(seconds=0.5)
    assert len(scorer.given) == 1


async def test_refused_keys_end_the_watch(
    server: LangfuseServer, scorer: ScorerOfValues, tmp_path: Path
) -> None:
    client = LangfuseClient(server.connection(), FAST)
    server.faults.always(UNAUTHORIZED)
    watch = Watch(SOON, tmp_path / "position.json")
    stop = asyncio.Event()
    with pytest.raises(CredentialsError):
        await watch_traces(client, scorer, TraceQuery(), ScoringOptions(), watch, stop=stop)
    await client.aclose()


def test_a_position_is_only_that_of_its_own_watch(tmp_path: Path) -> None:
    path = tmp_path / "position.json"
    Position(scope="one").save(path)
    with pytest.raises(DataError, match=r"another server, project, query or score name"):
        Position.load(path, "two")
    path.write_text("{}")
    with pytest.raises(DataError, match="is not a position"):
        Position.load(path, "one")
    with pytest.raises(DataError, match="cannot be written"):
        Position(scope="one").save(path / "under a file.json")


def test_positions_of_different_queries_do_not_meet() -> None:
    connection = LangfuseServer().connection()
    start = datetime.now(UTC)
    one = default_position(connection, TraceQuery(tags=("a",)), "trust_score")
    assert one == default_position(connection, TraceQuery(start=start, tags=("a",)), "trust_score")
    assert one != default_position(connection, TraceQuery(tags=("b",)), "trust_score")
    assert one != default_position(connection, TraceQuery(tags=("a",)), "other")
    assert connection.secret_key not in one.name
    assert len(scope_of(connection, TraceQuery(), "trust_score")) == 64


def test_times_that_make_no_watch_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="watch is"):
        Watch(timedelta(0), tmp_path)
    with pytest.raises(SettingsError, match="lookback is"):
        Watch(SOON, tmp_path, lookback=timedelta(-1))
