"""Calls of tools, scored before they are carried out, over real HTTP through NeMo's own client."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nemoguardrails import LLMRails, RailsConfig

from nemoguardrails_trust.errors import ModelResponseError, SettingsError
from nemoguardrails_trust.guardrail.plugin import register
from nemoguardrails_trust.guardrail.tool_calls import (
    NOT_CARRIED_OUT,
    ToolGuard,
    score_tool_calls,
)
from nemoguardrails_trust.scorers.local.fields import FieldJudgement
from nemoguardrails_trust.scorers.tool_calls import argument_names, with_arguments
from nemoguardrails_trust.scores import TrustworthinessScore
from tests.guardrail.scripted import is_judge
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


def is_judge_of_arguments(body: dict[str, Any]) -> bool:
    return "For each of these fields" in str(body["messages"])


def is_asked_again(body: dict[str, Any]) -> bool:
    return "An automatic check held these calls" in str(body["messages"][-1])


def rated(*percent: int, reason: str = "It is said.") -> str:
    return json.dumps({str(n): [share, reason] for n, share in enumerate(percent, start=1)})


def calls(*wanted: tuple[str, dict[str, Any]]) -> dict[str, Any]:
    return {
        "content": None,
        "tool_calls": [
            {"id": str(i), "type": "function", "function": {"name": n, "arguments": json.dumps(a)}}
            for i, (n, a) in enumerate(wanted)
        ],
    }


GOOD = calls(("transfer", {"to": "Ada", "amount": 20}))


SURE = rated(99, 99, 99)


@pytest.fixture
async def serve() -> AsyncIterator[Callable[..., Any]]:
    running: list[OpenAIServer] = []

    async def start(
        message: dict[str, Any],
        verdict: str | Callable[[str], str],
        *,
        arguments: str | Callable[[str], str] = SURE,
        again: dict[str, Any] | str = "",
    ) -> OpenAIServer:
        def answer(body: dict[str, Any]) -> Any:
            for asked, said in ((is_judge, verdict), (is_judge_of_arguments, arguments)):
                if asked(body):
                    return said if isinstance(said, str) else said(str(body["messages"]))
            return again if is_asked_again(body) else message

        server = OpenAIServer(answer=answer, logprobs="off")
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
    assert trust["usage"]["calls"] == 2
    assert set(trust["arguments"]) == {"transfer", "transfer.to", "transfer.amount"}
    main, *judges = server.bodies
    assert main["tools"] == [TRANSFER]
    (judge,) = filter(is_judge, judges)
    told = judge["messages"][0]["content"]
    for part in ("Send Ada 20 euros", '"amount": 20', "Sends money.", "made-up value"):
        assert part in told


@pytest.mark.parametrize("settings", ["", "on_untrustworthy: warn", "quality: best"])
async def test_a_call_that_is_not_is_withheld(serve: Callable[..., Any], settings: str) -> None:
    server = await serve(GOOD, "False 95")
    response = await turn(server, settings)
    assert response.tool_calls is None
    assert response.response[-1]["content"] == NOT_CARRIED_OUT
    assert response.output_data["trust"]["status"] == "untrustworthy"
    assert len(server.bodies) == 3


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
        (("delete", {}), "'delete' is not one of the tools: transfer"),
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


@pytest.mark.parametrize("logprobs", ["on", "refused"])
@pytest.mark.parametrize("arguments", ['{"of": "Ada', "of Ada"], ids=["cut off", "no JSON"])
async def test_arguments_that_are_no_json_are_not_taken_for_none(
    serve: Callable[..., Any], arguments: str, logprobs: Any
) -> None:
    """NeMo Guardrails hands such calls on as if they had no arguments: here, to clear all."""
    wanted = calls(("transfer", {"to": "Ada", "amount": 20}), ("clear", {}))
    wanted["tool_calls"][1]["function"]["arguments"] = arguments
    server = await serve(wanted, "True 99")
    server.logprobs = logprobs
    clear = {"name": "clear", "parameters": {"properties": {"of": {"type": "string"}}}}
    tools = [TRANSFER, {"type": "function", "function": clear}]
    response = await turn(server, llm_params={"tools": tools})
    assert response.tool_calls is None
    trust = response.output_data["trust"]
    assert trust["explanation"] == "the arguments of clear are not JSON, or were cut off"
    assert (trust["trustworthiness_score"], trust["usage"]["calls"]) == (0.0, 0)


@pytest.mark.parametrize(
    ("tools", "reason"),
    [
        ([{"$ref": "{url}/schema.json"}], "it refers to another document"),
        ([{"type": "object", "properties": {"to": {"$ref": "to.json"}}}], "another document"),
        ([{"$ref": "#"}], "RecursionError"),
        ("transfer", "AttributeError"),
    ],
    ids=["address", "file", "itself", "odd"],
)
async def test_calls_whose_schema_cannot_be_applied_are_unchecked_and_withheld(
    serve: Callable[..., Any], tools: Any, reason: str
) -> None:
    """NeMo Guardrails hands the calls on where a tool output rail raises."""
    server = await serve(GOOD, "True 99")
    schemas = json.loads(json.dumps(list(tools)).replace("{url}", server.base_url))
    offered = [
        {"type": "function", "function": {"name": "transfer", "parameters": schema}}
        if isinstance(schema, dict)
        else schema
        for schema in schemas
    ]
    response = await turn(server, llm_params={"tools": offered})
    assert response.tool_calls is None
    assert response.response[-1]["content"] == NOT_CARRIED_OUT
    trust = response.output_data["trust"]
    assert trust["status"] == "unchecked"
    assert reason in trust["error"]
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


def calling(arguments: str) -> list[dict[str, Any]]:
    return [{"function": {"name": "x", "arguments": arguments}}]


@pytest.mark.parametrize(
    "odd", ["transfer", [{}], calling("{"), calling('{"a": ' * 990 + "1" + "}" * 990)],
    ids=["a text", "no call", "half an object", "nested without end"],
)  # fmt: skip
async def test_odd_calls_are_unchecked_and_withheld(serve: Callable[..., Any], odd: Any) -> None:
    register()
    server = await serve(GOOD, "True 99")
    yaml = BOT.format(url=server.base_url, settings="")
    rails = LLMRails(RailsConfig.from_content(yaml_content=yaml))
    parameters = rails.runtime.registered_action_params
    assert isinstance(parameters["trust_tool_guard"], ToolGuard)
    outcome = await score_tool_calls(
        tool_calls=odd, config=rails.config, trust_tool_guard=parameters["trust_tool_guard"]
    )
    assert outcome.is_blocked
    assert (await score_tool_calls(tool_calls=odd)).is_blocked


async def test_calls_are_as_sure_as_the_least_sure_argument(serve: Callable[..., Any]) -> None:
    said = rated(99, 20, 95, reason="Nobody named an amount.")
    server = await serve(GOOD, "True 95", arguments=said)
    response = await turn(server)
    assert response.tool_calls is None
    trust = response.output_data["trust"]
    assert (trust["status"], trust["trustworthiness_score"]) == ("untrustworthy", 0.2)
    assert trust["arguments"]["transfer.amount"] == {
        "score": 0.2,
        "explanation": "Nobody named an amount.",
    }
    assert "The least certain is 'transfer.amount' (20%): Nobody named" in trust["explanation"]
    assert trust["signals"]["arguments"]["details"]["least_sure"] == "transfer.amount"
    assert trust["usage"]["calls"] == 2
    purposes = sorted(call["purpose"] for call in trust["usage"]["by_call"])
    assert purposes == ["fields", "reflection"]


async def test_arguments_that_cannot_be_judged_are_told_as_missing(
    serve: Callable[..., Any],
) -> None:
    server = await serve(GOOD, "True 95", arguments="I cannot say.")
    response = await turn(server)
    assert response.tool_calls
    trust = response.output_data["trust"]
    assert trust["status"] == "trusted"
    assert "reason" in trust["missing"]["arguments"]


async def test_a_judge_of_the_whole_that_fails_is_not_made_up_for_by_the_arguments(
    serve: Callable[..., Any],
) -> None:
    server = await serve(GOOD, "")
    server.faults.always(status(400), when=is_judge)
    response = await turn(server)
    assert response.tool_calls is None
    assert response.output_data["trust"]["status"] == "unchecked"


BAD = calls(("transfer", {"to": "Ada", "amount": 200}))
AGAIN = "on_untrustworthy: regenerate"


def only_twenty(messages: str) -> str:
    return "False 95" if '"amount": 200' in messages else "True 95"


async def test_calls_are_asked_for_once_more_with_the_reason(serve: Callable[..., Any]) -> None:
    server = await serve(BAD, only_twenty, again=GOOD)
    response = await turn(server, AGAIN)
    (call,) = response.tool_calls
    assert call["function"]["arguments"] == {"to": "Ada", "amount": 20}
    trust = response.output_data["trust"]
    assert (trust["status"], trust["asked_again"]) == ("trusted", True)
    assert trust["first_score"] < 0.6 < trust["trustworthiness_score"]
    (asked,) = filter(is_asked_again, server.bodies)
    assert asked["tools"] == [TRANSFER]
    assert [turn["role"] for turn in asked["messages"]] == ["user", "user"]
    assert '"amount": 200' in asked["messages"][-1]["content"]
    assert trust["usage"]["calls"] == len(server.bodies) - 1 == 5
    purposes = [call["purpose"] for call in trust["usage"]["by_call"]]
    assert sorted(purposes) == ["answer", "fields", "fields", "reflection", "reflection"]


async def test_what_the_schema_refuses_is_asked_for_again_with_what_is_wrong(
    serve: Callable[..., Any],
) -> None:
    server = await serve(calls(("transfer", {"to": "Ada"})), "True 95", again=GOOD)
    response = await turn(server, AGAIN)
    assert response.tool_calls
    (asked,) = filter(is_asked_again, server.bodies)
    assert "'amount' is a required property" in asked["messages"][-1]["content"]


async def test_calls_are_asked_for_once_more_and_no_oftener(serve: Callable[..., Any]) -> None:
    server = await serve(BAD, "False 95", again=BAD)
    response = await turn(server, AGAIN)
    assert response.tool_calls is None
    assert response.response[-1]["content"] == NOT_CARRIED_OUT
    assert response.output_data["trust"]["status"] == "untrustworthy"
    assert len(list(filter(is_asked_again, server.bodies))) == 1


async def test_a_question_instead_of_calls_reaches_the_user_through_the_output_rails(
    serve: Callable[..., Any],
) -> None:
    server = await serve(BAD, "False 95", again={"content": "How much shall I send?"})
    response = await turn(server, AGAIN)
    assert response.tool_calls is None
    assert response.response[-1]["content"] == "How much shall I send?"
    register()
    yaml = BOT.format(url=server.base_url, settings=AGAIN).replace(
        "rails: {", "rails: {output: {flows: [cleanlab trustworthiness]}, "
    )
    rails = LLMRails(RailsConfig.from_content(yaml_content=yaml))
    checked = await rails.generate_async(
        messages=[{"role": "user", "content": "Send Ada 20 euros, please."}],
        options={"llm_params": {"tools": [TRANSFER]}, "output_vars": ["trust"]},
    )
    assert checked.tool_calls is None
    trust = checked.output_data["trust"]  # that of the question, which is an answer
    assert set(trust["signals"]) == {"reflection", "consistency"}
    assert "tool_calls" not in trust


async def test_a_model_that_cannot_be_asked_again_leaves_the_calls_withheld(
    serve: Callable[..., Any],
) -> None:
    server = await serve(BAD, "False 95")
    server.faults.always(status(500), when=is_asked_again)
    response = await turn(server, AGAIN)
    assert response.tool_calls is None
    assert response.response[-1]["content"] == NOT_CARRIED_OUT


async def test_the_calls_of_the_second_answer_are_not_those_of_the_next_turn(
    serve: Callable[..., Any],
) -> None:
    server = await serve(BAD, "False 95", again=BAD)
    register()
    yaml = BOT.format(url=server.base_url, settings=AGAIN)
    rails = LLMRails(RailsConfig.from_content(yaml_content=yaml))
    options = {"llm_params": {"tools": [TRANSFER]}}
    question = [{"role": "user", "content": "Send Ada 20 euros, please."}]
    assert (await rails.generate_async(messages=question, options=options)).tool_calls is None
    explained = [call.task for call in rails.explain().llm_calls]
    assert explained.count("trustworthiness_tool_calls") == 1
    assert explained.count("trustworthiness_fields") == 1  # the same calls are in the cache
    server.answers = lambda body: "True 95" if is_judge(body) else {"content": "Hello."}
    second = await rails.generate_async(messages=question, options=options)
    assert second.tool_calls is None
    assert second.response[-1]["content"] == "Hello."


async def test_tools_of_the_configuration_are_held_to_their_schemas(
    serve: Callable[..., Any],
) -> None:
    server = await serve(calls(("transfer", {"to": "Ada"})), "True 99")
    register()
    tools = json.dumps([TRANSFER])
    yaml = BOT.format(url=server.base_url, settings="").replace(
        "max_retries: 0}", f"max_retries: 0, tools: {tools}}}"
    )
    rails = LLMRails(RailsConfig.from_content(yaml_content=yaml))
    message = await rails.generate_async(messages=[{"role": "user", "content": "Send 20 to Ada."}])
    assert "tool_calls" not in message
    assert message["content"] == NOT_CARRIED_OUT


async def test_calls_without_any_schema_are_judged_and_say_so(
    serve: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    server = await serve(GOOD, "True 95")
    response = await turn(server, llm_params={})
    assert response.tool_calls
    assert "schema" in response.output_data["trust"]["missing"]
    assert "not checked against a schema" in caplog.text


def test_generate_with_tools_is_checked_too(serve: Callable[..., Any]) -> None:
    async def serving() -> Any:
        async with OpenAIServer(
            answer=lambda body: "False 95" if is_judge(body) else GOOD, logprobs="off"
        ) as server:
            register()
            yaml = BOT.format(url=server.base_url, settings="")
            rails = LLMRails(RailsConfig.from_content(yaml_content=yaml))
            return await asyncio.to_thread(
                rails.generate,
                messages=[{"role": "user", "content": "Send Ada 20 euros, please."}],
                options={"llm_params": {"tools": [TRANSFER]}},
            )

    response = asyncio.run(serving())
    assert response.tool_calls is None
    assert response.response[-1]["content"] == NOT_CARRIED_OUT


def test_colang_2_has_no_such_rails_and_says_so_at_the_start() -> None:
    register()
    yaml = BOT.format(url="http://127.0.0.1:9/v1", settings="")
    config = RailsConfig.from_content(
        yaml_content=f"{yaml}colang_version: '2.x'",
        colang_content="import nemoguardrails_trust.rail\n\nflow main\n  match Never()\n",
    )
    with pytest.raises(SettingsError, match="would never run: NeMo Guardrails runs tool output"):
        LLMRails(config)


@pytest.mark.parametrize(
    ("flow", "told"),
    [
        (
            "cleanlab trustworthiness tool call",
            "did you mean 'cleanlab trustworthiness tool calls'",
        ),
        ("cleanlab trustworthiness tool calls $threshold=0.9", "takes no settings on its line"),
    ],
)
def test_a_misspelt_tool_rail_is_refused_at_the_start(flow: str, told: str) -> None:
    register()
    yaml = BOT.format(url="http://127.0.0.1:9/v1", settings="").replace(
        "cleanlab trustworthiness tool calls", flow
    )
    with pytest.raises(SettingsError, match=re.escape(told)):
        LLMRails(RailsConfig.from_content(yaml_content=yaml))


CALL_NAMES = st.text(min_size=1, max_size=5)
CALLS = st.lists(
    st.fixed_dictionaries(
        {"name": CALL_NAMES, "arguments": st.dictionaries(CALL_NAMES, st.integers(), max_size=3)}
    ),
    max_size=4,
)
SHARES = st.floats(0.0, 1.0)
JUDGED = st.dictionaries(
    CALL_NAMES, SHARES.map(FieldJudgement) | st.just(ModelResponseError("no")), max_size=5
)


@given(wanted=CALLS, whole=st.none() | SHARES, judged=JUDGED)
def test_scores_of_arguments_are_bounded_and_never_raise(
    wanted: list[dict[str, Any]], whole: float | None, judged: dict[str, Any]
) -> None:
    names = argument_names(json.dumps({"tool_calls": wanted}))
    assert len(set(names)) == len(names)
    error = None if whole is not None else "no"
    score = with_arguments(TrustworthinessScore(whole, error=error), judged)
    if whole is None:
        assert score.score is None
    else:
        assert score.score is not None
        assert 0.0 <= score.score <= whole


@given(whole=SHARES, less=SHARES, shares=st.lists(SHARES, min_size=1), place=st.integers(0, 9))
def test_a_surer_argument_never_lowers_the_score(
    whole: float, less: float, shares: list[float], place: int
) -> None:
    surer = dict(enumerate(shares))
    place %= len(shares)
    lower = {**surer, place: min(less, surer[place])}

    def scored(values: dict[int, float]) -> float:
        judged = {str(name): FieldJudgement(value) for name, value in values.items()}
        found = with_arguments(TrustworthinessScore(whole), judged).score
        assert found is not None
        return found

    assert scored(lower) <= scored(surer)


@pytest.mark.parametrize("tool_calls", [None, []])
@pytest.mark.parametrize("on_error", ["allow", "flag"])
async def test_no_calls_are_no_fault_whatever_is_decided(tool_calls: Any, on_error: str) -> None:
    register()
    yaml = BOT.format(url="http://127.0.0.1:9/v1", settings=f"on_error: {on_error}, timeout: 1")
    rails = LLMRails(RailsConfig.from_content(yaml_content=yaml))
    guard = rails.runtime.registered_action_params["trust_tool_guard"]
    outcome = await score_tool_calls(
        tool_calls=tool_calls, config=rails.config, trust_tool_guard=guard
    )
    assert outcome.metadata["tool_calls"] == []
    assert outcome.is_blocked is (on_error == "flag")
