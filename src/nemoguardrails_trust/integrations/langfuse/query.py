"""Which traces to read, in the forms that the two kinds of Langfuse servers expect."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from nemoguardrails_trust.errors import SettingsError

Condition = Mapping[str, Any]

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*([smhdw])")


@dataclass(frozen=True, slots=True)
class TraceQuery:
    """Which traces to read. Attributes that are left out do not restrict them.

    Attributes:
        start: Traces that began at or after this time, with a time zone.
        end: Traces that began before this time, with a time zone.
        tags: Tags, all of which a trace must have.
        name: The trace's name.
        environments: Environments, one of which a trace must come from.
        session: The session's id.
        trace_ids: The ids of traces.
        conditions: Further conditions in Langfuse's filter format
            (`{"type", "column", "operator", "value"}`), all of which must hold.
    """

    start: datetime | None = None
    end: datetime | None = None
    tags: tuple[str, ...] = ()
    name: str | None = None
    environments: tuple[str, ...] = ()
    session: str | None = None
    trace_ids: tuple[str, ...] = ()
    conditions: tuple[Condition, ...] = ()

    def __post_init__(self) -> None:
        for key, moment in (("from", self.start), ("to", self.end)):
            if moment is not None and moment.tzinfo is None:
                raise SettingsError(f"{key} is {moment}; it needs a time zone", key=key)
        if self.start is not None and self.end is not None and self.start >= self.end:
            raise SettingsError(f"from ({self.start}) must be before to ({self.end})", key="from")

    def root_conditions(self) -> list[Condition]:
        """The conditions on root observations, for `/api/public/v2/observations`.

        A filter overrides all other arguments of that request, so it contains all of them except
        the name: a trace without a name goes by the name of its root, which no single condition
        can express.
        """
        root = _condition("boolean", "isRootObservation", "=", True)
        return [root, *self._shared(time="startTime", trace="traceId"), *self.conditions]

    def trace_conditions(self) -> list[Condition]:
        """The conditions on traces, for `/api/public/traces` of older servers."""
        conditions = self._shared(time="timestamp", trace="id")
        if self.name is not None:
            conditions.append(_condition("string", "name", "=", self.name))
        return [*conditions, *self.conditions]

    def _shared(self, *, time: str, trace: str) -> list[Condition]:
        conditions: list[Condition] = []
        if self.start is not None:
            conditions.append(_moment(time, ">=", self.start))
        if self.end is not None:
            conditions.append(_moment(time, "<", self.end))
        if self.tags:
            conditions.append(_condition("arrayOptions", "tags", "all of", list(self.tags)))
        if self.environments:
            conditions.append(any_of("environment", self.environments))
        if self.session is not None:
            conditions.append(_condition("string", "sessionId", "=", self.session))
        if self.trace_ids:
            conditions.append(any_of(trace, self.trace_ids))
        return conditions


def any_of(column: str, values: tuple[str, ...] | list[str]) -> Condition:
    """The condition that a column has one of some values."""
    return _condition("stringOptions", column, "any of", list(values))


def since(start: datetime) -> Condition:
    """The condition that an observation began at or after a moment."""
    return _moment("startTime", ">=", start)


def parse_conditions(text: str) -> tuple[Condition, ...]:
    """Reads `--filter`.

    Raises:
        SettingsError: It is not a JSON array of objects with type, column and operator.
    """
    try:
        conditions = json.loads(text)
    except ValueError as error:
        raise SettingsError(f"filter is not JSON: {error}", key="filter") from None
    if isinstance(conditions, dict):
        conditions = [conditions]
    if not isinstance(conditions, list) or not all(
        isinstance(condition, dict) and {"type", "column", "operator"} <= condition.keys()
        for condition in conditions
    ):
        raise SettingsError(
            "filter must be a JSON array of conditions such as "
            '{"type": "string", "column": "userId", "operator": "=", "value": "ann"}',
            key="filter",
        )
    return tuple(conditions)


def parse_duration(text: str, key: str) -> timedelta:
    """Reads a duration such as `90s`, `15m`, `24h`, `7d` or `2w`.

    Raises:
        SettingsError: It is not one, or is 0.
    """
    match = _DURATION.fullmatch(text.strip().lower())
    seconds = float(match[1]) * _UNITS[match[2]] if match else 0.0
    if not 0.0 < seconds <= 36500 * 86400:
        raise SettingsError(
            f"{key} is {text!r}; it must be a duration such as 90s, 15m, 24h or 7d", key=key
        )
    return timedelta(seconds=seconds)


def parse_moment(text: str, key: str) -> datetime:
    """Reads a date or a time in ISO 8601; without a time zone it is in UTC.

    Raises:
        SettingsError: It is neither.
    """
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise SettingsError(
            f"{key} is {text!r}; it must be a date or time such as 2026-11-20 or "
            "2026-11-20T10:00:00+01:00",
            key=key,
        ) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _condition(kind: str, column: str, operator: str, value: Any) -> Condition:
    return {"type": kind, "column": column, "operator": operator, "value": value}


def _moment(column: str, operator: str, moment: datetime) -> Condition:
    text = moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return _condition("datetime", column, operator, text)
