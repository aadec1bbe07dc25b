"""The one reader of what people call a prompt, a response and a context.

Files, data frames, frameworks and tracing each have forms of their own for a conversation: text,
chat messages of OpenAI, Anthropic, Cohere, Mistral, Gemini, Bedrock, LangChain, LlamaIndex,
Haystack, pydantic-ai, AutoGen, smolagents, Letta, CAMEL, Gradio, the Vercel AI SDK, OpenTelemetry
or OpenInference, ShareGPT, the items of OpenAI's responses, exports of apps, chats in a model's
template, and all of these as JSON text. They are
read whole or refused: half an exchange must never be scored as if it were all of it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from nemoguardrails_trust.errors import DataError
from nemoguardrails_trust.exchange.attributes import chat_of, is_call, said_of
from nemoguardrails_trust.exchange.beside import (
    TOOLS,
    documents_beside,
    require_nothing_given,
    tools_beside,
)
from nemoguardrails_trust.exchange.calls import (
    ABOUT_A_CALL,
    ABOUT_AN_ENVELOPE,
    AS_TEXTS,
    BESIDE,
    CHATS,
    COMPLETIONS,
    INSTRUCTIONS,
    LISTS,
    SAID,
    WHOLE,
    require_nothing_more,
)
from nemoguardrails_trust.exchange.exports import rendered
from nemoguardrails_trust.exchange.frameworks import is_of_framework
from nemoguardrails_trust.exchange.given import keys_of, require_known, within
from nemoguardrails_trust.exchange.items import (
    is_message,
    joined,
    read_item,
    read_items,
    role_name,
    usual_message,
)
from nemoguardrails_trust.exchange.kinds import thinks
from nemoguardrails_trust.exchange.messages import Message
from nemoguardrails_trust.exchange.pairs import (
    ASKED_OR_SAID,
    are_pairs,
    has_two,
    is_message_pair,
    named_turns,
    paired_turns,
)
from nemoguardrails_trust.exchange.parts import read_content
from nemoguardrails_trust.exchange.recognising import (
    envelope_of,
    holds_chat,
    is_answer,
    is_chat,
    is_lone_part,
    lists_in,
    nested_chat,
)
from nemoguardrails_trust.exchange.templates import turns_of
from nemoguardrails_trust.exchange.thinking import answer_in, why_no_answer
from nemoguardrails_trust.exchange.trees import LAST, branch_of, in_order, last_of
from nemoguardrails_trust.exchange.values import (
    bounded,
    kind_told,
    plain,
    to_json,
    unpacked,
    whole_text,
)


@bounded
def read_messages(
    value: Any, *, in_text: bool = True, what: str = "the prompt"
) -> tuple[Message, ...]:
    """Reads what a model was given.

    Args:
        value: Text, chat messages in any known form, or an object that holds them.
        in_text: Whether a text may be the JSON of messages, as it is in files. Where it is what
            a person typed, it must not: whoever typed it would speak in all roles.
        what: What the value is, for errors.

    Raises:
        DataError: It is empty, or a part of it is of no known form. The message names the place
            and the keys that are there, and holds nothing of their values.
    """
    value = plain(value)
    if isinstance(value, str):
        chat = nested_chat(value, what, holds_chat if in_text else is_chat)
        if chat is not None and not in_text:
            raise DataError(f"{what} is chat messages as text; give the list itself")
        if chat is None and in_text:
            chat = turns_of(value, what)
        value = value if chat is None else chat
    if isinstance(value, str):
        messages: tuple[Message, ...] = (Message("user", whole_text(value)),)
    else:
        messages = tuple(map(_whole, _read_chat(value, what)))
    if not any(message.content.strip() or message.media for message in messages):
        raise DataError(f"{what} is empty")
    return messages


@bounded
def read_response(value: Any, *, in_text: bool = True, what: str = "the response") -> str:
    """Reads an answer: its words, followed by its tool calls as JSON, without thinking.

    Args:
        value: Text, a message, messages of which the last are the answer, or what a
            model's server gave (a completion).
        in_text: Whether a text may be the JSON of messages; see `read_messages`.
        what: What the value is, for errors.

    Raises:
        DataError: It is of no known form, is no answer, or holds more than text.
    """
    value = plain(value)
    if isinstance(value, str):
        nested = nested_chat(value, what, is_answer) if in_text else None
        if nested is None and in_text:
            nested = turns_of(value, what)
        if nested is None:
            return whole_text(_answer_in(value, what))
        value = nested
    answer = ending_answer(tuple(_read_answer(value, what)), what=what)[1]
    if answer == "" and any(
        isinstance(inner, Mapping) and thinks(inner) for inner in within(value)
    ):
        raise DataError(f"{what} is thinking without an answer")
    if answer is None:
        raise DataError(f"{what} does not end with what the assistant said")
    return whole_text(answer)


def _answer_in(written: str, what: str) -> str:
    answer = answer_in(written)
    if answer is None:
        raise DataError(f"{what} {why_no_answer(written)}")
    return answer


@bounded
def read_turns(value: Any, *, what: str) -> tuple[Message, ...]:
    """Reads earlier turns: messages, or pairs of what was asked and answered.

    Raises:
        DataError: They are of no known form.
    """
    return tuple(map(_whole, _read_turns(value, what)))


def ending_answer(
    messages: tuple[Message, ...], *, what: str = "the prompt"
) -> tuple[tuple[Message, ...], str | None]:
    """Takes a conversation apart: what was asked, and the answer where one stands at its end.

    Raises:
        DataError: The answer holds more than text.
    """
    end = len(messages)
    while end and messages[end - 1].role == "assistant":
        end -= 1
    answer = messages[end:]
    if any(message.media for message in answer):
        raise DataError(f"{what} has an answer that is more than text")
    text = "\n".join(message.content for message in answer if message.content)
    return messages[:end], _answer_in(text, what) if answer else None


def _whole(message: Message) -> Message:
    text = whole_text(message.content)
    return message if text is message.content else replace(message, content=text)


def _read_chat(value: Any, what: str, last: Any = None) -> Iterator[Message]:
    value = plain(value)
    if isinstance(value, Mapping):
        yield from _read_object(value, what)
        return
    if isinstance(value, str):
        yield Message("user", value)
        return
    if value is None:
        return
    if not isinstance(value, list | tuple):
        raise DataError(f"{what} is {kind_told(value)}; it must be text or chat messages")
    usual = list(filter(None, map(usual_message, value)))
    if len(usual) == len(value):
        yield from usual
        return
    one = plain(value[0]) if len(value) == 1 else None
    if isinstance(one, list) and not is_message_pair(one) and not are_pairs([one]):
        value = one  # LangChain's batch of one
    elif isinstance(one, Mapping) and is_chat(one) and not is_message(one):
        yield from _read_object(one, what)
        return
    items = list(map(plain, value))
    if are_pairs(items):
        yield from _read_turns(items, what)
        return
    items = named_turns(items, ASKED_OR_SAID) or items
    if all(isinstance(item, str) or is_lone_part(item) for item in items):
        if len(items) > 1 and all(isinstance(item, str) for item in items):
            raise DataError(f"{what} is a list of texts, and it is unclear who said which")
        numbered = enumerate(items, start=1)
        pieces = [
            piece for n, part in numbered for piece in read_content(part, f"part {n} of {what}")
        ]
        yield from joined("user", pieces)
        return
    yield from read_items(in_order(items, last, what), what)


def _read_text(value: Any, what: str, last: Any = None) -> Iterator[Message]:
    """The messages of what may be the JSON of them."""
    nested = unpacked(value)
    yield from _read_chat(nested if is_chat(nested) else value, what, last)


def _read_turns(value: Any, what: str) -> Iterator[Message]:
    pairs = [plain(turn) for turn in value] if isinstance(value, list | tuple) else []
    if not pairs or not all(map(has_two, pairs)) or all(map(is_message_pair, pairs)):
        yield from _read_chat(value, what)
        return
    for number, turn in paired_turns(pairs):
        yield from read_item(turn, f"turn {number} of {what}")


def _read_object(value: Mapping[str, Any], what: str) -> Iterator[Message]:
    """The messages of an object: a message, or a call with instructions, tools and a chat."""
    if role_name(value) is not None or is_of_framework(value):
        yield from read_items([value], what)
        return
    if (branch := branch_of(value, what)) is not None:
        require_nothing_given(value, what)
        yield from read_items(branch, what)
        return
    if (sent := rendered(value)) is not None:
        yield from _read_text(sent, what)
        return
    value = chat_of(value) if is_call(value) else value
    lists = [key for key in lists_in(value) if key in LISTS]
    chats = [key for key in CHATS if value.get(key) is not None] or lists
    if not chats and isinstance(value.get("message"), str):  # Cohere's first interface
        chats = ["message"]
    envelope = envelope_of(value)
    if not chats and envelope is not None:
        require_nothing_more(value, {envelope, *ABOUT_AN_ENVELOPE}, envelope, what)
        yield from _read_object(value[envelope], what)
        return
    if len(chats) != 1:
        raise DataError(
            f"it is unclear which part of {what} is the prompt ({keys_of(value)}); give it as "
            "messages"
        )
    history = ("chat_history", "tool_results") if chats == ["message"] else ()
    known = {*chats, *history, *INSTRUCTIONS, *TOOLS, *LAST, "documents"} | ABOUT_A_CALL
    require_nothing_more(value, known, chats[0], what)
    configs = (value.get(key) for key in ("config", "toolConfig"))
    places = [value, *(place for place in configs if isinstance(place, Mapping))]
    for place in places:
        for key in filter(place.get, INSTRUCTIONS):
            yield from joined("system", read_content(place[key], what))
    for place in places:
        yield from tools_beside(place)
    yield from documents_beside(value)
    if history and value.get("chat_history"):
        yield from _read_chat(value["chat_history"], what)
    if history and value.get("tool_results"):
        yield Message("tool", to_json(plain(value["tool_results"])))
    yield from _read_text(value[chats[0]], what, last_of(value))


def _read_answer(value: Any, what: str) -> Iterator[Message]:
    """The messages of an output, in which those without a role are the assistant's."""
    if isinstance(value, Mapping):
        value = said_of(value) or value
    if isinstance(value, Mapping):
        for key in COMPLETIONS:
            inner = plain(value.get(key))
            if isinstance(inner, list) and inner:
                first = plain(inner[0])
                while isinstance(first, list) and first:  # LangChain's batch
                    first = plain(first[0])
                if isinstance(first, str) and key not in AS_TEXTS:
                    raise DataError(f"{what} has text under {key}; it must have objects there")
                whole = key in WHOLE or isinstance(first, str)
                yield from _read_answer(inner if whole else first, what)
                return
            if isinstance(inner, Mapping):
                yield from _read_answer(inner, what)
                return
        for key in ("message", "messages", "content", "body", "result", "response"):
            inner = plain(value.get(key))
            if isinstance(inner, Mapping) or (
                isinstance(inner, list) and inner and key == "messages"
            ):
                yield from _read_answer(inner, what)
                return
        if role_name(value) is None and not any(map(value.get, ("content", "text", "parts"))):
            key = next(filter(value.get, SAID), "")
            if isinstance(value.get(key), str | list):
                if key in BESIDE:
                    require_known(value, {key, *BESIDE[key]}, what)
                yield from _read_answer([value[key]], what)
                return
        inner = plain(next(iter(value.values()))) if len(value) == 1 else None
        value = inner if isinstance(inner, Mapping) and is_answer(inner) else [value]
        if value is inner:  # a step of a graph, under its name
            yield from _read_answer(value, what)
            return
    if not isinstance(value, list | tuple):
        raise DataError(f"{what} is {kind_told(value)}; it must be text")
    items = [plain(item) for item in value]
    one = items[0] if len(items) == 1 else None
    if isinstance(one, list) or (isinstance(one, Mapping) and "generated_text" in one):
        yield from _read_answer(one, what)
        return
    if len(items) != 1 and all(isinstance(item, str) for item in items):
        raise DataError(f"{what} is a list of {len(items)} texts; it must be one text")
    if any(map(is_of_framework, items)):
        yield from read_items(items, what, default="assistant")
        return
    for number, item in enumerate(items, start=1):
        where = f"message {number} of {what}" if len(items) > 1 else what
        if isinstance(item, str) or is_lone_part(item):
            yield from joined("assistant", read_content(item, where))
        else:
            yield from read_item(item, where, default="assistant")
