"""Requests of an application: sent on as they are, and sampled with what shapes their answer."""

from typing import Any

import pytest

from nemoguardrails_trust.errors import ModelConnectionError, ModelResponseError, ModelTimeoutError
from nemoguardrails_trust.models.limits import Limits
from nemoguardrails_trust.models.openai import OpenAICompatibleModel
from tests.servers.faults import DISCONNECT, HANG, status
from tests.servers.openai import OpenAIServer, closed_port

ASKED: dict[str, Any] = {"messages": [{"role": "user", "content": "2 + 2?"}], "model": "claimed"}
TOOLS = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]


def model(url: str, **options: Any) -> OpenAICompatibleModel:
    return OpenAICompatibleModel("own", base_url=url, api_key="x", limits=Limits(2), **options)


async def test_a_request_is_sent_on_with_the_models_own_name() -> None:
    async with OpenAIServer() as server:
        passing = model(server.base_url)
        async with passing.forward({**ASKED, "odd": [1]}, seconds=30) as incoming:
            received = await incoming.received()
        await passing.aclose()
    assert (incoming.status, (await received.parsed())["model"]) == (200, "own")
    assert server.bodies == [{**ASKED, "odd": [1], "model": "own"}]


async def test_a_refusal_is_an_answer_and_is_not_repeated() -> None:
    async with OpenAIServer() as server:
        server.faults.always(status(500, {"error": "odd"}))
        passing = model(server.base_url)
        async with passing.forward(ASKED, seconds=30) as incoming:
            received = await incoming.received()
        await passing.aclose()
    assert (incoming.status, await received.parsed()) == (500, {"error": "odd"})
    assert len(server.received) == 1


async def test_a_connection_that_was_closed_meanwhile_is_made_anew_once() -> None:
    async with OpenAIServer() as server:
        passing = model(server.base_url)
        server.faults.next(DISCONNECT)
        async with passing.forward(ASKED, seconds=30) as incoming:
            assert incoming.status == 200
        server.faults.always(DISCONNECT)
        with pytest.raises(ModelConnectionError):
            async with passing.forward(ASKED, seconds=30):
                pass
        await passing.aclose()
    assert len(server.received) == 4


async def test_a_server_that_is_not_there_or_does_not_answer_is_an_error() -> None:
    absent = model(f"http://127.0.0.1:{closed_port()}/v1")
    with pytest.raises(ModelConnectionError):
        async with absent.forward(ASKED, seconds=30):
            pass
    await absent.aclose()
    async with OpenAIServer() as server:
        server.faults.always(HANG)
        passing = model(server.base_url)
        with pytest.raises(ModelTimeoutError):
            async with passing.forward(ASKED, seconds=0.2):
                pass
        await passing.aclose()


async def test_an_answer_that_is_not_read_to_its_end_closes_its_connection() -> None:
    async with OpenAIServer(answer="one two", word_delay=60.0) as server:
        passing = model(server.base_url)
        async with passing.forward({**ASKED, "stream": True}, seconds=30) as incoming:
            async for chunk in incoming.chunks():
                assert chunk.startswith(b"data: ")
                break
        await server.idle(20)
        await passing.aclose()
    assert server.received[0].headers["accept-encoding"] == "identity"


async def test_a_stream_that_comes_packed_is_an_error() -> None:
    async with OpenAIServer() as server:
        server.faults.always(status(200, {}, Content_Encoding="br"))
        passing = model(server.base_url)
        with pytest.raises(ModelConnectionError):
            async with passing.forward({**ASKED, "stream": True}, seconds=30) as incoming:
                assert [chunk async for chunk in incoming.chunks()] == []
        await passing.aclose()


async def test_samples_are_asked_for_with_what_shapes_an_answer_and_not_how_it_is_drawn() -> None:
    async with OpenAIServer() as server:
        passing = model(server.base_url)
        shaping = {"tools": TOOLS, "tool_choice": "auto", "response_format": {"type": "text"}}
        drawn = {"seed": 1, "top_p": 0.1, "temperature": 0, "stream": True, "logprobs": True}
        reply = await passing.draw(
            {**ASKED, **shaping, **drawn, "max_tokens": 7}, 3, temperature=1.0, max_tokens=99
        )
        await passing.aclose()
    assert [completion.text for completion in reply.completions] == ["42"] * 3
    (body,) = server.bodies
    asked = {"messages": ASKED["messages"], "model": "own", **shaping}
    assert body == {**asked, "n": 3, "temperature": 1.0, "max_tokens": 7}


@pytest.mark.parametrize("limit", [None, "many", True, 0])
async def test_a_limit_that_is_none_leaves_that_of_the_score(limit: Any) -> None:
    async with OpenAIServer() as server:
        passing = model(server.base_url)
        await passing.draw({**ASKED, "max_tokens": limit}, 1, temperature=1.0, max_tokens=99)
        await passing.aclose()
    assert server.bodies[0]["max_tokens"] == 99


async def test_samples_that_cannot_be_had_are_an_error() -> None:
    async with OpenAIServer(answer={"content": ""}) as server:
        passing = model(server.base_url)
        with pytest.raises(ModelResponseError):
            await passing.draw(ASKED, 2, temperature=1.0)
        await passing.aclose()
