"""NeMo Guardrails' own `openai` engine talks to the local server, so tests may go through it."""

import asyncio
import urllib.request

import aiohttp
import pytest
from nemoguardrails.llm.models.initializer import init_llm_model
from nemoguardrails.types import LLMModel

from tests.servers.faults import HANG, RESET
from tests.servers.openai import OpenAIServer, closed_port, threaded_server


def engine(base_url: str) -> LLMModel:
    parameters = {"base_url": base_url, "api_key": "test"}
    return init_llm_model("gpt-test", "openai", parameters)


async def test_nemo_engine_gets_an_answer_with_usage() -> None:
    async with OpenAIServer(answer="It is forty-two.") as server:
        reply = await engine(server.base_url).generate_async("What is it?")
    assert reply.content == "It is forty-two."
    assert reply.usage is not None
    assert (reply.usage.input_tokens, reply.usage.output_tokens) == (3, 3)
    assert server.bodies[0]["messages"] == [{"role": "user", "content": "What is it?"}]


async def test_nemo_engine_streams_word_by_word() -> None:
    async with OpenAIServer(answer="one two three") as server:
        chunks = [chunk async for chunk in engine(server.base_url).stream_async("Count.")]
    said = [chunk.delta_content for chunk in chunks if chunk.delta_content]
    assert said == ["one", " two", " three"]
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.output_tokens == 3


async def test_nemo_engine_gets_tool_calls() -> None:
    call = {"id": "1", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}
    async with OpenAIServer(answer={"content": None, "tool_calls": [call]}) as server:
        reply = await engine(server.base_url).generate_async("Call it.")
        chunks = [chunk async for chunk in engine(server.base_url).stream_async("Call it.")]
    assert reply.tool_calls is not None
    assert reply.tool_calls[0].function.arguments == {"a": 1}
    streamed = next(chunk.delta_tool_calls for chunk in chunks if chunk.delta_tool_calls)
    assert streamed[0].function.arguments == {"a": 1}


async def test_a_client_that_goes_away_is_counted() -> None:
    async with OpenAIServer() as server:
        server.faults.next(HANG)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1.0):
                await engine(server.base_url).generate_async("Are you there?")
        await server.idle()
        assert server.cancelled_requests == 1


async def test_a_reset_comes_in_the_middle_of_the_body() -> None:
    async with OpenAIServer() as server, aiohttp.ClientSession() as session:
        server.faults.next(RESET)
        response = await session.post(f"{server.base_url}/chat/completions", json={"messages": []})
        assert response.status == 200
        with pytest.raises(aiohttp.ClientPayloadError):
            await response.read()


def test_a_server_in_a_thread_serves_synchronous_code() -> None:
    with threaded_server(OpenAIServer()) as server:
        with urllib.request.urlopen(f"{server.base_url}/models") as response:
            assert b"gpt-test" in response.read()
        assert server.connections == 1


async def test_nothing_listens_on_a_closed_port() -> None:
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", closed_port())
