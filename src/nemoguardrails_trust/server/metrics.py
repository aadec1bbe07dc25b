"""What a server counts and times, in the form that Prometheus reads."""

import os
import re
import time
from collections.abc import Iterable
from typing import Any

from fastapi import APIRouter, Response
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from nemoguardrails_trust.scorers.base import Scorer
from nemoguardrails_trust.scorers.observing import observed_by
from nemoguardrails_trust.scorers.spans import annotate_span
from nemoguardrails_trust.scores import TrustworthinessScore

SHARED_BY_WORKERS = "PROMETHEUS_MULTIPROC_DIR"
"""Names the folder by which several worker processes add up what they count."""

_SECONDS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0)
_SHARES = tuple(place / 10 for place in range(1, 11))
_CLIENT_LEFT = "499"
_OTHER = "other"
_IDENTIFIER = re.compile(r"\{[^}]+\}")


class Metrics:
    """The figures of one server."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self.requests = self._counter("requests", "Requests.", "endpoint", "status")
        self.seconds = self._histogram(
            "request_seconds", "Seconds until a request is answered.", _SECONDS, "endpoint"
        )
        self.in_flight = self._gauge("requests_in_flight", "Requests under way or waiting.")
        self.working = self._gauge("requests_working", "Requests under way, without those waiting.")
        self._scores = self._histogram("score", "Scores.", _SHARES, "preset")
        self._score_seconds = self._histogram(
            "score_seconds", "Seconds for a score.", _SECONDS, "preset"
        )
        self._unscored = self._counter(
            "unscored", "Scores that could not be had.", "preset", "reason"
        )
        self._calls = self._counter("score_calls", "Calls to models for scores.", "preset")
        self._tokens = self._counter(
            "score_tokens", "Tokens that models read and wrote for scores.", "preset", "kind"
        )

    def observe(self, scorer: Scorer, score: TrustworthinessScore) -> None:
        """Counts a score, or the lack of one."""
        preset = str(getattr(scorer, "quality", None) or _OTHER)
        usage = score.usage
        self._score_seconds.labels(preset).observe(usage.seconds)
        self._calls.labels(preset).inc(usage.calls)
        self._tokens.labels(preset, "read").inc(usage.prompt_tokens)
        self._tokens.labels(preset, "written").inc(usage.completion_tokens)
        if score.score is not None:
            self._scores.labels(preset).observe(score.score)
            return
        failure = next(iter(score.failures), None)
        reason = "no score" if failure is None else type(failure).__name__
        self._unscored.labels(preset, reason).inc()

    def written(self) -> bytes:
        """All figures, those of other worker processes included."""
        if SHARED_BY_WORKERS not in os.environ:
            return generate_latest(self._registry)
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        return generate_latest(registry)

    def _counter(self, name: str, told: str, *labels: str) -> Counter:
        return Counter(f"nemo_trust_{name}", told, labels, registry=self._registry)

    def _gauge(self, name: str, told: str) -> Gauge:
        return Gauge(
            f"nemo_trust_{name}", told, registry=self._registry, multiprocess_mode="livesum"
        )

    def _histogram(self, name: str, told: str, buckets: tuple[float, ...], label: str) -> Histogram:
        return Histogram(
            f"nemo_trust_{name}", told, (label,), buckets=buckets, registry=self._registry
        )


class Measured:
    """An ASGI application around another, whose requests are counted and timed.

    Args:
        app: The other.
        metrics: The figures.
        paths: The endpoints there are, some with names in braces.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics, paths: Iterable[str]) -> None:
        self._app = app
        self._metrics = metrics
        self._endpoints = {path: _form_of(path) for path in paths}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handles one connection of the ASGI protocol."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status = _CLIENT_LEFT
        started = time.perf_counter()
        is_counted = False

        def count() -> None:
            nonlocal is_counted
            if not is_counted:
                is_counted = True
                endpoint = self._endpoint(scope["path"])
                self._metrics.requests.labels(endpoint, status).inc()
                self._metrics.seconds.labels(endpoint).observe(time.perf_counter() - started)

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = str(message["status"])
            elif not message.get("more_body", False):
                count()  # before the client knows that it is at an end
            await send(message)

        with self._metrics.in_flight.track_inprogress(), observed_by(self._observe):
            try:
                await self._app(scope, receive, sending)
            finally:
                count()

    def _observe(self, scorer: Scorer, score: TrustworthinessScore) -> None:
        self._metrics.observe(scorer, score)
        annotate_span({"score": score.score, "scorer": score.scorer or None, "error": score.error})

    def _endpoint(self, path: str) -> str:
        """The endpoint, so that clients cannot make up labels."""
        if path in self._endpoints:
            return path
        plain = re.sub(r"/{2,}", "/", path)
        return next(
            (name for name, form in self._endpoints.items() if form.fullmatch(plain)), _OTHER
        )


def _form_of(path: str) -> re.Pattern[str]:
    pieces = map(re.escape, _IDENTIFIER.split(path))
    return re.compile("[^/]+".join(pieces) + "/?")


class Working:
    """An ASGI application around another, that counts what has been let in."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handles one connection of the ASGI protocol."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        with self._metrics.working.track_inprogress():
            await self._app(scope, receive, send)


def metrics_routes(metrics: Metrics) -> APIRouter:
    """The endpoint that Prometheus reads."""
    router = APIRouter(tags=["operation"])

    figures: dict[int | str, dict[str, Any]] = {200: {"content": {"text/plain": {}}}}

    @router.get("/metrics", response_class=Response, responses=figures)
    async def read() -> Response:
        """Gives the figures of this server in the form of Prometheus."""
        return Response(metrics.written(), media_type=CONTENT_TYPE_LATEST)

    return router
