"""Scores of structured outputs, by hand; the real client is tried in test_conformance.py."""

import math
from typing import Any

import httpx
import pytest

from tests.server.running import KEY, Running, serving
from tests.servers.faults import status
from tests.tlm.scene import is_judging, text_of

PATH = "/v1/openai_trustworthy_llm/score"
ANSWER = '{"city": "Paris", "people": 2100000}'


def completion(content: str | None = ANSWER, **message: Any) -> dict[str, Any]:
    said = {"role": "assistant", "content": content, "refusal": None, "tool_calls": None} | message
    choice = {"index": 0, "finish_reason": "stop", "logprobs": None, "message": said}
    return {"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice]}


GIVEN = {
    "response": completion(),
    "quality_preset": "low",
    "messages": [{"role": "user", "content": "Which city is the capital of France? As JSON."}],
    "response_format": {"type": "json_object"},
    "temperature": 0.5,
    "model": "gpt-4.1-mini",
}


def post(server: Running, **changed: Any) -> httpx.Response:
    headers = {"Authorization": f"bearer {KEY}"}
    url = f"{server.api}{PATH}"
    return httpx.post(url, json=GIVEN | changed, headers=headers, timeout=60)


def test_a_structured_output_is_scored(server: Running) -> None:
    told = post(server).json()
    assert set(told) == {"trustworthiness_score"}
    assert 0 <= told["trustworthiness_score"] <= 1


@pytest.mark.parametrize("log", [[], ["explanation"]])
def test_a_log_is_there_where_one_was_asked_for(server: Running, log: list[str]) -> None:
    told = post(server, log=log).json()
    assert set(log) <= set(told["log"])


def test_options_of_openai_are_not_taken_for_those_of_the_score(server: Running) -> None:
    told = post(server, log=[], seed=1, top_p=0.5, quality="superb", timeout=-1).json()
    assert "unknown" not in str(told["log"])


@pytest.mark.parametrize("path", ["structured", "given"])
def test_the_probabilities_of_the_completion_go_into_the_score(server: Running, path: str) -> None:
    scores = []
    for logprob in (-0.01, -3.0):
        entry = {"token": ANSWER, "logprob": logprob, "top_logprobs": []}
        whole = completion()
        whole["choices"][0]["logprobs"] = {"content": [entry]}
        if path == "structured":
            told = post(server, response=whole, log=["perplexity"]).json()
        else:
            headers = {"Authorization": f"bearer {KEY}"}
            body = {"messages": GIVEN["messages"], "completion": whole, "quality_preset": "low"}
            options = {"options": {"log": ["perplexity"]}}
            url = f"{server.api}/chat/score"
            told = httpx.post(url, json=body | options, headers=headers, timeout=60).json()[
                "tlm_metadata"
            ]
        assert told["log"]["perplexity"] == pytest.approx(math.exp(logprob))
        scores.append(told["trustworthiness_score"])
    assert scores[0] > scores[1]


def test_the_judge_sees_the_tools_and_the_answer() -> None:
    tool = {"type": "function", "function": {"name": "find_city", "parameters": {}}}
    with serving() as running:
        assert post(running, tools=[tool]).status_code == 200
        (judged,) = [body for body in running.model.bodies if is_judging(body)]
    assert "find_city" in text_of(judged)
    assert "Paris" in text_of(judged)


def test_calls_of_tools_are_scored(server: Running) -> None:
    call = {
        "id": "1",
        "type": "function",
        "function": {"name": "find_city", "arguments": '{"of": "France"}'},
    }
    assert post(server, response=completion(None, tool_calls=[call])).status_code == 200


def test_a_score_may_be_left_out(server: Running) -> None:
    criteria = [{"name": "short", "criteria": "It is short."}]
    told = post(server, disable_trustworthiness=True, custom_eval_criteria=criteria).json()
    assert told["trustworthiness_score"] is None
    assert [entry["name"] for entry in told["log"]["custom_eval_criteria"]] == ["short"]


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"messages": []}, "messages"),
        ({"messages": [{"role": "user"}]}, "prompt"),
        ({"response": None}, "response"),
        ({"response": {"choices": []}}, "response"),
        ({"quality_preset": "superb"}, "quality"),
        ({"num_consistency_samples": 21}, "options.num_consistency_samples"),
        ({"model_provider": {"api_base": "http://x"}}, "options.model_provider"),
    ],
)
def test_what_cannot_be_honoured_is_named_in_a_422(
    server: Running, changed: dict[str, Any], named: str
) -> None:
    answer = post(server, **changed)
    assert answer.status_code == 422, answer.text
    assert named in answer.json()["error"]


def test_a_model_that_fails_is_a_503() -> None:
    with serving() as running:
        running.model.faults.always(status(500))
        answer = post(running, max_timeout=2)
    assert answer.status_code == 503
    assert isinstance(answer.json()["error"], str)


def test_each_field_is_scored_where_that_is_asked_for() -> None:
    def answer(body: dict[str, Any]) -> str:
        if "For each of these fields" in text_of(body):
            return '{"1": [90, "It is."], "2": [20, "Many more live there."]}'
        return "True 90" if is_judging(body) else ANSWER

    with serving(answer) as running:
        fields = post(running, log=["per_field_score"]).json()["log"]["per_field_score"]
        sampled = post(running, log=["per_field_score"], quality_preset="medium").json()
        other = post(running, response=completion("Paris"), log=["per_field_score"]).json()
    assert [*fields] == ["city", "people"]
    assert fields["people"]["explanation"] == "Many more live there."
    assert fields["people"]["score"] < 0.5 < fields["city"]["score"]
    assert "100%" in sampled["log"]["per_field_score"]["city"]["explanation"]
    assert [*other["log"]["per_field_score"]] == ["error"]
