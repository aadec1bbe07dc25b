"""Calls of models as tracing keeps them, in attributes."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nemoguardrails_trust.errors import DataError
from nemoguardrails_trust.exchange import Media, Message, read_messages, read_response
from nemoguardrails_trust.exchange.attributes import nested
from tests.exchange.samples import ANSWER, ASSISTANT, CALLS, SYSTEM, USER

ASKED = [{"message": {"role": "system", "content": "be brief"}},
         {"message": {"role": "user", "content": "why?"}}]  # fmt: skip
SAID = [{"message": {"role": "assistant", "content": ANSWER}}]
PARTS = {
    "gen_ai.system_instructions": json.dumps([{"type": "text", "content": "be brief"}]),
    "gen_ai.input.messages": json.dumps(
        [{"role": "user", "parts": [{"type": "text", "content": "why?"}]}]
    ),
    "gen_ai.output.messages": json.dumps(
        [{"role": "assistant", "parts": [{"type": "text", "content": ANSWER}]}]
    ),
}


def flat(value: Any, name: str) -> dict[str, Any]:
    """A value as one attribute for each of its leaves."""
    if not isinstance(value, dict | list):
        return {name: value}
    pairs = value.items() if isinstance(value, dict) else enumerate(value)
    return {
        key: leaf for part, inner in pairs for key, leaf in flat(inner, f"{name}.{part}").items()
    }


OPEN_INFERENCE = {
    **flat(ASKED, "llm.input_messages"), **flat(SAID, "llm.output_messages"),
    "openinference.span.kind": "LLM", "llm.model_name": "m", "input.value": '{"messages": []}',
}  # fmt: skip
OPEN_LLMETRY = {
    **flat([asked["message"] for asked in ASKED], "gen_ai.prompt"),
    **flat([SAID[0]["message"], {"role": "assistant", "content": "Another."}], "gen_ai.completion"),
    "gen_ai.request.model": "m",
}


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(OPEN_INFERENCE, id="OpenInference"),
        pytest.param(
            {f"attributes.{key}": value for key, value in OPEN_INFERENCE.items()}, id="a table"
        ),
        pytest.param(
            {"attributes": [
                {"key": key, "value": {"stringValue": value}} for key, value in PARTS.items()]},
            id="a span as OpenTelemetry sends it",
        ),
        pytest.param({"attributes": OPEN_INFERENCE, "name": "ChatCompletion"}, id="a span"),
        pytest.param({"llm": {"input_messages": ASKED, "output_messages": SAID}}, id="nested"),
        pytest.param(
            {"attributes.llm.input_messages": [flat(m["message"], "message") for m in ASKED],
             "attributes.llm.output_messages": [flat(m["message"], "message") for m in SAID]},
            id="Phoenix",
        ),
        pytest.param(OPEN_LLMETRY, id="OpenLLMetry"),
        pytest.param(PARTS, id="OpenTelemetry"),
    ],
)  # fmt: skip
def test_a_call_is_read_with_its_answer(value: dict[str, Any]) -> None:
    for given_as in (value, json.dumps(value)):
        assert read_messages(given_as) == (SYSTEM, USER, ASSISTANT)
        assert read_response(given_as) == ANSWER


def test_messages_come_in_the_order_of_their_numbers() -> None:
    said = [
        {"message": {"role": role, "content": f"{number}"}}
        for number, role in enumerate(("user", "assistant") * 6)
    ]
    read = read_messages(flat(said, "llm.input_messages"))
    assert [message.content for message in read] == [str(number) for number in range(12)]


def test_tools_calls_and_their_results_are_read() -> None:
    call = {"tool_call": {"id": "c", "function": {"name": "find", "arguments": '{"q": "x"}'}}}
    asked = [
        {"message": {"role": "user", "content": "why?"}},
        {"message": {"role": "assistant", "tool_calls": [call]}},
        {"message": {"role": "tool", "content": "found", "tool_call_id": "c", "name": "find"}},
        {"message": {"role": "assistant", "function_call_name": "find",
                     "function_call_arguments_json": '{"q": "x"}'}},
    ]  # fmt: skip
    value = flat(asked, "llm.input_messages") | {"llm.tools.0.tool.json_schema": '{"name": "find"}'}
    tools, *read = read_messages(value)
    assert (tools.role, "find" in tools.content) == ("system", True)
    assert read == [USER, CALLS, Message("tool", "found"), CALLS]


def test_pictures_are_carried() -> None:
    parts = [
        {"message_content": {"type": "text", "text": "why?"}},
        {"message_content": {"type": "image", "image": {"image": {"url": "https://a.b/c.png"}}}},
    ]
    value = flat([{"message": {"role": "user", "contents": parts}}], "llm.input_messages")
    (message,) = read_messages(value)
    assert message == Message("user", "why?", (Media("image", None, "https://a.b/c.png"),))


@pytest.mark.parametrize(
    "value",
    [
        {"llm.prompts.0.prompt.text": "why?"},
        {"llm.input_messages.0.message.role": "user"},
        {"llm.input_messages.0.message.role": "user", "llm.input_messages.0.message.note": "x y z"},
        {"llm": "a model"},
        {"attributes": []},
    ],
)
def test_attributes_without_what_was_asked_are_refused(value: dict[str, Any]) -> None:
    with pytest.raises(DataError):
        read_messages(value)


@given(
    st.dictionaries(
        st.lists(st.sampled_from(("llm", "input_messages", "0", "1", "message", "role", "")))
        .map(".".join),
        st.recursive(
            st.none() | st.text(max_size=3) | st.integers(),
            lambda inner: st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(("message", "0", "role", "content")), inner),
            max_leaves=5,
        ),
        max_size=6,
    )
)  # fmt: skip
def test_no_attributes_make_reading_fail(value: dict[str, Any]) -> None:
    assert json.dumps(nested(value))
    with suppress(DataError):
        assert read_messages(value)
