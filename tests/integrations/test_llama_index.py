"""LlamaIndex's own classes, with answers and passages that are judged over HTTP."""

import asyncio
from collections.abc import Iterator

import pytest
from llama_index.core.base.response.schema import PydanticResponse, Response
from llama_index.core.schema import ImageNode, NodeWithScore, TextNode

from nemoguardrails_trust import TLM, SettingsError
from nemoguardrails_trust.integrations.llama_index import TrustEvaluator, TrustPostprocessor
from tests.integrations.scene import Place, judging, run_section
from tests.servers.openai import OpenAIServer
from tests.tlm.scene import text_of

QUESTION = "Capital of France?"


@pytest.fixture(scope="module")
def both() -> Iterator[tuple[TLM, OpenAIServer]]:
    with judging(options={"log": ["explanation"]}) as both:
        yield both


def nodes(*texts: str) -> list[NodeWithScore]:
    return [NodeWithScore(node=TextNode(text=text), score=0.1) for text in texts]


@pytest.mark.parametrize(("said", "passing"), [("Paris", True), ("Zug", False)])
def test_an_answer_is_evaluated_with_its_passages(
    tlm: TLM, server: OpenAIServer, said: str, passing: bool
) -> None:
    response = Response(response=said, source_nodes=nodes("France has a capital."))
    result = TrustEvaluator(tlm).evaluate_response(QUESTION, response)
    assert result.passing is passing
    assert result.score is not None
    assert (result.score > 0.6) is passing
    assert not result.invalid_result
    assert result.contexts == ["France has a capital."]
    assert "France has a capital." in text_of(server.bodies[0])


async def test_the_threshold_decides_what_passes(tlm: TLM) -> None:
    strict = await TrustEvaluator(tlm).aevaluate(QUESTION, "Zug")
    lenient = await TrustEvaluator(tlm, threshold=0.0).aevaluate(QUESTION, "Zug")
    assert (strict.passing, lenient.passing) == (False, True)
    assert strict.score == lenient.score


async def test_an_answer_that_is_not_there_is_invalid(tlm: TLM) -> None:
    result = await TrustEvaluator(tlm).aevaluate(QUESTION, None)
    assert (result.passing, result.score, result.invalid_result) == (False, None, True)
    assert "response" in str(result.invalid_reason)


async def test_an_object_is_evaluated_as_json(tlm: TLM, server: OpenAIServer) -> None:
    response = PydanticResponse(response=Place(city="Paris"))
    evaluator = TrustEvaluator(tlm)
    for result in (
        await asyncio.to_thread(evaluator.evaluate_response, QUESTION, response),
        await evaluator.aevaluate_response(QUESTION, response),
    ):
        assert (result.passing, result.response) == (True, '{"city": "Paris"}')
    assert '{"city": "Paris"}' in text_of(server.bodies[0])


def test_a_passage_may_stand_alone(tlm: TLM, server: OpenAIServer) -> None:
    result = TrustEvaluator(tlm).evaluate(QUESTION, "Paris", contexts="It has a capital.")
    assert result.contexts == ["It has a capital."]
    assert "It has a capital." in text_of(server.bodies[0])


def test_a_threshold_out_of_range_is_told(tlm: TLM) -> None:
    with pytest.raises(SettingsError, match="threshold is 2"):
        TrustEvaluator(tlm, threshold=2)


def test_a_passage_without_text_stays(
    tlm: TLM, server: OpenAIServer, caplog: pytest.LogCaptureFixture
) -> None:
    picture = NodeWithScore(node=ImageNode(image_url="https://example.org/paris.png"))
    kept = TrustPostprocessor(tlm).postprocess_nodes([picture], query_str=QUESTION)
    assert kept == [picture]
    assert "it has no text" in caplog.text
    assert server.bodies == []


def test_passages_of_no_use_are_dropped(tlm: TLM, server: OpenAIServer) -> None:
    given = nodes("Paris is its capital.", "The Loire is a river.")
    kept = TrustPostprocessor(tlm).postprocess_nodes(given, query_str=QUESTION)
    assert [node.get_content() for node in kept] == ["Paris is its capital."]
    assert kept[0].score is not None
    assert kept[0].score > 0.5
    assert len(server.bodies) == 2
    assert all(QUESTION in text_of(body) for body in server.bodies)


async def test_the_best_passages_come_first(tlm: TLM) -> None:
    given = nodes("The Loire is a river.", "Paris is its capital.")
    kept = await TrustPostprocessor(tlm, cutoff=0.0).apostprocess_nodes(given, query_str=QUESTION)
    assert [node.get_content() for node in kept] == [node.get_content() for node in given[::-1]]


def test_without_a_query_all_passages_stay(tlm: TLM, server: OpenAIServer) -> None:
    given = nodes("The Loire is a river.")
    assert TrustPostprocessor(tlm).postprocess_nodes(given) == given
    assert server.bodies == []


def test_a_passage_that_could_not_be_judged_stays(caplog: pytest.LogCaptureFixture) -> None:
    with judging(api_key="sk-refused") as (tlm, _):
        given = nodes("The Loire is a river.")
        kept = TrustPostprocessor(tlm).postprocess_nodes(given, query_str=QUESTION)
    assert [(node.get_content(), node.score) for node in kept] == [("The Loire is a river.", 0.1)]
    (record,) = caplog.records
    assert "could not be judged" in record.message
    assert "Loire" not in record.message


def test_the_page_does_what_it_says(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    names = run_section("LlamaIndex", monkeypatch)
    assert [node.get_content() for node in names["kept"]] == ["The capital of France is Paris."]
    assert capsys.readouterr().out.endswith("True\n")
