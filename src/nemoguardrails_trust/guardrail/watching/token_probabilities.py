"""Token probabilities of the bot's own answers, which NeMo Guardrails does not pass on."""

import json
import logging
import os
from collections import Counter
from collections.abc import AsyncGenerator, Mapping
from contextlib import AbstractContextManager, aclosing
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from typing import Any

import httpx
from nemoguardrails.exceptions import LLMClientError, LLMConnectionError
from nemoguardrails.llm.clients.base import HTTPResponse
from nemoguardrails.llm.clients.openai_compatible import OpenAICompatibleClient
from nemoguardrails.llm.constants import AZURE_PROVIDERS
from nemoguardrails.llm.models.openai_chat import OpenAIChatModel
from nemoguardrails.types import LLMModel

from nemoguardrails_trust.concurrency.context import Holding
from nemoguardrails_trust.exchange.tokens import TokenLogprob
from nemoguardrails_trust.exchange.values import objects_in
from nemoguardrails_trust.guardrail.llm import KEY_VARIABLES
from nemoguardrails_trust.models.chat_answers import read_choices
from nemoguardrails_trust.models.chat_chunks import Gathering
from nemoguardrails_trust.signals.answer_tokens import letters_offered

_log = logging.getLogger(__name__)

# What servers say to a parameter that they do not take.
_REFUSALS = frozenset({400, 403, 422, 501})
# What comes of one that they do not survive, but of other failures as well.
_COLLAPSES = frozenset({500, 502})
_COLLAPSES_LEARNT = 2  # in a row, each followed by an answer to the same request without it
_AZURE_KEY_VARIABLE = "AZURE_OPENAI_API_KEY"


@dataclass(slots=True)
class TokenProbabilities:
    """What one call brought.

    Attributes:
        tokens: The answer's tokens with their probabilities; `None` where the server gave none.
        unread_calls: The names of tools whose arguments are no JSON, as where they were cut off.
            NeMo Guardrails hands such calls on as if they had no arguments.
    """

    tokens: tuple[TokenLogprob, ...] | None = None
    unread_calls: tuple[str, ...] = ()


_wanted: ContextVar[TokenProbabilities | None] = ContextVar("wanted_probabilities", default=None)


def wanted_probabilities() -> AbstractContextManager[TokenProbabilities]:
    """Asks for token probabilities with the call that is made within, and keeps them."""
    return Holding(_wanted, TokenProbabilities())


class ProbabilityClient(OpenAICompatibleClient):  # type: ignore[misc]
    """NeMo's own client, which asks for token probabilities where they are wanted.

    Nothing else about a call is changed. A server that refuses `logprobs` is asked again without,
    and never again with them. So is one that fails with them and answers without, once that has
    happened twice in a row: a failure alone may have any cause, and is raised where the request
    without them fails, too.
    """

    def __init__(self, *args: Any, **parameters: Any) -> None:
        super().__init__(*args, **parameters)
        self._giving: set[str] = set()
        self._refusing: set[str] = set()
        self._collapses: Counter[str] = Counter()

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
        if found is None:
            return await super().chat_completion(model, messages, stop=stop, **parameters)
        if model in self._refusing:
            response = await super().chat_completion(model, messages, stop=stop, **parameters)
            found.unread_calls = _unread_calls(response.body)
            return response
        asking = _asking(messages, parameters)
        try:
            response = await super().chat_completion(model, messages, stop=stop, **asking)
        except (LLMClientError, httpx.RemoteProtocolError) as error:
            if not self._may_refuse(model, parameters, error):
                raise
            response = await super().chat_completion(model, messages, stop=stop, **parameters)
            self._answers_without(model, error)
        else:
            self._collapses.pop(model, None)
        self._keep(model, found, response.body)
        return response

    async def stream_chat_completion(
        self,
        model: str,
        messages: list[dict[str, Any]],
        *,
        stop: list[str] | None = None,
        **parameters: Any,
    ) -> AsyncGenerator[HTTPResponse, None]:
        """Makes one call whose answer comes in parts; see NeMo's client.

        Raises:
            LLMClientError: As NeMo's client does.
        """
        found = None if model in self._refusing else _wanted.get()
        asking = parameters if found is None else _asking(messages, parameters)
        has_begun = False
        failure: Exception | None = None
        try:
            async with aclosing(self._parts(model, messages, stop, asking, found)) as parts:
                async for part in parts:
                    has_begun = True
                    yield part
        except (LLMClientError, httpx.RemoteProtocolError) as error:
            if has_begun or found is None or not self._may_refuse(model, parameters, error):
                raise
            failure = error
        if failure is None:
            if found is not None:
                self._collapses.pop(model, None)
            return
        async with aclosing(self._parts(model, messages, stop, parameters, None)) as parts:
            async for part in parts:
                if not has_begun:
                    has_begun = True
                    self._answers_without(model, failure)
                yield part

    async def _parts(
        self,
        model: str,
        messages: list[dict[str, Any]],
        stop: list[str] | None,
        parameters: Mapping[str, Any],
        found: TokenProbabilities | None,
    ) -> AsyncGenerator[HTTPResponse, None]:
        """The parts of one answer, of which the whole is kept where it is wanted."""
        parts = super().stream_chat_completion(model, messages, stop=stop, **parameters)
        whole = Gathering()
        async with aclosing(parts):
            async for part in parts:
                if found is not None and isinstance(part.body, dict):
                    whole.add(part.body)
                yield part
        if found is not None:
            self._keep(model, found, whole.completion)

    def _may_refuse(self, model: str, parameters: Mapping[str, Any], error: Exception) -> bool:
        """Whether an error may say that token probabilities, which we asked for, are not given."""
        asked_by_us = "logprobs" not in parameters
        may = _is_refusal(error) or _is_collapse(error)
        return asked_by_us and model not in self._giving and may

    def _answers_without(self, model: str, error: Exception) -> None:
        """Notes that a request which failed was answered without the wish for probabilities."""
        self._collapses[model] += 1
        if not _is_refusal(error) and self._collapses[model] < _COLLAPSES_LEARNT:
            return
        if model not in self._refusing:
            self._refusing.add(model)
            _log.info("model %s: the server gives no token probabilities", model)

    def _keep(self, model: str, found: TokenProbabilities, body: Any) -> None:
        found.tokens = _tokens(body)
        found.unread_calls = _unread_calls(body)
        if found.tokens is not None:
            self._giving.add(model)


def _is_refusal(error: Exception) -> bool:
    return isinstance(error, LLMClientError) and error.status_code in _REFUSALS


def _is_collapse(error: Exception) -> bool:
    """Whether a server failed or closed the connection; not where it could not be reached."""
    if isinstance(error, LLMConnectionError):
        return not isinstance(error.__cause__, httpx.ConnectError)
    if isinstance(error, LLMClientError):
        return error.status_code in _COLLAPSES
    return isinstance(error, httpx.RemoteProtocolError)


def _asking(messages: list[dict[str, Any]], parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters with a wish for probabilities; a caller's own stays as it is."""
    if "logprobs" in parameters:
        return dict(parameters)
    asked = messages[-1].get("content") if messages else None
    alternatives = letters_offered(asked) if isinstance(asked, str) else 0
    wish = {"logprobs": True, **({"top_logprobs": alternatives} if alternatives else {})}
    return {**wish, **parameters}


def with_token_probabilities(
    model: LLMModel, engine: str, parameters: Mapping[str, Any]
) -> LLMModel | None:
    """The same model, made so that its answers' token probabilities can be had.

    Args:
        model: As NeMo Guardrails makes it.
        engine: The engine of its `models:` entry.
        parameters: What NeMo Guardrails makes it from.

    Returns:
        `None` where it does not speak the OpenAI protocol.
    """
    if type(model) is not OpenAIChatModel or not model.provider_url:
        return None
    rest = dict(parameters)
    if engine in AZURE_PROVIDERS:
        _prepare_azure(rest)
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


def _prepare_azure(parameters: dict[str, Any]) -> None:
    """Puts Azure's version and key where NeMo Guardrails sends them, which made them fit first."""
    parameters.pop("azure_endpoint", None)
    parameters.pop("azure_deployment", None)
    query = dict(parameters.get("default_query") or {})
    query["api-version"] = parameters.pop("api_version", None)
    headers = dict(parameters.get("default_headers") or {})
    api_key = parameters.pop("api_key", os.environ.get(_AZURE_KEY_VARIABLE))
    if not any(name.lower() == "api-key" for name in headers):
        headers["api-key"] = api_key
    parameters |= {"default_headers": headers, "default_query": query, "api_key": None}


@cache
def _client(base_url: str, api_key: str | None, options: str) -> ProbabilityClient:
    """One client for all bots with the same server, as NeMo Guardrails has it."""
    return ProbabilityClient(base_url, api_key, **json.loads(options))


def _tokens(body: Any) -> tuple[TokenLogprob, ...] | None:
    choices = read_choices(body) if isinstance(body, dict) else []
    completion = choices[0].completion if choices else None
    return None if completion is None else completion.tokens


def _unread_calls(body: Any) -> tuple[str, ...]:
    """The names of the called tools whose arguments NeMo Guardrails cannot read."""
    choices = objects_in(body.get("choices")) if isinstance(body, dict) else []
    message = choices[0].get("message") if choices else None
    calls = objects_in(message.get("tool_calls")) if isinstance(message, dict) else []
    functions = [call.get("function") for call in calls]
    return tuple(
        str(function.get("name"))
        for function in functions
        if isinstance(function, dict) and not _is_read(function.get("arguments"))
    )


def _is_read(arguments: Any) -> bool:
    if not isinstance(arguments, str) or not arguments:
        return True
    try:
        json.loads(arguments)
    except (RecursionError, ValueError):
        return False
    return True
