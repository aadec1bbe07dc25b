"""Conversations in the forms that people have them are read whole, or refused."""

import base64
import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nemoguardrails_trust.errors import DataError
from nemoguardrails_trust.exchange import (
    ROLES,
    Exchange,
    Media,
    Message,
    ending_answer,
    read_messages,
    read_passages,
    read_response,
)
from tests.exchange.samples import ANSWER, ASSISTANT, CALL, CALLS, FOUND, SYSTEM, USER

CHAT = [{"role": "system", "content": "be brief"}, {"role": "user", "content": "why?"}]
FUNCTION = {"id": "c", "type": "function", "function": {"name": "find", "arguments": '{"q": "x"}'}}


def asked_with(*parts: Any) -> list[dict[str, Any]]:
    return [{"role": "user", "content": list(parts)}]


@pytest.mark.parametrize(
    ("value", "messages"),
    [
        pytest.param("why?", [USER], id="text"),
        pytest.param(CHAT, [SYSTEM, USER], id="OpenAI"),
        pytest.param(tuple(CHAT), [SYSTEM, USER], id="a tuple"),
        pytest.param(np.array(CHAT), [SYSTEM, USER], id="an array, as pandas reads Parquet"),
        pytest.param([SYSTEM, USER], [SYSTEM, USER], id="messages of ours"),
        pytest.param(json.dumps(CHAT), [SYSTEM, USER], id="JSON text"),
        pytest.param(str(CHAT), [SYSTEM, USER], id="Python's text, as pandas writes it to CSV"),
        pytest.param(
            [{"role": "developer", "content": "be brief"}, CHAT[1]], [SYSTEM, USER], id="developer"
        ),
        pytest.param([{"role": " User: ", "content": "why?"}], [USER], id="a role with a capital"),
        pytest.param([["system", "be brief"], ("human", "why?")], [SYSTEM, USER], id="pairs"),
        pytest.param([["user", "why?"]], [USER], id="one pair"),
        pytest.param([{"role": "user", "data": {"content": "why?"}}], [USER], id="data of a role"),
        pytest.param([{"role": "MessageRole.USER", "content": "why?"}], [USER], id="an enum"),
        pytest.param(
            [{"speaker": "user", "text": "why?"}, {"speaker": "bot", "text": ANSWER}],
            [USER, ASSISTANT],
            id="speakers",
        ),
        pytest.param(
            asked_with({"type": "text", "text": {"value": "why?", "annotations": []}}), [USER],
            id="OpenAI's assistants",
        ),
        pytest.param(
            [{"role": "assistant", "content": [{"type": "audio", "transcript": ANSWER}]}],
            [ASSISTANT],
            id="what was spoken",
        ),
        pytest.param(
            [{"role": "user", "content": [{"searchResult": {"title": "T", "content": [
                {"text": "C"}]}}, {"text": "why?"}]},
             {"role": "assistant", "content": [{"citationsContent": {"content": [
                 {"text": ANSWER}], "citations": []}}]}],
            [Message("user", "T\nC\nwhy?"), ASSISTANT],
            id="Bedrock's search",
        ),
        pytest.param({"messages": CHAT, "model": "m", "n": 2}, [SYSTEM, USER], id="a request"),
        pytest.param(
            {"messages": CHAT[1:], "system": "be brief", "max_tokens": 5},
            [SYSTEM, USER],
            id="Anthropic",
        ),
        pytest.param({"input": "why?", "instructions": "be brief"}, [SYSTEM, USER], id="responses"),
        pytest.param(
            [{"type": "message", "role": "user", "content": "why?"}, {"type": "reasoning"}],
            [USER],
            id="a thought among the items of responses",
        ),
        pytest.param(
            [{"from": "human", "value": "why?"}, {"from": "gpt", "value": ANSWER}],
            [USER, ASSISTANT],
            id="ShareGPT",
        ),
        pytest.param(
            {"system": "be brief", "conversations": [{"from": "human", "value": "why?"}]},
            [SYSTEM, USER],
            id="a row of ShareGPT",
        ),
        pytest.param(
            [
                {"from": "human", "value": "why?"},
                {"from": "function_call", "value": "find(x)"},
                {"from": "observation", "value": "found"},
            ],
            [USER, Message("assistant", "find(x)"), FOUND],
            id="ShareGPT with tools",
        ),
        pytest.param(
            [{"type": "system", "content": "be brief"}, {"type": "human", "content": "why?"}],
            [SYSTEM, USER],
            id="LangChain",
        ),
        pytest.param(
            [
                {"type": "human", "data": {"content": "why?", "additional_kwargs": {}}},
                {"lc": 1, "type": "constructor", "id": ["langchain", "AIMessageChunk"],
                 "kwargs": {"content": ANSWER}},
            ],
            [USER, ASSISTANT],
            id="LangChain, serialised",
        ),
        pytest.param(asked_with({"type": "text", "text": "why?"}), [USER], id="text parts"),
        pytest.param(asked_with({"type": "input_text", "text": "why?"}), [USER], id="input_text"),
        pytest.param(
            [{"role": "assistant", "content": [{"type": "output_text", "text": ANSWER}]}],
            [ASSISTANT],
            id="output_text",
        ),
        pytest.param([{"type": "text", "text": "why?"}], [USER], id="parts without a message"),
        pytest.param(
            [{"role": "user", "additional_kwargs": {},
              "blocks": [{"block_type": "text", "text": "why?"}, {"block_type": "cache"}]}],
            [USER],
            id="LlamaIndex",
        ),
        pytest.param(
            {"system_instruction": {"parts": [{"text": "be brief"}]},
             "contents": [{"role": "user", "parts": [{"text": "why?"}]},
                          {"role": "model", "parts": [{"text": "Hm.", "thought": True},
                                                      {"text": ANSWER}]}]},
            [SYSTEM, USER, ASSISTANT],
            id="Gemini with a thought",
        ),
        pytest.param(
            [{"role": "user", "content": [{"text": "why?"}, {"cachePoint": {"type": "default"}}]},
             {"role": "assistant",
              "content": [{"reasoningContent": {"reasoningText": {"text": "Hm."}}},
                          {"text": ANSWER}]}],
            [USER, ASSISTANT],
            id="Bedrock with a thought",
        ),
        pytest.param(
            [{"role": "user", "parts": [{"type": "text", "content": "why?"}]},
             {"role": "assistant", "finish_reason": "stop",
              "parts": [{"type": "reasoning", "content": "Hm."},
                        {"type": "text", "content": ANSWER}]}],
            [USER, ASSISTANT],
            id="OpenTelemetry",
        ),
        pytest.param(
            [{"id": "m", "role": "assistant", "content": "",
              "parts": [{"type": "step-start"}, {"type": "reasoning", "text": "Hm."},
                        {"type": "text", "text": ANSWER, "state": "done"},
                        {"type": "source-url", "url": "https://a.b"},
                        {"type": "data-weather", "data": {"c": 12}}]}],
            [ASSISTANT],
            id="Vercel's user interface",
        ),
        pytest.param(
            [{"role": "user", "content": [{"type": "document", "source":
                {"type": "text", "media_type": "text/plain", "data": "why?"}}]}],
            [USER],
            id="a document that is text",
        ),
    ],
)  # fmt: skip
def test_messages_are_read_in_every_form(value: Any, messages: list[Message]) -> None:
    assert list(read_messages(value)) == messages


@pytest.mark.parametrize(
    ("value", "messages"),
    [
        pytest.param(
            [{"role": "assistant", "content": None, "tool_calls": [FUNCTION]},
             {"role": "tool", "tool_call_id": "c", "content": "found"}],
            [CALLS, FOUND],
            id="OpenAI",
        ),
        pytest.param(
            [{"role": "assistant", "content": None,
              "function_call": {"name": "find", "arguments": '{"q": "x"}'}},
             {"role": "function", "name": "find", "content": "found"}],
            [CALLS, FOUND],
            id="OpenAI's functions",
        ),
        pytest.param(
            [{"type": "function_call", "name": "find", "arguments": '{"q": "x"}', "call_id": "c"},
             {"type": "function_call_output", "call_id": "c", "output": "found"}],
            [CALL, FOUND],
            id="OpenAI's responses",
        ),
        pytest.param(
            [{"role": "assistant",
              "content": [{"type": "tool_use", "id": "c", "name": "find", "input": {"q": "x"}}]},
             {"role": "user",
              "content": [{"type": "tool_result", "tool_use_id": "c", "content": "found"}]}],
            [CALL, FOUND],
            id="Anthropic",
        ),
        pytest.param(
            [{"role": "model", "parts": [{"functionCall": {"name": "find", "args": {"q": "x"}}}]},
             {"role": "user",
              "parts": [{"functionResponse": {"name": "find", "response": "found"}}]}],
            [CALL, FOUND],
            id="Gemini",
        ),
        pytest.param(
            [{"role": "assistant",
              "content": [{"toolUse": {"toolUseId": "c", "name": "find", "input": {"q": "x"}}}]},
             {"role": "user",
              "content": [{"toolResult": {"toolUseId": "c", "content": [{"text": "found"}]}}]}],
            [CALL, FOUND],
            id="Bedrock",
        ),
        pytest.param(
            [{"role": "assistant",
              "parts": [{"type": "tool_call", "id": "c", "name": "find", "arguments": {"q": "x"}}]},
             {"role": "tool",
              "parts": [{"type": "tool_call_response", "id": "c", "response": "found"}]}],
            [CALL, FOUND],
            id="OpenTelemetry",
        ),
        pytest.param(
            [{"role": "assistant", "content": [
                {"type": "tool-call", "toolCallId": "c", "toolName": "find", "input": {"q": "x"}}]},
             {"role": "tool", "content": [
                 {"type": "tool-result", "toolCallId": "c", "toolName": "find",
                  "output": {"type": "text", "value": "found"}}]}],
            [CALL, FOUND],
            id="Vercel",
        ),
        pytest.param(
            [{"role": "assistant", "parts": [
                {"type": "tool-find", "toolCallId": "c", "state": "output-available",
                 "input": {"q": "x"}, "output": "found"},
                {"type": "text", "text": ANSWER}]}],
            [CALL, FOUND, ASSISTANT],
            id="Vercel's user interface",
        ),
        pytest.param(
            [{"role": "assistant", "parts": [
                {"type": "tool-invocation", "toolInvocation": {
                    "state": "result", "toolName": "find", "args": {"q": "x"}, "result": "found"}},
            ]}],
            [CALL, FOUND],
            id="Vercel's older one",
        ),
        pytest.param(
            [{"role": "assistant", "blocks": [
                {"block_type": "tool_call", "tool_name": "find", "tool_kwargs": {"q": "x"}}]},
             {"role": "tool", "blocks": [{"block_type": "text", "text": "found"}]}],
            [CALL, FOUND],
            id="LlamaIndex",
        ),
        pytest.param(
            [{"type": "ai", "content": "", "tool_calls": [{"name": "find", "args": {"q": "x"}}]},
             {"type": "tool", "content": "found", "tool_call_id": "c"}],
            [CALLS, FOUND],
            id="LangChain",
        ),
        pytest.param(
            [{"type": "ai", "tool_calls": [{"name": "find", "args": {"q": "x"}}],
              "content": [{"type": "tool_use", "name": "find", "input": {"q": "x"}}]}],
            [CALL],
            id="LangChain, a call that is told twice",
        ),
        pytest.param(
            [{"type": "web_search_call", "id": "c", "action": {"query": "x"}},
             {"role": "user",
              "content": [{"type": "bash_code_execution_tool_result", "content": "found"}]}],
            [Message("assistant", '{"name": "web_search_call", "arguments": {"query": "x"}}'),
             FOUND],
            id="tools that the server has of its own",
        ),
        pytest.param(
            [{"role": "ipython", "content": {"temperature": 12}}],
            [Message("tool", '{"temperature": 12}')],
            id="a result that is an object",
        ),
        pytest.param(
            {"tools": [{"name": "find"}], "messages": CHAT[1:]},
            [Message("system", 'Tools: [{"name": "find"}]'), USER],
            id="the tools that there are",
        ),
        pytest.param(
            {"modelId": "m", "system": [{"text": "be brief"}], "messages": CHAT[1:],
             "toolConfig": {"tools": [{"name": "find"}]}},
            [SYSTEM, Message("system", 'Tools: [{"name": "find"}]'), USER],
            id="the tools of Bedrock",
        ),
    ],
)  # fmt: skip
def test_calls_of_tools_are_seen_with_name_and_arguments(
    value: Any, messages: list[Message]
) -> None:
    assert list(read_messages(value)) == messages


def test_words_stand_before_the_calls_beside_them() -> None:
    (message,) = read_messages([{"role": "ai", "content": "Wait.", "tool_calls": [FUNCTION]}])
    assert message == Message("assistant", f"Wait.\n{CALLS.content}")


PNG = base64.b64encode(b"\x89PNG").decode()
PICTURE = Media("image", "image/png", f"data:image/png;base64,{PNG}")
LINK = Media("image", None, "https://a.b/c.png")


@pytest.mark.parametrize(
    ("part", "media"),
    [
        ({"type": "image_url", "image_url": {"url": "https://a.b/c.png"}}, LINK),
        ({"type": "image_url", "image_url": {"url": PICTURE.url}},
         Media("image", None, PICTURE.url)),
        ({"type": "input_image", "image_url": "https://a.b/c.png"}, LINK),
        ({"type": "input_image", "file_id": "f"}, Media("image")),
        ({"type": "input_audio", "input_audio": {"data": PNG, "format": "wav"}},
         Media("audio", "audio/wav", f"data:audio/wav;base64,{PNG}")),
        ({"type": "file", "file": {"file_id": "f"}}, Media("file")),
        ({"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}},
         PICTURE),
        ({"type": "image", "source": {"type": "url", "url": "https://a.b/c.png"}}, LINK),
        ({"inline_data": {"mime_type": "image/png", "data": PNG}}, PICTURE),
        ({"fileData": {"mimeType": "video/mp4", "fileUri": "gs://a/b"}},
         Media("video", "video/mp4", "gs://a/b")),
        ({"image": {"format": "png", "source": {"bytes": b"\x89PNG"}}}, PICTURE),
        ({"document": {"format": "pdf", "name": "a", "source": {"s3Location": {"uri": "s3://a"}}}},
         Media("file", "application/pdf", "s3://a")),
        ({"type": "blob", "modality": "image", "mime_type": "image/png", "content": PNG}, PICTURE),
        ({"type": "uri", "modality": "audio", "uri": "https://a.b/c"},
         Media("audio", None, "https://a.b/c")),
        ({"type": "file", "modality": "image", "file_id": "f"}, Media("image")),
        ({"type": "image", "image": PNG, "mediaType": "image/png"}, PICTURE),
        ({"type": "file", "mediaType": "image/png", "data": PNG}, PICTURE),
        ({"block_type": "image", "image": PNG, "image_mimetype": "image/png"}, PICTURE),
        ({"block_type": "image", "url": "https://a.b/c.png"}, LINK),
        ({"type": "image", "base64": PNG, "mime_type": "image/png"}, PICTURE),
    ],
)  # fmt: skip
def test_what_is_not_text_is_carried(part: dict[str, Any], media: Media) -> None:
    text = {"text": "why?"} if "type" not in part else {"type": "text", "text": "why?"}
    (message,) = read_messages(asked_with(text, part))
    assert message == Message("user", "why?", (media,))
    assert Exchange(ANSWER, (message,)).media == (media,)
    assert Exchange(ANSWER, (message,)).fingerprint() != Exchange(ANSWER, (USER,)).fingerprint()


@pytest.mark.parametrize("key", ["images", "attachments", "experimental_attachments", "audio"])
def test_what_stands_beside_the_text_is_carried_too(key: str) -> None:
    (message,) = read_messages([{"role": "user", "content": "why?", key: [PNG]}])
    assert message.content == "why?"
    assert len(message.media) == 1


def test_a_picture_among_a_tools_results_is_carried() -> None:
    result = {"type": "tool_result", "content": [{"type": "image", "url": "https://a.b/c.png"}]}
    assert list(read_messages(asked_with(result))) == [Message("tool", "", (LINK,))]


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (None, "the prompt is empty"),
        ("", "the prompt is empty"),
        (" \n", "the prompt is empty"),
        ([], "the prompt is empty"),
        ([{"role": "user", "content": ""}], "the prompt is empty"),
        (7, "the prompt is a number; it must be text or chat messages"),
        ({}, "it is unclear which part"),
        ({"topic": "why?"}, r"is the prompt \(topic\)"),
        ({"question": "why?", "topic": "rain"}, "the prompt has topic beside question"),
        ({"messages": CHAT, "prompt": "why?"}, "it is unclear which part"),
        ({"messages": CHAT, "previous_response_id": "r"}, "has previous_response_id"),
        ({"input": "why?", "context": "as is known"}, "the prompt has context beside input"),
        (["one", "two"], "a list of texts"),
        ([3], "message 1 of the prompt is a number; it must be an object with role and content"),
        ([*CHAT, {"role": "narrator", "content": "x"}], "message 3 .* has the role 'narrator'"),
        ([{"content": "why?"}], "has no role; its keys are content"),
        ([{"role": "user"}], "has no content; its keys are role"),
        ([{"role": "user", "body": "why?"}], "has no content; its keys are body, role"),
        ([{"role": "user", "content": None, "body": "why?"}], "keys are body, content, role"),
        ([{"role": "user", "content": "", "message_text": "why?"}], "message_text"),
        ([{"from": "human", "words": "why?"}], "has no content; its keys are from, words"),
        (
            [{"role": "user", "content": 3}],
            "is a number; it must be text or parts",
        ),
        ([{"role": "user", "content": {"body": "why?"}}], r"known form \(body\)"),
        (asked_with({"type": "hologram", "data": "why?"}), r"known form \(hologram\)"),
        (asked_with({"type": "text", "words": "why?"}), "without text"),
        (json.dumps(CHAT)[:-9], "was cut off"),
        ("[{'role': 'user', 'content': 'why?'}\n {'role': 'user', 'content': 'x'}]", "NumPy"),
        ("[{'role': 'user', 'content': array(['why?'], dtype=object)}]", "JSON Lines"),
        ("[HumanMessage(content='why?'), AIMessage(content='x')]", "as Python prints them"),
        ("ChatCompletionMessage(content='why?', role='assistant')", r"model_dump_json\(\)"),
        ("[ModelRequest(parts=[UserPromptPart(content='why?')])]", "as Python prints them"),
        ("content='why?' additional_kwargs={} response_metadata={}", "as Python prints them"),
        ([{"user": "U1", "text": "why?"}, {"user": "U2", "text": "x"}], "message 1 .* has no role"),
        ([{"event": "user", "text": "why?"}, {"event": "bot", "text": "x"}], "has no role"),
        ([{"speaker": "Ann", "text": "why?"}], "message 1 of the prompt has the role 'ann'"),
    ],
)
def test_what_cannot_be_read_whole_is_refused_with_the_reason(value: Any, told: str) -> None:
    with pytest.raises(DataError, match=told) as caught:
        read_messages(value)
    assert "why" not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        "{" * 100_000,
        '[{"role":' * 50_000,
        "[" * 480 + "]" * 480,
        '["a", "b"]',
        "[1, 2",
        '{"name": "Ann"}',
        '[{"name": "Ann", "type": "person"}]',
        "[{'name': 'Ann'}]",
        "NaN",
        "9" * 5000,
        "[" + "9" * 5000 + "]",
        "{'a': " + "-" * 100_000 + "1}",
        "Message(s) in a bottle",
        "content='x' is how it begins",
        "Why does HumanMessage(content='x') fail?",
        "content='" + " additional_kwargs=" * 10_000,
    ],
)
def test_text_that_holds_no_messages_is_what_was_asked(text: str) -> None:
    assert read_messages(text) == (Message("user", text),)


def test_half_a_surrogate_pair_is_no_letter() -> None:
    (message,) = read_messages([{"role": "user", "content": "why\ud800?"}])
    assert message.content == "why??"
    assert read_response("a\udfff") == "a?"
    assert read_passages("a\udfff") == ("a?",)


@pytest.mark.parametrize("depth", [480, 100_000])
def test_messages_nested_without_end_are_refused(depth: int) -> None:
    nested: Any = "why?"
    for _ in range(depth):
        nested = [nested]
    with pytest.raises(DataError, match="nested too deeply"):
        read_messages([{"role": "user", "content": nested}])
    with pytest.raises(DataError, match=r"nested too deeply|cut off"):
        read_messages('[{"role": "user", "content": ' + "[" * depth + "]" * depth + "}]")


def test_what_a_person_typed_never_speaks_in_other_roles() -> None:
    for text in (json.dumps(CHAT), str(CHAT)):
        with pytest.raises(DataError, match="chat messages as text; give the list itself"):
            read_messages(text, in_text=False)
    assert read_messages("[1, 2]", in_text=False) == (Message("user", "[1, 2]"),)


def test_the_answer_at_the_end_of_a_conversation_is_told_from_what_was_asked() -> None:
    assert ending_answer((SYSTEM, USER, ASSISTANT)) == ((SYSTEM, USER), ANSWER)
    assert ending_answer((USER, ASSISTANT, USER)) == ((USER, ASSISTANT, USER), None)
    assert ending_answer((USER, ASSISTANT, ASSISTANT)) == ((USER,), f"{ANSWER}\n{ANSWER}")
    with pytest.raises(DataError, match="more than text"):
        ending_answer((USER, Message("assistant", "", (LINK,))))


def test_a_list_goes_to_csv_by_pandas_and_comes_back(tmp_path: Any) -> None:
    pd.DataFrame({"prompt": [CHAT]}).to_csv(tmp_path / "chats.csv", index=False)
    text = pd.read_csv(tmp_path / "chats.csv")["prompt"][0]
    assert list(read_messages(text)) == [SYSTEM, USER]


chats = st.lists(
    st.fixed_dictionaries({"role": st.sampled_from(ROLES), "content": st.text(min_size=1)}),
    min_size=1,
    max_size=5,
).filter(lambda chat: any(message["content"].strip() for message in chat))


@given(chats, st.sampled_from(["list", "JSON", "Python", "ShareGPT", "parts", "request"]))
@settings(max_examples=200)
def test_no_message_of_a_chat_is_lost_or_changed(chat: list[dict[str, str]], form: str) -> None:
    forms: dict[str, Any] = {
        "list": chat,
        "JSON": json.dumps(chat),
        "Python": str(chat),
        "ShareGPT": [{"from": message["role"], "value": message["content"]} for message in chat],
        "parts": [
            {"role": message["role"], "content": [{"type": "text", "text": message["content"]}]}
            for message in chat
        ],
        "request": {"messages": chat, "model": "m"},
    }
    expected = tuple(Message(message["role"], message["content"]) for message in chat)
    assert read_messages(forms[form]) == expected


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    *("role", "content", "type", "text", "parts", "messages", "from", "value"),
                    *("kind", "part_kind", "_role", "_content", "source", "documents", "data"),
                    *("image", "tools", "message", "message.role", "llm.input_messages.0", "chat"),
                    *("message_type", "tool_call", "step_number", "model_output", "observations"),
                    *("task", "role_name", "role_type", "role_at_backend", "metadata", "options"),
                ]
            )
            | st.text(max_size=3),
            inner
            | st.sampled_from(
                [
                    *("user", "tool", "text", "image", "tool_result", "blob", "request"),
                    *("TextMessage", "user_message", "tool_call_message", "/a.png"),
                ]
            ),
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(json_values)
@settings(max_examples=500)
def test_any_value_is_read_or_refused(value: Any) -> None:
    for given_value in (value, str(value)):
        try:
            messages = read_messages(given_value)
        except DataError:
            continue
        assert any(message.content.strip() or message.media for message in messages)
