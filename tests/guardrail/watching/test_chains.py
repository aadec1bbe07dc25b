"""What a chain of the real LangChain gave to its model, in a bot of NeMo Guardrails."""

import asyncio
import itertools
from typing import Any

import pytest
from langchain_core.language_models import FakeListChatModel, FakeListLLM
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage
from langchain_core.output_parsers import JsonOutputParser, StrOutputParser
from langchain_core.prompts import ChatPromptTemplate, PromptTemplate
from langchain_core.runnables import Runnable, RunnableLambda, RunnablePassthrough
from nemoguardrails import RailsConfig
from nemoguardrails.integrations.langchain.runnable_rails import RunnableRails

from nemoguardrails_trust.guardrail.exceptions import EXCEPTION
from nemoguardrails_trust.guardrail.messages import CAUTION, NOT_CHECKED, WITHHELD
from nemoguardrails_trust.guardrail.plugin import register
from tests.guardrail.scripted import SCRIPTED, V1, ScriptedScorer

FACT = "Gnomes cost 10 euros."
CHAT = ChatPromptTemplate.from_messages([("system", FACT), ("user", "Answer: {input}")])


def railed(
    chain: Runnable[Any, Any] | None,
    *,
    settings: str = "",
    colang: str | None = None,
    inputs: str = "[]",
) -> RunnableRails:
    register()
    yaml = V1.format(settings=settings, line="", more="", inputs=inputs, scorer=SCRIPTED)
    config = RailsConfig.from_content(colang_content=colang, yaml_content=yaml)
    return RunnableRails(config, runnable=chain)


def chat(*answers: str) -> FakeListChatModel:
    return FakeListChatModel(responses=list(answers))


CHAINS: dict[str, Runnable[Any, Any]] = {
    "a chat model": CHAT | chat("10 euros"),
    "a parser": CHAT | chat("10 euros") | StrOutputParser(),
    "JSON": CHAT | chat('{"output": "10 euros", "sure": true}') | JsonOutputParser(),
    "a model that thinks": CHAT
    | chat("<think>9? No.</think>10 euros")
    | RunnableLambda(lambda message: "10 euros"),
    "another model before": RunnablePassthrough.assign(
        input=CHAT | chat("How much is a gnome?") | StrOutputParser()
    )
    | CHAT
    | chat("10 euros"),
}


@pytest.mark.parametrize("name", CHAINS)
async def test_an_answer_is_scored_with_what_the_chain_gave_to_its_model(
    name: str, scorer: ScriptedScorer
) -> None:
    answer = await railed(CHAINS[name]).ainvoke({"input": "How much?"})
    assert "10 euros" in str(answer)
    (exchange,) = scorer.exchanges
    assert exchange.response == "10 euros"
    asked = "How much is a gnome?" if name == "another model before" else "How much?"
    assert [(message.role, message.content) for message in exchange.messages] == [
        ("system", FACT),
        ("user", f"Answer: {asked}"),
    ]


async def test_a_model_of_plain_texts_is_watched_too(scorer: ScriptedScorer) -> None:
    prompt = PromptTemplate.from_template(FACT + " {input}")
    await railed(prompt | FakeListLLM(responses=["10 euros"])).ainvoke({"input": "How much?"})
    (exchange,) = scorer.exchanges
    assert exchange.question == f"{FACT} How much?"


def test_a_synchronous_chain_is_watched_too(scorer: ScriptedScorer, no_running_loop: None) -> None:
    assert railed(CHAT | chat("10 euros")).invoke({"input": "How much?"})
    (exchange,) = scorer.exchanges
    assert exchange.question == "Answer: How much?"


UNKNOWN: dict[str, Runnable[Any, Any]] = {
    "no model": RunnableLambda(lambda _: "10 euros"),
    "a text made of more": CHAT | chat("10") | RunnableLambda(lambda it: f"{it.content} euros"),
    "two texts that hold it": CHAT
    | chat("Say 10 euros!")
    | RunnableLambda(lambda message: {"input": message.content})
    | CHAT
    | chat("It is 10 euros.")
    | RunnableLambda(lambda _: "10 euros"),
}


@pytest.mark.parametrize("name", UNKNOWN)
async def test_an_answer_that_no_call_is_known_to_have_brought_is_unchecked(
    name: str, scorer: ScriptedScorer
) -> None:
    answer = await railed(UNKNOWN[name]).ainvoke({"input": "How much?"})
    assert answer == f"10 euros\n{NOT_CHECKED}"
    assert scorer.exchanges == []


ENDS: dict[str, Runnable[Any, Any]] = {
    "a message": CHAT | chat("10 euros"),
    "a message in parts": CHAT
    | GenericFakeChatModel(
        messages=itertools.repeat(
            AIMessage(
                [{"type": "thinking", "thinking": "9?"}, {"type": "text", "text": "10 euros"}]
            )
        )
    ),
    "a message with a call": CHAT
    | GenericFakeChatModel(
        messages=itertools.repeat(
            AIMessage("10 euros", tool_calls=[{"name": "pay", "args": {}, "id": "c"}])
        )
    ),
    "a text": CHAT | chat("10 euros") | StrOutputParser(),
    "an object": CHAT | chat("10 euros") | RunnableLambda(lambda said: {"output": said.content}),
    "a message in an object": CHAT
    | chat("10 euros")
    | RunnableLambda(lambda said: {"output": said}),
}
OVERRIDE = """
define subflow cleanlab trustworthiness
  $result = execute call cleanlab api
  if $result.trustworthiness_score < 0.7
    bot response untrustworthy
    stop

define bot response untrustworthy
  "Do not trust me."
"""


def given_out(output: Any) -> Any:
    """The answer in what a chain gives, with the calls of tools that go out along with it."""
    output = output["output"] if isinstance(output, dict) else output
    if isinstance(output, AIMessage):
        return output.content, [call["name"] for call in output.tool_calls]
    return output, []


@pytest.mark.parametrize("name", ENDS)
@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("warn", f"10 euros\n{CAUTION}"),
        ("regenerate", f"10 euros\n{CAUTION}"),
        ("block", WITHHELD),
        ("escalate", WITHHELD),
        ("the user's own flow", "Do not trust me."),
    ],
)
async def test_whatever_a_chain_ends_in_gives_out_what_the_rail_decided(
    name: str, how: str, said: str, scorer: ScriptedScorer
) -> None:
    """`RunnableRails` by itself gives a model's message out as it came."""
    scorer.answer = 0.1
    own = how.startswith("the user's")
    rails = railed(
        ENDS[name],
        settings="" if own else f", on_untrustworthy: {how}",
        colang=OVERRIDE if own else None,
    )
    answer, calls = given_out(await rails.ainvoke({"input": "How much?"}))
    assert answer == said
    assert calls == (["pay"] if "call" in name and "10 euros" in said else [])
    assert scorer.exchanges[0].response == "10 euros"


@pytest.mark.parametrize("name", ENDS)
async def test_a_trusted_answer_goes_out_as_it_came(name: str, scorer: ScriptedScorer) -> None:
    chain = ENDS[name]
    output = await railed(chain).ainvoke({"input": "How much?"})
    came = await chain.ainvoke({"input": "How much?"})
    assert given_out(output) == given_out(came)


async def test_a_message_that_only_calls_tools_stays_unless_it_is_withheld(
    scorer: ScriptedScorer,
) -> None:
    message = AIMessage("", tool_calls=[{"name": "find", "args": {}, "id": "c"}])
    chain = CHAT | GenericFakeChatModel(messages=itertools.repeat(message))
    assert given_out(await railed(chain).ainvoke({"input": "How much?"})) == ("", ["find"])
    withheld = railed(chain, settings=", on_error: block")
    assert given_out(await withheld.ainvoke({"input": "How much?"})) == (WITHHELD, [])


async def test_an_answer_under_another_key_is_named(
    scorer: ScriptedScorer, caplog: pytest.LogCaptureFixture
) -> None:
    chain = CHAT | chat("10 euros") | RunnableLambda(lambda said: {"answer": said.content})
    told = await railed(chain).ainvoke({"input": "How much?"})
    assert NOT_CHECKED in told["output"]
    assert scorer.exchanges == []
    assert "only answer; name the right key with RunnableRails(…, output_key=…)" in caplog.text


async def test_turns_at_one_time_keep_their_calls_apart(scorer: ScriptedScorer) -> None:
    rails = railed(CHAT | chat("10 euros"))
    questions = [f"How much are {number}?" for number in range(5)]
    await asyncio.gather(*(rails.ainvoke({"input": question}) for question in questions))
    asked = sorted(exchange.question for exchange in scorer.exchanges)
    assert asked == [f"Answer: {question}" for question in questions]


NEMO_S_OWN = pytest.mark.filterwarnings(
    "ignore:Passing a raw LangChain LLM:DeprecationWarning",
    "ignore:Accessing the .model_fields.*:DeprecationWarning",
)
MESSAGES: dict[str, Any] = {
    "a message": HumanMessage("How much?"),
    "messages": [SystemMessage(FACT), HumanMessage("How much?")],
    "a prompt": CHAT.invoke({"input": "How much?"}),
    "a message in an object": {"input": HumanMessage("How much?")},
    "messages in an object": {"input": [HumanMessage("How much?")]},
}


@NEMO_S_OWN
@pytest.mark.parametrize("name", MESSAGES)
async def test_a_message_holds_what_is_escalated_of_a_models_answer(
    name: str, scorer: ScriptedScorer
) -> None:
    """`RunnableRails` by itself fails at an exception that is to go out as a message."""
    scorer.answer = 0.1
    rails = railed(None, settings=", on_untrustworthy: escalate") | chat("10 euros")
    message = await rails.ainvoke(MESSAGES[name])
    message = message["output"] if isinstance(message, dict) else message
    assert message.content == WITHHELD
    exception = message.response_metadata["exception"]
    assert exception["answer"] == "10 euros"
    assert exception["trust"]["consequence"] == "escalate"


@NEMO_S_OWN
async def test_a_text_or_an_object_is_the_exception_itself(scorer: ScriptedScorer) -> None:
    scorer.answer = 0.1
    rails = railed(None, settings=", on_untrustworthy: escalate") | chat("10 euros")
    for exception in (
        await rails.ainvoke("How much?"),
        (await rails.ainvoke({"input": "How much?"}))["output"],
    ):
        assert exception["type"] == EXCEPTION
        assert exception["answer"] == "10 euros"


REFUSAL = """
define subflow refuse
  create event RefusedException(message="Not today.")
  stop
"""


@NEMO_S_OWN
async def test_an_exception_of_another_rail_is_a_message_too(scorer: ScriptedScorer) -> None:
    rails = railed(None, colang=REFUSAL, inputs="[refuse]") | chat("10 euros")
    message = await rails.ainvoke(HumanMessage("How much?"))
    assert message.content == "Not today."
    assert message.response_metadata["exception"]["type"] == "RefusedException"
    assert scorer.exchanges == []
