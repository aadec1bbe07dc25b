"""Turns a trace into the exchange that is scored: what the model was given, and its answer."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

from nemoguardrails_trust.errors import DataError
from nemoguardrails_trust.exchange import Exchange, Message
from nemoguardrails_trust.integrations.langfuse.shapes import (
    leaves,
    messages_of,
    parse,
    passages_of,
    text_of,
)

SYSTEM_PROMPT_KEY = "system_prompt"
"""The metadata key that holds a system prompt which the trace's input lacks."""

DEFAULT_MAX_CHARACTERS = 400_000
"""About 100,000 tokens of English; few models read more."""

GENERATION = "GENERATION"
RETRIEVER = "RETRIEVER"

_STRANGERS = (0, 0)


class UnreadableTraceError(Exception):
    """A trace holds no exchange that can be scored whole. Says why."""


@dataclass(frozen=True, slots=True)
class Observation:
    """One step of a trace, with what it was given and gave, as it was traced."""

    id: str
    kind: str  # `GENERATION`, `RETRIEVER`, `SPAN`, …
    start: datetime
    end: datetime | None = None  # while it runs
    input: Any = field(default=None, repr=False)
    output: Any = field(default=None, repr=False)
    metadata: dict[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Trace:
    """A trace with the steps that a score needs.

    Attributes:
        start: When it began; the date of its score.
        steps: Its generations and retrievers, the root among them if it is one.
        scored: Whether it has a score of the asked name already.
    """

    id: str
    start: datetime
    end: datetime | None = None
    environment: str | None = None
    input: Any = field(default=None, repr=False)
    output: Any = field(default=None, repr=False)
    metadata: dict[str, Any] = field(default_factory=dict, repr=False)
    steps: tuple[Observation, ...] = ()
    scored: bool = False


def read_exchange(
    trace: Trace,
    *,
    context_keys: Sequence[str] = (),
    max_characters: int = DEFAULT_MAX_CHARACTERS,
) -> Exchange:
    """Reads out of a trace what is scored.

    The messages are those of the last generation whose output is the trace's own; where there
    is no generation, the trace's input. A system prompt in the metadata is put before them
    where they have none. The context is what retrievers gave before the answer and what the
    metadata has under `context_keys`, without passages that the messages already hold.

    Args:
        trace: The trace.
        context_keys: Metadata keys that hold retrieved passages.
        max_characters: A longer exchange is refused.

    Raises:
        UnreadableTraceError: The exchange cannot be had whole.
    """
    generation = _answering_generation(trace)
    try:
        if generation is None:
            response, messages = text_of(trace.output), messages_of(trace.input)
        else:
            response, messages = text_of(generation.output), messages_of(generation.input)
    except DataError as error:
        where = "the trace" if generation is None else f"generation {generation.id}"
        raise UnreadableTraceError(f"{where}: {error}") from None
    messages = _with_system_prompt(messages, trace, generation)
    context = _context(trace, generation, messages, context_keys)
    exchange = Exchange(response, messages, context)
    size = (
        len(response) + sum(len(message.content) for message in messages) + sum(map(len, context))
    )
    if size > max_characters:
        raise UnreadableTraceError(
            f"prompt and response have {size:,} characters, more than the {max_characters:,} "
            "allowed (--max-characters)"
        )
    return exchange


def _answering_generation(trace: Trace) -> Observation | None:
    """The last generation whose output is the trace's; `None` where there is no generation."""
    generations = sorted(
        (step for step in trace.steps if step.kind == GENERATION),
        key=lambda step: (step.end or step.start, step.start, step.id),
    )
    if not generations:
        return None
    if trace.output is None:
        return generations[-1]
    whole = _Output(trace.output)
    closest, answering = _STRANGERS, None
    for generation in reversed(generations):  # the last of equals
        kinship = _kinship(_Output(generation.output), whole)
        if kinship > closest:
            closest, answering = kinship, generation
    if answering is not None:
        return answering
    raise UnreadableTraceError(
        f"none of its {len(generations)} generations gave the trace's output, so "
        "it is unclear which one answered"
        if len(generations) > 1
        else "its only generation gave a different output from the trace, so it is "
        "unclear what answered"
    )


class _Output:
    """What a generation or a trace gave, as it is compared with others."""

    def __init__(self, value: Any) -> None:
        self._value = value
        self.text = _normal(_text_or_empty(value))

    @cached_property
    def parts(self) -> frozenset[str]:
        """The texts in it, and its own."""
        return frozenset(map(_normal, leaves(self._value)))


def _kinship(output: _Output, whole: _Output) -> tuple[int, int]:
    """How surely a generation's output is the trace's: the kind of match, and its characters.

    A short verdict of another step, such as "No", often stands somewhere in an answer: within a
    text, a match counts where it is at least a quarter of it.
    """
    answer, trace_text = output.text, whole.text
    if not answer or not trace_text:
        return _STRANGERS
    if answer == trace_text or trace_text in output.parts:
        return 3, 0
    if answer in whole.parts:
        return 2, len(answer)
    if any(4 * len(answer) >= len(part) and _stands_in(answer, part) for part in whole.parts):
        return 1, len(answer)
    return (1, len(trace_text)) if _stands_in(trace_text, answer) else _STRANGERS


def _stands_in(part: str, text: str) -> bool:
    """Whether a text holds another as whole words."""
    return part in text and re.search(rf"(?<!\w){re.escape(part)}(?!\w)", text) is not None


def _text_or_empty(output: Any) -> str:
    try:
        return text_of(output)
    except DataError:
        return ""


def _with_system_prompt(
    messages: tuple[Message, ...], trace: Trace, generation: Observation | None
) -> tuple[Message, ...]:
    if any(
        message.role == "system" and not message.content.startswith("Tools: ")
        for message in messages
    ):
        return messages
    for metadata in (trace.metadata, generation.metadata if generation else {}):
        prompt = parse(metadata.get(SYSTEM_PROMPT_KEY))
        if isinstance(prompt, str) and prompt.strip():
            return (Message("system", prompt), *messages)
        if prompt:
            raise UnreadableTraceError(f"the metadata's {SYSTEM_PROMPT_KEY} is not text")
    return messages


def _context(
    trace: Trace,
    generation: Observation | None,
    messages: Sequence[Message],
    context_keys: Sequence[str],
) -> tuple[str, ...]:
    found: dict[str, str] = {}
    for passage in _passages(trace, generation, context_keys):
        found.setdefault(_normal(passage), passage)
    if not found:
        return ()
    given = _normal("\n".join(message.content for message in messages))
    return tuple(passage for normal, passage in found.items() if normal not in given)


def _passages(
    trace: Trace, generation: Observation | None, context_keys: Sequence[str]
) -> Iterator[str]:
    until = generation.start if generation else None
    for step in sorted(trace.steps, key=lambda step: (step.start, step.id)):
        if step.kind != RETRIEVER or (until is not None and step.start > until):
            continue
        try:
            yield from passages_of(step.output)
        except DataError as error:
            # The messages of a generation hold what its model was given; an input may not.
            if generation is None:
                raise UnreadableTraceError(f"retriever {step.id}: {error}") from None
    for key in context_keys:
        for metadata in (trace.metadata, generation.metadata if generation else {}):
            try:
                yield from passages_of(metadata.get(key))
            except DataError as error:
                raise UnreadableTraceError(f"the metadata's {key}: {error}") from None


def _normal(text: str) -> str:
    return " ".join(text.split())
