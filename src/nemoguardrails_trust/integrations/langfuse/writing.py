"""Writes scores to Langfuse: in batches, checked one by one, and never twice."""

import json
import math
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from nemoguardrails_trust.errors import ModelRequestError, ModelResponseError
from nemoguardrails_trust.integrations.langfuse.client import LangfuseClient

DEFAULT_SCORE_NAME = "trust_score"
BATCH_SIZE = 100
MAX_BATCH_BYTES = 900_000
"""Langfuse takes bodies of up to 1 MiB for scores."""

_NO_SCORES = (
    "client 5 writes to Langfuse Cloud and self-hosted servers of 4.59 or later; for an older "
    "server install 'langfuse>=4.18,<5'"
)
_NO_INGESTION = "this server needs client 5: install 'langfuse>=5'"


def score_id(trace_id: str, name: str) -> str:
    """The id that a trace's score of a name always has."""
    return f"{trace_id}-{name}"


@dataclass(frozen=True, slots=True)
class TraceScore:
    """A score to be written to a trace.

    Langfuse replaces a score of the same id, name and UTC date. The id is made of the trace's
    and the name, and the date is the trace's, so writing again on any day replaces.

    """

    trace_id: str
    name: str
    value: float  # finite
    timestamp: datetime  # when the trace began, with a time zone
    comment: str | None = None  # what people read beside the score
    metadata: Mapping[str, Any] = field(default_factory=dict)  # ready for JSON
    environment: str | None = None

    @property
    def id(self) -> str:
        """The score's own id."""
        return score_id(self.trace_id, self.name)


@dataclass(slots=True)
class Written:
    """Which scores were written, and why others were not, by the ids of their traces."""

    accepted: set[str] = field(default_factory=set)
    rejected: dict[str, str] = field(default_factory=dict)


async def write_scores(client: LangfuseClient, scores: Sequence[TraceScore]) -> Written:
    """Writes scores and says of each whether the server accepted it.

    Where the server rejects some of a batch without saying which, the halves of the batch are
    sent again, down to the single score; sending an accepted one again changes nothing.

    Raises:
        TrustError: The server could not be reached or refused as a whole. Scores before it in
            the sequence may have been written.
    """
    written = Written()
    sound: list[TraceScore] = []
    for score in scores:
        reason = _unsound(score)
        if reason is None:
            sound.append(score)
        else:
            written.rejected[score.trace_id] = reason
    for batch in _batches(sound):
        await (_ingest if client.lists_traces else _create)(client, batch, written)
    return written


def _unsound(score: TraceScore) -> str | None:
    if not math.isfinite(score.value):
        return f"the score is {score.value}, which is not a finite number"
    if score.timestamp.tzinfo is None:
        return "the trace's time has no time zone"
    size = _size(score)
    return f"the score has {size:,} bytes of text" if size > MAX_BATCH_BYTES else None


def _batches(scores: Sequence[TraceScore]) -> list[list[TraceScore]]:
    """Batches that are within the limits of number and size."""
    batches: list[list[TraceScore]] = []
    room = 0
    for score in scores:
        size = _size(score)
        if not batches or size > room or len(batches[-1]) == BATCH_SIZE:
            batches.append([])
            room = MAX_BATCH_BYTES
        batches[-1].append(score)
        room -= size
    return batches


def _size(score: TraceScore) -> int:
    text = json.dumps([score.comment, dict(score.metadata)], default=str)
    return len(text) + len(score.trace_id) * 2 + len(score.name) * 2 + 300


async def _create(client: LangfuseClient, batch: Sequence[TraceScore], written: Written) -> None:
    """Sends a batch as client 5 does: the answer counts what was rejected, without names."""
    from langfuse.api.scores.types.create_score_request import CreateScoreRequest

    requests = [
        CreateScoreRequest(**_fields(score), timestamp=score.timestamp.astimezone(UTC))
        for score in batch
    ]
    try:
        answer = await client.call(
            "writing scores", client.api.scores.create, absent=_NO_SCORES, request=requests
        )
    except ModelRequestError as error:
        if error.status != 400:
            raise
        rejected, reasons = len(batch), [str(error)]
    else:
        rejected = getattr(answer, "rejected", 0)
        reasons = [error.message for error in getattr(answer, "errors", ())]
    if rejected == 0:
        written.accepted.update(score.trace_id for score in batch)
    elif len(batch) == 1:
        reason = "; ".join(reasons) or "no reason given"
        written.rejected[batch[0].trace_id] = f"Langfuse rejected the score: {reason}"
    else:
        middle = len(batch) // 2
        await _create(client, batch[:middle], written)
        await _create(client, batch[middle:], written)


async def _ingest(client: LangfuseClient, batch: Sequence[TraceScore], written: Written) -> None:
    """Sends a batch as client 4 does: as events, whose answer names each."""
    from langfuse.api.ingestion.types.ingestion_event import IngestionEvent_ScoreCreate
    from langfuse.api.ingestion.types.score_body import ScoreBody

    waiting = list(batch)
    for last_try in (False, True):
        by_event = {str(uuid.uuid4()): score for score in waiting}
        events = [
            IngestionEvent_ScoreCreate(
                id=event_id,
                timestamp=score.timestamp.astimezone(UTC).isoformat(),
                body=ScoreBody(**_fields(score)),
            )
            for event_id, score in by_event.items()
        ]
        answer = await client.call(
            "writing scores", client.api.ingestion.batch, absent=_NO_INGESTION, batch=events
        )
        accepted = {success.id for success in answer.successes} & by_event.keys()
        reasons = {error.id: error.message or str(error.status) for error in answer.errors}
        if not accepted and not reasons:
            raise ModelResponseError(
                f"Langfuse at {client.connection.place} answered without saying which scores "
                "it accepted"
            )
        written.accepted.update(by_event[event_id].trace_id for event_id in accepted)
        waiting = [score for event_id, score in by_event.items() if event_id not in accepted]
        if last_try or not waiting:
            for event_id in by_event.keys() - accepted:
                reason = reasons.get(event_id, "no reason given")
                trace_id = by_event[event_id].trace_id
                written.rejected[trace_id] = f"Langfuse rejected the score: {reason}"
            return


def _fields(score: TraceScore) -> dict[str, Any]:
    values = {
        "id": score.id,
        "trace_id": score.trace_id,
        "name": score.name,
        "value": float(score.value),
        "comment": score.comment,
        "metadata": dict(score.metadata) or None,
        "environment": score.environment,
        "data_type": "NUMERIC",
    }
    return {name: value for name, value in values.items() if value is not None}
