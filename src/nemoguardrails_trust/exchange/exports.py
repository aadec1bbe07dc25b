"""Chats as apps and platforms for bots export them: trees of versions, events, activities."""

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

from nemoguardrails_trust.errors import DataError
from nemoguardrails_trust.exchange.steps import Item
from nemoguardrails_trust.exchange.values import is_filled, unpacked

_PARENTS = (
    *("parent", "parentId", "parent_id", "parentMessageId", "parentUuid"),
    "parent_message_uuid",
)
_IDS = ("id", "uuid", "messageId", "message_id")
LAST = ("current_node", "currentId", "current_leaf_message_uuid")
_TIMES = ("ts", "created_at", "createdAt")

_USER, _BOT = "user", "assistant"
_FLAGS = {
    "is_user": (_USER, _BOT), "isCreatedByUser": (_USER, _BOT), "isBot": (_BOT, _USER),
    "is_bot": (_BOT, _USER), "is_human": (_USER, _BOT),
}  # fmt: skip
"""Who speaks where a key is true, and where it is not."""
_DIRECTIONS = {
    **dict.fromkeys(("incoming", "inbound", "in"), _USER),
    **dict.fromkeys(("outgoing", "outbound", "outbound-api", "outbound-reply", "out"), _BOT),
}
_KINDS_OF_AUTHORS = {
    **dict.fromkeys(("user", "lead", "contact", "end-user"), _USER),
    **dict.fromkeys(("bot", "business", "admin", "agent", "ai"), _BOT),
}
_BODIES = ("content", "text", "payload", "body", "mes", "message")
_ABOUT = frozenset(
    (
        *_PARENTS, *_IDS, *_FLAGS, "direction", "from", "author", "recipient", "type", "event",
        "ts", "user", "bot_id", "bot_profile", "subtype", "team", "client_msg_id", "thread_ts",
        "edited", "reply_count", "blocks", "parse_data", "input_channel", "textFormat", "locale",
        "timestamp", "localTimestamp", "localTimezone", "channelId", "serviceUrl", "conversation",
        "replyToId", "entities", "inputHint", "channelData", "suggestedActions", "conversationId",
        "userId", "tags", "received", "source", "is_name", "send_date", "swipes", "swipe_id",
        "name", "sender", "children", "childrenIds", "endpoint", "model", "user_team",
        "source_team", "app_id",
    )
)  # fmt: skip
"""Keys of a message of an app that hold nothing of what is said, or say it again."""

_EVENTS = {"user": _USER, "bot": _BOT, "agent": _BOT}  # what is said, in Rasa
_OF_TELEMETRY = re.compile(r"gen_ai\.(?:(?:system|user|assistant|tool)\.message|choice)")
_CHANGES = frozenset(("undo", "rewind", "restart", "session_restarted"))
_ACTIVITIES = frozenset(
    (
        "conversationUpdate", "typing", "endOfConversation", "installationUpdate", "trace",
        "messageReaction", "contactRelationUpdate", "suggestion",
    )
)  # fmt: skip
"""Activities of Microsoft's bots in which nothing is said."""


def is_export(item: Item) -> bool:
    """Whether something is a message or an event of such an app."""
    return "role" not in item and _form_of(item) is not None


def from_export(item: Item, _: str) -> Iterator[Item]:
    """It as usual messages; none where it says nothing."""
    form = _form_of(item)
    if form is not None:
        yield from form(item)


def _form_of(item: Item) -> Callable[[Item], Iterator[Item]] | None:
    event, kind = item.get("event"), item.get("type")
    if _OF_TELEMETRY.fullmatch(_event_name(item)):
        return _of_telemetry
    if isinstance(event, str) and "timestamp" in item:
        return _rasa
    if isinstance(item.get("queryResult"), Mapping):
        return _dialogflow
    sender = item.get("from")
    if isinstance(kind, str) and (kind in _ACTIVITIES or _role_of_activity(sender) is not None):
        return _activity
    return _message if _speaker(item) is not None else None


def _speaker(item: Item) -> str | None:
    """Who speaks in a message that says it by a flag, a direction or its author."""
    for key, (if_true, if_not) in _FLAGS.items():
        if isinstance(item.get(key), bool):
            return if_true if item[key] else if_not
    if (role := _DIRECTIONS.get(str(item.get("direction")))) is not None:
        return role
    author = item.get("author")
    if isinstance(author, Mapping):
        for key, (if_true, if_not) in _FLAGS.items():
            if isinstance(author.get(key), bool):
                return if_true if author[key] else if_not
        return _KINDS_OF_AUTHORS.get(str(author.get("type")))
    if item.get("type") == "message" and "ts" in item:
        return _BOT if item.get("bot_id") else _USER
    return None


def _message(item: Item) -> Iterator[Item]:
    if item.get("subtype") not in (None, "bot_message", "file_share", "thread_broadcast"):
        return  # who came and went in a channel of Slack
    body = next((item[key] for key in _BODIES if is_filled(item.get(key))), None)
    if isinstance(body, Mapping):
        body = [body]
    more = {key: value for key, value in item.items() if key not in _ABOUT | {*_BODIES}}
    yield {"role": _speaker(item), "content": body, **more}


def _event_name(item: Item) -> str:
    return str(item.get("event.name") or item.get("event_name") or item.get("name"))


def _of_telemetry(item: Item) -> Iterator[Item]:
    """An event in which OpenTelemetry once kept a message, or a choice of the answer's."""
    name = _event_name(item).split(".")[1]
    places = (unpacked(item.get(key)) for key in ("body", "attributes"))
    body = next((place for place in places if isinstance(place, Mapping)), item)
    if name == "choice":
        message = unpacked(body.get("message"))
        yield {"role": _BOT, **message} if isinstance(message, Mapping) else {"content": message}
    else:
        about = ("name", "event.name", "event_name", "attributes")
        more = {key: value for key, value in body.items() if key not in about and "." not in key}
        yield {"role": name, **more}


def _rasa(item: Item) -> Iterator[Item]:
    role = _EVENTS.get(item["event"])
    if item["event"] in _CHANGES:
        raise DataError(
            f"a conversation of Rasa has the event {item['event']}, which takes back what was said "
            "before; give it as messages"
        )
    if role is None:
        return
    data = item.get("data")
    data = data if isinstance(data, Mapping) else {}
    # Buttons are left out: the one that is pressed is what the user says next.
    shown = {key: data.get(key) for key in ("image", "attachment", "custom", "elements")}
    yield {"role": role, "content": item.get("text"), **shown}


def _dialogflow(item: Item) -> Iterator[Item]:
    result = item["queryResult"]
    asked = result.get("queryText") or result.get("transcript") or result.get("text")
    if asked:
        yield {"role": _USER, "content": asked}
    replies = result.get("responseMessages") or result.get("fulfillmentMessages")
    said = [_reply(reply) for reply in replies] if isinstance(replies, list) else []
    yield {"role": _BOT, "content": said or result.get("fulfillmentText")}


def _reply(reply: Any) -> Any:
    text = reply.get("text") if isinstance(reply, Mapping) else None
    lines = text.get("text") if isinstance(text, Mapping) else None
    if not isinstance(lines, list):
        return reply
    return {"type": "text", "text": "\n".join(map(str, lines))}


def _role_of_activity(sender: Any) -> str | None:
    names = {"user": _USER, "bot": _BOT, "skill": _BOT, "1": _USER, "0": _BOT}
    return names.get(str(sender.get("role"))) if isinstance(sender, Mapping) else None


def _activity(item: Item) -> Iterator[Item]:
    if item["type"] in _ACTIVITIES:
        return
    more = {key: value for key, value in item.items() if key not in _ABOUT | {"text", "speak"}}
    yield {"role": _role_of_activity(item.get("from")), "content": item.get("text"), **more}


def is_tree(value: Item) -> bool:
    """Whether something is a chat of which all versions are kept."""
    return _nodes_of(value) is not None or _thread_of(value) is not None


def branch_of(value: Item, what: str) -> list[Any] | None:
    """The messages of a tree of versions, along the branch that was shown; `None` for no tree.

    Raises:
        DataError: Which branch that was cannot be told.
    """
    nodes = _nodes_of(value)
    if nodes is not None:
        history = value.get("history")
        last = last_of(value) or (last_of(history) if isinstance(history, Mapping) else None)
        messages = (node.get("message", node) for node in _path(nodes, last, what))
        return [_of_chatgpt(message) for message in messages if _says_something(message)]
    first = _thread_of(value)
    return None if first is None else list(_thread(first, what))


def _says_something(message: Any) -> bool:
    content = message.get("content") if isinstance(message, Mapping) else None
    parts = content.get("parts") if isinstance(content, Mapping) else None
    return message is not None and parts != [""]


def _of_chatgpt(message: Any) -> Any:
    """A message whose content, where it is what the user has told of themselves, is text."""
    content = message.get("content") if isinstance(message, Mapping) else None
    if not isinstance(content, Mapping):
        return message
    if not str(content.get("content_type")).endswith("_editable_context"):
        return message
    told = [text for key, text in content.items() if key != "content_type" and text]
    return {**message, "content": "\n".join(map(str, told))}


def in_row(value: Any, column: str, row: Item) -> Any:
    """A value of a row, with what another column tells of a tree: what was shown last."""
    if column != "mapping":
        return value
    return {column: value, **{key: row[key] for key in LAST if row.get(key)}}


def last_of(value: Item) -> Any:
    """The id of the message that a chat ended with when it was last shown, if it is told."""
    return next((value[key] for key in LAST if value.get(key)), None)


def in_order(items: Sequence[Any], last: Any, what: str) -> list[Any]:
    """The messages of a list as they were said: the newest last, and along one branch.

    Args:
        items: They, as servers list them.
        last: The id of the one that was shown last, if it is known.
        what: What they are, for errors.

    Raises:
        DataError: Some are other versions of others, and which were shown cannot be told.
    """
    said = list(items)
    if not all(isinstance(item, Mapping) for item in said):
        return said
    times = [next((item[key] for key in _TIMES if item.get(key)), None) for item in said]
    if len(said) > 1 and all(before > after for before, after in pairwise(map(_sortable, times))):
        said.reverse()
    nodes = {_named(item, _IDS): item for item in said}
    is_linked = any(_named(item, _PARENTS) in nodes for item in said)
    if None in nodes or len(nodes) != len(said) or not is_linked:
        return said
    return _path(nodes, last, what)


def _sortable(time: Any) -> tuple[str, float | str]:
    """A time that compares to others; without one, all are alike."""
    if isinstance(time, int | float) and math.isfinite(time):
        return "number", time
    return "text", time if isinstance(time, str) else ""


def _nodes_of(value: Item) -> Mapping[Any, Item] | None:
    history = value.get("history")
    nodes = history.get("messages") if isinstance(history, Mapping) else value.get("mapping")
    if not isinstance(nodes, Mapping) or not nodes:
        return None
    is_known = all(isinstance(node, Mapping) and _are_linked(node) for node in nodes.values())
    return nodes if is_known else None


def _are_linked(node: Item) -> bool:
    return any(key in node for key in _PARENTS)


def _thread_of(value: Item) -> Item | None:
    prompt = value.get("prompt")
    return prompt if isinstance(prompt, Mapping) and "replies" in prompt else None


def _named(item: Item, keys: Sequence[str]) -> Any:
    found = next((item[key] for key in keys if item.get(key) is not None), None)
    return found if isinstance(found, str | int) else None


def _path(nodes: Mapping[Any, Item], leaf: Any, what: str) -> list[Item]:
    parents = {name: _named(node, _PARENTS) for name, node in nodes.items()}
    if leaf not in nodes:
        inner = set(parents.values())
        leaves = [name for name in nodes if name not in inner]
        if len(leaves) != 1:
            raise _branches(len(leaves), what)
        leaf = leaves[0]
    path: dict[Any, Item] = {}
    while leaf in nodes and leaf not in path:
        path[leaf] = nodes[leaf]
        leaf = parents[leaf]
    return list(path.values())[::-1]


def _thread(message: Item, what: str) -> Iterator[Item]:
    """A message of OpenAssistant with what was replied to it, and so on."""
    replies: Any = [message]
    while isinstance(replies, list) and replies and isinstance(replies[0], Mapping):
        if len(replies) > 1:
            raise _branches(len(replies), what)
        yield {key: replies[0].get(key) for key in ("role", "text")}
        replies = replies[0].get("replies")


def _branches(count: int, what: str) -> DataError:
    return DataError(
        f"{what} is a tree with {count} branches, and it is unclear which of them was shown; "
        "name its last message under current_node, or give one branch as messages"
    )
