"""Builds what the options describe: settings, models and scorers."""

import sys
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from nemoguardrails_trust.commands.options import (
    OF_SERVER,
    RATES,
    REPLAY,
    RowOptions,
    ScorerOptions,
)
from nemoguardrails_trust.errors import CredentialsError, SettingsError, wrong_value

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from nemoguardrails_trust.calibration.calibration import Calibration
    from nemoguardrails_trust.datasets.row_scorers import RowScorer
    from nemoguardrails_trust.models.base import LanguageModel
    from nemoguardrails_trust.models.limits import Limits
    from nemoguardrails_trust.scorers.base import Scorer, ScorerSettings
    from nemoguardrails_trust.scorers.create import BuiltScorer


def scorer_settings(options: ScorerOptions, **more: Any) -> "ScorerSettings":
    """Builds the settings from the options that were given; those that are `None` were not.

    Raises:
        SettingsError: A value is out of range. The message names the option.
    """
    from pydantic import ValidationError

    from nemoguardrails_trust.scorers.base import ScorerSettings

    chosen = {
        "model": options.model,
        "scorer": options.scorer,
        "quality": options.quality,
        "rephrase": options.rephrase,
        **more,
    }
    settings = {key: value for key, value in chosen.items() if value is not None}
    try:
        return ScorerSettings(**settings)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = str(first["loc"][0])
        option = {"evaluations": "evaluation", "explain": "claims"}.get(key, key)
        raise SettingsError(f"--{option}{wrong_value(first)}", key=key) from None


def build_model(
    options: ScorerOptions,
    *,
    recorded: "Path | None" = None,
    limits: "Limits | None" = None,
) -> "LanguageModel | None":
    """Builds the model that the options name; `None` where they name none.

    Args:
        options: Its name, its server and what may be asked of it.
        recorded: The JSON lines that `replay` gives back.
        limits: What the model keeps to; `None` takes what all models of the name and server share.

    Raises:
        SettingsError: The options contradict each other.
        DataError: The recorded answers cannot be read.
        CredentialsError: A key is needed and not set.
    """
    if options.model == REPLAY:
        from nemoguardrails_trust.models.replay import ReplayModel

        require_no_server(options)
        if recorded is None:
            raise SettingsError(
                "--model replay needs recorded answers: give --recorded FILE", key="model"
            )
        return ReplayModel.from_file(recorded)
    if options.model is None:
        if options.base_url is not None:
            raise SettingsError("--base-url needs --model", key="base_url")
        if (option := options.first_given(*RATES)) is not None:
            raise SettingsError(f"{option} needs --model")
        return None
    from nemoguardrails_trust.models.base import MOST_BYTES
    from nemoguardrails_trust.models.openai import OpenAICompatibleModel

    with _naming_options(options):
        model = OpenAICompatibleModel(
            options.model,
            base_url=options.base_url,
            limits=limits,
            most_bytes=options.most_bytes or MOST_BYTES,
        )
    model.limits.configure(None, options.requests_per_minute, options.tokens_per_minute)
    if options.cache is None:
        if options.cache_megabytes is not None:
            raise SettingsError("--cache-megabytes needs --cache")
        return model
    from nemoguardrails_trust.models.reply_cache import MEGABYTES, CachedModel, ReplyCache

    megabytes = options.cache_megabytes or MEGABYTES
    return CachedModel(model, ReplyCache(options.cache, megabytes=megabytes))


@contextmanager
def _naming_options(options: ScorerOptions) -> "Iterator[None]":
    """Has errors name what can be given to a command, not to the class in Python."""
    try:
        yield
    except SettingsError as error:
        if error.key != "base_url":
            raise
        name = "OPENAI_BASE_URL" if options.base_url is None else "--base-url"
        raise SettingsError(str(error).replace("base_url", name), key=error.key) from None
    except CredentialsError as error:
        told = str(error).replace(", or pass api_key", "").replace("base_url", "--base-url")
        raise CredentialsError(told, status=error.status) from None


def build_scorer(
    settings: "ScorerSettings",
    options: ScorerOptions,
    *,
    recorded: "Path | None" = None,
    calibration: "Calibration | None" = None,
) -> "BuiltScorer":
    """Builds the scorer that the options describe, with its calibration where one is named.

    Args:
        settings: The scorer's settings.
        options: More that was said about it.
        recorded: The JSON lines that `--model replay` gives back.
        calibration: The one that the settings name, where it was loaded before.

    Raises:
        TrustError: It cannot be built; the message says why.
    """
    from nemoguardrails_trust.scorers.create import create_scorer

    if settings.scorer != "local":
        if "" not in sys.path:
            sys.path.insert(0, "")  # a factory of the user's own may stand in the working folder
        require_local_unused(options)
        return create_scorer(settings, calibration=calibration)
    if options.model is None:
        raise SettingsError(
            "the local scorer needs a model: give --model NAME, or --model replay", key="model"
        )
    model = build_model(options, recorded=recorded)
    return create_scorer(settings, model, calibration=calibration, **_samples(options))


def require_local_unused(options: ScorerOptions) -> None:
    """Refuses options of the local scorer where another one scores.

    Raises:
        SettingsError: One was given; the message names it.
    """
    option = options.first_given("samples", "rephrase", *OF_SERVER)
    if option is not None:
        raise SettingsError(f"{option} is for the local scorer")
    if options.model == REPLAY:
        raise SettingsError("--model replay is for the local scorer")


def require_no_server(options: ScorerOptions) -> None:
    """Refuses what is said about a server where answers are replayed.

    Raises:
        SettingsError: Something is; the message names the option.
    """
    option = options.first_given(*OF_SERVER)
    if option is not None:
        raise SettingsError(f"{option} cannot be used with --model replay, which asks no server")


@dataclass(frozen=True, slots=True)
class RowScorerSpec:
    """What a scorer of rows is built from, on this machine or on another.

    Attributes:
        settings: The scorer's.
        options: More that was said about it.
        rows: Which rows are scored, and how.
        calibration: The one that the settings name, loaded.
        decide_at: The threshold, where only the decision matters.
        generate: Whether the model makes responses where there are none; `anew` where there are
            some, too.
    """

    settings: "ScorerSettings"
    options: ScorerOptions
    rows: RowOptions
    calibration: "Calibration | None" = None
    decide_at: float | None = None
    generate: bool | Literal["anew"] = False

    def build(self) -> "RowScorer":
        """Builds the scorer.

        Raises:
            TrustError: It cannot be built; the message says why.
        """
        from nemoguardrails_trust.datasets.row_scorers import StoppingRowScorer

        return StoppingRowScorer(self._build(), self.rows.max_failures)

    def _build(self) -> "RowScorer":
        from nemoguardrails_trust.datasets.row_scorers import ModelRowScorer, ReplayRowScorer
        from nemoguardrails_trust.models.limits import Limits, rates_shared

        settings, options = self.settings, self.options
        answers = settings.scorer == "local" and options.model not in (None, REPLAY)
        if self.generate and not answers:
            raise SettingsError("--generate needs the local scorer and a --model that answers")
        timeout, decide_at = settings.timeout, self.decide_at
        if settings.scorer != "local" or options.model is None:
            built = build_scorer(settings, options, calibration=self.calibration)
            return ModelRowScorer(built.scorer, timeout=timeout, decide_at=decide_at)
        if options.model == REPLAY:
            require_no_server(options)
            return ReplayRowScorer(self._create, decide_at=decide_at)
        limits = Limits(
            self.rows.concurrency,
            options.requests_per_minute,
            options.tokens_per_minute,
            shared=rates_shared(f"score {options.base_url} {options.model}"),
        )
        model = build_model(options, limits=limits)
        return ModelRowScorer(
            self._create(model),
            model if self.generate else None,
            anew=self.generate == "anew",
            timeout=timeout,
            decide_at=decide_at,
        )

    def _create(self, model: "LanguageModel | None") -> "Scorer":
        from nemoguardrails_trust.scorers.create import create_scorer

        return create_scorer(
            self.settings,
            model,
            calibration=self.calibration,
            concurrency=self.rows.concurrency,
            **_samples(self.options),
        ).scorer

    def identity(self) -> dict[str, Any]:
        """What the results depend on."""
        told = self.settings.model_dump(mode="json", include={"scorer", "quality", "model"})
        told["samples"] = self.options.samples
        if self.settings.rephrase is not None:
            told["rephrase"] = self.settings.rephrase
        told["generate"] = self.generate
        told["calibration"] = self.calibration and self.calibration.model_dump(mode="json")
        if self.decide_at is not None:
            told["early stop"] = True
        if self.settings.scores_claims:
            told["claims"] = True
        if self.settings.evaluations:
            told["evaluations"] = [chosen.name for chosen in self.settings.evaluations]
        return told


def _samples(options: ScorerOptions) -> dict[str, Any]:
    return {} if options.samples is None else {"samples": options.samples}
