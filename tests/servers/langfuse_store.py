"""What the local Langfuse server keeps: observations as they were traced, and scores."""

import base64
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

_TYPES = {"generation": "GENERATION", "retriever": "RETRIEVER", "span": "SPAN"}
_CUT = 200
_NEVER_SENT = (
    *("completionStartTime", "model", "version", "statusMessage", "promptId", "promptName"),
    *("promptVersion", "modelId", "inputPrice", "outputPrice", "totalPrice", "latency"),
    *("calculatedInputCost", "calculatedOutputCost", "calculatedTotalCost", "timeToFirstToken"),
)


class FilterError(Exception):
    """A filter that the server refuses. Says why."""


@dataclass(frozen=True)
class Span:
    """One observation."""

    id: str
    trace_id: str
    start: datetime
    end: datetime | None = None
    parent: str | None = None
    type: str = "SPAN"
    name: str = ""
    input: str | None = None
    output: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    trace_name: str | None = None
    session: str | None = None
    user: str | None = None
    environment: str = "default"
    is_root: bool = False

    def column(self, name: str) -> Any:
        """A column of a filter.

        Raises:
            FilterError: There is none of that name.
        """
        columns = {
            "id": self.id,
            "traceId": self.trace_id,
            "type": self.type,
            "name": self.name,
            "traceName": self.trace_name,
            "startTime": self.start,
            "environment": self.environment,
            "sessionId": self.session,
            "userId": self.user,
            "tags": self.tags,
            "traceTags": self.tags,
            "isRootObservation": self.is_root,
            "metadata": self.metadata,
        }
        if name not in columns:
            raise FilterError(f"Column {name} does not match a UI / CH table mapping.")
        return columns[name]

    def to_json(self, groups: Iterable[str], expanded: Iterable[str]) -> dict[str, Any]:
        """The observation as `/api/public/v2/observations` gives it."""
        shown: dict[str, Any] = {
            "id": self.id,
            "traceId": self.trace_id,
            "startTime": moment(self.start),
            "endTime": moment(self.end) if self.end else None,
            "projectId": "project",
            "parentObservationId": self.parent,
            "type": self.type,
        }
        parts: dict[str, dict[str, Any]] = {
            "core": {},
            "basic": {
                "name": self.name,
                "level": "DEFAULT",
                "statusMessage": None,
                "version": None,
                "environment": self.environment,
                "bookmarked": False,
                "public": False,
                "userId": self.user,
                "sessionId": self.session,
                "isRootObservation": self.is_root,
            },
            "io": {"input": self.input, "output": self.output},
            "metadata": {"metadata": _cut(self.metadata, set(expanded))},
            "trace_context": {
                "tags": list(self.tags),
                "release": None,
                "traceName": self.trace_name,
            },
        }
        for group in groups:
            shown |= parts[group]
        return shown

    def to_old_json(self) -> dict[str, Any]:
        """The observation as `/api/public/observations` of older servers gives it."""
        return dict.fromkeys(_NEVER_SENT) | {
            "id": self.id,
            "traceId": self.trace_id,
            "type": self.type,
            "name": self.name,
            "startTime": moment(self.start),
            "endTime": moment(self.end) if self.end else None,
            "modelParameters": {},
            "input": json_or_text(self.input),
            "output": json_or_text(self.output),
            "metadata": dict(self.metadata),
            "usage": {"input": 0, "output": 0, "total": 0, "unit": "TOKENS"},
            "level": "DEFAULT",
            "parentObservationId": self.parent,
            "usageDetails": {},
            "costDetails": {},
            "environment": self.environment,
        }


@dataclass(frozen=True)
class Score:
    """One score."""

    id: str
    trace_id: str
    name: str
    value: float
    timestamp: datetime
    comment: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    environment: str = "default"

    @property
    def key(self) -> tuple[str, str, str]:
        """What the real store tells scores apart by."""
        return (self.id, self.name, self.timestamp.astimezone(UTC).date().isoformat())

    @classmethod
    def of(cls, body: Mapping[str, Any], timestamp: str | None) -> "Score":
        """Reads a score from a request."""
        at = datetime.fromisoformat(timestamp) if timestamp else datetime.now(UTC)
        return cls(
            id=body["id"],
            trace_id=body["traceId"],
            name=body["name"],
            value=float(body["value"]),
            timestamp=at,
            comment=body.get("comment"),
            metadata=body.get("metadata") or {},
            environment=body.get("environment") or "default",
        )

    def to_json(self, groups: Iterable[str]) -> dict[str, Any]:
        """The score as `/api/public/v3/scores` gives it."""
        at = moment(self.timestamp)
        shown: dict[str, Any] = {
            "id": self.id,
            "projectId": "project",
            "name": self.name,
            "value": self.value,
            "dataType": "NUMERIC",
            "source": "API",
            "timestamp": at,
            "environment": self.environment,
            "createdAt": at,
            "updatedAt": at,
        }
        if "subject" in groups:
            shown["subject"] = {"kind": "trace", "id": self.trace_id}
        return shown


def matching(spans: Iterable[Span], conditions: Iterable[Mapping[str, Any]]) -> list[Span]:
    """The observations that meet all conditions.

    Raises:
        FilterError: A condition is none that the server knows.
    """
    conditions = list(conditions)
    return [span for span in spans if all(_meets(span, condition) for condition in conditions)]


def _meets(span: Span, condition: Mapping[str, Any]) -> bool:
    have, want = span.column(condition["column"]), condition.get("value")
    kind = (condition["type"], condition["operator"])
    if kind == ("stringObject", "="):
        return bool(have.get(condition["key"]) == want)
    tests: dict[tuple[str, str], Callable[[], bool]] = {
        ("boolean", "="): lambda: have == want,
        ("string", "="): lambda: have == want,
        ("string", "contains"): lambda: str(want) in (have or ""),
        ("stringOptions", "any of"): lambda: have in list(want or ()),
        ("stringOptions", "none of"): lambda: have not in list(want or ()),
        ("arrayOptions", "all of"): lambda: set(want or ()) <= set(have),
        ("arrayOptions", "any of"): lambda: bool(set(want or ()) & set(have)),
        ("datetime", ">="): lambda: have >= datetime.fromisoformat(str(want)),
        ("datetime", "<"): lambda: have < datetime.fromisoformat(str(want)),
    }
    if kind not in tests:
        raise FilterError(f"Invalid filter type '{kind[0]}' with operator '{kind[1]}'.")
    return bool(tests[kind]())


def spans_of_export(body: bytes) -> list[Span]:
    """The observations in an export of OpenTelemetry, in its protobuf form."""
    request = ExportTraceServiceRequest()
    request.ParseFromString(body)
    return [
        _span_of(span)
        for resource in request.resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]


def _span_of(span: Any) -> Span:
    values = {attribute.key: _attribute(attribute.value) for attribute in span.attributes}
    metadata: dict[str, Any] = {}
    for prefix in ("langfuse.trace.metadata.", "langfuse.observation.metadata."):
        metadata |= {k.removeprefix(prefix): v for k, v in values.items() if k.startswith(prefix)}
    kind = str(values.get("langfuse.observation.type", "span"))
    return Span(
        id=span.span_id.hex(),
        trace_id=span.trace_id.hex(),
        start=datetime.fromtimestamp(span.start_time_unix_nano / 1e9, UTC),
        end=datetime.fromtimestamp(span.end_time_unix_nano / 1e9, UTC),
        parent=span.parent_span_id.hex() or None,
        type=_TYPES.get(kind, kind.upper()),
        name=span.name,
        input=values.get("langfuse.observation.input"),
        output=values.get("langfuse.observation.output"),
        metadata=metadata,
        tags=tuple(values.get("langfuse.trace.tags") or ()),
        trace_name=values.get("langfuse.trace.name"),
        session=values.get("session.id"),
        user=values.get("user.id"),
        environment=values.get("langfuse.environment", "default"),
        is_root=not span.parent_span_id or bool(values.get("langfuse.internal.is_app_root")),
    )


def _attribute(value: Any) -> Any:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [_attribute(element) for element in value.array_value.values]
    return getattr(value, kind) if kind else None


def moment(at: datetime) -> str:
    """A time as Langfuse writes it: to the millisecond."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def json_or_text(text: str | None) -> Any:
    """The JSON that a text is, or the text, as older servers give input and output."""
    try:
        return json.loads(text) if text else text
    except ValueError:
        return text


def cursor_after(number: int) -> str:
    """The cursor of the page that begins with this number."""
    return base64.b64encode(str(number).encode()).decode()


def place_of(cursor: str | None) -> int:
    """The number at which a cursor's page begins."""
    return int(base64.b64decode(cursor)) if cursor else 0


def _cut(metadata: Mapping[str, Any], expanded: set[str]) -> dict[str, Any]:
    return {
        key: item if key in expanded or not isinstance(item, str) else item[:_CUT]
        for key, item in metadata.items()
    }
