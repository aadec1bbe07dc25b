"""Every option does something, and what would do nothing is refused by name."""

from typing import Any

import pytest

from nemoguardrails_trust import TLM, SettingsError
from tests.servers.openai import Answer
from tests.tlm.scene import (
    KEY,
    Body,
    is_answering,
    is_judging,
    is_sampling,
    kinds,
    text_of,
    tlm_and_server,
)

ELSEWHERE = "http://127.0.0.1:9/v1"


def bodies_with(
    options: dict[str, Any], preset: str = "medium", **server: Any
) -> tuple[dict[str, Any], list[Body]]:
    with tlm_and_server(quality_preset=preset, model=None, options=options, server=server) as (
        tlm,
        running,
    ):
        return tlm.prompt("Say hello"), running.bodies


def test_model_names_the_model() -> None:
    _, bodies = bodies_with({"model": "gpt-other"})
    assert {body["model"] for body in bodies} == {"gpt-other"}


def test_max_tokens_bounds_answers_and_samples() -> None:
    _, bodies = bodies_with({"max_tokens": 77})
    assert [body["max_tokens"] for body in bodies if not is_judging(body)] == [77, 77]
    assert all(body["max_tokens"] != 77 for body in bodies if is_judging(body))


def test_num_candidate_responses_sets_how_many_answers_are_drawn() -> None:
    _, bodies = bodies_with({"num_candidate_responses": 3})
    assert [body["n"] for body in bodies if is_answering(body)] == [3]
    _, bodies = bodies_with({"num_candidate_responses": 1}, "best")
    assert ["n" in body for body in bodies if is_answering(body)] == [False]


def test_candidates_come_by_single_requests_where_the_server_has_no_n() -> None:
    _, bodies = bodies_with({"num_candidate_responses": 3}, n="refused")
    assert len([body for body in bodies if is_answering(body) and body.get("n", 1) == 1]) == 3


def test_num_consistency_samples_sets_how_many_samples_are_drawn() -> None:
    _, bodies = bodies_with({"num_consistency_samples": 7})
    assert [body["n"] for body in bodies if is_sampling(body)] == [7]


def test_no_consistency_samples_are_drawn_where_none_are_wanted() -> None:
    with tlm_and_server(options={"num_consistency_samples": 0}) as (tlm, server):
        tlm.prompt("Say hello")
        assert kinds(server) == ["answer", "reflection"]


def test_self_reflection_can_be_left_out() -> None:
    with tlm_and_server(options={"use_self_reflection": False}) as (tlm, server):
        tlm.get_trustworthiness_score("Say hello", "hello")
        assert kinds(server) == ["sample"]


def test_reasoning_effort_is_sent_with_every_request() -> None:
    _, bodies = bodies_with({"reasoning_effort": "low"})
    assert len(bodies) == 3
    assert all(body["reasoning_effort"] == "low" for body in bodies)
    _, bodies = bodies_with({})
    assert all("reasoning_effort" not in body for body in bodies)


def reasoning(body: Body) -> Answer:
    return "True 90\nIt is polite." if is_judging(body) else "hello"


@pytest.mark.parametrize("preset", ["base", "low", "medium"])
def test_an_explanation_is_logged_where_it_is_asked_for(preset: str) -> None:
    arguments: dict[str, Any] = {"quality_preset": preset, "options": {"log": ["explanation"]}}
    with tlm_and_server(reasoning, **arguments) as (tlm, server):
        results = [tlm.prompt("Greet"), tlm.get_trustworthiness_score("Greet", "hello")]
        asked = [text_of(body) for body in server.bodies if is_judging(body)]
    assert all("reasons" in text for text in asked)
    assert [each["log"]["explanation"] for each in results] == ["It is polite."] * 2


def test_a_contradicting_sample_is_part_of_the_explanation() -> None:
    def answer(body: Body) -> Answer:
        return "True 90\nSo it is." if is_judging(body) else "Neptune"

    with tlm_and_server(answer, options={"log": ["explanation"]}) as (tlm, _):
        result = tlm.get_trustworthiness_score("Which planet?", "Mars")
    assert "Neptune" in result["log"]["explanation"]


def test_perplexity_is_the_mean_probability_where_tokens_are_known() -> None:
    def tokens(body: Body, text: str) -> list[tuple[str, float, dict[str, float]]]:
        logprob = -0.0 if is_judging(body) else -0.5
        return [(text, logprob, {text: logprob})]

    with tlm_and_server(options={"log": ["perplexity"]}, server={"tokens": tokens}) as (tlm, _):
        result = tlm.prompt("Say hello")
        given = tlm.get_trustworthiness_score("Say hello", "hello")
    assert result["log"] == {"perplexity": pytest.approx(2.718281828**-0.5)}
    assert given["log"] == {"perplexity": None}


def test_custom_criteria_are_asked_about_and_logged_beside_the_score() -> None:
    def answer(body: Body) -> Answer:
        if "rhymes" in text_of(body):
            return "False 5"
        return "True 90" if is_judging(body) else "hello"

    criteria = [{"name": "rhyme", "criteria": "The response rhymes."}]
    arguments: dict[str, Any] = {"options": {"custom_eval_criteria": criteria}}
    arguments["server"] = {"logprobs": "off"}
    with tlm_and_server(answer, **arguments) as (tlm, server):
        result = tlm.get_trustworthiness_score("Greet", "hello")
        assert kinds(server) == ["reflection", "reflection", "sample"]
    assert result["trustworthiness_score"] > 0.8
    (met,) = result["log"]["custom_eval_criteria"]
    assert list(met) == ["name", "score"]
    assert met["name"] == "rhyme"
    assert 0.0 <= met["score"] < 0.3


@pytest.mark.parametrize(
    ("options", "key"),
    [
        ({"temperature": 0.3}, "options.temperature"),
        ({"similarity_measure": "looks"}, "options.similarity_measure"),
        ({"max_tokens": 0}, "options.max_tokens"),
        ({"max_tokens": "many"}, "options.max_tokens"),
        ({"num_candidate_responses": 0}, "options.num_candidate_responses"),
        ({"num_candidate_responses": 21}, "options.num_candidate_responses"),
        ({"num_consistency_samples": -1}, "options.num_consistency_samples"),
        ({"use_self_reflection": "no"}, "options.use_self_reflection"),
        ({"reasoning_effort": "some"}, "options.reasoning_effort"),
        ({"log": ["everything"]}, "options.log.0"),
        ({"custom_eval_criteria": [{"name": "x"}]}, "options.custom_eval_criteria.0.criteria"),
        ({"model": " "}, "options.model"),
    ],
)
def test_an_option_that_is_unknown_or_unfit_is_refused_by_name(
    options: dict[str, Any], key: str
) -> None:
    with pytest.raises(SettingsError, match=key.replace(".", r"\.")) as caught:
        TLM(base_url=ELSEWHERE, options=options)
    assert caught.value.key == key


@pytest.mark.parametrize(
    ("arguments", "key"),
    [
        ({"quality_preset": "low", "options": {"num_consistency_samples": 5}}, None),
        ({"quality_preset": "low", "options": {"use_self_reflection": False}}, None),
        ({"options": {"use_self_reflection": False, "num_consistency_samples": 0}}, None),
        ({"options": {"model": "one"}, "model": "other"}, "options.model"),
        ({"quality_preset": "super"}, "quality_preset"),
        ({"timeout": 0}, "timeout"),
        ({"timeout": float("nan")}, "timeout"),
        ({"concurrency": 0}, "concurrency"),
        ({"requests_per_minute": 0}, "requests_per_minute"),
        ({"tokens_per_minute": -1}, "tokens_per_minute"),
        ({"scorer": "other"}, "scorer"),
        ({"scorer": object()}, "scorer"),
        ({"base_url": "nowhere"}, "base_url"),
        ({"options": ["log"]}, "options"),
    ],
)
def test_an_argument_without_effect_or_out_of_range_is_refused_by_name(
    arguments: dict[str, Any], key: str | None
) -> None:
    with pytest.raises(SettingsError) as caught:
        TLM(**{"base_url": ELSEWHERE, "api_key": KEY} | arguments)
    if key is None:
        options = arguments["options"]
        assert caught.value.key in {f"options.{name}" for name in options}
    else:
        assert caught.value.key == key


def test_options_that_are_none_are_as_if_left_out() -> None:
    options = {"max_tokens": None, "use_self_reflection": None, "log": None}
    result, bodies = bodies_with(options)
    assert result["response"] == "hello"
    assert len(bodies) == 3


def test_rates_hold_for_all_who_use_the_model() -> None:
    with tlm_and_server(requests_per_minute=7, tokens_per_minute=900, concurrency=3) as (tlm, s):
        from nemoguardrails_trust.models.limits import shared_limits

        limits = shared_limits(s.base_url, "gpt-test")
        assert tlm.threshold == 0.6
    assert limits.requests_per_minute == 7
    assert limits.tokens_per_minute == 900
    assert limits.concurrency == 3


@pytest.mark.parametrize("measure", ["semantic", "string", "embedding", "code", "discrepancy"])
def test_a_similarity_measure_is_taken_and_told_to_change_nothing(
    measure: str, caplog: pytest.LogCaptureFixture
) -> None:
    with tlm_and_server(options={"similarity_measure": measure}) as (tlm, server):
        score = tlm.get_trustworthiness_score("Say hello", "hello")["trustworthiness_score"]
        assert kinds(server) == ["reflection", "sample"]
    assert score > 0.8
    assert "similarity_measure changes nothing" in caplog.text
