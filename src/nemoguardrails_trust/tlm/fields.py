"""How far each field of a JSON response can be trusted."""

from collections.abc import Mapping
from typing import Any

from nemoguardrails_trust.agreement import structures
from nemoguardrails_trust.errors import SettingsError, TrustError
from nemoguardrails_trust.exchange import Exchange
from nemoguardrails_trust.scorers.local.evaluating import Evaluator
from nemoguardrails_trust.scorers.local.fields import FieldJudgement
from nemoguardrails_trust.scores import TrustworthinessScore
from nemoguardrails_trust.signals.combine import combine

DEFAULT_FIELD_THRESHOLD = 0.8
"""Fields with a score below it are untrustworthy, unless told otherwise."""

Judged = Mapping[str, FieldJudgement | TrustError]


async def judge_fields(evaluator: Evaluator, exchange: Exchange, *, timeout: float) -> Judged:
    """Has the fields of a response judged; there are none where it is no JSON object.

    Args:
        evaluator: Has the model judge.
        exchange: What to judge.
        timeout: Seconds for all of them.

    Returns:
        By name, what each brought. No failure raises.
    """
    names = list(structures.fields(structures.structure(exchange.response)) or ())
    return await evaluator.judge_fields(exchange, names, timeout=timeout) if names else {}


def field_scores(judged: Judged, score: TrustworthinessScore) -> dict[str, Any]:
    """The score of each field as callers get it.

    It is made, like that of the whole, of the judgement and of the share of samples that give the
    same value, where there are samples.

    Args:
        judged: What the judge says of each.
        score: The score of the whole response, with the shares in its metadata.

    Returns:
        By name, the field's `score` and `explanation`; where none could be had, an `error`.
    """
    if not judged:
        return {"error": "the response is not a JSON object with fields"}
    shares: Mapping[str, float] = score.metadata.get("fields", {})
    failures = [value for value in judged.values() if isinstance(value, TrustError)]
    if len(failures) == len(judged) and not shares:
        return {"error": str(failures[0])}
    return {name: _scored(value, shares.get(name)) for name, value in judged.items()}


def untrustworthy_fields(
    per_field_score: Any, threshold: float = DEFAULT_FIELD_THRESHOLD
) -> list[str]:
    """The fields below a threshold, the least trustworthy first; those without a score count too.

    Args:
        per_field_score: The `per_field_score` of a result's `log`.
        threshold: 0 to 1.

    Raises:
        SettingsError: It is none.
    """
    if not isinstance(per_field_score, Mapping):
        raise SettingsError(
            "tlm_result has no per_field_score; ask for it with options={'log': "
            "['per_field_score']}",
            key="tlm_result",
        )
    if isinstance(per_field_score.get("error"), str):
        return []
    scores = {name: _number(entry) for name, entry in per_field_score.items()}
    return sorted((name for name in scores if scores[name] < threshold), key=scores.__getitem__)


def _scored(value: FieldJudgement | TrustError, share: float | None) -> dict[str, Any]:
    signals: dict[str, float] = {}
    reasons: list[str] = []
    if isinstance(value, FieldJudgement):
        signals["reflection"] = value.value
        reasons += [value.reason] if value.reason else []
    else:
        reasons.append(f"It was not judged: {value}.")
    if share is not None:
        signals["consistency"] = share
        reasons.append(f"Of the model's other answers, {share:.0%} give the same value.")
    explanation = " ".join(reasons) or "No reasons were given."
    return {"score": combine(signals), "explanation": explanation}


def _number(entry: Any) -> float:
    score = entry.get("score") if isinstance(entry, Mapping) else None
    return -1.0 if score is None else float(score)
