"""The options of a `TLM`, and when one would have no effect."""

import logging
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from nemoguardrails_trust.errors import SettingsError, why_invalid
from nemoguardrails_trust.scorers.base import QualityPreset
from nemoguardrails_trust.scorers.local.presets import plan_for
from nemoguardrails_trust.signals.reflection import MOST_REFLECTIONS

MOST_ANSWERS = 20
"""The most candidates or samples of one prompt: a prompt that needs more is not worth its cost."""

_CANDIDATES: dict[QualityPreset, int] = {"base": 1, "low": 1, "medium": 1, "high": 2, "best": 4}

_REFLECTIONS = "num_self_reflections"
_LOCAL = (
    "num_consistency_samples",
    _REFLECTIONS,
    "use_self_reflection",
    "custom_eval_criteria",
    "disable_trustworthiness",
)

_log = logging.getLogger(__name__)

SimilarityMeasure = Literal[
    "semantic", "string", "embedding", "embedding_large", "code", "discrepancy"
]


LogEntry = Literal["explanation", "perplexity", "per_field_score", "claims"]


class EvalCriterion(BaseModel):
    """A criterion of your own, checked besides the score.

    Attributes:
        name: Its name in `log["custom_eval_criteria"]`.
        criteria: What a response must be or do to meet it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    name: Annotated[str, Field(pattern=r"\S")]
    criteria: Annotated[str, Field(pattern=r"\S")]


class TLMOptions(BaseModel):
    """The options of `TLM(options={…})`. Those that are left out, or `None`, follow the preset.

    Attributes:
        model: The model's name.
        max_tokens: The longest answer or sample, in tokens, at least 1.
        num_candidate_responses: How many answers `prompt` draws, 1 to 20, to return the best one.
            By default 4 in `best`, 2 in `high`, otherwise 1.
        num_consistency_samples: How many samples a response is compared with, 0 to 20, instead of
            the preset's number.
        num_self_reflections: How often the model is asked about the response, 0 to 3, with a
            different question each time; the mean counts. By default once.
        use_self_reflection: The older form: `False` turns reflection off.
        reasoning_effort: How much a model that thinks may think; sent with every request.
        log: What results also contain: `explanation`, `perplexity`, `per_field_score`,
            `claims`.
        custom_eval_criteria: Criteria of your own; each costs one more call per score.
        similarity_measure: Accepted for code written for Cleanlab's clients. It has no effect,
            and a log message says so: samples are compared by what their texts say, and in `high`
            and `best` by the model too.
        disable_trustworthiness: Whether to skip the score and only check `custom_eval_criteria`, or
            the evaluations of a `TrustworthyRAG`. Other settings of the score then have no
            effect.
        disable_persistence: Accepted for the same code; nothing is ever stored.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    model: Annotated[str, Field(pattern=r"\S")] | None = None
    max_tokens: Annotated[int, Field(ge=1)] | None = None
    num_candidate_responses: Annotated[int, Field(ge=1, le=MOST_ANSWERS)] | None = None
    num_consistency_samples: Annotated[int, Field(ge=0, le=MOST_ANSWERS)] | None = None
    num_self_reflections: Annotated[int, Field(ge=0, le=MOST_REFLECTIONS)] | None = None
    use_self_reflection: bool | None = None
    reasoning_effort: Literal["none", "minimal", "low", "medium", "high", "xhigh"] | None = None
    log: Annotated[tuple[LogEntry, ...], Field(strict=False)] = ()
    custom_eval_criteria: Annotated[tuple[EvalCriterion, ...], Field(strict=False)] = ()
    similarity_measure: SimilarityMeasure | None = None
    disable_trustworthiness: bool = False
    disable_persistence: bool = False

    @property
    def reflections(self) -> int | None:
        """How often the model is asked about the response; `None` as often as the preset has it."""
        if self.disable_trustworthiness or self.use_self_reflection is False:
            return 0
        return self.num_self_reflections

    def candidates(self, quality: QualityPreset) -> int:
        """How many answers `prompt` draws."""
        if self.disable_trustworthiness:
            return 1
        return self.num_candidate_responses or _CANDIDATES[quality]

    def samples(self, quality: QualityPreset) -> int:
        """How many samples the local scorer draws for a score."""
        samples = 0 if self.disable_trustworthiness else self.num_consistency_samples
        rephrase = self.rephrase(quality)
        return plan_for(quality, has_probability=False, samples=samples, rephrase=rephrase).own

    def rephrase(self, quality: QualityPreset) -> int | None:
        """How many samples answer rephrasings; `None` for the preset's number.

        Several candidates are compared with the same samples, which are drawn to one prompt.
        """
        return 0 if self.candidates(quality) > 1 else None


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
        raise SettingsError(f"{key}: {why_invalid(first)}", key=key) from None
    if chosen.use_self_reflection is not None and chosen.num_self_reflections is not None:
        raise SettingsError(
            "options.num_self_reflections and options.use_self_reflection set the "
            "same thing; leave use_self_reflection out",
            key="options.use_self_reflection",
        )
    if chosen.similarity_measure is not None:
        _log.warning(
            "options.similarity_measure has no effect: samples are compared by what they say"
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
        for name in _LOCAL:
            if getattr(options, name) != TLMOptions.model_fields[name].default:
                raise _useless(name, "with this scorer; it needs the scorer 'local'")
        if "claims" in options.log:
            raise _useless("log", "'claims', with this scorer; it needs the scorer 'local'")
        return
    if options.disable_trustworthiness or options.reflections != 0 or options.samples(quality):
        return
    name = "use_self_reflection" if options.num_self_reflections is None else _REFLECTIONS
    if quality != "base":
        raise SettingsError(
            f"options.{name} is {getattr(options, name)}, which leaves nothing to score with: draw "
            "samples, with quality_preset 'medium' or num_consistency_samples",
            key=f"options.{name}",
        )
    if "explanation" in options.log:
        raise _useless("log", "'explanation', if no model is asked about the response")


def _useless(name: str, where: str) -> SettingsError:
    return SettingsError(f"options.{name} has no effect {where}", key=f"options.{name}")
