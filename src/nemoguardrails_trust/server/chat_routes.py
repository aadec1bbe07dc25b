"""The endpoints of OpenAI's API, also as Azure and TLM's own edition for a cloud have them."""

from collections.abc import AsyncIterator
from typing import Any, cast

from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from nemoguardrails_trust.server.answers import JsonAnswer
from nemoguardrails_trust.server.chat import Chat, Pieces
from nemoguardrails_trust.server.chat_backend import Answer
from nemoguardrails_trust.server.chat_bodies import ChatBody, GivenCompletion
from nemoguardrails_trust.server.connected import add_endpoint, while_connected
from nemoguardrails_trust.server.failures import OPENAI_FAILURES

# Some proxies gather what they pass on, unless they are told not to.
_STREAM_HEADERS = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}

_COMPLETION: dict[int | str, dict[str, Any]] = {
    **OPENAI_FAILURES,
    200: {
        "description": "The backend's answer with `tlm_metadata`, whole or as a stream",
        "content": {"application/json": {}, "text/event-stream": {}},
    },
}

AZURE = "/openai/deployments/{deployment}"


def openai_bases(prefix: str) -> tuple[str, ...]:
    """The paths that clients of OpenAI's API may take for its base."""
    hosted = f"{prefix}/v1/openai_trustworthy_llm"
    return tuple(
        dict.fromkeys((hosted, f"{hosted}/v1", prefix, f"{prefix}/v1", "/v1", "/openai/v1"))
    )


def model_routes(names: tuple[str, ...], prefix: str) -> APIRouter:
    """The endpoints that list the models.

    Args:
        names: Those that clients may ask for.
        prefix: The path that all endpoints of the protocol begin with.
    """
    router = APIRouter(tags=["OpenAI"], responses=OPENAI_FAILURES)

    async def models() -> dict[str, Any]:
        """Lists the models. Every other name is answered by the default one."""
        return {"object": "list", "data": [_model(name) for name in names]}

    async def model(name: str) -> dict[str, Any]:
        """Describes a model."""
        if name not in names:
            raise HTTPException(404, "there is no model of this name in the list of models")
        return _model(name)

    for base in openai_bases(prefix):
        router.get(f"{base}/models")(models)
        router.get(f"{base}/models/{{name:path}}")(model)
    return router


def _model(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": 0, "owned_by": "nemoguardrails-trust"}


def chat_routes(chat: Chat, prefix: str) -> APIRouter:
    """The endpoints for chat completions.

    Args:
        chat: Gives and scores them.
        prefix: The path that all endpoints of the protocol begin with.
    """
    router = APIRouter(tags=["OpenAI"])

    async def complete(body: ChatBody, request: Request) -> Response:
        """Has the model answer, and scores the answer."""
        turn = chat.read(body)
        if body.stream:
            return await _streamed(request, chat.stream(turn))
        answer = await while_connected(request.receive, chat.complete(turn))
        if isinstance(answer, Response):
            return answer
        return JsonAnswer(answer.body, answer.status, dict(answer.headers))

    async def complete_deployment(deployment: str, body: ChatBody, request: Request) -> Response:
        """The same, where Azure's clients have the model's name in the path."""
        return await complete(body.model_copy(update={"model": body.model or deployment}), request)

    async def score(body: GivenCompletion) -> dict[str, Any]:
        """Scores a chat completion that a client has already."""
        return {"tlm_metadata": await chat.score(body)}

    described: dict[str, Any] = {"response_model": None, "responses": _COMPLETION}
    for base in openai_bases(prefix):
        router.post(f"{base}/chat/completions", **described)(complete)
    router.post(f"{AZURE}/chat/completions", **described)(complete_deployment)
    add_endpoint(router, f"{prefix}/chat/score", GivenCompletion, score)
    return router


async def _streamed(request: Request, pieces: Pieces) -> Response:
    head = await while_connected(request.receive, anext(pieces))
    if isinstance(head, Answer) and head.body is None:
        return _Stream(pieces, headers={**head.headers, **_STREAM_HEADERS})
    await pieces.aclose()
    if isinstance(head, Answer):
        return JsonAnswer(head.body, head.status, dict(head.headers))
    return cast("Response", head)


class _Stream(StreamingResponse):
    """A stream whose source is closed with it, also where the client leaves before its end."""

    media_type = "text/event-stream"

    def __init__(self, pieces: Pieces, headers: dict[str, str]) -> None:
        super().__init__(_events(pieces), headers=headers)
        self._pieces = pieces

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            await self._pieces.aclose()


async def _events(pieces: Pieces) -> AsyncIterator[bytes]:
    async for piece in pieces:
        if isinstance(piece, bytes):
            yield piece
