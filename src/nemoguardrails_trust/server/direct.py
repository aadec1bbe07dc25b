"""A short way to the endpoints that take one JSON object and give another.

Finding the route, solving dependencies and handing exceptions on took more time than all else that
the server does for a score. What is unusual about a request is left to the application, which
tells it as ever.
"""

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from fastapi import Response
from pydantic import BaseModel
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from nemoguardrails_trust.errors import TrustError
from nemoguardrails_trust.server.connected import told_while_connected
from nemoguardrails_trust.server.failures import failure_of

_JSON = b"application/json"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """What reads a request of an endpoint, and makes the answer or raises a `TrustError`."""

    body: type[BaseModel]
    answer: Callable[[Any], Awaitable[dict[str, Any]]]


class Direct:
    """An ASGI application around another, that answers plain requests itself.

    Args:
        app: The other, which has the same endpoints.
        endpoints: Those that are answered here, by their paths.
    """

    def __init__(self, app: ASGIApp, endpoints: Mapping[str, Endpoint]) -> None:
        self._app = app
        self._endpoints = endpoints

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handles one connection of the ASGI protocol."""
        endpoint = self._endpoints.get(scope["path"]) if _is_plain(scope) else None
        if endpoint is None:
            await self._app(scope, receive, send)
            return
        messages = await _all_of(receive)
        body = _read(messages, endpoint.body)
        if body is None:
            await self._app(scope, _again(messages, receive), send)
            return
        response = await _answered(endpoint, body, scope["path"], receive)
        await response(scope, receive, send)


async def _answered(endpoint: Endpoint, body: BaseModel, path: str, receive: Receive) -> Response:
    try:
        return await told_while_connected(receive, endpoint.answer(body))
    except TrustError as error:
        return failure_of(path, error)


def _is_plain(scope: Scope) -> bool:
    """Whether a request posts JSON, and nobody follows its way through FastAPI."""
    if scope["type"] != "http" or scope["method"] != "POST" or "fastapi.telemetry" in scope:
        return False
    kinds = [value for name, value in scope["headers"] if name == b"content-type"]
    return kinds == [_JSON]


async def _all_of(receive: Receive) -> list[Message]:
    """The messages of a request's body."""
    messages = [await receive()]
    while messages[-1].get("more_body", False):
        messages.append(await receive())
    return messages


def _read(messages: list[Message], form: type[BaseModel]) -> BaseModel | None:
    """The body of a request; `None` where there is something wrong with it."""
    if messages[-1]["type"] != "http.request":
        return None
    try:
        return form.model_validate(json.loads(b"".join(m.get("body", b"") for m in messages)))
    except (ValueError, RecursionError):
        return None


def _again(messages: list[Message], receive: Receive) -> Receive:
    """Gives messages that were read already, and then what comes."""
    left = iter(messages)

    async def given() -> Message:
        message = next(left, None)
        return await receive() if message is None else message

    return given
