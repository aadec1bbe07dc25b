"""Messages, events and activities as apps and platforms for bots export them."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from nemoguardrails_trust.errors import DataError
from nemoguardrails_trust.exchange.steps import Item
from nemoguardrails_trust.exchange.values import is_filled, unpacked

_USER, _BOT = "user", "assistant"
_FLAGS = {
    "is_user": (_USER, _BOT), "isCreatedByUser": (_USER, _BOT), "isBot": (_BOT, _USER),
    "is_bot": (_BOT, _USER), "is_human": (_USER, _BOT),
}  # fmt: skip
"""Who speaks where a key is true, and where it is not."""
_DIRECTIONS = {
    **dict.fromkeys(("incoming", "inbound"), _USER),
    **dict.fromkeys(("outgoing", "outbound", "outbound-api", "outbound-reply"), _BOT),
}
_KINDS_OF_AUTHORS = {
    **dict.fromkeys(("user", "lead", "contact", "end-user"), _USER),
    **dict.fromkeys(("bot", "business", "admin", "agent", "ai"), _BOT),
}
_BODIES = ("content", "text", "payload", "body", "mes", "message")
_ABOUT = {
    *_FLAGS, "direction", "from", "author", "recipient", "type", "event",
    "ts", "user", "bot_id", "bot_profile", "subtype", "team", "client_msg_id", "thread_ts",
    "edited", "reply_count", "blocks", "parse_data", "input_channel", "textFormat", "locale",
    "timestamp", "localTimestamp", "localTimezone", "channelId", "serviceUrl", "conversation",
    "replyToId", "entities", "inputHint", "channelData", "suggestedActions", "conversationId",
    "userId", "tags", "received", "source", "is_name", "send_date", "swipes", "swipe_id",
    "name", "sender", "children", "childrenIds", "endpoint", "model", "user_team",
    "source_team", "app_id",
}  # fmt: skip
"""Keys of a message of an app that hold nothing of what is said, or say it again."""

_EVENTS = {"user": _USER, "bot": _BOT, "agent": _BOT}  # what is said, in Rasa
_UNSAID = {
    "action", "slot", "session_started", "action_execution_rejected", "followup", "active_loop",
    "form", "loop_interrupted", "form_validation", "entities", "user_featurization", "reminder",
    "cancel_reminder", "pause", "resume", "export", "stack", "commands", "flow_started",
    "flow_completed", "flow_interrupted", "flow_resumed", "flow_cancelled",
}  # fmt: skip
_OF_TELEMETRY = re.compile(r"gen_ai\.(?:(?:system|user|assistant|tool)\.message|choice)")
_CHANGES = frozenset(("undo", "rewind", "restart", "session_restarted"))
_ACTIVITIES = {
    "conversationUpdate", "typing", "endOfConversation", "installationUpdate", "trace",
    "messageReaction", "contactRelationUpdate",
}  # fmt: skip
"""Activities of Microsoft's bots in which nothing is said."""


def rendered(item: Item) -> str | None:
    """A prompt of promptfoo's results as it was sent; `None` where the object is no such."""
    raw = item.get("raw")
    return raw if isinstance(raw, str) and isinstance(item.get("label"), str) else None


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
    is_timed = isinstance(item.get("timestamp"), int | float)
    if is_timed and isinstance(event, str) and event in _UNSAID | _CHANGES | _EVENTS.keys():
        return _rasa
    if isinstance(item.get("queryResult"), Mapping):
        return _dialogflow
    sender = item.get("from")
    if isinstance(kind, str) and isinstance(sender, Mapping):
        is_known = kind in _ACTIVITIES or _role_of_activity(sender) is not None
        return _activity if is_known else None
    has_body = any(is_filled(item.get(key)) for key in _BODIES)
    return _message if has_body and _speaker(item) is not None else None


def _speaker(item: Item) -> str | None:
    """Who speaks in a message that says it by a flag, a direction or its author."""
    role = _flagged(item) or _DIRECTIONS.get(str(item.get("direction")))
    if role is not None:
        return role
    author = item.get("author")
    if isinstance(author, Mapping):
        return _flagged(author) or _KINDS_OF_AUTHORS.get(str(author.get("type")))
    if item.get("type") == "message" and "ts" in item:
        return _BOT if item.get("bot_id") else _USER
    return None


def _flagged(item: Item) -> str | None:
    flags = (key for key in _FLAGS if isinstance(item.get(key), bool))
    return next((_FLAGS[key][not item[key]] for key in flags), None)


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
        more = {
            key: value for key, value in body.items() if key not in about and "." not in str(key)
        }
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


def _role_of_activity(sender: Item) -> str | None:
    names = {"user": _USER, "bot": _BOT, "skill": _BOT, "1": _USER, "0": _BOT}
    return names.get(str(sender.get("role")))


def _activity(item: Item) -> Iterator[Item]:
    if item["type"] in _ACTIVITIES:
        return
    more = {key: value for key, value in item.items() if key not in _ABOUT | {"text", "speak"}}
    yield {"role": _role_of_activity(item["from"]), "content": item.get("text"), **more}
