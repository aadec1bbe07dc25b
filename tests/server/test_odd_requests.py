"""Odd values are refused by name or borne; none makes the server fail or gives a wrong score."""

import gzip
import json
import math
import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.server.running import Running, serving

SCORE = "/api/v0/trustworthy_llm/get_confidence_score"
PROMPT = "/api/v0/trustworthy_llm/prompt"
RAG = "/api/v1/rag_trustworthy_llm/score"
STRUCTURED = "/api/v1/openai_trustworthy_llm/score"
GIVEN = "/api/chat/score"
CHAT = "/v1/chat/completions"

HUGE = 10**400
ASKED = {"prompt": "q", "response": "r", "quality": "low"}
PICTURE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}
SHOWN = {"role": "user", "content": [{"type": "text", "text": "What is on it?"}, PICTURE]}
CALL = {"id": "c", "type": "function", "function": {"name": "weather", "arguments": '{"at": "x"}'}}
CALLING = {"role": "assistant", "content": None, "tool_calls": [CALL]}
CALLED = [
    {"role": "user", "content": "How is the weather?"},
    CALLING,
    {"role": "tool", "tool_call_id": "c", "content": "sunny"},
]


def says(body: dict[str, Any]) -> str:
    asked = json.dumps(body["messages"])
    return "True 90" if "Judge an assistant" in asked or "Judge a" in asked else "sunny"


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    with serving(says) as server:
        yield server


def post(server: Running, path: str, body: dict[str, Any]) -> httpx.Response:
    sent = json.dumps(body).encode()
    kind = {"Content-Type": "application/json"}
    return httpx.post(f"{server.url}{path}", content=sent, headers=kind, timeout=60)


def completion(*messages: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": "c",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [
            {"index": place, "finish_reason": "stop", "message": message, "logprobs": None}
            for place, message in enumerate(messages)
        ],
    }


SUNNY: dict[str, Any] = {"role": "assistant", "content": "sunny"}
ODD_VALUES: list[Any] = [1.5, [], {}, "\ud800"]
ODD_CRITERIA: list[Any] = [5, "x", {}, [5], ["x"], [{}], [{"name": "x"}]]
ODD_OPTIONS: list[tuple[str, Any]] = [
    *[(name, odd) for name in ("max_tokens", "num_consistency_samples") for odd in ODD_VALUES],
    *[(name, odd) for name in ("disable_trustworthiness", "model") for odd in ODD_VALUES],
    *[("custom_eval_criteria", odd) for odd in ODD_CRITERIA],
]
OF_PYTHON = re.compile(
    r"tuple|dictionary|instance|attribute|\.str|\b(str|int|bool|float)\b|[A-Z]\w+Body"
)
ODD_CHOICES: list[Any] = [None, 5, [], [5], [{}], "a", {"a": 1}]
ODD_COMPLETIONS = [{}, *({"choices": odd} for odd in ODD_CHOICES)]
EMPTY_FORMS: list[Any] = ["", " \n", {"response": ""}]
RAGGED = {"query": "q", "context": "c", "quality": "low"}
EMPTY: list[tuple[str, dict[str, Any]]] = [
    *[(SCORE, ASKED | {"response": empty}) for empty in EMPTY_FORMS],
    *[(SCORE, ASKED | {"response": "", "quality": quality}) for quality in ("base", "best")],
    (RAG, RAGGED | {"response": ""}),
    (RAG, RAGGED | {"response": " ", "options": {"disable_trustworthiness": True}}),
    (STRUCTURED, {"messages": CALLED, "response": completion(SUNNY | {"content": ""})}),
]


@pytest.mark.parametrize(
    ("path", "body", "said"),
    [
        (SCORE, ASKED | {"prompt": " \n"}, "the prompt is empty"),
        (SCORE, ASKED | {"prompt": [SHOWN]}, "prompt: "),
        (SCORE, ASKED | {"response": None}, "response: it must be text or an object"),
        (SCORE, ASKED | {"response": 5}, "response: it must be text or an object"),
        (SCORE, ASKED | {"response": {"response": None}}, "response.response: "),
        *[
            (SCORE, ASKED | {"response": {"response": "r", "perplexity": odd}}, "perplexity: ")
            for odd in (HUGE, True, "0.5", -1, 1.5)
        ],
        (SCORE, ASKED | {"options": {"max_timeout": math.inf}}, "options.max_timeout"),
        (SCORE, ASKED | {"options": {"max_timeout": True}}, "options.max_timeout"),
        (
            SCORE,
            ASKED | {"options": {"custom_eval_criteria": [{"name": "n", "criteria": "c"}] * 101}},
            "101 entries; at most 100",
        ),
        (PROMPT, {"prompt": "q", "constrain_outputs": ["yes", " "]}, "constrain_outputs"),
        (RAG, {"query": "q", "context": [{"a": 1}], "response": "r"}, "context.0: "),
        (RAG, {"query": ["q"], "context": "c", "response": "r"}, "query: "),
        (STRUCTURED, {"messages": CALLED, "response": {"choices": None}}, "no content"),
        (STRUCTURED, {"messages": [{"role": "user", "content": 5}], "response": {}}, "message 1"),
        (
            RAG,
            {"query": "q", "context": 5, "response": "r"},
            "context: it must be text or a",
        ),
        (
            RAG,
            {"query": "q", "context": "c", "response": 5},
            "response: it must be text or an",
        ),
        (RAG, RAGGED | {"response": "r", "evals": ["x"]}, "evals.0: it must be an object"),
        *[
            (SCORE, ASKED | {"options": {name: odd}}, f"options.{name}")
            for name, odd in ODD_OPTIONS
        ],
        (
            CHAT,
            {"messages": CALLED, "stream": "sometimes"},
            "stream: it must be true or false",
        ),
        (CHAT, {"messages": CALLED, "n": 1.5}, "n: it must be a whole number"),
        *[(path, body, "the response is empty") for path, body in EMPTY],
        *[
            (path, {"messages": CALLED, "tools": odd, key: completion(SUNNY)}, "tools")
            for path, key in ((STRUCTURED, "response"), (GIVEN, "completion"))
            for odd in (5, "weather", {"a": 1}, [5])
        ],
        *[
            (GIVEN, {"messages": CALLED, "completion": odd}, "no text")
            for odd in (*ODD_COMPLETIONS, completion(SUNNY | {"content": " "}))
        ],
        (GIVEN, {"messages": [{"role": "user"}], "completion": completion(SUNNY)}, "prompt"),
        (CHAT, {"messages": CALLED, "threshold": HUGE}, "threshold: "),
        (CHAT, {"messages": CALLED, "threshold": "0.5"}, "threshold: "),
        (CHAT, {"messages": []}, "messages: "),
    ],
)
def test_what_cannot_be_honoured_is_refused_by_name(
    running: Running, path: str, body: dict[str, Any], said: str
) -> None:
    answer = post(running, path, body)
    assert answer.status_code == 422
    error = answer.json()["error"]
    told = error["message"] if path == CHAT else error
    assert said in told
    assert not OF_PYTHON.search(told)


@pytest.mark.parametrize("options", [{"max_timeout": HUGE}, {"max_tokens": HUGE}, {"\ud800": 1}])
def test_odd_options_that_change_nothing_are_borne(
    running: Running, options: dict[str, Any]
) -> None:
    answer = post(running, SCORE, ASKED | {"options": options})
    assert answer.status_code == 200
    assert 0.0 <= answer.json()["confidence_score"] <= 1.0


def test_of_what_is_unknown_no_more_is_told_than_a_little(running: Running) -> None:
    options = {**{f"option{i}": 1 for i in range(5000)}, "log": [f"log{i}" for i in range(5000)]}
    answer = post(running, SCORE, ASKED | {"options": options})
    assert answer.status_code == 200
    warning = answer.json()["log"]["warning"]
    assert warning.count("so are 4990 more") == 2
    assert len(warning) < 2000


@pytest.mark.parametrize(
    "content",
    [
        b'{"prompt":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        '{"prompt": "ä", "response": "r"}'.encode("latin-1"),
        gzip.compress(b'{"prompt": "p", "response": "r"}'),
    ],
    ids=["deep", "another encoding", "packed"],
)
@pytest.mark.parametrize("path", [SCORE, RAG, CHAT])
def test_bytes_that_cannot_be_parsed_are_a_422(running: Running, path: str, content: bytes) -> None:
    kind = {"Content-Type": "application/json"}
    answer = httpx.post(f"{running.url}{path}", content=content, headers=kind, timeout=60)
    assert answer.status_code == 422
    assert "not JSON in UTF-8" in answer.text


@pytest.mark.parametrize("name", ["", "  "])
def test_a_blank_name_of_a_model_is_none(running: Running, name: str) -> None:
    asked = {"messages": CALLED, "model": name, "quality_preset": "low"}
    assert "tlm_metadata" in post(running, CHAT, asked).json()
    refused = post(running, SCORE, ASKED | {"options": {"model": name}})
    assert refused.json()["error"] == "options.model: it must be text that is not blank"


def test_a_name_that_no_encoding_has_comes_back_as_it_was(running: Running) -> None:
    odd = {"name": "\ud800", "criteria": "Is Q a question?", "query_identifier": "Q"}
    asked = {"query": "q", "context": "c", "response": "r", "quality": "low", "evals": [odd]}
    answer = post(running, RAG, asked)
    assert answer.status_code == 200
    assert "\ud800" in json.loads(answer.content)


@pytest.mark.parametrize("messages", [[SHOWN], CALLED])
@pytest.mark.parametrize("answer", [{"role": "assistant", "content": "sunny"}, CALLING])
def test_pictures_and_calls_of_tools_are_scored(
    running: Running, messages: list[Any], answer: dict[str, Any]
) -> None:
    asked = {"messages": messages, "quality_preset": "low"}
    structured = post(running, STRUCTURED, asked | {"response": completion(answer)})
    given = post(running, GIVEN, asked | {"completion": completion(answer)})
    scores = (
        structured.json()["trustworthiness_score"],
        given.json()["tlm_metadata"]["trustworthiness_score"],
    )
    assert all(score > 0.5 for score in scores)
    shown = [json.dumps(body["messages"]) for body in running.model.bodies[-2:]]
    assert all(("iVBORw0KGgo" in judged) is (messages == [SHOWN]) for judged in shown)
    assert all("weather" in judged for judged in shown if messages == CALLED or answer == CALLING)


def test_what_looks_at_no_response_is_evaluated_without_one() -> None:
    looking = {"name": "plain", "criteria": "Q is plain.", "query_identifier": "Q"}
    asked = RAGGED | {"response": "", "evals": [looking]}
    with serving("True 90") as running:
        evaluated = post(running, RAG, asked | {"options": {"disable_trustworthiness": True}})
        assert 0.0 <= evaluated.json()["plain"]["score"] <= 1.0
        assert post(running, RAG, asked).status_code == 422
        assert len(running.model.bodies) == 1


def test_of_several_choices_the_first_is_scored_and_named(running: Running) -> None:
    first, other = (SUNNY | {"content": text} for text in ("sunny", "No idea."))
    asked = {"messages": CALLED, "quality_preset": "low"}
    for path, key in ((STRUCTURED, "response"), (GIVEN, "completion")):
        one, both = (
            post(running, path, asked | {key: completion(*said)}).json()
            for said in ([first], [first, other])
        )
        assert "choice" not in one.get("tlm_metadata", one)
        assert both.get("tlm_metadata", both)["choice"] == 0
        judged = json.dumps(running.model.bodies[-1]["messages"])
        assert "sunny" in judged
        assert "No idea." not in judged


@pytest.mark.parametrize("stream", [False, True])
def test_a_backend_that_says_what_json_cannot_hold_is_passed_on(stream: bool) -> None:
    odd = "a half \ud83d of a pair"

    def said(body: dict[str, Any]) -> str:
        return "True 90" if "Judge an assistant" in json.dumps(body["messages"]) else odd

    with serving(said) as running:
        body = {"messages": CALLED, "quality_preset": "low", "stream": stream}
        answer = post(running, CHAT, body)
    assert answer.status_code == 200
    assert '"tlm_metadata":{"trustworthiness_score":1.0}' in answer.text
    assert "\\ud83d" in answer.text
