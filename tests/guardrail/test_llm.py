"""The bot's own model, called for samples and judgements."""

import asyncio
import json
from typing import Any

import pytest
from nemoguardrails import LLMRails, RailsConfig
from nemoguardrails.exceptions import LLMCallException
from nemoguardrails.testing import FakeLLMModel
from nemoguardrails.types import LLMResponse, UsageInfo

from nemoguardrails_trust import Message
from nemoguardrails_trust.errors import (
    CredentialsError,
    ModelConnectionError,
    ModelRequestError,
    ModelResponseError,
    ModelServerError,
    ModelTimeoutError,
    RateLimitError,
    TrustError,
)
from nemoguardrails_trust.guardrail.llm import NemoModel
from nemoguardrails_trust.guardrail.plugin import register
from nemoguardrails_trust.models.base import Ask
from tests.guardrail.scripted import ask
from tests.servers.openai import OpenAIServer

QUESTION = (Message("user", "Capital of France?"),)


async def test_several_answers_are_several_calls_at_once() -> None:
    llm = FakeLLMModel(
        responses=["Paris", "Lyon", "Paris"],
        token_usage=[{"prompt_tokens": 7, "completion_tokens": 1, "total_tokens": 8}] * 3,
        should_return_token_usage=True,
    )
    reply = await NemoModel(llm).complete(Ask(QUESTION, "sample", n=3))
    assert [completion.text for completion in reply.completions] == ["Paris", "Lyon", "Paris"]
    assert [(call.prompt_tokens, call.samples) for call in reply.calls] == [(7, 1)] * 3
    assert reply.failures == ()


class Scripted(FakeLLMModel):  # type: ignore[misc]
    """Remembers what it was called with, and fails as told."""

    def __init__(self, *results: Any) -> None:
        super().__init__(responses=[])
        self.results = list(results)
        self.calls: list[tuple[Any, dict[str, Any]]] = []

    async def generate_async(self, prompt: Any, *, stop: Any = None, **kwargs: Any) -> LLMResponse:
        self.calls.append((prompt, kwargs))
        result = self.results.pop(0)
        if isinstance(result, BaseException):
            raise result
        return LLMResponse(content=result, usage=UsageInfo(1, 1, 2))


class RefusedError(Exception):
    def __init__(self, status_code: int) -> None:
        super().__init__("the prompt was: Capital of France?")
        self.status_code = status_code


async def test_answers_that_came_are_used_when_others_fail() -> None:
    llm = Scripted("Paris", RefusedError(500), "Lyon")
    reply = await NemoModel(llm).complete(Ask(QUESTION, "sample", n=3))
    assert [completion.text for completion in reply.completions] == ["Paris", "Lyon"]
    assert len(reply.failures) == 1
    assert "Capital" not in reply.failures[0]


@pytest.mark.parametrize(
    ("raised", "expected"),
    [
        (RefusedError(401), CredentialsError),
        (RefusedError(404), ModelRequestError),
        (RefusedError(429), RateLimitError),
        (RefusedError(503), ModelServerError),
        (TimeoutError(), ModelTimeoutError),
        (ConnectionResetError(), ModelConnectionError),
        (ValueError("Capital of France?"), ModelResponseError),
    ],
)
async def test_a_failure_is_one_of_our_errors_without_the_prompt(
    raised: Exception, expected: type[TrustError]
) -> None:
    with pytest.raises(expected) as caught:
        await NemoModel(Scripted(raised)).complete(Ask(QUESTION, "reflection"))
    assert not isinstance(caught.value, LLMCallException)
    assert "Capital" not in str(caught.value)


async def test_refused_parameters_are_learnt() -> None:
    llm = Scripted(RefusedError(400), "Paris", "Paris")
    model = NemoModel(llm)
    for _ in range(2):
        await model.complete(Ask(QUESTION, "sample", temperature=1.0, max_tokens=5))
    assert [kwargs for _, kwargs in llm.calls] == [{"temperature": 1.0, "max_tokens": 5}, {}, {}]


async def test_a_request_that_is_refused_for_itself_teaches_nothing() -> None:
    llm = Scripted(RefusedError(400), RefusedError(400), "Paris")
    model = NemoModel(llm)
    with pytest.raises(ModelRequestError):
        await model.complete(Ask(QUESTION, "sample", temperature=1.0))
    await model.complete(Ask(QUESTION, "sample", temperature=1.0))
    assert llm.calls[-1][1] == {"temperature": 1.0}


async def test_a_tools_message_is_sent_as_text() -> None:
    llm = Scripted("42")
    messages = (*QUESTION, Message("tool", '{"sum": 42}'))
    await NemoModel(llm).complete(Ask(messages, "sample"))
    prompt = llm.calls[0][0]
    assert [(message.role.value, message.content) for message in prompt] == [
        ("user", "Capital of France?"),
        ("user", 'Result of a tool: {"sum": 42}'),
    ]


async def test_cancelling_cancels_every_call() -> None:
    started, ended = 0, 0

    class Slow(Scripted):
        async def generate_async(self, *_: Any, **__: Any) -> LLMResponse:
            nonlocal started, ended
            started += 1
            try:
                await asyncio.sleep(30)
            finally:
                ended += 1
            raise AssertionError

    task = asyncio.create_task(NemoModel(Slow()).complete(Ask(QUESTION, "sample", n=4)))
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.sleep(0)
    assert (started, ended) == (4, 4)


CONFIG = """
import_paths: [nemoguardrails_trust/rail]
rails: {output: {flows: [cleanlab trustworthiness]}}
"""


async def test_the_rails_calls_are_shown_in_explain() -> None:
    register()
    # One answer; then a judgement and five samples, all at once.
    llm = FakeLLMModel(responses=["Paris", "100", *["Paris"] * 5])
    rails = LLMRails(RailsConfig.from_content(yaml_content=CONFIG), llm=llm)
    message = await rails.generate_async(messages=ask())
    assert message["content"] == "Paris"
    tasks = [call.task for call in rails.explain().llm_calls]
    assert tasks[0] == "general"
    assert sorted(tasks[1:]) == [
        "trustworthiness_reflection",
        *["trustworthiness_sample"] * 5,
    ]


async def test_each_call_for_rephrasings_and_evaluations_is_shown_and_counted() -> None:
    question = "What is the capital of France?"

    def answer(body: dict[str, Any]) -> str | list[str]:
        asked = str(body["messages"])
        if "Rephrase a message" in asked:
            return ["Which city is the capital of France?", "France has which city as its capital?"]
        if "True or False" in asked:
            return "True 95"
        return ["Paris"] * body.get("n", 1)

    async with OpenAIServer(answer=answer, logprobs="off") as server:
        register()
        model = (
            f"engine: openai, model: m, parameters: {{base_url: '{server.base_url}', api_key: k}}"
        )
        yaml = (
            f"{CONFIG}models: [{{type: main, {model}}}]\n"
            "custom_data: {trust: {rephrase: 2, evaluations: [query_ease]}}"
        )
        rails = LLMRails(RailsConfig.from_content(yaml_content=yaml))
        response = await rails.generate_async(
            messages=[{"role": "user", "content": question}], options={"output_vars": ["trust"]}
        )
    usage = response.output_data["trust"]["usage"]
    purposes = [call["purpose"] for call in usage["by_call"]]
    assert {"reflection", "sample", "rephrasing", "evaluation"} == set(purposes)
    # One call more was the answer's own.
    assert usage["calls"] == len(purposes) == len(server.bodies) - 1
    shown = [call.task for call in rails.explain().llm_calls]
    assert len(shown) == len(server.bodies)
    assert shown.count("trustworthiness_rephrasing") == 1
    assert shown.count("trustworthiness_sample") == purposes.count("sample") == 3
    assert usage["prompt_tokens"] == sum(call["prompt_tokens"] for call in usage["by_call"]) > 0


async def test_a_model_of_another_type_can_judge_and_sample(tmp_path: Any) -> None:
    register()
    (tmp_path / "recorded.jsonl").write_text(
        '{"prompt": "What is the capital of France?", "response": "Paris", '
        '"samples": ["Rome", "Rome", "Rome", "Rome", "Rome"]}\n'
    )
    (tmp_path / "config.yml").write_text(
        CONFIG
        + "models:\n  - {type: judge, engine: replay, model: judge, "
        + "parameters: {recorded: recorded.jsonl}}\n"
        + "custom_data: {trust: {model: judge}}\n"
    )
    llm = FakeLLMModel(responses=["Paris"])
    rails = LLMRails(RailsConfig.from_path(str(tmp_path)), llm=llm)
    response = await rails.generate_async(messages=ask(), options={"output_vars": ["trust"]})
    trust = response.output_data["trust"]
    assert trust["status"] == "untrustworthy"
    assert trust["signals"]["consistency"]["value"] == 0.0
    assert llm.inference_count == 1


@pytest.mark.parametrize("version", ["1.0", "2.x"])
async def test_a_question_that_is_not_recorded_is_answered_with_some_that_are(
    tmp_path: Any, version: str
) -> None:
    register()
    lines = [
        json.dumps({"prompt": f"What is {n}?", "response": f"{n}", "samples": [f"{n}"]})
        for n in ("one", "two", "three", "four")
    ]
    (tmp_path / "recorded.jsonl").write_text("\n".join(lines))
    model = (
        "models:\n  - {type: main, engine: replay, model: recorded, "
        "parameters: {recorded: recorded.jsonl}}\n"
    )
    if version == "1.0":
        (tmp_path / "config.yml").write_text(CONFIG + model)
    else:
        (tmp_path / "config.yml").write_text(f'colang_version: "2.x"\n{model}')
        (tmp_path / "main.co").write_text(
            "import core\nimport guardrails\nimport nemoguardrails_trust.rail\n\n"
            "flow main\n  activate answer the user\n\n"
            "@active\nflow answer the user\n  user said something as $said\n"
            "  $answer = await PassthroughLLMAction(user_message=$said.transcript)\n"
            "  bot say $answer\n\n"
            "flow output rails $output_text\n  cleanlab trustworthiness\n"
        )
    rails = LLMRails(RailsConfig.from_path(str(tmp_path)))
    message = await rails.generate_async(messages=ask("What is five?"))
    assert message["content"].startswith(
        "No answer to this question is recorded. Some that are recorded: "
        "“What is one?”, “What is two?”, “What is three?”"
    )
    assert "four" not in message["content"]
