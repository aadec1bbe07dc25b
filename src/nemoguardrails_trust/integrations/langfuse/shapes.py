"""Reads the messages and the texts out of what tracing keeps as input and output.

Every framework traces in a form of its own: plain text, chat messages of OpenAI, Anthropic,
Gemini or LangChain, OpenAI's responses with their items, and the arguments of a decorated Python
function. What is not one of them is refused: text may be missing from a guess.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from nemoguardrails_trust.exchange import Message

MEDIA = re.compile(r"@@@langfuseMedia:type=([^|@]{1,100})")
"""What Langfuse puts in the place of an image, a recording or a file."""

_ROLES = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "human": "user",
    "assistant": "assistant",
    "ai": "assistant",
    "model": "assistant",
    "tool": "tool",
    "function": "tool",
}
_SYSTEM_KEYS = ("system", "instructions", "system_instruction", "systemInstruction")
_CHAT_KEYS = ("messages", "contents", "input", "prompt")
_TOOL_KEYS = ("tools", "functions")
_PARAMETERS = frozenset(
    (
        *("model", "model_name", "engine", "deployment", "provider", "service_tier", "user"),
        *("id", "run_id", "request_id", "trace_id", "user_id", "session_id", "thread_id", "name"),
        *("metadata", "tags", "callbacks", "store", "include", "truncation", "role", "type"),
        *("tool_choice", "toolChoice", "tool_config", "toolConfig", "function_call"),
        *("response_format", "text", "text_format", "modalities", "reasoning", "thinking"),
        *("reasoning_effort", "verbosity", "stop", "stop_sequences", "logit_bias", "prediction"),
        *("stream_options", "extra_body", "extra_headers", "extra_query", "safety_settings"),
        *("config", "generation_config", "generationConfig", "safetySettings"),
    )
)
"""Keys beside a chat that say how the model was called, not what it was given."""

_TEXT_PARTS = ("text", "input_text", "output_text", "refusal")
_TEXT_KEYS = ("text", "page_content", "pageContent", "content", "document", "chunk", "snippet")
_LIST_KEYS = ("documents", "passages", "results", "chunks", "nodes", "matches", "context")
_UNSEEN_ITEMS = ("reasoning", "thinking", "redacted_thinking")
"""A model's own thoughts: they are neither asked nor answered."""


class ShapeError(Exception):
    """A value is in none of the known forms, or holds more than text. Says why."""


def parse(value: Any) -> Any:
    """The JSON that a traced value is the text of; anything else is given back as it is.

    Numbers and words such as `true` stay text: they are what someone wrote.
    """
    if not isinstance(value, str) or value.lstrip()[:1] not in ("{", "[", '"'):
        return value
    try:
        parsed = json.loads(value)
    except (ValueError, RecursionError):
        return value
    return parsed if isinstance(parsed, dict | list | str) else value


def messages_of(value: Any) -> tuple[Message, ...]:
    """The messages that an input holds, tools included, in order.

    Raises:
        ShapeError: They cannot be told.
    """
    messages = tuple(_messages(parse(value)))
    if not any(each.content.strip() for each in messages):
        raise ShapeError("the input is empty")
    return messages


def text_of(value: Any) -> str:
    """The text of an output: an answer's words, or its tool calls as JSON.

    An object in no known form is itself the answer, as JSON: that is what structured output is.

    Raises:
        ShapeError: The output is empty, or holds more than text.
    """
    parsed = parse(value)
    text = _answer(parsed)
    if text is None:
        text = value if isinstance(value, str) else _json(parsed)
    if parsed is None or not text.strip():
        raise ShapeError("the output is empty")
    return _only_text(text)


def passages_of(value: Any) -> tuple[str, ...]:
    """The passages that a retriever gave, each a text.

    Raises:
        ShapeError: They cannot be told.
    """
    return tuple(text for text in _passages(parse(value)) if text.strip())


def leaves(value: Any) -> Iterator[str]:
    """Every string inside a value, and the value's own text."""
    parsed = parse(value)
    if isinstance(value, str):
        yield value
    if isinstance(parsed, Mapping):
        for each in parsed.values():
            yield from leaves(each)
    elif isinstance(parsed, list):
        for each in parsed:
            yield from leaves(each)
    elif isinstance(parsed, str) and parsed is not value:
        yield parsed


def _messages(value: Any) -> Iterator[Message]:
    if isinstance(value, str):
        yield Message("user", _only_text(value))
    elif isinstance(value, list):
        if len(value) == 1 and isinstance(value[0], list):  # LangChain's batch of one
            value = value[0]
        for item in value:
            yield from _item(item)
    elif isinstance(value, Mapping):
        yield from _object(value)
    elif value is not None:
        raise ShapeError(f"the input is a {type(value).__name__}")


def _object(value: Mapping[str, Any]) -> Iterator[Message]:
    if "role" in value:
        yield from _item(value)
        return
    if value.keys() <= {"args", "kwargs"} and value:
        yield from _call_messages(value)
        return
    chats = [key for key in _CHAT_KEYS if value.get(key) is not None]
    if len(chats) == 1:
        _refuse_more(value, chats[0])
        yield from _system(value)
        yield from _tools(value)
        yield from _messages(parse(value[chats[0]]))
    elif not chats and any(value.get(key) for key in _SYSTEM_KEYS):
        raise ShapeError("the input has instructions and no messages")
    elif len(value) == 1:
        yield from _messages(parse(next(iter(value.values()))))
    else:
        names = ", ".join(sorted(str(key) for key in value)[:5])
        raise ShapeError(f"which part of the input is the prompt cannot be told ({names})")


def _refuse_more(value: Mapping[str, Any], chat: str) -> None:
    """Refuses an object that holds more than its chat which the model may have been given."""
    known = {chat, *_SYSTEM_KEYS, *_TOOL_KEYS} | _PARAMETERS
    more = [
        str(key)
        for key, each in value.items()
        if key not in known and isinstance(each, str | list | Mapping) and each
    ]
    if more:
        raise ShapeError(
            f"beside {chat}, the input has {', '.join(sorted(more)[:5])}, and whether the model "
            "was given that cannot be told"
        )


def _call_messages(call: Mapping[str, Any]) -> Iterator[Message]:
    """The messages among the arguments of a decorated function."""
    named = call.get("kwargs")
    if not call.get("args") and isinstance(named, Mapping) and len(named) > 1:
        yield from _object(named)
    else:
        yield from _messages(parse(_only_argument(call)))


def _only_argument(call: Mapping[str, Any]) -> Any:
    """The one argument of a decorated function."""
    named = call.get("kwargs") or {}
    given = [*(call.get("args") or ()), *named.values()]
    if len(given) != 1:
        raise ShapeError(
            f"the traced function has {len(given)} arguments, so which of them is the prompt "
            "cannot be told"
        )
    return given[0]


def _system(value: Mapping[str, Any]) -> Iterator[Message]:
    for place in _places(value):
        for key in _SYSTEM_KEYS:
            if place.get(key):
                yield Message("system", _content(place[key]))


def _places(value: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Where instructions and tools may stand: in the object and in its configuration."""
    config = value.get("config")
    return [value, config] if isinstance(config, Mapping) else [value]


def _tools(value: Mapping[str, Any]) -> Iterator[Message]:
    for place in _places(value):
        for key in _TOOL_KEYS:
            if place.get(key):
                yield Message("system", f"Tools: {_json(place[key])}")


def _item(item: Any) -> Iterator[Message]:
    item = parse(item)
    if isinstance(item, str):
        yield Message("user", _only_text(item))
        return
    if not isinstance(item, Mapping):
        raise ShapeError(f"a message of the input is a {type(item).__name__}")
    kind = item.get("type")
    if kind in _UNSEEN_ITEMS:
        return
    if kind == "function_call":
        yield Message("assistant", _json(_call(item)))
    elif kind == "function_call_output":
        yield Message("tool", _content(item.get("output")))
    else:
        role = item.get("role") or kind
        if role not in _ROLES:
            raise ShapeError(f"a message of the input has the role {str(role)[:40]!r}")
        yield Message(_ROLES[role], _message_text(item))


def _message_text(message: Mapping[str, Any]) -> str:
    """A message's words, followed by its tool calls as JSON."""
    body = message.get("content")
    if body is None:
        body = message.get("parts")
    parts = [] if body is None else [_content(body)]
    calls = message.get("tool_calls") or message.get("function_call")
    if calls:
        listed = calls if isinstance(calls, list) else [calls]
        parts.append(_json([_call(each) for each in listed if isinstance(each, Mapping)]))
    return "\n".join(part for part in parts if part)


def _call(call: Mapping[str, Any]) -> dict[str, Any]:
    """A tool call without its id: what was called, and with what."""
    inner = call.get("function")
    source = inner if isinstance(inner, Mapping) else call
    arguments = next((source[key] for key in ("arguments", "args", "input") if key in source), None)
    return {"name": source.get("name"), "arguments": parse(arguments)}


def _content(content: Any) -> str:
    """The text of a message's content, or of instructions."""
    if isinstance(content, str):
        return _only_text(content)
    if isinstance(content, Mapping):
        content = content.get("parts", [content])
    if isinstance(content, Sequence):
        return "\n".join(filter(None, map(_part, content)))
    if content is None:
        return ""
    raise ShapeError(f"a message's content is a {type(content).__name__}")


def _part(part: Any) -> str:
    if isinstance(part, str):
        return _only_text(part)
    if not isinstance(part, Mapping):
        raise ShapeError(f"a part of a message is a {type(part).__name__}")
    kind = part.get("type")
    if kind in _UNSEEN_ITEMS:
        return ""
    for key in _TEXT_PARTS:
        if kind in (None, *_TEXT_PARTS) and isinstance(part.get(key), str):
            return _only_text(part[key])
    if kind == "tool_use":
        return _json(_call(part))
    if kind == "tool_result":
        return _content(part.get("content"))
    for key in ("functionCall", "function_call"):
        if isinstance(part.get(key), Mapping):
            return _json(_call(part[key]))
    for key in ("functionResponse", "function_response"):
        if isinstance(part.get(key), Mapping):
            return _json(part[key].get("response"))
    name = kind or ", ".join(sorted(map(str, part))[:3])
    raise ShapeError(f"a message holds a part that is not text ({str(name)[:60]})")


def _answer(value: Any) -> str | None:
    """The words of an output in a known form; `None` for any other."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, list):
        return _answer_of_items(value)
    if not isinstance(value, Mapping):
        return None
    for key in ("choices", "candidates", "output"):
        if isinstance(value.get(key), list) and value[key]:
            return _answer(value[key] if key == "output" else value[key][0])
    if isinstance(value.get("message"), Mapping):
        return _answer(value["message"])
    if value.get("type") == "function_call":
        return _json(_call(value))
    is_message = _ROLES.get(str(value.get("role") or value.get("type"))) == "assistant"
    if is_message or ({"role", "content"} <= value.keys()) or value.get("type") == "message":
        return _message_text(value)
    if value.get("content") is not None and value.keys() <= {"content", "role", "finishReason"}:
        return _answer(value["content"])
    if "parts" in value:
        return _content(value["parts"])
    return None


def _answer_of_items(items: list[Any]) -> str | None:
    """The words of a list of messages, response items or content parts."""
    known = [each for each in items if isinstance(each, Mapping)]
    if not items or len(known) != len(items):
        return None
    answers = [each for each in known if each.get("type") not in _UNSEEN_ITEMS]
    if all(each.get("type") in (*_TEXT_PARTS, "tool_use") for each in answers):
        return _content(answers)
    last_turn: list[str] = []
    for each in answers:
        text = _answer(each)
        if text is None:
            return None
        if _ROLES.get(str(each.get("role") or "assistant")) == "assistant":
            last_turn.append(text)
        else:
            last_turn.clear()
    return "\n".join(filter(None, last_turn))


def _passages(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield _only_text(value)
    elif isinstance(value, list):
        for each in value:
            yield from _passages(parse(each))
    elif isinstance(value, Mapping):
        yield from _passages(parse(_passage_body(value)))
    elif value is not None:
        raise ShapeError(f"a passage is a {type(value).__name__}")


def _passage_body(value: Mapping[str, Any]) -> Any:
    for key in (*_LIST_KEYS, *_TEXT_KEYS):
        if isinstance(value.get(key), str | list | Mapping):
            return value[key]
    for wrapper in ("node", "metadata", "payload"):
        inner = value.get(wrapper)
        if isinstance(inner, Mapping) and any(key in inner for key in _TEXT_KEYS):
            return inner
    names = ", ".join(sorted(map(str, value))[:5])
    raise ShapeError(f"where a passage has its text cannot be told ({names})")


def _only_text(text: str) -> str:
    found = MEDIA.search(text)
    if found:
        raise ShapeError(f"the text holds a file ({found[1]}), which cannot be scored")
    return text


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)
