"""Work for a client that ends when the client leaves."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

from fastapi import Request, Response

_CLIENT_LEFT = 499

Result = TypeVar("Result")


async def while_connected(request: Request, work: Awaitable[Result]) -> Result | Response:
    """Does work for a client, and cancels it when the client leaves."""
    task = asyncio.ensure_future(work)
    left = asyncio.ensure_future(_left(request))
    try:
        await asyncio.wait({task, left}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            return task.result()
        return Response(status_code=_CLIENT_LEFT)
    finally:
        for waiting in (task, left):
            waiting.cancel()
        await asyncio.gather(task, left, return_exceptions=True)


async def _left(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
