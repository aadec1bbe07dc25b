"""A rail's outcome reaches the trace that is being written, and never costs a turn."""

import asyncio
import logging
import math
import os
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

from nemoguardrails_trust.integrations.langfuse import (
    attach_outcome_to_current_trace,
    flush_outcomes,
)
from tests.servers.faults import HANG, UNAUTHORIZED, status
from tests.servers.langfuse import LangfuseServer
from tests.servers.local import threaded_server

METADATA = {"status": "untrustworthy", "scorer": "local", "threshold": 0.6, "signals": {"a": 0.3}}


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[LangfuseServer]:
    with threaded_server(LangfuseServer()) as running:
        for name, value in running.environment().items():
            monkeypatch.setenv(name, value)
        yield running
        assert running.violations == []


@pytest.fixture
def tracer() -> trace.Tracer:
    return TracerProvider().get_tracer("test")


def test_the_outcome_becomes_the_traces_score(server: LangfuseServer, tracer: trace.Tracer) -> None:
    with tracer.start_as_current_span("turn") as span:
        assert attach_outcome_to_current_trace("trust_score", 0.3, "doubtful", METADATA)
    assert flush_outcomes()
    trace_id = f"{span.get_span_context().trace_id:032x}"
    (score,) = server.trace_scores(trace_id)
    assert (score.id, score.value) == (f"{trace_id}-trust_score", 0.3)
    assert (score.comment, score.metadata) == ("doubtful", METADATA)


@pytest.mark.parametrize("value", [None, math.nan, math.inf])
def test_an_unchecked_outcome_writes_no_score(
    server: LangfuseServer, tracer: trace.Tracer, value: float | None
) -> None:
    with tracer.start_as_current_span("turn"):
        attach_outcome_to_current_trace("trust_score", value, None, {"status": "unchecked"})
    assert flush_outcomes()
    assert server.received == []


def test_without_a_trace_there_is_nothing_to_do(server: LangfuseServer) -> None:
    assert not attach_outcome_to_current_trace("trust_score", 0.3, None, {})
    assert flush_outcomes()
    assert server.received == []


def test_a_trace_that_sampling_left_out_gets_no_score(server: LangfuseServer) -> None:
    tracer = TracerProvider(sampler=ALWAYS_OFF).get_tracer("test")
    with tracer.start_as_current_span("turn"):
        assert not attach_outcome_to_current_trace("trust_score", 0.3, None, {})
    assert flush_outcomes()
    assert server.received == []


@pytest.mark.parametrize(
    ("attributes", "environment"), [({}, "staging"), ({"langfuse.environment": "live"}, "live")]
)
def test_the_score_is_of_the_environment_of_its_trace(
    server: LangfuseServer,
    tracer: trace.Tracer,
    monkeypatch: pytest.MonkeyPatch,
    attributes: dict[str, str],
    environment: str,
) -> None:
    monkeypatch.setenv("LANGFUSE_TRACING_ENVIRONMENT", "staging")
    with tracer.start_as_current_span("turn", attributes=attributes):
        assert attach_outcome_to_current_trace("trust_score", 0.3, None, {})
    assert flush_outcomes()
    assert [score.environment for score in server.scores.values()] == [environment]


def test_the_outcome_of_a_last_turn_is_written_as_the_program_ends(server: LangfuseServer) -> None:
    script = (
        "import langfuse.api\n"  # which takes a slow machine a part of what the end may take
        "from opentelemetry.sdk.trace import TracerProvider\n"
        "from nemoguardrails_trust.integrations.langfuse import attach_outcome_to_current_trace\n"
        "with TracerProvider().get_tracer('test').start_as_current_span('turn'):\n"
        "    assert attach_outcome_to_current_trace('trust_score', 0.3, None, {})\n"
    )
    # A name, not a number: names are looked up by threads, which cannot be started any more.
    named = {"LANGFUSE_BASE_URL": server.url.replace("127.0.0.1", "localhost")}
    ran = subprocess.run(
        [sys.executable, "-c", script],
        env=os.environ | named,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    assert [score.value for score in server.scores.values()] == [0.3]


def test_without_keys_nothing_is_sent_and_the_log_says_why(
    tracer: trace.Tracer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delenv("LANGFUSE_PUBLIC_KEY", raising=False)
    with tracer.start_as_current_span("turn"):
        assert not attach_outcome_to_current_trace("trust_score", 0.3, None, {})
    assert "LANGFUSE_PUBLIC_KEY" in caplog.text


async def test_a_server_that_hangs_does_not_hold_up_the_loop(
    server: LangfuseServer, tracer: trace.Tracer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LANGFUSE_TIMEOUT", "0.2")
    server.faults.next(HANG)
    with tracer.start_as_current_span("turn"):
        assert attach_outcome_to_current_trace("trust_score", 0.3, None, {})
    assert not server.scores
    assert await asyncio.to_thread(flush_outcomes, 5.0)
    assert len(server.scores) == 1


def test_a_failure_is_one_line_in_the_log(
    server: LangfuseServer, tracer: trace.Tracer, caplog: pytest.LogCaptureFixture
) -> None:
    server.faults.always(UNAUTHORIZED)
    with (
        caplog.at_level(logging.WARNING, "nemoguardrails_trust"),
        tracer.start_as_current_span("turn"),
    ):
        assert attach_outcome_to_current_trace("trust_score", 0.3, "text of a user", {})
        assert flush_outcomes()
    (record,) = caplog.records
    assert "1 outcomes were not written" in record.getMessage()
    assert "text of a user" not in caplog.text


def test_what_cannot_be_attached_is_one_line_in_the_log(
    server: LangfuseServer, tracer: trace.Tracer, caplog: pytest.LogCaptureFixture
) -> None:
    with tracer.start_as_current_span("turn"):
        assert not attach_outcome_to_current_trace("trust_score", "high", None, {})  # type: ignore[arg-type]
    (record,) = caplog.records
    assert record.getMessage().endswith("TypeError")


def test_a_rejected_outcome_is_one_line_in_the_log(
    server: LangfuseServer, tracer: trace.Tracer, caplog: pytest.LogCaptureFixture
) -> None:
    server.rejects = lambda body: f"{body['comment']} is too long"
    with caplog.at_level(logging.DEBUG, "nemoguardrails_trust"):
        with tracer.start_as_current_span("turn"):
            attach_outcome_to_current_trace("trust_score", 0.3, "Paris is doubtful", {})
        assert flush_outcomes()
    (record,) = [record for record in caplog.records if record.levelno > logging.DEBUG]
    assert "was not accepted by Langfuse" in record.getMessage()
    assert "Paris is doubtful is too long" in caplog.text  # at DEBUG


@pytest.mark.parametrize("code", [400, 403, 413, 429])
def test_a_refusal_is_told_without_the_servers_words(
    server: LangfuseServer, tracer: trace.Tracer, caplog: pytest.LogCaptureFixture, code: int
) -> None:
    server.faults.always(status(code, {"message": "Paris is doubtful: too long"}))
    with caplog.at_level(logging.DEBUG, "nemoguardrails_trust"):
        with tracer.start_as_current_span("turn"):
            attach_outcome_to_current_trace("trust_score", 0.3, "Paris is doubtful", {})
        assert flush_outcomes(30.0)
    told = [record.getMessage() for record in caplog.records if record.levelno > logging.DEBUG]
    assert told
    assert not any("Paris" in line for line in told)


_FORKING = """
import os, signal
from datetime import UTC, datetime
from nemoguardrails_trust.integrations.langfuse import flush_outcomes, outcome
from nemoguardrails_trust.integrations.langfuse.client import Connection
from nemoguardrails_trust.integrations.langfuse.writing import TraceScore

sender = outcome._sender
sender._lock.acquire()
sender._queue.mutex.acquire()  # as another thread may, just then
child = os.fork()
if child == 0:
    signal.alarm(60)
    score = TraceScore("a" * 32, "trust_score", 0.3, datetime.now(UTC))
    is_taken = sender.put(Connection.from_environment(), score)
    os._exit(0 if is_taken and flush_outcomes(50) else 1)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks")
def test_a_forked_process_writes_outcomes_whatever_its_parent_was_doing(
    server: LangfuseServer,
) -> None:
    command = [sys.executable, "-W", "ignore", "-c", _FORKING]
    ran = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    assert ran.stdout.strip() == "0"
    assert [score.value for score in server.trace_scores("a" * 32)] == [0.3]


def test_outcomes_for_one_server_are_written_where_another_fails(
    server: LangfuseServer,
    tracer: trace.Tracer,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    spans = []
    for key in ("wrong", "right"):
        with monkeypatch.context() as patch:
            if key == "wrong":
                patch.setenv("LANGFUSE_BASE_URL", "http://127.0.0.1:9")
            with tracer.start_as_current_span("turn") as span:
                assert attach_outcome_to_current_trace("trust_score", 0.3, None, METADATA)
            spans.append(f"{span.get_span_context().trace_id:032x}")
    assert flush_outcomes(60)
    assert len(server.trace_scores(spans[1])) == 1
    assert "1 outcomes were not written" in caplog.text


def test_outcomes_that_come_together_go_together(
    server: LangfuseServer, tracer: trace.Tracer
) -> None:
    def hold_the_first(body: object) -> None:
        if not server.scores:
            time.sleep(0.3)  # while the others gather

    server.rejects = hold_the_first
    for _ in range(50):
        with tracer.start_as_current_span("turn"):
            attach_outcome_to_current_trace("trust_score", 0.3, None, {})
    assert flush_outcomes(10.0)
    assert len(server.scores) == 50
    assert server.writes <= 2
