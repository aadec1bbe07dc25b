"""The models that a bot may be checked with, and the scorers on them, each made once."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from nemoguardrails import LLMRails
from nemoguardrails.rails.llm.config import Model, RailsConfig
from nemoguardrails.types import LLMModel

from nemoguardrails_trust.calibration.calibration import Calibration
from nemoguardrails_trust.guardrail.llm import language_model
from nemoguardrails_trust.guardrail.settings import TrustSettings
from nemoguardrails_trust.guardrail.watching.main_call import original_entry, plain_model
from nemoguardrails_trust.models.base import LanguageModel
from nemoguardrails_trust.scorers.base import Scorer
from nemoguardrails_trust.scorers.create import create_scorer
from nemoguardrails_trust.scorers.tool_calls import ToolCallScorer

_MOST_KEPT = 8  # where an application hands over a new model for each request


@dataclass(slots=True)
class _Made:
    llm: LLMModel | None
    model: LanguageModel | None
    scorers: dict[bool, Scorer] = field(default_factory=dict)


class BotModels:
    """The models of a bot, as its checks use them.

    NeMo Guardrails makes the models after the rail is set up, and hands them over with each call.

    Args:
        settings: The rail's settings.
        config: The bot's configuration.
        calibration: What the settings name, where they name one.
        of_calls: Whether calls of tools are scored, rather than answers.
    """

    def __init__(
        self,
        settings: TrustSettings,
        config: RailsConfig,
        calibration: Calibration | None = None,
        *,
        of_calls: bool = False,
    ) -> None:
        self._settings = settings
        self._config = config
        self._calibration = calibration
        self._of_calls = of_calls
        self._made: list[_Made] = []  # the one used last is the last

    def pick(self, main: LLMModel | None, others: Mapping[str, LLMModel] | None) -> LLMModel | None:
        """The model that the settings name, of those that the bot has."""
        if self._settings.model in (None, "main"):
            return main
        return (others or {}).get(self._settings.model)

    def pick_of(self, rails: LLMRails) -> LLMModel | None:
        """The model that the settings name, of those that a bot has now."""
        parameters = rails.runtime.registered_action_params
        return self.pick(parameters.get("llm"), parameters.get("llms"))

    def model_for(self, llm: LLMModel | None) -> LanguageModel | None:
        """A model of the bot's as a language model."""
        return self._for(llm).model

    def scorer_for(self, llm: LLMModel | None, *, claims: bool = False) -> Scorer:
        """The scorer on a model of the bot's.

        Args:
            llm: The model.
            claims: Whether it scores sentences, whatever the settings say.

        Raises:
            TrustError: It cannot be built.
        """
        made = self._for(llm)
        if claims not in made.scorers:
            made.scorers[claims] = self._scorer_on(made.model, claims=claims)
        return made.scorers[claims]

    def _for(self, llm: LLMModel | None) -> _Made:
        llm = None if llm is None else plain_model(llm)
        if self._made and self._made[-1].llm is llm:
            return self._made[-1]
        found = next((made for made in self._made if made.llm is llm), None)
        if found is None:
            entry = model_entry(self._config, self._settings.model)
            most = self._settings.most_bytes
            model = None if llm is None else language_model(llm, entry, most_bytes=most)
            found = _Made(llm, model)
        else:
            self._made.remove(found)
        self._made = [*self._made[1 - _MOST_KEPT :], found]
        return found

    def _scorer_on(self, model: LanguageModel | None, *, claims: bool) -> Scorer:
        settings = self._settings
        if claims:
            settings = settings.overridden({"on_untrustworthy": "mark"})
        # `model` is the type of a `models:` entry, which only the local scorer has a use for.
        own = settings if settings.scorer == "local" else settings.overridden({"model": None})
        folders = config_folders(self._config)
        built = create_scorer(own, model, calibration=self._calibration, folders=folders)
        if not self._of_calls or settings.scorer != "local" or model is None:
            return built.scorer
        return ToolCallScorer(built.scorer, model, timeout=settings.timeout)


def model_entry(config: RailsConfig, model_type: str | None) -> Model | None:
    """The `models:` entry of a type, `main` by default; `None` where there is none."""
    entries = (original_entry(model) for model in config.models)
    return next((entry for entry in entries if entry.type == (model_type or "main")), None)


def config_folders(config: RailsConfig) -> list[Path]:
    """The folders that a configuration was read from."""
    paths = (config.config_path or "").split(",")
    return [Path(path.strip()) for path in paths if path.strip()]
