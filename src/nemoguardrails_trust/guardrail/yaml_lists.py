"""Adds a value to a list in a YAML text, or takes it out; every other character stays as it was."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import yaml

from nemoguardrails_trust.errors import DataError

_Keys = Sequence[str]
_Pair = tuple[yaml.Node, yaml.Node]
_STEP = 2  # spaces of indentation, where the text has no nested block to go by
_BYTE_ORDER_MARK = "\ufeff"


def values_at(data: Any, keys: _Keys) -> list[Any]:
    """The list under these keys; empty where there is none."""
    for key in keys:
        data = data.get(key) if isinstance(data, Mapping) else None
    return list(data or [])


def with_value(text: str, keys: _Keys, value: str, comment: str = "") -> str:
    """The text with a value at the end of the list under these keys; what is missing is made.

    Args:
        text: A mapping, or nothing.
        keys: Where the list is. A new one at the top level goes before the other keys; any other
            new block goes to the end of its parent.
        value: What to add.
        comment: What to add to the value's line.

    Raises:
        DataError: The list cannot be changed alone.
    """
    root = _composed(text)
    pairs = _pairs(root, keys)
    node, missing = (pairs[-1][1] if pairs else root), keys[len(pairs) :]
    if isinstance(node, yaml.CollectionNode) and node.flow_style:
        after = _with_entry(text, node, missing, value, comment)
    elif isinstance(node, yaml.SequenceNode):
        last = node.value[-1]
        column = _start(text, node, last) - _line(text, _start(text, node, last))
        after = _with_lines(text, _below(text, last, column), [f"{' ' * column}- {value}{comment}"])
    else:
        at, column = _place(text, root, pairs, missing)
        after = _with_lines(text, at, _block(root, missing, column, value, comment))
    was = yaml.safe_load(text)
    return _checked(was, after, keys, [*values_at(was, keys), value])


def without_values(text: str, keys: _Keys, goes: Callable[[str], bool]) -> str:
    """The text without some values of a list, and without what is empty then.

    A key that had no value before goes too: NeMo Guardrails refuses one.

    Raises:
        DataError: The list cannot be changed alone.
    """
    was = yaml.safe_load(text)
    values = values_at(was, keys)
    left = [value for value in values if not goes(str(value))]
    after = text
    for _ in range(len(values) - len(left)):
        after = _without_first(after, keys, goes)
    return _checked(was, after, keys, left)


def _checked(was: Any, after: str, keys: _Keys, values: list[Any]) -> str:
    """The text after a change, if no more has changed: with an alias, other values would."""
    try:
        now = yaml.safe_load(after)
        alone = values_at(now, keys) == values and _rest(now, keys) == _rest(was, keys)
    except yaml.YAMLError:
        alone = False
    if not alone:
        raise DataError(
            f"`{'.'.join(keys)}` cannot be edited without changing something else, such as what "
            f"an alias stands for; edit it by hand, so that it is [{', '.join(map(str, values))}]"
        )
    return after


def _rest(data: Any, keys: _Keys) -> dict[str, Any]:
    """All but the list under these keys, and but what is empty without it."""
    data = dict(data or {})
    inner = data.pop(keys[0], None)
    rest = _rest(inner, keys[1:]) if keys[1:] else {}
    return {**data, keys[0]: rest} if rest else data


def _composed(text: str) -> yaml.Node | None:
    node: yaml.Node | None = yaml.compose(text, Loader=yaml.SafeLoader)
    return node


def _pairs(node: yaml.Node | None, keys: _Keys) -> list[_Pair]:
    """The keys and values along a path, as far as they are there."""
    pairs: list[_Pair] = []
    for key in keys:
        at_key = node.value if isinstance(node, yaml.MappingNode) else []
        # The last, as in loading, should a key be there twice.
        pair = next((pair for pair in reversed(at_key) if pair[0].value == key), None)
        if pair is None:
            break
        pairs.append(pair)
        node = pair[1]
    return pairs


def _with_entry(
    text: str, node: yaml.CollectionNode, missing: _Keys, value: str, comment: str
) -> str:
    """The text with a value in what stands in brackets or braces.

    What is put between empty ones has double quotes, which tell that they were there before.
    """
    quoted = not node.value or (not missing and node.value[-1].style == '"')
    first, *others = (*missing, value)
    first = f'"{first}"' if quoted else first
    entry = first
    if others:
        inner = f"[{others.pop()}]"
        for key in reversed(others):
            inner = f"{{{key}: {inner}}}"
        entry = f"{first}: {inner}"
    if node.value:
        at, entry = _end(node.value[-1]), f", {entry}"
    else:
        at = re.compile(r"[\[{]").search(text, node.start_mark.index).end()  # type: ignore[union-attr]
    rest, line_end, below = text[at:].partition("\n")
    own = rest.rstrip("\r")
    return f"{text[:at]}{entry}{own}{comment}{rest[len(own) :]}{line_end}{below}"


def _place(
    text: str, root: yaml.Node | None, pairs: list[_Pair], missing: _Keys
) -> tuple[int, int]:
    """Where a new block begins, and its column."""
    if root is None:
        return len(text), 0
    if pairs and not isinstance(pairs[-1][1], yaml.MappingNode):  # a key without a value
        key = pairs[-1][0]
        return _next_line(text, _end(key)), key.start_mark.column + _indentation(root)[0]
    mapping: Any = pairs[-1][1] if pairs else root
    column = _column(mapping)
    if len(missing) == 1 and not pairs:
        return _line(text, mapping.value[0][0].start_mark.index), column
    return _below(text, mapping.value[-1], column), column


def _block(root: yaml.Node | None, keys: _Keys, column: int, value: str, comment: str) -> list[str]:
    """The lines of keys, each in the one before, and of a list of one value in the last."""
    if len(keys) == 1 and not column:
        return [f"{keys[0]}: [{value}]{comment}"]
    step, offset = _indentation(root)
    lines = [f"{' ' * (column + step * depth)}{key}:" for depth, key in enumerate(keys)]
    dash = column + step * (len(keys) - 1) + offset
    return [*lines, f"{' ' * dash}- {value}{comment}"]


def _indentation(root: yaml.Node | None) -> tuple[int, int]:
    """By how much the text indents blocks, and the dashes of lists."""
    values = [value for _, value in root.value] if root else []
    blocks = [value for value in values if getattr(value, "flow_style", None) is False]
    lists = [_column(block) for block in blocks if isinstance(block, yaml.SequenceNode)]
    step = next((column for column in map(_column, blocks) if column), _STEP)
    return step, next(iter(lists), step)


def _column(block: yaml.CollectionNode) -> int:
    """The column of a block's keys or dashes; its own mark may be that of an anchor."""
    first = block.value[0]
    node = first[0] if isinstance(first, tuple) else first
    dash = len("- ") * isinstance(block, yaml.SequenceNode)
    return max(0, int(node.start_mark.column) - dash)


def _without_first(text: str, keys: _Keys, goes: Callable[[str], bool]) -> str:
    """The text without the first value that goes, or without the outermost that held it alone."""
    root = _composed(text)
    pairs = _pairs(root, keys)
    holders: list[Any] = [root, *(value for _, value in pairs)]
    entries: list[Any] = [*pairs, next(item for item in holders[-1].value if goes(item.value))]
    for holder, entry in zip(reversed(holders), reversed(entries), strict=True):
        first = entry[0] if isinstance(entry, tuple) else entry
        if len(holder.value) > 1 or (holder.flow_style and first.style == '"'):
            break
    place = next(at for at, other in enumerate(holder.value) if other is entry)
    if holder.flow_style:
        return _without_entry(text, holder, place)
    start = _line(text, _start(text, holder, entry))
    end = _next_line(text, _end(entry))
    if end == len(text) and not text.endswith("\n"):  # the last line has no end, before and after
        return text[:start].removesuffix("\n").removesuffix("\r")
    return text[:start] + text[end:]


def _without_entry(text: str, holder: yaml.CollectionNode, place: int) -> str:
    entries = holder.value
    end = _end(entries[place])
    if place:
        return text[: _end(entries[place - 1])] + text[end:]
    end = _start(text, holder, entries[1]) if len(entries) > 1 else end
    return text[: _start(text, holder, entries[0])] + text[end:]


def _with_lines(text: str, at: int, lines: list[str]) -> str:
    line_end = "\r\n" if "\r\n" in text else "\n"
    block = line_end.join(lines)
    if at == len(text) and text and not text.endswith("\n"):
        return f"{text}{line_end}{block}"
    return f"{text[:at]}{block}{line_end}{text[at:]}"


def _start(text: str, holder: yaml.Node, entry: Any) -> int:
    """Where an entry begins: at its key, or at its dash in a list that is a block."""
    node = entry[0] if isinstance(entry, tuple) else entry
    at: int = node.start_mark.index
    dashed = isinstance(holder, yaml.SequenceNode) and not holder.flow_style
    return text.rindex("-", 0, at) if dashed else at


def _end(entry: Any) -> int:
    """Where an entry ends: a block's own mark is behind the comments that follow it."""
    if isinstance(entry, tuple):  # an alias stands for a value that is further up
        return max(_end(node) for node in entry)
    if isinstance(entry, yaml.CollectionNode) and not entry.flow_style and entry.value:
        return _end(entry.value[-1])
    end: int = entry.end_mark.index
    return end


def _below(text: str, entry: Any, column: int) -> int:
    """Where the line after an entry begins, and after comments that are indented more than it."""
    comments = re.compile(rf"(?:(?:[ \t]*\r?\n)*[ ]{{{column + 1},}}#.*(?:\n|\Z))*")
    found = comments.match(text, _next_line(text, _end(entry)))
    return found.end() if found else len(text)


def _line(text: str, at: int) -> int:
    """Where the line begins that this place is on."""
    return text.rfind("\n", 0, at) + 1 or len(_BYTE_ORDER_MARK) * text.startswith(_BYTE_ORDER_MARK)


def _next_line(text: str, at: int) -> int:
    """Where the next line begins; a block of text ends there."""
    return at if text[at - 1 : at] == "\n" else text.find("\n", at) + 1 or len(text)
