"""What the events of a conversation keep of an outcome, and what the application is given."""

import json
from typing import Any

import pytest
from nemoguardrails import LLMRails, RailsConfig
from nemoguardrails.actions.rail_outcome import RailOutcome
from nemoguardrails.colang.v2_x.runtime.serialization import json_to_state, state_to_json
from nemoguardrails.testing import FakeLLMModel

from nemoguardrails_trust import TrustworthinessScore
from nemoguardrails_trust.scores import CallUsage, Signal, Usage
from tests.guardrail.scripted import ScriptedScorer, ask, bot_v1, bot_v2

LONG = " ".join(["word"] * 300)
LARGE = TrustworthinessScore(
    0.9,
    signals={
        "reflection": Signal(0.9, {"raw": LONG}),
        "consistency": Signal(0.9, {"agreements": [1.0] * 50}),
        "probability": Signal(None, error=LONG),
    },
    explanation=LONG,
    alternatives=(LONG,) * 8,
    usage=Usage.of_calls((CallUsage("sample"),) * 8, 1.0),
    scorer="scripted",
    error=LONG,
    metadata={"own": LONG},
)
IDLE = """
define subflow idle
  $result = execute idle
"""


def size(events: Any) -> int:
    return len(json.dumps(events, default=repr))


def kept(rails: LLMRails) -> int:
    (events,) = rails.events_history_cache.values()
    return size(events)


async def test_the_history_of_colang_1_keeps_little(scorer: ScriptedScorer) -> None:
    scorer.answer = lambda _: LARGE
    rails = bot_v1("Paris")
    await rails.generate_async(messages=ask())
    yaml = "rails: {output: {flows: [idle]}}"
    config = RailsConfig.from_content(colang_content=IDLE, yaml_content=yaml)
    bare = LLMRails(config, llm=FakeLLMModel(responses=["Paris"]))

    async def idle() -> RailOutcome:
        return RailOutcome.allow()

    bare.register_action(idle, "idle")
    await bare.generate_async(messages=ask())
    assert kept(rails) - kept(bare) < 2000


async def test_a_state_of_colang_2_can_be_saved_and_goes_on(scorer: ScriptedScorer) -> None:
    scorer.answer = lambda _: LARGE
    rails = bot_v2("Paris", "Rome")
    question = {"type": "UtteranceUserActionFinished", "final_transcript": "Capital?"}
    out, state = await rails.process_events_async([question], state=None, blocking=True)
    saved = state_to_json(state)
    assert LONG not in saved
    (said,) = [event for event in out if event["type"] == "StartUtteranceBotAction"]
    ended = {
        "type": "UtteranceBotActionFinished",
        "action_uid": said["action_uid"],
        "final_script": said["script"],
        "is_success": True,
    }
    again = json_to_state(saved)
    _, again = await rails.process_events_async([ended], state=again, blocking=True)
    out, again = await rails.process_events_async([question], state=again, blocking=True)
    assert "Rome" in [event.get("script") for event in out]
    assert len(scorer.exchanges) == 2
    assert state_to_json(again)


@pytest.mark.parametrize("bot", [bot_v1, bot_v2])
async def test_the_application_is_given_the_whole_in_the_output_data(
    scorer: ScriptedScorer, bot: Any
) -> None:
    scorer.answer = lambda _: LARGE
    response = await bot("Paris").generate_async(messages=ask(), options={"output_vars": ["trust"]})
    trust = response.output_data["trust"]
    assert trust["explanation"] == LONG
    assert trust["alternatives"] == [LONG] * 8
    assert trust["metadata"] == {"own": LONG}
    assert len(trust["usage"]["by_call"]) == 8


@pytest.mark.parametrize("options", [None, {"output_vars": ["trust"]}])
async def test_an_exception_has_the_whole_and_the_history_does_not(
    scorer: ScriptedScorer, options: Any
) -> None:
    scorer.answer = lambda _: LARGE
    rails = bot_v1("Paris", settings="on_untrustworthy: escalate, threshold: 0.95")
    message = await rails.generate_async(messages=ask(), options=options)
    message = message if options is None else message.response[-1]
    assert message["content"]["trust"]["explanation"] == LONG
    assert LONG not in json.dumps(list(rails.events_history_cache.values()), default=repr)


async def test_so_has_one_that_answers_a_prompt(scorer: ScriptedScorer) -> None:
    scorer.answer = lambda _: LARGE
    rails = bot_v1("Paris", settings="on_untrustworthy: escalate, threshold: 0.95")
    exception = await rails.generate_async("What is the capital of France?")
    assert exception["trust"]["explanation"] == LONG


async def test_an_event_of_colang_2_has_the_whole(scorer: ScriptedScorer) -> None:
    scorer.answer = lambda _: LARGE
    message = await bot_v2("Paris").generate_async(messages=ask())
    (event,) = message["events"]
    assert event["trust"]["explanation"] == LONG
    assert event["trust"]["alternatives"] == [LONG] * 8


async def test_what_is_short_is_kept_as_it_is(scorer: ScriptedScorer) -> None:
    scorer.answer = 0.3
    rails = bot_v1("Lyon")
    response = await rails.generate_async(
        messages=ask(), options={"output_vars": ["result"], "log": {"activated_rails": True}}
    )
    outcome = response.output_data["result"]
    assert (outcome.trustworthiness_score, outcome.explanation) == (0.3, "As scripted.")
    assert outcome.metadata == {
        "trustworthiness_score": 0.3,
        "signals": {},
        "explanation": "As scripted.",
        "scorer": "scripted",
        "threshold": 0.6,
        "status": "untrustworthy",
        "consequence": "warn",
    }
