"""How answers are written as JSON, whatever a client or a backend put into them."""

import json
import math
from typing import Any

from fastapi.responses import JSONResponse


class JsonAnswer(JSONResponse):
    """An answer in JSON."""

    def render(self, content: Any) -> bytes:
        """The JSON, as bytes."""
        return as_json(content)


def as_json(content: Any, *, is_ascii: bool = False) -> bytes:
    """A value as JSON that every reader takes.

    Halves of surrogate pairs, which no encoding has, stay as their escapes; what is no number
    becomes `null`.

    Args:
        content: The value.
        is_ascii: Whether all that is not ASCII stays as its escapes.
    """
    try:
        return json.dumps(
            content, ensure_ascii=is_ascii, allow_nan=False, separators=(",", ":")
        ).encode()
    except ValueError:
        return json.dumps(_of_numbers(content), separators=(",", ":")).encode()


def _of_numbers(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _of_numbers(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_of_numbers(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
