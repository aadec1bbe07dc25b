"""A local Langfuse, a scorer that needs no model, and clients that do not wait long."""

from collections.abc import AsyncIterator, Callable

import pytest

from nemoguardrails_trust.exchange import Exchange
from nemoguardrails_trust.integrations.langfuse import LangfuseClient, RetryPolicy
from nemoguardrails_trust.scores import Signal, TrustworthinessScore
from tests.servers.langfuse import LangfuseServer

FAST = RetryPolicy(delay=0.001)


class ScorerOfValues:
    """Gives each exchange the value that a function says, and keeps what it was given."""

    def __init__(self, value: Callable[[Exchange], float | None] = lambda exchange: 0.9) -> None:
        self.value = value
        self.given: list[Exchange] = []

    async def score(self, exchange: Exchange) -> TrustworthinessScore:
        self.given.append(exchange)
        value = self.value(exchange)
        return TrustworthinessScore(
            value, {"reflection": Signal(value)}, explanation="because", scorer="values"
        )


@pytest.fixture
async def server() -> AsyncIterator[LangfuseServer]:
    async with LangfuseServer() as running:
        yield running
    assert running.violations == []


@pytest.fixture
async def client(server: LangfuseServer) -> AsyncIterator[LangfuseClient]:
    opened = LangfuseClient(server.connection(), FAST)
    yield opened
    await opened.aclose()


@pytest.fixture
def scorer() -> ScorerOfValues:
    return ScorerOfValues()
