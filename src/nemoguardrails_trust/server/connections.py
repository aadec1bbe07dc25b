"""Connections of clients that send slowly or without end, which are closed in time."""

import asyncio
import functools
import logging
import math
from typing import Any

from uvicorn.protocols.http.auto import AutoHTTPProtocol

from nemoguardrails_trust.server.settings import LimitSettings

_log = logging.getLogger(__name__)


def uvicorn_options(limits: LimitSettings) -> dict[str, Any]:
    """How uvicorn is to run a server with these limits."""
    return {
        "http": functools.partial(BoundedConnection, limits=limits),
        "ws": "none",  # there are no web sockets here, and their library takes long to load
        "access_log": False,
        "server_header": False,
        "proxy_headers": False,  # nothing depends on the client's address
        # So long may a request take that is under way when the server is told to stop.
        "timeout_graceful_shutdown": math.ceil(limits.timeout),
    }


class BoundedConnection(AutoHTTPProtocol):  # type: ignore[misc, valid-type]
    """A connection of uvicorn's, closed where a request's head is too slow or too large.

    The body of a request that is being answered has bounds of its own, in the door; here it is
    bounded once its request was answered, as where it was refused.
    """

    def __init__(self, *, limits: LimitSettings, **uvicorns: Any) -> None:
        """Takes what uvicorn gives its own protocol, and the limits."""
        super().__init__(**uvicorns)
        self._limits = limits
        self._head_bytes = 0
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begins to wait for the first request."""
        super().connection_made(transport)
        self._close_after(self._limits.head_seconds)

    def data_received(self, data: bytes) -> None:
        """Passes data on, and counts what belongs to no request that is being answered."""
        before = self.cycle
        super().data_received(data)
        cycle = self.cycle
        if cycle is not before:  # a head is complete
            self._head_bytes = 0
            self._stop_timer()
        elif cycle is not None and not cycle.response_complete:
            return
        elif cycle is not None and cycle.more_body:
            self._close_after(self._limits.body_seconds)
        else:
            self._close_after(self._limits.head_seconds)
            self._head_bytes += len(data)
            if self._head_bytes > self._limits.head_bytes and not self.transport.is_closing():
                self.send_400_response("The head of the request is too large.")

    def connection_lost(self, exc: Exception | None) -> None:
        """Ends all waiting."""
        self._stop_timer()
        super().connection_lost(exc)

    def _close_after(self, seconds: float) -> None:
        if self._timer is None:
            self._timer = self.loop.call_later(seconds, self._close)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _close(self) -> None:
        _log.debug("a connection was closed: its request took too long to arrive")
        self.transport.close()
