"""Completions of the real client, from a real server, with the scores that they come with."""

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from aiohttp import web
from openai import AsyncOpenAI, AzureOpenAI, OpenAI
from openai.types.chat import ChatCompletion

from nemoguardrails_trust import TLM, SettingsError, trust_openai
from tests.integrations.scene import Place, model, run_section
from tests.servers.faults import HANG, HTML, MISSING, TRUNCATED, Fault, status
from tests.servers.openai import OpenAIServer, threaded_server
from tests.tlm.scene import KEY, is_answering, is_judging, kinds, serving, text_of


@pytest.fixture(scope="module")
def running() -> Iterator[OpenAIServer]:
    with serving(model) as server:
        yield server


@pytest.fixture
def server(running: OpenAIServer) -> OpenAIServer:
    running.received.clear()
    return running


@pytest.fixture
def plain(server: OpenAIServer) -> Iterator[OpenAI]:
    with OpenAI(base_url=server.base_url, api_key=KEY, max_retries=0) as client:
        yield client


def asked(text: str) -> Any:
    return [{"role": "user", "content": text}]


def test_a_completion_comes_with_its_score(server: OpenAIServer, plain: OpenAI) -> None:
    client = trust_openai(plain)
    right = client.chat.completions.create(model="gpt-test", messages=asked("Capital of France?"))
    wrong = client.chat.completions.create(model="gpt-test", messages=asked("Capital of Utopia?"))
    assert right.choices[0].message.content == "Paris"
    assert (right.trust["status"], wrong.trust["status"]) == ("trusted", "untrustworthy")  # type: ignore[attr-defined]
    assert right.trust["trustworthiness_score"] > 0.6 > wrong.trust["trustworthiness_score"]  # type: ignore[attr-defined]
    assert right.to_dict()["trust"]["threshold"] == 0.6  # type: ignore[index]
    assert {body["model"] for body in server.bodies} == {"gpt-test"}  # it judges its own answers


def test_the_client_that_was_given_stays_as_it_is(server: OpenAIServer, plain: OpenAI) -> None:
    trust_openai(plain)
    completion = plain.chat.completions.create(model="gpt-test", messages=asked("France?"))
    assert not hasattr(completion, "trust")
    assert kinds(server) == ["answer"]


async def test_a_completion_of_the_asynchronous_client_does_too(server: OpenAIServer) -> None:
    client = trust_openai(AsyncOpenAI(base_url=server.base_url, api_key=KEY), quality_preset="low")
    completion = await client.chat.completions.create(
        model="gpt-test", messages=asked("Capital of France?")
    )
    assert completion.trust["status"] == "trusted"  # type: ignore[attr-defined]
    assert kinds(server) == ["answer", "reflection"]
    await client.close()


def test_each_choice_has_its_own_score(server: OpenAIServer, plain: OpenAI) -> None:
    client = trust_openai(plain, quality_preset="low")
    messages = iter(asked("Which of Paris and Zug is the capital of France?"))
    server.answers = lambda body: ["Paris", "Zug"] if is_answering(body) else model(body)
    try:
        completion = client.chat.completions.create(model="gpt-test", messages=messages, n=2)
    finally:
        server.answers = model
    statuses = [choice.trust["status"] for choice in completion.choices]  # type: ignore[attr-defined]
    assert statuses == ["trusted", "untrustworthy"]
    assert completion.trust == completion.choices[0].trust  # type: ignore[attr-defined]


def test_token_probabilities_that_were_asked_for_are_used(
    server: OpenAIServer, plain: OpenAI
) -> None:
    client = trust_openai(plain, quality_preset="base")
    completion = client.chat.completions.create(
        model="gpt-test", messages=asked("Capital of France?"), logprobs=True
    )
    assert completion.trust["trustworthiness_score"] > 0.6  # type: ignore[attr-defined]
    assert len(server.bodies) == 1


def test_the_judge_sees_the_tools(server: OpenAIServer, plain: OpenAI) -> None:
    client = trust_openai(plain, quality_preset="low")
    function: Any = {"name": "weather", "parameters": {"type": "object", "properties": {}}}
    client.chat.completions.create(
        model="gpt-test",
        messages=asked("Rain in France?"),
        tools=[{"type": "function", "function": function}],
    )
    assert "weather" in text_of(server.bodies[-1])


def test_another_tlm_may_score(server: OpenAIServer, plain: OpenAI) -> None:
    with TLM("low", model="judge", base_url=server.base_url, api_key=KEY) as tlm:
        client = trust_openai(plain, tlm=tlm)
        client.chat.completions.create(model="gpt-test", messages=asked("Capital of France?"))
    assert [body["model"] for body in server.bodies] == ["gpt-test", "judge"]


def test_what_fails_in_scoring_does_not_fail_the_call(server: OpenAIServer, plain: OpenAI) -> None:
    with TLM("low", model="judge", base_url=server.base_url, api_key="sk-refused") as tlm:
        client = trust_openai(plain, tlm=tlm)
        completion = client.chat.completions.create(model="gpt-test", messages=asked("France?"))
    assert completion.choices[0].message.content == "Paris"
    assert completion.trust["status"] == "unchecked"  # type: ignore[attr-defined]
    assert completion.trust["trustworthiness_score"] is None  # type: ignore[attr-defined]
    assert "401" in completion.trust["log"]["error"]["message"]  # type: ignore[attr-defined]


@pytest.mark.parametrize("where", ["client", "copy", "call"])
def test_a_score_takes_no_longer_than_the_client_waits(
    server: OpenAIServer, plain: OpenAI, where: str
) -> None:
    server.faults.always(HANG, when=is_judging)
    short: Any = {"timeout": 0.5}
    client = trust_openai(plain.copy(**short) if where == "client" else plain, quality_preset="low")
    client = client.with_options(**short) if where == "copy" else client
    messages = asked("Capital of France?")
    more: Any = short if where == "call" else {}
    started = time.perf_counter()
    try:
        completion = client.chat.completions.create(model="gpt-test", messages=messages, **more)
    finally:
        server.faults.clear()
    assert completion.choices[0].message.content == "Paris"
    assert completion.trust["status"] == "unchecked"
    assert time.perf_counter() - started < 30  # one request alone would be waited for twice as long


def test_a_stream_is_passed_on_unchecked(server: OpenAIServer, plain: OpenAI) -> None:
    client = trust_openai(plain)
    stream = client.chat.completions.create(
        model="gpt-test", messages=asked("Capital of France?"), stream=True
    )
    assert stream.trust["status"] == "unchecked"  # type: ignore[attr-defined]
    assert "".join(chunk.choices[0].delta.content or "" for chunk in stream) == "Paris"
    assert kinds(server) == ["answer"]


def test_the_completion_at_the_end_of_a_stream_is_scored(
    server: OpenAIServer, plain: OpenAI
) -> None:
    client = trust_openai(plain, quality_preset="low")
    messages = iter(asked("Capital of France?"))
    with client.chat.completions.stream(model="gpt-test", messages=messages, n=2) as stream:
        assert "".join(event.delta for event in stream if event.type == "content.delta")
        assert kinds(server) == ["answer"]
        completion = stream.get_final_completion()
    assert [choice.trust["status"] for choice in completion.choices] == ["trusted", "trusted"]  # type: ignore[attr-defined]
    assert completion.trust["status"] == "trusted"  # type: ignore[attr-defined]


async def test_so_is_that_of_the_asynchronous_client(server: OpenAIServer) -> None:
    async with AsyncOpenAI(base_url=server.base_url, api_key=KEY) as plain:
        client = trust_openai(plain, quality_preset="low")
        opened = client.chat.completions.stream(
            model="gpt-test", messages=asked("Capital of Utopia?")
        )
        async with opened as stream:
            completion = await stream.get_final_completion()
        assert completion.trust["status"] == "untrustworthy"  # type: ignore[attr-defined]


def test_a_raw_response_and_what_it_is_parsed_to_have_the_score(
    server: OpenAIServer, plain: OpenAI
) -> None:
    client = trust_openai(plain, quality_preset="low")
    answering = client.chat.completions.with_raw_response
    raw = answering.create(model="gpt-test", messages=asked("Capital of France?"))
    assert raw.headers["content-type"].startswith("application/json")
    assert raw.trust["status"] == "trusted"  # type: ignore[attr-defined]
    assert raw.parse().trust == raw.trust  # type: ignore[attr-defined]


def test_a_response_that_is_read_bit_by_bit_is_passed_on_unchecked(
    server: OpenAIServer, plain: OpenAI
) -> None:
    client = trust_openai(plain)
    answering = client.chat.completions.with_streaming_response
    with answering.create(model="gpt-test", messages=asked("Capital of France?")) as raw:
        assert raw.trust["status"] == "unchecked"  # type: ignore[attr-defined]
        assert "Paris" in "".join(raw.iter_text())


@pytest.mark.parametrize(
    "odd",
    [
        HTML,
        MISSING,
        status(200, body="Paris"),
        status(200, body=["Paris"]),
        status(200, body={"choices": []}),
        status(200, body={"choices": [None]}),
        status(200, body={"choices": ["Paris"]}),
        status(200, body={"choices": [{"index": 0, "message": None}]}),
        status(200, body={"choices": [{"index": 0, "message": {"content": 5}}]}),
    ],
    ids=lambda odd: f"{odd.kind} {odd.body}",
)
def test_an_odd_answer_is_what_the_client_makes_of_it(
    server: OpenAIServer, plain: OpenAI, odd: Fault
) -> None:
    given: Any = {"model": "gpt-test", "messages": asked("Capital of France?")}
    server.faults.next(odd, times=3)
    untouched = plain.chat.completions.create(**given)
    client = trust_openai(plain, quality_preset="low")
    answered = client.chat.completions.create(**given)
    raw = client.chat.completions.with_raw_response.create(**given)
    assert type(answered) is type(raw.parse()) is type(untouched)
    assert raw.trust["status"] == "unchecked"  # type: ignore[attr-defined]
    if isinstance(answered, ChatCompletion):
        assert answered.trust["status"] == "unchecked"  # type: ignore[attr-defined]


def test_what_the_client_raises_is_raised_where_it_would_be(
    server: OpenAIServer, plain: OpenAI
) -> None:
    given: Any = {"model": "gpt-test", "messages": asked("Capital of France?")}
    client = trust_openai(plain, quality_preset="low")
    server.faults.next(TRUNCATED, times=2)
    with pytest.raises(json.JSONDecodeError):
        client.chat.completions.create(**given)
    raw = client.chat.completions.with_raw_response.create(**given)
    assert raw.trust["status"] == "unchecked"  # type: ignore[attr-defined]
    with pytest.raises(json.JSONDecodeError):
        raw.parse()


def test_what_is_copied_from_the_client_scores_too(server: OpenAIServer, plain: OpenAI) -> None:
    client = trust_openai(plain, quality_preset="low")
    for copied in (client.with_options(timeout=9), client.copy().with_options(max_retries=1)):
        completion = copied.chat.completions.create(model="gpt-test", messages=asked("France?"))
        assert completion.trust["status"] == "trusted"  # type: ignore[attr-defined]
    assert len(server.received) == 4


def test_a_parsed_completion_has_its_score(server: OpenAIServer, plain: OpenAI) -> None:
    client = trust_openai(plain, quality_preset="low")
    server.answers = lambda body: '{"city": "Paris"}' if is_answering(body) else model(body)
    try:
        completion = client.chat.completions.parse(
            model="gpt-test", messages=asked("Capital of France?"), response_format=Place
        )
    finally:
        server.answers = model
    assert completion.choices[0].message.parsed == Place(city="Paris")
    assert completion.trust["status"] == "trusted"  # type: ignore[attr-defined]


class ResponsesServer(OpenAIServer):
    """Answers `/v1/responses` too: always that it is Paris."""

    def routes(self) -> list[web.RouteDef]:
        return [*super().routes(), web.post("/v1/responses", self._respond)]

    async def _respond(self, request: web.Request) -> web.StreamResponse:
        part = {"type": "output_text", "text": "Paris", "annotations": []}
        message = {"type": "message", "id": "m", "role": "assistant", "status": "completed"}
        return web.json_response(
            {"id": "r", "object": "response", "created_at": 1, "model": "gpt-test"}
            | {"output": [message | {"content": [part]}], "parallel_tool_calls": True}
            | {"tool_choice": "auto", "tools": []}
        )


def test_a_response_has_its_score_unless_its_conversation_is_kept_elsewhere() -> None:
    with threaded_server(ResponsesServer(answer=model)) as server:
        with OpenAI(base_url=server.base_url, api_key=KEY) as plain:
            client = trust_openai(plain, quality_preset="low")
            given: Any = {"model": "gpt-test", "input": "Capital of France?"}
            response = client.responses.create(instructions="Say one word.", **given)
            later = client.responses.create(previous_response_id="r", **given)
        (judged,) = server.bodies
    assert response.trust["status"] == "trusted"
    assert "Say one word." in text_of(judged)
    assert later.trust["status"] == "unchecked"
    assert "previous_response_id" in later.trust["log"]["error"]["message"]


def test_what_is_set_up_wrongly_is_told_at_once(plain: OpenAI) -> None:
    with pytest.raises(SettingsError, match="quality_preset is 'huge'"):
        trust_openai(plain, quality_preset="huge")  # type: ignore[arg-type]
    with OpenAI(api_key=lambda: KEY) as changing, pytest.raises(SettingsError, match="tlm="):
        trust_openai(changing)


def test_what_is_no_client_is_told() -> None:
    with pytest.raises(SettingsError, match="client is a str"):
        trust_openai("client")  # type: ignore[type-var]
    azure = AzureOpenAI(api_key="x", api_version="2024-10-21", azure_endpoint="https://azure.test")
    with pytest.raises(SettingsError, match="tlm="):
        trust_openai(azure)


def test_the_page_does_what_it_says(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    names = run_section("OpenAI", monkeypatch)
    assert names["completion"].trust["status"] == "trusted"
    assert capsys.readouterr().out.startswith("Paris {")
