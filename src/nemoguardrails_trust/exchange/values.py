"""Values as files and data frames hold them: lists within text, wrappers, nothing at all."""

import ast
import datetime as dt
import decimal
import json
import math
import re
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from nemoguardrails_trust.errors import DataError

MAX_DEPTH = 100
"""How deep a value may be nested; what is deeper is no data but an attack or a mistake."""

_MAX_TOKENS = 100_000
_TOKEN = re.compile(
    r"\s*(?:(?P<text>'(?:[^'\\\n]|\\.)*+'|\"(?:[^\"\\\n]|\\.)*+\")"
    r"|(?P<atom>-?\d[\d.]*+(?:e[+-]?\d++)?|None|True|False|nan)"
    r"|(?P<open>[\[{(])|(?P<close>[\]})])|(?P<mark>[,:]))"
)


Parameters = ParamSpec("Parameters")
Read = TypeVar("Read")


def bounded(read: Callable[Parameters, Read]) -> Callable[Parameters, Read]:
    """Has a value that is nested without end told as what it is."""

    @wraps(read)
    def guarded(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Read:
        try:
            return read(*args, **kwargs)
        except RecursionError:
            raise DataError("a value is nested too deeply") from None

    return guarded


def plain(value: Any) -> Any:
    """A value without the wrappers of numpy and pandas; `None` for what they hold for nothing."""
    if value is None or type(value) in (str, list, dict):
        return value
    if isinstance(value, str | list | dict):  # an object may have an attribute of any name
        return value
    if callable(getattr(value, "tolist", None)):
        value = value.tolist()
    if isinstance(value, str | list | dict):
        return value
    if isinstance(value, float | decimal.Decimal):
        return None if math.isnan(value) else value
    return None if type(value).__name__ in ("NAType", "NaTType") else value


def is_filled(value: Any) -> bool:
    """Whether a value holds anything."""
    value = plain(value)
    return value is not None and value not in ("", [], {}, ())


def kind_told(value: Any) -> str:
    """What a value is, for errors that people read."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true or false"
    kinds = (
        ((int, float, decimal.Decimal), "a number"), (str, "text"), (bytes, "bytes"),
        ((list, tuple), "a list"), (Mapping, "an object"),
    )  # fmt: skip
    found = next((told for types, told in kinds if isinstance(value, types)), None)
    return found or f"a value of type {type(value).__name__}"


def scalar_text(value: Any) -> str | None:
    """A number, a date or a text as text; `None` for anything else."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool | int | float | decimal.Decimal):
        return str(value)
    if isinstance(value, dt.date | dt.time):
        return value.isoformat()
    return None


def whole_text(text: str) -> str:
    """A text that can be written anywhere: half a surrogate pair is no letter."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def shortened(text: str, width: int) -> str:
    """A text on one line, of at most so many characters."""
    text = " ".join(text.split())
    return text if len(text) <= width else f"{text[: width - 1]}…"


def finite(value: Any) -> Any:
    """A value as JSON can hold it: what is not a finite number becomes `None`."""
    if isinstance(value, dict):
        return {name: finite(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [finite(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def json_bytes(value: Any, **options: Any) -> bytes:
    """A value as JSON that every reader takes.

    What is no finite number becomes `null`, for which JSON has no word; halves of surrogate pairs,
    which no encoding has, stay as their escapes.

    Args:
        value: The value.
        options: Those of `json.dumps`.
    """
    try:
        text = json.dumps(value, allow_nan=False, **options)
    except ValueError:
        text = json.dumps(finite(value), **options)
    try:
        return text.encode()
    except UnicodeEncodeError:
        return json.dumps(json.loads(text), separators=options.get("separators")).encode()


def load_json(text: str | bytes) -> Any:
    """Reads JSON.

    Raises:
        ValueError: It is none, or is nested deeper than `MAX_DEPTH`.
    """
    try:
        value = json.loads(text)
    except RecursionError:
        raise ValueError(_TOO_DEEP) from None
    openings = (b"[", b"{") if isinstance(text, bytes) else ("[", "{")
    if sum(map(text.count, openings)) > MAX_DEPTH and not _is_shallow(value):  # type: ignore[arg-type]
        raise ValueError(_TOO_DEEP)
    return value


_TOO_DEEP = f"it is nested deeper than {MAX_DEPTH} levels"


def load_nested(text: str) -> Any:
    """The list or object that a text is the JSON of, or as which Python or pandas writes one.

    Returns:
        It, or `None` where the text is none.
    """
    if text.lstrip()[:1] not in ("[", "{"):
        return None
    try:
        return load_json(text)
    except ValueError:
        return _load_python(text)


def objects_in(value: Any) -> list[dict[str, Any]]:
    """The objects in a list; none where it is no list."""
    return [inner for inner in value if isinstance(inner, dict)] if isinstance(value, list) else []


def unpacked(value: Any) -> Any:
    """A value that is `plain`; one that a file can only hold as JSON text, as what that holds."""
    value = plain(value)
    nested = load_nested(value) if isinstance(value, str) else None
    return value if nested is None else nested


def to_json(value: Any) -> str:
    """A value as JSON, for people and models to read."""
    return json.dumps(value, ensure_ascii=False, default=json_value)


def json_value(value: Any) -> Any:
    """What JSON is to hold of a value that is none of its types."""
    return value.tolist() if callable(getattr(value, "tolist", None)) else str(value)


def _load_python(text: str) -> Any:
    """A Python list or dictionary of plain values; `None` for anything else.

    The tokens are looked through first: the compiler that `ast` asks can be crashed by what is
    nested deeply, and takes two texts without a comma between them (numpy) for one.
    """
    tokens: list[str] = []
    depth = place = 0
    before = ""
    while place < len(text) and len(tokens) < _MAX_TOKENS:
        token = _TOKEN.match(text, place)
        if token is None:
            break
        place = token.end()
        kind = token.lastgroup or ""
        depth += (kind == "open") - (kind == "close")
        starts_value = kind in ("text", "atom", "open")
        if (starts_value and before in ("text", "atom", "close")) or not 0 <= depth <= MAX_DEPTH:
            return None
        before = kind
        tokens.append("None" if token[kind] == "nan" else token[kind])
    if depth or text[place:].strip():
        return None
    try:
        value = ast.literal_eval("".join(tokens))
    except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError):
        return None
    return value if isinstance(value, list | dict) else None


def _is_shallow(value: Any) -> bool:
    level = [value]
    for _ in range(MAX_DEPTH + 1):
        level = [
            inner
            for outer in level
            if isinstance(outer, list | dict)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, list | dict)
        ]
        if not level:
            return True
    return False
