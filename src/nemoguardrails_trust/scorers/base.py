"""The scorer protocol, the settings of a scorer, and the registry of names."""

import importlib
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Literal, Protocol, runtime_checkable

from pydantic import BaseModel, ConfigDict, Field

from nemoguardrails_trust.errors import SettingsError
from nemoguardrails_trust.exchange import Exchange
from nemoguardrails_trust.models.base import LanguageModel
from nemoguardrails_trust.scores import TrustworthinessScore

QualityPreset = Literal["base", "low", "medium", "high", "best"]

DEFAULT_THRESHOLD = 0.6
HOSTED_SCORERS = ("cleanlab-studio", "cleanlab-tlm")


class ScorerSettings(BaseModel):
    """What a scorer is built from.

    Attributes:
        threshold: Scores below it are untrustworthy, 0 to 1.
        scorer: `local`, `cleanlab-studio`, `cleanlab-tlm`, or `package.module:factory`.
        quality: How many model calls a score may cost.
        model: Which model judges and samples. In a rail, the `type` of a `models:` entry;
            elsewhere the model's own name. `None` takes the main or default one.
        timeout: Seconds for a whole score, above 0.
        explain: Whether to ask for reasons.
        rounds: In how many rounds samples are asked for, at least 1. More than 1 stops
            as soon as the samples still to come cannot change the decision.
        calibration: A file made by `nemo-trust calibrate`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    threshold: float = Field(default=DEFAULT_THRESHOLD, ge=0.0, le=1.0)
    scorer: str = "local"
    quality: QualityPreset = "medium"
    model: str | None = None
    timeout: float = Field(default=20.0, gt=0.0)
    explain: bool = False
    rounds: int = Field(default=1, ge=1)
    calibration: Path | None = None


@runtime_checkable
class Scorer(Protocol):
    """Anything that scores an exchange.

    A scorer may also have `async def aclose(self)`, called when it is no longer needed, and
    `def check(self)`, called once at start: it raises a `TrustError` where it can tell that no
    score will be had.
    """

    async def score(self, exchange: Exchange) -> TrustworthinessScore:
        """Scores one exchange.

        Raises:
            TrustError: No score could be had. Returning one with `score=None` means the same.
        """
        ...


def create_scorer(settings: ScorerSettings, model: LanguageModel | None = None) -> Scorer:
    """Builds the scorer that the settings name.

    Args:
        settings: What to build.
        model: The language model of the `local` scorer; the hosted ones do without.

    Raises:
        SettingsError: The name is unknown, or its factory cannot be imported or fails.
        MissingDependencyError: The scorer needs an extra that is not installed.
        CredentialsError: The scorer needs a key that is not set.
    """
    name = settings.scorer
    if name == "local":
        from nemoguardrails_trust.scorers.local.scorer import LocalScorer

        if model is None:
            raise SettingsError(
                "scorer is 'local', which needs a model, and none is configured", key="scorer"
            )
        return LocalScorer(model, settings)
    if name in HOSTED_SCORERS:
        from nemoguardrails_trust.scorers.cleanlab import scorer as cleanlab

        return cleanlab.create(name, settings)
    if ":" in name:
        return _from_factory(name, settings)
    raise SettingsError(
        f"scorer is {name!r}; it must be 'local', 'cleanlab-studio', 'cleanlab-tlm', "
        "or name a factory as 'package.module:factory'",
        key="scorer",
    )


def _from_factory(name: str, settings: ScorerSettings) -> Scorer:
    factory = _import_factory(name)
    try:
        scorer = factory(settings)
    except Exception as error:
        raise SettingsError(
            f"scorer {name!r} could not be built: {type(error).__name__}: {error}", key="scorer"
        ) from error
    score = getattr(scorer, "score", None)
    if not inspect.iscoroutinefunction(score):
        raise SettingsError(
            f"scorer {name!r} returned a {type(scorer).__name__}, which has no "
            "`async def score(self, exchange)`",
            key="scorer",
        )
    built: Scorer = scorer
    return built


def _import_factory(name: str) -> Callable[[ScorerSettings], Scorer]:
    module_name, _, attribute = name.partition(":")
    try:
        factory = getattr(importlib.import_module(module_name), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        raise SettingsError(
            f"scorer {name!r} could not be imported: {error}", key="scorer"
        ) from error
    if not callable(factory):
        raise SettingsError(f"scorer {name!r} is not callable", key="scorer")
    found: Callable[[ScorerSettings], Scorer] = factory
    return found
