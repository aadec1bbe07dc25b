"""Histories of Letta, smolagents and CAMEL, and chats of Gradio, as these write them."""

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
from tests.exchange.samples import ANSWER, ASSISTANT, CALLS, FOUND, SYSTEM, USER

FILE = Media("image", "image/png", "file:/tmp/a.png")


def of_letta(kind: str, **more: Any) -> dict[str, Any]:
    return {"id": "message-1", "date": "2026-01-01", "message_type": kind, "otid": "o", **more}


def call_of_letta(name: str, arguments: str) -> dict[str, Any]:
    call = {"name": name, "arguments": arguments, "tool_call_id": "c"}
    return of_letta("tool_call_message", tool_call=call)


def return_of_letta(found: str) -> dict[str, Any]:
    more = {"status": "success", "tool_call_id": "c", "stdout": None, "stderr": None}
    return of_letta("tool_return_message", tool_return=found, **more)


THOUGHT = of_letta("reasoning_message", reasoning="I had better look.", source="reasoner_model")
LETTA = [
    of_letta("system_message", content="be brief"),
    of_letta("user_message", content="why?", sender_id=None),
    THOUGHT,
    call_of_letta("find", '{"q": "x"}'),
    return_of_letta("found"),
    of_letta("hidden_reasoning_message", state="redacted"),
    of_letta("assistant_message", content=ANSWER),
]
LETTA_OF_OLD = [
    *LETTA[:5],
    call_of_letta("send_message", json.dumps({"message": ANSWER})),
    return_of_letta("None"),
]


def step(number: int, **more: Any) -> dict[str, Any]:
    return {
        "step_number": number, "timing": {"start_time": 1.0, "end_time": 2.0, "duration": 1.0},
        "model_input_messages": [{"role": "user", "content": "New task: why? And much more."}],
        "tool_calls": None, "error": None, "model_output_message": {"role": "assistant"},
        "model_output": None, "code_action": None, "observations": None,
        "observations_images": None, "action_output": None, "is_final_answer": False,
        "token_usage": {"input_tokens": 1}, **more,
    }  # fmt: skip


CALL_OF_SMOLAGENTS = {
    "id": "c", "type": "function", "function": {"name": "find", "arguments": {"q": "x"}},
}  # fmt: skip
FINAL_CALL = {"type": "function", "function": {"name": "final_answer", "arguments": ANSWER}}
BEGIN = [{"system_prompt": "be brief"}, {"task": "why?", "task_images": None}]
SMOLAGENTS = [
    *BEGIN,
    step(1, tool_calls=[CALL_OF_SMOLAGENTS], observations="found", action_output="found"),
    step(2, tool_calls=[FINAL_CALL], action_output=ANSWER, is_final_answer=True),
]
CODE_AGENT = [
    *BEGIN,
    step(1, model_output="I look.\n<code>find('x')</code>", code_action="find('x')",
         observations="found", error={"type": "AgentError", "message": "then it failed"}),
    step(2, model_output="<code>final_answer('Because.')</code>", observations="Because.",
         action_output=ANSWER, is_final_answer=True),
    {"output": ANSWER},
]  # fmt: skip


def of_camel(role: str, content: str, **more: Any) -> dict[str, Any]:
    message = {"__class__": "BaseMessage", "role_name": "a name", "role_type": "assistant",
               "meta_dict": None, "content": content, **more}  # fmt: skip
    return {"uuid": "u", "message": message, "role_at_backend": role, "extra_info": {},
            "timestamp": 1.0, "agent_id": "a"}  # fmt: skip


CAMEL = [
    of_camel("system", "be brief"),
    of_camel("user", "why?"),
    of_camel("assistant", "", func_name="find", args={"q": "x"}, result=None, tool_call_id="c"),
    of_camel("tool", "", func_name="find", args=None, result="found", tool_call_id="c"),
    of_camel("assistant", ANSWER),
]


def of_gradio(role: str, content: Any, title: str | None = None, **more: Any) -> dict[str, Any]:
    return {"role": role, "content": content, "metadata": {"title": title}, "options": None, **more}


GRADIO = [
    of_gradio("user", "why?"),
    of_gradio("assistant", "I had better look.", "🧠 Thinking", duration=None),
    of_gradio("assistant", "found", "🛠️ Used tool find"),
    of_gradio("assistant", ANSWER, options=[{"value": "tell me more", "label": "More"}]),
]


@pytest.mark.parametrize(
    ("history", "messages"),
    [
        pytest.param(LETTA, [SYSTEM, USER, CALLS, FOUND, ASSISTANT], id="Letta"),
        pytest.param(LETTA_OF_OLD, [SYSTEM, USER, CALLS, FOUND, ASSISTANT], id="Letta before 1.0"),
        pytest.param(SMOLAGENTS, [SYSTEM, USER, CALLS, FOUND, ASSISTANT], id="smolagents"),
        pytest.param(
            CODE_AGENT,
            [SYSTEM, USER, Message("assistant", "I look.\n<code>find('x')</code>"),
             Message("tool", "found\nthen it failed"), ASSISTANT],
            id="smolagents' code agent",
        ),
        pytest.param(CAMEL, [SYSTEM, USER, CALLS, FOUND, ASSISTANT], id="CAMEL's memory"),
        pytest.param(GRADIO, [USER, FOUND, ASSISTANT], id="Gradio"),
        pytest.param([["why?", ANSWER]], [USER, ASSISTANT], id="Gradio's pairs"),
    ],
)  # fmt: skip
def test_a_history_is_read_as_its_model_saw_it(history: Any, messages: list[Message]) -> None:
    assert list(read_messages(history)) == messages
    assert ending_answer(read_messages(history))[1] == ANSWER
    if isinstance(history[0], dict):
        assert list(read_messages(json.dumps(history))) == messages
        assert read_response(history) == read_response(json.dumps(history[-2:])) == ANSWER


@pytest.mark.parametrize("history", [LETTA, SMOLAGENTS, CAMEL])
def test_a_history_that_ends_with_what_a_tool_found_has_no_answer(history: Any) -> None:
    assert ending_answer(read_messages(history[:-1]))[1] is None


def test_what_letta_sends_back_holds_the_answer() -> None:
    sent = {"messages": LETTA[2:], "stop_reason": {"message_type": "stop_reason"},
            "usage": {"message_type": "usage_statistics", "total_tokens": 3}}  # fmt: skip
    assert read_response(sent) == ANSWER


def test_what_a_person_said_of_a_call_of_letta_is_told() -> None:
    denied = of_letta("approval_response_message", approve=False, reason="not on a Sunday, please")
    assert "not on a Sunday" in read_messages([USER, denied])[-1].content


def test_a_plan_of_smolagents_is_no_part_of_the_answer() -> None:
    plan = {"plan": "1. Look.", "model_output_message": {}, "model_input_messages": []}
    asked, answer = ending_answer(read_messages([*BEGIN, plan, SMOLAGENTS[-1]]))
    assert answer == ANSWER
    assert Message("assistant", "1. Look.") in asked


@pytest.mark.parametrize(("output", "answer"), [(12, "12"), ({"city": "Lyon"}, '{"city": "Lyon"}')])
def test_an_answer_of_smolagents_may_be_more_than_a_text(output: Any, answer: str) -> None:
    final = step(1, tool_calls=[FINAL_CALL], action_output=output, is_final_answer=True)
    assert read_response([*BEGIN, final]) == answer
    assert read_response([*BEGIN, final, {"output": output}]) == answer


def test_messages_of_camel_without_a_memory_are_read() -> None:
    told = {"role_name": "a name", "meta_dict": {}, "content": "why?"}
    asked = {**told, "role_type": "USER", "image_list": ["iVBORw0KGgo="]}
    answered = {**told, "role_type": "RoleType.ASSISTANT", "content": ANSWER}
    first, last = read_messages([asked, answered])
    assert [medium.kind for medium in first.media] == ["image"]
    assert last == ASSISTANT


@pytest.mark.parametrize(
    "content",
    [
        {"path": "/tmp/a.png", "mime_type": "image/png", "meta": {"_type": "gradio.FileData"}},
        [{"type": "file", "file": {"path": "/tmp/a.png", "mime_type": "image/png"}}],
        ("/tmp/a.png", None),
        ["/tmp/a.png"],
    ],
)
def test_files_of_gradio_are_no_words(content: Any) -> None:
    (message,) = read_messages([of_gradio("user", content)])
    assert (message.content, message.media) == ("", (FILE,))


def test_a_box_of_gradio_may_hold_files() -> None:
    asked = read_messages({"text": "why?", "files": ["/tmp/a.png", {"path": "/tmp/a.png"}]})
    assert asked == (Message("user", "why?", (FILE, FILE)),)
    assert read_messages({"text": "why?", "files": []}) == (USER,)


@pytest.mark.parametrize(
    ("pairs", "messages"),
    [
        ([["Hi", "Hello"], ["why?", None]], ["Hi", "Hello", "why?"]),
        ([[None, "Welcome!"], ["and why is that so", "Because."]],
         ["Welcome!", "and why is that so", "Because."]),
        ([(("/tmp/a.png",), None), ("why?", None)], ["", "why?"]),
        ([["user", "Hi"], ["assistant", "Hello"]], ["Hi", "Hello"]),
    ],
)  # fmt: skip
def test_pairs_are_what_was_asked_and_answered(pairs: Any, messages: list[str]) -> None:
    assert [message.content for message in read_messages(pairs)] == messages


@pytest.mark.parametrize(
    "value",
    [
        [["Customer", "Hi, how are you?"], ["Agent", "Fine."]],
        [of_gradio("user", {"component": "plot", "value": {"a": "what it shows"}})],
        [{"role": "user", "content": "why?", "metadata": None, "options": ["it is rain or snow"]}],
        [of_camel("critic", "why?")],
        {"message": "why?", "role_name": "a name", "role_type": "x"},
        [{"message": ["why?"], "role_name": {}, "role_type": []}],
        [{**USER_STEP, "note": "there is more to it"} for USER_STEP in LETTA[1:2]],
    ],
)
def test_what_cannot_be_told_is_refused(value: Any) -> None:
    with pytest.raises(DataError):
        read_messages(value)
