"""What a backend answers to a request for a chat completion."""

import time
import uuid
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import aiohttp

from nemoguardrails_trust.errors import DataError, ModelResponseError, ModelTimeoutError
from nemoguardrails_trust.exchange import Exchange
from nemoguardrails_trust.models.base import Ask, LanguageModel
from nemoguardrails_trust.models.http import Incoming
from nemoguardrails_trust.models.http_failures import error_of_connection, error_of_status
from nemoguardrails_trust.models.openai import OpenAICompatibleModel
from nemoguardrails_trust.server.chat_chunks import events_of, read_events

PLACE = "the model's server"
_PASSED_HEADERS = ("retry-after", "retry-after-ms", "x-request-id", "x-should-retry")


@dataclass(frozen=True, slots=True)
class Answer:
    """What a client gets."""

    body: dict[str, Any] | None  # `None` where a stream follows
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)  # those that concern the client

    @property
    def completion(self) -> dict[str, Any] | None:
        """The completion that it is; `None` where it is none."""
        return self.body if 200 <= self.status < 300 else None


async def answered(
    model: LanguageModel, asked: Mapping[str, Any], question: Exchange | DataError, seconds: float
) -> Answer:
    """Has a backend answer.

    Args:
        model: It.
        asked: The request.
        question: The same, as a scorer sees it, or why it cannot be read.
        seconds: Seconds until the answer must be there.

    Raises:
        TrustError: There is no answer.
    """
    if not isinstance(model, OpenAICompatibleModel):
        return Answer(await _written(model, question))
    async with model.forward(asked, seconds=seconds) as incoming:
        return await _read(incoming)


@asynccontextmanager
async def opened(
    model: LanguageModel, asked: Mapping[str, Any], question: Exchange | DataError, seconds: float
) -> AsyncIterator[tuple[Answer, AsyncIterator[bytes]]]:
    """Has a backend answer piece by piece; see `answered`.

    Returns:
        The head of the answer, and the events that follow where it is a stream.

    Raises:
        TrustError: On entering, there is no answer; later, it broke off.
    """
    if not isinstance(model, OpenAICompatibleModel):
        yield Answer(None), _each(events_of(await _written(model, question)))
        return
    async with model.forward(asked, seconds=seconds) as incoming:
        kind = incoming.headers.get("Content-Type", "")
        if incoming.status == 200 and kind.lower().startswith("text/event-stream"):
            yield Answer(None, 200, _passed(incoming)), _events(incoming)
            return
        answer = await _read(incoming)
        if answer.completion is None:
            yield answer, _each(iter(()))
        else:  # a backend that knows no streams
            yield replace(answer, body=None), _each(events_of(answer.completion))


async def _read(incoming: Incoming) -> Answer:
    received = await incoming.received()
    try:
        body = await received.parsed()
    except ValueError:
        body = None
    status = incoming.status
    # A refused key is this server's: the client's own is good.
    if status == 401 or (status >= 300 and not (status >= 400 and isinstance(body, dict))):
        raise error_of_status(PLACE, status, incoming.headers)
    if not isinstance(body, dict):
        raise ModelResponseError(f"{PLACE}: the answer is not a JSON object")
    if status < 300 and not _is_completion(body):
        if body.get("error") is None:
            raise ModelResponseError(f"{PLACE}: the answer is not a chat completion")
        status = 503  # an error that some servers call a success
    return Answer(body, status, _passed(incoming))


def _is_completion(body: Mapping[str, Any]) -> bool:
    choices = body.get("choices")
    return isinstance(choices, list) and all(
        isinstance(choice, dict) and isinstance(choice.get("message"), dict)
        for choice in choices or [None]
    )


def _passed(incoming: Incoming) -> dict[str, str]:
    return {name: incoming.headers[name] for name in _PASSED_HEADERS if name in incoming.headers}


async def _events(incoming: Incoming) -> AsyncIterator[bytes]:
    try:
        async for event in read_events(incoming.chunks()):
            yield event
    except TimeoutError:
        raise ModelTimeoutError(f"{PLACE}: the answer was not complete in time") from None
    except aiohttp.ClientError as problem:
        raise error_of_connection(PLACE, problem) from None


async def _each(events: Iterator[bytes]) -> AsyncIterator[bytes]:
    for event in events:
        yield event


async def _written(model: LanguageModel, question: Exchange | DataError) -> dict[str, Any]:
    """The answer of a model that does not speak OpenAI's protocol, in its form."""
    if isinstance(question, DataError):
        raise question
    reply = await model.complete(Ask(question.messages, "answer"))
    message = {"role": "assistant", "content": reply.completions[0].text}
    return {
        "id": f"chatcmpl-{uuid.uuid4().hex}",
        "object": "chat.completion",
        "created": int(time.time()),
        "model": model.name,
        "choices": [{"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}],
    }
