"""Messages that a Colang 2.x configuration defines, which nobody has to score."""

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from nemoguardrails.context import explain_info_var
from nemoguardrails.rails.llm.config import RailsConfig

_TEXT = re.compile(r"\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*'")
_LISTENS = re.compile(r"\s*(?:await |match |when |or when )?(?:user |match )")
_KEPT_NESTING = 20


def defined_messages(config: RailsConfig) -> frozenset[str]:
    """The texts in the flows of a Colang 2.x configuration that stand there word for word."""
    sources = [str(getattr(flow, "source_code", None) or "") for flow in config.flows]
    return frozenset(text for source in sources for text in _texts(source))


def _texts(source: str) -> Iterator[str]:
    for line in source.splitlines():
        if _LISTENS.match(line):
            continue
        for quoted in _TEXT.findall(line):
            try:
                text = str(ast.literal_eval(quoted)).strip()
            except (SyntaxError, ValueError):
                continue
            if text and "{" not in text:
                yield text


def is_defined(text: str, messages: frozenset[str], events: Sequence[Any]) -> bool:
    """Whether the configuration itself says a text: it stands there, and nothing else brought it.

    Args:
        text: What the bot says.
        messages: The texts that stand in the configuration.
        events: The events of the turn.
    """
    text = text.strip()
    if text not in messages:
        return False
    explain_info = explain_info_var.get()
    calls = explain_info.llm_calls if explain_info else []
    if any(text in (call.completion or "") for call in calls):
        return False
    given = (event.get("return_value") for event in events if isinstance(event, Mapping))
    return not any(_holds(value, text) for value in given)


def _holds(value: Any, text: str, depth: int = 0) -> bool:
    if isinstance(value, str):
        return text in value
    if value is None or isinstance(value, bool | int | float):
        return False
    if depth > _KEPT_NESTING:
        return True
    if isinstance(value, Mapping):
        return any(_holds(entry, text, depth + 1) for entry in value.values())
    if isinstance(value, list | tuple | set | frozenset):
        return any(_holds(entry, text, depth + 1) for entry in value)
    return True  # an object that cannot be looked into may have brought it
