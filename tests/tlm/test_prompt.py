"""One prompt: its answer, the calls it takes, and its score."""

import math
import time

import pytest

from nemoguardrails_trust import (
    CredentialsError,
    DataError,
    Message,
    ModelError,
    ScoringError,
    SettingsError,
)
from nemoguardrails_trust.errors import ModelServerError, ModelTimeoutError
from nemoguardrails_trust.models.base import LanguageModel
from tests.servers.faults import HANG, status
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


def test_a_prompt_brings_an_answer_and_its_score() -> None:
    with tlm_and_server() as (tlm, _):
        result = tlm.prompt("Say hello")
    assert list(result) == ["response", "trustworthiness_score"]
    assert result["response"] == "hello"
    assert 0.9 < result["trustworthiness_score"] <= 1.0


def test_a_given_response_is_scored_by_itself() -> None:
    with tlm_and_server() as (tlm, server):
        good = tlm.get_trustworthiness_score("Say hello", "hello")
        bad = tlm.get_trustworthiness_score("Say hello", "goodbye")
        assert kinds(server) == ["reflection", "reflection", "sample", "sample"]
    assert list(good) == ["trustworthiness_score"]
    assert good["trustworthiness_score"] > 0.9 > 0.6 > bad["trustworthiness_score"]


@pytest.mark.parametrize(
    ("preset", "calls"),
    [
        ("base", ["answer"]),
        ("low", ["answer", "reflection"]),
        ("medium", ["answer", "reflection", "sample"]),
        ("high", ["answer", "reflection", "sample"]),
        ("best", ["answer", "reflection", "sample"]),
    ],
)
def test_a_preset_takes_so_many_calls(preset: str, calls: list[str]) -> None:
    with tlm_and_server(quality_preset=preset) as (tlm, server):
        tlm.prompt("Say hello")
        assert kinds(server) == calls


def test_the_probabilities_of_the_answers_tokens_are_asked_for_and_used() -> None:
    def tokens(body: Body, text: str) -> list[tuple[str, float, dict[str, float]]]:
        return [(text, -1.0, {text: -1.0})]

    with tlm_and_server(quality_preset="base", server={"tokens": tokens}) as (tlm, server):
        result = tlm.prompt("Say hello")
        assert server.bodies[0]["logprobs"] is True
    assert result["trustworthiness_score"] == pytest.approx(math.exp(-1.0))


def test_without_probabilities_base_asks_the_model_once() -> None:
    server = {"logprobs": "off"}
    with tlm_and_server(quality_preset="base", server=server) as (tlm, running):
        result = tlm.prompt("Say hello")
        assert kinds(running) == ["answer", "reflection"]
    assert 0.5 < result["trustworthiness_score"] < 1.0


def test_samples_are_drawn_while_the_answer_is_made() -> None:
    with tlm_and_server(server={"latency": 0.2}) as (tlm, server):
        tlm.prompt("Say hello")
        assert {is_sampling(body) for body in server.bodies[:2]} == {True, False}
        assert is_judging(server.bodies[2])
        assert server.peak_requests == 2


@pytest.mark.parametrize(("preset", "count"), [("high", 2), ("best", 4)])
def test_high_and_best_return_the_best_scored_of_several_answers(preset: str, count: int) -> None:
    candidates = ["Venus", "Mars", "Venus", "Saturn"][:count]

    def answer(body: Body) -> Answer:
        if is_judging(body):
            return "True 95" if "Mars" in text_of(body).split("Judge", 1)[1] else "False 20"
        return ["Mars"] if is_sampling(body) else candidates

    with tlm_and_server(answer, quality_preset=preset) as (tlm, server):
        result = tlm.prompt("Which planet is red?")
        asked = [body for body in server.bodies if is_answering(body)]
        judged = [body for body in server.bodies if is_judging(body)]
        sampled = [body for body in server.bodies if is_sampling(body)]
    assert result["response"] == "Mars"
    assert [body["n"] for body in asked] == [count]
    assert len(sampled) == 1
    assert len(judged) == len(set(candidates))


def test_medium_asks_for_one_answer() -> None:
    with tlm_and_server() as (tlm, server):
        tlm.prompt("Say hello")
        assert "n" not in next(body for body in server.bodies if is_answering(body))


def test_chat_messages_go_to_the_model_as_they_are() -> None:
    chat = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Say hello"},
    ]
    with tlm_and_server() as (tlm, server):
        result = tlm.prompt(chat)
        typed = tlm.prompt([Message("system", "Be brief."), Message("user", "Say hello")])
        unjudged = [body["messages"] for body in server.bodies if not is_judging(body)]
    assert result["response"] == typed["response"] == "hello"
    assert unjudged == [chat] * 4


@pytest.mark.parametrize("context", ["It is 12 km.", ["It is 12 km.", "By road."]])
def test_the_context_reaches_the_answer_the_samples_and_the_judge(context: str | list[str]) -> None:
    with tlm_and_server() as (tlm, server):
        tlm.prompt("How far is it?", context=context)
        tlm.get_trustworthiness_score("How far is it?", "12 km", context=context)
        texts = [text_of(body) for body in server.bodies]
    assert len(texts) == 5
    passages = [context] if isinstance(context, str) else context
    assert all(passage in text for text in texts for passage in passages)


def test_an_answer_outside_of_the_constraints_is_asked_for_again() -> None:
    def answer(body: Body) -> Answer:
        if is_judging(body):
            return "True 90"
        return "yes." if len(body["messages"]) > 1 or is_sampling(body) else "Surely so"

    with tlm_and_server(answer) as (tlm, server):
        result = tlm.prompt("Is it so?", constrain_outputs=["Yes", "No"])
        asked = [body["messages"] for body in server.bodies if is_answering(body)]
        others = [text_of(body) for body in server.bodies if not is_answering(body)]
    assert result["response"] == "Yes"
    assert [call["role"] for call in asked[1]] == ["user", "assistant", "user"]
    assert asked[1][1]["content"] == "Surely so"
    assert all('"Yes", "No"' in call[-1]["content"] for call in asked)
    assert all('"Yes", "No"' in other for other in others)


def test_an_answer_that_stays_outside_of_the_constraints_is_an_error() -> None:
    with tlm_and_server("Perhaps") as (tlm, server):
        with pytest.raises(
            ModelError, match="asked 2 times, and its answer is not one of constrain_outputs"
        ):
            tlm.prompt("Is it so?", constrain_outputs=["Yes", "No"])
        assert len([body for body in server.bodies if is_answering(body)]) == 2


def test_of_several_answers_only_those_within_the_constraints_count() -> None:
    def answer(body: Body) -> Answer:
        return "True 90" if is_judging(body) else ["Perhaps", "no"]

    with tlm_and_server(answer, quality_preset="high") as (tlm, server):
        result = tlm.prompt("Is it so?", constrain_outputs=["Yes", "No"])
        assert result["response"] == "No"
        assert len([body for body in server.bodies if is_answering(body)]) == 1


def test_a_given_response_outside_of_the_constraints_is_an_error() -> None:
    with tlm_and_server() as (tlm, server):
        with pytest.raises(DataError, match="the response is not one of constrain_outputs"):
            tlm.get_trustworthiness_score("Is it so?", "Perhaps", constrain_outputs=["Yes", "No"])
        assert server.bodies == []
        tlm.get_trustworthiness_score("Is it so?", "yes", constrain_outputs=["Yes", "No"])
        assert all('"Yes", "No"' in text_of(body) for body in server.bodies)


def test_a_failing_server_is_an_error_of_the_one_prompt() -> None:
    with tlm_and_server(timeout=5.0) as (tlm, server):
        server.faults.always(status(500, retry_after="0"))
        with pytest.raises(ModelServerError, match="status 500"):
            tlm.prompt("Say hello")
        with pytest.raises(ScoringError, match="status 500"):
            tlm.get_trustworthiness_score("Say hello", "hello")
        server.faults.clear()
        assert tlm.prompt("Say hello")["response"] == "hello"


def test_a_refused_key_is_told_as_such_and_not_shown() -> None:
    with tlm_and_server(api_key="sk-wrong-never-shown") as (tlm, _):
        with pytest.raises(CredentialsError, match="key was refused") as answering:
            tlm.prompt("Say hello")
        with pytest.raises(CredentialsError, match="key was refused") as scoring:
            tlm.get_trustworthiness_score("Say hello", "hello")
    assert "sk-wrong" not in f"{answering.value} {scoring.value}"


def test_an_answer_without_a_score_is_an_error_but_not_lost() -> None:
    with tlm_and_server(quality_preset="low", server={"logprobs": "off"}) as (tlm, server):
        server.faults.always(status(400), when=is_judging)
        with pytest.raises(ScoringError, match="reflection"):
            tlm.prompt("Say hello")
        result = tlm.try_prompt("Say hello")
    assert result["response"] == "hello"
    assert result["trustworthiness_score"] is None
    assert result["log"]["error"]["retryable"] is False
    assert "reflection" in result["log"]["error"]["message"]


@pytest.mark.parametrize(
    ("fault", "retryable"),
    [(status(503, retry_after="0"), True), (status(400), False), (status(401), False)],
)
def test_a_failure_tells_whether_another_try_may_help(fault: object, retryable: bool) -> None:
    with tlm_and_server(timeout=10.0) as (tlm, server):
        server.faults.always(fault)  # type: ignore[arg-type]
        answered = tlm.try_prompt("Say hello")
        scored = tlm.try_get_trustworthiness_score("Say hello", "hello")
    assert answered["response"] is None
    for item in (answered, scored):
        assert item["trustworthiness_score"] is None
        assert item["log"]["error"]["retryable"] is retryable
        assert KEY not in item["log"]["error"]["message"]
        assert "Say hello" not in item["log"]["error"]["message"]


def test_a_prompt_ends_in_time() -> None:
    with tlm_and_server(timeout=0.3) as (tlm, server):
        server.faults.always(HANG)
        started = time.perf_counter()
        with pytest.raises(ModelTimeoutError):
            tlm.prompt("Say hello")
        scored = tlm.try_get_trustworthiness_score("Say hello", "hello")
        assert time.perf_counter() - started < 30
    assert scored["log"]["error"]["retryable"] is True


def test_what_came_in_time_is_made_use_of() -> None:
    with tlm_and_server(timeout=5, options={"log": ["explanation"]}) as (tlm, server):
        server.faults.always(HANG, when=is_sampling)
        result = tlm.prompt("Say hello")
    assert result["trustworthiness_score"] > 0.8
    assert "consistency: " in result["log"]["warning"]


@pytest.mark.parametrize(
    "prompt", ["", "  ", None, 3.5, b"bytes", {"role": "user"}, [{"role": "user"}]]
)
def test_what_is_no_prompt_is_refused_without_a_call(prompt: object) -> None:
    with tlm_and_server() as (tlm, server):
        with pytest.raises(DataError, match="prompt"):
            tlm.prompt(prompt)
        assert tlm.try_prompt(prompt)["log"]["error"]["retryable"] is False
        assert server.bodies == []


def test_openai_itself_needs_a_key_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    from nemoguardrails_trust import TLM

    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    with pytest.raises(CredentialsError, match="OPENAI_API_KEY"):
        TLM()


def test_the_model_and_server_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    from nemoguardrails_trust import TLM
    from tests.tlm.scene import serving

    with serving() as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
        monkeypatch.setenv("OPENAI_API_KEY", KEY)
        with TLM("low") as tlm:
            assert tlm.prompt("Say hello")["response"] == "hello"
        assert {body["model"] for body in server.bodies} == {"gpt-4o-mini"}


def test_a_model_that_is_already_built_may_be_given() -> None:
    from nemoguardrails_trust import TLM
    from tests.scorers.scripted import ScriptedModel

    model = ScriptedModel(samples=("42",))
    assert isinstance(model, LanguageModel)
    with TLM(model=model) as tlm:
        assert tlm.model is model
        result = tlm.get_trustworthiness_score("What is it?", "42")
    assert result["trustworthiness_score"] > 0.8
    with pytest.raises(SettingsError, match="base_url has no effect") as caught:
        TLM(model=model, base_url="http://localhost/v1")
    assert caught.value.key == "base_url"


def test_a_prompt_too_long_to_draw_samples_is_answered_nevertheless() -> None:
    long = "word " * 90_000
    with tlm_and_server(options={"log": ["explanation"]}) as (tlm, server):
        result = tlm.prompt(f"{long} Say hello")
        assert kinds(server) == ["answer", "reflection"]
    assert result["response"] == "hello"
    assert "too long to draw samples" in result["log"]["warning"]
