"""Why a result has its score, asked for afterwards, and with it."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nemoguardrails_trust import (
    BatchError,
    DataError,
    ModelError,
    Scorer,
    SettingsError,
    TrustworthinessScore,
)
from nemoguardrails_trust.tlm.explaining import note_explanation, read_results
from tests.servers.faults import status
from tests.servers.openai import Answer
from tests.tlm.scene import Body, kinds, text_of, tlm_and_server
from tests.tlm.test_rag import CONTEXT, QUERY, rag_and_server, speaking

WHY = "It is a greeting, which was asked for."


def reasoning(body: Body) -> Answer:
    """Judges without reasons unless it is asked why."""
    if "A check gave the response" in text_of(body):
        return "  It is a greeting,\n which was asked for. "
    return "True 90" if "Judge" in text_of(body) else "hello"


def test_a_score_is_explained_by_one_request_that_names_it() -> None:
    with tlm_and_server(reasoning) as (tlm, server):
        result = {"trustworthiness_score": 0.234}
        told = tlm.get_explanation(prompt="Greet", response="hello", tlm_result=result)
        (asked,) = map(text_of, server.bodies)
    assert told == WHY
    assert result == {"trustworthiness_score": 0.234, "log": {"explanation": WHY}}
    assert "0.23, from 0" in asked
    assert "Greet" in asked
    assert "hello" in asked


def test_an_answer_is_explained_by_its_result_alone_and_only_once() -> None:
    with tlm_and_server(reasoning, options={"log": ["perplexity"]}) as (tlm, server):
        result = tlm.prompt("Greet")
        before = len(server.received)
        told = [tlm.get_explanation(prompt="Greet", tlm_result=result) for _ in range(2)]
        assert len(server.received) == before + 1
    assert told == [WHY, WHY]
    assert [*result["log"]] == ["perplexity", "explanation"]


def test_a_list_is_explained_in_its_order() -> None:
    def answer(body: Body) -> Answer:
        return "One." if "Say one" in text_of(body) else "Two."

    results = [{"trustworthiness_score": 0.9}, {"trustworthiness_score": 0.1}]
    with tlm_and_server(answer) as (tlm, _):
        told = tlm.get_explanation(
            prompt=["Say one", "Say two"], response=["one", "two"], tlm_result=results
        )
    assert told == ["One.", "Two."]
    assert [result["log"]["explanation"] for result in results] == told  # type: ignore[index]


def test_a_list_in_which_some_fail_tells_what_was_got() -> None:
    results = [{"trustworthiness_score": 0.9}] * 2
    with tlm_and_server(reasoning) as (tlm, _), pytest.raises(BatchError) as caught:
        tlm.get_explanation(prompt=["Greet", ""], response=["hello", "hi"], tlm_result=results)
    assert caught.value.results == [{"explanation": WHY}, {"explanation": None}]
    assert isinstance(caught.value.__cause__, DataError)


@pytest.mark.parametrize("said", ["True 90", "False", "0.7"])
def test_a_verdict_is_no_reason(said: str) -> None:
    result = {"trustworthiness_score": 0.9}
    with tlm_and_server(said) as (tlm, _):
        told = tlm.get_explanation(prompt="Greet", response="hello", tlm_result=result)
    assert told == "No reasons were given."


def test_a_model_that_fails_is_told() -> None:
    scored = {"trustworthiness_score": 0.9}
    with tlm_and_server() as (tlm, server):
        server.faults.always(status(400))
        with pytest.raises(ModelError):
            tlm.get_explanation(prompt="Greet", response="hello", tlm_result=scored)
    assert scored == {"trustworthiness_score": 0.9}


async def test_a_result_of_a_rag_is_explained_with_its_passages() -> None:
    answer = speaking()

    def say(body: Body) -> Answer:
        return WHY if "A check gave" in text_of(body) else answer(body)

    with rag_and_server(say, quality_preset="low", evals=[]) as (rag, server):
        result = rag.score(query=QUERY, context=CONTEXT, response="30 days")
        told = await rag.get_explanation_async(
            query=QUERY, context=CONTEXT, response="30 days", tlm_result=result
        )
        assert CONTEXT in text_of(server.bodies[-1])
        generated = rag.generate(query=[QUERY], context=[CONTEXT])
        assert rag.get_explanation(query=[QUERY], context=[CONTEXT], tlm_result=generated) == [WHY]
    assert told == WHY
    assert result["trustworthiness"]["log"] == {"explanation": WHY}


SCORED = {"trustworthiness_score": 0.5}


@pytest.mark.parametrize(
    ("arguments", "key", "told"),
    [
        ({"tlm_result": SCORED}, "response", "missing"),
        ({"tlm_result": SCORED | {"response": "x"}, "response": "x"}, "response", "has one"),
        ({"tlm_result": [SCORED], "response": ["x"]}, "response", "one prompt"),
        ({"tlm_result": SCORED, "prompt": ["q"], "response": ["x"]}, "tlm_result", "one result"),
        ({"tlm_result": {"trustworthiness_score": None}}, "tlm_result", "has no score"),
        ({"tlm_result": [{"response": "x"}]}, "tlm_result", r"tlm_result\[0\] has no score"),
        ({"tlm_result": {"trustworthiness_score": 7}}, "tlm_result", "from 0 to 1"),
        ({"tlm_result": 0.5}, "tlm_result", "is a float"),
        ({"tlm_result": [0.5]}, "tlm_result", "is a float"),
        ({"tlm_result": "high"}, "tlm_result", "is a str"),
        (
            {"tlm_result": [SCORED], "prompt": ["q", "r"], "response": ["x", "y"]},
            "tlm_result",
            "has 1 entry, but there are 2 prompts",
        ),
    ],
)
def test_what_does_not_go_together_is_named(arguments: dict[str, Any], key: str, told: str) -> None:
    with tlm_and_server() as (tlm, server):
        with pytest.raises(SettingsError, match=told) as caught:
            tlm.get_explanation(**{"prompt": "q"} | arguments)
        assert server.received == []
    assert caught.value.key == key


class Silent:
    """A scorer without reasons."""

    async def score(self, exchange: Any) -> TrustworthinessScore:
        if not exchange.response.startswith("h"):
            return TrustworthinessScore(None, error="it is no greeting")
        return TrustworthinessScore(0.9)


def test_an_explanation_that_was_asked_for_is_always_a_text() -> None:
    silent: Scorer = Silent()
    with tlm_and_server(scorer=silent, options={"log": ["explanation"]}) as (tlm, _):
        results = tlm.try_get_trustworthiness_score(["Greet"] * 3, ["hello", "bye", ""])
    told = [result["log"]["explanation"] for result in results]
    assert told[0] == "No reasons were given."
    assert told[1] == "There is no score: it is no greeting"
    assert told[2].startswith("There is no score: ")


@pytest.mark.parametrize("preset", ["base", "low", "medium", "high", "best"])
@pytest.mark.parametrize("reflections", [0, 2])
def test_a_judge_without_reasons_leaves_what_the_score_is_made_of(
    preset: str, reflections: int
) -> None:
    options = {
        "log": ["explanation"],
        "num_self_reflections": reflections,
        "num_consistency_samples": 2,
    }
    with tlm_and_server(quality_preset=preset, options=options) as (tlm, server):
        result = tlm.get_trustworthiness_score("Say hello", "hello")
        assert kinds(server) == ["reflection"] * reflections + ["sample"]
    assert "consistency 1.00" in result["log"]["explanation"]
    assert ("reflection" in result["log"]["explanation"]) is (reflections > 0)


values: Any = st.recursive(
    st.none() | st.floats() | st.booleans() | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["trustworthiness_score", "trustworthiness", "score", "log"]), inner
        )
    ),
    max_leaves=10,
)


@pytest.mark.parametrize("log", [None, 0.5, "why", ["why"]])
def test_a_log_that_is_none_is_replaced(log: Any) -> None:
    result = {"trustworthiness_score": 0.5, "log": log}
    note_explanation(result, "why")
    assert result["log"] == {"explanation": "why"}


@given(values)
def test_whatever_is_given_as_results_is_read_or_refused(value: Any) -> None:
    try:
        scored, is_one = read_results(value)
    except SettingsError:
        return
    assert all(0.0 <= score.score <= 1.0 for score in scored)
    for result in [value] if is_one else value:
        note_explanation(result, "why")
    assert all(row.explanation == "why" for row in read_results(value)[0])
