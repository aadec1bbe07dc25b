"""What an adapter attaches to an answer: its score, the threshold and the resulting status."""

from collections.abc import Mapping
from typing import Any

from nemoguardrails_trust.scores import status_of

Verdict = dict[str, Any]


def verdict_of(result: Mapping[str, Any], threshold: float) -> Verdict:
    """Compares a score with a threshold.

    Args:
        result: What a `try_…` method of `TLM` returned for one answer.
        threshold: The score, 0 to 1, below which the answer is untrustworthy.

    Returns:
        `trustworthiness_score` (`None` if there is none), `threshold`, `status`
        (`trusted`, `untrustworthy` or `unchecked`), and the result's `log`, if it has one.
    """
    score = result["trustworthiness_score"]
    status = status_of(score, threshold)
    verdict = {"trustworthiness_score": score, "threshold": threshold, "status": status}
    return verdict | {"log": result["log"]} if "log" in result else verdict


def reason_of(verdict: Mapping[str, Any]) -> str | None:
    """Why an answer has its verdict, if that is known."""
    log = verdict.get("log", {})
    told: str | None = log["error"]["message"] if "error" in log else log.get("explanation")
    return told
