"""Chats of which all versions are kept, where each message names the one before it."""

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

from nemoguardrails_trust.errors import DataError
from nemoguardrails_trust.exchange.steps import Item

_PARENTS = (
    *("parent", "parentId", "parent_id", "parentMessageId", "parentUuid"),
    "parent_message_uuid",
)
_IDS = ("id", "uuid", "messageId", "message_id")
LAST = ("current_node", "currentId", "current_leaf_message_uuid")
"""Where exports name the message that a chat ended with when it was last shown."""
_TIMES = ("ts", "created_at", "createdAt")


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
    return _named(value, LAST)


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
    if isinstance(time, int) or (isinstance(time, float) and math.isfinite(time)):
        return "number", time
    return "text", time if isinstance(time, str) else ""


def _nodes_of(value: Item) -> Mapping[Any, Item] | None:
    history = value.get("history")
    nodes = history.get("messages") if isinstance(history, Mapping) else value.get("mapping")
    if not isinstance(nodes, Mapping) or not nodes:
        return None
    is_known = all(
        isinstance(node, Mapping) and any(key in node for key in _PARENTS)
        for node in nodes.values()
    )
    return nodes if is_known else None


def _thread_of(value: Item) -> Item | None:
    prompt = value.get("prompt")
    return prompt if isinstance(prompt, Mapping) and "replies" in prompt else None


def _named(item: Item, keys: Sequence[str]) -> Any:
    found = next((item[key] for key in keys if item.get(key) is not None), None)
    return found if isinstance(found, str | int) else None


def _path(nodes: Mapping[Any, Item], leaf: Any, what: str) -> list[Item]:
    """The messages from the first one to a leaf; to the only leaf where that is not told."""
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
