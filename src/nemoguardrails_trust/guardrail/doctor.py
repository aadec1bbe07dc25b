"""The doctor: says whether the rail of a configuration will run, and what is in its way."""

import asyncio
import logging
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import yaml
from nemoguardrails import LLMRails, RailsConfig
from nemoguardrails.rails.llm import config as nemo_config

from nemoguardrails_trust.calibration.calibration import calibrating_command
from nemoguardrails_trust.errors import TrustError, counted
from nemoguardrails_trust.guardrail import messages
from nemoguardrails_trust.guardrail.action import GUARD_PARAMETER
from nemoguardrails_trust.guardrail.findings import Finding, fact, failure, note, problem
from nemoguardrails_trust.guardrail.flow_calls import FlowCall, flow_calls
from nemoguardrails_trust.guardrail.flows import flow_name, rail_path, refuse_misspelt_flows
from nemoguardrails_trust.guardrail.guard import Guard
from nemoguardrails_trust.guardrail.llm import NemoModel
from nemoguardrails_trust.guardrail.plugin import NO_MODEL, register
from nemoguardrails_trust.guardrail.reaction import reaction
from nemoguardrails_trust.guardrail.settings import (
    FLOW_NAME,
    TOOL_CALLS_FLOW_NAME,
    TrustSettings,
    read_settings,
)
from nemoguardrails_trust.guardrail.tool_calls import TOOL_GUARD_PARAMETER, ToolGuard
from nemoguardrails_trust.guardrail.trial import try_turn
from nemoguardrails_trust.models.base import LanguageModel
from nemoguardrails_trust.models.openai import OPENAI_URL
from nemoguardrails_trust.scorers.base import QualityPreset

_WITHOUT_EFFECT: dict[tuple[str, ...], set[str]] = {
    (): {"trust"},
    ("rails",): {"trust"},
    ("rails", "config"): {"trust"},
    ("custom_data",): set(TrustSettings.model_fields),
}
_KEYS = {"cleanlab-studio": "CLEANLAB_API_KEY", "cleanlab-tlm": "CLEANLAB_TLM_API_KEY"}


def check_configuration(
    path: str | Path, *, ask: bool = False, question: str | None = None
) -> list[Finding]:
    """Examines a configuration by loading it as NeMo Guardrails would.

    Args:
        path: The configuration's folder.
        ask: Whether the bot is asked a question, and its answer scored, where nothing is in the
            way of it.
        question: What it is asked, instead of a question of our own.

    Returns:
        What was found; the rail will run as meant when none of it is a `problem`.
    """
    path = Path(path)
    if not path.is_dir():
        return [
            problem(
                f"{path} is not a folder",
                "name the folder that contains config.yml; NeMo Guardrails ignores "
                "import_paths when it is given the file itself",
            )
        ]
    if not any(path.rglob("*.y*ml")):
        return [problem(f"{path} has no config.yml", "name the folder that contains it")]
    findings = list(_installation())
    register()
    try:
        config = RailsConfig.from_path(str(path))
    except Exception as error:  # noqa: BLE001 - whatever stops the bot is the finding
        return [*findings, failure("the configuration does not load", error)]
    findings += _rail(config)
    findings += _misplaced(path)
    try:
        settings = read_settings(config.custom_data)
    except TrustError as error:
        return [*findings, failure("the settings are not valid", error)]
    findings += _settings(settings, config)
    if any(finding.level == "problem" for finding in findings):
        return findings
    try:
        with _failures_in_threads() as failed, _warnings() as warned:
            rails = LLMRails(config)
    except Exception as error:  # noqa: BLE001 - whatever stops the bot is the finding
        return [*findings, failure("the bot does not start", error)]
    findings += [failure("the knowledge base could not be built", error) for error in failed]
    findings += [note(told) for told in warned if told != NO_MODEL]  # which is a problem below
    guard = rails.runtime.registered_action_params[GUARD_PARAMETER]
    assert isinstance(guard, Guard)
    findings += reaction(rails, guard)
    findings += _message(config)
    findings += _models(rails, guard)
    findings += _tool_calls(rails, settings)
    findings += _exchange(config)
    if ask and not any(finding.level == "problem" for finding in findings):
        findings += asyncio.run(try_turn(rails, question))
    return findings


@contextmanager
def _failures_in_threads() -> Iterator[list[BaseException]]:
    """Collects what threads raise, instead of printing it.

    NeMo Guardrails builds the knowledge base in a thread, and starts without it if that fails.
    """
    failed: list[BaseException] = []

    def keep(given: threading.ExceptHookArgs) -> None:
        if given.exc_value is not None:
            failed.append(given.exc_value)

    before, threading.excepthook = threading.excepthook, keep
    try:
        yield failed
    finally:
        threading.excepthook = before


@contextmanager
def _warnings() -> Iterator[list[str]]:
    """Collects what this package warns of, which would stand on stderr as bare lines."""
    warned: list[str] = []
    handler = logging.Handler(logging.WARNING)
    handler.emit = lambda record: warned.append(record.getMessage())  # type: ignore[method-assign]
    logger = logging.getLogger(__name__.partition(".")[0])
    logger.addHandler(handler)
    try:
        yield warned
    finally:
        logger.removeHandler(handler)


def _misplaced(path: Path) -> Iterator[Finding]:
    """Settings where NeMo Guardrails drops them, or where the rail does not look."""
    for file in sorted([*path.rglob("*.yml"), *path.rglob("*.yaml")]):
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
        for place, names in _WITHOUT_EFFECT.items():
            mapping = content
            for key in place:
                mapping = mapping.get(key) if isinstance(mapping, dict) else None
            for name in sorted(names & set(mapping if isinstance(mapping, dict) else ())):
                yield problem(
                    f"{'.'.join([*place, name])} in {file.name} has no effect",
                    "settings go under custom_data: {trust: {…}}",
                )


def _installation() -> Iterator[Finding]:
    """Whether an application must call `register()` for the import to resolve."""
    roots = [Path(root) for root in nemo_config.colang_path_dirs]
    if not any((root / "nemoguardrails_trust" / "rail").is_dir() for root in roots):
        yield note(
            "NeMo Guardrails does not find the rail's folder in an editable install",
            "call nemoguardrails_trust.register() before RailsConfig.from_path, or set "
            f"COLANGPATH={rail_path().parents[1]}",
        )


def _rail(config: RailsConfig) -> Iterator[Finding]:
    """Whether the rail's folder is imported, and its flow runs."""
    ours = rail_path().resolve()
    imported = [Path(path).resolve() for path in (config.imported_paths or {}).values()]
    version = config.colang_version
    if not any(folder == ours or folder == ours / "flows.co" for folder in imported):
        yield problem(
            "the rail's folder is not imported, so the built-in rail would run, or none",
            "add import_paths: [nemoguardrails_trust/rail] to config.yml"
            if version == "1.0"
            else "add import nemoguardrails_trust.rail to main.co",
        )
        return
    yield fact(f"Colang {version}, the rail's folder is imported")
    try:
        refuse_misspelt_flows(config)
    except TrustError as error:
        yield failure("the configuration has a mistake", error)
        return
    yield from _flow_lines_v1(config) if version == "1.0" else _flow_calls_v2(config)


def _flow_lines_v1(config: RailsConfig) -> Iterator[Finding]:
    try:
        calls = flow_calls(config)
    except TrustError as error:
        yield failure("the flow's line cannot be read", error)
        return
    if not calls and TOOL_CALLS_FLOW_NAME not in config.rails.tool_output.flows:
        yield problem(
            f"'{FLOW_NAME}' is not among the output rails",
            f"add rails: {{output: {{flows: [{FLOW_NAME}]}}}} to config.yml",
        )
    yield from (_called("output rail", call) for call in calls)


def _called(where: str, call: FlowCall) -> Finding:
    told = [f"{key} = {value}" for key, value in call.settings.items()]
    told += [f"{key} set when it runs" for key in call.at_run_time]
    return fact(" ".join([where, f"'{FLOW_NAME}'", *([f"with {', '.join(told)}"] if told else [])]))


def _flow_calls_v2(config: RailsConfig) -> Iterator[Finding]:
    names = [flow_name(flow) for flow in config.flows]
    try:
        calls = flow_calls(config)
    except TrustError as error:
        yield failure("the flow's call cannot be read", error)
        calls = None
    if "output rails" not in names:
        yield problem(
            "there is no flow 'output rails'",
            f"add to main.co: flow output rails $output_text, and in it: {FLOW_NAME}",
        )
    elif calls == []:
        yield problem(f"the flow 'output rails' does not call '{FLOW_NAME}'", "add the call to it")
    yield from (_called("the flow 'output rails' calls", call) for call in calls or ())
    if "run output rails" not in names:
        yield problem("output rails never run without the guardrails library", "import guardrails")


def _settings(settings: TrustSettings, config: RailsConfig) -> Iterator[Finding]:
    key = _KEYS.get(settings.scorer)
    if key is None:
        yield fact(f"scorer '{settings.scorer}', quality '{settings.quality}'")
    elif os.environ.get(key):
        yield fact(f"scorer '{settings.scorer}', {key} is set")
    else:
        yield problem(f"scorer '{settings.scorer}', but {key} is not set", f"export {key}=…")
    own = messages.user_message(config.bot_messages or {})
    withholds = settings.on_untrustworthy in ("block", "escalate")
    if withholds and own is not None and "bot_message" in own:
        yield note(
            f"bot {messages.MESSAGE_NAME} quotes $bot_message, which is empty there "
            f"because the answer is withheld ({settings.on_untrustworthy})",
            "leave $bot_message out of the message",
        )


def _message(config: RailsConfig) -> Iterator[Finding]:
    """Whose message stands below an answer, or in its place."""
    if config.colang_version == "1.0":
        own = messages.user_message(config.bot_messages or {})
        whose = "this package's" if own is None else "your own"
        yield fact(f"bot {messages.MESSAGE_NAME}: {whose} is used")


def _tool_calls(rails: LLMRails, settings: TrustSettings) -> Iterator[Finding]:
    """What becomes of calls of tools."""
    tool_guard = rails.runtime.registered_action_params.get(TOOL_GUARD_PARAMETER)
    if not isinstance(tool_guard, ToolGuard):
        return
    if not rails.config.passthrough:
        yield note(
            f"'{TOOL_CALLS_FLOW_NAME}' has nothing to check: NeMo Guardrails passes "
            "tool calls on only in passthrough mode",
            "add passthrough: true to config.yml",
        )
        return
    again = "the model is asked once more, then " if tool_guard.asks_again else ""
    escalates = settings.on_untrustworthy == "escalate" or rails.config.enable_rails_exceptions
    becomes = "an exception for the application" if escalates else "withheld"
    threshold = tool_guard.guard.settings.threshold
    yield fact(f"tool calls below {threshold:g}: {again}{becomes}")


def _models(rails: LLMRails, guard: Guard) -> Iterator[Finding]:
    if guard.settings.scorer != "local":
        return
    llm = guard.models.pick_of(rails)
    if llm is None:
        yield problem(
            "scorer 'local' needs a model, but the configuration has none",
            "add one of type main under models:, or pass one to LLMRails(config, llm=…)",
        )
        return
    try:
        model = guard.models.model_for(llm)
        guard.models.scorer_for(llm)
    except TrustError as error:
        yield failure("the scorer cannot be built", error)
        return
    if isinstance(model, NemoModel):
        yield note(
            f"model '{model.name}' is called through NeMo Guardrails, which gives no "
            "token probabilities and only one answer per call"
        )
    elif model is not None:
        base_url = _base_url(model)
        yield fact(f"model '{model.name}'{base_url and f' at {base_url}'} judges and samples")
        if guard.settings.calibration is None:
            yield _uncalibrated(model, guard.settings.quality)


def _uncalibrated(model: LanguageModel, quality: QualityPreset) -> Finding:
    base_url = _base_url(model)
    usual = TrustSettings.model_fields["quality"].default
    command = calibrating_command(
        model.name if base_url else None,
        base_url=None if base_url == OPENAI_URL else base_url,
        quality=None if quality == usual else quality,  # it is of one preset
    )
    return note(
        "no calibration: one score means different things for different models",
        f"{command}, and calibration: calibration.json under custom_data.trust",
    )


def _base_url(model: LanguageModel) -> str:
    """The address of a model's server; empty where it has none that a command could reach."""
    return getattr(model, "base_url", None) or ""


def _exchange(config: RailsConfig) -> Iterator[Finding]:
    """What the exchange will contain."""
    if config.passthrough:
        parts = ["your messages as they are sent (passthrough)"]
    else:
        parts = ["the general instructions", "earlier turns and the user's message"]
    if config.docs:
        parts.append("chunks from the knowledge base")
    parts.append("relevant_chunks if you pass them")
    yield fact(f"what is scored with the answer: {', '.join(parts)}")
    if config.colang_version == "1.0":
        yield _streaming(config)


def _streaming(config: RailsConfig) -> Finding:
    streaming = config.rails.output.streaming
    if not (streaming and streaming.enabled):
        return note(
            "stream_async is not available", "to stream, set rails.output.streaming.enabled: true"
        )
    told = f"streamed text comes in blocks of {counted(streaming.chunk_size, 'token')}"
    if "chunk_size" in streaming.model_fields_set:
        return fact(told)
    return note(told, "for smaller ones, set rails.output.streaming.chunk_size")
