"""Work for a client that ends when the client leaves."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel
from starlette.types import Receive

from nemoguardrails_trust.server.answers import JsonAnswer

_CLIENT_LEFT = 499

Result = TypeVar("Result")


async def while_connected(receive: Receive, work: Awaitable[Result]) -> Result | Response:
    """Does work for a client whose request was read, and cancels it when the client leaves."""
    here = asyncio.current_task()
    if here is None:
        raise RuntimeError("a request is handled in a task")
    cancelled_before = here.cancelling()
    has_left = False

    async def watch() -> None:
        nonlocal has_left
        while (await receive())["type"] != "http.disconnect":
            pass
        has_left = True
        here.cancel()

    watching = asyncio.create_task(watch())
    try:
        result = await work
    except asyncio.CancelledError:
        if has_left and here.uncancel() <= cancelled_before:
            return Response(status_code=_CLIENT_LEFT)
        raise
    finally:
        watching.cancel()
    if has_left:  # the work ended all the same
        here.uncancel()
    return result


def add_endpoint(
    router: APIRouter,
    path: str,
    body: type[BaseModel],
    answer: Callable[[Any], Awaitable[dict[str, Any]]],
) -> None:
    """Adds an endpoint that takes one JSON object and gives another.

    Args:
        router: Gets the endpoint.
        path: Its path, which ends in its name.
        body: Reads the request.
        answer: Makes the answer of it; its docstring's first line describes the endpoint.
    """

    async def endpoint(body: Any, request: Request) -> Response:
        return await told_while_connected(request.receive, answer(body))

    endpoint.__annotations__["body"] = body
    told = inspect.cleandoc(answer.__doc__ or "").partition("\n")[0]
    name = path.rpartition("/")[2]
    router.post(path, response_model=None, name=name, description=told)(endpoint)


async def told_while_connected(receive: Receive, work: Awaitable[dict[str, Any]]) -> Response:
    """Does work for a client, and tells the client what came of it.

    A plain dictionary is written as it is; FastAPI would copy it first.
    """
    result = await while_connected(receive, work)
    return result if isinstance(result, Response) else JsonAnswer(result)
