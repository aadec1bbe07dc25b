"""A model's call as tracing keeps it: one attribute for each part of each message.

OpenInference (Phoenix, Arize) has `llm.input_messages.0.message.content`, and OpenLLMetry
`gen_ai.prompt.0.content`; both also come as nested objects, or under `attributes`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from nemoguardrails_trust.exchange.values import MAX_DEPTH, is_filled, plain, unpacked

_ROOTS = ("llm", "gen_ai")
_ASKED = (("llm", "input_messages"), ("gen_ai", "prompt"), ("gen_ai", "input", "messages"))
_SAID = (("llm", "output_messages"), ("gen_ai", "output", "messages"))
_CHOICES = (("gen_ai", "completion"),)  # of which the first is the answer
_SYSTEM = (("gen_ai", "system_instructions"),)
_TOOLS = (("llm", "tools"), ("llm", "request", "functions"), ("gen_ai", "tool", "definitions"))
_WRAPPERS = ("message", "message_content", "tool_call", "tool")
_MOST_PARTS = 10_000


def is_call(value: Any) -> bool:
    """Whether a value holds the attributes of a model's call, with the messages it was given."""
    return isinstance(value, Mapping) and _has_root(value) and bool(_found(nested(value), _ASKED))


def is_message_attributes(value: Any) -> bool:
    """Whether a value is one message whose keys are `message.role` and the like."""
    return isinstance(value, Mapping) and any(
        isinstance(key, str) and key.startswith("message.") for key in value
    )


def chat_of(value: Mapping[str, Any]) -> dict[str, Any]:
    """What the model was given and answered: an object of `messages`, `system` and `tools`."""
    tree = nested(value)
    asked: dict[str, Any] = {"messages": _messages(_found(tree, _ASKED)) + said_of(value)}
    for key, paths in (("system", _SYSTEM), ("tools", _TOOLS)):
        found = _found(tree, paths)
        if is_filled(found):
            asked[key] = _unwrapped(found)
    return asked


def said_of(value: Mapping[str, Any]) -> list[Any]:
    """What the model answered, as messages; none where that is not told."""
    if not _has_root(value):
        return []
    tree = nested(value)
    choices = _found(tree, _CHOICES)
    return _messages(choices[:1] if choices else _found(tree, _SAID))


def message_of(value: Mapping[str, Any]) -> Any:
    """The message of one with such keys."""
    return _message(nested(value))


def nested(value: Any, depth: int = 0) -> Any:
    """Attributes with dots in their names as objects in objects, and as lists by numbers."""
    value = plain(value)
    if depth > MAX_DEPTH or not isinstance(value, Mapping | list | tuple):
        return value
    if not isinstance(value, Mapping):
        listed = [_told(inner) for inner in value]
        if not listed or not all(listed):
            return [nested(inner, depth + 1) for inner in value]
        value = dict(pair for pair in listed if pair is not None)
    if any("." in str(key) for key in value):
        value = _tree(value)
    # More than that is no conversation.
    if 0 < len(value) <= _MOST_PARTS and all(map(_is_number, value)):
        return [nested(value[key], depth + 1) for key in sorted(value, key=int)]
    return {key: nested(inner, depth + 1) for key, inner in value.items()}


def _told(attribute: Any) -> tuple[str, Any] | None:
    """The name and the value of an attribute as it is sent; `None` for anything else."""
    if not isinstance(attribute, Mapping) or attribute.keys() != {"key", "value"}:
        return None
    value = attribute["value"]
    name = next(iter(value), None) if isinstance(value, Mapping) and len(value) == 1 else None
    if not isinstance(name, str) or not name.endswith("Value"):
        return None
    return str(attribute["key"]), value[name]


class _Tree(dict[str, Any]):
    """An object made here, to which more may be added."""


def _tree(value: Mapping[str, Any]) -> dict[str, Any]:
    tree = _Tree()
    for name, inner in value.items():
        *path, last = str(name).split(".", MAX_DEPTH)
        place = tree
        for key in path:
            below = place.get(key)
            if not isinstance(below, _Tree):  # what is told twice is told as the last of it
                place[key] = below = _Tree(below) if isinstance(below, Mapping) else _Tree()
            place = below
        there = place.get(last)
        both = isinstance(there, Mapping) and isinstance(inner, Mapping)
        place[last] = _Tree({**there, **inner}) if both else inner  # type: ignore[dict-item]
    return tree


def _has_root(value: Mapping[str, Any]) -> bool:
    names = (str(key).removeprefix("attributes.").split(".", 1)[0] for key in value)
    return any(name in (*_ROOTS, "attributes") for name in names)


def _is_number(key: Any) -> bool:
    return isinstance(key, str) and len(key) < 9 and key.isdecimal()


def _found(tree: Any, paths: Sequence[Sequence[str]]) -> Any:
    """What stands at the first of the paths that leads to anything."""
    roots = [tree, tree.get("attributes")] if isinstance(tree, Mapping) else []
    for path in paths:
        for root in roots:
            place = root
            for key in path:
                place = place.get(key) if isinstance(place, Mapping) else None
            place = unpacked(place)  # text, in the newer conventions of OpenTelemetry
            if isinstance(place, list) and place:
                return place
    return None


def _messages(found: Any) -> list[Any]:
    return [_message(item) for item in found or ()]


def _message(item: Any) -> Any:
    item = _unwrapped(item)
    if not isinstance(item, Mapping):
        return item
    message = dict(item)
    if is_filled(message.get("contents")):
        message["content"] = message.pop("contents")
    name, arguments = (
        message.pop(key, None) for key in ("function_call_name", "function_call_arguments_json")
    )
    if name:
        message["function_call"] = {"name": name, "arguments": arguments}
    return message


def _unwrapped(value: Any) -> Any:
    """A value without the objects of one key that OpenInference puts around messages and parts."""
    if isinstance(value, list):
        return [_unwrapped(inner) for inner in value]
    if not isinstance(value, Mapping):
        return value
    if len(value) == 1 and (key := next(iter(value))) in _WRAPPERS:
        return _unwrapped(value[key])
    return {
        key: _unwrapped(inner) if isinstance(inner, list) else inner for key, inner in value.items()
    }
