"""One message in any form: who speaks, what is said, and what stands beside it."""

from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import Any

from nemoguardrails_trust.errors import DataError
from nemoguardrails_trust.exchange.media import MediaKind
from nemoguardrails_trust.exchange.messages import ROLE_NAMES, Message
from nemoguardrails_trust.exchange.parts import (
    Piece,
    call_text,
    is_part,
    keys_of,
    media_of,
    read_content,
    result_pieces,
)
from nemoguardrails_trust.exchange.values import plain, to_json

SENDERS = ("role", "from")
"""The keys that say who speaks."""

_USUAL_KEYS = {"role", "content"}
_BODIES = ("parts", "blocks", "content", "value", "text")
_CALLS = ("tool_calls", "function_call", "toolInvocations")
_BESIDE: Mapping[str, MediaKind] = {
    **dict.fromkeys(("image", "images"), "image"),
    **dict.fromkeys(("audio", "audios"), "audio"),
    **dict.fromkeys(("video", "videos"), "video"),
    **dict.fromkeys(("file", "files", "attachments", "experimental_attachments"), "file"),
}
"""Keys of a message that hold what it has besides text, and what that is."""

_ABOUT_A_MESSAGE = frozenset(
    (
        *SENDERS, *_BODIES, *_CALLS, *_BESIDE, "type", "id", "name", "object", "status", "index",
        "created_at", "createdAt", "created", "timestamp", "date", "time", "metadata", "weight",
        "additional_kwargs", "response_metadata", "usage_metadata", "provider_metadata", "usage",
        "providerMetadata", "providerOptions", "experimental_providerMetadata", "annotations",
        "tool_call_id", "toolCallId", "tool_name", "toolName", "finish_reason", "stop_reason",
        "refusal", "thinking", "reasoning", "reasoning_content", "reasoning_details", "citations",
        "invalid_tool_calls", "example", "lc", "lc_attributes", "cache_control", "phase", "model",
        "stop_sequence", "container", "logprobs", "feedback", "rating", "language", "user_id",
    )
)  # fmt: skip
"""Keys of a message that hold nothing of what it says, and those that are read."""


def is_message(value: Any) -> bool:
    """Whether a value is a message with a known role, as far as can be told without reading it."""
    if not isinstance(value, Mapping) or role_name(value) not in ROLE_NAMES:
        return isinstance(value, Message)
    return any(key in value for key in (*SENDERS, "content", "data", "kwargs"))


def read_item(item: Any, where: str, *, default: str = "") -> Iterator[Message]:
    """The messages of one item: mostly one, none for a thought, more where a tool's are in it.

    Args:
        item: It.
        where: Where it stands, for errors.
        default: Who speaks in a message that does not say; nobody, who must not.

    Raises:
        DataError: It is of no known form.
    """
    item = plain(item)
    if type(item) is dict and item.keys() == _USUAL_KEYS:  # so nearly all are
        name, text = item["role"], item["content"]
        if isinstance(text, str) and isinstance(name, str) and name in ROLE_NAMES:
            yield Message(ROLE_NAMES[name], text)
            return
    if isinstance(item, Message):
        yield item
    elif isinstance(item, str):
        yield Message("user", item)
    elif isinstance(item, Mapping):
        yield from _read_message(_unwrapped(item), where, default)
    elif (
        isinstance(item, list | tuple) and len(item) == 2 and all(map(str.__instancecheck__, item))
    ):
        yield from _read_message({"role": item[0], "content": item[1]}, where, default)
    else:
        raise DataError(f"{where} is a {type(item).__name__}")


def _unwrapped(item: Mapping[str, Any]) -> Mapping[str, Any]:
    """A message out of what LangChain and servers put around it."""
    inner = item.get("message")
    if isinstance(inner, Mapping):
        return inner
    if item.get("lc") and isinstance(item.get("kwargs"), Mapping):
        name = item.get("id")
        return {"type": name[-1] if isinstance(name, list) and name else None, **item["kwargs"]}
    if isinstance(item.get("data"), Mapping) and role_name(item) in ROLE_NAMES:
        return {**item["data"], "type": item["type"]}
    return item


def role_name(item: Mapping[str, Any]) -> str | None:
    """Who speaks in a message, in lower case; `None` where it does not say."""
    for key in SENDERS:
        name = getattr(item.get(key), "value", item.get(key))  # an enum's
        if isinstance(name, str):
            return name.strip().rstrip(":").casefold()
    kind = item.get("type")
    if not isinstance(kind, str):
        return None
    name = kind.casefold().removesuffix("chunk").removesuffix("message")
    return name if name in ROLE_NAMES and not is_part(item) else None


def _read_message(item: Mapping[str, Any], where: str, default: str) -> Iterator[Message]:
    name = role_name(item)
    if name is None and is_part(item):  # an item of OpenAI's responses
        yield from joined("user", read_content(item, where))
        return
    role = ROLE_NAMES.get(name or default)
    if role is None:
        told = "no role" if name is None else f"the role {name[:40]!r}"
        raise DataError(f"{where} has {told}; its keys are {keys_of(item)}")
    body = next((item[key] for key in (*_BODIES, "refusal") if _is_filled(item.get(key))), None)
    if role == "tool":
        pieces = [Piece(piece.text, piece.media) for piece in result_pieces(body, where)]
        pieces = [] if body is None else pieces
    else:
        pieces = list(read_content(body, where))
    pieces += _media_beside(item, role)
    if not any(piece.kind == "call" for piece in pieces):
        pieces += _calls_beside(item)
    if not pieces:
        unread = {key: item[key] for key in item if key not in _ABOUT_A_MESSAGE}
        if not any(key in item for key in _BODIES) or any(map(_is_filled, unread.values())):
            raise DataError(f"{where} has no content; its keys are {keys_of(item)}")
        if body is not None:  # nothing but thoughts
            return
        pieces = [Piece("")]
    yield from joined(role, pieces)


def _media_beside(item: Mapping[str, Any], role: str) -> Iterator[Piece]:
    for key, kind in _BESIDE.items():
        value = plain(item.get(key))
        spoken = value.get("transcript") if isinstance(value, Mapping) else None
        if role == "assistant" and isinstance(spoken, str) and spoken:  # all that it said
            yield Piece(spoken)
        elif _is_filled(value):
            listed = value if isinstance(value, list) else [value]
            yield Piece("", tuple(media_of(medium, kind) for medium in listed))


def _calls_beside(item: Mapping[str, Any]) -> Iterator[Piece]:
    more = item.get("additional_kwargs")
    for place in (item, more if isinstance(more, Mapping) else {}):
        for key in _CALLS:
            calls = plain(place.get(key))
            if _is_filled(calls):
                listed = [plain(call) for call in (calls if isinstance(calls, list) else [calls])]
                known = [call_text(call) for call in listed if isinstance(call, Mapping)]
                yield Piece(to_json(known), kind="call")
                for call in listed:
                    if isinstance(call, Mapping) and call.get("result") is not None:
                        yield from result_pieces(call["result"], "a tool's result")
                return


def joined(role: str, pieces: Iterator[Piece] | list[Piece]) -> Iterator[Message]:
    """Messages of the pieces: a tool's calls are the assistant's, its results are the tool's."""

    def speaker(piece: Piece) -> str:
        by_kind = {"call": "assistant", "result": "tool"}
        return by_kind.get(piece.kind, role)

    for name, group in groupby(pieces, speaker):
        said = list(group)
        text = "\n".join(piece.text for piece in said if piece.text)
        yield Message(name, text, tuple(medium for piece in said for medium in piece.media))


def _is_filled(value: Any) -> bool:
    value = plain(value)
    return value is not None and value not in ("", [], {}, ())
