"""A language model on any server with OpenAI's chat completions API."""

import asyncio
import logging
import os
import threading
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from functools import partial
from types import MappingProxyType
from typing import Any

from nemoguardrails_trust.errors import (
    CredentialsError,
    ModelError,
    ModelRequestError,
    ModelResponseError,
    SettingsError,
)
from nemoguardrails_trust.models.abilities import (
    Abilities,
    Lesson,
    abilities_by_name,
    applied,
    lesson_of,
    lessons_of,
    refused_media,
)
from nemoguardrails_trust.models.base import MOST_BYTES, Ask, Completion, Purpose, Reply
from nemoguardrails_trust.models.chat_answers import FINISH_REASONS, Choice, read_choices, usage_of
from nemoguardrails_trust.models.chat_requests import (
    ChatRequest,
    RequestDefaults,
    encoded,
    in_protocol_form,
    optional_parts,
    request_like,
)
from nemoguardrails_trust.models.endpoint import Endpoint
from nemoguardrails_trust.models.http import Incoming
from nemoguardrails_trust.models.limits import Limits, shared_limits
from nemoguardrails_trust.models.media_parts import kinds_in, kinds_refused, refusal_of, tokens_in
from nemoguardrails_trust.models.refusals import RefusedRequestError
from nemoguardrails_trust.models.scouts import Scouts
from nemoguardrails_trust.models.server_address import address, credential, headers_for
from nemoguardrails_trust.scores import CallUsage

_log = logging.getLogger(__name__)

OPENAI_URL = "https://api.openai.com/v1"
_NOTHING: Mapping[str, Any] = MappingProxyType({})
_GUESSED_TOKENS = 256  # of an answer without a limit, until it is there


@dataclass(slots=True)
class _Gathered:
    """What the requests of one call have brought so far."""

    completions: list[Completion] = field(default_factory=list)
    calls: list[CallUsage] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    errors: list[CredentialsError | ModelError] = field(default_factory=list)


class OpenAICompatibleModel:
    """A model on any server with OpenAI's chat completions API.

    The first requests show what a server does not support (several choices per request, token
    probabilities, a temperature, `max_tokens`), and this is remembered. Answers contain no
    thinking. A tool call is given as JSON with sorted keys,
    `{"tool_calls": [{"arguments": {…}, "name": "…"}]}`, with `content` as well if the model also
    said something. One object can be used from several event loops and threads.

    A model that thinks before it answers gets 4096 tokens for that, on top of `max_tokens`. If the
    model's name does not show that it thinks, its first answer does, and is requested again.

    Args:
        model: The model's name.
        base_url: The server's address, up to `/v1`. By default the environment variable
            `OPENAI_BASE_URL`, otherwise OpenAI's own.
        api_key: The key; by default `OPENAI_API_KEY`. A local server may need none.
        parameters: Sent with every request (`temperature`, `top_p`, `max_tokens`, …). The contents
            of `extra_body` are sent at the same level.
        headers: Additional headers for every request.
        timeout: Seconds that a request may take once it is sent, retries included. `None` is the
            time left for its score, or 60 s if it does not belong to one.
        max_retries: Retries after a 429, a 5xx or a broken connection.
        limits: The limits on concurrency and rates. By default, all models with the same server,
            name and key share theirs.
        most_bytes: The largest answer to read, in bytes after decompression; at least 1.
        label: How errors refer to the model; by default by its name and server.

    Raises:
        SettingsError: An argument is out of range, or a parameter cannot be set here.
        CredentialsError: OpenAI's own server needs a key, or the key contains characters that no
            key has.
    """

    def __init__(
        self,
        model: str,
        *,
        base_url: str | None = None,
        api_key: str | None = None,
        parameters: Mapping[str, Any] = _NOTHING,
        headers: Mapping[str, str] = _NOTHING,
        timeout: float | None = None,
        max_retries: int = 2,
        limits: Limits | None = None,
        most_bytes: int = MOST_BYTES,
        label: str | None = None,
    ) -> None:
        if not model:
            raise SettingsError("model is empty; name the model to use", key="model")
        if timeout is not None and not timeout > 0:
            raise SettingsError(f"timeout is {timeout!r}; it must be above 0", key="timeout")
        for key, value, least in (("max_retries", max_retries, 0), ("most_bytes", most_bytes, 1)):
            if value < least:
                raise SettingsError(f"{key} is {value!r}; it must be {least} or more", key=key)
        base = base_url or os.environ.get("OPENAI_BASE_URL") or OPENAI_URL
        url = address(base)
        self._given: dict[str, Any] = {
            "base_url": base,
            "api_key": api_key,
            "parameters": dict(parameters),
            "headers": dict(headers),
            "timeout": timeout,
            "max_retries": max_retries,
            "limits": limits,
            "most_bytes": most_bytes,
            "label": label,
        }
        self._name = model
        self._shown_url = f"{url.origin()}{url.path}"
        self._label = label or f"{model} at {url.host}"
        self._defaults = RequestDefaults.of(model, parameters)
        self._known = abilities_by_name(model)
        self._taken: frozenset[str] = frozenset()
        self._learning = threading.Lock()
        self._scouts = Scouts()
        sent = headers_for(url, api_key, headers)
        self._limits = shared_limits(base, model, credential(sent)) if limits is None else limits
        self._endpoint = Endpoint(
            url.joinpath("chat", "completions").with_query(url.query),
            sent,
            label=self._label,
            timeout=timeout,
            max_retries=max_retries,
            limits=self._limits,
            most_bytes=most_bytes,
        )

    def __reduce__(self) -> tuple[Any, ...]:
        # Connections and locks stay behind, and what was learnt is learnt again.
        return partial(OpenAICompatibleModel, **self._given), (self._name,)

    def __repr__(self) -> str:
        return f"OpenAICompatibleModel({self._name!r}, base_url={self._shown_url!r})"

    @property
    def name(self) -> str:
        """The model's name."""
        return self._name

    @property
    def base_url(self) -> str:
        """The server's address, without parts that may contain a key."""
        return self._shown_url

    @property
    def parameters(self) -> Mapping[str, Any]:
        """What every request contains besides the messages."""
        return self._defaults.as_parameters()

    @property
    def limits(self) -> Limits:
        """The limits on concurrency and rates, which other models may share."""
        return self._limits

    async def complete(self, ask: Ask) -> Reply:
        """Asks for answers to the messages; see `LanguageModel`.

        If the server gives fewer choices than requested, the rest are requested separately, all at
        once.

        Raises:
            ModelError: The model gave no answer.
            CredentialsError: The key was refused.
        """
        defaults = self._defaults
        request = ChatRequest(
            defaults.fixed,
            in_protocol_form(ask.messages),
            defaults.temperature if ask.temperature is None else ask.temperature,
            defaults.max_tokens if ask.max_tokens is None else ask.max_tokens,
            defaults.top_logprobs if ask.top_logprobs is None else ask.top_logprobs,
        )
        return await self._replied(request, ask.purpose, ask.n)

    async def draw(
        self, body: Mapping[str, Any], n: int, *, temperature: float, max_tokens: int | None = None
    ) -> Reply:
        """Draws samples for an application's chat completion request.

        The samples are requested with the same messages, tools and format.

        Args:
            body: The request.
            n: How many.
            temperature: The temperature of the samples.
            max_tokens: The longest sample, in tokens, if the request sets no limit.

        Raises:
            ModelError: The model gave no samples.
            CredentialsError: The key was refused.
        """
        request = request_like(body, self._defaults.fixed, temperature, max_tokens)
        return await self._replied(request, "sample", n)

    def forward(
        self, body: Mapping[str, Any], *, seconds: float
    ) -> AbstractAsyncContextManager[Incoming]:
        """Forwards an application's request, with only the model's name changed.

        Args:
            body: The request.
            seconds: The time, in seconds, until its answer is read.

        Returns:
            The answer as it arrives, whatever its status, for as long as the context is open.

        Raises:
            ModelError: There is no answer (on entering), or it broke off (later).
        """
        content = encoded({**body, "model": self._name})
        messages = body.get("messages")
        asked = tokens_in(content, messages if isinstance(messages, list) else ())
        guessed = asked + _GUESSED_TOKENS
        # A stream that is packed would come in lumps.
        headers = {"Accept-Encoding": "identity"} if body.get("stream") else _NOTHING
        return self._endpoint.opened(content, tokens=guessed, seconds=seconds, headers=headers)

    async def _replied(self, request: ChatRequest, purpose: Purpose, n: int) -> Reply:
        gathered = _Gathered()
        missing = await self._gather(request, purpose, n, gathered)
        if missing:
            await self._gather(request, purpose, missing, gathered)
        failures = [*gathered.failures, *(str(error) for error in gathered.errors)]
        if gathered.completions:
            return Reply(tuple(gathered.completions), tuple(gathered.calls), tuple(failures))
        if gathered.errors:
            raise gathered.errors[0]
        raise ModelResponseError(f"{self._label}: {failures[0]}")

    async def aclose(self) -> None:
        """Closes the connections on the running event loop."""
        await self._endpoint.aclose()

    async def _gather(
        self, request: ChatRequest, purpose: Purpose, n: int, gathered: _Gathered
    ) -> int:
        """Makes all requests that `n` choices take, at once; returns how many did not come."""
        most = self._known.most_choices or n
        if n <= most:
            return await self._gather_from_one(request, purpose, n, gathered)
        sizes = [most] * (n // most) + ([n % most] if n % most else [])
        tasks = []
        async with asyncio.TaskGroup() as group:
            for size in sizes:
                work = self._gather_from_one(request, purpose, size, gathered)
                tasks.append(group.create_task(work))
        return sum(task.result() for task in tasks)

    async def _gather_from_one(
        self, request: ChatRequest, purpose: Purpose, n: int, gathered: _Gathered
    ) -> int:
        scout = await self._scouts.enter(partial(self._is_unproven, request, n))
        try:
            choices = await self._ask(request, purpose, n, gathered.calls)
        except (CredentialsError, ModelError) as error:
            gathered.errors.append(error)
            return 0
        finally:
            if scout is not None:
                scout.leave()
        for choice in choices[:n]:
            if choice.completion is not None:
                gathered.completions.append(choice.completion)
            else:
                known = choice.finish_reason in FINISH_REASONS
                reason = choice.finish_reason if known else "no known reason given"
                gathered.failures.append(f"an answer has no text ({reason})")
        return max(0, n - len(choices))

    def _is_unproven(self, request: ChatRequest, n: int) -> bool:
        return not optional_parts(request.body(self._known, n)) <= self._taken

    async def _ask(
        self, request: ChatRequest, purpose: Purpose, n: int, calls: list[CallUsage]
    ) -> list[Choice]:
        """Makes one request, and again where it showed what the server takes."""
        lessons: list[Lesson] = []
        media = kinds_in(request.messages)
        while True:
            known = applied(lessons, self._known)
            self._require_taken(media & known.refused_media)
            body = request.body(known, n)
            try:
                choices = await self._post(body, known, purpose, calls)
            except RefusedRequestError as refusal:
                # What was once taken is refused for a reason of its own.
                refused = kinds_refused(refusal.said, media) - self._taken
                if refused:
                    self._learn({}, [refused_media(refused)])
                    self._require_taken(refused)
                lesson = lesson_of(refusal, body)
                if lesson is None or lesson.change(known) == known:
                    raise
                lessons.append(lesson)
                continue
            # Only now: a refusal that was misread would have been followed by another.
            lessons += lessons_of(choices, body, known)
            self._learn(body, lessons, media)
            thinks_as_learnt = self._known.thinks and not known.thinks
            if not thinks_as_learnt or any(choice.completion for choice in choices):
                return choices

    def _require_taken(self, refused: frozenset[str]) -> None:
        if refused:
            raise ModelRequestError(f"{self._label}: {refusal_of(refused)}")

    async def _post(
        self, body: Mapping[str, Any], known: Abilities, purpose: Purpose, calls: list[CallUsage]
    ) -> list[Choice]:
        content = encoded(body)
        limit = body.get(known.limit_name, _GUESSED_TOKENS)
        spent: list[float] = []
        answer: Mapping[str, Any] = {}
        choices: list[Choice] = []
        try:
            answer = await self._endpoint.post(
                content,
                tokens=tokens_in(content, body["messages"]) + limit * body.get("n", 1),
                spent=spent,
            )
            choices = read_choices(answer, most=body.get("n", 1))
        finally:
            calls.extend(usage_of(purpose, spent, answer, choices))
        if not choices:
            raise ModelResponseError(f"{self._label}: the answer has no choices")
        return choices

    def _learn(
        self,
        body: Mapping[str, Any],
        lessons: Sequence[Lesson],
        media: frozenset[str] = frozenset(),
    ) -> None:
        taken = optional_parts(body) | media
        if not lessons and taken <= self._taken:
            return
        with self._learning:
            self._taken |= taken
            for lesson in lessons:
                changed = lesson.change(self._known)
                if changed != self._known:
                    _log.info("%s: the server %s", self._label, lesson.words)
                self._known = changed
