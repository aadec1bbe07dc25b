"""The doctor: says whether the rail of a configuration will run, and what is in its way."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import yaml
from nemoguardrails import LLMRails, RailsConfig
from nemoguardrails.rails.llm import config as nemo_config

from nemoguardrails_trust.errors import TrustError
from nemoguardrails_trust.guardrail import messages
from nemoguardrails_trust.guardrail.action import GUARD_PARAMETER
from nemoguardrails_trust.guardrail.flows import flow_owner, rail_path
from nemoguardrails_trust.guardrail.guard import Guard
from nemoguardrails_trust.guardrail.llm import NemoModel
from nemoguardrails_trust.guardrail.plugin import register
from nemoguardrails_trust.guardrail.settings import (
    FLOW_NAME,
    TrustSettings,
    is_trust_flow,
    read_flow_line,
    read_settings,
)

_ACTION_NAMES = ("call_cleanlab_api", "call cleanlab api", "CallCleanlabApiAction")
_MENDS = {
    f"Multiple non-overriding flows with name '{FLOW_NAME}'": "remove import "
    "nemoguardrails.library.cleanlab; above a flow of your own write @override",
    "Import path 'nemoguardrails_trust": "import nemoguardrails_trust/rail under import_paths "
    "(config.yml), or nemoguardrails_trust.rail by import (Colang 2.x)",
}
_WITHOUT_EFFECT: dict[tuple[str, ...], set[str]] = {
    (): {"trust"},
    ("rails",): {"trust"},
    ("rails", "config"): {"trust"},
    ("custom_data",): set(TrustSettings.model_fields),
}
_KEYS = {"cleanlab-studio": "CLEANLAB_API_KEY", "cleanlab-tlm": "CLEANLAB_TLM_API_KEY"}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing the doctor found.

    Attributes:
        level: `fact`, `note` (worth knowing) or `problem` (the rail will not run as meant).
        text: What was found.
        mend: What to do about it.
    """

    level: Literal["fact", "note", "problem"]
    text: str
    mend: str | None = None


def check_configuration(path: str | Path) -> list[Finding]:
    """Examines a configuration by loading it as NeMo Guardrails would.

    Args:
        path: The configuration's folder.

    Returns:
        What was found; the rail will run as meant when none of it is a `problem`.
    """
    path = Path(path)
    if not path.is_dir():
        return [
            Finding(
                "problem",
                f"{path} is not a folder",
                "name the folder that holds config.yml; NeMo Guardrails ignores import_paths "
                "when it is given the file itself",
            )
        ]
    findings = list(_installation())
    register()
    try:
        config = RailsConfig.from_path(str(path))
    except Exception as error:  # noqa: BLE001 - whatever stops the bot is the finding
        return [*findings, _failure("the configuration does not load", error)]
    findings += _rail(config)
    findings += _misplaced(path)
    try:
        settings = read_settings(config.custom_data)
    except TrustError as error:
        return [*findings, _failure("the settings are not valid", error)]
    findings += _settings(settings, config)
    if any(finding.level == "problem" for finding in findings):
        return findings
    try:
        rails = LLMRails(config)
    except Exception as error:  # noqa: BLE001 - whatever stops the bot is the finding
        return [*findings, _failure("the bot does not start", error)]
    findings += _definitions(rails)
    findings += _models(rails, settings)
    findings += _exchange(config)
    return findings


def _failure(what: str, error: BaseException) -> Finding:
    """A problem whose reason is our own error, or else the root: NeMo Guardrails wraps both."""
    while error.__cause__ is not None and not isinstance(error, TrustError):
        error = error.__cause__
    text = " ".join(str(error).split())
    mend = next((mend for sign, mend in _MENDS.items() if sign in text), None)
    return Finding("problem", f"{what}: {text}", mend)


def _misplaced(path: Path) -> Iterator[Finding]:
    """Settings where NeMo Guardrails drops them, or where the rail does not look."""
    for file in sorted([*path.rglob("*.yml"), *path.rglob("*.yaml")]):
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
        for place, names in _WITHOUT_EFFECT.items():
            mapping = content
            for key in place:
                mapping = mapping.get(key) if isinstance(mapping, dict) else None
            for name in sorted(names & set(mapping if isinstance(mapping, dict) else ())):
                yield Finding(
                    "problem",
                    f"{'.'.join([*place, name])} in {file.name} has no effect",
                    "settings stand under custom_data: {trust: {…}}",
                )


def _installation() -> Iterator[Finding]:
    """Whether an application must call `register()` for the import to resolve."""
    roots = [Path(root) for root in nemo_config.colang_path_dirs]
    if not any((root / "nemoguardrails_trust" / "rail").is_dir() for root in roots):
        yield Finding(
            "note",
            "this is an editable install, whose rail folder does not resolve by itself",
            "call nemoguardrails_trust.register() before RailsConfig.from_path, or set "
            f"COLANGPATH={rail_path().parents[1]}",
        )


def _rail(config: RailsConfig) -> Iterator[Finding]:
    """Whether the rail's folder is imported, and its flow runs."""
    ours = rail_path().resolve()
    imported = [Path(path).resolve() for path in (config.imported_paths or {}).values()]
    version = config.colang_version
    if not any(each == ours or each == ours / "flows.co" for each in imported):
        yield Finding(
            "problem",
            "the rail's folder is not imported, so the built-in rail would run, or none",
            "add import_paths: [nemoguardrails_trust/rail] to config.yml"
            if version == "1.0"
            else "add import nemoguardrails_trust.rail to main.co",
        )
        return
    yield Finding("fact", f"Colang {version}, the rail's folder is imported")
    yield from _flow_lines_v1(config) if version == "1.0" else _flow_calls_v2(config)


def _flow_lines_v1(config: RailsConfig) -> Iterator[Finding]:
    lines = [line for line in config.rails.output.flows if is_trust_flow(line)]
    if not lines:
        yield Finding(
            "problem",
            f"'{FLOW_NAME}' is not among the output rails",
            f"add rails: {{output: {{flows: [{FLOW_NAME}]}}}} to config.yml",
        )
    for line in lines:
        try:
            own = read_flow_line(line)
        except TrustError as error:
            yield _failure("the flow's line cannot be read", error)
            continue
        listed = ", ".join(f"{key} = {value}" for key, value in own.items())
        yield Finding("fact", f"output rail '{FLOW_NAME}'{f' with {listed}' if listed else ''}")


def _flow_calls_v2(config: RailsConfig) -> Iterator[Finding]:
    rails = [flow for flow in config.flows if _flow_name(flow) == "output rails"]
    if not rails:
        yield Finding(
            "problem",
            "there is no flow 'output rails'",
            f"add to main.co: flow output rails $output_text, and in it: {FLOW_NAME}",
        )
    elif not any(FLOW_NAME in str(getattr(flow, "source_code", "")) for flow in rails):
        yield Finding(
            "problem", f"the flow 'output rails' does not call '{FLOW_NAME}'", "add the call to it"
        )
    else:
        yield Finding("fact", f"the flow 'output rails' calls '{FLOW_NAME}'")
    if not any(_flow_name(flow) == "run output rails" for flow in config.flows):
        yield Finding(
            "problem", "output rails never run without the guardrails library", "import guardrails"
        )


def _flow_name(flow: Any) -> str:
    return str(flow.get("id") if isinstance(flow, dict) else flow.name)


def _settings(settings: TrustSettings, config: RailsConfig) -> Iterator[Finding]:
    yield Finding(
        "fact",
        f"threshold {settings.threshold:g}, below it: {settings.on_untrustworthy}; "
        f"where it cannot be checked: {settings.on_error}; timeout {settings.timeout:g} s",
    )
    key = _KEYS.get(settings.scorer)
    if key is None:
        yield Finding("fact", f"scorer '{settings.scorer}', quality '{settings.quality}'")
    elif os.environ.get(key):
        yield Finding("fact", f"scorer '{settings.scorer}', {key} is set")
    else:
        yield Finding(
            "problem", f"scorer '{settings.scorer}', and {key} is not set", f"export {key}=…"
        )
    own = messages.user_message(config.bot_messages or {})
    withholds = settings.on_untrustworthy in ("block", "escalate")
    if withholds and own is not None and "bot_message" in own:
        yield Finding(
            "note",
            f"bot {messages.MESSAGE_NAME} quotes $bot_message, which is empty there, since the "
            f"answer is withheld ({settings.on_untrustworthy})",
            "leave $bot_message out of the message",
        )


def _definitions(rails: LLMRails) -> Iterator[Finding]:
    """Whose definition of the flow wins, and whether it does the check."""
    owner, source = flow_owner(rails)
    whose = {"ours": "this package's", "built-in": "the built-in one", "user": "your own"}[owner]
    yield Finding("fact", f"flow '{FLOW_NAME}': {whose} wins")
    if owner == "built-in":
        yield Finding("problem", "the built-in flow wins over ours", "remove its import")
    elif not any(name in source for name in _ACTION_NAMES):
        yield Finding(
            "problem",
            f"your flow '{FLOW_NAME}' does not call the action that checks",
            "call it: $result = execute call_cleanlab_api"
            if rails.config.colang_version == "1.0"
            else "call it: $result = await CallCleanlabApiAction()",
        )
    own = messages.user_message(rails.config.bot_messages or {})
    if rails.config.colang_version == "1.0":
        whose = "this package's" if own is None else "your own"
        yield Finding("fact", f"bot {messages.MESSAGE_NAME}: {whose} wins")


def _models(rails: LLMRails, settings: TrustSettings) -> Iterator[Finding]:
    parameters = rails.runtime.registered_action_params
    guard = parameters[GUARD_PARAMETER]
    assert isinstance(guard, Guard)
    if settings.scorer != "local":
        return
    llm = guard.pick_model(parameters.get("llm"), parameters.get("llms"))
    if llm is None:
        yield Finding(
            "problem",
            "scorer 'local' needs a model, and the configuration has none",
            "add one of type main under models:, or hand one to LLMRails(config, llm=…)",
        )
        return
    try:
        model = guard.model_for(llm)
        guard.scorer_for(model)
    except TrustError as error:
        yield _failure("the scorer cannot be built", error)
        return
    if isinstance(model, NemoModel):
        yield Finding(
            "note",
            f"model '{model.name}' is called through NeMo Guardrails, which passes on no token "
            "probabilities and one answer a call",
        )
    elif model is not None:
        yield Finding("fact", f"model '{model.name}' judges and samples")


def _exchange(config: RailsConfig) -> Iterator[Finding]:
    """What the exchange will contain."""
    parts = []
    if config.passthrough:
        parts.append("your messages as they are sent (passthrough)")
    else:
        parts.append("the general instructions")
        parts.append("earlier turns and the user's message")
    if config.docs:
        parts.append("chunks from the knowledge base")
    parts.append("relevant_chunks where you pass them")
    yield Finding("fact", f"what is scored with the answer: {', '.join(parts)}")
    streaming = config.rails.output.streaming
    if config.colang_version == "1.0" and not (streaming and streaming.enabled):
        yield Finding(
            "note",
            "stream_async is not available",
            "to stream, set rails.output.streaming.enabled: true",
        )
