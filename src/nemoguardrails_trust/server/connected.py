"""Work for a client that ends when the client leaves."""

import asyncio
from collections.abc import Awaitable
from typing import Any, TypeVar

from fastapi import Request, Response
from fastapi.responses import JSONResponse

_CLIENT_LEFT = 499

Result = TypeVar("Result")


async def while_connected(request: Request, work: Awaitable[Result]) -> Result | Response:
    """Does work for a client, and cancels it when the client leaves."""
    here = asyncio.current_task()
    if here is None:
        raise RuntimeError("a request is handled in a task")
    cancelled_before = here.cancelling()
    has_left = False

    async def watch() -> None:
        nonlocal has_left
        while (await request.receive())["type"] != "http.disconnect":
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


async def told_while_connected(request: Request, work: Awaitable[dict[str, Any]]) -> Response:
    """Does work for a client, and tells the client what came of it.

    A plain dictionary is written as it is; FastAPI would copy it first.
    """
    result = await while_connected(request, work)
    return result if isinstance(result, Response) else JSONResponse(result)
