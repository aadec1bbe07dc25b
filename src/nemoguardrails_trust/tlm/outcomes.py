"""What has become of one prompt, and how a caller is told."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from nemoguardrails_trust.errors import TrustError
from nemoguardrails_trust.scorers.local.evaluating import Evaluated
from nemoguardrails_trust.scores import TrustworthinessScore


@dataclass(frozen=True, slots=True)
class Outcome:
    """What has become of one prompt.

    Attributes:
        perplexity: The mean probability of the answer's tokens, 0 to 1, where they are known.
        fields: For a JSON answer, what is told of each field, where that was asked for.
        evaluations: By name, a score, or why there is none; `None` for those that do not apply.
    """

    response: str | None = None
    score: TrustworthinessScore | None = None
    perplexity: float | None = None
    error: TrustError | None = None  # why there is no score, or no answer
    retryable: bool = False
    fields: Mapping[str, Any] = field(default_factory=dict)
    evaluations: Mapping[str, Evaluated | None] = field(default_factory=dict)

    @property
    def value(self) -> float | None:
        """The score as a number."""
        return None if self.score is None else self.score.score

    def to_result(self, *, log: Collection[str], with_response: bool) -> dict[str, Any]:
        """The outcome as callers get it.

        Args:
            log: What is told besides: `explanation`, `perplexity`, `claims`, `per_field_score`.
            with_response: Whether the answer is part of it.
        """
        result: dict[str, Any] = {"response": self.response} if with_response else {}
        result["trustworthiness_score"] = self.value
        if told := self._told(log):
            result["log"] = told
        return result

    def to_claims_result(self, *, log: Collection[str]) -> dict[str, Any]:
        """The outcome as callers of `score_claims` get it; `log` as for `to_result`."""
        result = self.to_result(log=log, with_response=False)
        told = None if self.score is None else claims_to_result(self.score)
        return {"trustworthiness_score": self.value, "claims": told} | result

    def to_rag_result(self, *, log: Collection[str], with_response: bool) -> dict[str, Any]:
        """The outcome with its evaluations, as callers of `TrustworthyRAG` get it.

        Args:
            log: As for `to_result`.
            with_response: Whether the answer is part of it.
        """
        result: dict[str, Any] = {"response": self.response} if with_response else {}
        told = self.to_result(log=log, with_response=False)
        result["trustworthiness"] = {"score": told.pop("trustworthiness_score"), **told}
        return result | self.evaluations_to_result()

    def evaluations_to_result(self) -> dict[str, Any]:
        """The evaluations by name, as callers get them."""
        return {name: _told_of(evaluated) for name, evaluated in self.evaluations.items()}

    def _told(self, log: Collection[str]) -> dict[str, Any]:
        told: dict[str, Any]
        if self.error is not None or self.score is None:
            told = {"error": {"message": str(self.error), "retryable": self.retryable}}
            if "explanation" in log:
                told["explanation"] = f"There is no score: {self.error}"
            return told
        told = {}
        if "explanation" in log:
            told["explanation"] = self.score.explanation or without_reasons(self.score)
        if "perplexity" in log:
            told["perplexity"] = self.perplexity
        if "claims" in log:
            told["claims"] = claims_to_result(self.score)
        if "per_field_score" in log:
            told["per_field_score"] = dict(self.fields)
        if "criteria" in self.score.metadata:
            told["custom_eval_criteria"] = [
                {name: value for name, value in criterion.items() if name != "error" or value}
                for criterion in self.score.metadata["criteria"]
            ]
        if told and self.value is not None and self.score.error is not None:
            told["warning"] = self.score.error
        return told


def without_reasons(score: TrustworthinessScore) -> str:
    """What is told of a score for which no reasons were given."""
    if score.score is None:
        return "No trustworthiness score was requested."
    made_of = ", ".join(f"{name} {value:.2f}" for name, value in score.signal_values.items())
    return "No reasons were given." + (f" The score is made of {made_of}." if made_of else "")


def failed(error: TrustError) -> Outcome:
    """The outcome of a prompt that failed with this error."""
    return Outcome(error=error, retryable=error.is_retryable)


def claims_to_result(score: TrustworthinessScore) -> list[dict[str, Any]] | None:
    """The sentences that have scores as callers get them; `None` where they were not made."""
    if score.claims is None:
        return None
    return [{"text": claim.text, **claim.to_json()} for claim in score.claims]


def _told_of(evaluated: Evaluated | None) -> dict[str, Any]:
    if evaluated is None:
        return {"score": None}
    if isinstance(evaluated, TrustError):
        error = {"message": str(evaluated), "retryable": evaluated.is_retryable}
    elif evaluated.value is None:
        error = {"message": evaluated.error, "retryable": False}
    else:
        return {"score": evaluated.value}
    return {"score": None, "log": {"error": error}}
