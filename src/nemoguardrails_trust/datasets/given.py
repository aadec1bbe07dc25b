"""What a row's model was given in other columns than the prompt's: instructions, tools, pictures.

Fine-tuning sets and pictures with questions have these beside the chat. Without them, half of what
the model was given would be scored.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from nemoguardrails_trust.datasets.choices import Option, read_options, with_options
from nemoguardrails_trust.exchange import Message
from nemoguardrails_trust.exchange.beside import media_beside, tools_beside
from nemoguardrails_trust.exchange.reading import read_turns
from nemoguardrails_trust.exchange.values import is_filled, unpacked

_FEWEST_WORDS = 3  # a column `system` may also say which system answered


def with_given(
    messages: tuple[Message, ...], row: Mapping[str, Any], given: Sequence[tuple[str, str]]
) -> tuple[Message, ...]:
    """Puts what stands in other columns of a row to what was asked.

    Args:
        messages: What the prompt's column holds.
        row: The row.
        given: What other columns hold, and their names, as `Columns.given` has them.

    Raises:
        DataError: A column holds what cannot be read.
    """
    if not given:
        return messages
    singles = [name for what, name in given if what == "option" and is_filled(row.get(name))]
    choices: Sequence[Option] | str = read_options(
        {name.strip()[-1].upper(): row[name] for name in singles}
    )
    is_one_question = _is_one_question(messages)
    for what, column in given:
        value = unpacked(row.get(column))
        if not is_filled(value):
            continue
        if what == "system":
            messages = (*_instructions(value, messages), *messages)
        elif what == "tools" and isinstance(value, list) and isinstance(value[0], Mapping):
            messages = (*tools_beside({"tools": value}), *messages)
        elif what == "history" and _is_one_question(messages):
            messages = (*read_turns(value, what=f"column {column!r}"), *messages)
        elif what == "input" and _is_one_question(messages) and isinstance(value, str):
            text = f"{messages[-1].content}\n\n{value}"
            messages = (*messages[:-1], replace(messages[-1], content=text))
        elif what == "options":
            choices = choices or (value if isinstance(value, str) else read_options(value))
        elif what in ("image", "audio", "video"):
            messages = _with_media(messages, value, what)
    if choices and is_one_question:
        asked = with_options(messages[-1].content, choices)
        messages = (*messages[:-1], replace(messages[-1], content=asked))
    return messages


def _instructions(value: Any, messages: tuple[Message, ...]) -> Iterator[Message]:
    text = value.strip() if isinstance(value, str) else ""
    is_there = any(message.role == "system" and text in message.content for message in messages)
    if len(text.split()) >= _FEWEST_WORDS and not is_there:
        yield Message("system", value)


def _is_one_question(messages: tuple[Message, ...]) -> bool:
    return [message.role for message in messages if message.role != "system"] == ["user"]


def _with_media(messages: tuple[Message, ...], value: Any, what: str) -> tuple[Message, ...]:
    """The messages with pictures or recordings at the first question."""
    media = tuple(medium for piece in media_beside({what: value}, "user") for medium in piece.media)
    for place, message in enumerate(messages):
        if message.role == "user":
            asked = replace(message, media=(*media, *message.media))
            return (*messages[:place], asked, *messages[place + 1 :])
    return messages
