"""Scoring what a model's client gave, as it gave it."""

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types.chat import ChatCompletion
from openai.types.responses import Response

from nemoguardrails_trust import DataError, SettingsError
from nemoguardrails_trust.tlm.completions import completion_as_data, tokens_of
from tests.servers.openai import OpenAIServer
from tests.tlm.scene import kinds, tlm_and_server

TOKENS = [("4", -0.5), ("2", -0.25)]


def entries(tokens: list[tuple[str, float]] = TOKENS) -> list[dict[str, Any]]:
    return [
        {"token": token, "logprob": logprob, "bytes": [], "top_logprobs": []}
        for token, logprob in tokens
    ]


def chat_completion(*, logprobs: bool = True, **message: Any) -> ChatCompletion:
    whole = {"role": "assistant", "content": "42"} | message
    choice: dict[str, Any] = {"index": 0, "finish_reason": "stop", "message": whole}
    if logprobs:
        choice["logprobs"] = {"content": entries(), "refusal": None}
    return ChatCompletion.model_validate(
        {"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice]}
    )


def response() -> Response:
    part = {"type": "output_text", "text": "42", "annotations": [], "logprobs": entries()}
    message = {"id": "m", "type": "message", "role": "assistant", "status": "completed"}
    thinking = {"id": "r", "type": "reasoning", "summary": []}
    return Response.model_validate(
        {
            "id": "r",
            "object": "response",
            "created_at": 1,
            "model": "m",
            "parallel_tool_calls": False,
            "tool_choice": "auto",
            "tools": [],
            "output": [thinking, message | {"content": [part]}],
        }
    )


def shown(server: OpenAIServer) -> str:
    return "\n".join(entry["content"] for body in server.bodies for entry in body["messages"])


@pytest.mark.parametrize("given", [chat_completion(), response()], ids=["chat", "responses"])
def test_a_completion_is_scored_by_its_text_and_its_tokens(given: Any) -> None:
    messages = [{"role": "user", "content": "What is 6 times 7?"}]
    with tlm_and_server("42", quality_preset="base", options={"log": ["perplexity"]}) as both:
        tlm, server = both
        result = tlm.get_trustworthiness_score(messages, given)
        assert server.received == []  # the tokens' probabilities are all that `base` needs
    assert result["log"]["perplexity"] == pytest.approx(math.exp(-0.375))
    assert result["trustworthiness_score"] > 0.5


def test_a_completion_without_tokens_is_scored_like_its_text() -> None:
    with tlm_and_server("True 90", quality_preset="low") as (tlm, server):
        results = tlm.get_trustworthiness_score(
            ["6 times 7?", "6 times 7?"], [chat_completion(logprobs=False), "42"]
        )
        assert kinds(server) == ["reflection", "reflection"]
    assert results[0] == results[1]


def test_a_completion_that_calls_tools_is_scored_by_its_calls() -> None:
    function = {"name": "multiply", "arguments": json.dumps({"a": 6, "b": 7})}
    call = {"id": "1", "type": "function", "function": function}
    with tlm_and_server("True 90", quality_preset="low") as (tlm, server):
        result = tlm.get_trustworthiness_score(
            "6 times 7?", chat_completion(content=None, tool_calls=[call])
        )
        assert '"multiply"' in shown(server)
    assert result["trustworthiness_score"] is not None


COMPLETION = chat_completion()


@pytest.mark.parametrize(
    ("responses", "told"),
    [
        (["42", "43"], "a list of 2"),
        (("42",), "a tuple of 1"),
        ([], "a list of 0"),
        ([COMPLETION, COMPLETION], "a list of 2"),
        ([{"choices": [{"message": {"role": "assistant", "content": "42"}}]}], "a list of 1"),
        (COMPLETION.choices, "a list of 1"),
        (iter(["42"]), "a list_iterator"),
    ],
    ids=["texts", "tuple", "empty", "completions", "mappings", "choices", "iterator"],
)
def test_several_responses_to_one_prompt_are_named_as_what_is_wrong(
    responses: Any, told: str
) -> None:
    with tlm_and_server() as (tlm, server):
        for score in (tlm.get_trustworthiness_score, tlm.try_get_trustworthiness_score):
            with pytest.raises(SettingsError, match=f"response is {told}, .*one prompt") as caught:
                score("6 times 7?", responses)
            assert caught.value.key == "response"
        assert server.received == []


@pytest.mark.parametrize(
    "answer",
    [COMPLETION.choices[0].message, [COMPLETION.choices[0].message], response().output],
    ids=["message", "messages", "output"],
)
def test_messages_of_a_client_are_taken_as_a_response(answer: Any) -> None:
    with tlm_and_server("True 90", quality_preset="low") as (tlm, server):
        tlm.get_trustworthiness_score("6 times 7?", answer)
        assert "42" in shown(server)


def test_messages_of_a_client_are_taken_within_a_prompt() -> None:
    turn = {"role": "user", "content": "6 times 7?"}
    chat = [turn, COMPLETION.choices[0].message, {"role": "user", "content": "Sure?"}]
    with tlm_and_server("True 90", quality_preset="low") as (tlm, server):
        tlm.get_trustworthiness_score(chat, "Yes")
        assert "42" in shown(server)
        tlm.get_trustworthiness_score([chat, chat[1:]], ["Yes", "Yes"])
        assert kinds(server) == ["reflection"] * 3


@pytest.mark.parametrize("given", [COMPLETION, response()], ids=["chat", "responses"])
def test_a_completion_given_as_the_prompt_is_named_as_what_is_wrong(given: Any) -> None:
    told = f"the prompt is a {type(given).__name__}; pass what was asked"
    with tlm_and_server() as (tlm, server):
        with pytest.raises(DataError, match=told):
            tlm.prompt(given)
        with pytest.raises(DataError, match=told):
            tlm.get_trustworthiness_score(given, "42")
        (failed,) = tlm.try_prompt([given])
        assert server.received == []
        with pytest.raises(SettingsError, match=f"response is a {type(given).__name__}"):
            tlm.get_trustworthiness_score(["6 times 7?"], given)
    assert told in failed["log"]["error"]["message"]


def test_tokens_of_another_text_are_passed_over() -> None:
    data = completion_as_data(chat_completion())
    found = tokens_of(data, "42")
    assert found is not None
    assert [token.logprob for token in found] == [-0.5, -0.25]
    assert tokens_of(data, "43") is None


values: Any = st.recursive(
    st.none() | st.floats() | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["choices", "logprobs", "content", "output", "token", "logprob"]), inner
        )
    ),
    max_leaves=12,
)


@given(values)
def test_whatever_was_given_as_tokens_never_raises(value: Any) -> None:
    found = tokens_of({"choices": [value], "output": [value]}, "x")
    assert found is None or all(token.logprob <= 0.0 for token in found)
    assert completion_as_data(value) is value
