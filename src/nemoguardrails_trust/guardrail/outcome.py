"""The outcome for one answer, in the form that every engine of NeMo Guardrails accepts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from nemoguardrails.actions.rail_outcome import (
    RailDecision,
    RailOutcome,
    TransformSpec,
    TransformTarget,
)

from nemoguardrails_trust.scorers.evaluations import EVALUATIONS
from nemoguardrails_trust.scores import Status, TrustworthinessScore

Consequence = Literal["none", "warn", "mark", "block", "escalate"]


@dataclass(frozen=True, slots=True)
class TrustOutcome(RailOutcome):  # type: ignore[misc]
    """The outcome for one answer.

    Colang reads the attributes directly. `is_blocked` is true for every answer that must not pass
    unmarked, so a flow that checks nothing else is safe.

    Attributes:
        trustworthiness_score: Always a finite number, since Colang compares it. For an unchecked
            answer it is 0.0, or 1.0 with `on_error: allow`.
        threshold: The threshold that the score was compared with.
        status: `trusted`, `untrustworthy` or `unchecked`.
        explanation: Why the score is what it is.
        consequence: What the flow must do with the answer.
        text: What the user should read: the answer, the answer with a caution or marks, or the
            message that replaces it.
        answer: The answer that the user reads, or would have read, without what was added to it.
        is_answer: Whether there was something to score. False for a message from the
            configuration, which passes unchanged.
    """

    trustworthiness_score: float = 0.0
    threshold: float = 0.0
    status: Status = "unchecked"
    explanation: str | None = None
    consequence: Consequence = "none"
    text: str = ""
    answer: str = ""
    is_answer: bool = True

    @property
    def for_history(self) -> "TrustOutcome":
        """The shorter outcome that NeMo Guardrails keeps in the events of a conversation.

        The application gets the full outcome.
        """
        outcome: Any = self  # of NeMo Guardrails' fields, type checkers know nothing
        kept: TrustOutcome = replace(
            outcome,
            reason=None,
            metadata=brief(self.metadata),
            explanation=_cut(self.explanation),
            text="" if self.decision is RailDecision.ALLOW else self.text,
            answer="",
        )
        return kept

    def to_json(self) -> dict[str, Any]:
        """The outcome as JSON types, with everything that a Colang 2.x flow reads.

        A Colang 2.x state contains what actions return, and can only be saved as JSON.
        """
        return {name: getattr(self, name) for name in _READ_BY_FLOWS}


_READ_BY_FLOWS = (
    *("trustworthiness_score", "threshold", "status", "explanation", "consequence", "text"),
    *("is_answer", "is_blocked", "is_transform", "reason", "metadata"),
)
_LONGEST_TEXT = 80  # characters of a text in the history
_MOST_CLAIMS = 8  # sentences in the history, those with the lowest scores
_LEFT_OUT = frozenset({"alternatives", "details", "metadata", "missing", "usage"})


def brief(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """An outcome's metadata as the history keeps it: what is long is cut off or left out."""
    return {
        key: _weakest(value)
        if key == "claims"
        else {name: _numbers(entry) for name, entry in value.items()}
        if isinstance(value, dict)
        else _cut(value)
        for key, value in metadata.items()
        if key not in _LEFT_OUT and (value is not None or key == "trustworthiness_score")
    }


def _weakest(claims: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The places of the sentences with the lowest scores, in the order of the answer."""
    lowest = sorted(claims, key=lambda claim: claim["score"])[:_MOST_CLAIMS]
    return [
        {**claim, "score": round(claim["score"], 3)}
        for claim in sorted(lowest, key=lambda claim: claim["start"])
    ]


def _numbers(told: Any) -> Any:
    """The numbers of a signal or an evaluation, without its reasons."""
    if not isinstance(told, dict):
        return _cut(told)
    return {key: value for key, value in told.items() if isinstance(value, int | float | None)}


def _cut(value: Any) -> Any:
    if isinstance(value, str) and len(value) > _LONGEST_TEXT:
        return f"{value[: _LONGEST_TEXT - 1]}…"
    return value


def make_outcome(
    result: TrustworthinessScore,
    *,
    threshold: float,
    status: Status,
    consequence: Consequence,
    text: str,
    answer: str,
    kept: str = "",
    extra: Mapping[str, Any] | None = None,
) -> TrustOutcome:
    """Puts a verdict together.

    Args:
        result: The score.
        threshold: What it was held against.
        status: What came out.
        consequence: What the flow has to do; where it is nothing, the answer passes.
        text: What the user is to read.
        answer: The answer as it came in; a different `text` that passes is a rewrite.
        kept: The answer that the text holds or stands for.
        extra: Further metadata, ready for JSON.
    """
    decision, stand_in = RailDecision.BLOCK, 0.0
    if consequence == "none":
        decision = RailDecision.ALLOW if text == answer else RailDecision.TRANSFORM
        stand_in = 1.0
    rewritten = decision is RailDecision.TRANSFORM
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
        answer=kept,
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
    )
    return replace(outcome, is_answer=False)


def allow_chunk() -> RailOutcome:
    """The verdict on a part of an answer that is still being streamed: no verdict yet."""
    return RailOutcome.allow(metadata={"chunk": True})
