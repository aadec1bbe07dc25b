"""The options of a `TLM`: what may be set, and where it would do nothing."""

import logging
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from nemoguardrails_trust.errors import SettingsError
from nemoguardrails_trust.scorers.base import QualityPreset
from nemoguardrails_trust.scorers.local.presets import plan_for

MOST_ANSWERS = 20
"""The most candidates or samples of one prompt: a prompt that needs more is not worth its cost."""

_CANDIDATES: dict[QualityPreset, int] = {"base": 1, "low": 1, "medium": 1, "high": 2, "best": 4}

_log = logging.getLogger(__name__)

SimilarityMeasure = Literal[
    "semantic", "string", "embedding", "embedding_large", "code", "discrepancy"
]


class EvalCriterion(BaseModel):
    """A standard of the user's own, asked about beside the score.

    Attributes:
        name: What it is called in `log["custom_eval_criteria"]`.
        criteria: What a response must be or do to meet it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    name: Annotated[str, Field(pattern=r"\S")]
    criteria: Annotated[str, Field(pattern=r"\S")]


class TLMOptions(BaseModel):
    """What `TLM(options={…})` takes. What is left out, or `None`, is as the preset has it.

    Attributes:
        model: The model's name.
        max_tokens: The most tokens of an answer or a sample, at least 1.
        num_candidate_responses: Answers that `prompt` draws, 1 to 20, to return the best-scored.
            By default 4 in `best`, 2 in `high`, otherwise 1.
        num_consistency_samples: Samples that a response is compared with, 0 to 20.
        use_self_reflection: Whether the model is asked about the response.
        reasoning_effort: How long a model that thinks may think; sent with every request.
        log: What results carry besides: `explanation`, `perplexity`.
        custom_eval_criteria: Standards of the user's own; each costs one call more a score.
        similarity_measure: Taken from those who come from Cleanlab's clients, and changes
            nothing, of which the log tells: samples are compared by what their texts say, and in
            `high` and `best` by the model too.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    model: Annotated[str, Field(pattern=r"\S")] | None = None
    max_tokens: Annotated[int, Field(ge=1)] | None = None
    num_candidate_responses: Annotated[int, Field(ge=1, le=MOST_ANSWERS)] | None = None
    num_consistency_samples: Annotated[int, Field(ge=0, le=MOST_ANSWERS)] | None = None
    use_self_reflection: bool | None = None
    reasoning_effort: Literal["none", "minimal", "low", "medium", "high", "xhigh"] | None = None
    log: Annotated[tuple[Literal["explanation", "perplexity"], ...], Field(strict=False)] = ()
    custom_eval_criteria: Annotated[tuple[EvalCriterion, ...], Field(strict=False)] = ()
    similarity_measure: SimilarityMeasure | None = None

    @property
    def reflects(self) -> bool:
        """Whether the model may be asked about the response."""
        return self.use_self_reflection is not False

    def candidates(self, quality: QualityPreset) -> int:
        """How many answers `prompt` draws."""
        return self.num_candidate_responses or _CANDIDATES[quality]

    def samples(self, quality: QualityPreset) -> int:
        """How many samples the local scorer draws for a score."""
        samples = self.num_consistency_samples
        return plan_for(quality, has_probability=False, samples=samples).samples


def read_options(options: Mapping[str, Any] | None) -> TLMOptions:
    """Checks options as a caller gives them.

    Raises:
        SettingsError: An option is unknown or its value unfit. The message names it.
    """
    if not isinstance(options, Mapping | None):
        raise SettingsError(
            f"options is a {type(options).__name__}; it must be a dictionary", key="options"
        )
    given = {name: value for name, value in (options or {}).items() if value is not None}
    for name in given:
        key = f"options.{name}"
        if name not in TLMOptions.model_fields:
            known = ", ".join(sorted(TLMOptions.model_fields))
            raise SettingsError(f"{key} is unknown; the options are {known}", key=key)
    try:
        chosen = TLMOptions(**given)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        key = ".".join(["options", *map(str, first["loc"])])
        raise SettingsError(f"{key}: {first['msg']}", key=key) from None
    if chosen.similarity_measure is not None:
        _log.warning(
            "options.similarity_measure changes nothing: samples are compared by what they say"
        )
    return chosen


def require_effect(options: TLMOptions, quality: QualityPreset, *, is_local: bool) -> None:
    """Makes sure that every option that was given does something.

    Args:
        options: The options.
        quality: The preset they go with.
        is_local: Whether the scorer is the local one.

    Raises:
        SettingsError: One does nothing, or leaves nothing to score with. The message names it.
    """
    if not is_local:
        for name in ("num_consistency_samples", "use_self_reflection", "custom_eval_criteria"):
            if getattr(options, name) not in (None, ()):
                raise _useless(name, "with this scorer; it is for the scorer 'local'")
        return
    if (
        options.num_consistency_samples is not None
        and plan_for(quality, has_probability=False).samples == 0
    ):
        raise _useless(
            "num_consistency_samples", f"with quality_preset {quality!r}, which draws no samples"
        )
    if options.reflects or options.samples(quality):
        return
    if quality != "base":
        raise SettingsError(
            "options.use_self_reflection is False, which leaves nothing to score with: "
            "let samples be drawn, by quality_preset 'medium' or num_consistency_samples",
            key="options.use_self_reflection",
        )
    if "explanation" in options.log:
        raise _useless("log", "'explanation', where no model is asked about the response")


def _useless(name: str, where: str) -> SettingsError:
    return SettingsError(f"options.{name} is of no use {where}", key=f"options.{name}")
