"""Answers and passages in the forms that people have them."""

import json
from typing import Any

import numpy as np
import pytest

from nemoguardrails_trust.errors import DataError
from nemoguardrails_trust.exchange import Message, read_messages, read_passages, read_response

MESSAGE = {"role": "assistant", "content": "Paris"}
CALL = {"name": "find", "arguments": '{"q": "x"}'}
COMPLETION = {
    "id": "c", "object": "chat.completion", "model": "m", "usage": {"total_tokens": 9},
    "choices": [{"index": 0, "message": {**MESSAGE, "refusal": None}, "finish_reason": "stop"}],
}  # fmt: skip


@pytest.mark.parametrize(
    ("value", "text"),
    [
        pytest.param("Paris", "Paris", id="text"),
        pytest.param("", "", id="an empty one"),
        pytest.param('{"city": "Paris"}', '{"city": "Paris"}', id="structured output"),
        pytest.param("[" * 100_000, "[" * 100_000, id="hostile text"),
        pytest.param(MESSAGE, "Paris", id="a message"),
        pytest.param([MESSAGE], "Paris", id="a list of messages"),
        pytest.param(np.array([MESSAGE]), "Paris", id="an array of messages"),
        pytest.param(json.dumps([MESSAGE]), "Paris", id="messages as JSON text"),
        pytest.param(str([MESSAGE]), "Paris", id="messages as pandas writes them to CSV"),
        pytest.param([{"from": "gpt", "value": "Paris"}], "Paris", id="ShareGPT"),
        pytest.param([{"role": "user", "content": "?"}, MESSAGE], "Paris", id="a whole chat"),
        pytest.param(COMPLETION, "Paris", id="an OpenAI completion"),
        pytest.param(json.dumps(COMPLETION), "Paris", id="a completion as JSON text"),
        pytest.param({"choices": [{"text": "Paris"}]}, "Paris", id="a completion of text"),
        pytest.param(
            [{"type": "thinking", "thinking": "Hm."}, {"type": "text", "text": "Paris"}],
            "Paris",
            id="Anthropic",
        ),
        pytest.param(
            {"candidates": [{"content": {"role": "model", "parts": [{"text": "Paris"}]}}]},
            "Paris",
            id="Gemini",
        ),
        pytest.param(
            {"output": {"message": {"role": "assistant", "content": [{"text": "Paris"}]}}},
            "Paris",
            id="Bedrock",
        ),
        pytest.param(
            {"output": [{"type": "reasoning", "summary": []}, {
                "type": "message", "content": [{"type": "output_text", "text": "Paris"}]}]},
            "Paris",
            id="OpenAI's responses",
        ),
        pytest.param({"message": MESSAGE, "done": True}, "Paris", id="Ollama"),
        pytest.param(
            {"model": "m", "response": "Paris", "done": True, "context": [1, 2]}, "Paris",
            id="Ollama's text",
        ),
        pytest.param({"results": [{"outputText": "Paris"}]}, "Paris", id="Titan"),
        pytest.param([{"generated_text": "Paris"}], "Paris", id="a pipeline's text"),
        pytest.param(
            [{"generated_text": [{"role": "user", "content": "?"}, MESSAGE]}], "Paris",
            id="a pipeline's chat",
        ),
        pytest.param({"replies": [MESSAGE]}, "Paris", id="Haystack"),
        pytest.param({"replies": ["Paris"], "meta": [{}]}, "Paris", id="Haystack's text"),
        pytest.param({"status_code": 200, "body": COMPLETION}, "Paris", id="a batch of OpenAI's"),
        pytest.param(
            {"object": "conversation.response", "outputs": [{"type": "message.output", **MESSAGE}]},
            "Paris",
            id="a conversation of Mistral's",
        ),
        pytest.param({"output": "Paris", "messages": []}, "Paris", id="smolagents"),
        pytest.param({"role": "assistant", "content": None, "tool_calls": [CALL]},
                     '[{"name": "find", "arguments": {"q": "x"}}]', id="a call"),
    ],
)  # fmt: skip
def test_an_answer_is_read_in_every_form(value: Any, text: str) -> None:
    assert read_response(value) == text


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (None, "the response is null; it must be text"),
        (3, "the response is a number"),
        (["Paris", "Lyon"], "the response is a list of 2 texts; it must be one"),
        ({"replies": ["Paris", "Lyon"]}, "a list of 2 texts; it must be one text"),
        ({"choices": ["Paris"]}, "the response has text under choices; it must have objects"),
        ({"choices": [5]}, "the response is a number; it must be text"),
        ([], "a list of 0 texts"),
        ({"city": "Paris"}, "has no content; its keys are city"),
        ({"role": "assistant", "body": "Paris"}, "has no content; its keys are body, role"),
        ([{"role": "user", "content": "?"}], "does not end with what the assistant said"),
        ({"role": "assistant", "content": [{"type": "image", "url": "x://y"}]}, "more than text"),
        (str([MESSAGE])[:-2], "was cut off"),
        ("content='Paris' additional_kwargs={} response_metadata={}", "as Python prints them"),
        ("AIMessage(content='Paris', additional_kwargs={})", "as Python prints them"),
    ],
)
def test_what_is_no_answer_is_refused_with_the_reason(value: Any, told: str) -> None:
    with pytest.raises(DataError, match=told) as caught:
        read_response(value)
    assert "Paris" not in str(caught.value)


PART = {"type": "text", "text": "Paris"}
SERVED: list[Any] = [
    {"object": "response", "output": [
        {"type": "reasoning", "summary": []},
        {"type": "message", "content": [{"type": "output_text", "text": "Paris"}]}]},
    {"output": {"message": {"role": "assistant", "content": [{"text": "Paris"}]}}, "usage": {}},
    {"output": {"choices": [{"message": MESSAGE}]}, "request_id": "r"},
    {"results": [{"tokenCount": 1, "outputText": "Paris"}], "inputTextTokenCount": 1},
    {"results": [{"generated_text": "Paris", "stop_reason": "eos_token"}]},
    {"object": "conversation.response", "outputs": [{"type": "message.output", **MESSAGE}]},
    {"text": "Paris", "reasoningText": "Lyon?", "finishReason": "stop", "usage": {}},
    {"model": "m", "response": "Paris", "done": True, "thinking": "Lyon?"},
    {"response": "Paris", "source_nodes": [], "metadata": {}},
    {"response": {"role": "assistant", "blocks": [{"block_type": "text", "text": "Paris"}]},
     "tool_calls": [], "raw": None},
    {"response": {"status_code": 200, "body": COMPLETION}, "custom_id": "1", "error": None},
    {"response": {"candidates": [{"content": {"role": "model", "parts": [{"text": "Paris"}]}}]}},
    {"generations": [[{"text": "Paris", "message": {
        "lc": 1, "type": "constructor", "id": ["langchain", "schema", "messages", "AIMessage"],
        "kwargs": {"content": "Paris", "type": "ai"}}}]], "llm_output": None},
    {"lc": 1, "type": "constructor", "id": ["langchain", "schema", "messages", "AIMessage"],
     "kwargs": {"content": "Paris"}},
    [{"generated_text": "Paris"}],
    [{"generated_text": [{"role": "user", "content": "?"}, MESSAGE]}],
    [{"type": "thinking", "thinking": "Lyon?"}, PART],
    {"id": "i", "outputs": [{"type": "thought", "signature": "x"}, PART], "status": "completed"},
    {"role": "assistant", "content": [{**PART, "text": "Lyon?", "is_thinking": True}, PART]},
    [{"role": "thinking", "content": "Lyon?"}, MESSAGE],
    [{"from": "reasoning", "value": "Lyon?"}, {"from": "gpt", "value": "Paris"}],
    {"type": "ai", "content": [
        {"type": "non_standard", "value": {"type": "thinking", "thinking": "Lyon?"}}, PART]},
    [{"type": "message", "role": "assistant", "phase": "commentary", "content": "Lyon?"},
     {"type": "message", "role": "assistant", "phase": "final_answer", "content": "Paris"}],
]  # fmt: skip


@pytest.mark.parametrize("value", SERVED)
def test_what_a_server_gave_is_read_as_text_as_well(value: Any) -> None:
    assert read_response(value) == "Paris"
    assert read_response(json.dumps(value)) == "Paris"


@pytest.mark.parametrize(
    "written",
    [
        '{"answer": "Paris", "why": "x"}',
        '[{"question": "a", "answer": "b"}]',
        '{"text": "Paris"}',
        '{"answer": "Aspirin", "usage": "Twice a day."}',
        '{"text": "Paris", "done": true}',
        '{"event": "Concert", "timestamp": "2026-01-01"}',
        '{"event": "slot", "timestamp": "noon"}',
        '{"type": "suggestion", "text": "Try Lyon."}',
        '{"type": "agent", "message": "Hello"}',
        '{"is_human": true, "name": "Ann"}',
        '{"direction": "incoming", "speed": 3}',
        '{"author": {"type": "user"}, "year": 1900}',
        '{"parent": "a", "id": "b"}',
    ],
)
def test_structured_output_that_looks_like_a_server_s_is_the_answer(written: str) -> None:
    assert read_response(written) == written


@pytest.mark.parametrize(
    "value",
    [
        {"role": "assistant", "content": None, "reasoning_content": "Lyon?"},
        {"role": "assistant", "content": [{"type": "thinking", "thinking": "Lyon?"}]},
        {"candidates": [{"content": {"parts": [{"text": "Lyon?", "thought": True}]}}]},
        {"output": [{"type": "message", "role": "assistant", "content": ""},
                    {"type": "reasoning", "summary": []}]},
        {"model": "m", "message": {**MESSAGE, "content": "", "thinking": "Lyon?"}, "done": True},
    ],
)  # fmt: skip
def test_thoughts_alone_are_no_answer_in_any_form(value: Any) -> None:
    for given_as in (value, json.dumps(value)):
        with pytest.raises(DataError, match=r"thinking without an answer|does not end with"):
            read_response(given_as)


def test_a_step_of_a_graph_says_what_its_messages_say() -> None:
    assert read_response({"agent": {"messages": [{"type": "ai", "content": "Paris"}]}}) == "Paris"


def test_a_call_of_a_batch_may_ask_for_a_text() -> None:
    call = {"custom_id": "1", "method": "POST", "body": {"model": "m", "input": "?"}}
    assert read_messages(call) == read_messages("?")
    with pytest.raises(DataError, match="the prompt has city beside body"):
        read_messages({**call, "city": "Paris"})


def test_a_stream_s_pieces_are_no_answer() -> None:
    pieces = [{"candidates": [{"content": {"parts": [{"text": text}]}}]} for text in "ab"]
    for value in (pieces, json.dumps(pieces)):
        with pytest.raises(DataError, match="message 1 of the response"):
            read_response(value)


def test_a_document_of_cohere_s_is_words_and_no_file() -> None:
    found = {"role": "tool", "content": [{"type": "document", "document": {"data": "28"}}]}
    assert read_messages([{"role": "user", "content": "?"}, found])[1] == Message("tool", "28")


def test_an_answer_of_a_model_is_never_taken_apart() -> None:
    text = json.dumps([MESSAGE])
    assert read_response(text, in_text=False) == text


@pytest.mark.parametrize(
    ("value", "passages"),
    [
        ("one", ["one"]),
        (["one", "two"], ["one", "two"]),
        (np.array(["one", "two"]), ["one", "two"]),
        ('["one", "two"]', ["one", "two"]),
        ("['one', 'two']", ["one", "two"]),
        ("['one' 'two']", ["['one' 'two']"]),
        ('{"temperature": 12}', ['{"temperature": 12}']),
        ("[1] one\n[2] two", ["[1] one\n[2] two"]),
        ("[" * 100_000, ["[" * 100_000]),
        ([{"page_content": "one", "metadata": {}}, {"text": "two"}], ["one", "two"]),
        ({"documents": [{"content": "one"}]}, ["one"]),
        ({"matches": [{"id": "a", "metadata": {"text": "one"}}]}, ["one"]),
        ({"nodes": [{"node": {"text": "one"}, "score": 0.5}]}, ["one"]),
        ([{"id": "0", "data": {"title": "t", "snippet": "one"}}], ["t\none"]),
        ([{"title": "t", "text": "t\none"}, {"title": "", "text": "two"}], ["t\none", "two"]),
        ({"title": "t", "sentences": ["one", "two"]}, ["t\none", "two"]),
        ({"title": ["t"], "sentences": [["one"], ["two"]]}, ["one", "two"]),
        ({"title": ["t", "u"], "sentences": [["one"], ["two"]]}, ["t\none", "u\ntwo"]),
        ({"hits": {"hits": [{"_id": "1", "_source": {"content": "one"}}]}}, ["one"]),
        ([{"properties": {"text": "one"}}], ["one"]),
        ([{"node": {"text_resource": {"text": "one"}}, "score": 0.5}], ["one"]),
        ({"retrievalResults": [{"content": {"text": "one", "type": "TEXT"}}]}, ["one"]),
        ({"data": [{"file_id": "f", "content": [{"type": "text", "text": "one"}]}]}, ["one"]),
        ([{"lc": 1, "id": ["Document"], "kwargs": {"page_content": "one"}}], ["one"]),
        ([["one", 0.9], [{"page_content": "two"}, 0.5]], ["one", "two"]),
        ([{"type": "document", "source": {"type": "text", "data": "one"}}], ["one"]),
        ({"is_selected": [1, 0], "passage_text": ["one", "two"]}, ["one", "two"]),
        (["", None, "one"], ["one"]),
        (None, []),
        (" ", []),
    ],
)
def test_passages_are_read_in_every_form(value: Any, passages: list[str]) -> None:
    assert list(read_passages(value)) == passages


@pytest.mark.parametrize("value", [3, [3.5], {"ids": [1]}, [{"words": "one"}], [0.5, 0.9]])
def test_passages_without_a_known_text_are_refused(value: Any) -> None:
    with pytest.raises(DataError, match="the context"):
        read_passages(value)


def test_inputs_and_outputs_of_a_run_are_read_by_their_one_name() -> None:
    assert read_messages({"question": "why?"}) == (Message("user", "why?"),)
    assert read_response({"answer": "Because."}) == "Because."


WHOLE: dict[str, Any] = {
    "model": "m",
    "system": "be brief",
    "messages": [{"role": "user", "content": "why?"}],
}
SAID = {"role": "assistant", "content": [{"type": "text", "text": "Because."}]}


@pytest.mark.parametrize(
    "value",
    [
        {"custom_id": "1", "params": WHOLE},
        {"custom_id": "1", "method": "POST", "url": "/v1/chat/completions", "body": WHOLE},
        {"request": {"contents": [{"role": "user", "parts": [{"text": "why?"}]}],
                     "systemInstruction": {"parts": [{"text": "be brief"}]}}},
    ],
)  # fmt: skip
def test_a_call_of_a_batch_is_read(value: Any) -> None:
    for given in (value, json.dumps(value)):
        assert read_messages(given) == (Message("system", "be brief"), Message("user", "why?"))


@pytest.mark.parametrize(
    "value",
    [
        {"chat_messages": [{"sender": "human", "text": "why?"}, {"sender": "assistant", **SAID}],
         "uuid": "u", "name": "A chat"},
        {"items": [{"type": "message", "role": "user", "content": ["why?"]}, SAID]},
        {"id": "1", "chat": {"title": "A chat", "messages": [
            {"role": "user", "content": "why?"}, SAID]}},
        [{"kind": "message", "role": "user", "parts": [{"kind": "text", "text": "why?"}]},
         {"kind": "message", "role": "agent", "parts": [{"kind": "text", "text": "Because."}]}],
    ],
)  # fmt: skip
def test_exports_of_chats_are_read(value: Any) -> None:
    assert read_messages(value) == (Message("user", "why?"), Message("assistant", "Because."))


@pytest.mark.parametrize(
    "value",
    [
        {"custom_id": "1", "result": {"type": "succeeded", "message": SAID}},
        {"raw": "Because.", "pydantic": None, "tasks_output": [{"raw": "Because."}]},
        {"answer": "Because.", "input": "why is it so?", "context": [{"page_content": "a b c"}]},
        {"answer": "Because.", "confidence": 0.9, "id": "x"},
    ],
)
def test_answers_of_batches_and_crews_are_read(value: Any) -> None:
    assert read_response(value) == "Because."


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ({"body": WHOLE, "context": "It is so."}, "the prompt has context beside body"),
        ({"params": WHOLE, "text": "It is so."}, "the prompt has text beside params"),
        ({"params": {"temperature": 1}}, r"is the prompt \(params\)"),
        ({"chat": [{"role": "user", "content": "why?"}]}, r"is the prompt \(chat\)"),
    ],
)
def test_what_stands_beside_a_call_is_never_left_out(value: Any, told: str) -> None:
    with pytest.raises(DataError, match=told):
        read_messages(value)


def test_an_answer_with_more_words_beside_it_is_never_scored_on_half() -> None:
    with pytest.raises(DataError, match="the response has explanation beside what it says"):
        read_response({"answer": "Lyon", "explanation": "It has the most bridges."})


def test_a_call_of_a_batch_that_failed_has_no_answer() -> None:
    with pytest.raises(DataError):
        read_response({"custom_id": "1", "result": {"type": "errored", "error": {"type": "x"}}})
