"""Whether a value is a chat, or what a server gave, as far as that is told before it is read."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from nemoguardrails_trust.errors import DataError
from nemoguardrails_trust.exchange.attributes import is_call, said_of
from nemoguardrails_trust.exchange.beside import BODIES
from nemoguardrails_trust.exchange.calls import CHATS, COMPLETIONS, ENVELOPES, LISTS, SAID, SERVED
from nemoguardrails_trust.exchange.frameworks import is_of_framework
from nemoguardrails_trust.exchange.given import within
from nemoguardrails_trust.exchange.items import SENDERS, is_message, role_name
from nemoguardrails_trust.exchange.kinds import is_sure_part
from nemoguardrails_trust.exchange.messages import ROLE_NAMES
from nemoguardrails_trust.exchange.pairs import ASKED_OR_SAID, SPEAKERS, named_turns
from nemoguardrails_trust.exchange.trees import is_tree
from nemoguardrails_trust.exchange.values import is_filled, load_nested

_BEGINS_AS_CHAT = re.compile(r"\s*(?:\[\s*[\[{\"']|\{\s*[\"'])")
_NAMES_A_ROLE = re.compile(
    rf"[\"'](?:_?{'|'.join(SENDERS)})[\"']\s*:\s*[\"'](?:{'|'.join(ROLE_NAMES)})[\"']"
    r"|[\"'](?:part_kind|kind)[\"']\s*:\s*[\"'](?:request|response|user-prompt|system-prompt)[\"']"
    r"|[\"']type[\"']\s*:\s*[\"']TextMessage[\"']"
)


_SHOWN = re.compile(
    r"\s*+(?:\[\s*+)?(?:[\w.]{1,80}\.)?(?:(?:Human|AI|System|Tool|Function|Chat|Text|User|"
    r"Assistant|ChatCompletion)Message|Model(?:Request|Response)|ChatCompletion|ChatResponse|Message"
    r")\w{0,20}\((?:\w{1,40}=|\))"
    r"|\s*+content=[\"'\[][\s\S]*\s(?:additional_kwargs|response_metadata)=\{"
)
"""How messages of LangChain, OpenAI's client and others begin where Python shows them as text."""


def is_chat(value: Any) -> bool:
    """Whether a value is a message, a list with one, or an object with such a list."""
    if isinstance(value, list | tuple):
        one = value[0] if len(value) == 1 else None
        is_one = isinstance(one, list | Mapping) and is_chat(one)
        return is_one or any(map(is_message, value)) or bool(named_turns(value, SPEAKERS))
    if not isinstance(value, Mapping) or is_message(value):
        return is_message(value)
    if is_call(value) or is_tree(value) or envelope_of(value) is not None:
        return True
    return bool(lists_in(value))


def lists_in(value: Mapping[str, Any]) -> list[str]:
    """The keys of an object under which there are lists of messages."""
    chats = (*CHATS, "chat_history") if isinstance(value.get("message"), str) else CHATS
    keys = (*chats, *LISTS)
    return [key for key in keys if isinstance(value.get(key), list) and is_chat(value[key])]


def holds_chat(value: Any) -> bool:
    """Whether a value is a chat, or may be one of a form that is not known."""
    if isinstance(value, list) and (_are_parts(value) or named_turns(value, ASKED_OR_SAID)):
        return True
    return is_chat(value) or any(
        (is_message(inner) or "author_id" in inner)  # the latter in what Zendesk has
        and any(is_filled(inner.get(key)) for key in (*BODIES, "body"))
        for inner in within(value)
        if isinstance(inner, Mapping)
    )


def _are_parts(items: list[Any]) -> bool:
    """Whether a list is the parts of one message: texts and, among them, pictures and the like."""
    is_each = all(isinstance(item, str) or is_lone_part(item) for item in items)
    return is_each and not all(isinstance(item, str) for item in items)


def envelope_of(value: Mapping[str, Any]) -> str | None:
    """The key under which a whole call stands; `None` where none does."""
    known = (key for key in ENVELOPES if isinstance(value.get(key), Mapping))
    return next((key for key in known if is_chat(value[key]) or _is_call(value[key])), None)


def _is_call(value: Mapping[str, Any]) -> bool:
    """Whether a value, where a call is looked for, is one with a text to complete."""
    return "model" in value and any(isinstance(value.get(key), str) for key in CHATS)


def is_completion(value: Any) -> bool:
    """Whether a value is what a model's server gives, rather than an answer's own words."""
    if not isinstance(value, Mapping):
        return False
    if said_of(value):
        return True
    for key in ("message", "response", "body", "result", "output", "generated_text"):
        inner = value.get(key)
        if isinstance(inner, Mapping | list) and (is_chat(inner) or is_completion(inner)):
            return True
    if any(isinstance(value.get(key), str) for key in ("text", *SAID)) and _is_served(value):
        return True
    choices = next((value[key] for key in COMPLETIONS if isinstance(value.get(key), list)), None)
    while isinstance(choices, list) and choices and isinstance(choices[0], list):
        choices = choices[0]
    items = [item for item in choices or () if isinstance(item, Mapping)]
    keys = {"message", "text", "content", "parts", "outputText", "generated_text"}
    is_first = bool(items) and not keys.isdisjoint(items[0])
    is_parts = isinstance(choices, list) and _are_parts(choices)
    is_items = any(item.get("type") == "message" for item in items)
    return is_first or is_parts or is_items or is_chat(choices)


def _is_served(value: Mapping[str, Any]) -> bool:
    """Whether an object has what servers put beside an answer, rather than answers of a form."""
    is_done = isinstance(value.get("done"), bool) and "model" in value
    return is_done or isinstance(value.get("usage"), Mapping) or not SERVED.isdisjoint(value)


def is_lone_part(item: Any) -> bool:
    """Whether something is a part of a message that stands by itself."""
    is_other = not isinstance(item, Mapping) or is_of_framework(item)
    return not is_other and role_name(item) is None and is_sure_part(item)


def is_answer(value: Any) -> bool:
    """Whether a value is a chat, or what a model's server gave, whole or by pieces."""
    listed = value if isinstance(value, list) and value else [value]
    is_parts = isinstance(value, list) and _are_parts(value)
    return is_parts or is_chat(value) or all(map(is_completion, listed))


def nested_chat(text: str, what: str, is_known: Callable[[Any], bool]) -> Any:
    """The messages that a text is the JSON of, or Python's way to write them; else `None`.

    Raises:
        DataError: It seems to be messages and cannot be read, as when it was cut off.
    """
    if _SHOWN.match(text):
        raise DataError(
            f"{what} is messages as Python prints them, which cannot be read back; write them as "
            "JSON, such as with model_dump_json() or langchain_core.messages.messages_to_dict()"
        )
    if not _BEGINS_AS_CHAT.match(text):
        return None
    nested = load_nested(text)
    if nested is not None:
        return nested if is_known(nested) else None
    if _NAMES_A_ROLE.search(text):
        raise DataError(
            f"{what} looks like chat messages as text, but is neither JSON nor a Python list: it "
            "was cut off, or written by NumPy; write it as JSON, or the file as JSON Lines"
        )
    return None
