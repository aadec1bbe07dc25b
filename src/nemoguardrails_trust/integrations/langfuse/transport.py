"""Carries the requests of Langfuse's own client, which are httpx's, over this package's client."""

import httpx

from nemoguardrails_trust.models.http import HttpClient

# The connection's own business, or no longer true of a body that is unpacked.
_HOP = frozenset({"connection", "content-encoding", "content-length", "transfer-encoding"})
_SET_HERE = _HOP | {"accept-encoding", "host"}


class Transport(httpx.AsyncBaseTransport):
    """Sends over pooled connections, and reads answers within bounds.

    Its failures are those of `HttpClient.request`.

    Args:
        timeout: Seconds until a whole answer must be there.
        most_bytes: The most that an answer may have, unpacked.
    """

    def __init__(self, *, timeout: float, most_bytes: int) -> None:
        self._client = HttpClient(most_bytes=most_bytes)
        self._timeout = timeout

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """See `httpx.AsyncBaseTransport`."""
        received = await self._client.request(
            request.method,
            str(request.url),
            data=await request.aread() or None,
            headers={k: v for k, v in request.headers.items() if k.lower() not in _SET_HERE},
            seconds=self._timeout,
        )
        content = bytes(received.content)
        if received.status >= 400:
            try:
                await received.parsed()
            except ValueError:  # Langfuse's client would lose the status over it
                content = b""
        return httpx.Response(
            received.status,
            headers={k: v for k, v in received.headers.items() if k.lower() not in _HOP},
            content=content,
            request=request,
        )

    async def aclose(self) -> None:
        """See `httpx.AsyncBaseTransport`."""
        await self._client.aclose()
