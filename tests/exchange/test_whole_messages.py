"""What a message holds beside its content is read or refused, never left out."""

from typing import Any

import pytest

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
