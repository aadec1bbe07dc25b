"""Builds what a `TLM` works with from what its caller said."""

import math
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from nemoguardrails_trust.errors import SettingsError
from nemoguardrails_trust.models.base import LanguageModel
from nemoguardrails_trust.models.limits import require_count
from nemoguardrails_trust.models.openai import OpenAICompatibleModel
from nemoguardrails_trust.models.reply_cache import CachedModel, ReplyCache
from nemoguardrails_trust.scorers.base import PRESETS, QualityPreset, Scorer, ScorerSettings
from nemoguardrails_trust.scorers.create import BuiltScorer, create_scorer, take_scorer
from nemoguardrails_trust.scorers.local.evaluating import Evaluator
from nemoguardrails_trust.scorers.safely import BATCH_TIMEOUT
from nemoguardrails_trust.signals.reflection import TASKS, Task
from nemoguardrails_trust.tlm.answering import Answerer
from nemoguardrails_trust.tlm.options import TLMOptions, require_effect

DEFAULT_MODEL = "gpt-4o-mini"
DEFAULT_CONCURRENCY = 64
REQUEST_TIMEOUT = 60.0
"""Seconds for one request where the caller sets none."""


@dataclass(frozen=True, slots=True)
class ModelChoice:
    """What a caller said about the model."""

    model: str | LanguageModel | None
    api_key: str | None
    base_url: str | None
    timeout: float | None
    concurrency: int | None
    requests_per_minute: int | None
    tokens_per_minute: int | None
    cache: ReplyCache | str | Path | None = None

    def name(self, options: TLMOptions) -> str | None:
        """The name of the model that the caller chose by name; `None` where it is not so.

        Raises:
            SettingsError: It was chosen twice, differently.
        """
        if options.model is None:
            return self.model if isinstance(self.model, str) else None
        if self.model not in (None, options.model):
            raise SettingsError(
                "model and options.model name different models; set only one", key="options.model"
            )
        return options.model

    def build(self, options: TLMOptions) -> LanguageModel:
        """Builds the model.

        Raises:
            SettingsError: An argument is out of range, or cannot be used with a model that is
                already built.
            CredentialsError: OpenAI's own server is to be used without a key.
            DataError: The folder cannot be used as a cache.
        """
        model = self._build(options)
        if self.cache is None:
            return model
        kept = self.cache if isinstance(self.cache, ReplyCache) else ReplyCache(self.cache)
        return CachedModel(model, kept)

    def _build(self, options: TLMOptions) -> LanguageModel:
        name = self.name(options)
        if self.model is not None and not isinstance(self.model, str):
            if not callable(getattr(self.model, "complete", None)):
                raise SettingsError(
                    f"model is a {type(self.model).__name__}; it must be a model's name, or an "
                    "object with `async def complete(self, ask)`",
                    key="model",
                )
            self._require_untouched(options)
            return self.model
        effort = options.reasoning_effort
        model = OpenAICompatibleModel(
            DEFAULT_MODEL if name is None else name,
            base_url=self.base_url,
            api_key=self.api_key,
            parameters={} if effort is None else {"reasoning_effort": effort},
            timeout=self.timeout or REQUEST_TIMEOUT,
        )
        model.limits.configure(self.concurrency, self.requests_per_minute, self.tokens_per_minute)
        return model

    def _require_untouched(self, options: TLMOptions) -> None:
        given = {
            "api_key": self.api_key,
            "base_url": self.base_url,
            "requests_per_minute": self.requests_per_minute,
            "tokens_per_minute": self.tokens_per_minute,
            "options.reasoning_effort": options.reasoning_effort,
        }
        for key, value in given.items():
            if value is not None:
                raise SettingsError(
                    f"{key} has no effect on a model that is already built; set it when you "
                    "build the model",
                    key=key,
                )


class BuiltOnce:
    """Builds the model at the first call, whichever thread makes it.

    Only `prompt` needs one where another scores, and with it a key.
    """

    def __init__(self, build: Callable[[], LanguageModel]) -> None:
        self._build = build
        self._lock = threading.Lock()
        self._model: LanguageModel | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        return BuiltOnce, (self._build,)

    def __call__(self) -> LanguageModel:
        """The model.

        Raises:
            TrustError: It cannot be built.
        """
        with self._lock:
            if self._model is None:
                self._model = self._build()
            return self._model

    @property
    def if_built(self) -> LanguageModel | None:
        """The model, if it was needed until now."""
        return self._model


@dataclass(frozen=True, slots=True)
class Parts:
    """What a `TLM` works with."""

    model: BuiltOnce
    scorer: Scorer
    answerer: Answerer
    threshold: float
    concurrency: int


def build_parts(
    quality: QualityPreset,
    options: TLMOptions,
    choice: ModelChoice,
    *,
    scorer: str | Scorer | None,
    calibration: str | Path | None,
    task: Task = "default",
) -> Parts:
    """Builds all parts.

    Raises:
        SettingsError: An argument is out of range, has no effect, or contradicts another.
        DataError: The calibration cannot be read.
        MissingDependencyError: The scorer needs an extra that is not installed.
        CredentialsError: A key is needed and not set.
    """
    if quality not in PRESETS:
        known = ", ".join(PRESETS)
        raise SettingsError(
            f"quality_preset is {quality!r}; it must be one of {known}", key="quality_preset"
        )
    timeout = BATCH_TIMEOUT if choice.timeout is None else _require_seconds(choice.timeout)
    require_count("concurrency", choice.concurrency)
    is_local = scorer is None or scorer == "local"
    require_effect(options, quality, is_local=is_local)
    _require_task(task, is_local=is_local)
    model = BuiltOnce(partial(choice.build, options))
    if is_local or not isinstance(choice.model, str | None):
        model()  # what is wrong with it shows at once
    else:
        choice.name(options)
    built = _build_scorer(quality, options, choice, scorer, calibration, model, timeout, task)
    concurrency = choice.concurrency or DEFAULT_CONCURRENCY
    judges_fields = "per_field_score" in options.log
    return Parts(
        model=model,
        scorer=built.scorer,
        answerer=Answerer(
            model=model,
            scorer=built.scorer,
            candidates=options.candidates(quality),
            max_tokens=options.max_tokens,
            samples=options.samples(quality) if is_local else 0,
            timeout=timeout,
            is_scored=not options.disable_trustworthiness,
            evaluator=Evaluator(model(), concurrency=4 * concurrency) if judges_fields else None,
            # Reasons cost the call that probabilities would spare.
            hides_probabilities=options.disable_trustworthiness
            or (is_local and quality == "base" and "explanation" in options.log),
        ),
        threshold=built.threshold,
        concurrency=concurrency,
    )


def _build_scorer(
    quality: QualityPreset,
    options: TLMOptions,
    choice: ModelChoice,
    scorer: str | Scorer | None,
    calibration: str | Path | None,
    model: BuiltOnce,
    timeout: float,
    task: Task,
) -> BuiltScorer:
    if scorer is not None and not isinstance(scorer, str):
        return take_scorer(scorer, calibration)
    settings = ScorerSettings(
        scorer=scorer or "local",
        quality=quality,
        rephrase=options.rephrase(quality),
        model=choice.name(options),
        timeout=timeout,
        explain="explanation" in options.log,
        calibration=None if calibration is None else Path(calibration),
    )
    if settings.scorer != "local":
        return create_scorer(settings)
    return create_scorer(settings, model(), **_local_options(options, choice, task))


def _local_options(options: TLMOptions, choice: ModelChoice, task: Task) -> dict[str, Any]:
    return {
        "samples": options.num_consistency_samples,
        "reflections": options.reflections,
        "use_consistency": not options.disable_trustworthiness,
        "task": task,
        "max_tokens": options.max_tokens,
        "claims": "claims" in options.log,
        "criteria": [
            (evaluation.name, evaluation.criteria) for evaluation in options.custom_eval_criteria
        ],
        # Each prompt makes several calls at once; the model has the cap.
        "concurrency": 4 * (choice.concurrency or DEFAULT_CONCURRENCY),
    }


def _require_task(task: Task, *, is_local: bool) -> None:
    if task not in TASKS:
        raise SettingsError(f"task is {task!r}; it must be one of {', '.join(TASKS)}", key="task")
    if task != "default" and not is_local:
        raise SettingsError(
            "task has no effect with this scorer; it needs the scorer 'local'", key="task"
        )


def _require_seconds(value: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < math.inf:
        raise SettingsError(
            f"timeout is {value!r}; it must be a number of seconds above 0", key="timeout"
        )
    return float(value)
