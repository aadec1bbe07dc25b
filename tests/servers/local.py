"""What every local server has: a port, faults on demand, and a record of what it was sent.

A protocol's server derives from `LocalServer`, gives its `routes`, and answers each request through
`self.answer(request, make)`, where `make(body)` is a coroutine that returns the good JSON answer
(or a finished response). It is used in the running loop, or from a thread of its own:

    async with OpenAIServer(latency=0.1) as server:
        server.url                       # http://127.0.0.1:40123
    with threaded_server(OpenAIServer()) as server:
        ...                              # synchronous code, or code with its own event loop
"""

import asyncio
import contextlib
import json
import threading
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Any, Self, TypeVar

from aiohttp import web

from tests.servers.faults import Faults, answer_with

_WITHOUT_AN_ANSWER = frozenset({"hang", "disconnect", "status", "html", "streamed"})


@dataclass(frozen=True)
class Received:
    """One request as it came in.

    Attributes:
        method: `GET`, `POST`, …
        path: The path without the query.
        headers: With names in lower case.
        body: The JSON body; `None` where there was none.
        at: When it came, on the server's loop's clock, in seconds.
    """

    method: str
    path: str
    headers: dict[str, str]
    body: Any
    at: float


class LocalServer:
    """An HTTP server on a free port of this machine.

    Attributes:
        faults: What to do wrong, and when.
        received: Every request in order.
        connections: Connections opened so far.
        open_requests: Requests that are being answered now.
        peak_requests: The most that were being answered at once.
        cancelled_requests: Requests whose client went away before the answer was complete.
    """

    def __init__(self, *, keepalive_timeout: float = 75.0) -> None:
        self.faults = Faults()
        self.received: list[Received] = []
        self.connections = 0
        self.open_requests = 0
        self.peak_requests = 0
        self.cancelled_requests = 0
        self._keepalive_timeout = keepalive_timeout
        self._port = 0
        self._runner: web.AppRunner | None = None
        self._server: asyncio.Server | None = None

    def routes(self) -> list[web.RouteDef]:
        """The protocol's routes."""
        raise TypeError("a protocol's server gives its routes")

    @property
    def url(self) -> str:
        """The server's address without a path."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def bodies(self) -> list[Any]:
        """The JSON bodies received, in order."""
        return [request.body for request in self.received]

    @property
    def open_connections(self) -> int:
        """Connections that are open now."""
        server = None if self._runner is None else self._runner.server
        return 0 if server is None else len(server.connections)

    async def start(self) -> None:
        """Listens from now on."""
        app = web.Application(client_max_size=64 * 1024**2)
        app.add_routes(self.routes())
        self._runner = web.AppRunner(
            app,
            access_log=None,
            handler_cancellation=True,
            keepalive_timeout=self._keepalive_timeout,
            shutdown_timeout=0.05,
        )
        await self._runner.setup()
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            self._connect, "127.0.0.1", self._port, backlog=1024
        )
        self._port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Stops listening and breaks what is still open. The port stays this server's own."""
        if self._server is not None:
            self._server.close()
        if self._runner is not None:
            await self._runner.cleanup()
        self._server = self._runner = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def idle(self, seconds: float = 2.0) -> None:
        """Waits until no request is open any more.

        Raises:
            TimeoutError: Some still are after so many seconds.
        """
        async with asyncio.timeout(seconds):
            while self.open_requests:
                await asyncio.sleep(0.005)

    async def answer(
        self,
        request: web.Request,
        make: Callable[[Any], Awaitable[Any]],
    ) -> web.StreamResponse:
        """Records a request and answers it, faultily where a fault is due."""
        self.open_requests += 1
        self.peak_requests = max(self.peak_requests, self.open_requests)
        try:
            raw = await request.read()
            body = json.loads(raw) if raw else None
            headers = {name.lower(): value for name, value in request.headers.items()}
            at = asyncio.get_running_loop().time()
            self.received.append(Received(request.method, request.path, headers, body, at))
            fault = self.faults.take(body)
            if fault is not None and fault.kind in _WITHOUT_AN_ANSWER:
                return await answer_with(fault, request, None)
            made = await make(body)
            if isinstance(made, web.StreamResponse):
                return made
            if fault is not None:
                return await answer_with(fault, request, made)
            return web.json_response(made)
        except asyncio.CancelledError:
            self.cancelled_requests += 1
            raise
        finally:
            self.open_requests -= 1

    def _connect(self) -> asyncio.BaseProtocol:
        self.connections += 1
        if self._runner is None or self._runner.server is None:
            raise ConnectionError("the server is stopped")
        return self._runner.server()


Running = TypeVar("Running", bound=contextlib.AbstractAsyncContextManager[Any])


@contextlib.contextmanager
def threaded_server(server: Running) -> Iterator[Running]:
    """Runs a server on an event loop in a thread of its own while the context lasts."""
    ready = threading.Event()
    ended: list[asyncio.Event] = []
    loops: list[asyncio.AbstractEventLoop] = []

    async def serve() -> None:
        async with server:
            ended.append(asyncio.Event())
            loops.append(asyncio.get_running_loop())
            ready.set()
            await ended[0].wait()

    def run() -> None:
        try:
            asyncio.run(serve())
        finally:
            ready.set()

    thread = threading.Thread(target=run, name="local server", daemon=True)
    thread.start()
    ready.wait()
    if not loops:
        raise RuntimeError("the local server did not start")
    try:
        yield server
    finally:
        loops[0].call_soon_threadsafe(ended[0].set)
        thread.join()
