"""Evaluations beside a score, as they are chosen in settings."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, GetJsonSchemaHandler, model_validator
from pydantic_core import CoreSchema

from nemoguardrails_trust.errors import SettingsError, nearest_name
from nemoguardrails_trust.exchange import Exchange
from nemoguardrails_trust.signals.evaluations import (
    Eval,
    get_default_evals,
    get_default_tool_call_evals,
    only_calls_tools,
)

EVALUATIONS = "evaluations"
"""Where the evaluations stand in a score's metadata."""

DEFAULT_EVALUATION_THRESHOLD = 0.5

_OF_CALLS = {evaluation.name: evaluation for evaluation in get_default_tool_call_evals()}
_KNOWN = {evaluation.name: evaluation for evaluation in get_default_evals()} | _OF_CALLS

_ELSEWHERE = {
    **dict.fromkeys(("faithfulness", "hallucination"), "response_groundedness"),
    **dict.fromkeys(
        ("answer_relevancy", "answer_relevance", "response_relevancy"), "response_helpfulness"
    ),
    **dict.fromkeys(
        ("context_recall", "contextual_recall", "contextual_relevancy"), "context_sufficiency"
    ),
}
"""What other evaluation tools, such as ragas and deepeval, call what is nearest to ours."""


class EvaluationSettings(BaseModel):
    """An evaluation that is chosen by its name, or one of the user's own.

    A name alone, and a name with its threshold (`response_groundedness: 0.7`), are read too.

    Attributes:
        name: One of ours, such as `response_groundedness`, or that of the user's own.
        threshold: A response with less is untrustworthy, 0 to 1.
        criteria: What must hold; only of the user's own.
        query_identifier: What the criteria call the user's query.
        context_identifier: What they call the retrieved passages.
        response_identifier: What they call the response.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    name: str
    threshold: Annotated[float, Field(ge=0.0, le=1.0)] = DEFAULT_EVALUATION_THRESHOLD
    criteria: str | None = None
    query_identifier: str | None = None
    context_identifier: str | None = None
    response_identifier: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _in_short(cls, given: Any) -> Any:
        if isinstance(given, str):
            return {"name": given}
        if isinstance(given, Mapping) and len(given) == 1 and "name" not in given:
            ((name, threshold),) = given.items()
            return {"name": name, "threshold": threshold}
        return given

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        names = {"enum": list(_KNOWN)}
        with_threshold = {
            "type": "object",
            "propertyNames": names,
            "additionalProperties": {"type": "number", "minimum": 0, "maximum": 1},
            "minProperties": 1,
            "maxProperties": 1,
        }
        return {"anyOf": [names, with_threshold, handler(core_schema)]}

    @model_validator(mode="after")
    def _can_be_made(self) -> "EvaluationSettings":
        try:
            self.evaluation()
        except SettingsError as error:
            raise ValueError(str(error)) from None
        return self

    def evaluation(self) -> Eval:
        """The evaluation itself.

        Raises:
            SettingsError: It is none of ours, and has no criteria of its own.
        """
        own = (self.query_identifier, self.context_identifier, self.response_identifier)
        if self.criteria is not None:
            return Eval(self.name, self.criteria, *own)
        if self.name not in _KNOWN:
            near = _nearest(self.name)
            hint = f" ({near} is nearest)" if near else ""
            raise SettingsError(
                f"there is no evaluation {self.name!r}{hint}; choose from {', '.join(_KNOWN)}, "
                "or give your own criteria",
                key="evaluations",
            )
        if any(own):
            raise SettingsError("identifiers have no effect without criteria", key="evaluations")
        return _KNOWN[self.name]


def _nearest(name: str) -> str | None:
    """The evaluation that somebody may have meant by a name; `None` where none comes near."""
    folded = name.strip().casefold().replace("-", "_").replace(" ", "_").removesuffix("_metric")
    if folded in _ELSEWHERE:
        return _ELSEWHERE[folded]
    return nearest_name(folded, _KNOWN)


def evaluation_values(
    metadata: Mapping[str, Any],
) -> tuple[dict[str, float | None], dict[str, str]]:
    """What evaluations brought, by their names.

    Args:
        metadata: That of a score, which may be a user's own and hold anything.

    Returns:
        The scores, `None` where there is none, and why those could not be had that are missing.
    """
    found = metadata.get(EVALUATIONS)
    told = {
        name: entry
        for name, entry in (found.items() if isinstance(found, Mapping) else ())
        if isinstance(name, str) and isinstance(entry, Mapping) and "threshold" in entry
    }
    values: dict[str, float | None] = {name: entry.get("score") for name, entry in told.items()}
    return values, {name: str(entry["error"]) for name, entry in told.items() if "error" in entry}


def why_not_applicable(evaluation: Eval, exchange: Exchange) -> str | None:
    """Why an evaluation says nothing about an exchange; `None` where it does."""
    calls = only_calls_tools(exchange.response)
    if evaluation.name in _OF_CALLS and not calls:
        return "the response calls no tools"
    if calls and evaluation.response_identifier is not None and evaluation.name not in _OF_CALLS:
        return "the response only calls tools"
    if evaluation.context_identifier is not None and not any(map(str.strip, exchange.context)):
        return "there are no passages"
    return None
