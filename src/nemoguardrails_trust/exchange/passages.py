"""Retrieved passages: texts, and the documents of retrievers."""

from collections.abc import Iterator, Mapping
from typing import Any

from nemoguardrails_trust.errors import DataError
from nemoguardrails_trust.exchange.given import keys_of
from nemoguardrails_trust.exchange.values import bounded, kind_told, load_nested, plain, whole_text

_PASSAGES = (
    *("documents", "passages", "results", "chunks", "nodes", "matches", "context", "contexts"),
    *("hits", "retrievalResults", "search_results", "organic", "sentences", "paragraphs", "ctxs"),
)
_PASSAGE = (
    *("text", "page_content", "pageContent", "content", "document", "chunk", "snippet", "passage"),
    *("passage_text", "paragraph_text", "chunk_text", "body", "data"),
)
_PASSAGE_WITHIN = (
    *("node", "metadata", "payload", "_source", "properties", "fields", "kwargs", "entity"),
    *("text_resource", "retrievedContext", "retrieved_context", "source"),
)
"""Where a passage has its text; the first that is there counts."""


@bounded
def read_passages(value: Any, *, what: str = "the context") -> tuple[str, ...]:
    """Reads retrieved passages.

    Args:
        value: A text, several, a retriever's documents, or the JSON of these.
        what: What the value is, for errors.

    Raises:
        DataError: Where a passage has its text cannot be told.
    """
    value = plain(value)
    if isinstance(value, str) and (nested := load_nested(value)) is not None:
        try:
            return tuple(_read_passages(nested, what))
        except DataError:  # one passage that is itself JSON
            return (value,)
    return tuple(_read_passages(value, what))


def _read_passages(value: Any, what: str) -> Iterator[str]:
    value = plain(value)
    if isinstance(value, str):
        yield from (whole_text(value),) if value.strip() else ()
    elif isinstance(value, list | tuple):
        if len(value) == 2 and _is_score(value[1]) and not _is_score(value[0]):
            value = value[:1]
        for inner in value:
            yield from _read_passages(inner, what)
    elif isinstance(value, Mapping):
        for key in (*_PASSAGES, *_PASSAGE, *_PASSAGE_WITHIN):
            inner = plain(value.get(key))
            if isinstance(inner, str | list | Mapping) and (
                key not in _PASSAGE_WITHIN
                or (isinstance(inner, Mapping) and {*inner} & {*_PASSAGE, *_PASSAGE_WITHIN})
            ):
                yield from _titled(value.get("title"), inner, what)
                return
        raise DataError(f"it is unclear which key of {what} holds its text ({keys_of(value)})")
    elif value is not None:
        raise DataError(f"{what} holds {kind_told(value)}, which is not text")


def _titled(title: Any, inner: Any, what: str) -> Iterator[str]:
    """The passages of a document, under its title; of several, each under its own."""
    title = plain(title)
    if isinstance(title, list) and isinstance(inner, list) and len(title) == len(inner):
        for one, text in zip(title, inner, strict=True):
            yield from _titled(one, text, what)
        return
    for number, text in enumerate(_read_passages(inner, what)):
        is_told = number or not isinstance(title, str) or text.startswith(title.strip())
        yield text if is_told else whole_text(f"{title.strip()}\n{text}")


def _is_score(value: Any) -> bool:
    """Whether a value is what a retriever says of a passage, beside it."""
    return isinstance(value, int | float) and not isinstance(value, bool)
