"""Sets the rail up in a bot: settings, scorer, flows, and the replay engine."""

import inspect
import logging
import os
from functools import partial
from pathlib import Path
from typing import NoReturn

from nemoguardrails import LLMRails
from nemoguardrails.llm.providers import register_provider
from nemoguardrails.rails.llm import config as nemo_config
from nemoguardrails.rails.llm.config import Model, RailsConfig

from nemoguardrails_trust.calibration.calibration import Calibration
from nemoguardrails_trust.errors import CredentialsError, DataError, ModelError, SettingsError
from nemoguardrails_trust.exchange import Message
from nemoguardrails_trust.guardrail.action import (
    DEFINED_MESSAGES_PARAMETER,
    GUARD_PARAMETER,
    MAIN_CALLS_PARAMETER,
    check_answer,
)
from nemoguardrails_trust.guardrail.bot_models import BotModels, config_folders, model_entry
from nemoguardrails_trust.guardrail.defined import defined_messages
from nemoguardrails_trust.guardrail.flows import add_flows, refuse_misspelt_flows
from nemoguardrails_trust.guardrail.guard import Guard
from nemoguardrails_trust.guardrail.llm import KEY_VARIABLES
from nemoguardrails_trust.guardrail.publishing import check_langfuse
from nemoguardrails_trust.guardrail.replay import REPLAY_ENGINE, ReplayLLM
from nemoguardrails_trust.guardrail.settings import (
    TrustSettings,
    read_flow_line,
    read_settings,
    trust_flow_lines,
)
from nemoguardrails_trust.guardrail.stream_end import wrap_streams
from nemoguardrails_trust.guardrail.tool_calls import (
    TOOL_GUARD_PARAMETER,
    ToolGuard,
    checks_tool_calls,
    score_tool_calls,
    tool_settings,
)
from nemoguardrails_trust.guardrail.turns import wrap_turns
from nemoguardrails_trust.guardrail.watching.main_call import MainCalls, watch_main_model
from nemoguardrails_trust.models.base import Ask, Reply
from nemoguardrails_trust.models.prompts import SAMPLING_TEMPERATURE
from nemoguardrails_trust.scorers.base import HOSTED_SCORERS
from nemoguardrails_trust.scorers.create import threshold_of
from nemoguardrails_trust.scorers.local.presets import plan_for
from nemoguardrails_trust.signals.sentences import require_splitter

_log = logging.getLogger(__name__)

NO_MODEL = "scorer is 'local', but the configuration has no main model yet"
"""The warning that a bot has no model to score with, unless it is handed one later."""

SIGNALS = ("reflection", "consistency", "probability")
"""The signals of the local scorer."""


def register() -> None:
    """Makes `import_paths: [nemoguardrails_trust/rail]` resolve, and adds the replay engine.

    Call it before `RailsConfig.from_*` if the package is installed in editable mode or not in the
    same environment as nemoguardrails. A normal install does not need it. Calling it twice is
    harmless.
    """
    root = str(Path(__file__).parents[2])
    if root not in nemo_config.colang_path_dirs:
        nemo_config.colang_path_dirs.append(root)
    register_provider(REPLAY_ENGINE, ReplayLLM)


def set_up(app: LLMRails) -> None:
    """Sets the rail up in a bot that is being built; the rail's `config.py` calls it.

    What is wrong ends the making of the bot: a `SettingsError` where a setting is unknown or out
    of range or the scorer cannot be built, a `CredentialsError` where a key is missing or
    refused, a `MissingDependencyError` where the scorer needs an extra that is not installed.
    """
    try:
        _set_up(app)
    except Exception as error:
        if not hasattr(app, "_validate_config"):
            raise
        # Whatever is raised here, NeMo Guardrails hides behind an error of its own, which names
        # this file alone. Its next step is to validate: there the reason ends the traceback.
        app._validate_config = partial(_raise, error)  # noqa: SLF001


def _raise(error: Exception) -> NoReturn:
    raise error.with_traceback(None)


def _set_up(app: LLMRails) -> None:
    register_provider(REPLAY_ENGINE, ReplayLLM)
    settings = read_settings(app.config.custom_data)
    refuse_misspelt_flows(app.config)
    for line in trust_flow_lines(app.config):
        read_flow_line(line)
    _find_recorded_answers(app.config)
    _check_model(settings, app)
    calibration = calibration_of_bot(settings, app)
    settings = settings.overridden({"threshold": threshold_of(settings, calibration)})
    if settings.trace_scores == "langfuse":
        check_langfuse()
    _check_watching(settings)
    _check_signals(settings)
    _check_claims(settings, app.config)
    guard = Guard(settings, BotModels(settings, app.config, calibration))
    if settings.scorer != "local":
        # Evaluations are made by the bot's model, which comes with the first check.
        alone = settings.overridden({"evaluations": ()})
        scorer = BotModels(alone, app.config, calibration).scorer_for(None)
        check = getattr(scorer, "check", None)
        if inspect.iscoroutinefunction(check):
            raise SettingsError(
                f"scorer {settings.scorer!r} has an `async def check(self)`; it is called when "
                "the bot starts, and must be a plain `def`",
                key="scorer",
            )
        if check is not None:
            check()
    app.runtime.register_action_param(GUARD_PARAMETER, guard)
    if checks_tool_calls(app.config):
        own = tool_settings(settings)
        tool_guard = ToolGuard(
            Guard(own, BotModels(own, app.config, of_calls=True)),
            asks_again=settings.on_untrustworthy == "regenerate",
        )
        app.runtime.register_action_param(TOOL_GUARD_PARAMETER, tool_guard)
        app.runtime.register_action(score_tool_calls, "score_tool_calls", override=False)
    _watch_main_model(app, guard)
    # The name by which the product's documentation calls the action.
    app.runtime.register_action(check_answer, "call cleanlab api", override=False)
    if app.config.colang_version == "1.0":
        add_flows(app)
    else:
        app.runtime.register_action_param(DEFINED_MESSAGES_PARAMETER, defined_messages(app.config))
    wrap_turns(app)
    wrap_streams(app, guard)


def _check_watching(settings: TrustSettings) -> None:
    """Whether the scorer has a use for what the bot's own calls are watched for."""
    if settings.prefetch and (settings.scorer != "local" or not _samples(settings)):
        raise SettingsError(
            f"custom_data.trust.prefetch is true, but scorer {settings.scorer!r} with "
            f"quality {settings.quality!r} draws no samples; use scorer 'local' and "
            "quality medium, high or best",
            key="prefetch",
        )
    if settings.token_probabilities and settings.scorer in HOSTED_SCORERS:
        raise SettingsError(
            "custom_data.trust.token_probabilities is true, but scorer "
            f"{settings.scorer!r} does not use them; leave it out",
            key="token_probabilities",
        )


def _check_claims(settings: TrustSettings, config: RailsConfig) -> None:
    """Whether sentences can be scored, where the settings or a flow's line need it."""
    stated = [read_flow_line(line).get("on_untrustworthy") for line in trust_flow_lines(config)]
    marks = "mark" in (settings.on_untrustworthy, *stated)
    if not (marks or settings.scores_claims):
        return
    if settings.scorer in HOSTED_SCORERS:
        key = "on_untrustworthy" if marks else "explain"
        raise SettingsError(
            f"{key} is {('mark' if marks else 'claims')}, but scorer "
            f"{settings.scorer!r} does not score sentences; use the scorer 'local'",
            key=key,
        )
    if settings.scorer == "local":
        require_splitter()
    if marks and config.rails.output.streaming.enabled:
        _log.warning(
            "on_untrustworthy is mark, and streaming is enabled: stream_async cannot "
            "mark text that it has already shown; use stream_with_trust, which holds "
            "the answer back until it is marked"
        )


def _check_signals(settings: TrustSettings) -> None:
    """Whether the scorer can ever have the signals that the settings ask for."""
    if settings.scorer in HOSTED_SCORERS and (settings.require or settings.min_signals):
        key = "require" if settings.require else "min_signals"
        raise SettingsError(
            f"custom_data.trust.{key}: scorer {settings.scorer!r} reports no signals; leave it out",
            key=key,
        )
    if settings.scorer != "local":
        return
    unknown = sorted(set(settings.require) - set(SIGNALS))
    if unknown:
        raise SettingsError(
            "custom_data.trust.require: the scorer 'local' has no signal "
            f"{', '.join(unknown)}; choose from {', '.join(SIGNALS)}",
            key="require",
        )
    if "consistency" in settings.require and not _samples(settings):
        raise SettingsError(
            f"custom_data.trust.require: quality {settings.quality!r} draws no "
            "samples, so there is no consistency; use quality medium, high or best",
            key="require",
        )
    if settings.min_signals > len(SIGNALS):
        raise SettingsError(
            f"custom_data.trust.min_signals is {settings.min_signals}, but the scorer "
            f"'local' has only {len(SIGNALS)} signals",
            key="min_signals",
        )


def _samples(settings: TrustSettings) -> int:
    rephrase = settings.rephrase
    return plan_for(settings.quality, has_probability=False, rephrase=rephrase).own


def _watch_main_model(app: LLMRails, guard: Guard) -> None:
    """Has the calls that write answers watched, where the settings have a use for it."""
    settings = guard.settings
    asked_for = settings.prefetch or bool(settings.token_probabilities)
    probabilities = settings.token_probabilities
    if probabilities is None:
        probabilities = settings.scorer == "local"
    if not (settings.prefetch or probabilities):
        return

    async def draw(messages: tuple[Message, ...], max_tokens: int | None) -> Reply:
        model = guard.models.model_for(guard.models.pick_of(app))
        if model is None:
            raise ModelError("the configuration has no model to draw samples from")
        return await model.complete(
            Ask(
                messages,
                "sample",
                n=_samples(settings),
                temperature=SAMPLING_TEMPERATURE,
                max_tokens=max_tokens,
            )
        )

    calls = MainCalls(
        draw=draw if settings.prefetch else None, patience=settings.timeout, config=app.config
    )
    watch_main_model(app, calls, probabilities=probabilities, asked_for=asked_for)
    app.runtime.register_action_param(MAIN_CALLS_PARAMETER, calls)


def _find_recorded_answers(config: RailsConfig) -> None:
    """Reads the file of a `replay` model from the configuration's folder, not the caller's."""
    for entry in config.models:
        recorded = (entry.parameters or {}).get("recorded")
        if entry.engine == REPLAY_ENGINE and recorded:
            entry.parameters["recorded"] = str(_beside(config, recorded))


def _beside(config: RailsConfig, path: str | Path) -> Path:
    """A file that a configuration names, in its own folder where it is there."""
    folders = config_folders(config)
    return next((folder / path for folder in folders if (folder / path).exists()), Path(path))


def calibration_of_bot(settings: TrustSettings, app: LLMRails) -> Calibration | None:
    """The calibration that the settings name, found beside the configuration.

    Raises:
        SettingsError: The calibration cannot be read, or was made for another scorer, preset or
            model.
    """
    if settings.calibration is None:
        return None
    try:
        calibration = Calibration.load(_beside(app.config, settings.calibration))
    except DataError as error:
        raise SettingsError(f"custom_data.trust.calibration: {error}", key="calibration") from error
    calibration.require_match(
        scorer=settings.scorer, quality=settings.quality, model=_model_name(settings, app)
    )
    return calibration


def _model_name(settings: TrustSettings, app: LLMRails) -> str | None:
    """The name of the model that the local scorer asks."""
    if settings.scorer != "local":
        return None
    if settings.model in (None, "main") and app.llm is not None:
        return str(app.llm.model_name)
    entry = model_entry(app.config, settings.model)
    return None if entry is None else entry.model


def _check_model(settings: TrustSettings, app: LLMRails) -> None:
    """Whether the model that the settings name is there."""
    types = [model.type for model in app.config.models]
    if settings.model in (None, "main"):
        has_main = app.llm is not None or "main" in types
        # Without any model the bot cannot answer either, so NeMo Guardrails says so itself;
        # a bot that only checks ready answers needs a model for the local scorer.
        if settings.scorer == "local" and not has_main:
            _log.warning(NO_MODEL)
    elif settings.model not in types:
        listed = ", ".join(types) or "none"
        raise SettingsError(
            f"custom_data.trust.model is {settings.model!r}, but no entry under "
            f"models: has that type (there are: {listed})",
            key="model",
        )
    is_handed_over = settings.model in (None, "main") and app.llm is not None
    entry = model_entry(app.config, settings.model)
    if settings.scorer == "local" and entry is not None and not is_handed_over:
        _check_key(entry)


def _check_key(entry: Model) -> None:
    """Whether a model of a provider that takes none without has a key.

    Raises:
        CredentialsError: It has none; its calls would all be refused.
    """
    variable = KEY_VARIABLES.get(entry.engine)
    parameters = entry.parameters or {}
    has_key = parameters.get("api_key") or entry.api_key_env_var or "base_url" in parameters
    if variable and not has_key and not os.environ.get(variable):
        raise CredentialsError(
            f"the model of type {entry.type!r} samples and judges, but has no key: set {variable}"
        )
