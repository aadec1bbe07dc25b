"""The settings under `custom_data.trust` and on the flow's line."""

import re
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, ValidationError

from nemoguardrails_trust.errors import SettingsError, known_instead, nearest_name, wrong_value
from nemoguardrails_trust.models.base import MOST_BYTES
from nemoguardrails_trust.scorers.base import ScorerSettings
from nemoguardrails_trust.scorers.evaluations import EvaluationSettings

if TYPE_CHECKING:
    from nemoguardrails.rails.llm.config import RailsConfig

FLOW_NAME = "cleanlab trustworthiness"
TOOL_CALLS_FLOW_NAME = "cleanlab trustworthiness tool calls"

OnUntrustworthy = Literal["warn", "mark", "block", "escalate", "regenerate"]
OnError = Literal["flag", "block", "allow"]
TraceScores = Literal["langfuse"]

SETTINGS_ON_LINE = ("threshold", "on_untrustworthy")
"""The settings that may stand on the flow's own line, in the order of the flow's parameters."""

MARK = "[UNVERIFIED]"
_MOST_SHOWN = 100  # characters of a value, in an error
_FORM = re.compile(r"bool\Z|literal\[")  # pydantic's names for the forms of one setting
_ASSIGNMENT = re.compile(r"\$?(\w+)\s*=\s*(\"[^\"]*\"|'[^']*'|[^\s,$()]*)")


class TrustSettings(ScorerSettings):
    """The settings under `custom_data.trust`.

    Attributes:
        on_untrustworthy: What happens to an answer below the threshold: `warn` adds a caution,
            `mark` adds `mark_text` after each sentence below the threshold, `block` replaces it
            with a message, `escalate` gives the application an exception, and `regenerate` asks
            the model once more and keeps the better answer.
        mark_text: What `mark` adds after a sentence.
        on_error: What happens to an answer that could not be checked: `flag` treats it as
            untrustworthy and says that it was not checked, `block` replaces it with a message,
            and `allow` lets it pass, recorded as unchecked.
        cache: How many scores to keep in memory; 0 keeps none.
        trace_scores: `langfuse` writes each outcome to the turn's trace, as the score
            `trust_score`.
        prefetch: Whether to draw samples while the bot's model is still writing its answer, so that
            a check waits only for the judge. The samples are wasted if the answer is never
            checked, or if its score is already in the cache.
        token_probabilities: Whether to ask the bot's model for token probabilities, in the call
            that writes the answer. `None` asks for them if the scorer is `local` and the model
            speaks the OpenAI protocol.
        tool_calls_threshold: Tool calls that score below it are withheld, if
            `cleanlab trustworthiness tool calls` is one of the tool output rails. `None` uses
            `threshold`.
        require: Signals that an answer needs to count as checked: `reflection`, `consistency`,
            `probability`, or those of your own scorer.
        most_bytes: The largest reply, in bytes after decompression, to read from the model that
            judges and samples, if it speaks the OpenAI protocol.
        min_signals: How many signals an answer needs to count as checked.
        metrics: Whether to count and time checks as OpenTelemetry metrics, for the application's
            meter provider. `None` does so if OpenTelemetry is loaded when the bot starts.
    """

    on_untrustworthy: OnUntrustworthy = "warn"
    mark_text: str = Field(default=MARK, min_length=1, max_length=200, pattern=r"\S")
    on_error: OnError = "flag"
    cache: int = Field(default=1024, ge=0)
    trace_scores: TraceScores | None = None
    prefetch: bool = False
    token_probabilities: bool | None = None
    tool_calls_threshold: float | None = Field(default=None, ge=0.0, le=1.0)
    require: tuple[str, ...] = ()
    min_signals: int = Field(default=0, ge=0)
    metrics: bool | None = None
    most_bytes: int = Field(default=MOST_BYTES, ge=1)

    @property
    def scores_claims(self) -> bool:
        """Whether each sentence gets its own score."""
        return self.explain == "claims" or self.on_untrustworthy == "mark"

    def overridden(self, overrides: Mapping[str, Any]) -> "TrustSettings":
        """These settings with some values replaced, validated again.

        Raises:
            SettingsError: A value is out of range.
        """
        return _validated({**self.model_dump(), **overrides}, where="")


def read_settings(custom_data: Mapping[str, Any] | None) -> TrustSettings:
    """Reads `custom_data.trust` of a configuration; all defaults where it is absent.

    Raises:
        SettingsError: A key is unknown or a value out of range; it names the key.
    """
    given = custom_data or {}
    near = nearest_name("trust", (str(key).casefold() for key in given), cutoff=0.8)
    if "trust" not in given and near:
        name = next(key for key in given if str(key).casefold() == near)
        raise SettingsError(
            f"custom_data.{name} has no effect; did you mean custom_data.trust?", key=str(name)
        )
    values = given.get("trust")
    if values is None:
        values = {}
    if not isinstance(values, Mapping):
        raise SettingsError(
            f"custom_data.trust is a {type(values).__name__}; it must be a mapping of settings",
            key="custom_data.trust",
        )
    return _validated(values, where="custom_data.trust.")


@lru_cache(maxsize=64)
def flow_on(line: str) -> str:
    """The flow that a line under `flows` names, with settings or without."""
    return re.split(r"[$(]", line, maxsplit=1)[0].strip()


def is_trust_flow(line: str) -> bool:
    """Whether a line under `rails.output.flows` names our flow."""
    return flow_on(line) == FLOW_NAME


def trust_flow_lines(config: "RailsConfig") -> list[str]:
    """The output rails of a Colang 1.0 configuration that name our flow."""
    return [line for line in config.rails.output.flows if is_trust_flow(line)]


@lru_cache(maxsize=64)
def read_flow_line(line: str) -> Mapping[str, Any]:
    """Reads the settings on a flow's line, as in `… $threshold=0.7 $on_untrustworthy=block`.

    NeMo Guardrails itself reads the first setting on such a line only, so the line is read here.

    Raises:
        SettingsError: A setting is unknown or out of range; it names the line.
    """
    rest = line.strip()[len(FLOW_NAME) :]
    settings: dict[str, Any] = {}
    for key, value in _ASSIGNMENT.findall(rest):
        if key not in SETTINGS_ON_LINE:
            raise SettingsError(
                f"{key!r} on the flow's line {line!r} is not a setting of this rail; "
                f"{known_instead(key, SETTINGS_ON_LINE)}",
                key=key,
            )
        settings[key] = value.strip("\"'")
    left_over = re.sub(r"[\s,$()]", "", _ASSIGNMENT.sub("", rest))
    if left_over:
        raise SettingsError(
            f"{left_over!r} on the flow's line {line!r} cannot be read; "
            "write settings as $threshold=0.7",
            key=left_over,
        )
    _validated(settings, where=f"the flow's line {line!r}: ")
    return MappingProxyType(settings)


def _validated(values: Mapping[Any, Any], where: str) -> TrustSettings:
    try:
        return TrustSettings.model_validate(dict(values))
    except ValidationError as error:
        raise _as_settings_error(error, where) from None


def _as_settings_error(error: ValidationError, where: str) -> SettingsError:
    found: dict[str, list[Any]] = {}
    for problem in error.errors(include_url=False):
        parts = [str(part) for part in problem["loc"] if not _FORM.match(str(part))]
        found.setdefault(".".join(parts), []).append(problem)
    problems = []
    for key, same in found.items():
        first = same[0]
        if first["type"] == "extra_forbidden":
            of_evaluation = key.startswith("evaluations.")
            fields = (
                EvaluationSettings.model_fields if of_evaluation else TrustSettings.model_fields
            )
            hint = known_instead(key.rpartition(".")[2], sorted(fields))
            problems.append(f"{where}{key} is not a setting; {hint}")
        elif first["type"] == "missing":
            problems.append(f"{where}{key} is missing")
        else:
            problems.append(f"{where}{key}{wrong_value(*same, show=_shown)}")
    first_key = next(iter(found), None)
    return SettingsError("; ".join(problems), key=first_key)


def _shown(value: Any) -> str:
    shown = repr(value)
    return shown if len(shown) <= _MOST_SHOWN else f"{shown[:_MOST_SHOWN]}…"
