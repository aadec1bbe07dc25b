"""The bot's own model as a `LanguageModel`, its calls shown in `rails.explain()`."""

import asyncio
import json
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol, runtime_checkable

from nemoguardrails.context import explain_info_var, llm_call_info_var, llm_stats_var
from nemoguardrails.exceptions import LLMCallException
from nemoguardrails.llm.call import llm_call
from nemoguardrails.llm.models.openai_chat import OpenAIChatModel
from nemoguardrails.logging.explain import LLMCallInfo
from nemoguardrails.logging.processing_log import processing_log_var
from nemoguardrails.rails.llm.config import Model
from nemoguardrails.types import ChatMessage, LLMModel, LLMResponse, Role
from nemoguardrails.utils import new_uuid

from nemoguardrails_trust.errors import (
    CredentialsError,
    ModelConnectionError,
    ModelError,
    ModelRequestError,
    ModelResponseError,
    ModelTimeoutError,
)
from nemoguardrails_trust.exchange import Message
from nemoguardrails_trust.exchange.media import MediaKind
from nemoguardrails_trust.exchange.thinking import answer_in
from nemoguardrails_trust.models.base import (
    MOST_BYTES,
    Ask,
    Completion,
    LanguageModel,
    Purpose,
    Reply,
)
from nemoguardrails_trust.models.http_failures import error_of_status
from nemoguardrails_trust.models.media_parts import content_of, kinds_in, kinds_refused, refusal_of
from nemoguardrails_trust.scores import CallUsage

# The engines that NeMo Guardrails itself speaks to by the OpenAI protocol. Azure is left to
# NeMo's own client, which composes its addresses.
_OPENAI_ENGINES = frozenset({"openai", "nim", "nvidia_ai_endpoints", "ollama"})
KEY_VARIABLES = {
    "openai": "OPENAI_API_KEY",
    "nim": "NVIDIA_API_KEY",
    "nvidia_ai_endpoints": "NVIDIA_API_KEY",
}
"""Where NeMo Guardrails looks for an engine's key when the configuration has none."""
_CLIENT_PARAMETERS = frozenset(
    {
        "api_key",
        "base_url",
        "connect_timeout",
        "default_headers",
        "default_query",
        "max_retries",
        "mode",
        "stop",
        "timeout",
    }
)


@runtime_checkable
class HasLanguageModel(Protocol):
    """A NeMo model that is one of ours underneath, such as the replay engine's."""

    @property
    def language_model(self) -> LanguageModel:
        """The model underneath."""
        ...

    @property
    def provider_name(self) -> str | None:
        """The name of its provider, as NeMo Guardrails shows it."""
        ...


def language_model(
    llm: LLMModel, entry: Model | None, *, most_bytes: int = MOST_BYTES
) -> LanguageModel:
    """The bot's model as the scorer needs it.

    Where the configuration's entry shows that it speaks the OpenAI protocol, a client of our
    own is built from the entry: same address, key and parameters, and with it `n` and token
    probabilities. Any other model is called through NeMo Guardrails.

    Args:
        llm: The model as NeMo Guardrails holds it.
        entry: The `models:` entry it was made from, where it was made from one.
        most_bytes: The most that an answer to our own client may have, unpacked.
    """
    if isinstance(llm, HasLanguageModel):
        return ShownModel(llm.language_model, llm.provider_name)
    if entry is not None and _speaks_openai(llm, entry):
        return ShownModel(_openai_model(llm, entry, most_bytes), llm.provider_name)
    return NemoModel(llm)


def _speaks_openai(llm: LLMModel, entry: Model) -> bool:
    parameters = entry.parameters or {}
    return (
        entry.engine in _OPENAI_ENGINES
        and entry.mode == "chat"
        and not parameters.get("default_query")
        and llm.model_name == entry.model
        and bool(llm.provider_url)
        and type(llm) is OpenAIChatModel
    )


def _openai_model(llm: LLMModel, entry: Model, most_bytes: int) -> LanguageModel:
    from nemoguardrails_trust.models.openai import OpenAICompatibleModel

    parameters = dict(entry.parameters or {})
    api_key = parameters.get("api_key")
    if not api_key and entry.api_key_env_var:
        api_key = os.environ.get(entry.api_key_env_var)
    if not api_key:
        api_key = os.environ.get(KEY_VARIABLES.get(entry.engine, ""))
    own = {key: parameters[key] for key in ("max_retries", "timeout") if parameters.get(key)}
    return OpenAICompatibleModel(
        model=str(entry.model),
        base_url=str(llm.provider_url),
        # NeMo Guardrails sends no key where it has none, as local servers need none.
        api_key=api_key or "",
        headers=parameters.get("default_headers") or {},
        parameters={k: v for k, v in parameters.items() if k not in _CLIENT_PARAMETERS},
        most_bytes=most_bytes,
        **own,
    )


class ShownModel:
    """A model whose calls `rails.explain()` and the generation log show.

    Args:
        model: The model that is called.
        provider: The name of its provider, as NeMo Guardrails shows it.
    """

    def __init__(self, model: LanguageModel, provider: str | None) -> None:
        self._model = model
        self._provider = provider

    @property
    def name(self) -> str:
        """The model's name."""
        return self._model.name

    @property
    def base_url(self) -> str | None:
        """The address of its server; `None` where it has none."""
        return getattr(self._model, "base_url", None)

    async def complete(self, ask: Ask) -> Reply:
        """Asks the model, and records the call."""
        info = LLMCallInfo(
            id=new_uuid(),
            task=_task(ask.purpose),
            prompt="\n".join(
                f"{message.role.capitalize()}: {message.shown}" for message in ask.messages
            ),
            llm_model_name=self.name,
            llm_provider_name=self._provider or "unknown",
            started_at=time.time(),
        )
        explain_info = explain_info_var.get()
        if explain_info is not None:
            explain_info.llm_calls.append(info)
        try:
            reply = await self._model.complete(ask)
        finally:
            _finish(info)
        info.completion = "\n".join(completion.text for completion in reply.completions)
        info.prompt_tokens = sum(call.prompt_tokens for call in reply.calls)
        info.completion_tokens = sum(call.completion_tokens for call in reply.calls)
        info.total_tokens = info.prompt_tokens + info.completion_tokens
        stats = llm_stats_var.get()
        if stats is not None:
            stats.inc("total_tokens", info.total_tokens)
            stats.inc("total_prompt_tokens", info.prompt_tokens)
            stats.inc("total_completion_tokens", info.completion_tokens)
        return reply

    async def aclose(self) -> None:
        """Closes the model's connections."""
        await self._model.aclose()


def _finish(info: LLMCallInfo) -> None:
    info.finished_at = time.time()
    info.duration = info.finished_at - (info.started_at or info.finished_at)
    stats = llm_stats_var.get()
    if stats is not None:
        stats.inc("total_calls")
        stats.inc("total_time", info.duration)
    log = processing_log_var.get()
    if log is not None:
        log.append({"type": "llm_call_info", "timestamp": info.finished_at, "data": info})


def _task(purpose: Purpose) -> str:
    return f"trustworthiness_{purpose}"


class NemoModel:
    """Any model that NeMo Guardrails can call, one call for each answer.

    Args:
        llm: The model as NeMo Guardrails holds it.
    """

    def __init__(self, llm: LLMModel) -> None:
        self._llm = llm
        self._refused: frozenset[str] = frozenset()
        self._refused_media: frozenset[str] = frozenset()
        self._taken_media: frozenset[str] = frozenset()

    @property
    def name(self) -> str:
        """The model's name."""
        return str(self._llm.model_name)

    async def complete(self, ask: Ask) -> Reply:
        """Asks `ask.n` times at once. NeMo's answers carry no token probabilities."""
        given = {"temperature": ask.temperature, "max_tokens": ask.max_tokens}
        parameters = {
            key: value
            for key, value in given.items()
            if value is not None and key not in self._refused
        }
        chat = [_chat_message(message) for message in ask.messages]
        _require_taken(_kinds(chat) & self._refused_media)
        # A task each, so that each has its own call in the context that NeMo records calls in.
        tasks = [
            asyncio.create_task(self._ask(chat, ask.purpose, parameters)) for _ in range(ask.n)
        ]
        try:
            results = await asyncio.gather(*tasks, return_exceptions=True)
        except BaseException:
            for task in tasks:
                task.cancel()
            raise
        return _gathered(results)

    async def _ask(
        self, chat: list[ChatMessage], purpose: Purpose, parameters: Mapping[str, Any]
    ) -> tuple[Completion, CallUsage]:
        try:
            return await self._ask_once(chat, purpose, parameters)
        except ModelRequestError as error:
            if error.status != 400 or not parameters:
                raise
        # Reasoning models refuse some of them, and what NeMo passes on does not say which.
        answer = await self._ask_once(chat, purpose, {})
        self._refused |= parameters.keys()
        return answer

    async def _ask_once(
        self, chat: list[ChatMessage], purpose: Purpose, parameters: Mapping[str, Any]
    ) -> tuple[Completion, CallUsage]:
        llm_call_info_var.set(LLMCallInfo(task=_task(purpose)))
        started = time.perf_counter()
        try:
            response = await llm_call(self._llm, chat, llm_params=dict(parameters))
        except LLMCallException as error:
            refused = kinds_refused(str(error.inner_exception), _kinds(chat)) - self._taken_media
            self._refused_media |= refused
            _require_taken(refused)
            raise model_error(error) from None
        seconds = time.perf_counter() - started
        self._taken_media |= _kinds(chat)
        usage = response.usage
        call = CallUsage(
            purpose=purpose,
            samples=int(purpose == "sample"),
            prompt_tokens=usage.input_tokens if usage else 0,
            completion_tokens=usage.output_tokens if usage else 0,
            seconds=seconds,
        )
        text = _said(response)
        # One that was cut while it thought is asked again with more room, by whoever asked.
        if not text and response.finish_reason != "length":
            raise ModelResponseError("the model's answer has no text")
        return Completion(text, finish_reason=response.finish_reason), call

    async def aclose(self) -> None:
        """NeMo Guardrails owns the connections."""


def _kinds(chat: Sequence[ChatMessage]) -> frozenset[MediaKind]:
    return kinds_in(message.to_dict() for message in chat)


def _require_taken(refused: frozenset[str]) -> None:
    if refused:
        raise ModelRequestError(refusal_of(refused))


def _said(response: LLMResponse) -> str:
    if not response.tool_calls:
        return (answer_in(response.content or "") or "").strip()
    calls = [
        {"name": call.function.name, "arguments": call.function.arguments}
        for call in response.tool_calls
    ]
    return json.dumps({"tool_calls": calls}, sort_keys=True, ensure_ascii=False, default=str)


def _chat_message(message: Message) -> ChatMessage:
    if message.role == "tool":
        # Providers refuse a tool's message without the call that it answers, which is not kept.
        result = replace(message, content=f"Result of a tool: {message.content}")
        return ChatMessage(Role.USER, content_of(result))
    return ChatMessage(Role(message.role), content_of(message))


def _gathered(results: Sequence[tuple[Completion, CallUsage] | BaseException]) -> Reply:
    answered = [result for result in results if not isinstance(result, BaseException)]
    failures = [result for result in results if isinstance(result, BaseException)]
    if not answered:
        first = failures[0]
        if isinstance(first, CredentialsError | ModelError) or not isinstance(first, Exception):
            raise first
        raise ModelResponseError(f"the model failed with {type(first).__name__}") from first
    completions, calls = zip(*answered, strict=True)
    return Reply(completions, calls, tuple(map(str, failures)))


def model_error(error: LLMCallException) -> CredentialsError | ModelError:
    """The call's failure as one of ours; its own text may quote the prompt, so it is left out."""
    if error.status is not None:
        return error_of_status("the model", error.status)
    inner = error.inner_exception
    kind = type(inner).__name__
    if isinstance(inner, TimeoutError) or "Timeout" in kind:
        return ModelTimeoutError("the model did not answer in time")
    if isinstance(inner, OSError) or "Connection" in kind:
        return ModelConnectionError("the model could not be reached")
    return ModelResponseError(f"the model failed with {kind}")
