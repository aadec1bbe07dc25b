"""Reads the messages and the texts out of what tracing keeps as input and output.

What is read from files is read here as well. In addition, tracing keeps JSON as text, the
arguments of a decorated Python function, and marks where Langfuse has put away a file.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from nemoguardrails_trust.errors import DataError
from nemoguardrails_trust.exchange import Message, read_messages, read_passages, read_response
from nemoguardrails_trust.exchange.calls import INSTRUCTIONS
from nemoguardrails_trust.exchange.kinds import is_part, is_sure_part
from nemoguardrails_trust.exchange.media import why_unsendable
from nemoguardrails_trust.exchange.recognising import is_chat, is_completion
from nemoguardrails_trust.exchange.values import MAX_DEPTH, bounded, load_json, to_json

MEDIA = re.compile(r"@@@langfuseMedia:type=([^|@]{1,100})")
"""What Langfuse puts in the place of an image, a recording or a file."""

_ANSWER_KEYS = frozenset(("content", "parts", "role", "finishReason"))


def parse(value: Any) -> Any:
    """The JSON that a traced value is the text of; anything else is given back as it is.

    Numbers and words such as `true` stay text: they are what someone wrote.
    """
    if not isinstance(value, str) or value.lstrip()[:1] not in ("{", "[", '"'):
        return value
    try:
        parsed = load_json(value)
    except ValueError:
        return value
    return parsed if isinstance(parsed, dict | list | str) else value


@bounded
def messages_of(value: Any) -> tuple[Message, ...]:
    """The messages that an input holds, tools included, in order.

    Raises:
        DataError: They cannot be told, or hold more than text.
    """
    messages = read_messages(_asked(parse(value)), what="the input")
    for message in messages:
        _only_text(message.content)
        for medium in message.media:
            if why_unsendable([medium]):  # such as what Langfuse has put away
                raise DataError(f"a message contains more than text ({medium.type or medium.kind})")
    return messages


@bounded
def text_of(value: Any) -> str:
    """The text of an output: an answer's words, or its tool calls as JSON.

    An object in no known form is itself the answer, as JSON: that is what structured output is.

    Raises:
        DataError: The output is empty, or holds more than text.
    """
    parsed = parse(value)
    if isinstance(parsed, str) or parsed is None:
        text = parsed or ""
    elif _is_answer(parsed):
        text = read_response(parsed, what="the output")
    else:
        text = value if isinstance(value, str) else to_json(parsed)
    if not text.strip():
        raise DataError("the output is empty")
    return _only_text(text)


def passages_of(value: Any) -> tuple[str, ...]:
    """The passages that a retriever gave, each a text.

    Raises:
        DataError: They cannot be told.
    """
    return tuple(map(_only_text, read_passages(parse(value), what="a passage")))


def leaves(value: Any, depth: int = 0) -> Iterator[str]:
    """Every string inside a value, as deep as data is nested, and the value's own text."""
    if depth > MAX_DEPTH:
        return
    parsed = parse(value)
    if isinstance(value, str):
        yield value
    if isinstance(parsed, Mapping):
        for inner in parsed.values():
            yield from leaves(inner, depth + 1)
    elif isinstance(parsed, list):
        for inner in parsed:
            yield from leaves(inner, depth + 1)
    elif isinstance(parsed, str) and parsed is not value:
        yield parsed


def _asked(value: Any) -> Any:
    """What of an input is the prompt, as `read_messages` takes it."""
    if isinstance(value, list):
        return [parse(item) for item in value]
    if not isinstance(value, Mapping) or not value or is_chat(value):
        return value
    if value.keys() <= {"args", "kwargs"}:
        named, listed = value.get("kwargs") or {}, value.get("args") or ()
        if not isinstance(named, Mapping) or not isinstance(listed, list | tuple):
            return value
        given = [*listed, *named.values()]
        if len(named) > 1 and len(named) == len(given):
            return named
        if len(given) != 1:
            raise DataError(
                f"the traced function has {len(given)} arguments, so it is unclear which "
                "one is the prompt"
            )
        return _asked(parse(given[0]))
    (key, inner), *more = value.items()
    return value if more or key in INSTRUCTIONS else _asked(parse(inner))


def _is_answer(value: Any) -> bool:
    """Whether an output is in a form of models, rather than an answer's own structure."""
    if isinstance(value, list):
        return bool(value) and all(is_part(item) or _is_answer(item) for item in value)
    if not isinstance(value, Mapping):
        return False
    # A name with arguments may be a call or the answer's own structure; it reads the same.
    is_said = is_sure_part(value) or (is_part(value) and "text" in value)
    inner = next(iter(value.values())) if len(value) == 1 else None
    is_step = isinstance(inner, Mapping) and (is_chat(inner) or is_completion(inner))
    is_known = is_chat(value) or is_completion(value) or is_said or is_step
    is_bare = any(key in value for key in ("content", "parts")) and value.keys() <= _ANSWER_KEYS
    return is_known or is_bare or value.get("type") == "message"


def _only_text(text: str) -> str:
    found = MEDIA.search(text)
    if found:
        raise DataError(f"the text contains a file ({found[1]}), which cannot be scored")
    return text
