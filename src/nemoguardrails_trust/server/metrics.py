"""What a server counts and times, in the forms of Prometheus and of OpenTelemetry."""

import os
import re
import time
from collections.abc import Iterable
from dataclasses import replace
from functools import partial
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
from nemoguardrails_trust.scorers.figures import (
    IN_FLIGHT,
    OF_SERVER,
    OTHER,
    PREFIX,
    REQUEST_SECONDS,
    REQUESTS,
    SCORE_SECONDS,
    SCORES,
    UNSCORED,
    Figure,
    Instruments,
    preset_of,
    record_calls,
    record_score,
    under_way,
)
from nemoguardrails_trust.scorers.observing import observed_by, threshold_in_force
from nemoguardrails_trust.scorers.spans import annotate_span
from nemoguardrails_trust.scorers.telemetry import telemetry
from nemoguardrails_trust.scores import CallUsage, TrustworthinessScore, Usage, status_of
from nemoguardrails_trust.server.counting import is_score_wanted, note_failures, spending_told
from nemoguardrails_trust.tlm.answering import is_unmet

SHARED_BY_WORKERS = "PROMETHEUS_MULTIPROC_DIR"
"""Names the folder by which several worker processes add up what they count."""

_CLIENT_LEFT = "499"
_IDENTIFIER = re.compile(r"\{[^}]+\}")


class Metrics:
    """The figures of one server."""

    def __init__(self) -> None:
        self._prometheus = _Prometheus(OF_SERVER)
        # The application that this server is part of may have a meter provider.
        telling = telemetry(OF_SERVER, wanted=None)
        self._instruments: list[Instruments] = [self._prometheus]
        self._instruments += [] if telling is None else [telling]

    def add(self, figure: Figure, amount: float, *labels: str) -> None:
        """Adds to a counter or a gauge."""
        for instruments in self._instruments:
            instruments.add(figure, amount, *labels)

    def record(self, figure: Figure, value: float, *labels: str) -> None:
        """Puts a value into a distribution."""
        for instruments in self._instruments:
            instruments.record(figure, value, *labels)

    def observe(self, scorer: Scorer, score: TrustworthinessScore) -> None:
        """Counts a score, or the lack of one where one was wanted, and what it cost."""
        preset = preset_of(scorer)
        if not is_score_wanted():
            self._observe_criteria(preset, score)
            return
        record_score(self, preset, score)
        self.add(SCORES, 1, preset, status_of(score.score, threshold_in_force()))

    def spend(self, preset: str, usage: Usage) -> None:
        """Counts calls to models."""
        record_calls(self, preset, usage)

    def written(self) -> bytes:
        """All figures, those of other worker processes included."""
        return self._prometheus.written()

    def _observe_criteria(self, preset: str, score: TrustworthinessScore) -> None:
        """Counts what was judged by criteria alone: no answer was checked, so none is unchecked."""
        self.record(SCORE_SECONDS, score.usage.seconds, preset)
        self.spend(preset, score.usage)
        if is_unmet(score):
            reason = next((type(failure).__name__ for failure in score.failures), "no score")
            self.add(UNSCORED, 1, preset, reason)


class _Prometheus:
    """Figures in the form of Prometheus."""

    def __init__(self, figures: Iterable[Figure]) -> None:
        self._registry = CollectorRegistry()
        self._metrics = {figure: self._metric(figure) for figure in figures}
        # What `labels` gives is found again in a tenth of its time.
        self._found: dict[tuple[Figure, tuple[str, ...]], Any] = {}

    def add(self, figure: Figure, amount: float, *labels: str) -> None:
        """See `Instruments`."""
        self._of(figure, labels).inc(amount)

    def record(self, figure: Figure, value: float, *labels: str) -> None:
        """See `Instruments`."""
        self._of(figure, labels).observe(value)

    def written(self) -> bytes:
        """All figures, those of other worker processes included."""
        if SHARED_BY_WORKERS not in os.environ:
            return generate_latest(self._registry)
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        return generate_latest(registry)

    def _of(self, figure: Figure, labels: tuple[str, ...]) -> Any:
        key = (figure, labels)
        if key not in self._found:
            metric = self._metrics[figure]
            self._found[key] = metric.labels(*labels) if labels else metric
        return self._found[key]

    def _metric(self, figure: Figure) -> Counter | Gauge | Histogram:
        name, labels, registry = PREFIX + figure.name, figure.labels, self._registry
        if figure.kind == "counter":
            return Counter(name, figure.told, labels, registry=registry)
        if figure.kind == "gauge":
            return Gauge(name, figure.told, labels, registry=registry, multiprocess_mode="livesum")
        return Histogram(name, figure.told, labels, buckets=figure.buckets, registry=registry)


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
                self._metrics.add(REQUESTS, 1, endpoint, status)
                self._metrics.record(REQUEST_SECONDS, time.perf_counter() - started, endpoint)

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = str(message["status"])
            elif not message.get("more_body", False):
                count()  # before the client knows that it is at an end
            await send(message)

        counted: dict[int, CallUsage] = {}
        with (
            under_way(self._metrics, IN_FLIGHT),
            observed_by(partial(self._observe, counted)),
            spending_told(self._metrics.spend),
        ):
            try:
                await self._app(scope, receive, sending)
            finally:
                count()

    def _observe(
        self, counted: dict[int, CallUsage], scorer: Scorer, score: TrustworthinessScore
    ) -> None:
        note_failures(score)
        self._metrics.observe(scorer, replace(score, usage=_without(counted, score.usage)))
        annotate_span({"score": score.score, "scorer": score.scorer or None, "error": score.error})

    def _endpoint(self, path: str) -> str:
        """The endpoint, so that clients cannot make up labels."""
        if path in self._endpoints:
            return path
        plain = re.sub(r"/{2,}", "/", path)
        return next(
            (name for name, form in self._endpoints.items() if form.fullmatch(plain)), OTHER
        )


def _without(counted: dict[int, CallUsage], usage: Usage) -> Usage:
    """What a score cost, less what another of the same request did: several share their samples."""
    new = tuple(call for call in usage.by_call if id(call) not in counted)
    counted.update((id(call), call) for call in new)
    return usage if len(new) == len(usage.by_call) else Usage.of_calls(new, usage.seconds)


def _form_of(path: str) -> re.Pattern[str]:
    pieces = map(re.escape, _IDENTIFIER.split(path))
    return re.compile("[^/]+".join(pieces) + "/?")


def metrics_routes(metrics: Metrics) -> APIRouter:
    """The endpoint that Prometheus reads."""
    router = APIRouter(tags=["operation"])

    figures: dict[int | str, dict[str, Any]] = {200: {"content": {"text/plain": {}}}}

    @router.get("/metrics", response_class=Response, responses=figures)
    async def read() -> Response:
        """Gives the figures of this server in the form of Prometheus."""
        return Response(metrics.written(), media_type=CONTENT_TYPE_LATEST)

    return router
