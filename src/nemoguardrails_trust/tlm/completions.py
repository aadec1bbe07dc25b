"""Responses as a model's client gives them: OpenAI's `ChatCompletion` and `Response` objects."""

from collections.abc import Iterator, Mapping
from typing import Any

from nemoguardrails_trust.models.chat_answers import read_logprobs


def completion_as_data(response: Any) -> Any:
    """A response, as dictionaries and lists where it is an object of a model's client."""
    dump = getattr(response, "model_dump", None)
    if isinstance(response, type) or not callable(dump):
        return response
    return dump(mode="json", exclude_none=True)


def logprobs_of(given: Any, response: str) -> tuple[float, ...] | None:
    """The log-probabilities of a response's tokens, where it came with them.

    Args:
        given: The response as it was given; a completion may have its tokens.
        response: What was read of it. Tokens that are not those of this text are passed over, as
            those of a model's thinking.
    """
    for logprobs in _logprobs(given):
        tokens = read_logprobs(logprobs)
        if tokens and "".join(token.token for token in tokens).strip() == response.strip():
            return tuple(token.logprob for token in tokens)
    return None


def _logprobs(given: Any) -> Iterator[Any]:
    if not isinstance(given, Mapping):
        return
    for choice in _mappings(given.get("choices"))[:1]:
        yield choice.get("logprobs")
    for item in _mappings(given.get("output")):
        for part in _mappings(item.get("content")):
            yield {"content": part.get("logprobs")}


def _mappings(value: Any) -> list[Mapping[str, Any]]:
    return [each for each in value if isinstance(each, Mapping)] if isinstance(value, list) else []
