"""Scores the Langfuse traces of an application and writes the scores to them.

    from nemoguardrails_trust.integrations.langfuse import score_traces

    report = score_traces(scorer)

The `langfuse` package is only imported when it is used.
"""

from nemoguardrails_trust.integrations.langfuse.client import (
    Connection,
    LangfuseClient,
    RetryPolicy,
)
from nemoguardrails_trust.integrations.langfuse.outcome import (
    attach_outcome_to_current_trace,
    flush_outcomes,
)
from nemoguardrails_trust.integrations.langfuse.query import TraceQuery
from nemoguardrails_trust.integrations.langfuse.results import TraceReport, TraceResult
from nemoguardrails_trust.integrations.langfuse.run import (
    ScoringOptions,
    run_scoring,
    score_traces,
    score_traces_async,
)
from nemoguardrails_trust.integrations.langfuse.watching import Watch, watch_traces

__all__ = [
    "Connection",
    "LangfuseClient",
    "RetryPolicy",
    "ScoringOptions",
    "TraceQuery",
    "TraceReport",
    "TraceResult",
    "Watch",
    "attach_outcome_to_current_trace",
    "flush_outcomes",
    "run_scoring",
    "score_traces",
    "score_traces_async",
    "watch_traces",
]
