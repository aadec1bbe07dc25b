"""Chats as apps and platforms for bots export them."""

import copy
import json
from collections.abc import Mapping
from typing import Any

import pytest

from nemoguardrails_trust.datasets.columns import Columns
from nemoguardrails_trust.datasets.rows import read_content
from nemoguardrails_trust.errors import DataError
from nemoguardrails_trust.exchange import Message, ending_answer, read_messages

Q, ANSWER, MORE = "Which city has more bridges?", "Lyon", "And Nice?"
ASKED, ANSWERED = Message("user", Q), Message("assistant", ANSWER)


def of_chatgpt(role: str, parts: Any, **more: Any) -> dict[str, Any]:
    content = parts if isinstance(parts, dict) else {"content_type": "text", "parts": parts}
    author: dict[str, Any] = {"role": role, "name": None, "metadata": {}}
    return {"id": "m", "author": author, "content": content, "recipient": "all", **more}


def node(name: str, parent: str | None, message: Any) -> dict[str, Any]:
    return {"id": name, "parent": parent, "children": [], "message": message}


NODES = [
    node("root", None, None),
    node("s", "root", of_chatgpt("system", [""])),
    node("u", "s", of_chatgpt("user", [Q])),
    node("a1", "u", of_chatgpt("assistant", ["Paris"])),
    node("a2", "u", of_chatgpt("assistant", [ANSWER])),
]
CHATGPT: dict[str, Any] = {
    "title": "Bridges", "create_time": 1.0, "mapping": {node["id"]: node for node in NODES},
    "current_node": "a2", "conversation_id": "c", "safe_urls": [], "is_archived": False,
}  # fmt: skip
OPEN_WEBUI = {
    "id": "1", "chat": {"title": "Bridges", "models": ["m"], "history": {
        "currentId": "a", "messages": {
            "u": {"id": "u", "parentId": None, "role": "user", "content": Q},
            "a": {"id": "a", "parentId": "u", "role": "assistant", "content": ANSWER},
            "b": {"id": "b", "parentId": "u", "role": "assistant", "content": "Paris"}}}},
}  # fmt: skip


def of_claude(name: str, sender: str, text: str, **more: Any) -> dict[str, Any]:
    part: dict[str, Any] = {"type": "text", "text": text, "citations": [], "start_timestamp": None}
    return {"uuid": name, "text": text, "content": [part], "sender": sender, "attachments": [],
            "files": [], "created_at": f"2026-01-01T00:00:0{name}Z", **more}  # fmt: skip


CLAUDE: dict[str, Any] = {
    "uuid": "c", "name": "Bridges", "account": {"uuid": "a"},
    "chat_messages": [of_claude("1", "human", Q), of_claude("2", "assistant", ANSWER)],
}  # fmt: skip
SLACK = [
    {"type": "message", "subtype": "channel_join", "user": "U1", "text": "came", "ts": "0.5"},
    {"type": "message", "user": "U1", "text": Q, "ts": "1.0", "team": "T",
     "blocks": [{"type": "rich_text", "elements": [{"type": "text", "text": Q}]}]},
    {"type": "message", "user": "U2", "bot_id": "B", "text": ANSWER, "ts": "2.0"},
]  # fmt: skip
RASA = [
    {"event": "action", "timestamp": 1, "name": "action_session_start"},
    {"event": "user", "timestamp": 2, "text": Q, "parse_data": {"text": Q}, "metadata": {}},
    {"event": "slot", "name": "topic", "value": "a few words here", "timestamp": 2},
    {"event": "bot", "timestamp": 3, "text": ANSWER,
     "data": {"buttons": [{"title": "And Nice?"}], "image": None, "custom": None}},
]  # fmt: skip
TRACKER = {"sender_id": "x", "events": RASA, "latest_message": {"text": Q}, "slots": {"a": None}}
DIALOGFLOW = {
    "responseId": "x",
    "queryResult": {"queryText": Q, "fulfillmentMessages": [{"text": {"text": [ANSWER]}}]},
}
BOTPRESS = [
    {"id": "2", "direction": "outgoing", "type": "text", "createdAt": "2026-01-02",
     "payload": {"type": "text", "text": ANSWER}, "tags": {}, "userId": "b"},
    {"id": "1", "direction": "incoming", "type": "text", "createdAt": "2026-01-01",
     "payload": {"type": "text", "text": Q}, "tags": {}, "userId": "u"},
]  # fmt: skip
ACTIVITIES = [
    {"type": "conversationUpdate", "membersAdded": [{"id": "b"}], "from": {"id": "u"}},
    {"type": "message", "from": {"id": "u", "role": "user"}, "text": Q, "locale": "en-US",
     "recipient": {"id": "b", "name": "A bot for many bridges"}, "attachments": []},
    {"type": "typing", "from": {"id": "b", "role": "bot"}},
    {"type": "message", "from": {"id": "b", "role": "bot"}, "text": ANSWER, "replyToId": "1"},
]  # fmt: skip
COPILOT_STUDIO = [
    {"type": "message", "from": {"id": "u", "role": 1}, "text": Q},
    {"type": "message", "from": {"id": "b", "role": 0}, "text": ANSWER},
]
SUNSHINE = [
    {"id": "1", "author": {"type": "user", "displayName": "X"},
     "content": {"type": "text", "text": Q}, "source": {"type": "web"}},
    {"id": "2", "author": {"type": "business"}, "content": {"type": "text", "text": ANSWER}},
]  # fmt: skip
DISCORD = [
    {"id": "1", "type": "Default", "content": Q, "author": {"name": "x", "isBot": False}},
    {"id": "2", "type": "Default", "content": ANSWER, "author": {"name": "b", "isBot": True}},
]
LIBRECHAT = [
    {"messageId": "1", "parentMessageId": "0", "sender": "User", "isCreatedByUser": True,
     "text": Q},
    {"messageId": "2", "parentMessageId": "1", "sender": "GPT", "isCreatedByUser": False,
     "text": ANSWER},
]  # fmt: skip
THREADS = [
    {"object": "thread.message", "id": "2", "created_at": 2, "role": "assistant",
     "content": [{"type": "text", "text": {"value": ANSWER, "annotations": []}}]},
    {"object": "thread.message", "id": "1", "created_at": 1, "role": "user",
     "content": [{"type": "text", "text": {"value": Q, "annotations": []}}]},
]  # fmt: skip
OPEN_ASSISTANT: dict[str, Any] = {
    "message_tree_id": "t", "tree_state": "ready_for_export", "prompt": {
        "message_id": "1", "text": Q, "role": "prompter", "replies": [
            {"message_id": "2", "text": ANSWER, "role": "assistant", "replies": []}]},
}  # fmt: skip
AI_STUDIO = {
    "runSettings": {"model": "m"}, "systemInstruction": {}, "chunkedPrompt": {"chunks": [
        {"text": Q, "role": "user"}, {"text": "Paris?", "role": "model", "isThought": True},
        {"text": ANSWER, "role": "model"}]},
}  # fmt: skip


def of_telemetry(name: str, **body: Any) -> list[dict[str, Any]]:
    """An event in the two forms that OpenTelemetry has had for it, and in Logfire's."""
    return [
        {"name": f"gen_ai.{name}", "attributes": {"gen_ai.system": "openai", **body}},
        {"event.name": f"gen_ai.{name}", "body": body},
        {"event.name": f"gen_ai.{name}", "gen_ai.message.index": 0, **body},
    ]


CHOICE = {"index": 0, "finish_reason": "stop", "message": {"content": ANSWER}}
EVENTS = list(
    zip(of_telemetry("user.message", content=Q), of_telemetry("choice", **CHOICE), strict=True)
)
EXPORTS: Mapping[str, Any] = {
    "events of OpenTelemetry": list(EVENTS[0]), "its log": list(EVENTS[1]),
    "events of Logfire": {"events": list(EVENTS[2])},
    "ChatGPT": CHATGPT, "a list with one chat": [CHATGPT], "Open WebUI": OPEN_WEBUI,
    "Claude": CLAUDE, "Slack": SLACK, "Slack's server": {"ok": True, "messages": SLACK[:0:-1]},
    "Rasa": RASA, "a tracker of Rasa": TRACKER, "Dialogflow": DIALOGFLOW,
    "Dialogflow, turn by turn": [DIALOGFLOW], "Botpress": {"messages": BOTPRESS},
    "the Bot Framework": {"activities": ACTIVITIES, "watermark": "3"},
    "activities": ACTIVITIES, "Copilot Studio": {"activities": COPILOT_STUDIO},
    "Sunshine Conversations": {"messages": SUNSHINE}, "Discord": {"messages": DISCORD},
    "LibreChat": {"conversationId": "c", "endpoint": "openAI", "messages": LIBRECHAT},
    "OpenAI's threads": {"object": "list", "data": THREADS, "first_id": "2", "has_more": False},
    "OpenAssistant": OPEN_ASSISTANT, "Google AI Studio": AI_STUDIO,
}  # fmt: skip


@pytest.mark.parametrize("name", EXPORTS)
def test_an_export_is_read_as_it_was_said(name: str) -> None:
    for value in (EXPORTS[name], json.dumps(EXPORTS[name])):
        assert read_messages(value) == (ASKED, ANSWERED)
        assert ending_answer(read_messages(value)) == ((ASKED,), ANSWER)


def test_the_branch_that_was_shown_last_is_read() -> None:
    assert read_messages({**CHATGPT, "current_node": "a1"})[-1].content == "Paris"
    edited = of_claude("3", "assistant", "Paris", parent_message_uuid="1")
    said = [of_claude("1", "human", Q, parent_message_uuid="0"),
            of_claude("2", "assistant", ANSWER, parent_message_uuid="1"), edited]  # fmt: skip
    chat = {**CLAUDE, "chat_messages": said, "current_leaf_message_uuid": "2"}
    assert read_messages(chat) == (ASKED, ANSWERED)


def test_of_a_tree_whose_shown_branch_is_not_told_nothing_is_scored() -> None:
    tree = copy.deepcopy(OPEN_ASSISTANT)
    tree["prompt"]["replies"] *= 2
    chat = {key: value for key, value in CHATGPT.items() if key != "current_node"}
    said = [{**message, "parentId": "0"} for message in LIBRECHAT[:1]]
    said += [{**LIBRECHAT[1], "messageId": name} for name in ("2", "3")]
    for value in (tree, chat, {"messages": said}):
        for given in (value, json.dumps(value)):
            with pytest.raises(
                DataError, match=r"a tree with 2 branches, .* name its last message"
            ):
                read_messages(given)


def test_a_tree_that_loops_ends() -> None:
    looped = {name: {**node, "parent": "a2"} for name, node in CHATGPT["mapping"].items()}
    assert read_messages({"mapping": looped, "current_node": "a2"}) == (ANSWERED,)


def test_a_file_of_chatgpt_is_a_data_set() -> None:
    columns = Columns.find(tuple(CHATGPT))
    content = read_content(CHATGPT, columns)
    assert (content.messages, content.response) == ((ASKED,), ANSWER)
    claude = read_content(CLAUDE, Columns.find(tuple(CLAUDE)))
    assert (claude.messages, claude.response) == ((ASKED,), ANSWER)


@pytest.mark.parametrize(
    "content",
    [
        {"content_type": "thoughts", "thoughts": [{"summary": "x", "content": "Paris?"}]},
        {"content_type": "reasoning_recap", "content": "Thought for 3 seconds"},
    ],
)
def test_what_chatgpt_thought_is_left_out(content: Any) -> None:
    nodes = {**CHATGPT["mapping"], "t": node("t", "u", of_chatgpt("assistant", content))}
    nodes["a2"] = {**nodes["a2"], "parent": "t"}
    assert read_messages({**CHATGPT, "mapping": nodes}) == (ASKED, ANSWERED)


def test_calls_that_claude_s_text_has_no_words_for_are_read_from_its_parts() -> None:
    shown = "Let me see.\n```\nThis block is not supported on your current device yet.\n```\n\nLyon"
    parts = [{"type": "text", "text": "Let me see."}, {"type": "tool_use", "name": "find"},
             {"type": "tool_result", "content": [{"type": "text", "text": "28"}]},
             {"type": "text", "text": ANSWER}]  # fmt: skip
    said = of_claude("2", "assistant", shown) | {"content": parts}
    read = read_messages([of_claude("1", "human", Q), said])
    assert read[-2:] == (Message("tool", "28"), ANSWERED)


def test_what_a_user_told_of_themselves_is_part_of_the_instructions() -> None:
    told = {"content_type": "user_editable_context", "user_profile": "I live in Lyon."}
    nodes = {**CHATGPT["mapping"], "s": node("s", "root", of_chatgpt("system", told))}
    read = read_messages({**CHATGPT, "mapping": nodes})
    assert read == (Message("system", "I live in Lyon."), ASKED, ANSWERED)


def test_what_was_attached_is_carried() -> None:
    picture = {"content_type": "image_asset_pointer", "asset_pointer": "file-service://1"}
    asked = of_chatgpt("user", {"content_type": "multimodal_text", "parts": [picture, Q]})
    nodes = {**CHATGPT["mapping"], "u": node("u", "s", asked)}
    (question, _) = read_messages({**CHATGPT, "mapping": nodes})
    assert [medium.kind for medium in question.media] == ["image"]
    file = {"file_name": "a.txt", "file_type": "txt", "extracted_content": "Lyon: 28"}
    (asked_claude,) = read_messages([of_claude("1", "human", Q, attachments=[file])])
    assert asked_claude == Message("user", f"{Q}\nLyon: 28")


@pytest.mark.parametrize(
    "value",
    [
        [CHATGPT, CHATGPT],
        {**CHATGPT, "files": [{"name": "a.txt"}]},
        {"comments": [{"id": 1, "author_id": 5, "body": Q}, {"author_id": 9, "body": "x"}]},
        {"source": {"body": Q, "author": {"type": "user"}},
         "conversation_parts": {"conversation_parts": [{"body": "x", "author": {"type": "bot"}}]}},
        [*RASA, {"event": "rewind", "timestamp": 4}],
        [{**RASA[1], "event": "bot", "data": {"custom": {"card": "what it shows to users"}}}],
        [*ACTIVITIES, {"type": "event", "name": "plan", "from": {"role": "bot"},
                       "value": {"observation": "what a search has found"}}],
        {"queryResult": {"queryText": Q, "responseMessages": [{"payload": {"card": "a b c"}}]}},
        [{**BOTPRESS[1], "payload": {"type": "carousel", "items": [{"title": "a b c"}]}}],
        {"turns": [{"who": "x", "text": Q}]},
    ],
)  # fmt: skip
def test_what_cannot_be_told_is_refused(value: Any) -> None:
    with pytest.raises(DataError):
        read_messages(value)
