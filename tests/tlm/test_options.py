"""Every option does something, and what would do nothing is refused by name."""

from functools import partial
from typing import Any

import pytest

from nemoguardrails_trust import TLM, ScoringError, SettingsError
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


@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_num_self_reflections_sets_how_often_the_model_is_asked(count: int) -> None:
    with tlm_and_server(options={"num_self_reflections": count}) as (tlm, server):
        score = tlm.get_trustworthiness_score("Say hello", "hello")["trustworthiness_score"]
        assert kinds(server) == ["reflection"] * count + ["sample"]
        asked = [text_of(body) for body in server.bodies if is_judging(body)]
    assert score > 0.8
    assert len({text.rsplit("</", 1)[-1] for text in asked}) == count


@pytest.mark.parametrize("preset", ["base", "low"])
def test_samples_are_drawn_where_they_are_asked_for_whatever_the_preset(preset: str) -> None:
    options = {"num_consistency_samples": 3}
    with tlm_and_server(quality_preset=preset, options=options) as (tlm, server):
        tlm.get_trustworthiness_score("Say hello", "hello")
        assert kinds(server) == ["reflection", "sample"]


BRIEF = {"custom_eval_criteria": [{"name": "brief", "criteria": "It is brief."}]}


@pytest.mark.parametrize("preset", ["base", "medium", "best"])
def test_without_trustworthiness_only_the_criteria_are_judged(preset: str) -> None:
    options = BRIEF | {"disable_trustworthiness": True, "log": ["perplexity"]}
    with tlm_and_server(quality_preset=preset, options=options) as (tlm, server):
        answered = tlm.prompt("Say hello")
        assert kinds(server) == ["answer", "reflection"]
        scored = tlm.get_trustworthiness_score(["Say hello"], ["hello"])
        assert kinds(server) == ["answer", "reflection", "reflection"]
    assert answered["response"] == "hello"
    for result in (answered, *scored):
        assert result["trustworthiness_score"] is None
        assert result["log"]["custom_eval_criteria"][0]["score"] > 0.8
        assert "warning" not in result["log"]
    assert answered["log"]["perplexity"] > 0.8


def test_without_trustworthiness_a_judge_that_fails_is_a_failure() -> None:
    def answer(body: Body) -> Answer:
        return "I would rather not." if is_judging(body) else "hello"

    options = BRIEF | {"disable_trustworthiness": True}
    with tlm_and_server(answer, options=options, server={"logprobs": "off"}) as (tlm, _):
        (failed,) = tlm.try_get_trustworthiness_score(["Say hello"], ["hello"])
        with pytest.raises(ScoringError, match="could not be read"):
            tlm.get_trustworthiness_score("Say hello", "hello")
    assert "could not be read" in failed["log"]["error"]["message"]


def test_nothing_is_stored_with_or_without_being_asked_not_to() -> None:
    result, bodies = bodies_with({"disable_persistence": True})
    assert result["response"] == "hello"
    assert len(bodies) == 3


def test_a_known_perplexity_goes_into_the_score() -> None:
    with tlm_and_server(quality_preset="base", options={"log": ["perplexity"]}) as (tlm, server):
        results = tlm.get_trustworthiness_score(
            ["Say hello"] * 3, ["hello"] * 3, perplexity=[0.9, 0.0, None]
        )
        one = tlm.get_trustworthiness_score("Say hello", "hello", perplexity=0.4)
        assert kinds(server) == ["reflection"]  # where it is not known, the model is asked
    scores = [result["trustworthiness_score"] for result in results]
    assert scores[:2] == [pytest.approx(0.9), pytest.approx(0.0, abs=1e-6)]
    assert scores[2] > 0.8
    assert one == {
        "trustworthiness_score": pytest.approx(0.4),
        "log": {"perplexity": pytest.approx(0.4)},
    }


@pytest.mark.parametrize(
    ("prompt", "perplexity"),
    [
        *(("Say hello", value) for value in (1.5, -0.1, float("nan"), True, "0.5", [0.5])),
        *((["Say hello"] * 2, value) for value in (0.5, [0.5], [0.5, 2.0])),
    ],
)
def test_a_perplexity_that_is_no_share_or_not_one_each_is_refused_by_name(
    prompt: Any, perplexity: Any
) -> None:
    with tlm_and_server() as (tlm, server):
        with pytest.raises(SettingsError, match="perplexity") as caught:
            tlm.get_trustworthiness_score(prompt, prompt, perplexity=perplexity)
        assert server.received == []
    assert caught.value.key == "perplexity"


@pytest.mark.parametrize(
    ("task", "words"), [("classification", "other allowed answers"), ("code_generation", "edge")]
)
def test_a_task_tells_the_judge_what_to_look_at(task: str, words: str) -> None:
    allowed = ["hello", "goodbye"] if task == "classification" else None
    with tlm_and_server(task=task, quality_preset="low") as (tlm, server):
        result = tlm.get_trustworthiness_score("Greet", "hello", constrain_outputs=allowed)
        assert words in text_of(server.bodies[-1])
    assert result["trustworthiness_score"] > 0.8


@pytest.mark.parametrize(
    ("task", "allowed"), [("classification", None), ("code_generation", ["hello"])]
)
def test_a_task_and_allowed_answers_must_go_together(task: str, allowed: list[str] | None) -> None:
    with tlm_and_server(task=task) as (tlm, server):
        for ask in (tlm.prompt, partial(tlm.try_get_trustworthiness_score, response=["hello"])):
            with pytest.raises(SettingsError) as caught:
                ask(["Greet"], constrain_outputs=allowed)
            assert caught.value.key == "constrain_outputs"
        assert server.received == []


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
    assert [result["log"]["explanation"] for result in results] == ["It is polite."] * 2


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
        ({"num_self_reflections": 4}, "options.num_self_reflections"),
        ({"num_self_reflections": True}, "options.num_self_reflections"),
        (
            {"num_self_reflections": 1, "use_self_reflection": True},
            "options.use_self_reflection",
        ),
        ({"disable_trustworthiness": True}, "options.disable_trustworthiness"),
        ({"disable_trustworthiness": 1}, "options.disable_trustworthiness"),
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
        ({"quality_preset": "low", "options": {"num_self_reflections": 0}}, None),
        ({"task": "poetry"}, "task"),
        ({"task": "code_generation", "scorer": "cleanlab-tlm"}, "task"),
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

        limits = shared_limits(s.base_url, "gpt-test", f"Bearer {KEY}")
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
    assert "similarity_measure has no effect" in caplog.text
