"""The one place where a scorer is made from its settings."""

import importlib
import inspect
from collections.abc import Callable
from typing import Any

from nemoguardrails_trust.calibration.calibration import Calibration
from nemoguardrails_trust.errors import SettingsError
from nemoguardrails_trust.models.base import LanguageModel
from nemoguardrails_trust.scorers.base import HOSTED_SCORERS, Scorer, ScorerSettings
from nemoguardrails_trust.scorers.calibrated import CalibratedScorer


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


def create_calibrated_scorer(
    settings: ScorerSettings, model: LanguageModel | None = None, **local_options: Any
) -> Scorer:
    """Builds the scorer that the settings name, with its calibration where they name one.

    Args:
        settings: What to build.
        model: The language model of the `local` scorer; the hosted ones do without.
        local_options: More for `LocalScorer`, such as `samples`; only for the `local` scorer.

    Raises:
        SettingsError: The scorer cannot be built from the settings, or the calibration was made
            for another scorer, preset or model.
        DataError: The calibration cannot be read.
        MissingDependencyError: The scorer needs an extra that is not installed.
        CredentialsError: The scorer needs a key that is not set.
    """
    calibration = load_calibration(settings, model)
    if settings.scorer != "local" or model is None:
        if local_options:
            names = ", ".join(sorted(local_options))
            raise SettingsError(f"{names}: only for the local scorer", key=min(local_options))
        scorer = create_scorer(settings, model)
        return scorer if calibration is None else CalibratedScorer(scorer, calibration)

    from nemoguardrails_trust.scorers.local.scorer import LocalScorer

    if calibration is not None:
        local_options.update(weights=calibration.signal_weights, transform=calibration.apply)
    return LocalScorer(model, settings, **local_options)


def load_calibration(
    settings: ScorerSettings, model: LanguageModel | None = None
) -> Calibration | None:
    """Loads the calibration that the settings name, and makes sure that it fits them.

    Returns:
        The calibration; `None` where the settings name none.

    Raises:
        DataError: It cannot be read.
        SettingsError: It was made for another scorer, preset or model.
    """
    if settings.calibration is None:
        return None
    calibration = Calibration.load(settings.calibration)
    name = settings.model if model is None else model.name
    calibration.require_match(scorer=settings.scorer, quality=settings.quality, model=name)
    return calibration


def threshold_of(settings: ScorerSettings, calibration: Calibration | None) -> float:
    """The threshold to compare scores with: the user's own, else the calibration's, else 0.6."""
    chosen_by_user = "threshold" in settings.model_fields_set
    if chosen_by_user or calibration is None or calibration.threshold is None:
        return settings.threshold
    return calibration.threshold
