"""Token probabilities of the bot's own answers, which NeMo Guardrails does not pass on."""

import json
import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from typing import Any

from nemoguardrails.exceptions import LLMClientError
from nemoguardrails.llm.clients.base import HTTPResponse
from nemoguardrails.llm.clients.openai_compatible import OpenAICompatibleClient
from nemoguardrails.llm.constants import AZURE_PROVIDERS
from nemoguardrails.llm.models.openai_chat import OpenAIChatModel
from nemoguardrails.types import LLMModel

from nemoguardrails_trust.guardrail.llm import KEY_VARIABLES
from nemoguardrails_trust.models.chat_answers import read_choices

_log = logging.getLogger(__name__)

# What servers say to a parameter that they do not take, or do not survive.
_REFUSALS = frozenset({400, 403, 422, 500, 501})


@dataclass(slots=True)
class TokenProbabilities:
    """What one call brought.

    Attributes:
        logprobs: Natural logarithms of the probabilities of the answer's tokens, in order;
            `None` where the server gave none.
    """

    logprobs: tuple[float, ...] | None = None


_wanted: ContextVar[TokenProbabilities | None] = ContextVar("wanted_probabilities", default=None)


@contextmanager
def wanted_probabilities() -> Iterator[TokenProbabilities]:
    """Asks for token probabilities with the call that is made within, and keeps them."""
    found = TokenProbabilities()
    token = _wanted.set(found)
    try:
        yield found
    finally:
        _wanted.reset(token)


class ProbabilityClient(OpenAICompatibleClient):  # type: ignore[misc]
    """NeMo's own client, which asks for token probabilities where they are wanted.

    Nothing else about a call is changed. A server that refuses `logprobs` is asked again without,
    and never again with them. Streamed answers are left as they are.
    """

    def __init__(self, *args: Any, **parameters: Any) -> None:
        super().__init__(*args, **parameters)
        self._giving: set[str] = set()
        self._refusing: set[str] = set()

    async def chat_completion(
        self,
        model: str,
        messages: list[dict[str, Any]],
        *,
        stop: list[str] | None = None,
        **parameters: Any,
    ) -> HTTPResponse:
        """Makes one call; see NeMo's client.

        Raises:
            LLMClientError: As NeMo's client does.
        """
        found = _wanted.get()
        if found is None or model in self._refusing:
            return await super().chat_completion(model, messages, stop=stop, **parameters)
        # A caller's own wish for probabilities stays as it is.
        asking = {"logprobs": True, **parameters}
        try:
            response = await super().chat_completion(model, messages, stop=stop, **asking)
        except LLMClientError as error:
            asked_by_us = "logprobs" not in parameters
            if not asked_by_us or model in self._giving or error.status_code not in _REFUSALS:
                raise
            response = await super().chat_completion(model, messages, stop=stop, **parameters)
            self._refusing.add(model)
            _log.info("model %s: the server gives no token probabilities", model)
            return response
        found.logprobs = _logprobs(response.body)
        if found.logprobs is not None:
            self._giving.add(model)
        return response


def with_token_probabilities(
    model: LLMModel, engine: str, parameters: Mapping[str, Any]
) -> LLMModel | None:
    """The same model, made so that its answers' token probabilities can be had.

    Args:
        model: As NeMo Guardrails makes it.
        engine: The engine of its `models:` entry.
        parameters: What NeMo Guardrails makes it from.

    Returns:
        `None` where it does not speak the OpenAI protocol, or its address is composed by NeMo.
    """
    if type(model) is not OpenAIChatModel or engine in AZURE_PROVIDERS or not model.provider_url:
        return None
    rest = dict(parameters)
    # As in NeMo Guardrails, a key that is given counts even where it is empty.
    api_key = rest.pop("api_key", os.environ.get(KEY_VARIABLES.get(engine, "")))
    for name in ("base_url", "mode"):
        rest.pop(name, None)
    options = {
        "timeout": rest.pop("timeout", None),
        "connect_timeout": rest.pop("connect_timeout", None),
        "max_retries": rest.pop("max_retries", None),
        "custom_headers": rest.pop("default_headers", None),
        "custom_query": rest.pop("default_query", None),
    }
    given = {name: value for name, value in options.items() if value is not None}
    client = _client(model.provider_url, api_key, json.dumps(given, sort_keys=True))
    return OpenAIChatModel(
        client=client, model=model.model_name, provider_name=model.provider_name, **rest
    )


@cache
def _client(base_url: str, api_key: str | None, options: str) -> ProbabilityClient:
    """One client for all bots with the same server, as NeMo Guardrails has it."""
    return ProbabilityClient(base_url, api_key, **json.loads(options))


def _logprobs(body: Any) -> tuple[float, ...] | None:
    if not isinstance(body, dict):
        return None
    choices = read_choices(body)
    completion = choices[0].completion if choices else None
    if completion is None or completion.tokens is None:
        return None
    return tuple(token.logprob for token in completion.tokens)
