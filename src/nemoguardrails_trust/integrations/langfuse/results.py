"""What became of the traces of a run."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from nemoguardrails_trust.errors import TrustError
from nemoguardrails_trust.exchange import Exchange
from nemoguardrails_trust.scores import TrustworthinessScore

Status = Literal["scored", "written", "unreadable", "unscored", "rejected"]


@dataclass(frozen=True, slots=True)
class TraceResult:
    """What became of one trace.

    Attributes:
        trace_id: The trace.
        start: When it began.
        status: `written` where the server accepted the score, `scored` where nothing was to be
            written, `unreadable` where the trace holds no whole exchange, `unscored` where the
            scorer gave no score, `rejected` where the server did not accept it.
        exchange: What was scored.
        score: The score.
        error: Why the trace is unreadable, unscored or rejected.
    """

    trace_id: str
    start: datetime
    status: Status
    exchange: Exchange | None = field(default=None, repr=False)
    score: TrustworthinessScore | None = field(default=None, repr=False)
    error: str | None = None

    @property
    def value(self) -> float | None:
        """The trustworthiness score, 0 to 1, where there is one."""
        return self.score.score if self.score else None


@dataclass(slots=True)
class TraceReport:
    """What a run brought, also while it goes on.

    Attributes:
        threshold: Scores below it are flagged.
        read: Traces that were read.
        skipped: Traces left out because they have a score.
        settling: Traces left out because they may not be complete yet.
        results: What became of the others, in the order of being done.
        requests: Requests made to Langfuse.
        seconds: How long it took.
        error: Why the run ended before its end; `None` where it did not.
        stopped: Whether it was told to stop before its end.
    """

    threshold: float
    read: int = 0
    skipped: int = 0
    settling: int = 0
    results: list[TraceResult] = field(default_factory=list)
    requests: int = 0
    seconds: float = 0.0
    error: TrustError | None = None
    stopped: bool = False

    def count(self, *statuses: Status) -> int:
        """How many traces came out with one of the statuses."""
        return sum(result.status in statuses for result in self.results)

    @property
    def scored(self) -> list[TraceResult]:
        """Results with a score, least trustworthy first."""
        found = [result for result in self.results if result.value is not None]
        return sorted(found, key=lambda result: (result.value or 0.0, result.trace_id))

    @property
    def flagged(self) -> list[TraceResult]:
        """Results with a score below the threshold, least trustworthy first."""
        return [result for result in self.scored if (result.value or 0.0) < self.threshold]

    @property
    def least(self) -> TraceResult | None:
        """The least trustworthy trace."""
        return next(iter(self.scored), None)

    @property
    def complete(self) -> bool:
        """Whether every trace came out with a score, written where it was to be."""
        return self.error is None and not self.count("unreadable", "unscored", "rejected")
