"""The endpoints of `TrustworthyRAG`, by hand; the real client is tried in test_conformance.py."""

from typing import Any

import httpx
import pytest

from tests.server.running import KEY, Running, is_share, serving
from tests.servers.faults import status
from tests.tlm.scene import is_answering, text_of

DEFAULTS = ["context_sufficiency", "response_groundedness", "response_helpfulness", "query_ease"]
ASKED = {
    "query": "How long may a jacket be returned? Say 30",
    "context": "Clothing may be returned within 30 days.",
    "quality": "low",
}
GIVEN = ASKED | {"response": {"response": "30"}}
POLITE = {"name": "polite", "criteria": "The Reply is polite.", "response_identifier": "Reply"}


def post(server: Running, path: str, body: dict[str, Any]) -> httpx.Response:
    url = f"{server.api}/v1/rag_trustworthy_llm/{path}"
    return httpx.post(url, json=body, headers={"Authorization": f"bearer {KEY}"}, timeout=60)


def scored(server: Running, **changed: Any) -> dict[str, Any]:
    answer = post(server, "score", GIVEN | changed)
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    assert told.pop("deberta_success") is True
    return told


def test_a_response_is_scored_in_every_part(server: Running) -> None:
    told = scored(server)
    assert list(told) == ["trustworthiness", *DEFAULTS]
    assert all(set(part) == {"score"} and is_share(part["score"]) for part in told.values())


def test_a_query_is_answered_and_every_part_is_scored(server: Running) -> None:
    told = post(server, "generate", ASKED).json()
    assert list(told) == ["response", "deberta_success", "trustworthiness", *DEFAULTS]
    assert told["response"] == "30"


def test_an_answer_that_is_none_of_those_allowed_counts_as_the_last(server: Running) -> None:
    allowed = {"constrain_outputs": ["14", "other"], "evals": []}
    told = post(server, "generate", ASKED | allowed).json()
    assert told["response"] == "other"
    assert is_share(told["trustworthiness"]["score"])
    assert post(server, "score", GIVEN | allowed).status_code == 422


@pytest.mark.parametrize("response", ["30", {"response": "30"}])
def test_a_response_is_a_text_or_an_object(server: Running, response: Any) -> None:
    assert is_share(scored(server, response=response)["trustworthiness"]["score"])


@pytest.mark.parametrize("evals", [[], [POLITE], [POLITE, POLITE | {"name": "kind"}]])
def test_the_evaluations_are_those_that_were_sent(server: Running, evals: list[Any]) -> None:
    told = scored(server, evals=evals)
    assert list(told) == ["trustworthiness", *(given["name"] for given in evals)]


def test_a_response_of_calls_is_evaluated_by_all_that_was_sent(server: Running) -> None:
    call = '<tool_call>{"name": "find", "arguments": {}}</tool_call>'
    told = scored(server, evals=[POLITE], response=call)
    assert is_share(told["polite"]["score"])


def test_the_prompt_that_was_formed_is_what_the_model_is_given() -> None:
    with serving() as running:
        formed = "Passages: Clothing may be returned within 30 days. Answer the query and say 31"
        told = post(running, "generate", ASKED | {"prompt": formed}).json()
        (asked,) = [body for body in running.model.bodies if is_answering(body)]
    assert told["response"] == "31"
    assert text_of(asked) == formed


def test_without_a_prompt_the_model_is_given_the_passages_and_the_query() -> None:
    with serving() as running:
        passages = ["Clothing: 30 days.", "Shoes: 60 days."]
        post(running, "generate", ASKED | {"context": passages, "evals": []})
        (asked,) = [body for body in running.model.bodies if is_answering(body)]
    assert all(part in text_of(asked) for part in (*passages, ASKED["query"]))


def test_the_log_has_what_was_asked_for(server: Running) -> None:
    told = scored(server, options={"log": ["explanation", "perplexity"]}, evals=[])
    log = told["trustworthiness"]["log"]
    assert isinstance(log["explanation"], str)
    assert is_share(log["perplexity"])


def test_without_trustworthiness_there_are_the_evaluations_alone() -> None:
    with serving() as running:
        options = {"disable_trustworthiness": True}
        told = scored(running, options=options, evals=[POLITE])
        assert list(told) == ["polite"]
        assert len(running.model.bodies) == 1
        answered = post(running, "generate", ASKED | {"options": options, "evals": [POLITE]})
    assert list(answered.json()) == ["response", "deberta_success", "polite"]


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"query": None}, "query"),
        ({"context": 3}, "context"),
        ({"evals": [{"name": "x"}]}, "evals.0.criteria"),
        ({"evals": [{"name": "x", "criteria": "y"}]}, "looks at nothing"),
        ({"evals": [POLITE | {"name": "trustworthiness"}]}, "'trustworthiness'"),
        ({"evals": [POLITE | {"name": "response"}]}, "'response'"),
        ({"evals": [POLITE, POLITE]}, "two evaluations have the name 'polite'"),
        ({"evals": [POLITE] * 101}, "evals"),
        ({"evals": [], "options": {"disable_trustworthiness": True}}, "disable_trustworthiness"),
        (
            {"options": {"custom_eval_criteria": [{"name": "a", "criteria": "b"}]}},
            "custom_eval_criteria",
        ),
    ],
)
@pytest.mark.parametrize("path", ["score", "generate"])
def test_what_cannot_be_honoured_is_named_in_a_422(
    server: Running, path: str, changed: dict[str, Any], named: str
) -> None:
    answer = post(server, path, GIVEN | changed)
    assert answer.status_code == 422
    assert named in answer.json()["error"]


@pytest.mark.parametrize("options", [{}, {"disable_trustworthiness": True}])
@pytest.mark.parametrize("path", ["score", "generate"])
def test_a_model_that_fails_is_a_503(path: str, options: dict[str, Any]) -> None:
    with serving() as running:
        running.model.faults.always(status(503))
        answer = post(running, path, GIVEN | {"options": options | {"max_timeout": 12}})
    assert answer.status_code == 503
    assert isinstance(answer.json()["error"], str)


def test_an_evaluation_that_fails_has_no_score_and_tells_why() -> None:
    with serving() as running:
        running.model.faults.always(status(400), when=lambda body: "is polite" in text_of(body))
        told = scored(running, evals=[POLITE, POLITE | {"name": "kind", "criteria": "It is kind."}])
    assert is_share(told["trustworthiness"]["score"])
    assert is_share(told["kind"]["score"])
    assert told["polite"]["score"] is None
    assert isinstance(told["polite"]["log"]["error"]["message"], str)
