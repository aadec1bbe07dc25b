"""Samples drawn while the answer is being written: over real HTTP, and none left behind."""

import asyncio
import re
from collections.abc import AsyncIterator
from typing import Any

import pytest
from nemoguardrails import LLMRails, RailsConfig
from nemoguardrails.llm.models.initializer import init_llm_model
from nemoguardrails.testing import FakeLLMModel

from nemoguardrails_trust import TrustEvent, stream_with_trust
from nemoguardrails_trust.errors import ModelError, SettingsError
from nemoguardrails_trust.guardrail.plugin import register
from nemoguardrails_trust.guardrail.watching.prefetch import Prefetch
from nemoguardrails_trust.models.base import Completion, Reply
from tests.guardrail.scripted import WORDS, WordIndex, ask, is_judge
from tests.guardrail.test_conversation import DIALOG
from tests.servers.faults import HANG, status
from tests.servers.openai import OpenAIServer

BOT = """
import_paths: [nemoguardrails_trust/rail]
models:
  - {{type: main, engine: openai, model: gpt-test,
     parameters: {{base_url: "{url}", api_key: x, max_retries: 0}}}}
instructions: [{{type: general, content: You are a geographer.}}]
rails: {{output: {{flows: [{rails}cleanlab trustworthiness]{streaming}}}}}
custom_data: {{trust: {{prefetch: {prefetch}{settings}}}}}
"""
V2 = """
colang_version: "2.x"
models:
  - {{type: main, engine: openai, model: gpt-test,
     parameters: {{base_url: "{url}", api_key: x, max_retries: 0}}}}
custom_data: {{trust: {{prefetch: true{settings}}}}}
"""
V2_MAIN = """
import core
import guardrails
import nemoguardrails_trust.rail

flow main
  activate answer the user

@active
flow answer the user
  user said something as $ref
  $answer = await PassthroughLLMAction(user_message=$ref.transcript)
  bot say $answer

flow output rails $output_text
  cleanlab trustworthiness
"""
BLOCKING = """
define subflow refuse everything
  bot refuse to respond
  stop
"""
REWRITTEN = """
define subflow rewrite
  $bot_message = "Lyon"
"""
REPLY = Reply((Completion("Paris"),))


def is_sample(body: dict[str, Any]) -> bool:
    return "n" in body


def is_main(body: dict[str, Any]) -> bool:
    return not is_judge(body) and not is_sample(body)


def answer(body: dict[str, Any]) -> str:
    return "True 95" if is_judge(body) else "Paris"


def kinds(server: OpenAIServer) -> list[str]:
    """What was asked for, in the order in which it came."""
    return [
        "judge" if is_judge(body) else "sample" if is_sample(body) else "main"
        for body in server.bodies
    ]


@pytest.fixture
async def server() -> AsyncIterator[OpenAIServer]:
    latency = lambda body: 0.0 if is_judge(body) else 0.05  # noqa: E731
    async with OpenAIServer(answer=answer, latency=latency) as running:
        yield running


def bot(
    server: OpenAIServer,
    settings: str = "",
    *,
    rails: str = "",
    colang: str | None = None,
    more: str = "",
    streaming: bool = False,
    prefetch: str = "true",
) -> LLMRails:
    register()
    yaml = BOT.format(
        url=server.base_url,
        prefetch=prefetch,
        settings=f", {settings}" if settings else "",
        rails=rails,
        streaming=", streaming: {enabled: true}" if streaming else "",
    )
    made = LLMRails(RailsConfig.from_content(colang_content=colang, yaml_content=yaml + more))
    made.register_embedding_search_provider("words", WordIndex)
    return made


async def check(
    rails: LLMRails, question: str = "Capital of France?"
) -> tuple[str, dict[str, Any]]:
    response = await rails.generate_async(
        messages=ask(question), options={"output_vars": ["trust"]}
    )
    return response.response[-1]["content"], response.output_data["trust"]


async def settled(server: OpenAIServer) -> None:
    """Waits for requests that are being broken off; one that is kept open fails the test."""
    await asyncio.sleep(0)
    await server.idle(10.0)


# What is drawn, and what it is used for.


async def test_the_samples_are_asked_for_beside_the_answer_with_its_very_prompt(
    server: OpenAIServer,
) -> None:
    shown, trust = await check(bot(server))
    assert (shown, trust["status"]) == ("Paris", "trusted")
    assert sorted(kinds(server)[:2]) == ["main", "sample"]
    assert kinds(server)[2:] == ["judge"]
    main, sample = sorted(server.bodies[:2], key=is_sample)
    assert sample["messages"] == main["messages"]
    assert "You are a geographer." in str(sample["messages"])
    assert sample["n"] == 5
    assert sample["temperature"] == 1.0
    assert server.peak_requests == 2
    assert trust["signals"]["consistency"]["value"] == 1.0
    assert (trust["usage"]["calls"], trust["usage"]["samples"]) == (2, 5)


async def test_samples_that_differ_count_as_they_do_without_prefetch(server: OpenAIServer) -> None:
    server.answers = lambda body: (
        "True 95"
        if is_judge(body)
        else ["Lyon", "Paris", "Nice", "Lyon", "Lyon"]
        if is_sample(body)
        else "Paris"
    )
    _, with_prefetch = await check(bot(server))
    _, without = await check(bot(server, prefetch="false"))
    assert with_prefetch["signals"]["consistency"]["value"] < 0.5
    assert with_prefetch["trustworthiness_score"] == without["trustworthiness_score"]


async def test_samples_end_where_the_answer_would_have_ended(server: OpenAIServer) -> None:
    server.answers = lambda body: (
        "True 95"
        if is_judge(body)
        else "Paris\nUser: And of Italy?\nAssistant: Rome"
        if is_sample(body)
        else "Paris"
    )
    _, trust = await check(bot(server))
    assert trust["signals"]["consistency"]["value"] == 1.0


# In `best`, four samples are drawn beside the answer. The four rephrasings, for which the check
# asks, do not ask for the same here, so that four more samples take their place.
@pytest.mark.parametrize(
    ("quality", "counts"), [("medium", [5]), ("high", [5]), ("best", [4, 4, 4])]
)
async def test_each_preset_draws_its_own_number(
    server: OpenAIServer, quality: str, counts: list[int]
) -> None:
    _, trust = await check(bot(server, f"quality: {quality}"))
    assert [body["n"] for body in server.bodies if is_sample(body)] == counts
    assert trust["usage"]["samples"] == (8 if quality == "best" else 5)


async def test_the_model_that_the_settings_name_draws_them(server: OpenAIServer) -> None:
    other = f"""
  - {{type: judge, engine: openai, model: gpt-other,
     parameters: {{base_url: "{server.base_url}", api_key: x}}}}
instructions:"""
    register()
    yaml = BOT.format(
        prefetch="true", url=server.base_url, settings=", model: judge", rails="", streaming=""
    )
    yaml = yaml.replace("\ninstructions:", other)
    await check(LLMRails(RailsConfig.from_content(yaml_content=yaml)))
    models = {kind: body["model"] for kind, body in zip(kinds(server), server.bodies, strict=True)}
    assert models == {"main": "gpt-test", "sample": "gpt-other", "judge": "gpt-other"}


async def test_it_works_through_nemos_own_models_too() -> None:
    register()
    yaml = BOT.format(prefetch="true", url="", settings="", rails="", streaming="")
    yaml = yaml[: yaml.index("models:")] + yaml[yaml.index("instructions:") :]
    llm = FakeLLMModel(responses=["Paris", *["Paris"] * 5, "True 95"])
    rails = LLMRails(RailsConfig.from_content(yaml_content=yaml), llm=llm)
    shown, trust = await check(rails)
    assert (shown, trust["signals"]["consistency"]["value"]) == ("Paris", 1.0)
    assert llm.inference_count == 7
    tasks = [call.task for call in rails.explain().llm_calls]
    assert (
        sorted(tasks) == ["general", "trustworthiness_reflection"] + ["trustworthiness_sample"] * 5
    )


async def test_a_model_handed_to_the_bot_is_prefetched_from(server: OpenAIServer) -> None:
    register()
    yaml = BOT.format(prefetch="true", url="", settings="", rails="", streaming="")
    yaml = yaml[: yaml.index("models:")] + yaml[yaml.index("instructions:") :]
    llm = init_llm_model("gpt-test", "openai", {"base_url": server.base_url, "api_key": "x"})
    rails = LLMRails(RailsConfig.from_content(yaml_content=yaml), llm=llm)
    shown, trust = await check(rails)
    assert (shown, trust["signals"]["consistency"]["value"]) == ("Paris", 1.0)
    assert len(server.received) == 7
    assert server.peak_requests == 6


async def test_passthrough_mode_draws_for_the_callers_own_messages(server: OpenAIServer) -> None:
    rails = bot(server, more="passthrough: true\n")
    messages = [{"role": "system", "content": "Be brief."}, *ask()]
    await rails.generate_async(messages=messages)
    sample = next(body for body in server.bodies if is_sample(body))
    assert [message["content"] for message in sample["messages"]] == [
        "Be brief.",
        ask()[0]["content"],
    ]


async def test_colang_2_draws_for_what_the_model_is_passed_through(server: OpenAIServer) -> None:
    register()
    yaml = V2.format(url=server.base_url, settings="")
    rails = LLMRails(RailsConfig.from_content(colang_content=V2_MAIN, yaml_content=yaml))
    message = await rails.generate_async(messages=ask())
    assert message["content"] == "Paris"
    assert sorted(kinds(server)[:2]) == ["main", "sample"]
    assert kinds(server)[2:] == ["judge"]


async def test_a_streamed_answer_has_its_samples_drawn_beside_it(server: OpenAIServer) -> None:
    rails = bot(server, streaming=True)
    *pieces, event = [item async for item in stream_with_trust(rails, ask())]
    assert "".join(str(piece) for piece in pieces) == "Paris"
    assert isinstance(event, TrustEvent)
    assert event.outcome is not None
    assert event.outcome.status == "trusted"
    assert sorted(kinds(server)[:2]) == ["main", "sample"]
    assert kinds(server)[2:] == ["judge"]


async def test_many_turns_at_once_keep_their_own(server: OpenAIServer) -> None:
    def echo(body: dict[str, Any]) -> str:
        named = re.findall(r"Town number \d+", str(body["messages"]))
        return "True 95" if is_judge(body) else str(named[-1])

    server.answers = echo
    rails = bot(server)
    questions = [f"Town number {i}" for i in range(40)]
    checks = await asyncio.gather(*(asyncio.create_task(check(rails, text)) for text in questions))
    for question, (shown, trust) in zip(questions, checks, strict=True):
        assert shown == question
        assert trust["signals"]["consistency"]["value"] == 1.0
    assert kinds(server).count("sample") == 40
    await settled(server)


async def test_equal_turns_at_once_share_one_judgement(server: OpenAIServer) -> None:
    rails = bot(server)
    checks = await asyncio.gather(*(asyncio.create_task(check(rails)) for _ in range(3)))
    assert [trust["status"] for _, trust in checks] == ["trusted"] * 3
    assert kinds(server).count("judge") == 1
    await settled(server)


# What is dropped.


async def test_a_kept_score_drops_them(server: OpenAIServer) -> None:
    rails = bot(server)
    await check(rails)
    server.received.clear()
    server.faults.always(HANG, when=is_sample)
    _, trust = await check(rails)
    assert trust["status"] == "trusted"
    assert sorted(kinds(server)) == ["main", "sample"]
    await settled(server)


@pytest.mark.parametrize("held_up", [is_main, is_judge], ids=["while answering", "while judging"])
async def test_a_cancelled_turn_leaves_no_request_open(server: OpenAIServer, held_up: Any) -> None:
    server.faults.always(HANG, when=lambda body: held_up(body) or is_sample(body))
    turn = asyncio.create_task(check(bot(server)))
    while not any(held_up(body) for body in server.bodies) or "sample" not in kinds(server):
        await asyncio.sleep(0.01)
    turn.cancel()
    with pytest.raises(asyncio.CancelledError):
        await turn
    await settled(server)


async def test_an_answer_that_fails_leaves_no_request_open(server: OpenAIServer) -> None:
    server.latency = 0.1
    server.faults.always(status(500), when=is_main)
    server.faults.next(HANG, when=is_sample)
    with pytest.raises(Exception, match="500"):
        await bot(server).generate_async(messages=ask())
    await settled(server)
    assert "judge" not in kinds(server)


async def test_an_answer_that_another_rail_blocks_leaves_no_request_open(
    server: OpenAIServer,
) -> None:
    server.faults.always(HANG, when=is_sample)
    rails = bot(server, rails="refuse everything, ", colang=BLOCKING)
    message = await asyncio.create_task(rails.generate_async(messages=ask()))
    assert "Paris" not in message["content"]
    await settled(server)
    assert sorted(kinds(server)) == ["main", "sample"]


async def test_where_a_task_outlives_its_turn_patience_ends(server: OpenAIServer) -> None:
    server.faults.always(HANG, when=is_sample)
    rails = bot(server, "timeout: 1.0", rails="refuse everything, ", colang=BLOCKING)
    await rails.generate_async(messages=ask())
    assert server.open_requests == 1
    await settled(server)


async def test_an_answer_that_another_rail_rewrote_has_samples_of_its_own(
    server: OpenAIServer,
) -> None:
    rails = bot(server, rails="rewrite, ", colang=REWRITTEN)
    server.faults.next(HANG, when=is_sample)
    shown, trust = await check(rails)
    assert shown.startswith("Lyon")
    assert trust["signals"]["consistency"]["value"] < 0.5
    assert kinds(server).count("sample") == 2
    await settled(server)


async def test_a_stream_that_is_closed_early_leaves_no_request_open(server: OpenAIServer) -> None:
    server.answers = lambda body: "True 95" if is_judge(body) else "Paris, of course it is Paris."
    server.word_delay = 0.02
    server.faults.always(HANG, when=is_sample)
    rails = bot(server, "timeout: 0.3", streaming=True)
    stream = stream_with_trust(rails, ask())
    first = await anext(stream)
    assert first
    await stream.aclose()
    await settled(server)


async def test_an_answer_without_text_drops_them(server: OpenAIServer) -> None:
    call = {"id": "1", "type": "function", "function": {"name": "find", "arguments": "{}"}}
    server.answers = lambda body: {"content": None, "tool_calls": [call]}
    server.faults.always(HANG, when=is_sample)
    await bot(server, more="passthrough: true\n").generate_async(messages=ask())
    await settled(server)
    assert sorted(kinds(server)) == ["main", "sample"]


# What is never asked for.


async def test_a_message_that_the_configuration_defines_draws_none(server: OpenAIServer) -> None:
    blocked = BLOCKING.replace("refuse everything", "refuse input")
    register()
    yaml = BOT.format(prefetch="true", url=server.base_url, settings="", rails="", streaming="")
    yaml = yaml.replace("rails: {", "rails: {input: {flows: [refuse input]}, ")
    rails = LLMRails(RailsConfig.from_content(colang_content=blocked, yaml_content=yaml))
    await rails.generate_async(messages=ask())
    assert "sample" not in kinds(server)


async def test_dialog_mode_draws_them_after_the_answer(server: OpenAIServer) -> None:
    server.answers = lambda body: (
        "True 95" if is_judge(body) else "Paris" if is_sample(body) else '  "Paris"'
    )
    rails = bot(server, colang=DIALOG, more=WORDS)
    await rails.generate_async(messages=ask())
    assert kinds(server).index("sample") > kinds(server).index("main")
    assert server.bodies[kinds(server).index("sample")]["messages"] != server.bodies[0]["messages"]


@pytest.mark.parametrize(
    "parameters", [{"tools": []}, {"response_format": {"type": "json_object"}}]
)
async def test_a_call_for_another_kind_of_answer_is_not_prefetched(
    server: OpenAIServer, parameters: dict[str, Any]
) -> None:
    options = {"llm_params": parameters}
    await bot(server).generate_async(messages=ask(), options=options)
    assert kinds(server)[0] == "main"
    assert sorted(kinds(server)[1:]) == ["judge", "sample"]


async def test_messages_that_text_cannot_say_are_not_prefetched(server: OpenAIServer) -> None:
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    content = [{"type": "text", "text": "What is this?"}, picture]
    rails = bot(server, more="passthrough: true\n")
    await rails.generate_async(messages=[{"role": "user", "content": content}])
    assert kinds(server)[0] == "main"


@pytest.mark.parametrize(
    "settings", ["quality: low", "quality: base", "scorer: cleanlab-tlm", "scorer: 'a:b'"]
)
async def test_settings_without_samples_are_refused(server: OpenAIServer, settings: str) -> None:
    with pytest.raises(SettingsError) as caught:
        bot(server, settings)
    assert "prefetch" in str(caught.value)


# One prefetch by itself.


class Call:
    """A call that notes how it ended."""

    def __init__(self, seconds: float = 10, error: Exception | None = None) -> None:
        self.seconds = seconds
        self.error = error
        self.ended = ""

    async def draw(self) -> Reply:
        try:
            await asyncio.sleep(self.seconds)
        except asyncio.CancelledError:
            self.ended = "cancelled"
            raise
        self.ended = "whole"
        if self.error is not None:
            raise self.error
        return REPLY


async def test_it_is_taken_once_and_then_belongs_to_the_taker() -> None:
    call = Call(0.02)
    prefetch = Prefetch(call.draw(), patience=0.01, turn=None)
    await asyncio.sleep(0)
    prefetch.answered()
    taken = prefetch.take()
    assert taken is not None
    assert prefetch.take() is None
    prefetch.drop()
    assert await taken == REPLY


async def test_what_was_dropped_is_not_to_be_had() -> None:
    call = Call()
    prefetch = Prefetch(call.draw(), patience=1, turn=None)
    await asyncio.sleep(0)
    prefetch.drop()
    await asyncio.sleep(0)
    assert call.ended == "cancelled"
    assert prefetch.take() is None
    prefetch.answered()


async def test_it_ends_with_its_turn() -> None:
    call = Call()

    async def turn() -> None:
        Prefetch(call.draw(), patience=1, turn=asyncio.current_task())
        await asyncio.sleep(0)

    await asyncio.create_task(turn())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert call.ended == "cancelled"


async def test_patience_begins_with_the_answer() -> None:
    call = Call()
    prefetch = Prefetch(call.draw(), patience=0.02, turn=None)
    await asyncio.sleep(0.05)
    assert call.ended == ""
    prefetch.answered()
    await asyncio.sleep(0.05)
    assert call.ended == "cancelled"


async def test_a_failure_that_nobody_waits_for_is_no_warning() -> None:
    call = Call(0, ModelError("no samples"))
    Prefetch(call.draw(), patience=1, turn=None)
    await asyncio.sleep(0.01)
    assert call.ended == "whole"
