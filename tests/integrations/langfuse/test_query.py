"""What restricts the traces reaches the server, and what is no query is refused."""

import contextlib
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nemoguardrails_trust.errors import SettingsError
from nemoguardrails_trust.integrations.langfuse.query import (
    TraceQuery,
    parse_conditions,
    parse_duration,
    parse_moment,
)


def test_time_tags_and_root_are_all_in_the_filter() -> None:
    start = datetime(2026, 11, 20, 11, tzinfo=timezone(timedelta(hours=1)))
    query = TraceQuery(start=start, end=start + timedelta(minutes=30), tags=("prod",))
    time = {"type": "datetime", "column": "startTime"}
    assert query.root_conditions() == [
        {"type": "boolean", "column": "isRootObservation", "operator": "=", "value": True},
        {**time, "operator": ">=", "value": "2026-11-20T10:00:00Z"},
        {**time, "operator": "<", "value": "2026-11-20T10:30:00Z"},
        {"type": "arrayOptions", "column": "tags", "operator": "all of", "value": ["prod"]},
    ]


def test_an_older_server_is_asked_by_its_own_columns() -> None:
    query = TraceQuery(trace_ids=("t1",), name="chat", environments=("prod",), session="s")
    columns = [condition["column"] for condition in query.trace_conditions()]
    assert columns == ["environment", "sessionId", "id", "name"]


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("15m", 900), ("24h", 86400), ("7d", 604800), ("0.5h", 1800)]
)
def test_durations(text: str, seconds: int) -> None:
    assert parse_duration(text, "since") == timedelta(seconds=seconds)


@given(st.text("0123456789.smhdw -", max_size=8) | st.text(max_size=8))
@settings(max_examples=200)
def test_no_text_makes_a_duration_that_is_not_above_zero(text: str) -> None:
    with contextlib.suppress(SettingsError):
        assert parse_duration(text, "since") > timedelta(0)


@pytest.mark.parametrize("text", ["", "24", "h", "-1h", "0s", "1y", "99999999999d"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(SettingsError, match="must be a duration such as"):
        parse_duration(text, "since")


def test_a_moment_without_a_zone_is_in_utc() -> None:
    assert parse_moment("2026-11-20", "from") == datetime(2026, 11, 20, tzinfo=UTC)
    with pytest.raises(SettingsError, match="from is 'yesterday'"):
        parse_moment("yesterday", "from")


@pytest.mark.parametrize("text", ["{", "3", '["a"]', '[{"column": "a"}]'])
def test_a_filter_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(SettingsError, match="filter"):
        parse_conditions(text)


def test_a_period_must_have_a_zone_and_not_be_empty() -> None:
    now = datetime(2026, 11, 20, tzinfo=UTC)
    with pytest.raises(SettingsError, match="must be before"):
        TraceQuery(start=now, end=now)
    with pytest.raises(SettingsError, match="needs a time zone"):
        TraceQuery(start=now.replace(tzinfo=None))
