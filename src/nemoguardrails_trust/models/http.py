"""The one way to send an HTTP request: over a pooled session, its answer read within bounds.

An answer is read by chunks and unpacked here, since a server may send more than it says: half a
megabyte of gzip can hold two gigabytes. Once too much has come, the connection is closed.
"""

import asyncio
import ipaddress
import json
import urllib.request
import zlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import aiohttp
from yarl import URL

from nemoguardrails_trust.models.base import MOST_BYTES
from nemoguardrails_trust.models.sessions import SessionPool

MOST_BYTES_OF_ERROR = 64_000

_MOST_VALUES = 750_000  # in one answer: each takes some 50 bytes, however short it is written
_LARGE = 500_000  # bytes that take too long to parse on an event loop
_STEP = 256 * 1024  # bytes unpacked at a time
_ACCEPTED = "gzip, deflate"
_NO_HEADERS: Mapping[str, str] = {}


class TooLargeError(ValueError):
    """An answer is larger than is borne. Its text says what the limit is."""


@dataclass(frozen=True, slots=True)
class Received:
    """An answer."""

    status: int
    headers: Mapping[str, str]  # their names may be looked up in any case
    content: bytearray  # unpacked; nothing of an error that is too large

    async def parsed(self) -> Any:
        """The JSON that the body is; a large one is parsed in a thread.

        Raises:
            ValueError: It is no JSON, or nested too deeply.
        """
        if len(self.content) <= _LARGE:
            return _parsed(self.content)
        return await asyncio.to_thread(_parsed, self.content)


class HttpClient:
    """Sends requests, over a pool of connections for each event loop.

    Args:
        headers: Sent with every request; may hold a key.
        most_bytes: The most that an answer may have, unpacked.
    """

    def __init__(
        self, headers: Mapping[str, str] = _NO_HEADERS, *, most_bytes: int = MOST_BYTES
    ) -> None:
        # Not a method of this object, which would then live as long as any session.
        self._sessions = SessionPool(partial(_new_session, headers))
        self._most_bytes = most_bytes
        self._proxies: dict[URL, str | None] = {}

    async def request(
        self,
        method: str,
        url: URL | str,
        *,
        data: Any = None,
        headers: Mapping[str, str] = _NO_HEADERS,
        seconds: float | None = None,
    ) -> Received:
        """Sends one request. Redirects are not followed: they may lead to anyone.

        Args:
            method: `GET`, `POST`, …
            url: The address.
            data: The body, as aiohttp takes it.
            headers: Of this request.
            seconds: Until the whole answer must be there; `None` for any time.

        Raises:
            aiohttp.ClientError: There is no answer. Its text may hold the request's headers.
            TimeoutError: It did not come in time.
            TooLargeError: It is too large.
        """
        sending = self.begin(method, url, data=data, headers=headers, seconds=seconds)
        async with await sending as incoming:
            return await incoming.received()

    async def begin(
        self,
        method: str,
        url: URL | str,
        *,
        data: Any = None,
        headers: Mapping[str, str] = _NO_HEADERS,
        seconds: float | None = None,
    ) -> "Incoming":
        """Sends one request, and waits for no more than the head of its answer; see `request`.

        Returns:
            The answer, an async context that ends the request.

        Raises:
            aiohttp.ClientError: There is no answer. Its text may hold the request's headers.
            TimeoutError: It did not come in time.
        """
        session = await self._sessions.get()
        url = _absolute(url)
        server = url.origin()
        if server not in self._proxies:
            self._proxies[server] = _proxy_for(url)
        response = await session.request(
            method,
            url,
            data=data,
            headers=headers,
            timeout=aiohttp.ClientTimeout(total=seconds),
            allow_redirects=False,
            proxy=self._proxies[server],
        )
        return Incoming(response, self._most_bytes)

    async def aclose(self) -> None:
        """Closes the connections held on the running event loop."""
        await self._sessions.aclose()


class Incoming:
    """An answer whose body is still to come, as an async context that ends its request.

    Attributes:
        status: The HTTP status.
        headers: Their names may be looked up in any case.
    """

    def __init__(self, response: aiohttp.ClientResponse, most_bytes: int) -> None:
        self.status = response.status
        self.headers: Mapping[str, str] = response.headers
        self._response = response
        self._most_bytes = most_bytes

    async def __aenter__(self) -> "Incoming":
        return self

    async def __aexit__(self, *_: object) -> None:
        self._response.release()  # closes the connection where more was to come

    async def received(self) -> Received:
        """Reads the whole body.

        Raises:
            aiohttp.ClientError: It broke off.
            TimeoutError: It did not come in time.
            TooLargeError: It is too large.
        """
        is_error = self.status >= 300
        most = min(MOST_BYTES_OF_ERROR, self._most_bytes) if is_error else self._most_bytes
        try:
            content = await _read(self._response, most)
        except TooLargeError:
            if not is_error:
                raise
            content = bytearray()  # its status says what it is
        return Received(self.status, self.headers, content)

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body as it comes, which must not be packed.

        Raises:
            aiohttp.ClientError: It broke off, or is packed.
            TimeoutError: It did not come in time.
        """
        if self.headers.get("Content-Encoding", "identity").strip().lower() != "identity":
            raise aiohttp.ClientPayloadError("compressed in a way that was not requested")
        async for chunk in self._response.content.iter_any():
            yield chunk


def _new_session(headers: Mapping[str, str]) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        # Limits bound what is under way: a second bound would only queue.
        connector=aiohttp.TCPConnector(limit=0, ttl_dns_cache=300),
        headers={"Accept-Encoding": _ACCEPTED, **headers},
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
    )


async def _read(response: aiohttp.ClientResponse, most: int) -> bytearray:
    packing = response.headers.get("Content-Encoding", "").strip().lower()
    unpacker = None if packing in ("", "identity") else _Unpacker(packing)
    content = bytearray()
    values = counted = 0
    while chunk := await response.content.readany():
        if unpacker is None:
            content += chunk
        else:
            await unpacker.unpack(chunk, content, most)
        if len(content) > most:
            raise TooLargeError(f"the answer is larger than {most / 1e6:g} MB")
        if len(content) > _MOST_VALUES:  # a shorter one cannot hold as many
            # Counted before anything is made of it: eight megabytes of brackets become 300.
            values += sum(content.count(mark, counted) for mark in b",[{")
            counted = len(content)
        if values > _MOST_VALUES:
            raise TooLargeError(f"the answer has more than {_MOST_VALUES:,} values")
    return content


class _Unpacker:
    """Unpacks a body that comes by chunks.

    Raises:
        aiohttp.ClientPayloadError: It is packed in a way that was not asked for, or broken.
    """

    def __init__(self, packing: str) -> None:
        if packing not in ("gzip", "x-gzip", "deflate"):
            raise aiohttp.ClientPayloadError("compressed in a way that was not requested")
        self._inflate: Any = (
            None if packing == "deflate" else zlib.decompressobj(zlib.MAX_WBITS | 16)
        )

    async def unpack(self, chunk: bytes, content: bytearray, most: int) -> None:
        """Adds to the content what a chunk holds, as far as there is room for it."""
        if self._inflate is None:  # some servers leave out the header that the standard asks for
            has_header = chunk[0] & 0x0F == zlib.DEFLATED
            self._inflate = zlib.decompressobj(zlib.MAX_WBITS if has_header else -zlib.MAX_WBITS)
        try:
            while chunk and len(content) <= most:
                content += self._inflate.decompress(chunk, _STEP)
                chunk = self._inflate.unconsumed_tail
                if chunk:
                    await asyncio.sleep(0)
        except zlib.error:
            raise aiohttp.ClientPayloadError("broken") from None


def _parsed(content: bytearray) -> Any:
    try:
        return json.loads(content)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _absolute(url: URL | str) -> URL:
    try:
        whole = URL(url)
    except ValueError:
        whole = URL()
    if whole.scheme not in ("http", "https") or not whole.host:
        raise aiohttp.InvalidURL(str(url))
    return whole


def _proxy_for(url: URL) -> str | None:
    """The proxy that the environment names for an address; never one for this machine itself."""
    host = url.host or ""
    if host == "localhost" or _is_loopback(host) or urllib.request.proxy_bypass(host):
        return None
    proxies = urllib.request.getproxies()
    return proxies.get(url.scheme) or proxies.get("all")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
