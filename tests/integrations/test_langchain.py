"""Chains of the real LangChain, and bots of NeMo Guardrails in them."""

import asyncio
import uuid
from typing import Any

import pytest
from langchain_core.documents import Document
from langchain_core.language_models import FakeListChatModel, FakeListLLM
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.output_parsers import StrOutputParser
from langchain_core.outputs import ChatGeneration, LLMResult
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import RunnableLambda, RunnablePassthrough
from nemoguardrails import RailsConfig
from nemoguardrails.integrations.langchain.runnable_rails import RunnableRails

from nemoguardrails_trust import TLM, register
from nemoguardrails_trust.errors import DataError
from nemoguardrails_trust.guardrail.messages import CAUTION
from nemoguardrails_trust.integrations.langchain import TrustCallback, trust_runnable
from tests.integrations.scene import Place, run_section
from tests.servers.openai import OpenAIServer
from tests.tlm.scene import text_of


def saying(*answers: str) -> FakeListChatModel:
    return FakeListChatModel(responses=list(answers))


PROMPT = ChatPromptTemplate.from_messages([("system", "Be brief."), ("user", "{question}")])


@pytest.mark.parametrize(("said", "status"), [("Paris", "trusted"), ("Zug", "untrustworthy")])
def test_a_message_comes_with_its_verdict(tlm: TLM, said: str, status: str) -> None:
    chain = PROMPT | saying(said)
    message = chain.invoke(
        {"question": "Capital of France?"}, config={"callbacks": [TrustCallback(tlm)]}
    )
    assert message.content == said
    assert message.response_metadata["trust"]["status"] == status


def test_a_chain_streams_its_answer_and_then_the_verdict(tlm: TLM) -> None:
    chain = RunnablePassthrough.assign(response=PROMPT | saying("Paris") | StrOutputParser())
    chain = chain | trust_runnable(tlm, prompt="question")
    chunks = list(chain.stream({"question": "Capital of France?"}))
    answer = "".join(chunk.get("response", "") for chunk in chunks)
    assert (answer, len([chunk for chunk in chunks if "response" in chunk])) == ("Paris", 5)
    assert [chunk["trust"]["status"] for chunk in chunks if "trust" in chunk] == ["trusted"]
    assert list(chunks[-1]) == ["trust"]


async def test_so_does_an_asynchronous_one_and_batches_keep_their_order(tlm: TLM) -> None:
    answers = RunnableLambda(lambda given: "Paris" if "France" in given["question"] else "Zug")
    chain = RunnablePassthrough.assign(response=answers) | trust_runnable(tlm, prompt="question")
    asked = [{"question": f"Capital of {place}?"} for place in ("Utopia", "France", "Utopia")]
    expected = ["untrustworthy", "trusted", "untrustworthy"]
    assert [given["trust"]["status"] for given in chain.batch(asked)] == expected
    assert [given["trust"]["status"] for given in await chain.abatch(asked)] == expected
    streamed = [chunk async for chunk in chain.astream(asked[1])]
    assert streamed[-1]["trust"]["status"] == "trusted"
    events = chain.astream_events(asked[1], version="v2")
    ended = [event["name"] async for event in events if event["event"] == "on_chain_end"]
    assert "trustworthiness" in ended


async def test_in_an_asynchronous_chain_too(tlm: TLM, server: OpenAIServer) -> None:
    callback = TrustCallback(tlm)
    questions = [f"Capital of {country}?" for country in ("France", "Spain", "Chad")]
    messages = await saying("Paris").abatch(questions, config={"callbacks": [callback]})
    assert {message.response_metadata["trust"]["status"] for message in messages} == {"trusted"}
    shown = "\n".join(map(text_of, server.bodies))
    assert all(question in shown for question in questions)
    assert callback._prompts == {}  # nothing is kept of what has been scored


def test_the_answer_of_a_model_that_is_not_for_chats_comes_with_its_verdict(tlm: TLM) -> None:
    result = FakeListLLM(responses=["Paris"]).generate(
        ["Capital of France?"], callbacks=[TrustCallback(tlm)]
    )
    info = result.generations[0][0].generation_info
    assert info is not None
    assert info["trust"]["status"] == "trusted"


def test_the_verdict_on_a_stream_is_told(tlm: TLM) -> None:
    told: list[tuple[Any, Any]] = []
    callback = TrustCallback(tlm, on_verdict=lambda run_id, verdict: told.append((run_id, verdict)))
    chunks = saying("Paris").stream("Capital of France?", config={"callbacks": [callback]})
    assert "".join(str(chunk.content) for chunk in chunks) == "Paris"
    ((run_id, verdict),) = told
    assert isinstance(run_id, uuid.UUID)
    assert verdict["status"] == "trusted"


def test_the_judge_sees_the_tools(tlm: TLM, server: OpenAIServer) -> None:
    callback, run_id = TrustCallback(tlm), uuid.uuid4()
    tools = [{"type": "function", "function": {"name": "weather"}}]
    callback.on_chat_model_start(
        {}, [[HumanMessage("Rain?")]], run_id=run_id, invocation_params={"tools": tools}
    )
    calls = [{"name": "weather", "args": {"city": "Paris"}, "id": "1"}]
    message = AIMessage("", tool_calls=calls)
    callback.on_llm_end(LLMResult(generations=[[ChatGeneration(message=message)]]), run_id=run_id)
    assert message.response_metadata["trust"]["status"] == "trusted"
    assert text_of(server.bodies[0]).count("weather") >= 2


def test_a_model_that_fails_leaves_nothing_behind(tlm: TLM) -> None:
    callback = TrustCallback(tlm)
    failing = FakeListChatModel(responses=["x"], sleep=0).with_config(callbacks=[callback])
    object.__setattr__(failing.bound, "responses", [])
    with pytest.raises(IndexError):
        failing.invoke("Capital of France?")
    assert callback._prompts == {}


def test_a_runnable_scores_the_answer_of_a_chain(tlm: TLM) -> None:
    chain = RunnablePassthrough.assign(response=PROMPT | saying("Paris")) | trust_runnable(
        tlm, prompt="question"
    )
    given = {"question": "Capital of France?"}
    scored = chain.invoke(given)
    assert scored["trust"]["status"] == "trusted"
    assert scored["response"].content == "Paris"
    assert asyncio.run(chain.ainvoke(given))["trust"] == scored["trust"]


@pytest.mark.parametrize(
    "prompt",
    [
        "Capital of France?",
        [SystemMessage("Be brief."), HumanMessage("Capital of France?")],
        [("system", "Be brief."), ("user", "Capital of France?")],
        PROMPT.invoke({"question": "Capital of France?"}),
    ],
    ids=["text", "messages", "pairs", "prompt-value"],
)
def test_a_runnable_takes_prompts_in_any_form(tlm: TLM, server: OpenAIServer, prompt: Any) -> None:
    given = {"prompt": prompt, "response": "Paris", "context": [Document("France: Paris.")]}
    assert trust_runnable(tlm).invoke(given)["trust"]["status"] == "trusted"
    shown = text_of(server.bodies[0])
    assert "Capital of France?" in shown
    assert "France: Paris." in shown
    assert ("Be brief." in shown) is not isinstance(prompt, str)


def test_a_runnable_says_what_it_misses(tlm: TLM, server: OpenAIServer) -> None:
    runnable = trust_runnable(tlm, prompt="question")
    verdict = runnable.invoke({"query": "Capital of France?", "response": "Paris"})["trust"]
    assert verdict["status"] == "unchecked"
    assert "it has no 'question', only query, response" in verdict["log"]["error"]["message"]
    for invoked in (runnable.invoke, lambda given: asyncio.run(runnable.ainvoke(given))):
        with pytest.raises(DataError, match="trust_runnable got text; it takes a dictionary"):
            invoked("Paris")
    assert server.bodies == []


OBJECTS: dict[str, Any] = {
    "of a parser": {"city": "Paris"},
    "of a class": Place(city="Paris"),
    "with the message": {"raw": AIMessage('{"city": "Paris"}'), "parsed": Place(city="Zug")},
    "list": ["Paris"],
}


@pytest.mark.parametrize("kind", OBJECTS)
def test_an_object_is_scored_as_json(tlm: TLM, server: OpenAIServer, kind: str) -> None:
    given = {"prompt": "Capital of France?", "response": OBJECTS[kind]}
    assert trust_runnable(tlm).invoke(given)["trust"]["status"] == "trusted"
    assert '"Paris"' in text_of(server.bodies[0])
    assert "Zug" not in text_of(server.bodies[0])


def test_the_last_message_of_an_agents_state_is_its_answer(tlm: TLM, server: OpenAIServer) -> None:
    call = {"name": "look_up", "args": {"country": "France"}, "id": "1"}
    steps = [
        HumanMessage("Capital of France?"),
        AIMessage("", tool_calls=[call]),
        ToolMessage("It is where the Louvre is.", tool_call_id="1"),
    ]
    scoring = trust_runnable(tlm, prompt="messages")
    scored = scoring.invoke({"messages": [*steps, AIMessage("Paris")]})
    assert scored["trust"]["status"] == "trusted"
    assert "the Louvre" in text_of(server.bodies[0])
    assert scoring.invoke({"messages": steps})["trust"]["status"] == "unchecked"


@pytest.mark.parametrize(
    "given",
    [
        {"prompt": 5, "response": "Paris"},
        {"prompt": [("oracle", "Capital of France?")], "response": "Paris"},
        {"prompt": [object()], "response": "Paris"},
        {"prompt": "Capital of France?", "response": object()},
        {"prompt": "Capital of France?", "response": "Paris", "context": 5},
    ],
    ids=["number", "role", "object", "answer", "passages"],
)
async def test_what_cannot_be_read_is_unchecked(tlm: TLM, given: Any) -> None:
    scoring = trust_runnable(tlm)
    for scored in (await asyncio.to_thread(scoring.invoke, given), await scoring.ainvoke(given)):
        assert scored["trust"]["status"] == "unchecked"
        assert scored["trust"]["log"]["error"]["message"]


def test_an_answer_that_is_not_there_is_unchecked(tlm: TLM) -> None:
    verdict = trust_runnable(tlm).invoke({"prompt": "Capital of France?"})["trust"]
    assert verdict["status"] == "unchecked"
    assert verdict["trustworthiness_score"] is None
    assert "response" in verdict["log"]["error"]["message"]


@pytest.mark.usefixtures("own_loop")
@pytest.mark.filterwarnings("ignore:Accessing the .model_fields.*:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:Passing a raw LangChain LLM:DeprecationWarning")
def test_runnable_rails_runs_the_rail() -> None:
    register()
    config = RailsConfig.from_content(
        yaml_content="import_paths: [nemoguardrails_trust/rail]\n"
        "rails: {output: {flows: [cleanlab trustworthiness]}}\n"
    )
    # The answer; then a judgement and five samples that contradict it.
    model = saying("Elizabeth", "False 5", *["Anne"] * 5)
    chain = ChatPromptTemplate.from_messages([("user", "{question}")]) | (
        RunnableRails(config) | model
    )
    message = chain.invoke({"question": "Who is the mother of Mary?"})
    assert message.content == f"Elizabeth\n{CAUTION}"


def test_the_page_does_what_it_says(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    names = run_section("LangChain", monkeypatch)
    assert names["message"].response_metadata["trust"]["status"] == "trusted"
    assert capsys.readouterr().out.count("'trusted'") == 2
