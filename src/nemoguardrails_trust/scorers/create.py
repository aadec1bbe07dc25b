"""The one place where a scorer is made from its settings."""

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nemoguardrails_trust.calibration.calibration import Calibration
from nemoguardrails_trust.errors import SettingsError, nearest_name
from nemoguardrails_trust.models.base import LanguageModel
from nemoguardrails_trust.scorers.base import (
    DEFAULT_THRESHOLD,
    HOSTED_SCORERS,
    SCORERS,
    Scorer,
    ScorerSettings,
)
from nemoguardrails_trust.scorers.calibrated import CalibratedScorer
from nemoguardrails_trust.scorers.modules import import_from


@dataclass(frozen=True, slots=True)
class BuiltScorer:
    """A scorer and its threshold.

    Attributes:
        scorer: The scorer. With a calibration, its scores are probabilities.
        threshold: Scores below it are untrustworthy. The user's own threshold, otherwise the
            calibration's, otherwise 0.6.
        calibration: The calibration named in the settings.
    """

    scorer: Scorer
    threshold: float
    calibration: Calibration | None = None


def create_scorer(
    settings: ScorerSettings,
    model: LanguageModel | None = None,
    *,
    calibration: Calibration | None = None,
    folders: Sequence[Path] = (),
    **local_options: Any,
) -> BuiltScorer:
    """Builds the scorer named in the settings, with its calibration if they name one.

    Args:
        settings: What to build.
        model: The language model for the `local` scorer and for evaluations. Hosted scorers do not
            need one.
        calibration: The calibration, if it is already loaded.
        folders: Where to look for the module of a custom scorer, before the installed modules.
        local_options: Further arguments for `LocalScorer`, such as `samples`. Only for `local`.

    Raises:
        SettingsError: The scorer cannot be built from the settings, or the calibration was made
            for another scorer, preset or model.
        DataError: The calibration cannot be read.
        MissingDependencyError: The scorer needs an extra that is not installed.
        CredentialsError: The scorer needs a key that is not set.
    """
    calibration = calibration or load_calibration(settings, model)
    threshold = threshold_of(settings, calibration)
    concurrency = local_options.get("concurrency", 64)
    if settings.scores_claims and settings.scorer in HOSTED_SCORERS:
        raise SettingsError(
            f"scorer {settings.scorer!r} does not score sentences; use the scorer 'local'",
            key="explain",
        )
    if settings.scorer == "local":
        scorer = _local(settings, model, calibration, local_options)
    elif local_options:
        names = ", ".join(sorted(local_options))
        raise SettingsError(f"{names}: only for the local scorer", key=min(local_options))
    else:
        scorer = _named(settings, folders)
        if calibration is not None:
            scorer = CalibratedScorer(scorer, calibration)
    if settings.evaluations:
        scorer = _evaluating(scorer, settings, model, concurrency)
    return BuiltScorer(scorer, threshold, calibration)


def _evaluating(
    scorer: Scorer, settings: ScorerSettings, model: LanguageModel | None, concurrency: int
) -> Scorer:
    from nemoguardrails_trust.scorers.evaluating import EvaluatingScorer

    if model is None:
        raise SettingsError("evaluations need a model, and none is configured", key="evaluations")
    return EvaluatingScorer(
        scorer,
        model,
        settings.evaluations,
        timeout=settings.timeout,
        concurrency=concurrency,
    )


def take_scorer(scorer: Scorer, calibration: str | Path | None = None) -> BuiltScorer:
    """Takes a scorer that its user has built, with a calibration.

    Raises:
        SettingsError: It is no scorer, or the calibration was made for another one.
        DataError: The calibration cannot be read.
    """
    require_scorer(scorer, f"scorer is a {type(scorer).__name__}")
    if calibration is None:
        return BuiltScorer(scorer, DEFAULT_THRESHOLD)
    loaded = Calibration.load(calibration)
    loaded.require_match(
        scorer=getattr(scorer, "name", None),
        quality=getattr(scorer, "quality", None),
        model=getattr(scorer, "model_name", None),
    )
    threshold = threshold_of(ScorerSettings(), loaded)
    return BuiltScorer(CalibratedScorer(scorer, loaded), threshold, loaded)


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


def _local(
    settings: ScorerSettings,
    model: LanguageModel | None,
    calibration: Calibration | None,
    options: dict[str, Any],
) -> Scorer:
    from nemoguardrails_trust.scorers.local.scorer import LocalScorer

    if model is None:
        raise SettingsError(
            "scorer is 'local', which needs a model, and none is configured", key="scorer"
        )
    if calibration is not None:
        options |= {"weights": calibration.signal_weights, "transform": calibration.apply}
    return LocalScorer(model, settings, **options)


def _named(settings: ScorerSettings, folders: Sequence[Path]) -> Scorer:
    name = settings.scorer
    if name in HOSTED_SCORERS:
        from nemoguardrails_trust.scorers.cleanlab import scorer as cleanlab

        return cleanlab.create(name, settings)
    if ":" in name:
        return _from_factory(name, settings, folders)
    known = ", ".join(repr(known) for known in SCORERS)
    near = nearest_name(name.casefold(), SCORERS)
    hint = f"; did you mean {near!r}?" if near else ""
    raise SettingsError(
        f"scorer is {name!r}; it must be one of {known}, "
        f"or name a factory as 'package.module:factory'{hint}",
        key="scorer",
    )


def _from_factory(name: str, settings: ScorerSettings, folders: Sequence[Path]) -> Scorer:
    factory = _import_factory(name, folders)
    try:
        scorer = factory(settings)
    except Exception as error:
        raise SettingsError(
            f"scorer {name!r} could not be built: {type(error).__name__}: {error}", key="scorer"
        ) from error
    require_scorer(scorer, f"scorer {name!r} returned a {type(scorer).__name__}")
    return scorer


def require_scorer(scorer: object, told: str) -> None:
    """Makes sure that something can score.

    Args:
        scorer: It.
        told: What it is, for the error.

    Raises:
        SettingsError: It cannot.
    """
    if not inspect.iscoroutinefunction(getattr(scorer, "score", None)):
        hint = "; pass its `scorer`" if hasattr(scorer, "scorer") else ""
        raise SettingsError(
            f"{told}, which has no `async def score(self, exchange)`{hint}", key="scorer"
        )


def _import_factory(name: str, folders: Sequence[Path]) -> Callable[[ScorerSettings], Scorer]:
    module_name, _, attribute = name.partition(":")
    try:
        factory = getattr(import_from(folders, module_name), attribute)
    except Exception as error:
        told = str(error) if isinstance(error, ImportError | AttributeError | ValueError) else ""
        reason = told or f"{type(error).__name__}: {error}"
        raise SettingsError(
            f"scorer {name!r} could not be imported: {reason}", key="scorer"
        ) from error
    if not callable(factory):
        raise SettingsError(f"scorer {name!r} is not callable", key="scorer")
    found: Callable[[ScorerSettings], Scorer] = factory
    return found
