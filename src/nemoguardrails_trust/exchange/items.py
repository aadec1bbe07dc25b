"""One message in any form: who speaks, what is said, and what stands beside it."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from nemoguardrails_trust.errors import DataError
from nemoguardrails_trust.exchange.attributes import is_message_attributes, message_of
from nemoguardrails_trust.exchange.beside import (
    BODIES,
    KNOWN,
    calls_beside,
    documents_beside,
    has_unread,
    media_beside,
    require_nothing_given,
    tools_beside,
)
from nemoguardrails_trust.exchange.frameworks import in_usual_form, is_of_framework
from nemoguardrails_trust.exchange.given import keys_of, require_known
from nemoguardrails_trust.exchange.kinds import is_part, is_sure_part, is_thought
from nemoguardrails_trust.exchange.messages import ROLE_NAMES, ROLES, Message
from nemoguardrails_trust.exchange.parts import Piece, read_content, result_pieces
from nemoguardrails_trust.exchange.values import is_filled, kind_told, plain

SENDERS = ("role", "from", "speaker", "sender")
"""The keys that say who speaks."""

_THINKS = ("thinking", "thought", "thoughts", "reasoning", "analysis")
"""Roles that some data sets have for what the model only thinks."""
_NOT_SHOWN = "```\nThis block is not supported on your current device yet.\n```"
"""What stands for a tool's call in the text of a message that Claude's users export."""
_USUAL_KEYS = {"role", "content"}
_REFERENCE = {"id", "type", "object", "status"}


def is_message(value: Any) -> bool:
    """Whether a value is a message with a known role, as far as can be told without reading it."""
    if not isinstance(value, Mapping):
        return isinstance(value, Message)
    if is_message_attributes(value):
        return True
    inner = value.get("content")
    if role_name(value) not in ROLE_NAMES:
        return is_of_framework(value) or (isinstance(inner, Mapping) and is_message(inner))
    is_wrapper = isinstance(value.get("message"), Mapping)
    return is_wrapper or any(
        key in value for key in (*SENDERS, "author", "content", "data", "kwargs")
    )


def read_items(items: Sequence[Any], what: str, *, default: str = "") -> Iterator[Message]:
    """The messages of a chat; see `read_item`.

    Raises:
        DataError: One is of no known form; the error names its number.
    """
    for number, item in in_usual_form(items):
        where = f"message {number} of {what}" if len(items) > 1 or not default else what
        yield from read_item(item, where, default=default)


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
    if (usual := usual_message(item)) is not None:
        yield usual
        return
    if is_message_attributes(item):
        item = message_of(item)
    if isinstance(item, str):
        yield Message("user", item)
    elif isinstance(item, Mapping):
        yield from _read_message(_unwrapped(item, where), where, default)
    elif (
        isinstance(item, list | tuple) and len(item) == 2 and all(map(str.__instancecheck__, item))
    ):
        yield from _read_message({"role": item[0], "content": item[1]}, where, default)
    else:
        raise DataError(f"{where} is {kind_told(item)}; it must be an object with role and content")


def usual_message(item: Any) -> Message | None:
    """A message of nothing but a role and a text, as nearly all are; `None` for any other."""
    if isinstance(item, Message):
        return item
    if type(item) is not dict or item.keys() != _USUAL_KEYS:
        return None
    name, text = item["role"], item["content"]
    is_known = isinstance(text, str) and isinstance(name, str) and name in ROLE_NAMES
    return Message(ROLE_NAMES[name], text) if is_known else None


def _unwrapped(item: Mapping[str, Any], where: str) -> Mapping[str, Any]:
    """A message out of what LangChain, Google's agents and servers put around it."""
    for key in ("message", "content"):
        inner = item.get(key)
        if isinstance(inner, Mapping) and (key == "message" or "role" in inner):
            require_nothing_given(item, where)
            return inner
    if (name := _class_name(item)) is not None:
        return {"type": name, **item["kwargs"]}
    if isinstance(item.get("data"), Mapping) and role_name(item) in ROLE_NAMES:
        return {**{key: item[key] for key in item if key != "data"}, **item["data"]}
    return item


def _class_name(item: Mapping[str, Any]) -> str | None:
    """The class of an object that LangChain has serialised."""
    name = item.get("id")
    is_one = item.get("lc") and isinstance(item.get("kwargs"), Mapping)
    return str(name[-1]) if is_one and isinstance(name, list) and name else None


def role_name(item: Mapping[str, Any]) -> str | None:
    """Who speaks in a message, in lower case; `None` where it does not say."""
    for key in SENDERS:
        name = item.get(key)
        name = name.get("value") if isinstance(name, Mapping) else getattr(name, "value", name)
        if isinstance(name, str):
            name = name.strip().rstrip(":").casefold()
            member = name.rpartition(".")[2]  # of an enum that was written as Python shows it
            return member if member in ROLE_NAMES else name
    author, kind = item.get("author"), _class_name(item) or item.get("type")
    if isinstance(author, Mapping) and isinstance(author.get("role"), str):  # ChatGPT's export
        return str(author["role"]).casefold()
    if not isinstance(kind, str):
        return None
    name = kind.casefold().removesuffix("chunk").removesuffix("message")
    return name if name in ROLE_NAMES and not is_part(item) else None


def _read_message(item: Mapping[str, Any], where: str, default: str) -> Iterator[Message]:
    name = role_name(item)
    if name is None and is_sure_part(item):  # an item of OpenAI's responses
        yield from joined("user", read_content(item, where))
        return
    if name in _THINKS or (is_thought(item) and not item.get("recipient")):
        return
    role = ROLE_NAMES.get(name or default)
    if role is None:
        raise _of_nobody(item, where, name)
    given = [*tools_beside(item), *documents_beside(item)]
    body = _body(item, where)
    if role == "tool":
        body = item.get("tool_results") if body is None else body
        pieces = [Piece(piece.text, piece.media) for piece in result_pieces(body, where)]
        pieces = [] if body is None else pieces
    else:
        pieces = list(read_content(body, where))
    pieces += media_beside(item, role)
    if not any(piece.kind == "call" for piece in pieces):
        pieces += calls_beside(item)
    if pieces or given:
        require_known(item, KNOWN, where)
    yield from given
    if pieces:
        yield from joined(role, pieces)
    elif not given and body is None:
        yield _empty(item, role, where)  # unless there is nothing but thoughts


def _empty(item: Mapping[str, Any], role: str, where: str) -> Message:
    """A message that says nothing.

    Raises:
        DataError: What it says may stand under a key that is not known.
    """
    if not any(key in item for key in BODIES) or has_unread(item):
        raise DataError(
            f"{where} has no content; its keys are {keys_of(item)}; put what it says under content"
        )
    return Message(role, "")


def _body(item: Mapping[str, Any], where: str) -> Any:
    """What a message says.

    Raises:
        DataError: It says one thing under one key and another under another.
    """
    keys = [key for key in (*BODIES, "refusal") if is_filled(item.get(key))]
    if len(keys) > 1 and "refusal" not in keys:
        first, *others = (_letters(item[key], where) for key in keys)
        if any(other not in first for other in others):
            raise DataError(
                f"{where} says one thing under {keys[0]} and another under {keys[1]}; put all that "
                "it says under content"
            )
    return item[keys[0]] if keys else None


def _letters(body: Any, where: str) -> str:
    """The words of a body, run together, as forms differ in what stands between them."""
    said = "".join(piece.text for piece in read_content(body, where) if piece.kind == "text")
    return "".join(said.replace(_NOT_SHOWN, "").split())


def _of_nobody(item: Mapping[str, Any], where: str, name: str | None) -> DataError:
    if name is None and item.get("id") and item.keys() <= _REFERENCE:
        return DataError(
            f"{where} only refers to an item kept on the server; put the item itself there"
        )
    told = "no role" if name is None else f"the role {name[:40]!r}"
    known = f"{', '.join(ROLES[:-1])} or {ROLES[-1]}"
    return DataError(f"{where} has {told}; its keys are {keys_of(item)}; the role must be {known}")


def joined(role: str, pieces: Iterator[Piece] | list[Piece]) -> Iterator[Message]:
    """Messages of the pieces: a tool's calls are the assistant's, its results are the tool's."""

    def speaker(piece: Piece) -> str:
        by_kind = {"call": "assistant", "result": "tool", "tools": "system"}
        return by_kind.get(piece.kind, role)

    for name, group in groupby(pieces, speaker):
        said = list(group)
        text = "\n".join(piece.text for piece in said if piece.text)
        yield Message(name, text, tuple(medium for piece in said for medium in piece.media))
