"""What a turn brings in passthrough mode and in Colang 2.x, where NeMo Guardrails leaves it out."""

import asyncio
from typing import Any

import httpx
import pytest
from nemoguardrails import LLMRails
from nemoguardrails.server import api

from nemoguardrails_trust.guardrail.exceptions import EXCEPTION as NAME
from nemoguardrails_trust.guardrail.messages import WITHHELD
from nemoguardrails_trust.guardrail.turns import without_exceptions
from tests.guardrail.scripted import ScriptedScorer, ask, bot_v1

EXCEPTION = {"role": "exception", "content": {"type": NAME}}


def turn(role: str, content: str = "Yes.") -> dict[str, Any]:
    return {"role": role, "content": content}


@pytest.mark.parametrize("mode", ["", "passthrough: true"])
async def test_the_turn_after_an_escalated_answer_is_answered_and_checked(
    scorer: ScriptedScorer, mode: str
) -> None:
    scorer.answer = 0.3
    rails = bot_v1("Lyon", "Rome", settings="on_untrustworthy: escalate", more=mode)
    history = ask()
    message = await rails.generate_async(messages=history)
    assert message["role"] == "exception"
    history += [message, *ask("And of Italy?")]
    scorer.answer = 0.9
    message = await rails.generate_async(messages=history)
    assert message == turn("assistant", "Rome")
    exchange = scorer.exchanges[-1]
    assert (exchange.question, exchange.response) == ("And of Italy?", "Rome")
    said = [message.content for message in exchange.messages if message.role != "system"]
    in_place = [WITHHELD] if mode else []
    assert said == ["What is the capital of France?", *in_place, "And of Italy?"]
    assert history[1]["role"] == "exception"


async def test_the_model_is_given_no_exception(scorer: ScriptedScorer) -> None:
    rails = bot_v1("Rome", more="passthrough: true")
    await rails.generate_async(messages=[*ask(), EXCEPTION, *ask("And of Italy?")])
    (call,) = rails.explain().llm_calls
    assert WITHHELD in call.prompt
    assert "RailException" not in call.prompt


def test_a_synchronous_caller_goes_on_too(scorer: ScriptedScorer, no_running_loop: None) -> None:
    rails = bot_v1("Rome", "Rome", more="passthrough: true")
    messages = [*ask(), EXCEPTION, *ask("And of Italy?")]
    assert rails.generate(messages=messages)["content"] == "Rome"
    assert rails.generate(prompt="And of Italy?") == "Rome"


@pytest.mark.parametrize(
    ("roles", "known"),
    [
        ("user", "user"),
        ("user exception user", "user assistant user"),
        ("user exception assistant user", "user assistant user"),
        ("user exception exception user", "user assistant user"),
        ("user exception", "user"),
        ("system user assistant user", "system user assistant user"),
    ],
)
def test_roles_go_on_by_turns(roles: str, known: str) -> None:
    messages = [turn(role) for role in roles.split()]
    assert [message["role"] for message in without_exceptions(messages)] == known.split()


async def test_concurrent_turns_keep_apart(scorer: ScriptedScorer) -> None:
    rails = bot_v1(*["Rome"] * 3, more="passthrough: true")
    messages = [*ask(), EXCEPTION, *ask("And of Italy?")]
    turns = [rails.generate_async(messages=list(messages)) for _ in range(3)]
    answers = await asyncio.gather(*turns)
    assert [answer["content"] for answer in answers] == ["Rome"] * 3


@pytest.mark.parametrize("how", ["block", "escalate"])
async def test_an_answer_that_is_only_checked_is_blocked(how: str, scorer: ScriptedScorer) -> None:
    scorer.answer = 0.1
    rails = bot_v1("Lyon", settings=f"on_untrustworthy: {how}")
    checked = await rails.check_async([*ask(), {"role": "assistant", "content": "Lyon"}])
    assert (checked.status.name, checked.content) == ("BLOCKED", WITHHELD)
    assert checked.rail == "cleanlab trustworthiness"
    if how == "escalate":
        assert (await rails.generate_async(messages=ask()))["role"] == "exception"


async def test_the_server_gives_a_message_that_holds_what_was_escalated(
    scorer: ScriptedScorer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By itself, it answers with status 500 where an exception is to go out."""
    scorer.answer = 0.1
    rails = bot_v1("Lyon", settings="on_untrustworthy: escalate")

    async def loaded(*_: Any, **__: Any) -> LLMRails:
        return rails

    monkeypatch.setattr(api, "_get_rails", loaded)
    body = {
        "model": "gpt-test",
        "messages": ask(),
        "guardrails": {"config_id": "bot", "options": {"output_vars": ["trust"]}},
    }
    transport = httpx.ASGITransport(app=api.app)
    async with httpx.AsyncClient(transport=transport, base_url="http://server") as client:
        answer = (await client.post("/v1/chat/completions", json=body)).json()
    message = answer["choices"][0]["message"]
    assert message["content"] == WITHHELD
    assert message["exception"]["type"] == NAME
    assert message["exception"]["answer"] == "Lyon"
    assert answer["guardrails"]["output_data"]["trust"]["consequence"] == "escalate"
