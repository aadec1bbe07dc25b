"""Scores the traces of the past day with the installed client, of version 4 or 5.

Run as a program by the interpreter that has the client. Its argument is a JSON array of runs, each
with `query` and `options`; it prints what came of each, as a JSON array.
"""

import json
import sys
from typing import Any

from nemoguardrails_trust.exchange import Exchange
from nemoguardrails_trust.integrations.langfuse import (
    ScoringOptions,
    TraceQuery,
    score_traces,
)
from nemoguardrails_trust.scores import TrustworthinessScore


class LengthScorer:
    """Scores an answer by its length, and gives the prompt as its reason."""

    async def score(self, exchange: Exchange) -> TrustworthinessScore:
        value = min(1.0, len(exchange.response) / 100)
        return TrustworthinessScore(value, explanation=exchange.prompt, scorer="length")


def run(asked: dict[str, Any]) -> dict[str, Any]:
    query, options = asked.get("query", {}), asked.get("options", {})
    report = score_traces(LengthScorer(), TraceQuery(**query), ScoringOptions(**options))
    return {
        "statuses": {result.trace_id: result.status for result in report.results},
        "errors": {result.trace_id: result.error for result in report.results if result.error},
        "skipped": report.skipped,
        "requests": report.requests,
    }


if __name__ == "__main__":
    print(json.dumps([run(asked) for asked in json.loads(sys.argv[1])]))
