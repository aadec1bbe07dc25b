"""What a bot makes of the evaluations of an answer."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from nemoguardrails_trust.guardrail.missing import without_value
from nemoguardrails_trust.scorers.evaluations import EVALUATIONS
from nemoguardrails_trust.scores import TrustworthinessScore


def evaluations_of(result: TrustworthinessScore) -> Mapping[str, Mapping[str, Any]]:
    """What each evaluation brought, by name."""
    found = result.metadata.get(EVALUATIONS)
    if not isinstance(found, Mapping):
        return {}
    # A scorer of the user's own may keep other things under the same name.
    return {name: told for name, told in found.items() if _is_evaluation(told)}


def _is_evaluation(told: Any) -> bool:
    return isinstance(told, Mapping) and ("error" in told or {"score", "threshold"} <= told.keys())


def failing(result: TrustworthinessScore) -> list[str]:
    """The evaluations that are below their thresholds, in words."""
    return [
        f"{name} is {told['score']:.2f}, below {told['threshold']:g}"
        for name, told in evaluations_of(result).items()
        if told.get("score") is not None and told["score"] < told["threshold"]
    ]


def held_to_evaluations(result: TrustworthinessScore) -> TrustworthinessScore:
    """The score, without its value where an evaluation could not be had; below, it says so."""
    if not evaluations_of(result):
        return result
    lacking = [
        f"{name} could not be evaluated: {told['error']}"
        for name, told in evaluations_of(result).items()
        if "error" in told
    ]
    below = failing(result)
    if below:
        # A part that is known to be bad outweighs one that is not known.
        told = " ".join([f"{'; '.join(below)}.", *([result.explanation or ""])]).strip()
        return replace(result, explanation=told)
    if lacking and result.score is not None:
        return without_value(result, "; ".join(lacking))
    return result
