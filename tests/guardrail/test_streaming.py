import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from nemoguardrails import LLMRails, RailsConfig
from nemoguardrails.actions.rail_outcome import RailOutcome
from nemoguardrails.testing import FakeLLMModel

from nemoguardrails_trust import TrustEvent, stream_with_trust
from nemoguardrails_trust.errors import SettingsError
from nemoguardrails_trust.guardrail.messages import CAUTION, NOT_CHECKED, WITHHELD
from nemoguardrails_trust.guardrail.plugin import register
from nemoguardrails_trust.guardrail.stream_end import blocking_rail
from tests.guardrail.scripted import WORDS, ScriptedScorer, StubbornLLM, WordIndex, ask, bot_v2
from tests.guardrail.test_conversation import DIALOG

TEXT = "Lyon is the capital of France, and has been for a long time."

STREAMING = """
import_paths: [nemoguardrails_trust/rail]
rails:
  output:
    flows: ["cleanlab trustworthiness"]
    parallel: {parallel}
    streaming: {{enabled: true, chunk_size: 3, context_size: 1, stream_first: {first}}}
custom_data:
  trust: {{scorer: "tests.guardrail.scripted:make"{settings}}}
"""


def bot(
    *answers: str,
    settings: str = "",
    colang: str | None = None,
    parallel: str = "false",
    first: str = "true",
) -> LLMRails:
    register()
    yaml = STREAMING.format(
        settings=f", {settings}" if settings else "", parallel=parallel, first=first
    )
    yaml += WORDS if colang else ""
    config = RailsConfig.from_content(colang_content=colang, yaml_content=yaml)
    rails = LLMRails(config, llm=FakeLLMModel(responses=list(answers)))
    rails.register_embedding_search_provider("words", WordIndex)
    return rails


async def run(rails: LLMRails, question: str = "Capital?") -> tuple[list[str], TrustEvent]:
    items = [item async for item in stream_with_trust(rails, ask(question))]
    *texts, event = items
    assert isinstance(event, TrustEvent)
    assert all(isinstance(text, str) for text in texts)
    return [str(text) for text in texts], event


@pytest.mark.parametrize("parallel", ["false", "true"])
@pytest.mark.parametrize("first", ["false", "true"])
async def test_text_comes_in_pieces_and_then_one_verdict(
    scorer: ScriptedScorer, parallel: str, first: str
) -> None:
    scorer.answer = 0.3
    texts, event = await run(bot(TEXT, parallel=parallel, first=first))
    assert len(texts) > 3
    assert "".join(texts) == TEXT
    assert event.outcome is not None
    assert (event.outcome.status, event.outcome.trustworthiness_score) == ("untrustworthy", 0.3)
    assert event.outcome.text == f"{TEXT}\n{CAUTION}"


class WaitingModel(FakeLLMModel):  # type: ignore[misc]
    """Streams its first word, then waits to be told to go on."""

    def __init__(self, text: str) -> None:
        super().__init__(responses=[text])
        self.goes_on = asyncio.Event()

    async def stream_async(self, *args: Any, **options: Any) -> AsyncIterator[Any]:
        async for chunk in super().stream_async(*args, **options):
            yield chunk
            await self.goes_on.wait()


async def test_in_blocks_of_one_token_text_comes_before_the_answer_is_complete(
    scorer: ScriptedScorer,
) -> None:
    register()
    yaml = STREAMING.format(parallel="false", first="true", settings="")
    yaml = yaml.replace("chunk_size: 3, context_size: 1", "chunk_size: 1, context_size: 0")
    model = WaitingModel(TEXT)
    rails = LLMRails(RailsConfig.from_content(yaml_content=yaml), llm=model)
    stream = stream_with_trust(rails, ask())
    assert str(await anext(stream)).strip() == "Lyon"
    model.goes_on.set()
    *_, event = [item async for item in stream]
    assert isinstance(event, TrustEvent)
    assert [exchange.response for exchange in scorer.exchanges] == [TEXT]


async def test_an_answer_is_scored_once_on_its_full_text(scorer: ScriptedScorer) -> None:
    await run(bot(TEXT))
    assert [exchange.response for exchange in scorer.exchanges] == [TEXT]
    assert scorer.exchanges[0].question == "Capital?"


async def test_plain_stream_async_scores_once_and_lets_all_chunks_through(
    scorer: ScriptedScorer,
) -> None:
    scorer.answer = 0.1
    rails = bot(TEXT)
    chunks = [chunk async for chunk in rails.stream_async(messages=ask())]
    assert "".join(chunks) == TEXT
    assert [exchange.response for exchange in scorer.exchanges] == [TEXT]


async def plainly(rails: LLMRails) -> tuple[str, list[str | None]]:
    """The text of a plain stream, and the rails that it says have blocked it."""
    chunks = [chunk async for chunk in rails.stream_async(messages=ask())]
    blocked = [blocking_rail(chunk) for chunk in chunks if blocking_rail(chunk)]
    return "".join(chunks[: len(chunks) - len(blocked)]), blocked


@pytest.mark.parametrize(("first", "shown"), [("true", TEXT), ("false", "")])
@pytest.mark.parametrize("settings", ["on_untrustworthy: block", "on_untrustworthy: escalate"])
async def test_a_plain_stream_of_an_answer_that_is_withheld_says_that_it_is_blocked(
    scorer: ScriptedScorer, settings: str, first: str, shown: str
) -> None:
    scorer.answer = 0.3
    rails = bot(TEXT, settings=settings, first=first)
    assert await plainly(rails) == (shown, ["cleanlab trustworthiness"])


@pytest.mark.parametrize("first", ["true", "false"])
async def test_a_plain_stream_of_an_answer_that_is_not_says_nothing(
    scorer: ScriptedScorer, first: str
) -> None:
    assert await plainly(bot(TEXT, settings="on_untrustworthy: block", first=first)) == (TEXT, [])
    scorer.answer = 0.3
    assert await plainly(bot(TEXT, colang=OWN_FLOW, first="true")) == (TEXT, [])


async def test_a_plain_stream_of_an_exception_says_that_it_is_blocked(
    scorer: ScriptedScorer,
) -> None:
    scorer.answer = 0.3
    rails = bot(TEXT)
    rails.config.enable_rails_exceptions = True
    assert await plainly(rails) == (TEXT, ["cleanlab trustworthiness"])


@pytest.mark.parametrize(
    ("score", "settings", "shown"),
    [
        (0.3, "on_untrustworthy: block", [WITHHELD]),
        (0.9, "on_untrustworthy: block", [TEXT]),
        (RuntimeError("down"), "on_error: block", [WITHHELD]),
        (RuntimeError("down"), "on_untrustworthy: block, on_error: allow", [TEXT]),
        (0.3, "on_untrustworthy: escalate", []),
        (0.9, "on_untrustworthy: escalate", [TEXT]),
    ],
)
async def test_text_is_held_back_where_it_may_be_withheld(
    scorer: ScriptedScorer, score: Any, settings: str, shown: list[str]
) -> None:
    scorer.answer = score
    texts, event = await run(bot(TEXT, settings=settings))
    assert texts == shown
    assert event.outcome is not None


BLOCKING = "cleanlab trustworthiness $on_untrustworthy=block"
OWN_FLOW = """
define subflow cleanlab trustworthiness
  $result = execute call cleanlab api
  if $result.is_blocked
    bot refuse
    stop

define bot refuse
  "Ask a colleague."
"""
OWN_MESSAGE = """
define bot response untrustworthy
  "Ask a colleague."
"""


@pytest.mark.parametrize("lines", [[BLOCKING], ["cleanlab trustworthiness", BLOCKING]])
async def test_what_a_flows_line_says_holds_it_back_too(
    scorer: ScriptedScorer, lines: list[str]
) -> None:
    scorer.answer = 0.3
    rails = bot(TEXT)
    rails.config.rails.output.flows[:] = lines
    assert (await run(rails))[0] == [WITHHELD]


@pytest.mark.parametrize("colang", [OWN_FLOW, OWN_MESSAGE], ids=["flow", "message"])
async def test_so_does_what_is_the_users_own(scorer: ScriptedScorer, colang: str) -> None:
    scorer.answer = 0.3
    assert (await run(bot(TEXT, colang=colang)))[0] == ["Ask a colleague."]


async def test_a_message_that_holds_the_answer_does_not(scorer: ScriptedScorer) -> None:
    colang = 'define bot response untrustworthy\n  "$bot_message Ask a colleague, too."\n'
    assert len((await run(bot(TEXT, colang=colang)))[0]) > 3


async def test_exceptions_do_as_well(scorer: ScriptedScorer) -> None:
    scorer.answer = 0.3
    rails = bot(TEXT)
    rails.config.enable_rails_exceptions = True
    texts, event = await run(rails)
    assert texts == []
    assert event.outcome is not None


PASSTHROUGH_V2 = """
import core
import guardrails
import nemoguardrails_trust.rail

flow main
  activate answer questions

@active
flow answer questions
  user said something as $said
  $answer = await PassthroughLLMAction(user_message=$said.transcript)
  bot say $answer

flow output rails $output_text
  {rail}

{more}
"""
NESTED = 'flow check it\n  cleanlab trustworthiness $on_untrustworthy="block"'
OWN_V2 = """
@override
flow bot response untrustworthy
  bot say "Ask a colleague."
"""


@pytest.mark.parametrize(
    ("rail", "more", "shown"),
    [
        ('cleanlab trustworthiness $on_untrustworthy="block"', "", WITHHELD),
        ("check it", NESTED, WITHHELD),
        ("cleanlab trustworthiness", OWN_V2, "Ask a colleague."),
    ],
    ids=["argument", "nested", "message"],
)
async def test_colang_2_holds_text_back_where_it_may_be_withheld(
    scorer: ScriptedScorer, rail: str, more: str, shown: str
) -> None:
    register()
    scorer.answer = 0.3
    config = RailsConfig.from_content(
        colang_content=PASSTHROUGH_V2.format(rail=rail, more=more),
        yaml_content='colang_version: "2.x"\n'
        'custom_data: {trust: {scorer: "tests.guardrail.scripted:make"}}',
    )
    texts, event = await run(LLMRails(config, llm=FakeLLMModel(responses=[TEXT])))
    assert texts == [shown]
    assert event.outcome is not None


async def test_under_regenerate_the_better_answer_comes(scorer: ScriptedScorer) -> None:
    scorer.answer = lambda exchange: 0.9 if exchange.response == "Paris" else 0.2
    texts, event = await run(bot(TEXT, "Paris", settings="on_untrustworthy: regenerate"))
    assert texts == ["Paris"]
    assert event.outcome is not None
    assert event.outcome.status == "trusted"


async def test_what_another_rail_rewrites_is_not_shown_unwritten(
    scorer: ScriptedScorer,
) -> None:
    flow = "define subflow hide\n  $bot_message = execute hide(text=$bot_message)\n"
    rails = bot("Call Bob", settings="on_untrustworthy: block", colang=flow)
    rails.config.rails.output.flows.append("hide")

    async def hide(text: str) -> str:
        return text.replace("Bob", "***")

    rails.register_action(hide, "hide")
    texts, _ = await run(rails)
    assert texts == ["Call ***"]


BLOCKING = """
define subflow block other
  $found = execute find(text=$bot_message)
  if $found
    bot refuse to respond
    stop
"""


@pytest.mark.parametrize("first", ["false", "true"])
@pytest.mark.parametrize("place", [0, 1])
@pytest.mark.parametrize("settings", ["", "on_untrustworthy: block"])
async def test_an_answer_that_another_rail_blocks_has_no_verdict(
    scorer: ScriptedScorer, first: str, place: int, settings: str
) -> None:
    rails = bot(TEXT, settings=settings, colang=BLOCKING, first=first)
    rails.config.rails.output.flows.insert(place, "block other")

    async def find(text: str, **_others: Any) -> RailOutcome:
        return RailOutcome.block() if "long" in text else RailOutcome.allow()

    rails.register_action(find, "find")
    shown, event = await run(rails)
    assert not any("error" in text for text in shown)
    if settings:
        assert event.blocked_by is None
    else:
        assert event == TrustEvent(None, "block other")
        assert TEXT.startswith("".join(shown).strip())


@pytest.mark.parametrize("settings", ["", "on_untrustworthy: block"])
async def test_a_question_that_an_input_rail_blocks_has_no_verdict(
    scorer: ScriptedScorer, settings: str
) -> None:
    flow = "define flow refuse all\n  bot refuse to respond\n  stop\n"
    rails = bot(TEXT, settings=settings, colang=flow)
    rails.config.rails.input.flows.append("refuse all")
    texts, event = await run(rails)
    assert texts == ["I'm sorry, I can't respond to that."]
    assert event == TrustEvent(None)
    assert scorer.exchanges == []


@pytest.mark.parametrize(
    "text",
    [
        '{"error": 1}',
        '{"error": {"code": "x", "param": "y"}}',
        '{"error"',
        '{"error": {}}',
        pytest.param('{"error": ' + "[" * 100_000, id="nested without end"),
    ],
)
async def test_an_answer_that_looks_like_an_error_is_an_answer(
    scorer: ScriptedScorer, text: str
) -> None:
    texts, event = await run(bot(text))
    assert "".join(texts) == text
    assert event.outcome is not None


async def test_a_failed_check_is_said_in_the_verdict(scorer: ScriptedScorer) -> None:
    scorer.answer = RuntimeError("down")
    texts, event = await run(bot(TEXT))
    assert "".join(texts) == TEXT
    assert event.outcome is not None
    assert event.outcome.status == "unchecked"
    assert event.outcome.text == f"{TEXT}\n{NOT_CHECKED}"


async def test_dialog_mode_is_scored_although_it_runs_no_rail_on_the_full_text(
    scorer: ScriptedScorer,
) -> None:
    scorer.answer = 0.3
    texts, event = await run(bot("  ask price", '  "10 euros"', colang=DIALOG), "what does it cost")
    assert "".join(texts) == "10 euros"
    assert event.outcome is not None
    assert event.outcome.status == "untrustworthy"
    assert [exchange.response for exchange in scorer.exchanges] == ["10 euros"]
    assert scorer.exchanges[0].question == "what does it cost"


async def test_a_conversation_that_cannot_be_read_afterwards_is_a_verdict_and_no_error(
    scorer: ScriptedScorer,
) -> None:
    rails = bot("  ask price", '  "10 euros"', colang=DIALOG)
    context = {"role": "context", "content": {"relevant_chunks_sep": [{"hologram": 1}]}}
    messages = [context, *ask("what does it cost")]
    *texts, event = [item async for item in stream_with_trust(rails, messages)]
    assert "".join(map(str, texts)) == "10 euros"
    assert isinstance(event, TrustEvent)
    assert event.outcome is not None
    assert event.outcome.status == "unchecked"
    assert "could not be read" in event.outcome.metadata["error"]


async def test_a_message_that_the_configuration_defines_has_no_verdict(
    scorer: ScriptedScorer,
) -> None:
    texts, event = await run(bot("  greet", colang=DIALOG), "hello")
    assert "".join(texts) == "Good day!"
    assert event.outcome is None
    assert scorer.exchanges == []


async def test_colang_2_gives_the_text_and_the_verdict(scorer: ScriptedScorer) -> None:
    scorer.answer = 0.3
    texts, event = await run(bot_v2("Lyon"))
    assert texts == [f"Lyon\n{CAUTION}"]
    assert event.outcome is not None
    assert event.outcome.status == "untrustworthy"


async def test_one_who_stops_reading_leaks_no_task(scorer: ScriptedScorer) -> None:
    before = asyncio.all_tasks()
    stream = stream_with_trust(bot(TEXT), ask())
    assert isinstance(await anext(stream), str)
    await stream.aclose()
    await asyncio.sleep(0.05)
    assert asyncio.all_tasks() == before


async def test_one_who_stops_reading_waits_for_no_turn_that_cannot_be_cancelled(
    scorer: ScriptedScorer,
) -> None:
    model = StubbornLLM(responses=[TEXT])
    rails = bot(settings="on_untrustworthy: block")
    rails.update_llm(model)
    stream = stream_with_trust(rails, ask())
    reading = asyncio.create_task(anext(stream))
    await asyncio.sleep(0.05)
    reading.cancel()
    try:
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(reading, 30)
    finally:
        model.ends.set()
        await asyncio.sleep(0.05)


async def test_concurrent_streams_keep_their_verdicts_apart(scorer: ScriptedScorer) -> None:
    scorer.answer = lambda exchange: 0.9 if "Paris" in exchange.response else 0.2
    streams = [run(bot(text)) for text in ("Paris", "Lyon", "Paris it is", "Nice")]
    verdicts = [event.outcome for _, event in await asyncio.gather(*streams)]
    assert [verdict and verdict.status for verdict in verdicts] == [
        "trusted",
        "untrustworthy",
        "trusted",
        "untrustworthy",
    ]


async def test_a_bot_without_the_rail_is_refused() -> None:
    rails = LLMRails(RailsConfig.from_content(yaml_content="models: []"), llm=FakeLLMModel(["x"]))
    with pytest.raises(SettingsError, match="nemoguardrails_trust/rail"):
        await anext(stream_with_trust(rails, ask()))
