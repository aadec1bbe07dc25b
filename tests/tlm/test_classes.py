"""The classes beside `TLM`: for objects of OpenAI's client, for two models, for ratings."""

import random
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types.chat import ChatCompletion

from nemoguardrails_trust import (
    DataError,
    SettingsError,
    TLMCalibrated,
    TLMChatCompletion,
    TLMLite,
    TLMResponses,
    TrustError,
)
from nemoguardrails_trust.calibration.ratings import fit_ratings
from nemoguardrails_trust.tlm.fields import untrustworthy_fields
from tests.servers.openai import Answer, OpenAIServer
from tests.tlm.scene import KEY, Body, echo, is_answering, is_judging, kinds, serving, text_of
from tests.tlm.test_completions import chat_completion, response

QUESTION = [{"role": "user", "content": "6 times 7?"}]
JSON = '{"city": "Paris", "people": 5}'
TOOL = {"type": "function", "function": {"name": "multiply", "parameters": {}}}


def judge(body: Body) -> Answer:
    text = text_of(body)
    if "A check gave" in text:
        return "It is wrong."
    if "For each of these fields" in text:
        return '{"1": [99, "It is."], "2": [5, "There are more."]}'
    return "True 90" if is_judging(body) else JSON


@contextmanager
def made(
    kind: Any, answer: Any = judge, *arguments: Any, **settings: Any
) -> Iterator[tuple[Any, OpenAIServer]]:
    server = {"logprobs": "off"}
    with serving(answer, **server) as running:
        usual = {"base_url": running.base_url, "api_key": KEY}
        with kind(*arguments, **usual | settings) as scorer:
            yield scorer, running


class TestChatCompletions:
    def test_are_scored_with_all_that_their_call_was_given(self) -> None:
        call = {"messages": QUESTION, "tools": [TOOL], "model": "gpt-4o", "temperature": 0.3}
        with made(TLMChatCompletion, quality_preset="low") as (tlm, server):
            result = tlm.score(response=chat_completion(), **call)
            assert "multiply" in text_of(server.bodies[0])
            assert tlm.get_model_name() == "gpt-4o-mini"
        assert [*result] == ["trustworthiness_score"]
        assert 0.0 <= result["trustworthiness_score"] <= 1.0

    async def test_are_scored_and_explained_on_the_callers_loop(self) -> None:
        with made(TLMChatCompletion, quality_preset="low") as (tlm, _):
            given = {"response": chat_completion(), "messages": QUESTION}
            result = await tlm.score_async(**given)
            assert await tlm.get_explanation_async(tlm_result=result, **given) == "It is wrong."
            await tlm._tlm.aclose()
        assert result["log"] == {"explanation": "It is wrong."}

    def test_may_hold_messages_of_the_client(self) -> None:
        turns = [*QUESTION, chat_completion().choices[0].message, *QUESTION]
        with made(TLMChatCompletion, quality_preset="low") as (tlm, server):
            tlm.score(response=chat_completion(), messages=turns)
            # By itself: the fence about it is made of random digits.
            assert len(re.findall(r"\b42\b", text_of(server.bodies[0]))) == 2

    def test_that_came_with_a_score_are_explained_by_it(self) -> None:
        scored = ChatCompletion.model_validate(
            chat_completion().model_dump() | {"tlm_metadata": {"trustworthiness_score": 0.1}}
        )
        with made(TLMChatCompletion) as (tlm, server):
            assert tlm.get_explanation(tlm_result=scored, messages=QUESTION) == "It is wrong."
            assert tlm.get_explanation(tlm_result=scored, messages=QUESTION) == "It is wrong."
            assert len(server.received) == 1

    @pytest.mark.parametrize("preset", ["low", "medium"])
    def test_of_json_have_a_score_for_each_field(
        self, preset: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        options = {"log": ["per_field_score"]}
        completion = chat_completion(content=JSON)
        with made(TLMChatCompletion, quality_preset=preset, options=options) as (tlm, server):
            result = tlm.score(response=completion, messages=QUESTION)
            samples = ["sample"] if preset == "medium" else []
            assert kinds(server) == ["reflection", "reflection", *samples]
            names = tlm.get_untrustworthy_fields(tlm_result=result, response=completion)
            above = tlm.get_untrustworthy_fields(
                tlm_result=result, response=completion, threshold=0.01, display_details=False
            )
        fields = result["log"]["per_field_score"]
        assert [*fields] == ["city", "people"]
        assert fields["people"]["score"] < 0.8 < fields["city"]["score"]
        assert fields["people"]["explanation"].startswith("There are more.")
        assert names == ["people"]
        assert above == []
        told = capsys.readouterr().out
        assert "Field: people\nResponse: 5\n" in told
        assert "city" not in told

    def test_that_are_no_json_have_no_fields(self, capsys: pytest.CaptureFixture[str]) -> None:
        options = {"log": ["per_field_score"]}
        with made(TLMChatCompletion, quality_preset="low", options=options) as (tlm, _):
            result = tlm.score(response=chat_completion(), messages=QUESTION)
            names = tlm.get_untrustworthy_fields(tlm_result=result, response=chat_completion())
        assert result["log"]["per_field_score"] == {
            "error": "the response is not a JSON object with fields"
        }
        assert names == []
        assert "not a JSON object" in capsys.readouterr().out

    def test_whose_fields_cannot_be_judged_tell_why(self) -> None:
        def mumble(body: Body) -> Answer:
            return "True 90" if is_judging(body) and "For each" not in text_of(body) else "Hm."

        options = {"log": ["per_field_score"]}
        completion = chat_completion(content=JSON)
        with made(TLMChatCompletion, mumble, quality_preset="low", options=options) as (tlm, _):
            result = tlm.score(response=completion, messages=QUESTION)
        assert result["trustworthiness_score"] > 0.5
        assert "not JSON" in result["log"]["per_field_score"]["error"]


class TestResponses:
    def test_are_scored_with_all_that_their_call_was_given(self) -> None:
        call = {"input": "6 times 7?", "instructions": "Be brief.", "model": "gpt-4o"}
        with made(TLMResponses, quality_preset="low") as (tlm, server):
            result = tlm.score(response=response(), **call)
            shown = text_of(server.bodies[0])
        assert "Be brief." in shown
        assert "6 times 7?" in shown
        assert 0.0 <= result["trustworthiness_score"] <= 1.0

    @pytest.mark.parametrize(
        "call", [{}, {"input": "more", "previous_response_id": "r"}, {"conversation": "c"}]
    )
    def test_of_a_conversation_that_is_elsewhere_are_refused(self, call: dict[str, Any]) -> None:
        with made(TLMResponses) as (tlm, server):
            with pytest.raises(SettingsError, match=r"missing|is kept elsewhere"):
                tlm.score(response=response(), **call)
            assert server.received == []


@pytest.mark.parametrize(
    "arguments",
    [
        {"tlm_result": chat_completion(), "messages": QUESTION},
        {"tlm_result": {"trustworthiness_score": 0.5}, "messages": QUESTION},
        {"tlm_result": 0.5, "messages": QUESTION},
        {"tlm_result": {"trustworthiness_score": 0.5}, "response": chat_completion()},
    ],
)
def test_what_an_explanation_lacks_is_named(arguments: dict[str, Any]) -> None:
    with made(TLMChatCompletion) as (tlm, _), pytest.raises(SettingsError, match=r"missing|is a"):
        tlm.get_explanation(**arguments)


def test_fields_must_have_been_asked_for() -> None:
    with pytest.raises(SettingsError, match="per_field_score"):
        untrustworthy_fields(None)
    assert untrustworthy_fields({"a": {"score": None}, "b": {"score": 0.7}}) == ["a", "b"]


class TestLite:
    def test_one_model_answers_and_another_scores(self) -> None:
        options = {"model": "small", "max_tokens": 70, "log": ["explanation", "perplexity"]}
        with made(TLMLite, echo, "large", options=options) as (tlm, server):
            result = tlm.prompt("Say hello")
            models = {body["model"]: body for body in server.bodies}
            by_large = [body for body in server.bodies if body["model"] == "large"]
            assert tlm.get_model_names() == {"response_model": "large", "score_model": "small"}
            assert all(map(is_answering, by_large))
            assert kinds(server) == ["answer", "reflection", "sample"]
        assert {*models} == {"large", "small"}
        assert by_large[0]["max_tokens"] == 70
        assert result["response"] == "hello"
        assert result["trustworthiness_score"] > 0.8
        assert [*result["log"]] == ["explanation", "perplexity"]

    def test_lists_and_failures_are_as_for_a_tlm(self) -> None:
        with made(TLMLite, echo, quality_preset="low") as (tlm, _):
            results = tlm.try_prompt(["Say one", "", "Say two"])
        assert [result["response"] for result in results] == ["one", None, "two"]

    @pytest.mark.parametrize(
        ("arguments", "key"),
        [
            ({"model": "small"}, "model"),
            ({"scorer": "local"}, "scorer"),
            ({"options": {"disable_trustworthiness": True}}, "options.disable_trustworthiness"),
            ({"options": {"log": ["per_field_score"]}}, "options.log"),
        ],
    )
    def test_what_is_of_no_use_is_refused_by_name(
        self, arguments: dict[str, Any], key: str
    ) -> None:
        with pytest.raises(SettingsError) as caught:
            TLMLite(base_url="http://127.0.0.1:9/v1", **arguments)
        assert caught.value.key == key


def results_of(scores: list[float | None]) -> list[dict[str, Any]]:
    return [{"trustworthiness_score": score} for score in scores]


class TestCalibrated:
    def test_scores_are_mapped_to_what_people_said(self) -> None:
        # People found only the better ones good, and those without reserve.
        scores = [place / 40 for place in range(40)]
        ratings = [5.0 if score > 0.6 else 1.0 for score in scores]
        with made(TLMCalibrated, echo, quality_preset="low") as (tlm, _):
            tlm.fit(results_of([*scores, None, 0.5]), [*ratings, 5.0, float("nan")])
            one = tlm.get_trustworthiness_score("Say hello", "hello")
            many = tlm.prompt(["Say one", "Say two"])
        assert [*one] == ["trustworthiness_score", "calibrated_score"]
        assert one["calibrated_score"] > 0.85
        assert [result["response"] for result in many] == ["one", "two"]
        assert all(result["calibrated_score"] > 0.85 for result in many)

    def test_criteria_go_into_the_map_with_the_score(self) -> None:
        drawn = random.Random(4)
        rows = [(drawn.random(), drawn.random()) for _ in range(60)]
        results = [
            {
                "trustworthiness_score": score,
                "log": {"custom_eval_criteria": [{"name": "brief", "score": met}]},
            }
            for score, met in rows
        ]
        options = {"custom_eval_criteria": [{"name": "brief", "criteria": "It is brief."}]}
        with made(TLMCalibrated, echo, quality_preset="low", options=options) as (tlm, _):
            tlm.fit(results, [10 * met for _, met in rows])
            score = tlm.get_trustworthiness_score("Say hello", "hello")
            with pytest.raises(DataError, match="0 custom_eval_criteria, but options have 1"):
                tlm.fit(results_of([0.1, 0.9]), [1, 2])
        assert score["calibrated_score"] == pytest.approx(0.9, abs=0.15)

    def test_must_be_fitted_first_and_on_enough(self) -> None:
        with made(TLMCalibrated) as (tlm, server):
            with pytest.raises(SettingsError, match="call fit first"):
                tlm.prompt("Say hello")
            with pytest.raises(SettingsError, match="2 scores but 1 ratings"):
                tlm.fit(results_of([0.1, 0.2]), [1])
            with pytest.raises(DataError, match="at least 5"):
                tlm.fit(results_of([0.1, 0.2]), [1, 2])
            with pytest.raises(DataError, match="all the same"):
                tlm.fit(results_of([0.1] * 9), [3] * 9)
            assert server.received == []

    @given(st.lists(st.tuples(*[st.floats(0, 1)] * 2, st.integers(1, 5)), min_size=5, max_size=12))
    def test_the_map_never_falls(self, rows: list[tuple[float, float, int]]) -> None:
        try:
            fitted = fit_ratings([row[:2] for row in rows], [row[2] for row in rows])
        except TrustError:
            assert len({row[2] for row in rows}) == 1
            return
        assert min(fitted.weights) >= 0.0
        steps = [fitted.apply([at / 10, at / 10]) for at in range(11)]
        assert steps == sorted(steps)
        assert steps[0] >= 0.0
        assert steps[-1] <= 1.0
