"""The real clients, pointed at a server of ours."""

import asyncio
import logging
from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from tests.server.running import KEY, Running
from tests.servers.tlm import point_clients_at


@pytest.fixture(autouse=True)
def closed_loop() -> Iterator[None]:
    """The loop that the clients' synchronous methods take; they close none themselves."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    yield
    loop.run_until_complete(loop.shutdown_asyncgens())
    asyncio.set_event_loop(None)
    loop.close()


@pytest.fixture(autouse=True)
def never_logged(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """No test may leave a key in the log of the server, or of anything else of ours."""
    caplog.set_level(logging.DEBUG, logger="nemoguardrails_trust")
    yield
    # By now `caplog` holds what was logged since the test itself ended.
    ours = [
        record for record in caplog.get_records("call") if not record.name.startswith("cleanlab")
    ]
    assert not any(KEY in logging.Formatter().format(record) for record in ours)


@pytest.fixture
def pointed(server: Running, monkeypatch: pytest.MonkeyPatch) -> Running:
    """The server that all tests share, with all clients pointed at it."""
    point_clients_at(server.api, monkeypatch)
    del server.requests[:]
    return server


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that clients would have waited before they ask again; they wait none."""
    from cleanlab_studio.internal.api import api as studio
    from cleanlab_tlm.internal.api import api as tlm

    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        if seconds:
            waits.append(seconds)
        await asyncio.sleep(0)

    for api in (studio, tlm):
        patched = SimpleNamespace(**(vars(asyncio) | {"sleep": sleep}))
        monkeypatch.setattr(api, "asyncio", patched)
    return waits
