"""Whatever a known form holds in the place of what belongs there, reading it never raises."""

import copy
import json
import math
import random
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nemoguardrails_trust.errors import DataError
from nemoguardrails_trust.exchange import read_messages, read_passages, read_response
from nemoguardrails_trust.exchange.values import json_bytes
from nemoguardrails_trust.integrations.langfuse.shapes import messages_of, passages_of, text_of
from tests.exchange.test_attributes import OPEN_INFERENCE, OPEN_LLMETRY, PARTS
from tests.exchange.test_exports import EXPORTS
from tests.exchange.test_frameworks import AUTOGEN, COHERE, HAYSTACK, MISTRAL, PYDANTIC_AI
from tests.exchange.test_responses import SERVED
from tests.exchange.test_steps import CAMEL, GRADIO, LETTA, SMOLAGENTS
from tests.exchange.test_whole_messages import ASKED, FOUND

CONTENT = [
    {"type": "text", "text": "why?"},
    {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw=="}},
    {"type": "document", "source": {"type": "text", "data": "D"}, "title": "T", "context": "C"},
    {"searchResult": {"source": "u", "title": "T", "content": [{"text": "D"}]}},
    {"inlineData": {"mimeType": "image/png", "data": "iVBORw=="}, "videoMetadata": {"fps": 1}},
    {"block_type": "document", "data": "JVBERi0=", "document_mimetype": "application/pdf"},
    {"type": "tool-f", "toolCallId": "c", "state": "output-available", "input": {}, "output": 1},
    {"type": "tool-invocation", "toolInvocation": {"toolName": "f", "args": {}, "result": 1}},
    {"toolResult": {"toolUseId": "c", "content": [{"json": {"a": 1}}], "status": "success"}},
]
KNOWN: list[Any] = [
    *EXPORTS.values(), *SERVED, AUTOGEN, COHERE, HAYSTACK, MISTRAL, PYDANTIC_AI, CAMEL, GRADIO,
    LETTA, SMOLAGENTS, OPEN_INFERENCE, OPEN_LLMETRY, PARTS, [{"role": "user", "content": CONTENT}],
    *([ASKED, item] for item, *_ in FOUND.values()), {"args": [ASKED], "kwargs": {}},
]  # fmt: skip
ODD: list[Any] = [
    None, True, 5, -1, 10**400, 1e308, float("nan"), float("inf"), "", "x", "\ud800", "user",
    '{"a":', "<think>", b"x", (), (1, 2), {1, 2}, [], {}, [[]], [None], {"a": None}, {1: 2},
    {"role": "user"}, {"value": "user"}, {"text": "a"}, [{"type": "text", "text": "b"}],
]  # fmt: skip


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """All that stands in a value, as what it stands in and its key there."""
    keys = list(value) if isinstance(value, dict) else range(len(value))
    for key in keys:
        yield value, key
        if isinstance(value[key], dict | list):
            yield from places(value[key])


KEYS = sorted({key for known in KNOWN for _, key in places(known) if isinstance(key, str)})


def changed(dice: random.Random) -> Any:
    """A known form in which something is replaced, renamed, moved or added."""
    value = copy.deepcopy(dice.choice(KNOWN))
    for _ in range(dice.randint(1, 3)):
        within, key = dice.choice(list(places(value)))
        other, place = dice.choice(list(places(value)))
        new = copy.deepcopy(dice.choice((dice.choice(ODD), other[place], dice.choice(KNOWN))))
        if isinstance(within, dict) and dice.random() < 0.5:
            if dice.random() < 0.5:
                new = within.pop(key)
            key = dice.choice(KEYS)
        within[key] = new
    return value


@pytest.mark.parametrize(
    "read", [read_messages, read_response, read_passages, messages_of, text_of, passages_of]
)
@settings(max_examples=300)
@given(seed=st.integers(0, 2**32))
def test_odd_values_are_read_or_refused(read: Callable[[Any], object], seed: int) -> None:
    with suppress(DataError):
        read(changed(random.Random(seed)))


@pytest.mark.parametrize("is_ascii", [False, True])
def test_what_json_cannot_hold_is_written_in_other_ways(is_ascii: bool) -> None:
    written = json_bytes({"a": [math.nan, math.inf, 1.5], "b": "\ud800"}, ensure_ascii=is_ascii)
    assert json.loads(written) == {"a": [None, None, 1.5], "b": "\ud800"}
    assert json_bytes("\u2028é", separators=(",", ":")) == rb'"\u2028\u00e9"'
