"""The models behind the server, and what scores on them."""

import os
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import aiohttp

from nemoguardrails_trust.errors import ModelConnectionError, SettingsError
from nemoguardrails_trust.models.base import LanguageModel
from nemoguardrails_trust.models.openai import OpenAICompatibleModel
from nemoguardrails_trust.models.replay import ReplayModel
from nemoguardrails_trust.scorers.base import QualityPreset, close
from nemoguardrails_trust.scorers.local.evaluating import Evaluator
from nemoguardrails_trust.server.counting import tell_spent
from nemoguardrails_trust.server.settings import LOCAL, REPLAY, BackendSettings, ServerSettings
from nemoguardrails_trust.server.wanted import Wanted
from nemoguardrails_trust.signals.reflection import Task
from nemoguardrails_trust.tlm.building import DEFAULT_CONCURRENCY, ModelChoice, Parts, build_parts
from nemoguardrails_trust.tlm.options import TLMOptions

_KEPT = 256  # scorers of different options, each of which is cheap to build again
_READY_SECONDS = 5.0
_FOR_LOCAL = ("num_consistency_samples", "num_self_reflections", "use_self_reflection")
"""Options that a hosted scorer, or one of the user's own, makes nothing of."""


class Backends:
    """The models by the names that clients send, and scorers on them.

    Raises:
        SettingsError: A backend cannot be built.
        DataError: Its recorded answers cannot be read.
        CredentialsError: Its key is not set.
    """

    def __init__(self, settings: ServerSettings) -> None:
        self._settings = settings
        self._models: dict[tuple[str, str | None], LanguageModel] = {}
        self._evaluators: dict[tuple[str, str | None], Evaluator] = {}
        self._parts: OrderedDict[tuple[Any, ...], Parts] = OrderedDict()
        for name, backend in settings.backends.items():
            self.model(name)
            for quality in backend.presets:
                self._built(name, None, quality, TLMOptions())

    def name_for(self, sent: str | None) -> str:
        """The backend for a model name that a client sent."""
        return self._settings.models.get(sent or "", self._settings.default)

    @property
    def names(self) -> tuple[str, ...]:
        """The model names that clients may send and that mean something: those listed and own."""
        own = (backend.model for backend in self._settings.backends.values())
        return tuple(dict.fromkeys((*self._settings.models, *own)))

    def notes_on(self, wanted: Wanted) -> tuple[str, ...]:
        """What a client is told about what is not done as it asked."""
        notes = []
        own = self._settings.backends[self.name_for(wanted.model)].model
        if wanted.model not in (None, own):
            notes.append(f"the model is {own}")
        if not self._is_local(wanted):
            given = [name for name in _FOR_LOCAL if getattr(wanted.options, name) is not None]
            given += ["task"] if wanted.task != "default" else []
            given += ["log: claims"] if "claims" in wanted.log else []
            notes += [f"the option {name} has no effect in this preset" for name in given]
        return tuple(notes)

    def model(self, backend: str, effort: str | None = None) -> LanguageModel:
        """The model of a backend."""
        key = (backend, effort)
        if key not in self._models:
            self._models[key] = _build(backend, self._settings.backends[backend], effort)
        return self._models[key]

    def parts(self, wanted: Wanted) -> Parts:
        """What answers and scores as a client wants it.

        Raises:
            SettingsError: An option cannot be honoured by the preset's scorer.
        """
        backend = self.name_for(wanted.model)
        key = (backend, wanted.reasoning_effort, wanted.quality, wanted.options, wanted.task)
        if key in self._parts:
            self._parts.move_to_end(key)
            return self._parts[key]
        options, task = wanted.options, wanted.task
        if not self._is_local(wanted):
            log = tuple(name for name in options.log if name != "claims")
            options = options.model_copy(update={**dict.fromkeys(_FOR_LOCAL), "log": log})
            task = "default"
        parts = self._built(backend, wanted.reasoning_effort, wanted.quality, options, task)
        self._parts[key] = parts
        if len(self._parts) > _KEPT:
            self._parts.popitem(last=False)
        return parts

    def _built(
        self,
        backend: str,
        effort: str | None,
        quality: QualityPreset,
        options: TLMOptions,
        task: Task = "default",
    ) -> Parts:
        preset = self._settings.backends[backend].preset(quality)
        timeout = self._settings.limits.timeout
        choice = ModelChoice(self.model(backend, effort), None, None, timeout, None, None, None)
        parts = build_parts(
            quality,
            options,
            choice,
            scorer=preset.scorer,
            calibration=preset.calibration,
            task=task,
        )
        # As the hosted service has it.
        return replace(parts, answerer=replace(parts.answerer, takes_last=True))

    def _is_local(self, wanted: Wanted) -> bool:
        backend = self._settings.backends[self.name_for(wanted.model)]
        return backend.preset(wanted.quality).scorer == LOCAL

    def evaluator(self, wanted: Wanted) -> Evaluator:
        """What judges by criteria as a client wants it."""
        key = (self.name_for(wanted.model), wanted.reasoning_effort)
        if key not in self._evaluators:
            self._evaluators[key] = Evaluator(
                self.model(*key), concurrency=4 * DEFAULT_CONCURRENCY, on_spent=tell_spent
            )
        return self._evaluators[key]

    async def check(self) -> Mapping[str, str]:
        """Asks the server of every backend whether it is there; gives those that are not.

        Any HTTP answer below 500 counts: not every server lists its models.
        """
        failed: dict[str, str] = {}
        timeout = aiohttp.ClientTimeout(total=_READY_SECONDS)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            for name in self._settings.backends:
                url = getattr(self.model(name), "base_url", None)
                if url is None:
                    continue
                try:
                    async with session.get(f"{url.rstrip('/')}/models") as answer:
                        if answer.status >= 500:
                            failed[name] = f"status {answer.status}"
                except (aiohttp.ClientError, TimeoutError) as error:
                    failed[name] = str(ModelConnectionError(type(error).__name__))
        return failed

    async def aclose(self) -> None:
        """Closes the connections to all models."""
        for parts in self._parts.values():
            await close(parts.scorer)
        for model in self._models.values():
            await model.aclose()


def _build(name: str, settings: BackendSettings, effort: str | None) -> LanguageModel:
    if settings.model == REPLAY:
        if settings.recorded is None:
            raise SettingsError("the model 'replay' needs recorded answers", key="recorded")
        return ReplayModel.from_file(settings.recorded)
    model = OpenAICompatibleModel(
        settings.model,
        base_url=settings.base_url,
        api_key=os.environ.get(settings.api_key_variable, ""),
        parameters={} if effort is None else {"reasoning_effort": effort},
        timeout=settings.timeout,
        label=f"the backend {name!r}",  # its address is nothing for clients
        most_bytes=settings.most_bytes,
    )
    model.limits.configure(
        settings.concurrency, settings.requests_per_minute, settings.tokens_per_minute
    )
    return model
