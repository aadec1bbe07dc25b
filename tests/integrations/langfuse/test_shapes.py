"""Every form in which frameworks trace is read whole, and nothing is guessed."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nemoguardrails_trust.errors import DataError
from nemoguardrails_trust.exchange import ROLES, Message
from nemoguardrails_trust.integrations.langfuse.shapes import (
    leaves,
    messages_of,
    parse,
    passages_of,
    text_of,
)

SYSTEM, USER = Message("system", "be brief"), Message("user", "why?")
CHAT = [{"role": "system", "content": "be brief"}, {"role": "user", "content": "why?"}]
CALL = {"id": "c1", "type": "function", "function": {"name": "find", "arguments": '{"q": "x"}'}}
CALL_TEXT = '{"name": "find", "arguments": {"q": "x"}}'


@pytest.mark.parametrize(
    ("value", "messages"),
    [
        ("why?", [USER]),
        (CHAT, [SYSTEM, USER]),
        (json.dumps(CHAT), [SYSTEM, USER]),
        ([CHAT], [SYSTEM, USER]),
        ({"messages": CHAT}, [SYSTEM, USER]),
        ({"messages": CHAT[1:], "system": "be brief", "max_tokens": 5}, [SYSTEM, USER]),
        ({"input": "why?", "instructions": "be brief"}, [SYSTEM, USER]),
        ({"role": "user", "content": "why?"}, [USER]),
        ({"question": "why?"}, [USER]),
        ({"args": ["why?"], "kwargs": {}}, [USER]),
        ({"args": [], "kwargs": {"messages": CHAT}}, [SYSTEM, USER]),
        ([{"role": "developer", "content": "be brief"}, CHAT[1]], [SYSTEM, USER]),
        ([{"type": "system", "content": "be brief"}, {"type": "human", "content": "why?"}],
         [SYSTEM, USER]),
        ({"contents": [{"role": "user", "parts": [{"text": "why?"}]}],
          "config": {"system_instruction": {"parts": [{"text": "be brief"}]}}}, [SYSTEM, USER]),
        ({"contents": "why?", "system_instruction": "be brief"}, [SYSTEM, USER]),
        ({"args": [], "kwargs": {"messages": CHAT, "model": "m", "temperature": 0}},
         [SYSTEM, USER]),
        ({"input": "why?", "history": [], "context": "", "top_k": 3}, [USER]),
        ([{"role": "user", "content": [{"type": "text", "text": "why?"}]}], [USER]),
        ([{"role": "user", "content": [{"type": "input_text", "text": "why?"}]}], [USER]),
        ([{"type": "message", "role": "user", "content": "why?"}, {"type": "reasoning"}], [USER]),
    ],
)  # fmt: skip
def test_messages_are_found_in_every_form(value: Any, messages: list[Message]) -> None:
    assert list(messages_of(value)) == messages


def test_tools_and_their_calls_are_part_of_what_was_given() -> None:
    value = {
        "tools": [{"name": "find"}],
        "messages": [
            *CHAT,
            {"role": "assistant", "content": None, "tool_calls": [CALL]},
            {"role": "tool", "content": "found", "tool_call_id": "c1"},
        ],
    }
    assert list(messages_of(value)) == [
        Message("system", 'Tools: [{"name": "find"}]'),
        SYSTEM,
        USER,
        Message("assistant", f"[{CALL_TEXT}]"),
        Message("tool", "found"),
    ]


def test_the_tools_of_gemini_are_in_its_config() -> None:
    value = {"contents": "why?", "config": {"tools": [{"name": "find"}], "temperature": 0}}
    assert list(messages_of(value)) == [Message("system", 'Tools: [{"name": "find"}]'), USER]


def test_the_items_of_the_responses_api() -> None:
    value = [
        CHAT[1],
        {"type": "function_call", "name": "find", "arguments": '{"q": "x"}', "call_id": "c"},
        {"type": "function_call_output", "call_id": "c", "output": "found"},
    ]
    assert list(messages_of(value)) == [
        USER,
        Message("assistant", CALL_TEXT),
        Message("tool", "found"),
    ]


def test_the_tool_parts_of_anthropic_and_gemini() -> None:
    anthropic = [
        {
            "role": "assistant",
            "content": [{"type": "tool_use", "name": "find", "input": {"q": "x"}}],
        },
        {"role": "user", "content": [{"type": "tool_result", "content": "found"}]},
    ]
    gemini = [
        {"role": "model", "parts": [{"functionCall": {"name": "find", "args": {"q": "x"}}}]},
        {"role": "user", "parts": [{"functionResponse": {"name": "find", "response": "found"}}]},
    ]
    called = Message("assistant", CALL_TEXT)
    assert list(messages_of(anthropic)) == [called, Message("tool", "found")]
    assert list(messages_of(gemini)) == [called, Message("tool", "found")]


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "the input is empty"),
        ("", "the input is empty"),
        ([], "the input is empty"),
        ({}, r"it is unclear which part"),
        (7, "the input is a number"),
        ({"args": ["a", "b"], "kwargs": {}}, "has 2 arguments"),
        ({"args": [], "kwargs": {}}, "has 0 arguments"),
        ({"question": "why?", "history": ["x"]}, "the input has history beside question"),
        ({"messages": CHAT, "prompt": "why?"}, "it is unclear which part"),
        ({"input": "why?", "context": "as is known"}, "the input has context beside input"),
        ({"messages": CHAT, "previous_response_id": "r1"}, "has previous_response_id"),
        ({"prompt": "why {x}?", "variables": {"x": "y"}}, "has variables"),
        ({"args": [], "kwargs": {"prompt": "why?", "passages": ["a"]}}, "has passages"),
        ({"args": [], "kwargs": {"topic": "why?", "k": 3}}, r"is the prompt \(k, topic\)"),
        ({"instructions": "be brief"}, r"is the prompt \(instructions\)"),
        ({"instructions": "be brief", "model": "m"}, r"is the prompt \(instructions, model\)"),
        ([{"role": "narrator", "content": "once"}], "has the role 'narrator'"),
        ([{"content": "why?"}], "message 1 of the input has no role; its keys are content"),
        ([3], "message 1 of the input is a number"),
        ([{"role": "user", "content": 3}], "is a number; it must be text or parts"),
        (
            [{"role": "user", "content": [{"type": "image_url", "image_url": {}}]}],
            r"more than text \(image\)",
        ),
        ([{"role": "user", "parts": [{"inlineData": {}}]}], r"more than text \(file\)"),
        ("see @@@langfuseMedia:type=image/png|id=x|source=bytes@@@", r"a file \(image/png\)"),
    ],
)
def test_what_cannot_be_told_is_refused_with_the_reason(value: Any, reason: str) -> None:
    with pytest.raises(DataError, match=reason):
        messages_of(value)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("March.", "March."),
        ('"March."', "March."),
        ("42", "42"),
        (42, "42"),
        ({"role": "assistant", "content": "March."}, "March."),
        (json.dumps({"role": "assistant", "content": "March."}), "March."),
        ([*CHAT, {"role": "assistant", "content": "March."}], "March."),
        ({"choices": [{"message": {"role": "assistant", "content": "March."}}]}, "March."),
        ({"type": "message", "content": [{"type": "output_text", "text": "March."}]}, "March."),
        ([{"type": "reasoning", "summary": []},
          {"type": "message", "content": [{"type": "output_text", "text": "March."}]}], "March."),
        ([{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "March."}], "March."),
        ({"candidates": [{"content": {"role": "model", "parts": [{"text": "March."}]}}]}, "March."),
        ({"role": "assistant", "content": None, "tool_calls": [CALL]}, f"[{CALL_TEXT}]"),
        ({"role": "assistant", "content": "wait", "tool_calls": [CALL]}, f"wait\n[{CALL_TEXT}]"),
        ({"agent": {"messages": [{"type": "ai", "content": "March."}]}}, "March."),
        ('{"month": "March"}', '{"month": "March"}'),
        ({"month": "März"}, '{"month": "März"}'),
        ("{not json", "{not json"),
    ],
)  # fmt: skip
def test_answers_are_found_in_every_form(value: Any, text: str) -> None:
    assert text_of(value) == text


@pytest.mark.parametrize("value", [None, "", "  ", {"role": "assistant", "content": ""}, '""'])
def test_an_empty_answer_is_refused(value: Any) -> None:
    with pytest.raises(DataError, match="the output is empty"):
        text_of(value)


@pytest.mark.parametrize(
    ("value", "passages"),
    [
        ("one", ["one"]),
        (["one", "two"], ["one", "two"]),
        ('["one", "two"]', ["one", "two"]),
        ([{"page_content": "one", "metadata": {}}, {"text": "two"}], ["one", "two"]),
        ({"documents": [{"content": "one"}]}, ["one"]),
        ({"matches": [{"id": "a", "metadata": {"text": "one"}}]}, ["one"]),
        ({"nodes": [{"node": {"text": "one"}, "score": 0.5}]}, ["one"]),
        ({"documents": [["one", "two"]]}, ["one", "two"]),
        (None, []),
        ("", []),
    ],
)
def test_passages_are_found_in_every_form(value: Any, passages: list[str]) -> None:
    assert list(passages_of(value)) == passages


@pytest.mark.parametrize("value", [3, [3.5], {"ids": [1]}])
def test_passages_that_cannot_be_told_are_refused(value: Any) -> None:
    with pytest.raises(DataError, match="passage"):
        passages_of(value)


@pytest.mark.parametrize("depth", [480, 20_000])
def test_what_is_nested_without_end_is_refused_or_has_no_leaves(depth: int) -> None:
    nested: Any = "why?"
    for _ in range(depth):
        nested = [nested]
    with pytest.raises(DataError):
        messages_of([{"role": "user", "content": nested}])
    assert list(leaves(nested)) == []


def test_leaves_are_all_the_texts() -> None:
    assert set(leaves('{"a": "one", "b": [{"c": "two"}], "d": 3}')) >= {"one", "two"}


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
chats = st.lists(
    st.fixed_dictionaries({"role": st.sampled_from(ROLES), "content": st.text(min_size=1)}),
    min_size=1,
    max_size=5,
).filter(lambda chat: any(turn["content"].strip() for turn in chat))


@given(chats, st.sampled_from(["plain", "json", "messages", "kwargs"]))
@settings(max_examples=100)
def test_no_message_of_a_chat_is_lost_or_changed(chat: list[dict[str, str]], form: str) -> None:
    forms: dict[str, Any] = {
        "plain": chat,
        "json": json.dumps(chat),
        "messages": {"messages": chat, "model": "m"},
        "kwargs": {"args": [], "kwargs": {"messages": chat}},
    }
    expected = tuple(Message(message["role"], message["content"]) for message in chat)
    assert messages_of(forms[form]) == expected


@given(json_values, st.sampled_from([messages_of, text_of, passages_of]))
@settings(max_examples=300)
def test_any_value_is_read_as_text_or_refused(value: Any, read: Any) -> None:
    for item in (value, json.dumps(value)):
        try:
            found = read(item)
        except DataError:
            continue
        if read is messages_of:
            assert any(message.content.strip() for message in found)
        elif read is text_of:
            assert found.strip()
        else:
            assert all(passage.strip() for passage in found)


@given(st.text())
@settings(max_examples=200)
def test_text_that_is_not_json_stays_as_it_is(text: str) -> None:
    parsed = parse(text)
    assert parsed == text or json.loads(text) == parsed
