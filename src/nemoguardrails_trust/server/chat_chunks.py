"""The chunks of a chat completion that comes as a stream of events."""

import json
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any

from nemoguardrails_trust.exchange.values import json_bytes
from nemoguardrails_trust.models.chat_chunks import Chunk, enveloped
from nemoguardrails_trust.models.events import split_events

DONE = b"data: [DONE]\n\n"


async def read_events(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The events of a stream, each as its bytes, however these arrive.

    Raises:
        ModelError: The stream broke off.
    """
    pending = b""
    async for chunk in chunks:
        events, pending = split_events(pending + chunk)
        for event in events:
            yield event
    if pending.strip():
        yield pending + b"\n\n"


def events_of(completion: Mapping[str, Any]) -> Iterator[bytes]:
    """A whole completion as the events of a stream."""
    envelope = enveloped(completion)
    for choice in completion["choices"]:
        delta = dict(choice["message"])
        if isinstance(calls := delta.get("tool_calls"), list):
            delta["tool_calls"] = [
                {"index": i, **call} if isinstance(call, dict) else call
                for i, call in enumerate(calls)
            ]
        part = {**choice, "delta": delta, "finish_reason": None}
        del part["message"]
        yield event_of({**envelope, "choices": [part]})
        last = {"index": choice.get("index", 0), "delta": {}, "logprobs": None}
        finish = {"finish_reason": choice.get("finish_reason") or "stop"}
        yield event_of({**envelope, "choices": [last | finish]})
    yield DONE


def event_of(data: Mapping[str, Any]) -> bytes:
    """An event that holds JSON."""
    return b"data: " + json_bytes(data, separators=(",", ":")) + b"\n\n"


def parsed(data: bytes) -> Chunk | None:
    """The chunk that an event carries; `None` where it is none."""
    try:
        chunk = json.loads(data)
    except (ValueError, RecursionError):
        return None
    return chunk if isinstance(chunk, dict) else None
