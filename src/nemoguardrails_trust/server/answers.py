"""How answers are written as JSON, whatever a client or a backend put into them."""

import json
from typing import Any

from fastapi.responses import JSONResponse

from nemoguardrails_trust.exchange.values import finite


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
        return json.dumps(finite(content), separators=(",", ":")).encode()
