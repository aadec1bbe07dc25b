"""A message of Anthropic's form is put together from its events, or not at all."""

import json
from typing import Any

import pytest

from nemoguardrails_trust.integrations.message_stream import message_of

EVENTS: list[dict[str, Any]] = [
    {"type": "message_start", "message": {"id": "m", "role": "assistant"}},
    {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
    {"type": "ping"},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Par"}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "is"}},
    {"type": "message_stop"},
]
WHOLE = {"id": "m", "role": "assistant", "content": [{"type": "text", "text": "Paris"}]}


def streamed(events: list[dict[str, Any]], ending: str = "\n") -> bytes:
    told = (f"event: {event['type']}{ending}data: {json.dumps(event)}" for event in events)
    return "".join(f"{event}{ending}{ending}" for event in told).encode()


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_a_message_is_the_same_whatever_ends_its_lines(ending: str) -> None:
    assert message_of(streamed(EVENTS, ending)) == WHOLE


@pytest.mark.parametrize("after", [b"", b"data: [DONE]\n\n", b": bye\n\n"])
def test_a_last_event_needs_no_empty_line_and_may_be_followed(after: bytes) -> None:
    stream = streamed(EVENTS)
    assert message_of(stream.removesuffix(b"\n\n") + (b"\n\n" + after if after else b"")) == WHOLE


def test_what_broke_off_is_no_message() -> None:
    stream = streamed(EVENTS)
    assert message_of(streamed(EVENTS[:-1])) is None
    assert message_of(stream[: len(stream) - 20]) is None
    assert message_of(b"") is None
