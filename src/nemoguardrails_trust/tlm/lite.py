"""The `TLMLite`: one model answers, another scores."""

from collections.abc import Mapping
from typing import Any, Self

from nemoguardrails_trust.errors import SettingsError
from nemoguardrails_trust.models.base import LanguageModel
from nemoguardrails_trust.scorers.base import QualityPreset
from nemoguardrails_trust.tlm.client import TLM

_ANSWERING = ("max_tokens", "num_candidate_responses", "log")


class TLMLite:
    """A language model whose answers are scored by another model, such as a smaller one.

    Args:
        response_model: The model that answers: its name, or a `LanguageModel`.
        quality_preset: What a score may cost; see `TLM`.
        options: See `TLMOptions`. They apply to the scores: `model` is the model that scores.
            `max_tokens` applies to the answers too.
        settings: `base_url`, `api_key`, `timeout` and other arguments of `TLM`, for both models.

    Raises:
        SettingsError: An argument is out of range, or has no effect here.
        CredentialsError: A key is needed but not set.
    """

    def __init__(
        self,
        response_model: str | LanguageModel = "gpt-4o",
        quality_preset: QualityPreset = "medium",
        *,
        options: Mapping[str, Any] | None = None,
        **settings: Any,
    ) -> None:
        for name in ("model", "scorer", "task"):
            if name in settings:
                raise SettingsError(f"{name} has no effect with TLMLite", key=name)
        given = dict(options or {})
        if given.get("disable_trustworthiness"):
            raise SettingsError(
                "options.disable_trustworthiness has no effect with TLMLite",
                key="options.disable_trustworthiness",
            )
        answers = {name: given.pop(name) for name in _ANSWERING if given.get(name) is not None}
        for entry in ("per_field_score", "claims"):
            if entry in answers.get("log", ()):
                raise SettingsError(f"options.log: {entry} needs TLM", key="options.log")
        for name in ("max_tokens", "log"):
            if name in answers:
                given[name] = answers[name]
        self._scoring = TLM(quality_preset, options=given, **settings)
        settings.pop("calibration", None)
        self._answering = TLM(
            "base", model=response_model, options=answers, scorer=self._scoring.scorer, **settings
        )

    def prompt(self, prompt: Any, **arguments: Any) -> Any:
        """Answers one prompt or many and scores the answers; see `TLM.prompt`."""
        return self._answering.prompt(prompt, **arguments)

    async def prompt_async(self, prompt: Any, **arguments: Any) -> Any:
        """See `prompt`."""
        return await self._answering.prompt_async(prompt, **arguments)

    def try_prompt(self, prompt: Any, **arguments: Any) -> Any:
        """Answers one prompt or many without raising for those that fail; see `TLM.try_prompt`."""
        return self._answering.try_prompt(prompt, **arguments)

    async def try_prompt_async(self, prompt: Any, **arguments: Any) -> Any:
        """See `try_prompt`."""
        return await self._answering.try_prompt_async(prompt, **arguments)

    def get_model_names(self) -> dict[str, str]:
        """The names of the `response_model` and of the `score_model`."""
        return {
            "response_model": self._answering.get_model_name(),
            "score_model": self._scoring.get_model_name(),
        }

    def close(self) -> None:
        """Closes connections; see `TLM.close`."""
        self._answering.close()
        self._scoring.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
