"""The one reader of what people call a prompt, a response and a context.

Files, data frames, frameworks and tracing each have forms of their own for a conversation: text,
chat messages of OpenAI, Anthropic, Cohere, Mistral, Gemini, Bedrock, LangChain, LlamaIndex,
Haystack, pydantic-ai, AutoGen, smolagents, Letta, CAMEL, Gradio, the Vercel AI SDK, OpenTelemetry
or OpenInference, ShareGPT, the items of OpenAI's responses, and all of these as JSON text. They are
read whole or refused: half an exchange must never be scored as if it were all of it.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from nemoguardrails_trust.errors import DataError
from nemoguardrails_trust.exchange.attributes import chat_of, is_call, said_of
from nemoguardrails_trust.exchange.beside import TOOLS, documents_beside, tools_beside
from nemoguardrails_trust.exchange.calls import (
    ABOUT_A_CALL,
    ABOUT_AN_ENVELOPE,
    BESIDE,
    CHATS,
    COMPLETIONS,
    ENVELOPES,
    INSTRUCTIONS,
    SAID,
    WHOLE,
    require_nothing_more,
)
from nemoguardrails_trust.exchange.frameworks import is_of_framework
from nemoguardrails_trust.exchange.given import keys_of, require_known
from nemoguardrails_trust.exchange.items import (
    SENDERS,
    is_message,
    joined,
    read_item,
    read_items,
    role_name,
)
from nemoguardrails_trust.exchange.kinds import is_sure_part
from nemoguardrails_trust.exchange.messages import ROLE_NAMES, Message
from nemoguardrails_trust.exchange.parts import read_content
from nemoguardrails_trust.exchange.thinking import answer_in, why_no_answer
from nemoguardrails_trust.exchange.values import (
    bounded,
    kind_told,
    load_nested,
    plain,
    to_json,
    unpacked,
    whole_text,
)

_BEGINS_AS_CHAT = re.compile(r"\s*(?:\[\s*\{|\{\s*[\"'])")
_NAMES_A_ROLE = re.compile(
    rf"[\"'](?:_?{'|'.join(SENDERS)})[\"']\s*:\s*[\"'](?:{'|'.join(ROLE_NAMES)})[\"']"
    r"|[\"'](?:part_kind|kind)[\"']\s*:\s*[\"'](?:request|response|user-prompt|system-prompt)[\"']"
    r"|[\"']type[\"']\s*:\s*[\"']TextMessage[\"']"
)


_LONGEST_NAME = 3  # words; whoever speaks has no longer one

_SHOWN = re.compile(
    r"\s*\[?\s*(?:[\w.]{1,80}\.)?(?:(?:Human|AI|System|Tool|Function|Chat|Text|User|Assistant|"
    r"ChatCompletion)Message|Model(?:Request|Response)|ChatCompletion|ChatResponse|Message"
    r")\w{0,20}\((?:\w{1,40}=|\))"
    r"|\s*content=[\"'\[][\s\S]*\s(?:additional_kwargs|response_metadata)=\{"
)
"""How messages of LangChain, OpenAI's client and others begin where Python shows them as text."""


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
        chat = _nested_chat(value, what, is_chat)
        if chat is not None and not in_text:
            raise DataError(f"{what} is chat messages as text; give the list itself")
        value = value if chat is None else chat
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
        nested = _nested_chat(value, what, _is_answer) if in_text else None
        if nested is None:
            return whole_text(_answer_in(value, what))
        value = nested
    answer = ending_answer(tuple(_read_answer(value, what)), what=what)[1]
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


def is_chat(value: Any) -> bool:
    """Whether a value is a message, a list with one, or an object with such a list."""
    if isinstance(value, list | tuple):
        return any(map(is_message, value))
    if not isinstance(value, Mapping) or is_message(value):
        return is_message(value)
    if is_call(value):
        return True
    if _envelope_of(value) is not None:
        return True
    chats = (*CHATS, "chat_history") if isinstance(value.get("message"), str) else CHATS
    return any(isinstance(value.get(key), list) and is_chat(value[key]) for key in chats)


def _envelope_of(value: Mapping[str, Any]) -> str | None:
    """The key under which a whole call stands; `None` where none does."""
    known = (key for key in ENVELOPES if isinstance(value.get(key), Mapping))
    return next((key for key in known if is_chat(value[key])), None)


def is_completion(value: Any) -> bool:
    """Whether a value is what a model's server gives, rather than an answer's own words."""
    if not isinstance(value, Mapping):
        return False
    if said_of(value):
        return True
    if isinstance(value.get("message"), Mapping):
        return is_chat(value["message"])
    choices = next((value[key] for key in COMPLETIONS if isinstance(value.get(key), list)), None)
    first = choices[0] if choices else None
    keys = ("message", "text", "content", "parts")
    return isinstance(first, Mapping) and (is_chat(first) or any(key in first for key in keys))


def _whole(message: Message) -> Message:
    text = whole_text(message.content)
    return message if text is message.content else replace(message, content=text)


def _is_answer(value: Any) -> bool:
    return is_chat(value) or is_completion(value)


def _nested_chat(text: str, what: str, is_known: Callable[[Any], bool]) -> Any:
    """The messages that a text is the JSON of, or Python's way to write them; else `None`.

    Raises:
        DataError: It seems to be messages and cannot be read, as when it was cut off.
    """
    if _SHOWN.match(text):
        raise DataError(
            f"{what} is messages as Python shows them, which cannot be read back; write them as "
            "JSON, such as by model_dump_json() or langchain_core.messages.messages_to_dict()"
        )
    if not _BEGINS_AS_CHAT.match(text):
        return None
    nested = load_nested(text)
    if nested is not None:
        return nested if is_known(nested) else None
    if _NAMES_A_ROLE.search(text):
        raise DataError(
            f"{what} seems to be chat messages as text, and is neither JSON nor a Python list: it "
            "was cut off, or written by numpy; write it as JSON, or the file as JSON lines"
        )
    return None


def _read_chat(value: Any, what: str) -> Iterator[Message]:
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
        raise DataError(f"{what} is {kind_told(value)}; it must be a text or chat messages")
    one = plain(value[0]) if len(value) == 1 else None
    if isinstance(one, list) and not _is_pair(one) and not _are_pairs([one]):
        value = one  # LangChain's batch of one
    items = list(map(plain, value))
    if _are_pairs(items):
        yield from _read_turns(items, what)
        return
    if all(isinstance(item, str) or _is_lone_part(item) for item in items):
        if len(items) > 1 and all(isinstance(item, str) for item in items):
            raise DataError(f"{what} is a list of texts; who says which cannot be told")
        numbered = enumerate(items, start=1)
        pieces = [
            piece for n, part in numbered for piece in read_content(part, f"part {n} of {what}")
        ]
        yield from joined("user", pieces)
        return
    yield from read_items(items, what)


def _read_turns(value: Any, what: str) -> Iterator[Message]:
    pairs = [plain(turn) for turn in value] if isinstance(value, list | tuple) else []
    if not pairs or not all(map(_has_two, pairs)) or all(map(_is_pair, pairs)):
        yield from _read_chat(value, what)
        return
    for number, pair in enumerate(pairs, start=1):
        for name, said in zip(("user", "assistant"), map(plain, pair), strict=True):
            if said is not None:
                where = f"turn {number} of {what}"
                yield from read_item({"role": name, "content": said}, where)


def _has_two(item: Any) -> bool:
    return isinstance(item, list | tuple) and len(item) == 2


def _are_pairs(items: list[Any]) -> bool:
    """Whether a list can only be pairs of what was asked and answered, as Gradio had them.

    Who speaks and what is said is a pair, too. So one of them must lack an answer yet, or begin
    with what is no name.
    """
    if not items or not all(map(_has_two, items)) or any(map(_is_pair, items)):
        return False
    firsts, seconds = ([plain(item[place]) for item in items] for place in (0, 1))
    if not all(said is None or isinstance(said, str | list | tuple) for said in firsts + seconds):
        return False
    if any(said is not None and not isinstance(said, str) for said in firsts + seconds):
        return True
    return None in (*firsts, *seconds) or any(
        said.rstrip().endswith("?") or len(said.split()) > _LONGEST_NAME for said in firsts
    )


def _is_pair(item: Any) -> bool:
    """Whether a list is a message of LangChain: who speaks, and what is said."""
    return _has_two(item) and isinstance(item[1], str) and str(item[0]) in ROLE_NAMES


def _is_lone_part(item: Any) -> bool:
    """Whether something is a part of a message that stands by itself."""
    is_other = not isinstance(item, Mapping) or is_of_framework(item)
    return not is_other and role_name(item) is None and is_sure_part(item)


def _read_object(value: Mapping[str, Any], what: str) -> Iterator[Message]:
    """The messages of an object: a message, or a call with instructions, tools and a chat."""
    if role_name(value) is not None or is_of_framework(value):
        yield from read_items([value], what)
        return
    value = chat_of(value) if is_call(value) else value
    chats = [key for key in CHATS if value.get(key) is not None]
    if not chats and isinstance(value.get("message"), str):  # Cohere's first interface
        chats = ["message"]
    envelope = _envelope_of(value)
    if not chats and envelope is not None:
        require_nothing_more(value, {envelope, *ABOUT_AN_ENVELOPE}, envelope, what)
        yield from _read_object(value[envelope], what)
        return
    if len(chats) != 1:
        raise DataError(
            f"which part of {what} is the prompt cannot be told ({keys_of(value)}); give it as "
            "messages"
        )
    history = ("chat_history", "tool_results") if chats == ["message"] else ()
    known = {*chats, *history, *INSTRUCTIONS, *TOOLS, "documents"} | ABOUT_A_CALL
    require_nothing_more(value, known, chats[0], what)
    within = (value.get(key) for key in ("config", "toolConfig"))
    places = [value, *(place for place in within if isinstance(place, Mapping))]
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
    chat = value[chats[0]]
    nested = unpacked(chat)
    yield from _read_chat(nested if is_chat(nested) else chat, what)


def _read_answer(value: Any, what: str) -> Iterator[Message]:
    """The messages of an output, in which those without a role are the assistant's."""
    if isinstance(value, Mapping):
        value = said_of(value) or value
    if isinstance(value, Mapping):
        for key in COMPLETIONS:
            inner = plain(value.get(key))
            if isinstance(inner, list) and inner:
                first = plain(inner[0])
                yield from _read_answer(inner if key in WHOLE else first, what)
                return
            if isinstance(inner, Mapping):
                yield from _read_answer(inner, what)
                return
        for key in ("message", "messages", "content", "body", "result"):
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
        value = [value]
    if not isinstance(value, list | tuple):
        raise DataError(f"{what} is {kind_told(value)}; it must be a text")
    items = [plain(item) for item in value]
    one = items[0] if len(items) == 1 else None
    if isinstance(one, list) or (isinstance(one, Mapping) and "generated_text" in one):
        yield from _read_answer(one, what)
        return
    if len(items) != 1 and all(isinstance(item, str) for item in items):
        raise DataError(f"{what} is a list of {len(items)} texts; it must be one")
    if any(map(is_of_framework, items)):
        yield from read_items(items, what, default="assistant")
        return
    for number, item in enumerate(items, start=1):
        where = f"message {number} of {what}" if len(items) > 1 else what
        if isinstance(item, str) or _is_lone_part(item):
            yield from joined("assistant", read_content(item, where))
        else:
            yield from read_item(item, where, default="assistant")
