"""The rail in Colang 2.x, on the real runtime."""

import asyncio
import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from nemoguardrails import LLMRails, RailsConfig
from nemoguardrails.rails.llm.options import GenerationOptions
from nemoguardrails.server import api

from nemoguardrails_trust import TrustEvent, TrustworthinessScore, stream_with_trust
from nemoguardrails_trust.guardrail.messages import CAUTION, NOT_CHECKED, WITHHELD
from nemoguardrails_trust.guardrail.plugin import register
from nemoguardrails_trust.guardrail.publishing import collected_outcomes
from tests.guardrail import scripted
from tests.guardrail.scripted import Answer, ScriptedScorer, ask, bot_v2

EXAMPLES = Path(__file__).parents[2] / "examples"

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
    events = [part for part in message["events"] if part["type"] == "TrustworthinessScored"]
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
    event = next(part for part in message["events"] if part["type"] == "TrustworthinessScored")
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


THREE_LINES = """
import core

flow main
  activate answering

@active
flow answering
  user said something as $said
  $answer = await AnswerAction()
  bot say $answer

import nemoguardrails_trust.rail

flow output rails $output_text
  cleanlab trustworthiness
"""


async def test_the_three_lines_of_the_readme_are_all_it_takes(
    scorer: ScriptedScorer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scripted, "V2_MAIN", THREE_LINES)
    scorer.answer = 0.3
    assert await answer_of(bot_v2("Lyon")) == f"Lyon\n{CAUTION}"


REFUSING = """
flow input rails $input_text
  if $input_text == "insult"
    bot refuse to respond
    abort
"""
GREETING = """
@active
flow greeting
  user said "hello"
  bot say 'Good day!'
"""


@pytest.mark.parametrize(
    ("question", "heard", "more", "shown"),
    [
        ("insult", "something", REFUSING, "I'm sorry, I can't respond to that."),
        ("hello", '"Capital?"', GREETING, "Good day!"),
    ],
)
async def test_what_the_configuration_says_itself_is_not_scored(
    scorer: ScriptedScorer,
    question: str,
    heard: str,
    more: str,
    shown: str,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    scorer.answer = 0.1
    main = scripted.V2_MAIN.replace("said something", f"said {heard}")
    monkeypatch.setattr(scripted, "V2_MAIN", main)
    message = await bot_v2("Lyon", settings="on_error: block", more=more).generate_async(
        messages=ask(question)
    )
    assert message["content"] == shown
    assert message.get("events", []) == []
    assert scorer.exchanges == []
    assert "could not be scored" not in caplog.text


@pytest.mark.parametrize(
    "brought", ["Good day!", {"text": ["Good day!"]}, "She said: Good day!", SimpleNamespace()]
)
async def test_what_an_action_brought_is_scored_whatever_the_configuration_says(
    scorer: ScriptedScorer, brought: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    scorer.answer = 0.3
    own = scripted.V2_MAIN.replace("bot say $answer", 'bot say "Good day!"')
    monkeypatch.setattr(scripted, "V2_MAIN", own)
    rails = bot_v2("x")

    async def answer() -> Any:
        return brought

    rails.register_action(answer, "AnswerAction")
    assert await answer_of(rails) == f"Good day!\n{CAUTION}"
    assert len(scorer.exchanges) == 1


async def test_what_a_model_wrote_is_scored_whatever_the_configuration_says(
    scorer: ScriptedScorer, monkeypatch: pytest.MonkeyPatch
) -> None:
    scorer.answer = 0.3
    asks = "await PassthroughLLMAction(user_message=$ref.transcript)"
    monkeypatch.setattr(scripted, "V2_MAIN", scripted.V2_MAIN.replace("await AnswerAction()", asks))
    rails = bot_v2("Good day!", more=GREETING)
    assert await answer_of(rails) == f"Good day!\n{CAUTION}"


@pytest.mark.parametrize("settings", ["on_untrustworthy: warn", "on_untrustworthy: block"])
async def test_a_message_of_the_configuration_is_streamed_without_a_verdict(
    scorer: ScriptedScorer, settings: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        scripted, "V2_MAIN", scripted.V2_MAIN.replace("bot say $answer", 'bot say "Good day!"')
    )
    rails = bot_v2("x", settings=settings)
    rails.register_action(lambda: None, "AnswerAction")
    items = [item async for item in stream_with_trust(rails, ask())]
    assert items == ["Good day!", TrustEvent(None)]


@pytest.mark.parametrize(
    "options", [{"output_vars": ["trust"]}, GenerationOptions(), {"rails": ["output", "dialog"]}]
)
async def test_the_outcome_is_in_the_output_data_where_options_are_given(
    scorer: ScriptedScorer, options: Any
) -> None:
    scorer.answer = 0.3
    with collected_outcomes() as outcomes:
        response = await bot_v2("Lyon").generate_async(messages=ask(), options=options)
    trust = response.output_data["trust"]
    assert (trust["trustworthiness_score"], trust["status"]) == (0.3, "untrustworthy")
    assert [outcome.metadata for outcome in outcomes] == [trust]


async def test_other_output_variables_are_refused_as_before(scorer: ScriptedScorer) -> None:
    with pytest.raises(ValueError, match="output_vars"):
        await bot_v2("Lyon").generate_async(
            messages=ask(), options={"output_vars": ["trust", "other"]}
        )


async def test_the_server_gives_the_outcome(monkeypatch: pytest.MonkeyPatch) -> None:
    register()
    rails = LLMRails(RailsConfig.from_path(str(EXAMPLES / "trivia_colang2")))

    async def loaded(*_: Any, **__: Any) -> LLMRails:
        return rails  # the server would load it verbosely, for all tests to come

    monkeypatch.setattr(api, "_get_rails", loaded)
    transport = httpx.ASGITransport(app=api.app)
    body = {
        "model": "llama-13b",
        "messages": ask("Who in the Bible is the mother of Mary, the mother of Jesus?"),
        "guardrails": {"config_id": "trivia_colang2"},
    }
    async with httpx.AsyncClient(transport=transport, base_url="http://server") as client:
        answer = (await client.post("/v1/chat/completions", json=body)).json()
    assert answer["choices"][0]["message"]["content"] == f"Elizabeth\n{CAUTION}"
    trust = answer["guardrails"]["output_data"]["trust"]
    assert (trust["status"], trust["threshold"]) == ("untrustworthy", 0.7)
