"""Scores new traces as they come, and remembers where it was."""

import asyncio
import hashlib
import json
import logging
import os
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from nemoguardrails_trust.disk import reading, write_atomically, writing
from nemoguardrails_trust.errors import (
    CredentialsError,
    DataError,
    ModelRequestError,
    SettingsError,
)
from nemoguardrails_trust.integrations.langfuse.client import Connection, LangfuseClient
from nemoguardrails_trust.integrations.langfuse.query import TraceQuery
from nemoguardrails_trust.integrations.langfuse.results import TraceReport
from nemoguardrails_trust.integrations.langfuse.run import (
    DEFAULT_PERIOD,
    OnResult,
    ScoringOptions,
    run_scoring,
)
from nemoguardrails_trust.scorers.base import Scorer
from nemoguardrails_trust.scorers.logged import loggable

DEFAULT_LOOKBACK = timedelta(minutes=15)
DEFAULT_SETTLE = timedelta(seconds=30)
"""What is written to Langfuse can be read back after 15 to 30 seconds."""

_log = logging.getLogger(__name__)

OnReport = Callable[[TraceReport], None]


class Position(BaseModel):
    """Where watching is.

    Attributes:
        version: The form of the file.
        scope: A digest of the server, the project, the query and the score's name.
        seen_until: Every trace that could be read at this time has been seen.
        handled: When the traces began that are done, by their ids, as far back as watching
            still looks.
    """

    model_config = ConfigDict(extra="forbid")

    version: Literal[1] = 1
    scope: str
    seen_until: AwareDatetime | None = None
    handled: dict[Annotated[str, Field(min_length=1)], AwareDatetime] = Field(default_factory=dict)

    @classmethod
    def load(cls, path: Path, scope: str) -> "Position":
        """Reads the position from a file; where there is none, watching starts anew.

        Raises:
            DataError: The file is not a position, or is that of another watch.
        """
        with reading(path):
            try:
                text = path.read_text(encoding="utf-8")
            except FileNotFoundError:
                return cls(scope=scope)
        try:
            position = cls.model_validate_json(text)
        except ValidationError:
            raise DataError(
                "is not a position file of nemo-trust; name another file or remove it",
                path=str(path),
            ) from None
        if position.scope != scope:
            raise DataError(
                "belongs to another server, project, query or score name; name another "
                "file with --position",
                path=str(path),
            )
        return position

    def save(self, path: Path) -> None:
        """Writes the position so that a reader finds the old one or the new one, never a half.

        Raises:
            DataError: The file cannot be written.
        """
        with writing(path):
            path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, self.model_dump_json().encode())

    def take_in(self, report: TraceReport, polled_at: datetime, lookback: timedelta) -> None:
        """Notes what a poll brought.

        A trace without a score or with a rejected one is not done: it is tried again as long as
        watching looks back to it.
        """
        for result in report.results:
            if result.status in ("written", "unreadable"):
                self.handled[result.trace_id] = result.start
        if report.error is None and not report.stopped:
            self.seen_until = polled_at
        if self.seen_until is not None:
            oldest = self.seen_until - lookback
            self.handled = {key: start for key, start in self.handled.items() if start >= oldest}


@dataclass(frozen=True, slots=True)
class Watch:
    """How to watch.

    Attributes:
        every: Time between two looks.
        position: The file that remembers where watching is.
        lookback: How far before the last look each look begins. A trace is read when it ends
            and dated when it began, so longer-running traces need a longer time.
        period: How far back the first look goes.
    """

    every: timedelta
    position: Path
    lookback: timedelta = DEFAULT_LOOKBACK
    period: timedelta = field(default=DEFAULT_PERIOD)

    def __post_init__(self) -> None:
        if self.every <= timedelta(0):
            raise SettingsError(f"watch is {self.every}; it must be above 0", key="watch")
        if self.lookback < timedelta(0):
            raise SettingsError(
                f"lookback is {self.lookback}; it must not be negative", key="lookback"
            )


def default_position(connection: Connection, query: TraceQuery, score_name: str) -> Path:
    """The file for the position where the user names none, in the user's state directory."""
    state = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    name = f"langfuse-{scope_of(connection, query, score_name)[:16]}.json"
    return Path(state) / "nemo-trust" / name


def scope_of(connection: Connection, query: TraceQuery, score_name: str) -> str:
    """A digest of what a position belongs to, as 64 hex digits."""
    parts = [
        connection.place,
        connection.public_key,
        score_name,
        replace(query, start=None, end=None).root_conditions(),
        query.name,
    ]
    return hashlib.sha256(json.dumps(parts, default=str).encode()).hexdigest()


async def watch_traces(
    client: LangfuseClient,
    scorer: Scorer,
    query: TraceQuery,
    options: ScoringOptions,
    watch: Watch,
    *,
    stop: asyncio.Event,
    on_result: OnResult | None = None,
    on_report: OnReport | None = None,
) -> None:
    """Scores new traces until told to stop.

    A server that is away, or too busy, is waited for: the next look begins where the last good
    one ended.

    Args:
        client: The client.
        scorer: Gives the scores.
        query: Which traces; its times are not used.
        options: How they are scored.
        watch: How to watch.
        stop: Ends the watch when it is set. What is scored by then is written.
        on_result: Called with each result when it is final.
        on_report: Called after each look.

    Raises:
        CredentialsError: The keys were refused.
        ModelRequestError: The server refused the request itself, as it always will.
        DataError: The position cannot be read or written.
    """
    scope = scope_of(client.connection, query, options.score_name)
    position = Position.load(watch.position, scope)
    position.save(watch.position)
    while not stop.is_set():
        polled_at = datetime.now(UTC)
        back = watch.period if position.seen_until is None else watch.lookback
        start = (position.seen_until or polled_at) - back - options.settle
        report = await run_scoring(
            client,
            scorer,
            replace(query, start=start, end=None),
            options,
            handled=position.handled.__contains__,
            on_result=on_result,
            stop=stop,
        )
        position.take_in(report, polled_at, watch.lookback + options.settle)
        position.save(watch.position)
        if on_report is not None:
            on_report(report)
        if isinstance(report.error, CredentialsError | ModelRequestError):
            raise report.error
        if report.error is not None:
            seconds = watch.every.total_seconds()
            _log.debug("%s", report.error)
            _log.warning("%s; looking again in %g s", loggable(report.error), seconds)
        try:
            async with asyncio.timeout(watch.every.total_seconds()):
                await stop.wait()
        except TimeoutError:
            continue
