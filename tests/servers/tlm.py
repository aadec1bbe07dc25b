"""A local server that speaks the wire protocol of Cleanlab's hosted services.

    async with TLMServer(score=0.3, latency=0.1) as server:
        point_clients_at(server.url, monkeypatch)      # the real clients now talk to it
        ...
        assert len(server.scored) == 1

Both clients read `CLEANLAB_API_BASE_URL` as they are imported, so a process that starts with it
set to `server.url` needs no `point_clients_at`. What it was sent stands in `server.received`; how
to make it fail is told in `faults.py`, what else it counts in `local.py`.
"""

import asyncio
import importlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from aiohttp import web

from tests.servers.faults import When, status
from tests.servers.local import LocalServer, Received, threaded_server

Body = dict[str, Any]

KEY = "sk-local-5e7d9c3b1a"
SCORES = "/v0/trustworthy_llm/get_confidence_score"

INVALID_KEY = status(
    401, {"code": "invalid_api_key", "description": "Bad key.", "error": "Bad key."}
)
"""The 401 with a code, the one that `cleanlab-tlm` takes for a refused key."""
UNAUTHORIZED = status(401, {"error": "Unauthorized."})
"""The 401 without."""

_LATER_BASES = {
    "tlm_explanation": "tlm_explanation",
    "tlm_rag": "rag_trustworthy_llm",
    "tlm_openai": "openai_trustworthy_llm",
}

IS_SCORING: When = lambda body: isinstance(body, dict) and "response" in body  # noqa: E731


class TLMServer(LocalServer):
    """Serves scores, answers, and the two questions that `cleanlab-studio` asks at its start.

    Args:
        score: The score, or a callable of the request's body that gives it.
        explanation: The explanation, where one is asked for.
        answer: Fields that replace or join those of an answer with a score; `None` removes one.
        latency: Seconds until an answer, or a callable of the request's body that gives them.
        start_latency: Seconds until the answers to the two questions at a start.
        key: The only key accepted.
        takes_client: Whether the client's version is accepted.
    """

    def __init__(
        self,
        *,
        score: Any | Callable[[Body], Any] = 0.87,
        explanation: str = "Every sample says the same.",
        answer: Body | None = None,
        latency: float | Callable[[Body], float] = 0.0,
        start_latency: float = 0.0,
        key: str = KEY,
        takes_client: bool = True,
        keepalive_timeout: float = 75.0,
    ) -> None:
        super().__init__(keepalive_timeout=keepalive_timeout)
        self.score = score
        self.explanation = explanation
        self.fields = answer or {}
        self.latency = latency
        self.start_latency = start_latency
        self.key = key
        self.takes_client = takes_client

    @property
    def scored(self) -> list[Received]:
        """The requests for a score, in order."""
        return [request for request in self.received if request.path == SCORES]

    @property
    def open_connections(self) -> int:
        """Connections that are open now."""
        server = self._runner.server if self._runner is not None else None
        return len(server.connections) if server is not None else 0

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post("/cli/v0/check_client_version", self._check_client_version),
            web.get("/cli/v0/validate", self._validate),
            web.post(SCORES, self._get_confidence_score),
            web.post("/v0/trustworthy_llm/prompt", self._prompt),
        ]

    async def _check_client_version(self, request: web.Request) -> web.StreamResponse:
        async def make(body: Body) -> Body | web.Response:
            if request.content_type != "application/json":
                return _error(400, "Not JSON.")
            await asyncio.sleep(self.start_latency)
            return {"valid": self.takes_client and isinstance(body["version"], str)}

        return await self.answer(request, make)

    async def _validate(self, request: web.Request) -> web.StreamResponse:
        async def make(body: Body) -> Body | web.Response:
            if request.content_type != "application/json":
                return _error(400, "Not JSON.")
            if request.headers.get("Authorization") != f"bearer {body['api_key']}":
                return _error(400, "No such header.")
            await asyncio.sleep(self.start_latency)
            return {"valid": body["api_key"] == self.key}

        return await self.answer(request, make)

    async def _get_confidence_score(self, request: web.Request) -> web.StreamResponse:
        async def make(body: Body) -> Body | web.Response:
            if (refusal := self._refusal(request, body)) is not None:
                return refusal
            if not isinstance(body["response"]["response"], str):
                return _error(400, "The response is not a text.")
            return await self._scored(body)

        return await self.answer(request, make)

    async def _prompt(self, request: web.Request) -> web.StreamResponse:
        async def make(body: Body) -> Body | web.Response:
            if (refusal := self._refusal(request, body)) is not None:
                return refusal
            return {"response": "An answer."} | await self._scored(body)

        return await self.answer(request, make)

    async def _scored(self, body: Body) -> Body:
        await asyncio.sleep(self.latency(body) if callable(self.latency) else self.latency)
        score = self.score(body) if callable(self.score) else self.score
        asked = body["options"].get("log", [])
        log = {"explanation": self.explanation} if "explanation" in asked else {}
        answer = {"confidence_score": score, "log": log, "deberta_success": True} | self.fields
        return {name: value for name, value in answer.items() if value is not None}

    def _refusal(self, request: web.Request, body: Body) -> web.Response | None:
        headers = request.headers
        if headers.get("Authorization") != f"bearer {self.key}":
            assert INVALID_KEY.body is not None
            return web.json_response(INVALID_KEY.body, status=401)
        if headers.get("Client-Type") != "python-api":
            return _error(400, "No Client-Type.")
        if headers.get("Content-Type") != "application/json":
            return _error(400, "Not JSON.")
        if body.get("quality") not in ("base", "low", "medium", "high", "best"):
            return _error(400, "No such quality preset.")
        if not isinstance(body.get("prompt"), str) or not isinstance(body.get("options"), dict):
            return _error(400, "No prompt, or no options.")
        return None


def point_clients_at(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Has both real clients, imported or not, talk to the service at this base URL."""
    monkeypatch.setenv("CLEANLAB_API_BASE_URL", url)
    for package in ("cleanlab_studio", "cleanlab_tlm"):
        api = importlib.import_module(f"{package}.internal.api.api")
        monkeypatch.setattr(api, "base_url", url)
        monkeypatch.setattr(api, "tlm_base_url", f"{url}/v0/trustworthy_llm")
        for name, path in _LATER_BASES.items():
            monkeypatch.setattr(api, f"{name}_base_url", f"{url}/v1/{path}", raising=False)
        monkeypatch.setattr(api, "cli_base_url", f"{url}/cli/v0", raising=False)


@contextmanager
def threaded_tlm_server(**options: Any) -> Iterator[TLMServer]:
    """A server in a thread of its own, for synchronous code."""
    with threaded_server(TLMServer(**options)) as server:
        yield server


def _error(code: int, text: str) -> web.Response:
    return web.json_response({"error": text}, status=code)
