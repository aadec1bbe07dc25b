"""`TrustworthyRAG` of the real client."""

from typing import Any

import pytest

from tests.server.running import KEY, Running, is_share

rag_client = pytest.importorskip("cleanlab_tlm.utils.rag")

DEFAULTS = ["context_sufficiency", "response_groundedness", "response_helpfulness", "query_ease"]
QUERY = "How many days? Say 30"
CONTEXT = "Clothing may be returned within 30 days."
CALL = '<tool_call>\n{"name": "find", "arguments": {}}\n</tool_call>'


def rag(**arguments: Any) -> Any:
    return rag_client.TrustworthyRAG(**{"api_key": KEY, "quality_preset": "low"} | arguments)


def scored(result: dict[str, Any]) -> list[str]:
    """The names of what has a score."""
    return [name for name, part in result.items() if name != "response" and is_share(part["score"])]


@pytest.mark.conformance(13)
def test_a_response_is_scored_in_five_parts(pointed: Running) -> None:
    result = rag().score(query=QUERY, context=CONTEXT, response="30")
    assert scored(result) == ["trustworthiness", *DEFAULTS]
    assert pointed.requests == ["/api/v1/rag_trustworthy_llm/score"]


@pytest.mark.conformance(13)
def test_without_evaluations_there_is_trustworthiness_alone(pointed: Running) -> None:
    result = rag(evals=[]).score(query=QUERY, context=CONTEXT, response="30")
    assert list(result) == scored(result) == ["trustworthiness"]


@pytest.mark.conformance(13)
@pytest.mark.parametrize("part", ["query", "context", "response"])
def test_an_evaluation_of_the_users_own_may_look_at_one_part_alone(
    pointed: Running, part: str
) -> None:
    own = rag_client.Eval(
        name="is short", criteria="The Part is short.", **{f"{part}_identifier": "Part"}
    )
    result = rag(evals=[own]).score(query=QUERY, context=CONTEXT, response="30")
    assert scored(result) == ["trustworthiness", "is short"]


@pytest.mark.conformance(13)
def test_a_list_is_scored_in_its_order(pointed: Running) -> None:
    asking = rag(quality_preset="medium")
    responses = ["30", "31", "30"]
    prompts = [f"{CONTEXT} {QUERY}"] * 3
    results = asking.score(
        query=[QUERY] * 3, context=[CONTEXT] * 3, response=responses, prompt=prompts
    )
    assert [scored(result) for result in results] == [["trustworthiness", *DEFAULTS]] * 3
    first, other, last = (result["trustworthiness"]["score"] for result in results)
    assert first == last > other


@pytest.mark.conformance(14)
def test_a_query_is_answered_and_all_is_scored(pointed: Running) -> None:
    result = rag().generate(query=QUERY, context=CONTEXT)
    assert isinstance(result["response"], str)
    assert scored(result) == ["trustworthiness", *DEFAULTS]
    formed = rag(evals=[]).generate(
        query=QUERY, context=CONTEXT, form_prompt=lambda query, context: f"{context} {query}"
    )
    assert formed["response"] == "30"


@pytest.mark.conformance(15)
def test_of_a_response_of_calls_only_what_looks_elsewhere_is_evaluated(pointed: Running) -> None:
    result = rag().score(query=QUERY, context=CONTEXT, response=CALL)
    assert scored(result) == ["trustworthiness", "context_sufficiency", "query_ease"]
    assert result["response_groundedness"]["score"] is None
    assert result["response_helpfulness"]["score"] is None


@pytest.mark.conformance(16)
def test_the_evaluations_may_be_had_alone(pointed: Running) -> None:
    options = {"disable_trustworthiness": True}
    result = rag(options=options).score(query=QUERY, context=CONTEXT, response="30")
    assert scored(result) == DEFAULTS
    assert "trustworthiness" not in result
    answered = rag(options=options).generate(query=QUERY, context=CONTEXT)
    assert isinstance(answered["response"], str)
    assert scored(answered) == DEFAULTS
    assert "trustworthiness" not in answered


@pytest.mark.conformance(10)
def test_a_result_is_explained_afterwards(pointed: Running) -> None:
    asking = rag(quality_preset="high")
    result = asking.score(query=QUERY, context=CONTEXT, response="30")
    told = asking.get_explanation(query=QUERY, context=CONTEXT, response="30", tlm_result=result)
    assert isinstance(told, str)
