"""Token probabilities of the bot's own answers, over real HTTP through NeMo's own client."""

import asyncio
import math
import re
from collections.abc import AsyncIterator
from typing import Any

import pytest
from nemoguardrails import LLMRails, RailsConfig
from nemoguardrails.llm.models.openai_chat import OpenAIChatModel
from nemoguardrails.testing import FakeLLMModel
from nemoguardrails.types import LLMModel

from nemoguardrails_trust.errors import SettingsError
from nemoguardrails_trust.guardrail.plugin import register
from nemoguardrails_trust.guardrail.watching.main_call import MainModel, plain_model
from nemoguardrails_trust.guardrail.watching.token_probabilities import (
    ProbabilityClient,
    wanted_probabilities,
)
from tests.guardrail.scripted import ask, is_judge, is_main
from tests.servers.faults import HTML, UNAUTHORIZED, Fault, status
from tests.servers.openai import OpenAIServer, Token

BOT = """
import_paths: [nemoguardrails_trust/rail]
models:
  - {{type: main, engine: {engine}, model: gpt-test, parameters: {{base_url: "{url}",
     api_key: "{key}", max_retries: 0, temperature: 0.3, default_headers: {{x-team: blue}}}}}}
rails: {{output: {{flows: [{rails}cleanlab trustworthiness]}}}}
custom_data: {{trust: {{{settings}}}}}
"""
PLAIN = """
models:
  - {{type: main, engine: openai, model: gpt-test, parameters: {{base_url: "{url}",
     api_key: "{key}", max_retries: 0, temperature: 0.3, default_headers: {{x-team: blue}}}}}}
"""
KEY = "sk-test-0123456789"


def answer(body: dict[str, Any]) -> str:
    return "True 90" if is_judge(body) else "Paris it is"


def tokens(body: dict[str, Any], text: str) -> list[Token]:
    """Words whose probability stands in the question: `… 0.25?`."""
    given = re.findall(r"0\.\d+", str(body["messages"][-1]["content"]))
    logprob = math.log(float(given[-1])) if given else -0.1
    return [(word, logprob, {word: logprob}) for word in text.split()]


@pytest.fixture
async def server() -> AsyncIterator[OpenAIServer]:
    async with OpenAIServer(answer=answer, tokens=tokens, api_key=KEY) as running:
        yield running


def bot(
    server: OpenAIServer,
    settings: str = "quality: base",
    *,
    engine: str = "openai",
    rails: str = "",
    more: str = "",
    colang: str | None = None,
) -> LLMRails:
    register()
    yaml = BOT.format(url=server.base_url, key=KEY, settings=settings, engine=engine, rails=rails)
    return LLMRails(RailsConfig.from_content(colang_content=colang, yaml_content=yaml + more))


async def check(rails: LLMRails, question: str = "Capital, 0.25?") -> tuple[str, dict[str, Any]]:
    response = await rails.generate_async(
        messages=ask(question), options={"output_vars": ["trust"]}
    )
    return response.response[-1]["content"], response.output_data["trust"]


@pytest.mark.parametrize("engine", ["openai", "nim", "ollama", "vllm_openai"])
async def test_base_scores_by_the_answers_own_tokens_at_no_request(
    server: OpenAIServer, engine: str
) -> None:
    shown, trust = await check(bot(server, engine=engine))
    assert shown.startswith("Paris it is")
    assert trust["signals"]["probability"]["value"] == pytest.approx(0.25)
    assert trust["usage"]["calls"] == 0
    assert len(server.received) == 1


async def test_other_presets_take_them_along_unless_told_not_to(server: OpenAIServer) -> None:
    _, trust = await check(bot(server, "quality: low"))
    assert set(trust["signals"]) == {"reflection", "probability"}
    assert len(server.received) == 2
    _, trust = await check(bot(server, "quality: low, token_probabilities: false"))
    assert set(trust["signals"]) == {"reflection"}
    assert [body.get("logprobs") for body in server.bodies if is_main(body)] == [True, None]


async def test_a_letter_comes_with_its_alternatives() -> None:
    def letters(body: dict[str, Any], text: str) -> list[Token]:
        return [(text, math.log(0.6), {"B": math.log(0.6), "A": math.log(0.2)})]

    async with OpenAIServer(answer="B", tokens=letters, api_key=KEY) as server:
        _, trust = await check(bot(server), "Which one?\nA) Lyon\nB) Paris")
        assert server.bodies[0]["top_logprobs"] == 5
    assert trust["signals"]["probability"]["value"] == pytest.approx(0.75)
    assert trust["usage"]["calls"] == 0


async def test_the_request_is_nemos_own_but_for_the_probabilities(server: OpenAIServer) -> None:
    await bot(server).generate_async(messages=ask())
    plain = RailsConfig.from_content(yaml_content=PLAIN.format(url=server.base_url, key=KEY))
    await LLMRails(plain).generate_async(messages=ask())
    ours, nemos = server.received
    assert {**nemos.body, "logprobs": True} == ours.body
    assert {**nemos.headers, "content-length": ours.headers["content-length"]} == ours.headers


async def test_the_callers_own_parameters_stay(server: OpenAIServer) -> None:
    parameters = {"logprobs": True, "top_logprobs": 2, "max_tokens": 9}
    response = await bot(server).generate_async(
        messages=ask("Capital, 0.5?"),
        options={"llm_params": parameters, "output_vars": ["trust"]},
    )
    assert parameters.items() <= server.bodies[0].items()
    trust = response.output_data["trust"]
    assert trust["signals"]["probability"]["value"] == pytest.approx(0.5)


async def test_a_refusal_is_learnt_once() -> None:
    async with OpenAIServer(answer=answer, logprobs="refused", api_key=KEY) as server:
        rails = bot(server)
        for requests in (2, 1):
            server.received.clear()
            shown, trust = await check(rails, f"Capital, {requests}?")
            assert shown == "Paris it is"
            assert "probability" not in trust["signals"]
            assert len([body for body in server.bodies if is_main(body)]) == requests


async def test_a_server_without_probabilities_is_judged_by_reflection() -> None:
    async with OpenAIServer(answer=answer, logprobs="off", api_key=KEY) as server:
        shown, trust = await check(bot(server))
        assert shown == "Paris it is"
        assert set(trust["signals"]) == {"reflection"}
        assert len([body for body in server.bodies if is_main(body)]) == 1


@pytest.mark.parametrize(
    ("fault", "requests"), [(UNAUTHORIZED, 1), (HTML, 1), (status(429), 1), (status(400), 2)]
)
async def test_errors_are_those_of_nemos_own_client(
    server: OpenAIServer, fault: Fault, requests: int
) -> None:
    server.faults.always(fault)
    plain = RailsConfig.from_content(yaml_content=PLAIN.format(url=server.base_url, key=KEY))
    failures = []
    for rails in (LLMRails(plain), bot(server)):
        server.received.clear()
        with pytest.raises(Exception) as caught:
            await rails.generate_async(messages=ask())
        failures.append((type(caught.value), str(caught.value)))
    assert failures[0] == failures[1]
    assert len(server.received) == requests


async def test_once_proven_a_failure_is_not_taken_for_a_refusal(server: OpenAIServer) -> None:
    rails = bot(server)
    await check(rails)
    server.received.clear()
    server.faults.always(status(400))
    with pytest.raises(Exception, match="400"):
        await rails.generate_async(messages=ask())
    assert len(server.received) == 1
    server.faults.clear()
    _, trust = await check(rails)
    assert trust["signals"]["probability"]["value"] == pytest.approx(0.25)


async def test_two_hundred_turns_at_once_keep_their_own() -> None:
    def latency(body: dict[str, Any]) -> float:
        return (hash(str(body["messages"][-1])) % 7) / 100

    async with OpenAIServer(answer=answer, tokens=tokens, latency=latency, api_key=KEY) as server:
        rails = bot(server, "quality: base, threshold: 0.0")
        given = [i / 1000 for i in range(100, 300)]
        checks = await asyncio.gather(
            *(asyncio.create_task(check(rails, f"Capital, {item}?")) for item in given)
        )
        assert {shown for shown, _ in checks} == {"Paris it is"}
        measured = [trust["signals"]["probability"]["value"] for _, trust in checks]
        assert measured == pytest.approx(given)
        assert len(server.received) == 200


async def test_turns_in_one_task_keep_their_own(server: OpenAIServer) -> None:
    rails = bot(server)
    for given in (0.3, 0.7, 0.4):
        _, trust = await check(rails, f"Capital, {given}?")
        assert trust["signals"]["probability"]["value"] == pytest.approx(given)


REWRITTEN = """
define subflow rewrite
  $bot_message = "Lyon"
"""


async def test_an_answer_that_another_rail_rewrote_has_none(server: OpenAIServer) -> None:
    rails = bot(server, rails="rewrite, ", colang=REWRITTEN)
    shown, trust = await check(rails)
    assert shown == "Lyon"
    assert set(trust["signals"]) == {"reflection"}


async def test_quotes_and_thinking_around_the_answer_are_seen_through() -> None:
    texts = iter(['"Paris"', "<think>Lyon? No.</think>\nParis"])

    def text(body: dict[str, Any]) -> str:
        return "True 90" if is_judge(body) else next(texts)

    def split(body: dict[str, Any], text: str) -> list[Token]:
        return [
            (part, -0.5 if "Paris" in part else -3.0, {})
            for part in re.findall(r"<think>.*</think>\n|.+", text)
        ]

    async with OpenAIServer(answer=text, tokens=split, api_key=KEY) as server:
        rails = bot(server)
        for _ in range(2):
            shown, trust = await check(rails)
            assert shown.startswith("Paris")
            value = trust["signals"]["probability"]["value"]
            assert value == pytest.approx(math.exp(-0.5))


async def test_a_tool_call_has_none_and_still_comes_through() -> None:
    calls = [{"id": "1", "type": "function", "function": {"name": "find", "arguments": "{}"}}]
    message = {"content": None, "tool_calls": calls}
    async with OpenAIServer(answer=lambda _: message, api_key=KEY) as server:
        rails = bot(server, more="passthrough: true\n")
        response = await rails.generate_async(messages=ask(), options={"log": {}})
        assert [call["function"]["name"] for call in response.tool_calls] == ["find"]
        assert len(server.received) == 1


async def test_only_the_call_that_answers_is_asked_for_them(server: OpenAIServer) -> None:
    prompts = """
prompts:
  - {task: self_check_output, content: "Is this fine? {{ bot_response }} Answer No if it is."}
"""
    rails = bot(server, rails="self check output, ", more=prompts)
    await rails.generate_async(messages=ask())
    assert [body.get("logprobs") for body in server.bodies] == [True, None]


async def test_a_later_call_of_an_action_is_none_that_answers(server: OpenAIServer) -> None:
    colang = """
define subflow look again
  $seen = execute look_again
"""
    rails = bot(server, rails="look again, ", colang=colang)

    async def look_again(llm: LLMModel) -> str:
        # What NeMo Guardrails noted about the last call still says that it was the answering one.
        return str((await llm.generate_async("And again?")).content)

    rails.register_action(look_again, "look_again")
    _, trust = await check(rails)
    assert [body.get("logprobs") for body in server.bodies] == [True, None]
    assert trust["signals"]["probability"]["value"] == pytest.approx(0.25)


def streaming_bot(server: OpenAIServer, more: str = "") -> LLMRails:
    register()
    yaml = BOT.format(
        url=server.base_url, key=KEY, settings="quality: base", engine="openai", rails=""
    ).replace("]}", "], streaming: {enabled: true}}")
    return LLMRails(RailsConfig.from_content(yaml_content=yaml + more))


async def test_a_streamed_answer_has_them_too(server: OpenAIServer) -> None:
    rails = streaming_bot(server)
    for _ in range(2):
        pieces = [piece async for piece in rails.stream_async(messages=ask("Capital, 0.7?"))]
        assert "".join(pieces) == "Paris it is"
    main, again = server.bodies
    assert main["stream"]
    assert main["logprobs"] is True
    assert again == main


async def test_a_streamed_answers_tokens_are_kept_with_its_call(server: OpenAIServer) -> None:
    rails = streaming_bot(server)
    assert isinstance(rails.llm, MainModel)
    model = plain_model(rails.llm)
    with wanted_probabilities() as found:
        pieces = [chunk.delta_content async for chunk in model.stream_async("Capital, 0.7?")]
    assert "".join(piece or "" for piece in pieces) == "Paris it is"
    assert found.tokens is not None
    assert [token.logprob for token in found.tokens] == pytest.approx([math.log(0.7)] * 3)


async def test_a_refusal_of_a_streamed_call_is_learnt_once() -> None:
    async with OpenAIServer(answer=answer, logprobs="refused", api_key=KEY) as server:
        rails = streaming_bot(server)
        for requests in (2, 1):
            server.received.clear()
            asked = ask(f"Capital, {requests}?")
            pieces = [piece async for piece in rails.stream_async(messages=asked)]
            assert "".join(pieces) == "Paris it is"
            assert len([body for body in server.bodies if is_main(body)]) == requests


async def test_the_configuration_and_the_models_names_stay(server: OpenAIServer) -> None:
    rails = bot(server)
    entry = rails.config.models[0]
    assert entry.engine == "openai"
    assert set(entry.parameters) == {
        "base_url",
        "api_key",
        "max_retries",
        "temperature",
        "default_headers",
    }
    assert isinstance(rails.llm, MainModel)
    named = (rails.llm.model_name, rails.llm.provider_name, rails.llm.provider_url)
    assert named == ("gpt-test", "openai", server.base_url)
    again = LLMRails(rails.config)
    await again.generate_async(messages=ask())
    shown = [(call.llm_model_name, call.llm_provider_name) for call in again.explain().llm_calls]
    assert shown == [("gpt-test", "openai")]


async def test_a_bot_without_the_rail_has_nemos_own_model(server: OpenAIServer) -> None:
    bot(server)
    plain = LLMRails(
        RailsConfig.from_content(yaml_content=PLAIN.format(url=server.base_url, key=KEY))
    )
    assert type(plain.llm) is OpenAIChatModel
    await plain.generate_async(messages=ask())
    assert "logprobs" not in server.bodies[0]


async def test_where_nothing_is_watched_the_model_is_nemos_own(server: OpenAIServer) -> None:
    assert type(bot(server, "token_probabilities: false").llm) is OpenAIChatModel


async def test_azure_gives_them_with_nemos_own_request(server: OpenAIServer) -> None:
    register()
    yaml = """
import_paths: [nemoguardrails_trust/rail]
models:
  - {type: main, engine: azure_openai, model: gpt-test, parameters: {api_key: k,
     azure_endpoint: "http://127.0.0.1:1", azure_deployment: d, api_version: v,
     default_headers: {x-team: blue}}}
rails: {output: {flows: [cleanlab trustworthiness]}}
custom_data: {trust: {quality: base}}
"""
    clients = []
    for text in (yaml, yaml.replace("quality: base", "token_probabilities: false")):
        rails = LLMRails(RailsConfig.from_content(yaml_content=text))
        assert rails.config.models[0].engine == "azure_openai"
        model = plain_model(rails.llm)
        assert isinstance(model, OpenAIChatModel)
        assert model.provider_url == "http://127.0.0.1:1/openai/deployments/d"
        clients.append(model._client)
    ours, nemos = clients
    assert isinstance(ours, ProbabilityClient)
    assert not isinstance(nemos, ProbabilityClient)
    assert ours._build_headers() == nemos._build_headers()
    assert ours._build_headers()["api-key"] == "k"
    assert ours._custom_query == nemos._custom_query == {"api-version": "v"}


async def test_a_model_of_the_callers_own_stays_within_reach() -> None:
    register()
    yaml = """
import_paths: [nemoguardrails_trust/rail]
rails: {output: {flows: [cleanlab trustworthiness]}}
custom_data: {trust: {prefetch: true}}
"""
    own = FakeLLMModel(responses=["Paris"])
    rails = LLMRails(RailsConfig.from_content(yaml_content=yaml), llm=own)
    assert isinstance(rails.llm, MainModel)
    assert plain_model(rails.llm) is own
    assert rails.llm.inference_count == 0
    with pytest.raises(AttributeError):
        _ = rails.llm.no_such_thing
    second = LLMRails(RailsConfig.from_content(yaml_content=yaml), llm=rails.llm)
    assert isinstance(second.llm, MainModel)
    assert second.llm.wrapped_model is own


@pytest.mark.parametrize("asked_for", [True, False])
async def test_another_framework_is_named_where_they_were_asked_for(
    server: OpenAIServer,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    asked_for: bool,
) -> None:
    monkeypatch.setattr(
        "nemoguardrails_trust.guardrail.watching.main_call.get_default_framework",
        lambda: "langchain",
    )
    settings = "token_probabilities: true" if asked_for else "quality: base"
    assert type(bot(server, settings).llm) is OpenAIChatModel
    assert ("LLMRails(config, llm=" in caplog.text) is asked_for


async def test_hosted_scorers_have_no_use_for_them(server: OpenAIServer) -> None:
    with pytest.raises(SettingsError) as caught:
        bot(server, "scorer: cleanlab-tlm, token_probabilities: true")
    assert "token_probabilities" in str(caught.value)
