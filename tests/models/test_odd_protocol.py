"""Servers whose HTTP is old, odd or broken, byte by byte, as no server of a library would be."""

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress

import pytest

from nemoguardrails_trust.errors import (
    ModelConnectionError,
    ModelError,
    ModelResponseError,
    ModelServerError,
    ModelTimeoutError,
    RateLimitError,
)
from nemoguardrails_trust.exchange import Message
from nemoguardrails_trust.models.base import Ask
from nemoguardrails_trust.models.limits import Limits
from nemoguardrails_trust.models.openai import OpenAICompatibleModel

SLACK = 20.0  # seconds that a busy machine may add
BODY = json.dumps({"choices": [{"message": {"content": "42"}}]}).encode()
LENGTH = b"Content-Length: %d\r\n" % len(BODY)
CHUNKED = b"Transfer-Encoding: chunked\r\n"
FIRST = b"HTTP/1.1 200 OK\r\n"

Sent = Iterable[bytes]


def whole(first: bytes = FIRST, headers: bytes = LENGTH, body: bytes = BODY) -> Sent:
    return [first + headers + b"\r\n" + body]


def chunked(body: bytes) -> Sent:
    return whole(headers=CHUNKED, body=body)


CHUNK = b"%x\r\n" % len(BODY) + BODY + b"\r\n"
READ: dict[str, Sent] = {
    "HTTP/1.0": whole(b"HTTP/1.0 200 OK\r\n", b""),
    "plain text": whole(headers=LENGTH + b"Content-Type: text/plain\r\n"),
    "a page": whole(headers=LENGTH + b"Content-Type: text/html; charset=klingon\r\n"),
    "a mark of byte order": whole(headers=b"Connection: close\r\n", body=b"\xef\xbb\xbf" + BODY),
    "UTF-16": whole(headers=b"Connection: close\r\n", body=BODY.decode().encode("utf-16")),
    "100 before": [b"HTTP/1.1 100 Continue\r\n\r\n", *whole()],
    "103 before": [b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" * 3, *whole()],
    "202": whole(b"HTTP/1.1 202 Accepted\r\n"),
    "a byte a chunk": chunked(
        b"".join(b"1\r\n%c\r\n" % byte for byte in BODY) + b"0\r\n\r\n",
    ),
    "another answer behind": [*whole(), b"HTTP/1.1 500 No\r\n\r\n"],
}
FAILS: dict[str, tuple[type[ModelError], Sent]] = {
    "HTTP/0.9": (ModelResponseError, [BODY]),
    "no HTTP": (ModelResponseError, [b"\x16\x03\x01\x02\x00" * 99]),
    "101": (ModelResponseError, [b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n"]),
    "204": (ModelResponseError, [b"HTTP/1.1 204 No Content\r\n\r\n"]),
    "304": (ModelResponseError, [b"HTTP/1.1 304 Not Modified\r\n\r\n"]),
    "a redirect to itself": (
        ModelResponseError,
        whole(b"HTTP/1.1 307 There\r\nLocation: /v1/chat/completions\r\n"),
    ),
    "a redirect elsewhere": (
        ModelResponseError,
        whole(b"HTTP/1.1 308 There\r\nLocation: http://169.254.169.254/\r\n"),
    ),
    "status 999": (ModelServerError, whole(b"HTTP/1.1 999 Odd\r\n")),
    "status 42": (ModelResponseError, whole(b"HTTP/1.1 42 Odd\r\n")),
    "a status in words": (ModelResponseError, whole(b"HTTP/1.1 good OK\r\n")),
    "a negative length": (ModelResponseError, whole(headers=b"Content-Length: -5\r\n")),
    "a length of 20 digits": (
        ModelResponseError,
        whole(headers=b"Content-Length: %b\r\n" % (b"9" * 20)),
    ),
    "too short a length": (ModelResponseError, whole(headers=b"Content-Length: 5\r\n")),
    "two lengths": (ModelResponseError, whole(headers=LENGTH + b"Content-Length: 5\r\n")),
    "a length and chunks": (ModelResponseError, whole(headers=LENGTH + CHUNKED)),
    "a chunk of no size": (ModelResponseError, chunked(b"zz\r\n" + BODY)),
    "a chunk of 18 digits": (ModelResponseError, chunked(b"F" * 18 + b"\r\n" + BODY)),
    "half a header": (ModelConnectionError, [b"HTTP/1.1 200 OK\r\nContent-Ty"]),
    "headers without end": (
        ModelResponseError,
        itertools.chain([FIRST], itertools.repeat(b"A: b\r\n" * 999)),
    ),
    "an event stream": (ModelResponseError, whole(headers=b"", body=b"data: " + BODY + b"\n\n")),
    "two answers in one": (ModelResponseError, whole(headers=b"", body=BODY + b"\n" + BODY)),
    "never a final answer": (
        ModelTimeoutError,
        itertools.repeat(b"HTTP/1.1 100 Continue\r\n\r\n" * 99),
    ),
    "a chunk's extension without end": (
        ModelTimeoutError,
        itertools.chain([FIRST + CHUNKED + b"\r\n5;a="], itertools.repeat(b"b" * 65536)),
    ),
    "a pause until the year 9999": (
        RateLimitError,
        [b"HTTP/1.1 429 No\r\nRetry-After: Fri, 31 Dec 9999 23:59:59 GMT\r\n\r\n"],
    ),
    "a pause that is no number": (
        RateLimitError,
        [b"HTTP/1.1 429 No\r\nRetry-After: nan\r\n\r\n"],
    ),
    "an infinite pause": (ModelServerError, [b"HTTP/1.1 503 No\r\nRetry-After: inf\r\n\r\n"]),
}  # fmt: skip


@asynccontextmanager
async def answering(sent: Sent, timeout: float) -> AsyncIterator[OpenAICompatibleModel]:
    """A model behind a server that sends these bytes, and closes the connection."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            await reader.readuntil(b"\r\n\r\n")
            for piece in sent:
                writer.write(piece)
                await writer.drain()
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    model = OpenAICompatibleModel(
        "m",
        base_url=f"http://127.0.0.1:{port}/v1",
        api_key="k",
        timeout=timeout,
        max_retries=0,
        limits=Limits(),
    )
    try:
        yield model
    finally:
        await model.aclose()
        server.close()


def asking() -> Ask:
    return Ask((Message("user", "?"),), "sample")


@pytest.mark.parametrize("manner", READ)
async def test_what_can_be_read_is_read(manner: str) -> None:
    async with answering(READ[manner], 20.0) as model:
        (completion,) = (await model.complete(asking())).completions
    assert completion.text == "42"


@pytest.mark.parametrize("manner", FAILS)
async def test_what_cannot_be_read_ends_in_time_with_an_error_of_ours(manner: str) -> None:
    kind, sent = FAILS[manner]
    timeout = 1.0 if kind is ModelTimeoutError else 20.0
    async with answering(sent, timeout) as model:
        started = asyncio.get_running_loop().time()
        with pytest.raises(ModelError) as caught:
            await model.complete(asking())
        assert asyncio.get_running_loop().time() - started < timeout + SLACK
    assert type(caught.value) is kind
