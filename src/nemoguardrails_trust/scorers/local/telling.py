"""What is told of a score: its signals, why it is what it is, and what is missing from it."""

from collections.abc import Mapping
from typing import Any

from nemoguardrails_trust.exchange import Exchange
from nemoguardrails_trust.scorers.local.claims import ScoredClaims, least_supported, quoted
from nemoguardrails_trust.scorers.local.run import Run
from nemoguardrails_trust.scores import Signal
from nemoguardrails_trust.signals.consistency import consistency_signal
from nemoguardrails_trust.signals.probability import response_probability

QUOTED_LIMIT = 200
"""The most characters of a sample that an explanation quotes."""


def given_signals(exchange: Exchange) -> dict[str, Signal]:
    """The signals that are there before any model is asked."""
    if exchange.token_logprobs is None:
        return {}
    return {"probability": response_probability(exchange)}


def consistency_of(run: Run) -> dict[str, Signal]:
    """The consistency by its name, where samples were asked for."""
    if run.comparison is not None:
        return {"consistency": consistency_signal(run.comparison)}
    if run.problems:
        return {"consistency": Signal(None, error=run.problems[0])}
    return {}


def criteria_met(run: Run) -> list[dict[str, Any]]:
    """How far the response meets each of the user's own criteria, ready for JSON."""
    met = [run.criteria_met[place] for place in range(len(run.criteria))]
    return [
        {"name": criterion.name, "score": signal.value, "error": signal.error}
        for criterion, signal in zip(run.criteria, met, strict=True)
    ]


def explanation_of(run: Run, scored: ScoredClaims | None) -> str | None:
    """Why a score is what it is: the judge's reasons, another answer, the weakest sentences."""
    parts = []
    reflection = run.signals.get("reflection")
    if reflection is not None and "reasons" in reflection.details:
        parts.append(str(reflection.details["reasons"]))
    comparison = run.comparison
    if comparison is not None and comparison.contradicting is not None:
        other = quoted(comparison.contradicting, QUOTED_LIMIT)
        against = sum(1 for group in comparison.groups if group != 0)
        parts.append(
            f"Asked again, the model gave a different answer in {against} of "
            f"{len(comparison.groups)} cases, such as: “{other}”"
        )
    if scored is not None:
        parts += least_supported(scored.claims)
    return " ".join(parts) or None


def error_of(signals: Mapping[str, Signal], run: Run, *, has_score: bool) -> str | None:
    """Which signals are missing from a score, and why; `None` where none is."""
    missing = {name: signal.error for name, signal in signals.items() if signal.error is not None}
    problems = [f"{name}: {reason}" for name, reason in missing.items()]
    if "consistency" not in missing:
        problems += [f"consistency: {reason}" for reason in dict.fromkeys(run.problems)]
    if not problems and not has_score:
        return "no signal was asked for"
    return "; ".join(problems) or None
