"""`TLMChatCompletion` and `TLMResponses` of the real client, with objects of the real `openai`."""

import json
from pathlib import Path
from typing import Any

import openai
import pytest
import requests
from openai.types.chat import ChatCompletion
from openai.types.responses import Response
from pydantic import BaseModel

from tests.server.running import KEY, Running, is_share, serving
from tests.servers.openai import Answer
from tests.servers.tlm import point_clients_at
from tests.tlm.scene import is_judging, text_of

chat = pytest.importorskip("cleanlab_tlm.utils.chat_completions")
responses = pytest.importorskip("cleanlab_tlm.utils.responses")

PLAIN = "/api/v0/trustworthy_llm/get_confidence_score"
STRUCTURED = "/api/v1/openai_trustworthy_llm/score"
QUESTION = "Which city is the capital of France?"
MESSAGES = [{"role": "system", "content": "Be short."}, {"role": "user", "content": QUESTION}]
FUNCTION = {"name": "find", "description": "Finds.", "parameters": {"type": "object"}}
TOOL = {"type": "function", "function": FUNCTION}
ANSWER = json.dumps({"city": "Paris", "people": 2100000})


class City(BaseModel):
    city: str
    people: int


def completion(content: str | None, **message: Any) -> ChatCompletion:
    said = {"role": "assistant", "content": content} | message
    choice = {"index": 0, "finish_reason": "stop", "message": said}
    whole = {"id": "c", "object": "chat.completion", "created": 1, "model": "m"}
    return ChatCompletion.model_validate(whole | {"choices": [choice]})


def response(text: str) -> Response:
    part = {"type": "output_text", "text": text, "annotations": []}
    message = {"type": "message", "id": "m", "role": "assistant", "status": "completed"}
    tokens = {"input_tokens": 1, "output_tokens": 1, "total_tokens": 2}
    details = {
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens_details": {"reasoning_tokens": 0},
    }
    whole = {
        "id": "r",
        "object": "response",
        "created_at": 1,
        "model": "m",
        "parallel_tool_calls": False,
        "tool_choice": "auto",
        "tools": [],
        "usage": tokens | details,
    }
    return Response.model_validate(whole | {"output": [message | {"content": [part]}]})


def scorer(**options: Any) -> Any:
    return chat.TLMChatCompletion(api_key=KEY, quality_preset="low", options=options or None)


@pytest.mark.conformance(17)
def test_a_plain_completion_is_scored(pointed: Running) -> None:
    result = scorer().score(response=completion("Paris"), messages=MESSAGES)
    assert is_share(result["trustworthiness_score"])
    assert pointed.requests == [PLAIN]


@pytest.mark.conformance(17)
def test_a_completion_that_calls_a_tool_is_scored(pointed: Running) -> None:
    call = {"id": "1", "type": "function", "function": {"name": "find", "arguments": "{}"}}
    result = scorer().score(
        response=completion(None, tool_calls=[call]), messages=MESSAGES, tools=[TOOL]
    )
    assert is_share(result["trustworthiness_score"])


@pytest.mark.conformance(17)
@pytest.mark.parametrize(
    "form", [City, {"type": "json_object"}], ids=["class of pydantic", "any JSON"]
)
def test_a_structured_completion_is_scored(pointed: Running, form: Any) -> None:
    result = scorer().score(
        response=completion(ANSWER), messages=MESSAGES, response_format=form, temperature=0
    )
    assert is_share(result["trustworthiness_score"])
    assert pointed.requests == [STRUCTURED]


@pytest.mark.conformance(18)
def test_a_plain_response_is_scored(pointed: Running) -> None:
    scoring = responses.TLMResponses(api_key=KEY, quality_preset="low")
    result = scoring.score(response=response("Paris"), input=QUESTION)
    assert is_share(result["trustworthiness_score"])
    assert pointed.requests == [PLAIN]


@pytest.mark.conformance(18)
def test_a_structured_response_is_scored(pointed: Running) -> None:
    scoring = responses.TLMResponses(api_key=KEY, quality_preset="low")
    result = scoring.score(response=response(ANSWER), input=QUESTION, text_format=City)
    assert is_share(result["trustworthiness_score"])
    assert pointed.requests == [STRUCTURED]


def doubting(body: dict[str, Any]) -> Answer:
    """Answers in JSON, and doubts one field of it."""
    if "For each of these fields" in text_of(body):
        return '{"1": [95, "It is."], "2": [5, "There are fewer."]}'
    return "True 95" if is_judging(body) else ANSWER


@pytest.mark.conformance(17)
@pytest.mark.conformance(20)
@pytest.mark.parametrize("stream", [False, True])
def test_fields_of_an_answer_have_scores_beside_it(
    monkeypatch: pytest.MonkeyPatch, *, stream: bool
) -> None:
    with serving(doubting) as running:
        point_clients_at(running.api, monkeypatch)
        with openai.OpenAI(api_key=KEY, base_url=f"{running.url}/v1") as client:
            said: Any = client.chat.completions.create(
                model="m",
                messages=[{"role": "user", "content": QUESTION}],
                response_format={"type": "json_object"},
                stream=stream,
                extra_body={"quality_preset": "low", "options": {"log": ["per_field_score"]}},
            )
            last = [*said][-1] if stream else said
    fields = last.tlm_metadata["log"]["per_field_score"]
    assert [is_share(fields[name]["score"]) for name in ("city", "people")] == [True, True]
    if not stream:
        assert scorer().get_untrustworthy_fields(tlm_result=said) == ["people"]


@pytest.mark.conformance(19)
def test_the_edition_for_a_cloud_of_ones_own_gets_the_scores_of_fields(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from cleanlab_tlm.utils.vpc.chat_completions import TLMChatCompletion

    keys = tmp_path / "keys"
    keys.write_text(KEY, encoding="utf-8")
    # It sends no key of its own.
    with serving(doubting, keys_file=str(keys), is_score_endpoint_open=True) as running:
        monkeypatch.setenv("BASE_URL", running.api)
        scoring = TLMChatCompletion(quality_preset="low", options={"log": ["per_field_score"]})
        said = completion(ANSWER)
        result: Any = scoring.score(response=said, messages=MESSAGES, response_format=City)
        with pytest.raises(requests.HTTPError, match="422"):
            scoring.score(response=completion(" "), messages=MESSAGES)
    assert set(result["log"]["per_field_score"]) == {"city", "people"}
    assert scorer().get_untrustworthy_fields(response=said, tlm_result=result) == ["people"]


@pytest.mark.conformance(17)
def test_fields_that_are_not_to_be_trusted_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(doubting) as running:
        point_clients_at(running.api, monkeypatch)
        asking = scorer(log=["per_field_score"])
        result = asking.score(response=completion(ANSWER), messages=MESSAGES, response_format=City)
        found = asking.get_untrustworthy_fields(response=completion(ANSWER), tlm_result=result)
    assert set(result["log"]["per_field_score"]) == {"city", "people"}
    assert found == ["people"]


@pytest.mark.conformance(17)
@pytest.mark.parametrize("text", ["[1, 2]", "5", "{}"])
def test_of_an_answer_that_is_no_object_no_fields_are_found(pointed: Running, text: str) -> None:
    asking = scorer(log=["per_field_score"])
    said = completion(text)
    result = asking.score(response=said, messages=MESSAGES, response_format={"type": "json_object"})
    assert set(result["log"]["per_field_score"]) == {"error"}
    assert asking.get_untrustworthy_fields(response=said, tlm_result=result) == []


@pytest.mark.conformance(17)
def test_an_answer_that_is_no_json_has_a_score_and_no_fields(pointed: Running) -> None:
    said = completion("Paris, of course")
    form = {"type": "json_object"}
    result = scorer(log=["per_field_score"]).score(
        response=said, messages=MESSAGES, response_format=form
    )
    assert is_share(result["trustworthiness_score"])
    assert set(result["log"]["per_field_score"]) == {"error"}


@pytest.mark.conformance(19)
def test_the_edition_for_a_cloud_of_ones_own_is_served(
    pointed: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cleanlab_tlm.utils.vpc.chat_completions import TLMChatCompletion

    monkeypatch.setenv("BASE_URL", pointed.api)
    scoring = TLMChatCompletion(
        quality_preset="low",
        options={"log": ["explanation"], "model": "any/name"},
        request_headers={"Authorization": f"Bearer {KEY}"},
    )
    result: Any = scoring.score(response=completion("Paris"), messages=MESSAGES)
    assert is_share(result["trustworthiness_score"])
    assert isinstance(result["log"]["explanation"], str)
    assert pointed.requests == ["/api/chat/score"]
