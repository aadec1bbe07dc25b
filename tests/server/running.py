"""The server itself, run in a thread as `nemo-trust serve` runs it, on a local model."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from nemoguardrails_trust.server.app import create_app
from nemoguardrails_trust.server.connections import uvicorn_options
from nemoguardrails_trust.server.settings import ServerSettings, settings_of
from tests.servers.openai import Answer, OpenAIServer, threaded_server
from tests.tlm.scene import echo

KEY = "key-of-a-client"


@dataclass(frozen=True)
class Running:
    """A server that runs.

    Attributes:
        url: Its address without a path.
        model: The model's server behind it.
        requests: The paths that were asked for, in order.
    """

    url: str
    model: OpenAIServer
    requests: list[str] = field(default_factory=list)

    @property
    def api(self) -> str:
        """The base URL for clients of TLM."""
        return f"{self.url}/api"


@contextmanager
def serving(
    answer: Answer | Callable[[dict[str, Any]], Answer] = echo,
    *,
    model: dict[str, Any] | None = None,
    backend: dict[str, Any] | None = None,
    around: Callable[[ASGIApp], ASGIApp] = lambda app: app,
    **settings: Any,
) -> Iterator[Running]:
    """Runs a server whose model answers as a test says.

    Args:
        answer: What the model says.
        model: More for the model's server.
        backend: More settings of the one backend.
        around: Puts an application around the server's own.
        settings: More settings of the server.
    """
    with threaded_server(OpenAIServer(answer=answer, **(model or {}))) as behind:
        own = {"model": "gpt-test", "base_url": behind.base_url, "api_key_variable": "NO_KEY"}
        read = settings_of({"backends": {"own": own | (backend or {})}} | settings)
        with in_thread(read, around) as (url, requests):
            yield Running(url, behind, requests)


@contextmanager
def in_thread(
    settings: ServerSettings, around: Callable[[ASGIApp], ASGIApp] = lambda app: app
) -> Iterator[tuple[str, list[str]]]:
    """Runs a server in a thread of its own; gives its address, and the paths asked for so far."""
    options = uvicorn_options(settings.limits)
    recorded = _Recorded(around(create_app(settings)))
    config = uvicorn.Config(recorded, port=0, log_config=None, **options)
    server = uvicorn.Server(config)
    started = threading.Event()
    startup = server.startup

    async def start(sockets: Any = None) -> None:
        await startup(sockets)
        started.set()

    server.startup = start  # type: ignore[method-assign]
    thread = threading.Thread(target=server.run, name="server")
    thread.start()
    try:
        assert started.wait(30)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}", recorded.requests
    finally:
        server.should_exit = True
        thread.join()


class _Recorded:
    """An application whose requests are written down."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.requests: list[str] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            self.requests.append(scope["path"])
        await self._app(scope, receive, send)


def is_share(value: Any) -> bool:
    """Whether a value is a number from 0 to 1."""
    return isinstance(value, float) and 0.0 <= value <= 1.0


def tlm(**arguments: Any) -> Any:
    """A client of Cleanlab's, as it comes, with a key of this server."""
    client = import_module("cleanlab_tlm").TLM
    return client(**{"api_key": KEY, "quality_preset": "low"} | arguments)
