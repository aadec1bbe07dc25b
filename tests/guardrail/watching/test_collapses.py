"""A server that does not survive the wish for token probabilities answers all the same."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from nemoguardrails import LLMRails

from tests.guardrail.scripted import ask, is_main
from tests.guardrail.watching.test_main_call import KEY, answer, bot, check, streaming_bot, tokens
from tests.servers.faults import DISCONNECT, RESET, Fault, status
from tests.servers.openai import OpenAIServer


@pytest.fixture
async def server() -> AsyncIterator[OpenAIServer]:
    async with OpenAIServer(answer=answer, tokens=tokens, api_key=KEY) as running:
        yield running


def _wishes(body: dict[str, Any]) -> bool:
    return is_main(body) and "logprobs" in body


async def said(rails: LLMRails, streams: bool, question: str = "Capital, 0.25?") -> str:
    if not streams:
        return (await check(rails, question))[0]
    return "".join([piece async for piece in rails.stream_async(messages=ask(question))])


@pytest.mark.parametrize(
    ("fault", "streams"),
    [
        (DISCONNECT, False),
        (DISCONNECT, True),
        (RESET, False),
        (status(500), False),
        (status(500), True),
        (status(502), False),
    ],
    ids=str,
)
async def test_a_server_that_fails_over_probabilities_is_no_longer_asked_for_them(
    server: OpenAIServer, fault: Fault, streams: bool
) -> None:
    rails = streaming_bot(server) if streams else bot(server)
    server.faults.always(fault, when=_wishes)
    for requests in (2, 2, 1):
        server.received.clear()
        assert await said(rails, streams) == "Paris it is"
        assert len([body for body in server.bodies if is_main(body)]) == requests


@pytest.mark.parametrize("streams", [False, True], ids=["whole", "streamed"])
async def test_a_failure_now_and_then_costs_no_probabilities(
    streams: bool,
) -> None:
    async with OpenAIServer(answer=answer, logprobs="off", api_key=KEY) as server:
        rails = streaming_bot(server) if streams else bot(server)
        for _ in range(3):
            server.faults.next(DISCONNECT, when=_wishes)
            assert await said(rails, streams) == "Paris it is"
            server.received.clear()
            assert await said(rails, streams) == "Paris it is"
            assert [_wishes(body) for body in server.bodies if is_main(body)] == [True]


@pytest.mark.parametrize("streams", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("fault", [DISCONNECT, status(500), status(503)], ids=str)
async def test_an_outage_is_raised_and_teaches_nothing(
    server: OpenAIServer, fault: Fault, streams: bool
) -> None:
    rails = streaming_bot(server) if streams else bot(server)
    server.faults.always(fault)
    for _ in range(3):
        with pytest.raises(Exception):  # noqa: B017 - as NeMo Guardrails raises it
            await rails.llm.generate_async("Capital, 0.25?")
    server.faults.clear()
    server.received.clear()
    assert (await said(rails, streams)).startswith("Paris it is")
    assert [_wishes(body) for body in server.bodies if is_main(body)] == [True]
