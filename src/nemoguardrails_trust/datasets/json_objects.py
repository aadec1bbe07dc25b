"""JSON files that are one object: where in it the rows are."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from nemoguardrails_trust.datasets.columns import PROMPTS, RESPONSES, find_column
from nemoguardrails_trust.datasets.lines import Lines, TextFile
from nemoguardrails_trust.datasets.source import Position
from nemoguardrails_trust.errors import DataError

BRACKETS = re.compile(r'"(?:[^"\\\n]|\\.)*+"|[\[\]{}]')
"""What has to be looked at to find where a value of JSON ends."""

_WRAPPERS = (
    *("data", "rows", "items", "examples", "records", "results"),
    *("entries", "instances", "questions", "samples", "testcases", "test_cases", "test_results"),
)
_COLON = re.compile(r"\s*:")
_OF_OBJECTS = re.compile(r"\s*(?:\{|\]|\Z)")
_OF_TEXTS = re.compile(r"\s*\"")
_OF_LISTS = re.compile(r"\s*\[")
_BY_NUMBER = re.compile(r"\s*\"0\"\s*:")
_FEWEST = 3  # fewer objects may be the columns of one row
_MOST_NESTED = 3  # objects in objects, around the rows
_SHOWN = 100  # characters of a list, from which it is told what is in it
_CHATS = ("messages", "conversations", "conversation", "chat")


class Member(NamedTuple):
    """A list or an object in the object that the file is."""

    path: str  # its key, after those of the objects that it is in
    key: str
    opening: str  # its bracket
    inside: Position  # where what is in it may begin
    begins: str  # how that begins


def find_wrapped(file: TextFile, holder: Member | None = None, nested: int = 0) -> Member | None:
    """Finds the list that holds the rows of a file that is one object.

    It is looked for in `holder`, which stands in so many objects; by default in the outermost.

    Returns:
        It; `None` where the file is several objects, or one that is itself a row.

    Raises:
        DataError: The object holds columns instead of rows.
    """
    path = file.path
    with file.lines(holder.inside if holder else None) as lines:
        found = _members(lines, holder)
    if found is None:
        return None
    keys, members, is_whole = found
    if is_whole:
        _require_rows(keys, members, path)
    lists = [member for member in members if member.opening == "["]
    wrapping = list(filter(_wraps, lists))
    if len(keys) == 1:
        wrapping = lists
    if _is_row(keys):
        return None
    if not wrapping and nested < _MOST_NESTED:
        objects = [member for member in members if member.opening == "{"]
        holders = objects if len(keys) == 1 else list(filter(_wraps, objects))
        return find_wrapped(file, holders[0], nested + 1) if len(holders) == 1 else None
    if len(wrapping) != 1:
        return None
    (rows,) = wrapping
    if _OF_LISTS.match(rows.begins):
        raise DataError(
            f"the rows under {rows.path!r} are lists, so their columns have no names; write "
            "objects (pandas: orient='records', lines=True)",
            path=str(path),
        )
    return rows if _OF_OBJECTS.match(rows.begins) else None


def _wraps(member: Member) -> bool:
    return member.key.casefold() in _WRAPPERS


def _members(lines: Lines, holder: Member | None) -> tuple[list[str], list[Member], bool] | None:
    """The keys of the one object, its lists and objects, and whether it ends.

    Returns:
        These; `None` where it is not the only one.
    """
    keys: list[str] = []
    members: list[Member] = []
    depth, is_over = int(holder is not None), False
    prefix = f"{holder.path}." if holder else ""
    for text in _texts(lines):
        passed = lines.offset - len(text.encode("utf-8", "surrogatepass"))
        end = 0
        if members and not members[-1].begins.strip():
            members[-1] = members[-1]._replace(begins=text[:_SHOWN])
        for token in BRACKETS.finditer(text):
            if is_over:
                return None
            sign = token[0]
            if sign[0] == '"':
                if depth == 1 and _COLON.match(text, token.end()):
                    keys.append(sign[1:-1])
            elif sign in "[{":
                if depth == 1 and keys:
                    offset = passed + len(text[: token.end()].encode("utf-8", "surrogatepass"))
                    inside = Position(0, offset, lines.line - 1)
                    begins = text[token.end() : token.end() + _SHOWN]
                    members.append(Member(prefix + keys[-1], keys[-1], sign, inside, begins))
                depth += 1
            else:
                depth -= 1
                is_over = depth == 0
                end = token.end()
                if is_over and holder:
                    return keys, members, is_over
        if is_over and text[end:].strip():
            return None
    return keys, members, is_over


def _texts(lines: Lines) -> Iterator[str]:
    """The lines up to the first that cannot be decoded."""
    try:
        yield from lines
    except DataError:
        return


def _is_row(keys: list[str]) -> bool:
    """Whether an object has columns of a row itself."""
    return any(find_column((key,), None, (*PROMPTS, *RESPONSES), "") for key in keys)


def _is_column(key: str) -> bool:
    """Whether a key is one of a row, or that of such a column as uqlm calls it (`prompts`)."""
    return _is_row([key]) or _is_row([key.removesuffix("s")])


def _require_rows(keys: list[str], members: list[Member], path: Path) -> None:
    """Makes sure that an object holds rows: no columns, as pandas writes them, no several lists.

    Raises:
        DataError: It does.
    """
    if len(members) < len(keys):
        return
    by_number = all(member.opening == "{" and _BY_NUMBER.match(member.begins) for member in members)
    asked = [member for member in members if _is_row([member.key])]
    by_list = len(members) > 1 and any(
        member.opening == "[" and _OF_TEXTS.match(member.begins)
        for member in members
        if _is_column(member.key) and member.key.casefold() not in _CHATS
    )
    if by_number or by_list:
        raise DataError(
            "holds columns instead of rows; write an object for each row (pandas: "
            "to_json(path, orient='records', lines=True))",
            path=str(path),
        )
    if not asked and len(members) >= _FEWEST and all(member.opening == "{" for member in members):
        raise DataError(
            "is an object of objects; write the rows as a list (jq '[.[]]' FILE > NEW)",
            path=str(path),
        )
    lists = [
        member.path
        for member in members
        if member.opening == "[" and _OF_OBJECTS.match(member.begins)
    ]
    if not asked and len(lists) > 1 and len(lists) == len(members):
        raise DataError(
            f"holds several lists of rows ({', '.join(lists[:8])}); write the one you mean to a "
            f"file of its own (jq '.{lists[0]}' FILE > NEW)",
            path=str(path),
        )
