"""What stands before every endpoint: paths made plain, keys, sizes, and how much is taken on."""

import asyncio
import math
import re
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from nemoguardrails_trust.models.limits import RatesHere, SharedRates, rates_shared
from nemoguardrails_trust.models.pacing import Wait
from nemoguardrails_trust.scorers.figures import WAITING, WORKING, under_way
from nemoguardrails_trust.server.failures import failure
from nemoguardrails_trust.server.metrics import Metrics
from nemoguardrails_trust.server.settings import Keys, ServerSettings

NO_KEY = -1
_SLASHES = re.compile(r"/{2,}")
_ALWAYS_OPEN = ("/cli/v0/check_client_version", "/cli/v0/telemetry")
_STATE = ("/health", "/ready", "/metrics", "/docs", "/openapi.json")
_OTHER_BASES = ("/v1/", "/openai/")  # of OpenAI's API and of Azure's, whatever the prefix


class _Refused(Exception):  # noqa: N818 -- it is an answer, not a fault of the server
    def __init__(self, status: int, message: str, *, wait: float = 0.0) -> None:
        super().__init__(message)
        self.status = status
        self.headers = {"Retry-After": str(math.ceil(wait))} if wait else {}


class Door:
    """An ASGI application around another: lets requests in, or refuses them as JSON."""

    def __init__(
        self, app: ASGIApp, settings: ServerSettings, keys: Keys, metrics: Metrics
    ) -> None:
        self._app = app
        self._metrics = metrics
        self._settings = settings
        self._keys = keys
        self._turns = asyncio.Semaphore(settings.limits.in_flight)
        self._by_key: Counter[int] = Counter()
        self._rates: dict[int, SharedRates] = {}
        self._waiting = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handles one connection of the ASGI protocol."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path = _SLASHES.sub("/", scope["path"]).rstrip("/") or "/"
        scope = {**scope, "path": path, "raw_path": path.encode("utf-8", "surrogateescape")}
        try:
            await self._enter(scope, path, receive, send)
        except _Refused as refused:
            told = failure(path, refused.status, str(refused), headers=refused.headers)
            await told(scope, receive, send)

    async def _enter(self, scope: Scope, path: str, receive: Receive, send: Send) -> None:
        if not self._is_guarded(path):
            with under_way(self._metrics, WORKING):
                await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        key = NO_KEY if self._is_open(path) else self._key(headers)
        if int(headers.get("content-length") or 0) > self._settings.limits.body_bytes:
            raise self._too_large()
        await self._count(key)
        async with self._turn(key):
            with under_way(self._metrics, WORKING):
                await self._app(scope, *self._bounded(receive, send))

    def _is_guarded(self, path: str) -> bool:
        prefix = self._settings.prefix
        if path.startswith(_OTHER_BASES):
            return True
        if not path.startswith(f"{prefix}/") or path in _STATE:
            return False
        return path.removeprefix(prefix) not in _ALWAYS_OPEN

    def _is_open(self, path: str) -> bool:
        """Whether a path needs no key, though what it does counts."""
        is_score = path == f"{self._settings.prefix}/chat/score"
        return is_score and self._settings.is_score_endpoint_open

    def _key(self, headers: Headers) -> int:
        if not self._keys:
            return NO_KEY
        scheme, _, shown = headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            shown = headers.get("api-key", "")
        found = self._keys.find(shown.strip())
        if found is None:
            raise _Refused(401, "the key is missing or is not one of this server's")
        return found

    async def _count(self, key: int) -> None:
        most = self._settings.limits.requests_per_minute_per_key
        if most is None:
            return
        if key not in self._rates:
            self._rates[key] = rates_shared(f"key {key}") or RatesHere()
        turn = await self._rates[key].take_turn((most, None), 0)
        if isinstance(turn, Wait):
            raise _Refused(429, "too many requests per minute with this key", wait=turn.seconds)
        turn.ended()  # how many are in progress at once is counted elsewhere

    @asynccontextmanager
    async def _turn(self, key: int) -> AsyncIterator[None]:
        limits = self._settings.limits
        if self._by_key[key] >= limits.in_flight_per_key:
            raise _Refused(429, "too many requests with this key are in progress")
        if self._turns.locked() and self._waiting >= limits.waiting:
            raise _Refused(429, "too many requests are in progress")
        self._by_key[key] += 1
        try:
            self._waiting += 1
            try:
                if self._turns.locked():
                    with under_way(self._metrics, WAITING):
                        await self._turns.acquire()
                else:
                    await self._turns.acquire()
            finally:
                self._waiting -= 1
            try:
                yield
            finally:
                self._turns.release()
        finally:
            self._by_key[key] -= 1

    def _bounded(self, receive: Receive, send: Send) -> tuple[Receive, Send]:
        """Both ends of a connection, of which the first gives no more than is to be read."""
        limits = self._settings.limits
        arrived = 0
        complete = False
        refused: _Refused | None = None
        ends = asyncio.get_running_loop().time() + limits.body_seconds

        async def bounded() -> Message:
            nonlocal arrived, complete, refused
            if complete:
                return await receive()
            try:
                async with asyncio.timeout_at(ends):
                    message = await receive()
            except TimeoutError:
                refused = _Refused(408, "the request's body took too long to arrive")
                raise refused from None
            arrived += len(message.get("body", b""))
            complete = not message.get("more_body", False)
            if arrived > limits.body_bytes:
                refused = self._too_large()
                raise refused
            return message

        async def sending(message: Message) -> None:
            if refused is not None:  # FastAPI has made an answer of its own of it
                raise refused
            await send(message)

        return bounded, sending

    def _too_large(self) -> _Refused:
        most = self._settings.limits.body_bytes
        return _Refused(413, f"the request is larger than the {most} bytes this server reads")
