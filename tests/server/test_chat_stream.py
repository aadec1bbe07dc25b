"""Streams over HTTP, read by the real `openai` client."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import openai
import pytest

from tests.server.running import KEY, Running, is_share, serving
from tests.server.test_chat import ASKED, TOOL, answer
from tests.servers.faults import HANG, status
from tests.servers.faults import streamed as streamed_bytes
from tests.tlm.scene import is_judging, is_sampling


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    with serving(answer, keys_variable="CHAT_KEYS") as server:
        yield server


def streamed(server: Running, **arguments: Any) -> list[Any]:
    arguments = {"model": "gpt-4o", "messages": ASKED} | arguments
    with openai.OpenAI(api_key=KEY, base_url=f"{server.url}/v1", max_retries=0) as client:
        return list(client.chat.completions.create(stream=True, **arguments))


def events(server: Running, path: str = "/v1/chat/completions", **body: Any) -> list[Any]:
    body = {"messages": ASKED, "stream": True} | body
    with httpx.stream("POST", f"{server.url}{path}", json=body, timeout=60) as response:
        assert response.headers["Content-Type"].startswith("text/event-stream")
        lines = [line[6:] for line in response.iter_lines() if line]
    return [line if line == "[DONE]" else json.loads(line) for line in lines]


def text_of(chunks: list[Any]) -> str:
    return "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)


@pytest.mark.conformance(20)
def test_the_last_chunk_of_a_stream_carries_the_score(running: Running) -> None:
    asked = [{"role": "user", "content": "Say echo"}]
    chunks = streamed(running, messages=asked)
    assert text_of(chunks) == "echo"
    *others, last = chunks
    assert is_share(last.tlm_metadata["trustworthiness_score"])
    assert last.choices[0].finish_reason == "stop"
    assert not any(hasattr(chunk, "tlm_metadata") for chunk in others)


@pytest.mark.parametrize("base", ["/api/v1/openai_trustworthy_llm", "/openai/deployments/m"])
def test_streams_are_served_below_every_base(running: Running, base: str) -> None:
    *_, last, done = events(running, f"{base}/chat/completions", quality_preset="low")
    assert is_share(last["tlm_metadata"]["trustworthiness_score"])
    assert done == "[DONE]"


def test_a_stream_is_that_of_the_backend_but_for_the_score(running: Running) -> None:
    body: dict[str, Any] = {"stream_options": {"include_usage": True}, "logprobs": True, "n": 2}
    received = events(running, **body, quality_preset="base")
    told = [item.pop("tlm_metadata") for item in received[:-1] if "tlm_metadata" in item]
    asked = {"messages": ASKED, "stream": True, "model": "gpt-test", **body}
    direct = httpx.post(f"{running.model.base_url}/chat/completions", json=asked, timeout=60)
    lines = [line[6:] for line in direct.text.splitlines() if line]
    assert received == [line if line == "[DONE]" else json.loads(line) for line in lines]
    assert [is_share(metadata["trustworthiness_score"]) for metadata in told] == [True]
    assert [metadata["choice"] for metadata in told] == [0]


def test_calls_of_tools_are_streamed_and_scored(running: Running) -> None:
    *chunks, last = streamed(running, tools=[TOOL])
    calls = [call for chunk in chunks for call in chunk.choices[0].delta.tool_calls or ()]
    assert [call.function.name for call in calls] == ["weather"]
    assert last.tlm_metadata["trustworthiness_score"] > 0.85


def test_samples_are_drawn_whole_while_the_answer_streams() -> None:
    with serving(answer) as server:
        streamed(server, stream_options={"include_usage": True})
        drawn = [body for body in server.model.bodies if is_sampling(body)]
        first = server.model.received[:2]
    assert drawn
    assert not any({"stream", "stream_options"} & body.keys() for body in drawn)
    assert any(is_sampling(request.body) for request in first)


def test_an_answer_is_held_back_where_a_fallback_may_take_its_place(running: Running) -> None:
    asked = [{"role": "user", "content": "Say doubtful"}]
    extra = {"fallback": "I do not know.", "quality_preset": "low"}
    chunks = streamed(running, messages=asked, extra_body=extra)
    assert text_of(chunks) == "I do not know."
    metadata = chunks[-1].tlm_metadata
    assert metadata["status"] == "untrustworthy"
    assert metadata["original_message"]["content"] == "doubtful"


def test_an_answer_without_a_score_ends_all_the_same() -> None:
    with serving(answer) as server:
        server.model.faults.always(status(500), when=is_judging)
        chunks = streamed(server, extra_body={"quality_preset": "low"})
    assert text_of(chunks) == "echo"
    assert chunks[-1].tlm_metadata["trustworthiness_score"] is None
    assert chunks[-1].tlm_metadata["log"]["error"]["retryable"] is True


@pytest.mark.parametrize("code", [400, 404, 429, 500])
def test_a_refusal_is_an_ordinary_answer(code: int) -> None:
    said = {"error": {"message": "odd", "type": "t", "param": None, "code": "c"}}
    with serving(answer) as server:
        server.model.faults.always(status(code, said))
        body = {"messages": ASKED, "stream": True, "quality_preset": "low"}
        refused = httpx.post(f"{server.url}/v1/chat/completions", json=body, timeout=60)
    assert (refused.status_code, refused.json()) == (code, said)


def test_a_backend_that_does_not_answer_in_time_is_a_504() -> None:
    with serving(answer) as server:
        server.model.faults.always(HANG)
        body = {"messages": ASKED, "stream": True, "options": {"max_timeout": 0.3}}
        late = httpx.post(f"{server.url}/v1/chat/completions", json=body, timeout=60)
    assert late.status_code == 504


def test_a_stream_that_takes_too_long_ends_with_an_error() -> None:
    with serving("one two three", model={"word_delay": 30.0}) as server:
        *_, last = events(server, options={"max_timeout": 1}, quality_preset="low")
    assert last["error"]["type"] == "server_error"
    assert "in time" in last["error"]["message"]


def part(index: int, finish: str | None = None, **delta: Any) -> bytes:
    choice = {"index": index, "delta": delta, "finish_reason": finish}
    return b"data: " + json.dumps({"choices": [choice]}).encode() + b"\n\n"


@contextmanager
def sending(*pieces: bytes) -> Iterator[Running]:
    """A server whose backend streams these events."""
    with serving(answer) as server:
        fault = streamed_bytes(lambda: pieces, Content_Type="text/event-stream")
        server.model.faults.always(fault, when=lambda asked: asked.get("stream"))
        yield server


DONE = b"data: [DONE]\n\n"


def test_a_stream_that_breaks_within_a_further_choice_ends_with_an_error() -> None:
    first = (part(0, content="echo"), part(1, content="ec"), part(0, "stop"))
    with sending(*first) as server:
        *_, last = events(server, quality_preset="low", n=2)
    assert "in the middle of the answer" in last["error"]["message"]
    with sending(*first, part(1, "stop"), DONE) as server:
        *_, scored, done = events(server, quality_preset="low", n=2)
    assert (scored["tlm_metadata"]["choice"], done) == (0, "[DONE]")


def test_a_call_in_the_older_form_is_part_of_what_is_scored() -> None:
    called = (
        part(0, content="Let me see.", function_call={"name": "weather", "arguments": ""}),
        part(0, function_call={"arguments": '{"city": "X"}'}),
        part(0, "function_call"),
    )
    with sending(*called, DONE) as server:
        *_, last, _ = events(server, quality_preset="low")
        (judged,) = [json.dumps(body) for body in server.model.bodies if is_judging(body)]
    assert is_share(last["tlm_metadata"]["trustworthiness_score"])
    assert all(said in judged for said in ("Let me see.", "weather", "city"))


@pytest.mark.parametrize(
    "garbage",
    [
        b'data: {"choices": 5}\n\n',
        b'data: {"choices": [5, {"delta": 5}, {"index": 0, "delta": null}]}\n\n',
        b'data: {"choices": [{"index": 0, "delta": {"content": 5, "tool_calls": [5]}}]}\n\n',
        b"data: {\n\n",
        b"data: [1]\n\n",
        b"\xff\xfe\n\n",
        b": a comment\n\n",
    ],
    ids=repr,
)
def test_garbage_within_a_stream_is_passed_on_and_the_rest_is_scored(garbage: bytes) -> None:
    with sending(part(0, content="echo"), garbage, part(0, "stop"), DONE) as server:
        body = {"messages": ASKED, "stream": True, "quality_preset": "low"}
        said = httpx.post(f"{server.url}/v1/chat/completions", json=body, timeout=60).content
    assert garbage in said
    assert b'"tlm_metadata":{"trustworthiness_score":1.0}' in said
    assert said.endswith(DONE)


def test_the_clients_library_raises_where_a_stream_breaks() -> None:
    with serving("one two three", model={"word_delay": 30.0}) as server:
        extra = {"options": {"max_timeout": 1}, "quality_preset": "low"}
        with pytest.raises(openai.APIError):
            streamed(server, extra_body=extra)


async def test_the_backend_is_left_when_the_client_leaves() -> None:
    with serving("one two three", model={"word_delay": 60.0}) as server:
        async with httpx.AsyncClient(timeout=60) as client:
            body = {"messages": ASKED, "stream": True, "quality_preset": "low"}
            url = f"{server.url}/v1/chat/completions"
            async with client.stream("POST", url, json=body) as response:
                async for _ in response.aiter_bytes():
                    break
                assert server.model.open_requests == 1
        async with asyncio.timeout(20):
            while server.model.open_requests:
                await asyncio.sleep(0.01)


async def test_the_judge_is_left_when_the_client_leaves_before_the_score() -> None:
    with serving(answer) as server:
        server.model.faults.always(HANG, when=is_judging)
        async with httpx.AsyncClient(timeout=60) as client:
            body = {"messages": ASKED, "stream": True, "quality_preset": "low"}
            url = f"{server.url}/v1/chat/completions"
            async with client.stream("POST", url, json=body) as response:
                parts = response.aiter_text()  # with nothing that holds it, the client would leave
                async for part in parts:
                    if "echo" in part:
                        break
                async with asyncio.timeout(20):
                    while not any(is_judging(body) for body in server.model.bodies):
                        await asyncio.sleep(0.01)
        async with asyncio.timeout(20):
            while server.model.open_requests:
                await asyncio.sleep(0.01)
        assert server.model.cancelled_requests == 1


def test_a_backend_that_knows_no_streams_is_made_one_of(tmp_path: Any) -> None:
    recorded = tmp_path / "recorded.jsonl"
    row = {"prompt": "2 + 2?", "response": "4", "samples": ["4", "4"], "reflection": 0.9}
    recorded.write_text(json.dumps(row) + "\n", encoding="utf-8")
    backends = {"own": {"model": "replay", "recorded": str(recorded)}}
    with serving(backends=backends) as server:
        chunks = streamed(server, messages=[{"role": "user", "content": "2 + 2?"}])
    assert text_of(chunks) == "4"
    assert chunks[-1].tlm_metadata["trustworthiness_score"] > 0.8
