"""The results of a run over traces."""

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
    """The results of a run, also while it is running.

    Attributes:
        threshold: Scores below it are flagged.
        read: Traces read.
        skipped: Traces skipped because they already have a score.
        settling: Traces skipped because they may not be complete yet.
        results: The results of the others, in the order in which they finished.
        requests: Requests made to Langfuse.
        seconds: How long the run took.
        error: Why the run ended early; `None` if it did not.
        stopped: Whether the run was told to stop early.
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
        """How many traces have one of these statuses."""
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
        """Whether every trace has a score, which was also written unless it was a dry run."""
        return self.error is None and not self.count("unreadable", "unscored", "rejected")
