"""Whether a value that nothing is known of may be something that a model was given."""

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from nemoguardrails_trust.errors import DataError
from nemoguardrails_trust.exchange.values import plain

_WORDS = re.compile(r"\S\s+\S+\s+\S")
_LONGEST_NAME = 200  # of a tag, an address, an identifier
_OF_A_BODY = re.compile(
    r"context|passage|document|attachment|image|picture|photo|screenshot|audio|video|file|chunk"
    r"|snippet|evidence|body|prompt|question|text|content|quote|transcript|knowledge",
    re.IGNORECASE,
)
_MOST_VALUES = 1_000


def require_known(value: Mapping[str, Any], known: Collection[str], where: str) -> None:
    """Makes sure that nothing unknown beside what is said holds what the model was given.

    Args:
        value: A message, or a part of one.
        known: The keys that are read, or hold nothing of the kind.
        where: Where it stands, for errors.

    Raises:
        DataError: Something may.
    """
    more = {
        key: inner
        for key, inner in value.items()
        if key not in known and _may_be_given(str(key), plain(inner))
    }
    if more:
        raise not_to_be_told(where, more)


def _may_be_given(key: str, value: Any) -> bool:
    """Whether a value holds words, or has the name and the form of what a model is given."""
    if isinstance(value, list | tuple | Mapping) and value and _OF_A_BODY.search(key):
        return any(isinstance(text, str) and text for text in _scalars(value))
    if isinstance(value, str) and "://" in value[:20] and _OF_A_BODY.search(key):
        return True
    return any(
        isinstance(text, str) and (len(text) > _LONGEST_NAME or _WORDS.search(text) is not None)
        for text in _scalars(value)
    )


def _scalars(value: Any) -> Iterator[Any]:
    return (inner for inner in within(value) if not isinstance(inner, Mapping | list | tuple))


def within(value: Any) -> Iterator[Any]:
    """A value and all in it; a text that stands for more where it is too much to look through."""
    left = [value]
    for _ in range(_MOST_VALUES):
        if not left:
            return
        inner = left.pop()
        yield inner
        if isinstance(inner, Mapping):
            left.extend(inner.values())
        elif isinstance(inner, list | tuple):
            left.extend(inner)
    yield "too many to be looked through"


def not_to_be_told(where: str, more: Mapping[str, Any]) -> DataError:
    """The error that something stands beside what is said."""
    return DataError(
        f"{where} has {keys_of(more)} beside what it says, and it is unclear whether the model was "
        "given that too; if it was, put it into the content, and if not, leave it out"
    )


def keys_of(value: Mapping[str, Any]) -> str:
    """The keys of an object, for an error."""
    return ", ".join(sorted(str(key)[:40] for key in value)[:8])
