"""Calls of tools, scored before they are carried out, over real HTTP through NeMo's own client."""

import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from nemoguardrails import LLMRails, RailsConfig

from nemoguardrails_trust.guardrail.plugin import register
from nemoguardrails_trust.guardrail.tool_calls import NOT_CARRIED_OUT, score_tool_calls
from tests.servers.faults import status
from tests.servers.openai import OpenAIServer

BOT = """
import_paths: [nemoguardrails_trust/rail]
passthrough: true
models:
  - {{type: main, engine: openai, model: gpt-test, parameters: {{base_url: "{url}",
     api_key: "k", max_retries: 0}}}}
rails: {{tool_output: {{flows: [cleanlab trustworthiness tool calls]}}}}
custom_data: {{trust: {{{settings}}}}}
"""
TRANSFER = {
    "type": "function",
    "function": {
        "name": "transfer",
        "description": "Sends money.",
        "parameters": {
            "type": "object",
            "properties": {"to": {"type": "string"}, "amount": {"type": "number"}},
            "required": ["to", "amount"],
            "additionalProperties": False,
        },
    },
}


def is_judge(body: dict[str, Any]) -> bool:
    return "True or False" in str(body["messages"])


def calls(*wanted: tuple[str, dict[str, Any]]) -> dict[str, Any]:
    return {
        "content": None,
        "tool_calls": [
            {"id": str(i), "type": "function", "function": {"name": n, "arguments": json.dumps(a)}}
            for i, (n, a) in enumerate(wanted)
        ],
    }


GOOD = calls(("transfer", {"to": "Ada", "amount": 20}))


@pytest.fixture
async def serve() -> AsyncIterator[Callable[..., Any]]:
    running: list[OpenAIServer] = []

    async def start(message: dict[str, Any], verdict: str) -> OpenAIServer:
        server = OpenAIServer(
            answer=lambda body: verdict if is_judge(body) else message, logprobs="off"
        )
        running.append(await server.__aenter__())
        return running[-1]

    yield start
    for server in running:
        await server.__aexit__(None, None, None)


async def turn(server: OpenAIServer, settings: str = "", more: str = "", **options: Any) -> Any:
    register()
    yaml = BOT.format(url=server.base_url, settings=settings) + more
    rails = LLMRails(RailsConfig.from_content(yaml_content=yaml))
    return await rails.generate_async(
        messages=[{"role": "user", "content": "Send Ada 20 euros, please."}],
        options={"llm_params": {"tools": [TRANSFER]}, "output_vars": ["trust"], **options},
    )


async def test_a_call_that_is_trusted_is_handed_on(serve: Callable[..., Any]) -> None:
    server = await serve(GOOD, "True 95")
    response = await turn(server)
    (call,) = response.tool_calls
    assert call["function"] == {"name": "transfer", "arguments": {"to": "Ada", "amount": 20}}
    trust = response.output_data["trust"]
    assert trust["status"] == "trusted"
    assert trust["usage"]["calls"] == 1
    main, judge = server.bodies
    assert main["tools"] == [TRANSFER]
    told = judge["messages"][0]["content"]
    for part in ("Send Ada 20 euros", '"amount": 20', "Sends money.", "made-up value"):
        assert part in told


@pytest.mark.parametrize("settings", ["", "on_untrustworthy: regenerate", "quality: best"])
async def test_a_call_that_is_not_is_withheld(serve: Callable[..., Any], settings: str) -> None:
    server = await serve(GOOD, "False 95")
    response = await turn(server, settings)
    assert response.tool_calls is None
    assert response.response[-1]["content"] == NOT_CARRIED_OUT
    assert response.output_data["trust"]["status"] == "untrustworthy"
    assert len(server.bodies) == 2


async def test_it_has_a_threshold_of_its_own(serve: Callable[..., Any]) -> None:
    server = await serve(GOOD, "True 80")
    assert (await turn(server, "threshold: 0.1, tool_calls_threshold: 0.9")).tool_calls is None
    assert (await turn(server, "threshold: 0.9, tool_calls_threshold: 0.5")).tool_calls


async def test_it_can_be_escalated(serve: Callable[..., Any]) -> None:
    server = await serve(GOOD, "False 95")
    response = await turn(server, "on_untrustworthy: escalate")
    (message,) = response.response
    assert message["role"] == "exception"
    assert message["content"]["type"] == "CleanlabTrustworthinessRailException"
    assert response.tool_calls is None


@pytest.mark.parametrize(
    ("wanted", "reason"),
    [
        (("delete", {}), "'delete' is none of the tools: transfer"),
        (("transfer", {"to": "Ada"}), "amount"),
        (("transfer", {"to": "Ada", "amount": "all"}), "all"),
        (("transfer", {"to": "Ada", "amount": 1, "memo": "x"}), "memo"),
    ],
)
async def test_what_the_schemas_refuse_is_withheld_without_asking_the_judge(
    serve: Callable[..., Any], wanted: tuple[str, dict[str, Any]], reason: str
) -> None:
    server = await serve(calls(("transfer", {"to": "Ada", "amount": 1}), wanted), "True 99")
    response = await turn(server)
    assert response.tool_calls is None
    trust = response.output_data["trust"]
    assert reason in trust["explanation"]
    assert (trust["trustworthiness_score"], trust["usage"]["calls"]) == (0.0, 0)
    assert len(server.bodies) == 1


@pytest.mark.parametrize(("on_error", "passes"), [("flag", False), ("allow", True)])
async def test_a_judge_that_fails_leaves_them_unchecked(
    serve: Callable[..., Any], on_error: str, passes: bool
) -> None:
    server = await serve(GOOD, "")
    server.faults.always(status(400), when=is_judge)
    response = await turn(server, f"on_error: {on_error}")
    assert (response.tool_calls is not None) is passes
    assert response.output_data["trust"]["status"] == "unchecked"


async def test_an_answer_without_calls_is_no_matter_of_it(serve: Callable[..., Any]) -> None:
    server = await serve({"content": "Whom shall I send it to?"}, "False 99")
    response = await turn(server)
    assert response.response[-1]["content"] == "Whom shall I send it to?"
    assert len(server.bodies) == 1


@pytest.mark.parametrize("odd", ["transfer", [{}], [{"function": {"name": "x", "arguments": "{"}}]])
async def test_odd_calls_are_unchecked_and_withheld(serve: Callable[..., Any], odd: Any) -> None:
    register()
    server = await serve(GOOD, "True 99")
    yaml = BOT.format(url=server.base_url, settings="")
    rails = LLMRails(RailsConfig.from_content(yaml_content=yaml))
    parameters = rails.runtime.registered_action_params
    outcome = await score_tool_calls(
        tool_calls=odd, config=rails.config, trust_tool_guard=parameters["trust_tool_guard"]
    )
    assert outcome.is_blocked
    assert (await score_tool_calls(tool_calls=odd)).is_blocked
