"""What a model's client gives: OpenAI's `ChatCompletion`, `Response` and message objects."""

from collections.abc import Iterator, Mapping
from operator import is_not
from typing import Any

from nemoguardrails_trust.exchange.tokens import TokenLogprob
from nemoguardrails_trust.models.chat_answers import read_logprobs


def completion_as_data(value: Any) -> Any:
    """A value, as dictionaries and lists where it is an object of a model's client, or has some."""
    if isinstance(value, str):
        return value
    if is_object(value):
        # The client's own types say less than what a parsed completion holds, and would warn.
        return value.model_dump(mode="json", exclude_none=True, warnings=False)
    if isinstance(value, list | tuple):
        items = [completion_as_data(entry) for entry in value]
        return items if any(map(is_not, items, value)) else value
    if isinstance(value, dict):
        entries = {key: completion_as_data(entry) for key, entry in value.items()}
        return entries if any(map(is_not, entries.values(), value.values())) else value
    return value


def is_object(value: Any) -> bool:
    """Whether a value is an object of a model's client, such as a message or a completion."""
    return callable(getattr(value, "model_dump", None)) and not isinstance(value, type)


def tokens_of(given: Any, response: str) -> tuple[TokenLogprob, ...] | None:
    """A response's tokens with their probabilities, where it came with them.

    Args:
        given: The response as it was given; a completion may have its tokens.
        response: What was read of it. Tokens that are not those of this text are passed over, as
            those of a model's thinking.
    """
    for logprobs in _logprobs(given):
        tokens = read_logprobs(logprobs)
        if tokens and "".join(token.token for token in tokens).strip() == response.strip():
            return tokens
    return None


def _logprobs(given: Any) -> Iterator[Any]:
    if isinstance(given, str) or not isinstance(given, Mapping):
        return
    for choice in _mappings(given.get("choices"))[:1]:
        yield choice.get("logprobs")
    for item in _mappings(given.get("output")):
        for part in _mappings(item.get("content")):
            yield {"content": part.get("logprobs")}


def _mappings(value: Any) -> list[Mapping[str, Any]]:
    return (
        [entry for entry in value if isinstance(entry, Mapping)] if isinstance(value, list) else []
    )
