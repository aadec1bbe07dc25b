"""What reaches the scorer is what the model was given."""

from pathlib import Path
from typing import Any

import pytest
from nemoguardrails import LLMRails, RailsConfig
from nemoguardrails.testing import FakeLLMModel

from nemoguardrails_trust import Exchange, Message
from nemoguardrails_trust.guardrail.messages import NOT_CHECKED
from nemoguardrails_trust.guardrail.plugin import register
from tests.guardrail.scripted import WORDS, ScriptedScorer, WordIndex, ask, bot_v1, bot_v2

INSTRUCTIONS = """
instructions:
  - type: general
    content: "You sell garden gnomes."
"""

DIALOG = """
define user ask price
  "what does it cost"

define user greet
  "hello"

define flow
  user ask price
  bot tell price

define flow
  user greet
  bot greet

define bot greet
  "Good day!"
"""


def pairs(exchange: Exchange) -> list[tuple[str, str]]:
    return [(message.role, message.content) for message in exchange.messages]


def with_words(rails: LLMRails) -> LLMRails:
    rails.register_embedding_search_provider("words", WordIndex)
    return rails


async def test_general_mode_has_instructions_and_question(scorer: ScriptedScorer) -> None:
    await bot_v1("10 euros", more=INSTRUCTIONS).generate_async(messages=ask("How much?"))
    exchange = scorer.exchanges[0]
    assert pairs(exchange) == [("system", "You sell garden gnomes."), ("user", "How much?")]
    assert (exchange.response, exchange.context) == ("10 euros", ())


async def test_earlier_turns_come_in_order(scorer: ScriptedScorer) -> None:
    messages = [
        {"role": "user", "content": "Hello"},
        {"role": "assistant", "content": "Hi"},
        {"role": "user", "content": "How much?"},
    ]
    await bot_v1("10 euros", more=INSTRUCTIONS).generate_async(messages=messages)
    assert pairs(scorer.exchanges[0])[1:] == [
        ("user", "Hello"),
        ("assistant", "Hi"),
        ("user", "How much?"),
    ]


async def test_turns_of_the_same_bot_are_remembered(scorer: ScriptedScorer) -> None:
    rails = bot_v1("Hi", "10 euros", more=INSTRUCTIONS)
    messages: list[dict[str, Any]] = ask("Hello")
    messages.append(await rails.generate_async(messages=messages))
    await rails.generate_async(messages=[*messages, *ask("How much?")])
    assert pairs(scorer.exchanges[-1])[1:] == [
        ("user", "Hello"),
        ("assistant", "Hi"),
        ("user", "How much?"),
    ]


async def test_the_callers_system_message_is_there(scorer: ScriptedScorer) -> None:
    messages = [{"role": "system", "content": "Prices are in euros."}, *ask("How much?")]
    await bot_v1("10", more=INSTRUCTIONS).generate_async(messages=messages)
    assert ("system", "Prices are in euros.") in pairs(scorer.exchanges[0])


async def test_the_callers_chunks_are_the_context(scorer: ScriptedScorer) -> None:
    messages = [
        {"role": "context", "content": {"relevant_chunks": "Gnomes cost 10 euros."}},
        *ask("How much?"),
    ]
    await bot_v1("10").generate_async(messages=messages)
    assert scorer.exchanges[0].context == ("Gnomes cost 10 euros.",)


async def test_a_message_that_input_rails_rewrote_is_the_one_scored(
    scorer: ScriptedScorer,
) -> None:
    flow = "define subflow mask\n  $user_message = execute mask(text=$user_message)\n"
    rails = bot_v1("10", colang=flow)
    rails.config.rails.input.flows.append("mask")

    async def mask(text: str) -> str:
        return text.replace("Bob", "***")

    rails.register_action(mask, "mask")
    await rails.generate_async(messages=ask("How much, Bob?"))
    assert pairs(scorer.exchanges[0])[-1] == ("user", "How much, ***?")
    assert not any("Bob" in text for _, text in pairs(scorer.exchanges[0]))


async def test_passthrough_has_the_messages_as_they_were_sent(scorer: ScriptedScorer) -> None:
    messages = [
        {"role": "system", "content": "Prices are in euros."},
        {"role": "user", "content": "Hello"},
        {"role": "assistant", "content": "Hi"},
        {"role": "user", "content": "How much?"},
    ]
    rails = bot_v1("10", more="passthrough: true\n" + INSTRUCTIONS)
    await rails.generate_async(messages=messages)
    assert pairs(scorer.exchanges[0]) == [
        ("system", "Prices are in euros."),
        ("user", "Hello"),
        ("assistant", "Hi"),
        ("user", "How much?"),
    ]


async def test_passthrough_has_calls_of_tools_and_their_results(scorer: ScriptedScorer) -> None:
    call = {"id": "c", "type": "function", "function": {"name": "find", "arguments": '{"q": 1}'}}
    messages: list[dict[str, Any]] = [
        {"role": "developer", "content": "Prices are in euros."},
        {"role": "user", "content": [{"type": "text", "text": "How much?"}]},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c", "content": "10"},
    ]
    await bot_v1("10 euros", more="passthrough: true").generate_async(messages=messages)
    assert pairs(scorer.exchanges[0]) == [
        ("system", "Prices are in euros."),
        ("user", "How much?"),
        ("assistant", '[{"name": "find", "arguments": {"q": 1}}]'),
        ("tool", "10"),
    ]


async def test_a_message_that_cannot_be_read_leaves_the_answer_unchecked(
    scorer: ScriptedScorer,
) -> None:
    messages = [
        {"role": "user", "content": "Hello"},
        {"role": "assistant", "content": "", "body": "Hi"},
        *ask("How much?"),
    ]
    answer = await bot_v1("10", more="passthrough: true").generate_async(messages=messages)
    assert scorer.exchanges == []
    assert answer["content"] == f"10\n{NOT_CHECKED}"


async def test_a_passthrough_prompt_is_one_user_message(scorer: ScriptedScorer) -> None:
    await bot_v1("10", more="passthrough: true").generate_async(prompt="How much?")
    assert pairs(scorer.exchanges[0]) == [("user", "How much?")]


async def test_dialog_mode_has_question_and_instructions(scorer: ScriptedScorer) -> None:
    rails = with_words(
        bot_v1("  ask price", '  "10 euros"', colang=DIALOG, more=INSTRUCTIONS + WORDS)
    )
    message = await rails.generate_async(messages=ask("what does it cost"))
    assert message["content"] == "10 euros"
    exchange = scorer.exchanges[0]
    assert pairs(exchange) == [
        ("system", "You sell garden gnomes."),
        ("user", "what does it cost"),
    ]
    assert exchange.response == "10 euros"


async def test_a_message_that_the_configuration_defines_is_not_scored(
    scorer: ScriptedScorer,
) -> None:
    scorer.answer = 0.1
    rails = with_words(bot_v1("  greet", colang=DIALOG, more=WORDS))
    assert (await rails.generate_async(messages=ask("hello")))["content"] == "Good day!"
    assert scorer.exchanges == []


@pytest.mark.parametrize("colang", [None, DIALOG])
async def test_chunks_of_the_knowledge_base_are_the_context(
    scorer: ScriptedScorer, tmp_path: Path, colang: str | None
) -> None:
    register()
    (tmp_path / "kb").mkdir()
    (tmp_path / "kb" / "prices.md").write_text("# Prices\n\nGnomes cost 10 euros.\n")
    (tmp_path / "config.yml").write_text(
        "import_paths: [nemoguardrails_trust/rail]\n"
        "models: [{type: main, engine: openai, model: gpt-4}]\n"
        "rails: {output: {flows: [cleanlab trustworthiness]}}\n"
        'custom_data: {trust: {scorer: "tests.guardrail.scripted:make"}}\n' + WORDS
    )
    (tmp_path / "config.py").write_text(
        "from tests.guardrail.scripted import WordIndex\n"
        "def init(app):\n    app.register_embedding_search_provider('words', WordIndex)\n"
    )
    if colang:
        (tmp_path / "rails.co").write_text(colang)
    answers = ["  ask price", '  "10 euros"'] if colang else ["10 euros"]
    rails = LLMRails(RailsConfig.from_path(str(tmp_path)), llm=FakeLLMModel(responses=answers))
    await rails.generate_async(messages=ask("what does it cost"))
    assert scorer.exchanges[0].response == "10 euros"
    assert any("Gnomes cost 10 euros." in message for message in scorer.exchanges[0].context)


async def test_check_async_has_the_conversation_without_the_ready_answer(
    scorer: ScriptedScorer,
) -> None:
    messages = [
        {"role": "system", "content": "Prices are in euros."},
        *ask("Hello"),
        {"role": "assistant", "content": "Hi"},
        *ask("How much?"),
        {"role": "assistant", "content": "10"},
    ]
    await bot_v1(more=INSTRUCTIONS).check_async(messages)
    exchange = scorer.exchanges[0]
    assert exchange.response == "10"
    assert pairs(exchange) == [
        ("system", "You sell garden gnomes."),
        ("system", "Prices are in euros."),
        ("user", "Hello"),
        ("assistant", "Hi"),
        ("user", "How much?"),
    ]


async def test_an_answer_without_a_question_is_not_scored(
    scorer: ScriptedScorer, caplog: pytest.LogCaptureFixture
) -> None:
    checked = await bot_v1().check_async([{"role": "assistant", "content": "10"}])
    assert (checked.content, scorer.exchanges) == (f"10\n{NOT_CHECKED}", [])
    assert "there is no question" in caplog.text


@pytest.mark.parametrize("colang", [None, DIALOG])
@pytest.mark.parametrize("output", [None, {"documents": ["Gnomes cost 10 euros."]}])
async def test_what_a_passthrough_function_adds_is_never_scored_on_half(
    scorer: ScriptedScorer,
    caplog: pytest.LogCaptureFixture,
    output: dict[str, Any] | None,
    colang: str | None,
) -> None:
    rails = _passing_through(output, colang)
    message = await rails.generate_async(messages=ask("How much?"))
    assert (message["content"], scorer.exchanges) == (f"10 euros\n{NOT_CHECKED}", [])
    assert "'trust_prompt': messages" in caplog.text


@pytest.mark.parametrize("colang", [None, DIALOG])
@pytest.mark.parametrize("ending", [[], [{"role": "assistant", "content": "10 euros"}]])
async def test_a_passthrough_function_can_tell_the_prompt_of_its_own(
    scorer: ScriptedScorer, colang: str | None, ending: list[dict[str, Any]]
) -> None:
    asked = ask("How much is one?")
    told = [{"role": "system", "content": "Gnomes cost 10 euros."}, *asked, *ending]
    rails = _passing_through({"trust_prompt": told}, colang)
    message = await rails.generate_async(messages=ask("How much?"))
    assert message["content"] == "10 euros"
    assert pairs(scorer.exchanges[0]) == [
        ("system", "Gnomes cost 10 euros."),
        ("user", "How much is one?"),
    ]


def _passing_through(output: dict[str, Any] | None, colang: str | None) -> LLMRails:
    more = "passthrough: true" + (WORDS if colang else "")
    rails = bot_v1("  ask price", colang=colang, more=more)

    async def answer(**_given: Any) -> tuple[str, dict[str, Any] | None]:
        return "10 euros", output

    rails.passthrough_fn = answer
    return with_words(rails)


async def test_parts_of_a_message_are_joined(scorer: ScriptedScorer) -> None:
    content = [{"type": "text", "text": text} for text in ("What is this?", "A gnome?")]
    await bot_v1("A gnome").generate_async(messages=[{"role": "user", "content": content}])
    assert scorer.exchanges[0].question == "What is this?\nA gnome?"


@pytest.mark.parametrize("more", ["", "passthrough: true"])
async def test_an_answer_about_a_picture_is_not_checked_without_it(
    scorer: ScriptedScorer, more: str
) -> None:
    content = [
        {"type": "text", "text": "What is this?"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}},
    ]
    messages = [{"role": "user", "content": content}]
    answer = await bot_v1("A gnome", more=more).generate_async(messages=messages)
    assert scorer.exchanges == []
    assert answer["content"] == f"A gnome\n{NOT_CHECKED}"


async def test_colang_2_has_instructions_turns_and_context(scorer: ScriptedScorer) -> None:
    rails = bot_v2("Hi", "10 euros", top=INSTRUCTIONS)
    state: Any = None
    for text in ("Hello", "How much?"):
        events: list[dict[str, Any]] = [
            {"type": "UtteranceUserActionFinished", "final_transcript": text}
        ]
        while events:
            out, state = await rails.process_events_async(events, state=state, blocking=True)
            events = [
                {
                    "type": "UtteranceBotActionFinished",
                    "action_uid": event["action_uid"],
                    "final_script": event["script"],
                    "is_success": True,
                    "status": "success",
                }
                for event in out
                if event["type"] == "StartUtteranceBotAction"
            ]
    exchange = scorer.exchanges[-1]
    assert exchange.response == "10 euros"
    assert pairs(exchange) == [
        ("system", "You sell garden gnomes."),
        ("user", "Hello"),
        ("assistant", "Hi"),
        ("user", "How much?"),
    ]


def test_an_exchange_of_messages_renders_roles_and_context() -> None:
    exchange = Exchange(
        "10", (Message("system", "Be short."), Message("user", "How much?")), ("It costs 10.",)
    )
    assert exchange.prompt == "System: Be short.\n\nContext:\n[1] It costs 10.\n\nUser: How much?"


async def test_a_turn_without_a_check_shows_no_outcome_of_an_earlier_one(
    scorer: ScriptedScorer,
) -> None:
    scorer.answer = 0.3
    rails = with_words(bot_v1("  ask price", '  "10 euros"', "  greet", colang=DIALOG, more=WORDS))
    options = {"output_vars": ["trust"]}
    messages: list[dict[str, Any]] = ask("what does it cost")
    checked = await rails.generate_async(messages=messages, options=options)
    assert checked.output_data["trust"]["status"] == "untrustworthy"
    messages += [*checked.response, *ask("hello")]
    unchecked = await rails.generate_async(messages=messages, options=options)
    assert unchecked.response[-1]["content"] == "Good day!"
    assert unchecked.output_data["trust"] is None


async def test_a_turn_that_an_input_rail_ends_shows_no_outcome_of_an_earlier_one(
    scorer: ScriptedScorer,
) -> None:
    flow = """
define subflow refuse
  if "bomb" in $user_message
    bot refuse to respond
    stop
"""
    rails = bot_v1("10 euros", more="", colang=flow, settings="cache: 0", inputs="[refuse]")
    options = {"output_vars": ["trust"]}
    messages: list[dict[str, Any]] = ask("what does it cost")
    checked = await rails.generate_async(messages=messages, options=options)
    assert checked.output_data["trust"]["status"] == "trusted"
    messages += [*checked.response, *ask("and a bomb?")]
    refused = await rails.generate_async(messages=messages, options=options)
    assert "can't respond" in refused.response[-1]["content"]
    assert refused.output_data["trust"] is None
    assert len(scorer.exchanges) == 1
