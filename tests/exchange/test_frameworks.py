"""Histories of agent frameworks, as these write them."""

import json
from typing import Any

import pytest

from nemoguardrails_trust.errors import DataError
from nemoguardrails_trust.exchange import (
    Media,
    Message,
    ending_answer,
    read_messages,
    read_response,
)
from tests.exchange.samples import ANSWER, ASSISTANT, CALL, CALLS, FOUND, SYSTEM, USER

LINK = Media("image", "image/png", "https://a.b/c.png")


def of_haystack(role: str, *parts: Any) -> dict[str, Any]:
    return {"role": role, "meta": {"model": "m"}, "name": None, "content": list(parts)}


def underscored(message: dict[str, Any]) -> dict[str, Any]:
    return {f"_{key}": value for key, value in message.items()}


TOOL_CALL = {"tool_name": "find", "arguments": {"q": "x"}, "id": "c", "extra": None}
RESULT = {"result": "found", "origin": TOOL_CALL, "error": False}
HAYSTACK = [
    of_haystack("system", {"text": "be brief"}),
    of_haystack("user", {"text": "why?"}),
    of_haystack("assistant", {"tool_call": TOOL_CALL}),
    of_haystack("tool", {"tool_call_result": RESULT}),
    of_haystack("assistant", {"reasoning": {"reasoning_text": "Hm."}}, {"text": ANSWER}),
]
HAYSTACK_AS_DICT = [
    of_haystack("system", {"text": "be brief"}),
    of_haystack("user", {"text": "why?"}),
    of_haystack("assistant", TOOL_CALL),
    of_haystack("tool", RESULT),
    of_haystack("assistant", {"reasoning_text": "Hm.", "extra": {}}, {"text": ANSWER}),
]


def request(*parts: Any, **more: Any) -> dict[str, Any]:
    return {"kind": "request", "parts": list(parts), "timestamp": None, "run_id": None, **more}


def response(*parts: Any) -> dict[str, Any]:
    return {"kind": "response", "parts": list(parts), "model_name": "m", "usage": {"details": {}}}


def part(kind: str, content: Any = None, **more: Any) -> dict[str, Any]:
    return {"part_kind": kind, "content": content, "timestamp": "2026-01-01T00:00:00Z", **more}


PYDANTIC_CALL = {"part_kind": "tool-call", "tool_name": "find", "args": '{"q": "x"}'}
PYDANTIC_AI = [
    request(part("system-prompt", "be brief"), part("user-prompt", "why?"), instructions=None),
    response(part("thinking", "Hm."), {**PYDANTIC_CALL, "tool_call_id": "c", "id": None}),
    request(part("tool-return", "found", tool_name="find", outcome="success")),
    response(part("text", ANSWER, id=None, provider_details=None)),
]


def of_agent(kind: str, source: str, content: Any) -> dict[str, Any]:
    usage = {"prompt_tokens": 1, "completion_tokens": 1}
    return {"type": kind, "source": source, "content": content, "models_usage": usage, "id": "1"}


AUTOGEN = [
    of_agent("TextMessage", "user", "why?"),
    of_agent("ThoughtEvent", "helper", "Hm."),
    of_agent(
        "ToolCallRequestEvent", "helper", [{"id": "c", "name": "find", "arguments": '{"q": "x"}'}]
    ),
    of_agent(
        "ToolCallExecutionEvent", "helper", [{"call_id": "c", "content": "found", "name": "find"}]
    ),
    of_agent("ModelClientStreamingChunkEvent", "helper", "Beca"),
    of_agent("TextMessage", "helper", ANSWER),
]
AUTOGEN_CORE = [
    {"type": "SystemMessage", "content": "be brief"},
    {"type": "UserMessage", "source": "user", "content": "why?"},
    {"type": "AssistantMessage", "source": "a", "thought": "I had better look for it.",
     "content": [{"id": "c", "name": "find", "arguments": '{"q": "x"}'}]},
    {"type": "FunctionExecutionResultMessage",
     "content": [{"call_id": "c", "content": "found", "name": "find", "is_error": False}]},
    {"type": "AssistantMessage", "source": "a", "thought": "Hm.", "content": ANSWER},
]  # fmt: skip
SMOLAGENTS = [
    {"role": "system", "content": [{"type": "text", "text": "be brief"}], "tool_calls": None},
    {"role": "user", "content": [{"type": "text", "text": "why?"}], "raw": None},
    {"role": "tool-call", "content": [{"type": "text", "text": CALLS.content}]},
    {"role": "tool-response", "content": [{"type": "text", "text": "found"}]},
    {"role": "assistant", "content": [{"type": "text", "text": ANSWER}], "token_usage": None},
]
MISTRAL = [
    {"object": "entry", "type": "message.input", "role": "user", "content": "why?"},
    {"object": "entry", "type": "function.call", "name": "find", "arguments": '{"q": "x"}',
     "tool_call_id": "c", "created_at": "2026-01-01"},
    {"object": "entry", "type": "function.result", "tool_call_id": "c", "result": "found"},
    {"object": "entry", "type": "message.output", "role": "assistant", "agent_id": "a", "content": [
        {"type": "text", "text": ANSWER}, {"type": "reference", "reference_ids": [1]}]},
]  # fmt: skip
COHERE = {
    "preamble": "be brief", "message": "why?", "prompt_truncation": "AUTO",
    "chat_history": [{"role": "USER", "message": "Hi"}, {"role": "CHATBOT", "message": "Hello"}],
    "documents": [{"title": "A", "snippet": "B"}],
}  # fmt: skip


@pytest.mark.parametrize(
    ("value", "messages"),
    [
        pytest.param(HAYSTACK, [SYSTEM, USER, CALL, FOUND, ASSISTANT], id="Haystack"),
        pytest.param(
            list(map(underscored, HAYSTACK)), [SYSTEM, USER, CALL, FOUND, ASSISTANT],
            id="Haystack before 2.12",
        ),
        pytest.param(
            list(map(underscored, HAYSTACK_AS_DICT)), [SYSTEM, USER, CALL, FOUND, ASSISTANT],
            id="Haystack by asdict",
        ),
        pytest.param(underscored(HAYSTACK[1]), [USER], id="one message of Haystack"),
        pytest.param(PYDANTIC_AI, [SYSTEM, USER, CALL, FOUND, ASSISTANT], id="pydantic-ai"),
        pytest.param(AUTOGEN, [USER, CALLS, FOUND, ASSISTANT], id="AutoGen"),
        pytest.param(
            {"messages": AUTOGEN, "stop_reason": "done"}, [USER, CALLS, FOUND, ASSISTANT],
            id="a result of AutoGen",
        ),
        pytest.param(AUTOGEN_CORE, [SYSTEM, USER, CALL, FOUND, ASSISTANT], id="AutoGen's core"),
        pytest.param(SMOLAGENTS, [SYSTEM, USER, CALLS, FOUND, ASSISTANT], id="smolagents"),
        pytest.param(MISTRAL, [USER, CALL, FOUND, ASSISTANT], id="entries of Mistral"),
        pytest.param(
            COHERE,
            [SYSTEM, Message("system", 'Documents: [{"title": "A", "snippet": "B"}]'),
             Message("user", "Hi"), Message("assistant", "Hello"), USER],
            id="Cohere's first interface",
        ),
        pytest.param(
            [{"author": {"role": "user"}, "id": "1", "status": "finished_successfully",
              "content": {"content_type": "text", "parts": ["why?"]}}],
            [USER],
            id="ChatGPT's export",
        ),
        pytest.param(
            [{"author": "helper", "content": {"role": "model", "parts": [{"text": ANSWER}]},
              "invocation_id": "i", "actions": {"state_delta": {}}}],
            [ASSISTANT],
            id="an event of Google's agents",
        ),
        pytest.param(
            [{"role": "user", "name": None, "items": [{"content_type": "text", "text": "why?"}]},
             {"role": "tool", "items": [{"content_type": "function_result", "result": "found"}]}],
            [USER, FOUND],
            id="Semantic Kernel",
        ),
        pytest.param(
            [{"role": "user", "items": [
                {"content_type": "text", "text": "why?"},
                {"content_type": "image", "data_uri": "data:image/png;base64,iVBORw=="}]},
             {"role": "assistant", "items": [
                {"content_type": "reasoning", "text": "Hm."},
                {"content_type": "text", "text": ANSWER}]}],
            [Message("user", "why?", (Media("image", None, "data:image/png;base64,iVBORw=="),)),
             ASSISTANT],
            id="thoughts and data of Semantic Kernel",
        ),
        pytest.param(
            [{"role": "user", "contents": [{"$type": "text", "text": "why?"}]},
             {"role": "assistant", "contents": [
                {"$type": "reasoning", "text": "Hm."},
                {"$type": "functionCall", "callId": "c", "name": "find", "arguments": {"q": "x"}}]},
             {"role": "tool", "contents": [
                {"$type": "functionResult", "callId": "c", "result": "found"}]},
             {"role": "assistant", "contents": [{"$type": "text", "text": ANSWER}]}],
            [USER, CALL, FOUND, ASSISTANT],
            id="Microsoft.Extensions.AI",
        ),
        pytest.param(
            [{"type": "chat_message", "role": {"type": "role", "value": "user"},
              "contents": [{"type": "text", "text": "why?"}], "additional_properties": {}},
             {"type": "chat_message", "role": {"type": "role", "value": "assistant"}, "contents": [
                {"type": "text_reasoning", "text": "Hm."},
                {"type": "function_call", "call_id": "c", "name": "find",
                 "arguments": '{"q": "x"}'},
                {"type": "function_result", "call_id": "c", "result": "found"},
                {"type": "text", "text": ANSWER}]}],
            [USER, CALL, FOUND, ASSISTANT],
            id="Microsoft's Agent Framework",
        ),
        pytest.param(
            [{"id": "1", "role": "user", "content": "why?"},
             {"id": "2", "role": "assistant", "toolCalls": [
                {"id": "c", "type": "function",
                 "function": {"name": "find", "arguments": '{"q": "x"}'}}]},
             {"id": "3", "role": "tool", "toolCallId": "c", "content": "found"},
             {"id": "4", "role": "assistant", "content": ANSWER}],
            [USER, CALLS, FOUND, ASSISTANT],
            id="AG-UI",
        ),
        pytest.param(
            [{"lc": 1, "type": "constructor", "id": ["langchain", "schema", "messages", name],
              "kwargs": {"content": content}}
             for name, content in (("HumanMessage", "why?"), ("AIMessage", ANSWER))],
            [USER, ASSISTANT],
            id="messages that LangChain has serialised",
        ),
        pytest.param(
            {"values": {"messages": [{"type": "human", "content": "why?"}]}, "next": [],
             "tasks": [], "metadata": {"step": 1}, "checkpoint": {"thread_id": "x"}},
            [USER],
            id="a state of LangGraph",
        ),
        pytest.param(
            [{"role": "prompter", "text": "why?"}, {"role": "assistant", "text": ANSWER}],
            [USER, ASSISTANT],
            id="OpenAssistant",
        ),
        pytest.param(
            [{"role": "document", "content": "The sky is blue."}, {"role": "user",
              "content": "why?"}],
            [Message("system", "The sky is blue."), USER],
            id="Granite's documents",
        ),
        pytest.param(
            [{"role": "assistant", "channel": "analysis", "content": "Hm."},
             {"role": "assistant", "channel": "final", "content": ANSWER}],
            [ASSISTANT],
            id="harmony's channels",
        ),
    ],
)  # fmt: skip
def test_a_history_is_read_as_its_model_saw_it(value: Any, messages: list[Message]) -> None:
    assert list(read_messages(value)) == messages
    assert list(read_messages(json.dumps(value))) == messages


@pytest.mark.parametrize("history", [HAYSTACK, PYDANTIC_AI, AUTOGEN, AUTOGEN_CORE, SMOLAGENTS])
def test_what_the_agent_said_last_is_the_answer(history: list[Any]) -> None:
    assert ending_answer(read_messages(history))[1] == ANSWER
    assert read_response(history) == ANSWER
    assert read_response(json.dumps(history[-1:])) == ANSWER


def test_instructions_of_pydantic_ai_are_told_once_as_long_as_they_stay() -> None:
    asked = part("user-prompt", "why?")
    history = [request(asked, instructions=said) for said in ("be brief", "be brief", "be kind")]
    assert list(read_messages(history)) == [SYSTEM, USER, USER, Message("system", "be kind"), USER]


def test_pictures_of_pydantic_ai_are_carried() -> None:
    picture = {"kind": "image-url", "url": LINK.url, "media_type": "image/png", "identifier": "a"}
    data = {"kind": "binary", "data": "iVBORw==", "media_type": "image/png"}
    (message,) = read_messages([request(part("user-prompt", ["look", picture, data]))])
    assert message.content == "look"
    assert message.media == (LINK, Media("image", "image/png", "data:image/png;base64,iVBORw=="))


def test_a_structured_answer_of_pydantic_ai_is_its_call() -> None:
    call = {"part_kind": "tool-call", "tool_name": "final_result", "args": {"city": "Lyon"}}
    done = part("tool-return", "Final result processed.", tool_name="final_result")
    history = [request(part("user-prompt", "why?")), response(call), request(done)]
    asked, answer = ending_answer(read_messages(history))
    assert asked == (USER,)
    assert answer == '{"name": "final_result", "arguments": {"city": "Lyon"}}'


def test_to_the_agent_that_speaks_last_the_others_are_whom_it_answers() -> None:
    talk = [
        of_agent("TextMessage", "user", "why?"),
        of_agent("TextMessage", "poet", "A poem."),
        of_agent("TextMessage", "critic", "APPROVE"),
    ]
    asked, answer = ending_answer(read_messages(talk))
    assert asked == (USER, Message("user", "A poem."))
    assert answer == "APPROVE"


def test_a_picture_of_autogen_is_carried() -> None:
    (message,) = read_messages(
        [of_agent("MultiModalMessage", "user", ["look", {"data": "iVBORw0KGgo="}])]
    )
    assert [medium.type or medium.kind for medium in message.media] == ["image"]
    assert message.content == "look"


def test_what_autogen_remembers_and_hands_over_is_read() -> None:
    memory = of_agent("MemoryQueryEvent", "a", [{"content": "as is known", "mime_type": "text"}])
    over = of_agent("HandoffMessage", "a", "your turn")
    over |= {"target": "b", "context": [{"type": "UserMessage", "source": "user", "content": "x"}]}
    read = read_messages([memory, over, of_agent("TextMessage", "b", ANSWER)])
    assert [message.role for message in read] == ["system", "user", "user", "assistant"]
    assert "as is known" in read[0].content


@pytest.mark.parametrize(
    ("item", "told"),
    [
        ({"type": "item_reference", "id": "msg_1"}, "refers to an item kept on the server"),
        ({"id": "msg_1"}, "refers to an item kept on the server; put the item itself"),
        ({"type": "compaction", "encrypted_content": "x"}, "without text"),
        (request(part("capability-load-delta", "x")), r"\(capability-load-delta\)"),
        (request(part("speech", None, transcript=None)), "without text"),
        ({"step_number": 1, "observations": "x"}, "has no role; .* must be system, user"),
        ({"message_type": "heartbeat", "content": "x"}, "has no role"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_number_and_what_to_do(
    item: Any, told: str
) -> None:
    with pytest.raises(DataError, match=f"message 2 of the prompt .*{told}"):
        read_messages([{"role": "user", "content": "why?"}, item])


@pytest.mark.parametrize("history", [HAYSTACK_AS_DICT, PYDANTIC_AI, AUTOGEN])
def test_a_history_that_was_cut_off_is_never_a_question(history: list[Any]) -> None:
    if history is HAYSTACK_AS_DICT:
        history = list(map(underscored, history))
    with pytest.raises(DataError, match="was cut off"):
        read_messages(json.dumps(history)[:-9])
