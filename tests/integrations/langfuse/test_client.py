"""Each way in which a server can fail has one line that says what to do."""

import asyncio
import logging
from dataclasses import replace
from importlib import metadata

import pytest

from nemoguardrails_trust.errors import (
    CredentialsError,
    MissingDependencyError,
    ModelConnectionError,
    ModelRequestError,
    ModelResponseError,
    ModelServerError,
    ModelTimeoutError,
    RateLimitError,
    SettingsError,
    TrustError,
)
from nemoguardrails_trust.integrations.langfuse.client import (
    Connection,
    LangfuseClient,
    RetryPolicy,
)
from nemoguardrails_trust.integrations.langfuse.query import TraceQuery
from nemoguardrails_trust.integrations.langfuse.reading import Reading, read_traces
from tests.integrations.langfuse.conftest import FAST
from tests.servers.faults import (
    DISCONNECT,
    HANG,
    HTML,
    MISSING,
    TRUNCATED,
    UNAUTHORIZED,
    Fault,
    closed_port,
    rate_limited,
    status,
)
from tests.servers.langfuse import PUBLIC_KEY, SECRET_KEY, LangfuseServer


async def read(client: LangfuseClient) -> int:
    answer = await client.call("reading traces", client.api.observations.get_many, limit=10)
    return len(answer.data)


@pytest.mark.parametrize(
    ("fault", "kind", "line", "requests"),
    [
        (UNAUTHORIZED, CredentialsError, "status 401: the key was refused", 1),
        (status(403), CredentialsError, "status 403: the key was refused", 1),
        (status(404), ModelRequestError, "status 404: there is nothing at this address", 1),
        (status(400, {"message": "no\nway"}), ModelRequestError, "status 400 (no way): ", 1),
        (status(422), ModelRequestError, "status 422: the server refused the request", 1),
        (rate_limited(0.001), RateLimitError, "status 429: too many requests", 6),
        (status(500), ModelServerError, "while reading traces (attempt 3): status 500: ", 3),
        (status(503), ModelServerError, "status 503: the server failed", 3),
        (TRUNCATED, ModelResponseError, "this is not the kind of answer expected", 3),
        (HTML, ModelResponseError, "this is not the kind of answer expected", 3),
        (MISSING, ModelResponseError, "in a form that Langfuse's client cannot read", 3),
        (DISCONNECT, ModelConnectionError, "the server closed the connection", 3),
    ],
)  # fmt: skip
async def test_a_lasting_fault_ends_in_one_clear_line(
    server: LangfuseServer,
    client: LangfuseClient,
    fault: Fault,
    kind: type[TrustError],
    line: str,
    requests: int,
) -> None:
    server.faults.always(fault)
    with pytest.raises(kind) as caught:
        await read(client)
    message = str(caught.value)
    assert line in message
    assert message.startswith(f"Langfuse at {server.url} ")
    assert "\n" not in message
    assert SECRET_KEY not in message
    assert PUBLIC_KEY not in message
    assert client.requests == requests
    # A connection that was closed is tried once more below, for requests that only read.
    assert len(server.received) == (2 * requests if fault is DISCONNECT else requests)


@pytest.mark.parametrize(
    "fault", [status(500), rate_limited(0.001), TRUNCATED, HTML, MISSING, DISCONNECT]
)
async def test_a_passing_fault_is_survived(
    server: LangfuseServer, client: LangfuseClient, fault: Fault
) -> None:
    server.add_trace([{"role": "user", "content": "q"}], "a")
    server.faults.next(fault)
    assert await read(client) == 2
    assert len(server.received) == 2


async def test_a_server_that_hangs_is_given_up_after_the_timeout(server: LangfuseServer) -> None:
    client = LangfuseClient(server.connection(timeout=0.05), FAST)
    server.faults.always(HANG)
    with pytest.raises(ModelTimeoutError, match=r"no answer within 0\.05 s; .*LANGFUSE_TIMEOUT"):
        await read(client)
    await client.aclose()
    assert client.requests == 3


async def test_no_server_at_all() -> None:
    place = f"http://127.0.0.1:{closed_port()}"
    client = LangfuseClient(Connection("pk", "sk", place), FAST)
    with pytest.raises(ModelConnectionError, match=f"{place} .*: the connection was refused"):
        await read(client)
    await client.aclose()


async def test_retry_after_is_waited_for(server: LangfuseServer) -> None:
    client = LangfuseClient(server.connection(), RetryPolicy(delay=0.0))
    server.faults.next(rate_limited(0.2))
    loop = asyncio.get_running_loop()
    begun = loop.time()
    await read(client)
    await client.aclose()
    assert loop.time() - begun >= 0.2


async def test_retries_are_logged_without_keys(
    server: LangfuseServer, client: LangfuseClient, caplog: pytest.LogCaptureFixture
) -> None:
    server.faults.next(status(500))
    with caplog.at_level(logging.INFO, "nemoguardrails_trust"):
        await read(client)
    assert "status 500" in caplog.text
    assert SECRET_KEY not in caplog.text


@pytest.mark.parametrize(
    "address",
    ["cloud.langfuse.com", "ftp://host", "http://[broken", "http://a:b", "http://a b", "x"],
)
def test_an_address_that_is_none_is_refused(address: str) -> None:
    with pytest.raises(SettingsError, match="LANGFUSE_BASE_URL must be an address"):
        Connection("pk", "sk", address)


@pytest.mark.parametrize(
    ("environment", "line"),
    [
        ({}, "LANGFUSE_PUBLIC_KEY and LANGFUSE_SECRET_KEY are not set"),
        ({"LANGFUSE_PUBLIC_KEY": "pk"}, "LANGFUSE_SECRET_KEY is not set"),
        ({"LANGFUSE_SECRET_KEY": "sk", "LANGFUSE_PUBLIC_KEY": ""}, "LANGFUSE_PUBLIC_KEY is not"),
    ],
)
def test_missing_keys_are_named(environment: dict[str, str], line: str) -> None:
    with pytest.raises(CredentialsError, match=line):
        Connection.from_environment(environment)


def test_the_environment_is_read_as_langfuse_reads_it() -> None:
    keys = {"LANGFUSE_PUBLIC_KEY": "pk", "LANGFUSE_SECRET_KEY": "sk", "LANGFUSE_HOST": "http://old"}
    assert Connection.from_environment(keys) == Connection("pk", "sk", "http://old", 60.0)
    newer = keys | {"LANGFUSE_BASE_URL": "http://new", "LANGFUSE_TIMEOUT": "7"}
    assert Connection.from_environment(newer) == Connection("pk", "sk", "http://new", 7.0)
    default = Connection("pk", "sk")
    assert default.base_url == "https://cloud.langfuse.com"


@pytest.mark.parametrize("seconds", ["0", "-1", "soon", "nan", "inf"])
def test_a_timeout_that_is_none_is_refused(seconds: str) -> None:
    keys = {"LANGFUSE_PUBLIC_KEY": "pk", "LANGFUSE_SECRET_KEY": "sk", "LANGFUSE_TIMEOUT": seconds}
    with pytest.raises(SettingsError, match="LANGFUSE_TIMEOUT is"):
        Connection.from_environment(keys)


def test_a_connection_shows_no_secret() -> None:
    connection = Connection("pk", "sk-secret", "https://ann:word@host.example/base/")
    assert "sk-secret" not in repr(connection)
    assert connection.place == "https://host.example/base"


def test_a_missing_client_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> str:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", absent)
    with pytest.raises(MissingDependencyError, match=r"nemoguardrails-trust\[langfuse\]"):
        LangfuseClient(Connection("pk", "sk"))


@pytest.mark.parametrize("version", ["2.60.10", "3.15.0", "4.17.9"])
def test_a_client_too_old_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, version: str
) -> None:
    monkeypatch.setattr(metadata, "version", lambda name: version)
    with pytest.raises(SettingsError, match=rf"langfuse {version} is installed, but"):
        LangfuseClient(Connection("pk", "sk"))


async def test_a_page_that_is_too_large_is_read_in_smaller_ones(server: LangfuseServer) -> None:
    for _ in range(20):
        server.add_trace([{"role": "user", "content": "q" * 2000}], "a")
    client = LangfuseClient(replace(server.connection(), most_bytes=30_000), FAST)
    reading = Reading("trust_score", page_size=20)
    traces = [trace async for page in read_traces(client, TraceQuery(), reading) for trace in page]
    await client.aclose()
    assert len({trace.id for trace in traces}) == 20


async def test_what_is_too_large_by_itself_is_said(server: LangfuseServer) -> None:
    server.add_trace([{"role": "user", "content": "q" * 40_000}], "a")
    client = LangfuseClient(replace(server.connection(), most_bytes=30_000), FAST)
    with pytest.raises(ModelResponseError, match=r"larger than 0\.03 MB; set the page size lower"):
        async for _ in read_traces(client, TraceQuery(), Reading("trust_score", page_size=1)):
            pass
    await client.aclose()
    assert client.requests < 20
