"""A message in Anthropic's form that came as a stream of events, put together."""

from collections.abc import Iterator
from typing import Any

from nemoguardrails_trust.exchange.values import load_json
from nemoguardrails_trust.models.events import data_of, split_events


def message_of(stream: bytes) -> dict[str, Any] | None:
    """The message that a stream was; `None` if it is not one, or did not come to its end.

    Args:
        stream: All of its bytes.
    """
    message: dict[str, Any] | None = None
    blocks: dict[int, dict[str, Any]] = {}
    inputs: dict[int, str] = {}
    try:
        for event in _events(stream):
            kind, index = event.get("type"), event.get("index", 0)
            if kind == "message_start":
                message = event["message"]
            elif kind == "content_block_start":
                blocks[index] = dict(event["content_block"])
            elif kind == "content_block_delta":
                delta = event["delta"]
                if delta["type"] == "text_delta":
                    blocks[index]["text"] += delta["text"]
                elif delta["type"] == "input_json_delta":
                    inputs[index] = inputs.get(index, "") + delta["partial_json"]
            elif kind == "message_stop" and message is not None:
                for place, given in inputs.items():
                    blocks[place]["input"] = load_json(given or "{}")
                return {**message, "content": [blocks[place] for place in sorted(blocks)]}
    except (AttributeError, KeyError, TypeError, ValueError):
        return None
    return None


def _events(stream: bytes) -> Iterator[dict[str, Any]]:
    events, rest = split_events(stream)
    for event in (*events, rest):
        data = data_of(event).strip()
        if data not in (b"", b"[DONE]"):
            yield load_json(data)
