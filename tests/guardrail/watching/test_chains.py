"""What a chain of the real LangChain gave to its model, in a bot of NeMo Guardrails."""

import asyncio
from typing import Any

import pytest
from langchain_core.language_models import FakeListChatModel, FakeListLLM
from langchain_core.output_parsers import JsonOutputParser, StrOutputParser
from langchain_core.prompts import ChatPromptTemplate, PromptTemplate
from langchain_core.runnables import Runnable, RunnableLambda, RunnablePassthrough
from nemoguardrails import RailsConfig
from nemoguardrails.integrations.langchain.runnable_rails import RunnableRails

from nemoguardrails_trust.guardrail.messages import NOT_CHECKED
from nemoguardrails_trust.guardrail.plugin import register
from tests.guardrail.scripted import SCRIPTED, V1, ScriptedScorer

FACT = "Gnomes cost 10 euros."
CHAT = ChatPromptTemplate.from_messages([("system", FACT), ("user", "Answer: {input}")])


def railed(chain: Runnable[Any, Any]) -> RunnableRails:
    register()
    yaml = V1.format(settings="", line="", more="", inputs="[]", scorer=SCRIPTED)
    return RunnableRails(RailsConfig.from_content(yaml_content=yaml), runnable=chain)


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


async def test_turns_at_one_time_keep_their_calls_apart(scorer: ScriptedScorer) -> None:
    rails = railed(CHAT | chat("10 euros"))
    questions = [f"How much are {number}?" for number in range(5)]
    await asyncio.gather(*(rails.ainvoke({"input": question}) for question in questions))
    asked = sorted(exchange.question for exchange in scorer.exchanges)
    assert asked == [f"Answer: {question}" for question in questions]
