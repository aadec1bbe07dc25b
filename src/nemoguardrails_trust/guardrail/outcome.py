"""The verdict on one answer, in the form that every engine of NeMo Guardrails takes."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from nemoguardrails.actions.rail_outcome import (
    RailDecision,
    RailOutcome,
    TransformSpec,
    TransformTarget,
)

from nemoguardrails_trust.scorers.evaluations import EVALUATIONS
from nemoguardrails_trust.scores import TrustworthinessScore

Status = Literal["trusted", "untrustworthy", "unchecked"]
Consequence = Literal["none", "warn", "block", "escalate"]


@dataclass(frozen=True, slots=True)
class TrustOutcome(RailOutcome):  # type: ignore[misc]
    """The verdict on one answer.

    Colang reads the attributes as they are. `is_blocked` is true for every answer that must
    not pass unmarked, so that a flow which only looks at that stays safe.

    Attributes:
        trustworthiness_score: Always a finite number, since Colang compares it: where the
            answer is unchecked, 0.0, or 1.0 under `on_error: allow`.
        threshold: What the score was held against.
        status: `trusted`, `untrustworthy` or `unchecked`.
        explanation: Why the score is what it is.
        consequence: What the flow has to do with the answer.
        text: What the user is to read: the answer, the answer with a caution, or the message
            in place of it.
        is_answer: Whether there was something to score; not so with a message that the
            configuration defines, which passes as it is.
    """

    trustworthiness_score: float = 0.0
    threshold: float = 0.0
    status: Status = "unchecked"
    explanation: str | None = None
    consequence: Consequence = "none"
    text: str = ""
    is_answer: bool = True


def make_outcome(
    result: TrustworthinessScore,
    *,
    threshold: float,
    status: Status,
    consequence: Consequence,
    text: str,
    answer: str,
    passes: bool,
    extra: Mapping[str, Any] | None = None,
) -> TrustOutcome:
    """Puts a verdict together.

    Args:
        result: The score.
        threshold: What it was held against.
        status: What came out.
        consequence: What the flow has to do.
        text: What the user is to read.
        answer: The answer as it came in; a different `text` that passes is a rewrite.
        passes: Whether the answer may pass unmarked.
        extra: Further metadata, ready for JSON.
    """
    if not passes:
        decision = RailDecision.BLOCK
    elif text != answer:
        decision = RailDecision.TRANSFORM
    else:
        decision = RailDecision.ALLOW
    rewritten = decision is RailDecision.TRANSFORM
    stand_in = 1.0 if passes else 0.0
    told = result.to_json()
    if EVALUATIONS in told["metadata"]:
        told[EVALUATIONS] = told["metadata"].pop(EVALUATIONS)
    metadata = {
        **told,
        "threshold": threshold,
        "status": status,
        "consequence": consequence,
        **(extra or {}),
    }
    return TrustOutcome(
        decision=decision,
        reason=result.explanation or result.error,
        metadata=metadata,
        transforms=(TransformSpec(TransformTarget.BOT_MESSAGE, text),) if rewritten else (),
        trustworthiness_score=stand_in if result.score is None else float(result.score),
        threshold=threshold,
        status=status,
        explanation=result.explanation,
        consequence=consequence,
        text=text,
    )


def make_message(text: str, *, threshold: float) -> TrustOutcome:
    """The outcome for a message that the configuration defines, which passes unscored."""
    outcome = make_outcome(
        TrustworthinessScore(None, error="the configuration defines this message"),
        threshold=threshold,
        status="unchecked",
        consequence="none",
        text=text,
        answer=text,
        passes=True,
    )
    return replace(outcome, is_answer=False)


def allow_chunk() -> RailOutcome:
    """The verdict on a part of an answer that is still being streamed: no verdict yet."""
    return RailOutcome.allow(metadata={"chunk": True})
