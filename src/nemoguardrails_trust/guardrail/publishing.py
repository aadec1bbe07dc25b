"""Where an outcome is shown beside the answer: the caller's stream, the current trace span."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from nemoguardrails_trust.concurrency.context import Holding
from nemoguardrails_trust.guardrail.outcome import TrustOutcome
from nemoguardrails_trust.guardrail.settings import TraceScores
from nemoguardrails_trust.scorers.spans import annotate_span

_log = logging.getLogger(__name__)

TRACE_SCORE_NAME = "trust_score"

# The list is made before a turn starts and filled inside it: tasks of the turn copy the
# context, and with it the reference to the same list.
_collector: ContextVar[list[TrustOutcome] | None] = ContextVar("trust_outcomes", default=None)


@contextmanager
def collected_outcomes() -> Iterator[list[TrustOutcome]]:
    """Collects the outcomes of all checks made inside, in tasks started inside too."""
    outcomes: list[TrustOutcome] = []
    outer = _collector.get()
    try:
        with Holding(_collector, outcomes):
            yield outcomes
    finally:
        if outer is not None:
            outer.extend(outcomes)


def is_collecting() -> bool:
    """Whether someone collects the outcomes already."""
    return _collector.get() is not None


def flagged_as(text: Any) -> TrustOutcome | None:
    """The outcome of this turn by which an answer became this text, with a caution or marks."""
    outcomes = _collector.get()
    if not outcomes:
        return None
    found = (outcome for outcome in reversed(outcomes) if outcome.text == text)
    return next((outcome for outcome in found if outcome.is_blocked), None)


def check_langfuse() -> None:
    """Whether outcomes can be written to Langfuse, as far as the machine can tell.

    Raises:
        MissingDependencyError: The client is not installed.
        CredentialsError: Its keys are not set.
    """
    from nemoguardrails_trust.integrations.langfuse.client import Connection, require_client

    require_client()
    Connection.from_environment()


def publish(outcome: TrustOutcome, trace_scores: TraceScores | None) -> None:
    """Shows an outcome to whoever collects, on the current span, and in the trace's store.

    Args:
        outcome: What came out.
        trace_scores: Where traces are kept that are to have a score of their own.
    """
    outcomes = _collector.get()
    if outcomes is not None:
        outcomes.append(outcome)
    if not outcome.is_answer:
        return
    _annotate_span(outcome)
    if trace_scores == "langfuse":
        _score_langfuse_trace(outcome)
    _log.info(
        "trustworthiness: %s, score %s, threshold %g",
        outcome.status,
        outcome.metadata["trustworthiness_score"],
        outcome.threshold,
    )


def _annotate_span(outcome: TrustOutcome) -> None:
    annotate_span(
        {
            "score": outcome.metadata["trustworthiness_score"],
            "threshold": outcome.threshold,
            "status": outcome.status,
            "scorer": str(outcome.metadata["scorer"]),
            "missing": sorted(map(str, outcome.metadata.get("missing") or ())) or None,
            "explanation": outcome.explanation or None,
        }
    )


def _score_langfuse_trace(outcome: TrustOutcome) -> None:
    from nemoguardrails_trust.integrations.langfuse import attach_outcome_to_current_trace

    shown = ("signals", "scorer", "threshold", "status", "error")
    attach_outcome_to_current_trace(
        TRACE_SCORE_NAME,
        outcome.metadata["trustworthiness_score"],
        outcome.explanation,
        {key: outcome.metadata[key] for key in shown},
    )
