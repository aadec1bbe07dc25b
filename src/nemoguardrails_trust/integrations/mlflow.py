"""MLflow: a scorer for `mlflow.genai.evaluate`.

    from nemoguardrails_trust.integrations.mlflow import trust_scorer

    mlflow.genai.evaluate(data=rows, scorers=[trust_scorer(tlm)])

The `mlflow` package is only imported when it is used; `mlflow-skinny` is enough.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from nemoguardrails_trust.datasets.columns import PROMPTS
from nemoguardrails_trust.errors import DataError, needing
from nemoguardrails_trust.integrations.verdicts import answer_of, reason_of, verdict_of
from nemoguardrails_trust.tlm import TLM

if TYPE_CHECKING:
    from mlflow.genai.scorers import Scorer

__all__ = ["trust_scorer"]


def trust_scorer(
    tlm: TLM,
    *,
    name: str = "trustworthiness",
    prompt: str | None = None,
    context: str = "context",
) -> "Scorer":
    """Makes a scorer for the answers in a data set.

    The feedback's value is the trustworthiness, 0 to 1. Its rationale is the explanation, if the
    `TLM` was made with `options={"log": ["explanation"]}`, and its metadata has `threshold` and
    `status`. If there is no score, the feedback is an error.

    Args:
        tlm: The `TLM` that scores.
        name: What MLflow calls the feedback.
        prompt: The key of `inputs` with the question, as text or chat messages. By default the only
            key, or `messages`, or another usual name, such as `question`.
        context: The key of `inputs` with the retrieved passages, if there are any.

    Raises:
        MissingDependencyError: The `mlflow` package is not installed.
    """
    with needing("mlflow", "mlflow"):
        from mlflow.entities import AssessmentError, Feedback
        from mlflow.genai.scorers import scorer

    def score(inputs: dict[str, Any], outputs: Any) -> Feedback:
        try:
            asked = _asked(inputs, prompt, context)
            said = answer_of(outputs)
        except (DataError, TypeError, ValueError) as error:
            return Feedback(name=name, error=AssessmentError(type(error).__name__, str(error)))
        result = tlm.try_get_trustworthiness_score(asked, said, context=inputs.get(context))
        verdict = verdict_of(result, tlm.threshold)
        if verdict["status"] == "unchecked":
            return Feedback(name=name, error=AssessmentError("unchecked", reason_of(verdict)))
        return Feedback(
            name=name,
            value=verdict["trustworthiness_score"],
            rationale=reason_of(verdict),
            metadata={"threshold": verdict["threshold"], "status": verdict["status"]},
        )

    return scorer(score, name=name)


def _asked(inputs: Mapping[str, Any], prompt: str | None, context: str) -> Any:
    """What was asked.

    Raises:
        DataError: Which input it is cannot be told.
    """
    keys = [key for key in inputs if key != context]
    if prompt is None:
        usual = [key for key in keys if key.casefold() in PROMPTS]
        only = next((names[0] for names in (keys, usual) if len(names) == 1), None)
        prompt = "messages" if "messages" in keys else only
    told = ", ".join(keys) or "none"
    if prompt is not None and prompt not in inputs:
        raise DataError(f"there is no input {prompt!r}; the inputs are: {told}")
    if prompt is None:
        raise DataError(f"it is unclear which input is the prompt ({told}); name it with prompt=")
    return inputs[prompt]
