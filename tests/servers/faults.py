"""Faults that a local server commits on demand, whatever protocol it speaks.

A server owns a `Faults` and asks it for every request, `fault = faults.take(body)`. Where there is
one, `await answer_with(fault, request, body)` gives the faulty answer in place of the good one
(`body` is the good JSON answer, which some faults spoil). `LocalServer` in `local.py` does both.

    server.faults.next(HANG)                        # the next request
    server.faults.next(rate_limited(1.5), times=3)  # the next three
    server.faults.always(status(503))               # all, until clear()
    server.faults.next(RESET, when=lambda body: body.get("n", 1) > 1)

A closed port is not a fault of a request: use `base_url=f"http://127.0.0.1:{closed_port()}/v1"`.
"""

import asyncio
import contextlib
import json
import socket
import struct
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from aiohttp import web

Kind = Literal[
    "hang", "disconnect", "reset", "status", "html", "truncated", "nan", "missing", "streamed"
]
When = Callable[[Any], bool]


@dataclass(frozen=True)
class Fault:
    """One way to fail.

    Attributes:
        kind: What happens to the request.
        code: The HTTP status of a `status` or `html` fault.
        headers: Further headers of the answer.
        body: The JSON body of a `status` fault; `None` sends an error as OpenAI words it. Of a
            `streamed` one, what gives the pieces of its bytes.
        pause: Seconds between the pieces.
    """

    kind: Kind
    code: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    pause: float = 0.0


HANG = Fault("hang")
"""No byte of an answer ever comes."""
DISCONNECT = Fault("disconnect")
"""The connection is closed without an answer, as a server does to one it thinks idle."""
RESET = Fault("reset")
"""The connection is reset (RST) in the middle of the body."""
HTML = Fault("html", 200)
"""A page of HTML where JSON should be, with status 200."""
TRUNCATED = Fault("truncated")
"""The JSON ends in its middle, though the HTTP answer is whole."""
NAN = Fault("nan")
"""Every number in the answer is NaN."""
MISSING = Fault("missing")
"""An empty JSON object where the answer should be."""


def status(code: int, body: Any = None, **headers: str) -> Fault:
    """An error status; underscores in header names stand for hyphens."""
    return Fault("status", code, {k.replace("_", "-"): v for k, v in headers.items()}, body)


def rate_limited(retry_after: float | None = None, **headers: str) -> Fault:
    """A 429, with `Retry-After` in seconds where given."""
    if retry_after is not None:
        headers["Retry_After"] = f"{retry_after:g}"
    return status(429, **headers)


def streamed(
    pieces: Callable[[], Iterable[bytes]], code: int = 200, *, pause: float = 0.0, **headers: str
) -> Fault:
    """Any bytes, piece by piece, as JSON; underscores in header names stand for hyphens."""
    named = {k.replace("_", "-"): v for k, v in headers.items()}
    return Fault("streamed", code, {"Content-Type": "application/json"} | named, pieces, pause)


UNAUTHORIZED = status(401)


class Faults:
    """The faults that a server has still to commit. Safe to use from any thread."""

    def __init__(self) -> None:
        self._queue: list[tuple[Fault, When | None]] = []
        self._always: tuple[Fault, When | None] | None = None

    def next(self, fault: Fault, times: int = 1, *, when: When | None = None) -> None:
        """Commits a fault on the next requests (those for whose JSON body `when` is true)."""
        self._queue.extend([(fault, when)] * times)

    def always(self, fault: Fault, *, when: When | None = None) -> None:
        """Commits a fault on every request until `clear`, after those that are queued."""
        self._always = (fault, when)

    def clear(self) -> None:
        """Back to faultless."""
        self._queue.clear()
        self._always = None

    def take(self, body: Any) -> Fault | None:
        """The fault to commit on a request with this JSON body."""
        for i, (fault, when) in enumerate(self._queue):
            if when is None or when(body):
                del self._queue[i]
                return fault
        if self._always is not None and (self._always[1] is None or self._always[1](body)):
            return self._always[0]
        return None


async def answer_with(fault: Fault, request: web.Request, body: Any) -> web.StreamResponse:
    """The faulty answer to a request whose good answer would be the JSON of `body`."""
    if fault.kind == "hang":
        await asyncio.sleep(3600)
    if fault.kind == "disconnect" and request.transport is not None:
        request.transport.close()
        return web.Response()
    if fault.kind == "reset":
        return await _reset(request, json.dumps(body).encode())
    if fault.kind == "status":
        error = {"message": f"Scripted {fault.code}.", "type": "scripted", "code": None}
        content = fault.body if fault.body is not None else {"error": error}
        return web.json_response(content, status=fault.code, headers=fault.headers)
    if fault.kind == "html":
        page = "<!doctype html><title>Gateway</title><p>Something is wrong here."
        return web.Response(
            text=page, status=fault.code, content_type="text/html", headers=fault.headers
        )
    if fault.kind == "streamed":
        return await _stream(request, fault)
    if fault.kind == "missing":
        return web.json_response({})
    text = json.dumps(_without_numbers(body) if fault.kind == "nan" else body)
    if fault.kind == "truncated":
        text = text[: len(text) // 2]
    return web.Response(text=text, content_type="application/json")


async def _stream(request: web.Request, fault: Fault) -> web.StreamResponse:
    response = web.StreamResponse(status=fault.code, headers=fault.headers)
    await response.prepare(request)
    # A client that has had enough closes the connection.
    with contextlib.suppress(ConnectionError):
        for piece in fault.body():
            await response.write(piece)
            await asyncio.sleep(fault.pause)
        await response.write_eof()
    return response


def closed_port() -> int:
    """A port of this machine on which nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def _reset(request: web.Request, whole: bytes) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    response.content_length = len(whole)
    await response.prepare(request)
    await response.write(whole[: len(whole) // 2])
    await asyncio.sleep(0.01)  # an RST at once would overtake the half that was written
    if request.transport is not None:
        connection = request.transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        request.transport.abort()
    return response


def _without_numbers(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_numbers(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_without_numbers(element) for element in value]
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float("nan")
    return value
