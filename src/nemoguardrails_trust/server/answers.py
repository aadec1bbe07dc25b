"""How answers are written as JSON, whatever a client or a backend put into them."""

from typing import Any

from fastapi.responses import JSONResponse

from nemoguardrails_trust.exchange.values import json_bytes


class JsonAnswer(JSONResponse):
    """An answer in JSON."""

    def render(self, content: Any) -> bytes:
        """The JSON, as bytes."""
        return json_bytes(content, ensure_ascii=False, separators=(",", ":"))
