"""A local Langfuse: takes traces from the real SDKs, gives them back in pages, keeps scores.

    with threaded_server(LangfuseServer()) as server:
        connection = server.connection()
        ...
        assert server.violations == []

Every request and every good answer is checked against Langfuse's own description
(`langfuse_description.py`, which also names the gaps in it). Scores are told apart as the real
store does: by id, name and UTC date. `old=True` gives an older server, with traces, observations
v1 and ingestion, and without the addresses of today. How to make it fail is told in `faults.py`.
"""

import asyncio
import base64
import json
import math
import time
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp import web

from nemoguardrails_trust.integrations.langfuse.client import Connection
from tests.servers.langfuse_description import (
    DescriptionError,
    check_answer,
    check_query,
    check_request,
    check_score,
)
from tests.servers.langfuse_store import (
    FilterError,
    Score,
    Span,
    cursor_after,
    json_or_text,
    matching,
    moment,
    place_of,
    spans_of_export,
)
from tests.servers.local import LocalServer

PUBLIC_KEY = "pk-lf-1d0c2b7a"
SECRET_KEY = "sk-lf-9f8e7d6c"

Rejects = Callable[[Mapping[str, Any]], str | None]


class LangfuseServer(LocalServer):
    """A Langfuse server with one project.

    Args:
        old: Whether it is one from before observations v2.
        latency: Seconds until each answer to a reading request.
        rate_limit: Requests a second; more are answered with 429.
        rejects: Says of a score why it is rejected; `None` accepts it.
        checking: Whether requests and answers are checked against the description.

    Attributes:
        spans: Every observation, by its id.
        scores: Every score, by id, name and UTC date.
        violations: What was not as described.
        queries: The path and query of every reading request, in order.
        writes: Requests that brought scores.
    """

    def __init__(
        self,
        *,
        old: bool = False,
        latency: float = 0.0,
        rate_limit: int | None = None,
        rejects: Rejects = lambda score: None,
        checking: bool = True,
    ) -> None:
        super().__init__()
        self.old = old
        self.latency = latency
        self.rate_limit = rate_limit
        self.rejects = rejects
        self.checking = checking
        self.spans: dict[str, Span] = {}
        self.scores: dict[tuple[str, str, str], Score] = {}
        self.violations: list[str] = []
        self.queries: list[tuple[str, dict[str, str]]] = []
        self.writes = 0
        self._recent: list[float] = []

    def routes(self) -> list[web.RouteDef]:
        """Those of an older server, or those of today; both take OpenTelemetry."""
        if self.old:
            return [
                web.get("/api/public/traces", self._reading(self._traces)),
                web.get("/api/public/observations", self._reading(self._old_observations)),
                web.post("/api/public/ingestion", self._ingest),
                web.post("/api/public/otel/v1/traces", self._export),
            ]
        return [
            web.get("/api/public/v2/observations", self._reading(self._observations)),
            web.get("/api/public/v3/scores", self._reading(self._list_scores)),
            web.post("/api/public/scores", self._create_scores),
            web.post("/api/public/otel/v1/traces", self._export),
        ]

    def connection(self, timeout: float = 5.0) -> Connection:
        """How to connect to it."""
        return Connection(PUBLIC_KEY, SECRET_KEY, self.url, timeout)

    def environment(self) -> dict[str, str]:
        """The variables that point Langfuse's clients at it."""
        return {
            "LANGFUSE_PUBLIC_KEY": PUBLIC_KEY,
            "LANGFUSE_SECRET_KEY": SECRET_KEY,
            "LANGFUSE_BASE_URL": self.url,
        }

    def trace_scores(self, trace_id: str) -> list[Score]:
        """The scores of a trace."""
        return [score for score in self.scores.values() if score.trace_id == trace_id]

    def add_trace(
        self,
        messages: Any,
        answer: Any,
        *,
        trace_id: str | None = None,
        start: datetime | None = None,
        steps: Sequence[Mapping[str, Any]] = (),
        **root: Any,
    ) -> str:
        """Adds a trace of one root and, where there are messages, one generation.

        Args:
            messages: The generation's input; `None` leaves the generation out.
            answer: Its output, and the root's.
            trace_id: The trace's id.
            start: When it began; five minutes ago by default.
            steps: Further observations, as arguments of `Span`.
            **root: Arguments of the root's `Span`.

        Returns:
            The trace's id.
        """
        trace_id = trace_id or uuid.uuid4().hex
        start = start or datetime.now(UTC) - timedelta(minutes=5)
        root_id = f"{trace_id[:12]}-root"
        end = start + timedelta(seconds=2)
        given: dict[str, Any] = {"output": text_of(answer), "name": "answer", "end": end} | root
        self.keep(Span(root_id, trace_id, start, is_root=True, **given))
        listed = [] if messages is None else [{"input": messages, "output": answer}]
        for number, step in enumerate([*steps, *listed], start=1):
            begun = start + timedelta(milliseconds=10 * number)
            fields: dict[str, Any] = {"type": "GENERATION", "start": begun, "end": end} | dict(step)
            for name in ("input", "output"):
                fields[name] = text_of(fields.get(name))
            self.keep(Span(f"{trace_id[:12]}-{number}", trace_id, parent=root_id, **fields))
        return trace_id

    def keep(self, span: Span) -> None:
        """Keeps an observation."""
        self.spans[span.id] = span

    def _reading(self, make: Callable[[dict[str, str]], Any]) -> Callable[[web.Request], Any]:
        async def handle(request: web.Request) -> web.StreamResponse:
            query = {name: ",".join(request.query.getall(name)) for name in request.query}
            self.queries.append((request.path, query))

            async def answer(_: Any) -> Any:
                refused = self._refusal(request)
                if refused is not None:
                    return refused
                await asyncio.sleep(self.latency)
                try:
                    if self.checking:
                        check_query(request.path, query)
                    body = make(query)
                except (DescriptionError, FilterError) as error:
                    self.violations.append(str(error))
                    return web.json_response({"message": str(error)}, status=400)
                self._check_answer(request, 200, body)
                return body

            return await self.answer(request, answer)

        return handle

    def _observations(self, query: dict[str, str]) -> Any:
        if query.get("parseIoAsJson") == "true":
            raise FilterError("parseIoAsJson is no longer supported.")
        conditions = json.loads(query["filter"]) if "filter" in query else []
        found = sorted(
            matching(self.spans.values(), conditions),
            key=lambda span: (span.start, span.id),
            reverse=True,
        )
        limit, begin = int(query.get("limit", "50")), place_of(query.get("cursor"))
        if not 1 <= limit <= 1000:
            raise FilterError("limit must be from 1 to 1000")
        groups = query.get("fields", "core,basic").split(",")
        expanded = query.get("expandMetadata", "").split(",")
        more = begin + limit < len(found)
        return {
            "data": [span.to_json(groups, expanded) for span in found[begin : begin + limit]],
            "meta": {"cursor": cursor_after(begin + limit)} if more else {},
        }

    def _list_scores(self, query: dict[str, str]) -> Any:
        limit, begin = int(query.get("limit", "50")), place_of(query.get("cursor"))
        if not 1 <= limit <= 100:
            raise FilterError("limit must be from 1 to 100")
        traces = query["traceId"].split(",") if "traceId" in query else None
        names = query["name"].split(",") if "name" in query else None
        found = [
            score
            for score in self.scores.values()
            if (traces is None or score.trace_id in traces)
            and (names is None or score.name in names)
        ]
        groups = query.get("fields", "").split(",")
        more = begin + limit < len(found)
        return {
            "data": [score.to_json(groups) for score in found[begin : begin + limit]],
            "meta": {"limit": limit} | ({"cursor": cursor_after(begin + limit)} if more else {}),
        }

    def _traces(self, query: dict[str, str]) -> Any:
        conditions = json.loads(query["filter"]) if "filter" in query else _plain(query)
        renamed = {"timestamp": "startTime", "id": "traceId", "name": "traceName"}
        conditions = [
            {**condition, "column": renamed.get(condition["column"], condition["column"])}
            for condition in conditions
        ]
        roots = matching([span for span in self.spans.values() if span.is_root], conditions)
        roots.sort(key=lambda span: span.start, reverse=True)
        fields = query.get("fields", "core,io,scores,observations,metrics").split(",")
        return _numbered_page(query, roots, lambda root: self._trace(root, fields))

    def _trace(self, root: Span, fields: Iterable[str]) -> dict[str, Any]:
        shown: dict[str, Any] = {
            "id": root.trace_id,
            "timestamp": moment(root.start),
            "name": root.trace_name or root.name,
            "sessionId": root.session,
            "release": None,
            "version": None,
            "userId": root.user,
            "tags": list(root.tags),
            "public": False,
            "environment": root.environment,
            "htmlPath": f"/project/project/traces/{root.trace_id}",
            "latency": -1,
            "totalCost": -1,
            "observations": [],
            "scores": [],
        }
        if "io" in fields:
            shown["input"] = json_or_text(root.input)
            shown["output"] = json_or_text(root.output)
            shown["metadata"] = dict(root.metadata)
        if "scores" in fields:
            shown["scores"] = [score.id for score in self.trace_scores(root.trace_id)]
        return shown

    def _old_observations(self, query: dict[str, str]) -> Any:
        conditions = json.loads(query["filter"]) if "filter" in query else []
        found = matching(self.spans.values(), conditions)
        found.sort(key=lambda span: span.start, reverse=True)
        return _numbered_page(query, found, Span.to_old_json)

    async def _create_scores(self, request: web.Request) -> web.StreamResponse:
        async def answer(body: Any) -> web.Response:
            refused = self._refusal(request)
            if refused is not None:
                return refused
            self.writes += 1
            reasons = [self._take_score(entry, entry.get("timestamp")) for entry in body]
            errors = [{"message": reason} for reason in reasons if reason]
            status = 207 if errors else 202
            made = {
                "accepted": len(body) - len(errors),
                "rejected": len(errors),
                "errors": errors,
            }
            made = made if errors else {"message": "Accepted"}
            self._check_answer(request, status, made)
            return web.json_response(made, status=status)

        return await self.answer(request, answer)

    async def _ingest(self, request: web.Request) -> web.StreamResponse:
        async def answer(body: Any) -> web.Response:
            refused = self._refusal(request)
            if refused is not None:
                return refused
            self.writes += 1
            try:
                check_request(request.path, body)
            except DescriptionError as error:
                self.violations.append(str(error))
                return web.json_response({"message": str(error)}, status=400)
            successes, errors = [], []
            for event in body["batch"]:
                reason = self._take_score(event["body"], event["timestamp"])
                if reason is None:
                    successes.append({"id": event["id"], "status": 201})
                else:
                    errors.append({"id": event["id"], "status": 400, "message": reason})
            made = {"successes": successes, "errors": errors}
            self._check_answer(request, 207, made)
            return web.json_response(made, status=207)

        return await self.answer(request, answer)

    def _take_score(self, body: Mapping[str, Any], timestamp: str | None) -> str | None:
        """Keeps a score, or says why not."""
        try:
            if not self.old:
                check_score(body)
        except DescriptionError as error:
            self.violations.append(str(error))
            return str(error)
        reason = self.rejects(body)
        if reason is None and not (
            isinstance(body["value"], int | float) and math.isfinite(body["value"])
        ):
            reason = "a numeric score needs a number"
        if reason is None:
            score = Score.of(body, timestamp)
            self.scores[score.key] = score
        return reason

    async def _export(self, request: web.Request) -> web.StreamResponse:
        refused = self._refusal(request)
        if refused is not None:
            return refused
        for span in spans_of_export(await request.read()):
            self.keep(span)
        return web.json_response({})

    def _refusal(self, request: web.Request) -> web.Response | None:
        """The answer to a request without the keys, or above the limit."""
        keys = base64.b64encode(f"{PUBLIC_KEY}:{SECRET_KEY}".encode()).decode()
        if request.headers.get("Authorization") != f"Basic {keys}":
            message = "Invalid credentials. Confirm that you've configured the correct host."
            return web.json_response({"message": message}, status=401)
        if self.rate_limit is None:
            return None
        now = time.monotonic()
        self._recent = [at for at in self._recent if now - at < 1.0]
        if len(self._recent) >= self.rate_limit:
            headers = {"Retry-After": "1"}
            return web.json_response({"message": "Rate limited"}, status=429, headers=headers)
        self._recent.append(now)
        return None

    def _check_answer(self, request: web.Request, status: int, body: Any) -> None:
        if not self.checking:
            return
        try:
            check_answer(request.method.lower(), request.path, status, body)
        except DescriptionError as error:
            self.violations.append(str(error))


def text_of(value: Any) -> str | None:
    """A value as the SDKs send it: text as it is, anything else as JSON."""
    return value if value is None or isinstance(value, str) else json.dumps(value)


def _plain(query: Mapping[str, str]) -> list[Mapping[str, Any]]:
    """The conditions that the plain arguments of a trace list stand for."""
    conditions: list[Mapping[str, Any]] = []
    for name, operator in (("fromTimestamp", ">="), ("toTimestamp", "<")):
        if name in query:
            at = {"type": "datetime", "column": "timestamp", "operator": operator}
            conditions.append({**at, "value": query[name]})
    for name, column in (("name", "name"), ("sessionId", "sessionId")):
        if name in query:
            equal = {"type": "string", "column": column, "operator": "="}
            conditions.append({**equal, "value": query[name]})
    if "tags" in query:
        tags = {"type": "arrayOptions", "column": "tags", "operator": "all of"}
        conditions.append({**tags, "value": query["tags"].split(",")})
    if "environment" in query:
        one = {"type": "stringOptions", "column": "environment", "operator": "any of"}
        conditions.append({**one, "value": query["environment"].split(",")})
    return conditions


def _numbered_page(
    query: Mapping[str, str], found: Sequence[Span], show: Callable[[Span], Any]
) -> Any:
    page, limit = int(query.get("page", "1")), int(query.get("limit", "50"))
    if not 1 <= limit <= 100:
        raise FilterError("limit must be from 1 to 100")
    begin = (page - 1) * limit
    return {
        "data": [show(span) for span in found[begin : begin + limit]],
        "meta": {
            "page": page,
            "limit": limit,
            "totalItems": len(found),
            "totalPages": math.ceil(len(found) / limit),
        },
    }
