"""What a message holds beside its content is read or refused, never left out."""

from typing import Any

import pytest

from nemoguardrails_trust.errors import DataError
from nemoguardrails_trust.exchange import Message, read_messages, read_response

ASKED = {"role": "user", "content": "Hi"}
FOUND: dict[str, tuple[dict[str, Any], str, str]] = {
    "file search": (
        {"type": "file_search_call", "queries": ["bridges"], "results": [{"text": "Lyon: 28"}]},
        '{"name": "file_search_call", "arguments": ["bridges"]}',
        "Lyon: 28",
    ),
    "an MCP server's tool": (
        {"type": "mcp_call", "name": "roll", "arguments": "{}", "output": "4", "error": None},
        '{"name": "roll", "arguments": {}}',
        "4",
    ),
    "an MCP server's failure": (
        {"type": "mcp_call", "name": "roll", "arguments": "{}", "output": None, "error": "no dice"},
        '{"name": "roll", "arguments": {}}',
        "no dice",
    ),
    "a patch": (
        {"type": "apply_patch_call", "operation": {"path": "a"}, "output": "ok"},
        '{"name": "apply_patch_call", "arguments": {"operation": {"path": "a"}}}',
        "ok",
    ),
    "code": (
        {
            "type": "code_interpreter_call",
            "code": "print(1)",
            "outputs": [{"type": "logs", "logs": "1"}],
        },
        '{"name": "code_interpreter_call", "arguments": "print(1)"}',
        '[{"type": "logs", "logs": "1"}]',
    ),
}


@pytest.mark.parametrize("form", FOUND)
def test_what_a_server_s_own_tool_found_is_read(form: str) -> None:
    item, call, result = FOUND[form]
    read = read_messages([ASKED, item])
    assert read == (Message("user", "Hi"), Message("assistant", call), Message("tool", result))


def test_a_picture_that_was_made_is_told() -> None:
    item = {"type": "image_generation_call", "id": "i", "status": "completed", "result": "iVBORw0"}
    read = read_messages([ASKED, item])
    assert [medium.kind for message in read for medium in message.media] == ["image"]


def test_a_call_of_a_custom_tool_has_its_name_and_words() -> None:
    call = {"id": "1", "type": "custom", "custom": {"name": "shell", "input": "ls"}}
    read = read_messages([ASKED, {"role": "assistant", "content": None, "tool_calls": [call]}])
    assert read[1].content == '[{"name": "shell", "arguments": "ls"}]'


@pytest.mark.parametrize(
    "said",
    [
        {"content": None, "refusal": "I can't."},
        {"content": [{"type": "refusal", "refusal": "I can't."}]},
        {"content": None, "audio": {"id": "a", "transcript": "I can't.", "data": "aGk="}},
        {"content": [{"type": "output_audio", "transcript": "I can't."}]},
    ],
    ids=["refusal", "refusal part", "audio", "audio part"],
)
def test_what_was_refused_or_spoken_is_what_was_said(said: dict[str, Any]) -> None:
    message = {"role": "assistant", **said}
    assert read_messages([ASKED, message, ASKED])[1] == Message("assistant", "I can't.")
    assert read_response([message]) == "I can't."


def test_what_the_user_spoke_stays_a_recording() -> None:
    audio = {"data": "aGk=", "format": "wav"}
    message = {"role": "user", "content": [{"type": "input_audio", "input_audio": audio}]}
    assert [medium.kind for medium in read_messages([message])[0].media] == ["audio"]


PASSAGES = [{"data": {"snippet": "Lyon: 28"}}]
DOCUMENTS = Message("system", 'Documents: [{"data": {"snippet": "Lyon: 28"}}]')
TOOLS = Message("system", 'Tools: [{"name": "find"}]')


@pytest.mark.parametrize(
    ("value", "more"),
    [
        ([{**ASKED, "documents": PASSAGES}], DOCUMENTS),
        ({"messages": [ASKED], "documents": PASSAGES}, DOCUMENTS),
        ([{**ASKED, "tools": [{"name": "find"}]}], TOOLS),
        ([{**ASKED, "functions": '[{"name": "find"}]'}], TOOLS),
        ([{"type": "mcp_list_tools", "id": "1", "tools": [{"name": "find"}]}, ASKED], TOOLS),
        ([{"type": "additional_tools", "role": "developer", "tools": [{"name": "find"}]}, ASKED],
         TOOLS),
    ],
)  # fmt: skip
def test_documents_and_tools_are_read_wherever_they_stand(value: Any, more: Message) -> None:
    assert read_messages(value) == (more, Message("user", "Hi"))


@pytest.mark.parametrize(
    "beside",
    [
        {"context": "The sky is blue."},
        {"contexts": ["blue"]},
        {"note": "The answer is in the book."},
        {"quotes": {"first": "blue"}},
        {"retrieved": [{"page": {"words": "The sky is blue."}}]},
        {"screenshot": "https://a.b/c.png"},
        {"picture": "data:image/png;base64," + "A" * 300},
        {"many": [[number] for number in range(2000)]},
    ],
)
def test_what_may_have_been_given_under_an_unknown_key_is_refused(beside: dict[str, Any]) -> None:
    with pytest.raises(DataError, match=r"message 1 of the prompt has .* put it into the content"):
        read_messages([{**ASKED, **beside}])
    with pytest.raises(DataError, match="message 2 of the prompt has"):
        read_messages([ASKED, {"role": "assistant", "content": "Hello", **beside}])


@pytest.mark.parametrize(
    "beside",
    [
        {"emotion": "happy", "turn_identifier": 3, "toxic": False, "hashed_ip": "ab12"},
        {"header": {"user-agent": "Mozilla/5.0 (X11; Linux x86_64)"}},
        {"tool_plan": "I will look for it first."},
        {"thinking_blocks": [{"type": "thinking", "thinking": "I will look for it."}]},
        {"content_type": "text/plain", "file_count": 0, "input_tokens": 3},
        {"context": None, "documents": [], "passages": ""},
    ],
)
def test_what_is_only_told_about_a_message_is_left_out(beside: dict[str, Any]) -> None:
    assert read_messages([{**ASKED, **beside}]) == (Message("user", "Hi"),)


def test_what_a_message_is_wrapped_in_is_not_left_out_either() -> None:
    with pytest.raises(DataError, match="has documents beside what it says"):
        read_messages([{"message": ASKED, "documents": PASSAGES}])
    choice = {"index": 0, "finish_reason": "stop", "logprobs": None}
    assert read_response({"choices": [{**choice, "message": {**ASKED, "role": "ai"}}]}) == "Hi"


def test_a_message_that_says_two_things_is_refused() -> None:
    with pytest.raises(DataError, match="one thing under content and another under text; put all"):
        read_messages([{**ASKED, "text": "And why?"}])
    twice = {**ASKED, "parts": [{"type": "text", "text": "Hi"}]}
    assert read_messages([twice]) == (Message("user", "Hi"),)


@pytest.mark.parametrize(
    "part",
    [
        {"text": "look", "inlineData": {"mimeType": "image/png", "data": "iVBORw=="}},
        {"functionCall": {"name": "find"}, "functionResponse": {"response": "found"}},
    ],
)
def test_a_part_that_is_two_things_at_once_is_refused(part: dict[str, Any]) -> None:
    with pytest.raises(DataError, match="or not of a known form"):
        read_messages([{"role": "user", "parts": [part]}])


@pytest.mark.parametrize(
    ("result", "text"),
    [
        ({"type": "tool_result", "tool_use_id": "c", "body": "found"}, '{"body": "found"}'),
        ({"type": "tool_result", "content": [], "structuredContent": {"a": 1}},
         '{"structuredContent": {"a": 1}}'),
        ({"type": "tool_result", "content": [{"text": "Lyon", "bridges": 28}]},
         '[{"text": "Lyon", "bridges": 28}]'),
        ({"type": "mcp_approval_response", "approval_request_id": "1", "approve": False,
          "reason": "It costs too much."},
         '{"approve": false, "reason": "It costs too much."}'),
        ({"type": "tool_search_output", "tools": [{"name": "find"}], "status": "completed"},
         '{"tools": [{"name": "find"}]}'),
    ],
)  # fmt: skip
def test_a_result_is_whole_under_whatever_key_it_stands(result: dict[str, Any], text: str) -> None:
    assert read_messages([ASKED, {"role": "user", "content": [result]}])[1] == Message("tool", text)


@pytest.mark.parametrize(
    ("part", "text"),
    [
        ({"type": "search_result", "title": "T", "source": "u",
          "content": [{"type": "text", "text": "C"}]}, "T\nC"),
        ({"type": "document", "title": "T", "context": "C",
          "source": {"type": "text", "data": "D"}}, "T\nC\nD"),
        ({"type": "resource", "resource": {"uri": "file:///d.txt", "text": "D"}}, "D"),
        ({"type": "file", "source_type": "text", "text": "D", "mime_type": "text/plain"}, "D"),
        ({"kind": "data", "data": {"snippet": "S"}}, '{"snippet": "S"}'),
        ({"type": "document", "document": {"id": "0", "data": {"snippet": "S"}}},
         '{"snippet": "S"}'),
    ],
)  # fmt: skip
def test_a_document_is_read_with_its_title(part: dict[str, Any], text: str) -> None:
    assert read_messages([{"role": "user", "content": [part]}]) == (Message("user", text),)


@pytest.mark.parametrize(
    "part",
    [
        {"type": "data", "uri": "data:image/png;base64,iVBORw==", "media_type": "image/png"},
        {"type": "resource", "resource": {"blob": "iVBORw==", "mimeType": "image/png"}},
        {"content_type": "image", "data_uri": "data:image/png;base64,iVBORw=="},
    ],
)
def test_data_of_a_picture_are_carried(part: dict[str, Any]) -> None:
    (asked,) = read_messages([{"role": "user", "content": [part]}])
    assert [medium.url for medium in asked.media] == ["data:image/png;base64,iVBORw=="]


def test_a_screenshot_of_a_computer_is_a_picture() -> None:
    screen = {"type": "computer_screenshot", "image_url": "https://a.b/c.png"}
    read = read_messages(
        [ASKED, {"type": "computer_call_output", "call_id": "c", "output": screen}]
    )
    assert [medium.kind for medium in read[1].media] == ["image"]


@pytest.mark.parametrize(
    "part",
    [
        {"type": "text", "text": "Hi", "documents": PASSAGES},
        {"type": "text", "text": "Hi", "note": "The answer is in the book."},
        {"text": "Hi", "context": "The sky is blue."},
        {"type": "tool_result", "content": "x", "documents": PASSAGES},
        {"type": "function_call_output", "output": "x", "note": "The answer is in the book."},
    ],
)
def test_what_may_be_given_beside_a_part_s_text_is_refused_too(part: dict[str, Any]) -> None:
    with pytest.raises(DataError, match=r"a part of message 2 of the prompt has .* put it into"):
        read_messages([ASKED, {"role": "user", "content": [part]}])


def test_a_call_that_is_a_text_is_kept() -> None:
    read = read_messages([ASKED, {"role": "assistant", "content": "", "function_call": "find(x)"}])
    assert read[1] == Message("assistant", '["find(x)"]')


def test_objects_with_attributes_of_any_name_are_read() -> None:
    """NeMo Guardrails' own dictionaries have one of every name."""
    from nemoguardrails.colang.v1_0.runtime.utils import AttributeDict

    parts = [AttributeDict({"type": "text", "text": "why?"})]
    said = AttributeDict({"role": "user", "content": parts})
    assert read_messages([said]) == (Message("user", "why?"),)
    assert read_response(parts) == "why?"
