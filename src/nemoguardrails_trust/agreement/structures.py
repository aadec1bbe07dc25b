"""JSON and tool calls, compared by value, and lists regardless of order."""

import contextlib
import json
import math
import re
from collections.abc import Mapping
from functools import cache
from typing import Any

from nemoguardrails_trust.agreement.languages import known_words

_FENCE = re.compile(r"^```[a-zA-Z]*[ \t]*\n(.*?)\n```", re.DOTALL | re.MULTILINE)
_LONGEST = 200_000  # characters; longer JSON is compared by its two ends, as other text
_DEEPEST = 100
_ITEM_MARK = re.compile(r"^\s*(?:[-*•‣]|\(?\d{1,3}[.)])\s+", re.MULTILINE)
_FIRST_NUMBER = re.compile(r"\s*(?:\(?1[.):]|step 1\b)", re.IGNORECASE)
_BETWEEN_ITEMS = re.compile(r",\s*(?:and|or|&)\s+|[,;]\s+|\s+(?:and|&|or)\s+|\s/\s")
_PAUSE_BETWEEN_ITEMS = re.compile(r"[,;]\s+")  # the same without words, faster
_WORDS_BETWEEN_ITEMS = frozenset(("and", "or", "&", "/"))
_JOINED = re.compile(r"\s(?:and|&)\s")
_LONGEST_LIST = 2_000
_MOST_ITEM_WORDS = 6
_THOUGHTS = frozenset(
    ("reasoning", "thinking", "thought", "thoughts", "rationale", "chain_of_thought", "scratchpad")
)
"""The fields in which a model thinks before it fills in the others, as DSPy and many ask it to."""


def structure(text: str) -> Any | None:
    """The JSON object or array that a text consists of, or has in its only code block.

    A tool call's arguments, which many servers give as JSON inside a string, are read too.
    `None` for everything else, plain numbers and strings included.
    """
    stripped = text.strip() if len(text) <= _LONGEST else ""
    if "```" in stripped:
        blocks = _FENCE.findall(stripped)
        stripped = blocks[0].strip() if len(blocks) == 1 else stripped
    if not stripped or stripped[0] + stripped[-1] not in ("{}", "[]"):
        return None
    try:
        return _opened(json.loads(stripped), _DEEPEST)
    except (ValueError, RecursionError):
        return None


def without_thoughts(value: Any) -> Any:
    """The same without what a model only thinks, in a field beside others."""
    said = value.keys() - _THOUGHTS if isinstance(value, dict) else ()
    return {key: value[key] for key in value if key in said} if said else value


def _opened(value: Any, depth: int) -> Any:
    """The value with JSON inside `arguments` strings read, and empty call ids left out.

    Raises:
        ValueError: It is nested deeper than `depth`.
    """
    if depth == 0:
        raise ValueError("it is nested too deeply to be compared")
    if isinstance(value, list):
        return [
            _opened(item, depth - 1) if isinstance(item, list | dict) else item for item in value
        ]
    if not isinstance(value, dict):
        return value
    opened = {}
    is_call = "function" in value or ("name" in value and "arguments" in value)
    for key, inner in value.items():
        if is_call and key in ("id", "call_id", "index"):
            continue  # made up anew for each call, it says nothing
        if key == "arguments" and isinstance(inner, str):
            with contextlib.suppress(ValueError, RecursionError):
                opened[key] = _opened(json.loads(inner), depth - 1)
                continue
        opened[key] = _opened(inner, depth - 1) if isinstance(inner, list | dict) else inner
    return opened


def same_value(first: Any, second: Any) -> bool:
    """Whether two JSON values are equal; 1 and 1.0 are, true and 1 are not."""
    if isinstance(first, dict) and isinstance(second, dict):
        return first.keys() == second.keys() and all(
            same_value(value, second[key]) for key, value in first.items()
        )
    if isinstance(first, list) and isinstance(second, list):
        return len(first) == len(second) and all(map(same_value, first, second))
    if isinstance(first, bool) or isinstance(second, bool):
        return first is second
    if isinstance(first, int | float) and isinstance(second, int | float):
        return _same_number(first, second)
    if isinstance(first, str) and isinstance(second, str):
        return first.split() == second.split()
    return type(first) is type(second) and bool(first == second)


def _same_number(first: float, second: float) -> bool:
    if first == second or (first != first and second != second):
        return True
    if isinstance(first, int) and isinstance(second, int):
        return False
    try:
        return math.isclose(first, second, rel_tol=1e-9)
    except OverflowError:
        return False


def fields(value: Any) -> Mapping[str, Any] | None:
    """The named parts of a JSON object; for a tool call its name and its arguments."""
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if not isinstance(value, dict):
        return None
    if isinstance(value.get("tool_calls"), list) and len(value["tool_calls"]) == 1:
        value = value["tool_calls"][0]
    call = value.get("function") if isinstance(value, dict) else None
    if isinstance(call, dict):
        value = call
    if not isinstance(value, dict) or not value:
        return None
    if isinstance(value.get("arguments"), dict) and isinstance(value.get("name"), str):
        named = {f"arguments.{key}": argument for key, argument in value["arguments"].items()}
        return {"name": value["name"], **named}
    return {str(key): part for key, part in value.items()}


def _joins_in(text: str, *, elsewhere: bool) -> re.Pattern[str] | None:
    """What may join the items of a list besides English words; `None` where nothing else may."""
    return _joins(words=elsewhere) if elsewhere or not text.isascii() else None


@cache
def _joins(*, words: bool) -> re.Pattern[str]:
    """What other languages have for `and`, and for the comma of a list.

    Args:
        words: Whether words of letters that English has, too, are among it.
    """
    joins = known_words().joins
    spaced = "|".join(join for join in joins if words or not join.isascii())
    return re.compile(
        rf"(?:[,،]?\s+(?:{spaced})\s+|،\s*|\s+و(?=\w)|、(?:和|及|と)?|(?<=..)[和및](?=..)|และ)"
    )


def is_numbered(text: str) -> bool:
    """Whether a text begins with the number of a list's first item."""
    return _FIRST_NUMBER.match(text) is not None


def enumerates(text: str, *, elsewhere: bool = False) -> bool:
    """Whether a list joins its items with `and`, or has each on a line of its own.

    Args:
        text: The list.
        elsewhere: Whether the question is in another language than English.
    """
    if "\n" in text.strip() or _JOINED.search(text) is not None:
        return True
    joins = _joins_in(text, elsewhere=elsewhere)
    return joins is not None and joins.search(text) is not None


def list_items(text: str, *, elsewhere: bool = False) -> list[str] | None:
    """The items of a text that is a list; `None` for other text.

    They are lines with bullets or numbers, or short parts between commas, semicolons, slashes
    or `and`.

    Args:
        text: The text.
        elsewhere: Whether the question is in another language than English.
    """
    if len(text) > _LONGEST_LIST or not (elsewhere or _may_list(text)):
        return None
    if "\n" in text.strip():
        lines = [line for line in text.strip().splitlines() if line.strip()]
        marked = [line for line in lines if _ITEM_MARK.match(line)]
        if len(marked) < 2 or len(lines) - len(marked) > 1:
            return None
        return [_ITEM_MARK.sub("", line).strip() for line in marked]
    stripped = text.strip().rstrip(".。")
    joins = _joins_in(text, elsewhere=elsewhere)
    if joins is not None:
        stripped = joins.sub(", ", stripped)
    parts = _between_items(stripped)
    if len(parts) == 1:
        return None
    items = []
    for part in parts:
        words = part.split()
        if len(words) > _MOST_ITEM_WORDS:
            return None
        if words:
            items.append(part.strip())
    return items if len(items) > 1 else None


def _may_list(text: str) -> bool:
    """Whether anything in an English text may part the items of a list."""
    if "," in text or ";" in text or "\n" in text or not text.isascii():
        return True
    return not _WORDS_BETWEEN_ITEMS.isdisjoint(text.split())


def _between_items(text: str) -> list[str]:
    """What stands between commas, semicolons, slashes and `and`."""
    if _WORDS_BETWEEN_ITEMS.isdisjoint(text.replace(",", " ").split()):
        return _PAUSE_BETWEEN_ITEMS.split(text) if "," in text or ";" in text else [text]
    return _BETWEEN_ITEMS.split(text)
