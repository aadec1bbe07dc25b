"""Attaches a rail's outcome to the current trace, without waiting."""

import asyncio
import atexit
import logging
import math
import os
import queue
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

from nemoguardrails_trust.errors import CredentialsError, ModelRequestError, TrustError, needing
from nemoguardrails_trust.integrations.langfuse.client import (
    Connection,
    LangfuseClient,
    RetryPolicy,
)
from nemoguardrails_trust.integrations.langfuse.writing import BATCH_SIZE, TraceScore, write_scores

MOST_WAITING = 10_000
SECONDS_AT_EXIT = 5.0

_ENVIRONMENT = "langfuse.environment"

_log = logging.getLogger(__name__)


def attach_outcome_to_current_trace(
    name: str,
    value: float | None,
    comment: str | None,
    metadata: Mapping[str, Any],
) -> bool:
    """Attaches an outcome to the trace of the current OpenTelemetry span.

    A separate thread sends it, so the caller does not wait. The score has the id
    `<trace id>-<name>` and the current time: `nemo-trust langfuse` with the same name replaces it
    on the same UTC day.

    It never raises. A failure is logged in one line.

    Args:
        name: The score's name.
        value: The trustworthiness score, 0 to 1. `None`, for an unchecked answer, writes no score.
        comment: The comment shown with the score.
        metadata: Further information about the outcome, ready for JSON.

    Returns:
        Whether the score will be sent. `False` if there is no trace, sampling left the trace out,
        or there is no value or key.
    """
    try:
        return _attach(name, value, comment, metadata)
    except Exception as error:  # noqa: BLE001 - a turn must not fail for the sake of its trace
        _log.warning("the outcome could not be attached to the trace: %s", _line(error))
        return False


def flush_outcomes(timeout: float = SECONDS_AT_EXIT) -> bool:
    """Waits until the outcomes attached so far are written, and says whether they are.

    Args:
        timeout: Seconds to wait at most.
    """
    return _sender.flush(timeout)


def _attach(
    name: str, value: float | None, comment: str | None, metadata: Mapping[str, Any]
) -> bool:
    with needing("opentelemetry", "langfuse"):
        from opentelemetry import trace
    span = trace.get_current_span()
    context = span.get_span_context()
    if not (context.is_valid and context.trace_flags.sampled):
        return False
    if value is None or not math.isfinite(value):
        return False
    connection = Connection.from_environment()
    score = TraceScore(
        trace_id=f"{context.trace_id:032x}",
        name=name,
        value=value,
        timestamp=datetime.now(UTC),
        comment=comment,
        metadata=dict(metadata),
        environment=_environment(span),
    )
    return _sender.put(connection, score)


def _environment(span: object) -> str | None:
    """The environment of the span's trace, which Langfuse's own tracing keeps on each span."""
    attributes = getattr(span, "attributes", None)
    named = attributes.get(_ENVIRONMENT) if isinstance(attributes, Mapping) else None
    return named if isinstance(named, str) else os.environ.get("LANGFUSE_TRACING_ENVIRONMENT")


class _Sender:
    """A thread that writes scores in batches; it starts with the first score."""

    def __init__(self) -> None:
        self.begin_anew()

    def begin_anew(self) -> None:
        """Forgets what is waiting, as a forked process must.

        Its parent writes it, and a lock that another thread held at that moment is never freed.
        """
        self._queue: queue.Queue[tuple[Connection, TraceScore]] = queue.Queue(MOST_WAITING)
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def put(self, connection: Connection, score: TraceScore) -> bool:
        """Takes a score to be written; `False` where too many are waiting."""
        with self._lock:
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(
                    target=self._send, name="nemo-trust-outcomes", daemon=True
                )
                self._thread.start()
                atexit.unregister(self.flush)
                atexit.register(self.flush)
        try:
            self._queue.put_nowait((connection, score))
        except queue.Full:
            _log.warning("%d outcomes are waiting for Langfuse; one more is dropped", MOST_WAITING)
            return False
        return True

    def flush(self, timeout: float = SECONDS_AT_EXIT) -> bool:
        """Waits until nothing is waiting, at most so many seconds."""
        with self._queue.all_tasks_done:
            return self._queue.all_tasks_done.wait_for(
                lambda: not self._queue.unfinished_tasks, timeout
            )

    def _send(self) -> None:
        runner = asyncio.Runner(loop_factory=_loop_for_the_exit)
        while True:
            batch = [self._queue.get()]
            while len(batch) < BATCH_SIZE:
                try:
                    batch.append(self._queue.get_nowait())
                except queue.Empty:
                    break
            for connection in {connection for connection, _ in batch}:
                scores = [score for other, score in batch if other == connection]
                try:
                    runner.run(_write(connection, scores))
                except Exception as error:  # noqa: BLE001 - the thread must outlive any failure
                    _log.warning("%d outcomes were not written: %s", len(scores), _line(error))
            for _ in batch:
                self._queue.task_done()


class _InPlace(ThreadPoolExecutor):
    """Runs what it is given at once, in the thread that gives it."""

    def submit(self, function: Callable[..., Any], /, *arguments: Any, **named: Any) -> Future[Any]:
        done: Future[Any] = Future()
        try:
            done.set_result(function(*arguments, **named))
        except Exception as error:  # noqa: BLE001 - whoever awaits the future gets it
            done.set_exception(error)
        return done


def _loop_for_the_exit() -> asyncio.AbstractEventLoop:
    """A loop that finds servers by name also while Python ends, when no thread can be started."""
    loop = asyncio.new_event_loop()
    loop.set_default_executor(_InPlace(1))
    return loop


async def _write(connection: Connection, scores: list[TraceScore]) -> None:
    client = LangfuseClient(connection, RetryPolicy(rate_limit_attempts=3), own_thread=False)
    try:
        written = await write_scores(client, scores)
    finally:
        await client.aclose()
    for trace_id, reason in written.rejected.items():
        # The server may quote what it does not take: a score's comment holds parts of the answer.
        _log.warning("the outcome of trace %s was not accepted by Langfuse", trace_id)
        _log.debug("the outcome of trace %s was not written: %s", trace_id, reason)


def _line(error: Exception) -> str:
    """An error of ours in its words; any other by its kind, since it may hold a text."""
    if isinstance(error, CredentialsError | ModelRequestError) and error.status is not None:
        # It quotes what the server says, which may be what it was sent.
        _log.debug("%s", error)
        return f"Langfuse refused them with status {error.status}"
    return str(error) if isinstance(error, TrustError) else type(error).__name__


_sender = _Sender()
if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_sender.begin_anew)
