"""The OpenAI-compatible model against a real local server: answers, usage, and what it learns."""

import asyncio
import gc
import logging
import pickle
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from nemoguardrails_trust.errors import (
    CredentialsError,
    ModelRequestError,
    ModelResponseError,
    ModelTimeoutError,
    SettingsError,
)
from nemoguardrails_trust.exchange import Exchange, Message
from nemoguardrails_trust.models import endpoint, scouts
from nemoguardrails_trust.models.base import Ask, LanguageModel, Reply
from nemoguardrails_trust.models.deadline import whole_deadline
from nemoguardrails_trust.models.limits import Limits
from nemoguardrails_trust.models.openai import OpenAICompatibleModel
from nemoguardrails_trust.scorers.base import ScorerSettings
from nemoguardrails_trust.scorers.local.scorer import LocalScorer
from tests.servers.faults import DISCONNECT, HANG, RESET, status
from tests.servers.openai import OpenAIServer, threaded_server

QUESTION = (Message("system", "Be brief."), Message("user", "What is six times seven?"))
KEY = "sk-very-secret-0123456789"


def model_of(
    server: OpenAIServer, name: str = "gpt-test", **keywords: Any
) -> OpenAICompatibleModel:
    given: dict[str, Any] = {"api_key": KEY, "limits": Limits()} | keywords
    return OpenAICompatibleModel(name, base_url=server.base_url, **given)


def texts(reply: Reply) -> list[str]:
    return [completion.text for completion in reply.completions]


def sample(model: OpenAICompatibleModel, n: int = 1, **keywords: Any) -> Any:
    return model.complete(Ask(QUESTION, "sample", n, **keywords))


def tasks_of_models() -> list[str]:
    coroutines = [getattr(task.get_coro(), "__qualname__", "") for task in asyncio.all_tasks()]
    return [coroutine for coroutine in coroutines if coroutine.startswith("OpenAICompatibleModel")]


async def test_an_answer_comes_with_its_usage() -> None:
    async with OpenAIServer(answer="It is 42.", api_key=KEY) as server:
        model = model_of(server, parameters={"top_p": 0.9, "extra_body": {"min_p": 0.1}})
        assert isinstance(model, LanguageModel)
        reply = await model.complete(
            Ask(QUESTION, "answer", temperature=0.5, max_tokens=9, top_logprobs=2)
        )
        assert server.bodies == [
            {
                "model": "gpt-test",
                "messages": [
                    {"role": "system", "content": "Be brief."},
                    {"role": "user", "content": "What is six times seven?"},
                ],
                "top_p": 0.9,
                "min_p": 0.1,
                "temperature": 0.5,
                "max_tokens": 9,
                "logprobs": True,
                "top_logprobs": 2,
            }
        ]
    assert texts(reply) == ["It is 42."]
    tokens = reply.completions[0].tokens
    assert tokens is not None
    assert [token.token for token in tokens] == ["It", " is", " 42."]
    assert tokens[0].top == (("It", -0.1),)
    [call] = reply.calls
    assert (call.purpose, call.samples) == ("answer", 1)
    assert (call.prompt_tokens, call.completion_tokens) == (7, 3)
    assert 0 < call.seconds < 5


async def test_what_a_call_gives_goes_before_the_parameters_and_zero_is_sent() -> None:
    async with OpenAIServer() as server:
        model = model_of(server, parameters={"temperature": 1.0, "max_tokens": 50})
        await sample(model, temperature=0.0, max_tokens=1)
        await sample(model)
        sent = [(body["temperature"], body["max_tokens"]) for body in server.bodies]
    assert sent == [(0.0, 1), (1.0, 50)]


async def test_several_answers_take_one_request_where_the_server_gives_them() -> None:
    async with OpenAIServer(answer=["a", "b", "c"]) as server:
        model = model_of(server)
        reply = await sample(model, 5)
        assert len(server.received) == 1
    assert texts(reply) == ["a", "b", "c", "a", "b"]
    assert [call.samples for call in reply.calls] == [5]


async def test_where_n_is_ignored_the_rest_is_asked_for_at_once_and_that_is_learnt() -> None:
    async with OpenAIServer(answer=["a", "b", "c"], n="ignored", latency=0.3) as server:
        model = model_of(server)
        first = await sample(model, 5)
        assert server.peak_requests == 4
        assert [body.get("n", 1) for body in server.bodies] == [5, 1, 1, 1, 1]
        second = await sample(model, 5)
        assert server.peak_requests == 5
        assert [body.get("n", 1) for body in server.bodies[5:]] == [1] * 5
    assert sorted(texts(first)) == ["a", "a", "b", "b", "c"]
    assert len(second.completions) == len(second.calls) == 5


async def test_a_refused_n_is_learnt_once() -> None:
    async with OpenAIServer(n="refused") as server:
        model = model_of(server)
        first = await sample(model, 3)
        await sample(model, 3)
        assert [body.get("n", 1) for body in server.bodies] == [3, 1, 1, 1, 1, 1, 1]
    assert [call.samples for call in first.calls] == [0, 1, 1, 1]


@pytest.mark.parametrize("manner", ["refused", "off"])
async def test_token_probabilities_that_cannot_be_had_are_asked_for_once(manner: Any) -> None:
    async with OpenAIServer(logprobs=manner) as server:
        model = model_of(server)
        for _ in range(3):
            reply = await sample(model, top_logprobs=5)
            assert texts(reply) == ["42"]
            assert reply.completions[0].tokens is None
        asked = ["logprobs" in body for body in server.bodies]
    assert asked == ([True, False, False, False] if manner == "refused" else [True, False, False])


async def test_fewer_alternatives_are_asked_for_where_so_many_are_refused() -> None:
    refusal = {"message": "Requested sample logprobs of 20, max allowed: 5 (top_logprobs)"}
    async with OpenAIServer() as server:
        server.faults.always(
            status(400, {"object": "error", **refusal}),
            when=lambda body: body.get("top_logprobs", 0) > 5,
        )
        model = model_of(server)
        reply = await sample(model, top_logprobs=20)
        await sample(model, top_logprobs=20)
        assert [request["top_logprobs"] for request in server.bodies] == [20, 5, 5]
    assert reply.completions[0].tokens is not None


async def test_a_server_that_names_the_refused_field_as_fastapi_does_is_understood() -> None:
    detail = [{"type": "extra_forbidden", "loc": ["body", "seed"], "msg": "Not permitted"}]
    async with OpenAIServer() as server:
        server.faults.always(status(422, {"detail": detail}), when=lambda body: "seed" in body)
        model = model_of(server, parameters={"seed": 1})
        await sample(model)
        await sample(model)
        assert ["seed" in request for request in server.bodies] == [True, False, False]


async def test_a_reasoning_model_of_unknown_name_is_learnt() -> None:
    refused = ["temperature", "max_tokens"]
    async with OpenAIServer(refused=refused, thinking_tokens=50) as server:
        model = model_of(server)
        reply = await sample(model, 2, temperature=1.0, max_tokens=4)
        requests = len(server.received)
        assert requests <= 4
        assert texts(reply) == ["42", "42"]
        await sample(model, 2, temperature=1.0, max_tokens=4)
        assert len(server.received) == requests + 1
        last = server.bodies[-1]
        assert "temperature" not in last
        assert "max_tokens" not in last
        assert last["max_completion_tokens"] > 50


@pytest.mark.parametrize("name", ["o1", "o3-mini", "o4-mini", "gpt-5", "gpt-5-nano", "openai/o3"])
async def test_an_openai_reasoning_model_is_known_by_its_name(name: str) -> None:
    async with OpenAIServer(refused=["temperature", "max_tokens"], thinking_tokens=50) as server:
        reply = await sample(model_of(server, name), temperature=0.0, max_tokens=1)
        assert texts(reply) == ["42"]
        assert len(server.received) == 1


@pytest.mark.parametrize("name", ["gpt-4o", "gpt-5-chat-latest", "llama-3", "o11y-model"])
async def test_other_models_get_the_limit_and_temperature_as_asked(name: str) -> None:
    async with OpenAIServer() as server:
        await sample(model_of(server, name), temperature=0.0, max_tokens=1)
        assert server.bodies[0]["max_tokens"] == 1
        assert server.bodies[0]["temperature"] == 0.0


async def test_a_first_token_that_is_white_space_is_no_thinking() -> None:
    message = {"content": "\n", "finish_reason": "length"}
    async with OpenAIServer(answer=message) as server:
        with pytest.raises(ModelResponseError, match="has no text"):
            await sample(model_of(server), max_tokens=1)
        assert len(server.received) == 1


async def test_concurrent_first_calls_are_refused_a_handful_of_times(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(scouts, "_LONGEST_WAIT", 60.0)  # however slow the machine is
    async with OpenAIServer(logprobs="refused", n="refused", latency=0.02) as server:
        model = model_of(server)
        replies = await asyncio.gather(
            *(sample(model, 2) for _ in range(50)),
            *(sample(model, top_logprobs=5) for _ in range(50)),
        )
        refused = len(server.received) - 150
        assert 0 < refused <= 6
    assert all(texts(reply) for reply in replies)


@pytest.mark.parametrize("turns", range(4))
async def test_a_request_that_waited_for_the_first_ones_can_be_cancelled_as_they_end(
    turns: int,
) -> None:
    troop = scouts.Scouts()
    first, _ = [await troop.enter(lambda: True) for _ in range(2)]
    assert first is not None
    waiting = asyncio.ensure_future(troop.enter(lambda: True))
    await asyncio.sleep(0.01)
    first.leave()
    for _ in range(turns):
        await asyncio.sleep(0)
    if waiting.cancel():
        with pytest.raises(asyncio.CancelledError):
            await waiting


async def test_slow_first_calls_hold_no_other_up_for_long() -> None:
    async with OpenAIServer(latency=3.0) as server:
        model = model_of(server)
        await asyncio.gather(*(sample(model, temperature=0.5) for _ in range(10)))
        assert server.peak_requests == 10


async def test_a_request_of_a_score_has_the_time_of_the_score(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(endpoint, "LONGEST_ALONE", 0.2)
    async with OpenAIServer(latency=1.0) as server:
        model = model_of(server)
        with whole_deadline(60.0):
            assert texts(await sample(model)) == ["42"]
        with pytest.raises(ModelTimeoutError, match=r"no answer within 0\.2 s"):
            await sample(model)


async def test_a_refusal_that_names_nothing_to_leave_out_is_an_error() -> None:
    body = {"error": {"message": "Your temperature is bad.", "code": "x", "param": "messages"}}
    async with OpenAIServer() as server:
        server.faults.always(status(400, body))
        with pytest.raises(ModelRequestError, match=r"gpt-test at 127\.0\.0\.1: status 400"):
            await sample(model_of(server), temperature=1.0)
        assert len(server.received) == 1


async def test_a_misread_refusal_teaches_nothing() -> None:
    async with OpenAIServer() as server:
        server.faults.next(
            status(400, {"error": {"message": "It has a bad temperature, and more."}}), times=2
        )
        model = model_of(server)
        with pytest.raises(ModelRequestError):
            await sample(model, temperature=1.0)
        await sample(model, temperature=1.0)
        assert ["temperature" in body for body in server.bodies] == [True, False, True]


async def test_a_limit_that_is_too_large_is_not_sent_under_another_name() -> None:
    text = "max_tokens is too large: 9. This model supports at most 4 completion tokens."
    async with OpenAIServer() as server:
        server.faults.always(status(400, {"error": {"message": text, "param": "max_tokens"}}))
        with pytest.raises(ModelRequestError):
            await sample(model_of(server), max_tokens=9)
        assert len(server.received) == 1


async def test_some_failing_of_several_requests_is_told_beside_the_answers() -> None:
    async with OpenAIServer(n="ignored") as server:
        model = model_of(server, max_retries=0)
        await sample(model, 2)
        server.faults.next(status(500), times=2)
        reply = await sample(model, 5)
    assert len(reply.completions) == 3
    assert len(reply.failures) == 2
    assert all("status 500" in failure for failure in reply.failures)


async def test_empty_choices_are_told_beside_the_others() -> None:
    async with OpenAIServer(answer=["yes", "", {"content": None}]) as server:
        reply = await sample(model_of(server), 3)
    assert texts(reply) == ["yes"]
    assert len(reply.failures) == 2
    assert reply.calls[0].samples == 1


async def test_a_tool_call_is_json_with_its_arguments_by_value() -> None:
    call = {"id": "x1", "type": "function", "function": {"name": "f", "arguments": '{"b":1,"a":2}'}}
    async with OpenAIServer(answer={"content": None, "tool_calls": [call]}) as server:
        reply = await sample(model_of(server))
    [text] = texts(reply)
    assert text == '{"tool_calls": [{"arguments": {"a": 2, "b": 1}, "name": "f"}]}'
    assert reply.completions[0].finish_reason == "tool_calls"


async def test_messages_of_tools_and_odd_characters_are_sent() -> None:
    async with OpenAIServer() as server:
        messages = (Message("user", "Ünïcode \ud800 \u2028 😀"), Message("tool", "21 °C"))
        await model_of(server).complete(Ask(messages, "answer"))
        sent = server.bodies[0]["messages"]
    assert sent[0]["content"] == "Ünïcode ? \u2028 😀"
    assert sent[1]["role"] == "user"
    assert "21 °C" in sent[1]["content"]


async def test_the_key_shows_nowhere(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    echo = {"error": {"message": f"Incorrect API key: {KEY}", "code": KEY.replace("-", "_")}}
    async with OpenAIServer(refused=["temperature"]) as server:
        model = model_of(server, headers={"X-Other": KEY})
        await sample(model, temperature=1.0)
        server.faults.next(status(401, echo))
        with pytest.raises(CredentialsError, match="status 401") as caught:
            await sample(model)
        assert server.received[0].headers["authorization"] == f"Bearer {KEY}"
    shown = [repr(model), str(caught.value), repr(caught.value), caplog.text]
    assert not any("secret" in token for token in shown)
    assert "refuses temperature" in caplog.text


async def test_cancelling_closes_every_open_request() -> None:
    async with OpenAIServer(n="ignored") as server:
        model = model_of(server)
        await sample(model, 2)
        server.faults.always(HANG)
        call = asyncio.create_task(sample(model, 8))
        async with asyncio.timeout(5):
            while server.open_requests < 8:
                await asyncio.sleep(0.005)
        assert len(tasks_of_models()) == 9
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        await server.idle()
        assert tasks_of_models() == []
        assert server.cancelled_requests == 8
        server.faults.clear()
        assert texts(await sample(model)) == ["42"]
        await model.aclose()


async def test_connections_are_kept_and_shared() -> None:
    async with OpenAIServer() as server:
        model = model_of(server)
        for _ in range(5):
            await sample(model)
        assert server.connections == 1
        await model.aclose()
        await sample(model)
        assert server.connections == 2


async def test_a_kept_connection_that_the_server_closed_fails_no_request() -> None:
    async with OpenAIServer() as server:
        model = model_of(server, max_retries=0)
        await sample(model)
        server.faults.next(DISCONNECT)
        assert texts(await sample(model)) == ["42"]
        assert server.connections == 2


async def test_a_server_that_was_restarted_is_found_again() -> None:
    server = OpenAIServer()
    await server.start()
    model = model_of(server)
    await sample(model)
    await server.stop()
    await server.start()
    assert texts(await sample(model)) == ["42"]
    await server.stop()


def test_one_object_serves_several_loops_and_threads() -> None:
    with threaded_server(OpenAIServer(latency=0.01)) as server:
        model = model_of(server)

        async def several() -> list[Reply]:
            return list(await asyncio.gather(*(sample(model) for _ in range(5))))

        with ThreadPoolExecutor(3) as threads:
            runs = [threads.submit(asyncio.run, several()) for _ in range(3)]
            replies = asyncio.run(several())
            for run in runs:
                replies += run.result()
        assert [texts(reply) for reply in replies] == [["42"]] * 20
        gc.collect()


def test_a_loop_that_was_just_closed_leaves_no_session_behind(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with threaded_server(OpenAIServer()) as server:
        model = model_of(server)
        for _ in range(2):
            loop = asyncio.new_event_loop()
            loop.run_until_complete(sample(model))
            loop.run_until_complete(loop.shutdown_asyncgens())
            loop.close()
        assert asyncio.run(sample(model)).completions
    assert "Unclosed" not in caplog.text


def test_a_loop_that_stands_still_closes_the_connections_of_a_dropped_model() -> None:
    with threaded_server(OpenAIServer()) as server:
        model = model_of(server)
        loop = asyncio.new_event_loop()
        loop.run_until_complete(sample(model))
        del model
        gc.collect()
        loop.close()
        for _ in range(100):
            if not server.open_connections:
                break
            time.sleep(0.01)
        assert server.open_connections == 0


@pytest.mark.filterwarnings("ignore:unclosed transport:ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_loop_closed_without_a_word_leaves_no_session_behind(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with threaded_server(OpenAIServer()) as server:
        model = model_of(server)
        loop = asyncio.new_event_loop()
        loop.run_until_complete(sample(model))
        loop.close()
        del loop
        assert asyncio.run(sample(model)).completions
        gc.collect()
    assert "Unclosed client session" not in caplog.text


async def test_a_model_that_is_dropped_closes_its_connections() -> None:
    async with OpenAIServer() as server:
        model = model_of(server)
        await sample(model)
        assert server.open_connections == 1
        del model
        gc.collect()
        await asyncio.sleep(0.05)
        assert server.open_connections == 0


@pytest.mark.parametrize(
    ("keywords", "key"),
    [
        ({"base_url": "localhost:8000"}, "base_url"),
        ({"base_url": "ftp://localhost/v1"}, "base_url"),
        ({"timeout": 0}, "timeout"),
        ({"max_retries": -1}, "max_retries"),
        ({"parameters": {"n": 2}}, "parameters.n"),
        ({"parameters": {"extra_body": {"stream": True}}}, "parameters.stream"),
        ({"parameters": {"extra_body": 1}}, "parameters.extra_body"),
        ({"parameters": {"temperature": float("nan")}}, "parameters.temperature"),
        ({"parameters": {"max_tokens": "9"}}, "parameters.max_tokens"),
    ],
)
def test_settings_out_of_range_are_named(keywords: dict[str, Any], key: str) -> None:
    with pytest.raises(SettingsError) as caught:
        OpenAICompatibleModel("gpt-test", **({"base_url": "http://localhost/v1"} | keywords))
    assert caught.value.key == key


def test_openai_itself_needs_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    with pytest.raises(CredentialsError, match="OPENAI_API_KEY"):
        OpenAICompatibleModel("gpt-4o")
    with pytest.raises(CredentialsError, match="characters") as caught:
        OpenAICompatibleModel("gpt-4o", api_key=f"{KEY}\n{KEY}")
    assert "secret" not in str(caught.value)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    assert "secret" not in repr(OpenAICompatibleModel("gpt-4o"))


async def test_server_and_key_are_taken_from_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with OpenAIServer(api_key=KEY) as server:
        monkeypatch.setenv("OPENAI_API_KEY", f"{KEY}\n")
        monkeypatch.setenv("OPENAI_BASE_URL", f"{server.base_url}/?api-version=1")
        model = OpenAICompatibleModel("gpt-test")
        assert texts(await sample(model)) == ["42"]
        keyless = OpenAICompatibleModel("gpt-test", api_key="")
        with pytest.raises(CredentialsError, match="the key was refused"):
            await sample(keyless)
        assert "authorization" not in server.received[1].headers


async def test_thinking_is_no_answer() -> None:
    answers: list[Any] = [
        "<think>6*7… 42?</think>\n\n42",
        {"content": "43", "reasoning_content": "Let me see: 42? No."},
        "<think>never ends",
    ]
    async with OpenAIServer(answer=answers) as server:
        reply = await sample(model_of(server), 3)
    assert texts(reply) == ["42", "43"]
    assert len(reply.failures) == 1


async def test_the_tokens_of_thinking_are_left_out() -> None:
    def tokens(_: Any, text: str) -> list[tuple[str, float, dict[str, float]]]:
        parts = ["<think>", "hm", "</think>", "\n\n", "Yes", "."]
        return [(part, -0.5, {part: -0.5}) for part in parts]

    async with OpenAIServer(answer="<think>hm</think>\n\nYes.", tokens=tokens) as server:
        reply = await sample(model_of(server), top_logprobs=1)
    [completion] = reply.completions
    assert completion.text == "Yes."
    assert completion.tokens is not None
    assert [token.token for token in completion.tokens] == ["Yes", "."]


async def test_a_timeout_holds_for_a_request_with_its_further_tries() -> None:
    async with OpenAIServer() as server:
        server.faults.next(RESET)
        server.faults.always(HANG)
        started = asyncio.get_running_loop().time()
        with pytest.raises(ModelTimeoutError, match=r"within 5 s"):
            await sample(model_of(server, timeout=5.0))
        assert 4.9 < asyncio.get_running_loop().time() - started < 60
        assert len(server.received) == 2


async def test_parameters_are_sent_as_given_and_absent_ones_left_out() -> None:
    async with OpenAIServer() as server:
        tools = [{"type": "function", "function": {"name": "f", "parameters": {}}}]
        await sample(model_of(server, parameters={"tools": tools, "stop": None}))
        assert server.bodies[0]["tools"] == tools
        assert "stop" not in server.bodies[0]


async def test_a_pickled_model_asks_the_same_server_with_the_same_key() -> None:
    async with OpenAIServer(api_key="k") as server:
        limits = Limits(3, requests_per_minute=600)
        model = OpenAICompatibleModel(
            "gpt-test", base_url=server.base_url, api_key="k", parameters={"seed": 7}, limits=limits
        )
        await sample(model)
        again: OpenAICompatibleModel = pickle.loads(pickle.dumps(model))
        assert texts(await sample(again)) == ["42"]
        assert again.limits.concurrency == 3
        assert again.limits.requests_per_minute == 600
        assert [body["seed"] for body in server.bodies] == [7, 7]


async def test_a_pickled_scorer_scores_alike() -> None:
    async with OpenAIServer() as server:
        model = OpenAICompatibleModel("gpt-test", base_url=server.base_url, api_key="k")
        scorer = LocalScorer(model, ScorerSettings())
        again = pickle.loads(pickle.dumps(scorer))
        exchange = Exchange.of("What is 6 * 7?", "42")
        first, second = await scorer.score(exchange), await again.score(exchange)
    assert first.score is not None
    assert second.score == first.score
