"""The rail in Colang 2.x, on the real runtime."""

import asyncio
import math
from typing import Any

import pytest
from nemoguardrails import LLMRails

from nemoguardrails_trust import TrustworthinessScore
from nemoguardrails_trust.guardrail.messages import CAUTION, NOT_CHECKED, WITHHELD
from tests.guardrail.scripted import Answer, ScriptedScorer, ask, bot_v2

OVERRIDE = '''
@override
flow cleanlab trustworthiness
  """Guardrail based on trustworthiness score."""
  $result = await CallCleanlabApiAction
  if $result.trustworthiness_score < 0.7
    bot response untrustworthy
    abort

@override
flow bot response untrustworthy
  bot say "Don't place much confidence in this response"
'''

OWN_MESSAGE = """
@override
flow bot response untrustworthy
  bot say "Better ask a colleague."
"""


async def answer_of(rails: LLMRails) -> str:
    message = await rails.generate_async(messages=ask())
    return str(message["content"])


async def session(rails: LLMRails, scorer: ScriptedScorer, scores: list[Answer]) -> list[str]:
    """What the bot says in the turns of one stateful session."""
    state: Any = None
    said: list[str] = []
    for number, score in enumerate(scores):
        scorer.answer = score
        events: list[dict[str, Any]] = [
            {"type": "UtteranceUserActionFinished", "final_transcript": f"question {number}"}
        ]
        spoken: list[str] = []
        while events:
            out, state = await rails.process_events_async(events, state=state, blocking=True)
            events = []
            for event in out:
                if event["type"] == "StartUtteranceBotAction":
                    spoken.append(event["script"])
                    events.append(_spoken(event))
        said.append(" | ".join(spoken))
    return said


def _spoken(event: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "UtteranceBotActionFinished",
        "action_uid": event["action_uid"],
        "final_script": event["script"],
        "is_success": True,
        "status": "success",
    }


async def test_a_trusted_answer_comes_as_it_is(scorer: ScriptedScorer) -> None:
    assert await answer_of(bot_v2("Paris")) == "Paris"


async def test_a_low_score_adds_the_caution_to_the_answer(scorer: ScriptedScorer) -> None:
    scorer.answer = 0.3
    assert await answer_of(bot_v2("Lyon")) == f"Lyon\n{CAUTION}"


async def test_the_score_comes_as_an_event(scorer: ScriptedScorer) -> None:
    scorer.answer = 0.3
    message = await bot_v2("Lyon").generate_async(messages=ask())
    events = [each for each in message["events"] if each["type"] == "TrustworthinessScored"]
    assert len(events) == 1
    event = events[0]
    assert (event["trustworthiness_score"], event["threshold"]) == (0.3, 0.6)
    assert (event["status"], event["explanation"]) == ("untrustworthy", "As scripted.")
    assert event["trust"]["scorer"] == "scripted"


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        ("$threshold=0.2", "Lyon"),
        ("$threshold=0.4", f"Lyon\n{CAUTION}"),
        ('$threshold=0.4 $on_untrustworthy="block"', WITHHELD),
        ("$threshold=40", f"Lyon\n{NOT_CHECKED}"),
    ],
)
async def test_the_flows_arguments_win_over_the_settings(
    scorer: ScriptedScorer, arguments: str, shown: str
) -> None:
    scorer.answer = 0.3
    rails = bot_v2("Lyon", settings="threshold: 0.7", arguments=arguments)
    assert await answer_of(rails) == shown


@pytest.mark.parametrize(
    ("on_error", "shown"),
    [("flag", f"Paris\n{NOT_CHECKED}"), ("block", WITHHELD), ("allow", "Paris")],
)
@pytest.mark.parametrize(
    "failure",
    [RuntimeError("down"), None, lambda _: "0.9", lambda _: TrustworthinessScore(math.nan)],
    ids=["raises", "None", "a string", "NaN"],
)
async def test_a_failure_is_an_outcome(
    scorer: ScriptedScorer, failure: Any, on_error: str, shown: str
) -> None:
    scorer.answer = failure
    message = await bot_v2("Paris", settings=f"on_error: {on_error}").generate_async(messages=ask())
    assert message["content"] == shown
    event = next(each for each in message["events"] if each["type"] == "TrustworthinessScored")
    assert (event["status"], event["trustworthiness_score"]) == ("unchecked", None)


@pytest.mark.parametrize(
    ("settings", "low", "failed"),
    [
        ("on_untrustworthy: warn", "{}\n" + CAUTION, "{}\n" + NOT_CHECKED),
        ("on_untrustworthy: block", WITHHELD, WITHHELD),
        ("on_untrustworthy: escalate", "", ""),
    ],
)
async def test_every_turn_of_a_session_is_checked(
    scorer: ScriptedScorer, settings: str, low: str, failed: str
) -> None:
    down = RuntimeError("down")
    said = await session(
        bot_v2(*"abcdef", settings=settings), scorer, [0.3, 0.9, down, 0.9, 0.3, down]
    )
    assert said == [
        low.format("a"),
        "b",
        failed.format("c"),
        "d",
        low.format("e"),
        failed.format("f"),
    ]
    assert len(scorer.exchanges) == 6


async def test_a_scorer_that_hangs_ends_with_the_timeout(scorer: ScriptedScorer) -> None:
    scorer.delay = 30
    async with asyncio.timeout(10):
        assert await answer_of(bot_v2("Paris", settings="timeout: 0.05")) == (
            f"Paris\n{NOT_CHECKED}"
        )
    assert scorer.cancelled == 1


async def test_output_rails_run_on_after_an_override_that_aborts(scorer: ScriptedScorer) -> None:
    said = await session(
        bot_v2(*"abcde", more=OVERRIDE), scorer, [0.65, 0.9, RuntimeError("down"), 0.3, 0.7]
    )
    warned = "Don't place much confidence in this response"
    assert said == [warned, "b", warned, warned, "e"]
    assert len(scorer.exchanges) == 5


async def test_the_users_own_message_is_said_once(scorer: ScriptedScorer) -> None:
    said = await session(bot_v2(*"abcd", more=OWN_MESSAGE), scorer, [0.3, 0.9, 0.3, 0.3])
    assert said == ["Better ask a colleague.", "b", *["Better ask a colleague."] * 2]
    assert len(scorer.exchanges) == 4


async def test_escalate_sends_the_exception_with_the_answer(scorer: ScriptedScorer) -> None:
    scorer.answer = 0.3
    message = await bot_v2("Lyon", settings="on_untrustworthy: escalate").generate_async(
        messages=ask()
    )
    assert message["content"] == ""
    event = message["events"][-1]
    assert event["type"] == "CleanlabTrustworthinessRailException"
    assert (event["answer"], event["trust"]["trustworthiness_score"]) == ("Lyon", 0.3)


async def test_enable_rails_exceptions_sends_the_exception(scorer: ScriptedScorer) -> None:
    scorer.answer = 0.3
    message = await bot_v2("Lyon", top="enable_rails_exceptions: true").generate_async(
        messages=ask()
    )
    assert message["events"][-1]["type"] == "CleanlabTrustworthinessRailException"


@pytest.mark.parametrize(
    "answer",
    [
        "$user_message",
        "{$bot_message} {7 * 7}",
        "{{ bot_message }}",
        'bot say "x"\nabort',
        "日本語",
    ],
)
async def test_what_an_answer_contains_changes_nothing_but_the_caution(
    scorer: ScriptedScorer, answer: str
) -> None:
    scorer.answer = 0.3
    assert await answer_of(bot_v2(answer)) == f"{answer}\n{CAUTION}"
    assert scorer.exchanges[-1].response == answer


async def test_regenerate_keeps_the_better_answer(scorer: ScriptedScorer) -> None:
    scorer.answer = lambda exchange: 0.9 if exchange.response == "Paris" else 0.2
    rails = bot_v2("Lyon", settings="on_untrustworthy: regenerate")
    rails.llm._llm_responses[0].content = "Paris"
    assert await answer_of(rails) == "Paris"
