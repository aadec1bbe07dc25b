"""What a bot will do with an answer that is not trusted, told before it happens."""

import re
from collections.abc import Iterator

from nemoguardrails import LLMRails, RailsConfig

from nemoguardrails_trust.errors import TrustError
from nemoguardrails_trust.guardrail.findings import Finding, fact, failure, note, problem
from nemoguardrails_trust.guardrail.flow_calls import FlowCall, flow_calls
from nemoguardrails_trust.guardrail.flows import flow_owner
from nemoguardrails_trust.guardrail.guard import Guard
from nemoguardrails_trust.guardrail.plugin import calibration_of_bot
from nemoguardrails_trust.guardrail.settings import (
    FLOW_NAME,
    TrustSettings,
    read_settings,
)

_ACTION_NAMES = ("call_cleanlab_api", "call cleanlab api", "CallCleanlabApiAction")
_SCORE = re.compile(r"(\$\w+)\s*=\s*\$\w+\.trustworthiness_score\s*$", re.MULTILINE)
_COMPARISON = r"(?:\$\w+\.trustworthiness_score{names})\s*(?:<=?|>=?)\s*(\d*\.?\d+)"
_HEEDS_THRESHOLD = re.compile(r"\.(?:is_blocked|status|consequence|threshold)\b")
_BELOW = {
    "warn": "the answer with a caution (warn)",
    "mark": "the answer with a mark after each sentence below the threshold, or with "
    "a caution if there is none (mark); stream_async cannot mark text that "
    "it has already shown",
    "block": "the message instead of the answer (block)",
    "escalate": "an exception for the application (escalate)",
    "regenerate": "the model is asked once more; the better answer, with a "
    "caution if that is low too (regenerate)",
}
_UNCHECKED = {
    "warn": "the answer with a caution",
    "mark": "the answer with a caution",
    "regenerate": "the answer with a caution",
    "block": "the message instead of the answer",
    "escalate": "an exception for the application",
}


def reaction(rails: LLMRails, guard: Guard) -> Iterator[Finding]:
    """What the bot will do, as it results from settings, calibration, lines and flows."""
    owner, source = flow_owner(rails)
    whose = {"ours": "this package's", "built-in": "the built-in one", "user": "your own"}[owner]
    yield fact(f"flow '{FLOW_NAME}': {whose} is used")
    if owner == "built-in":
        yield problem("the built-in flow is used instead of this package's", "remove its import")
        return
    from_calibration = _calibration_with_threshold(rails)
    try:
        calls = flow_calls(rails.config)
        stated = [_stated(rails.config, guard, call, from_calibration) for call in calls]
    except TrustError as error:
        yield failure("the flow's line cannot be read", error)
        return
    if owner == "user":
        yield from read_own_flow(rails.config, source, stated[0][0] if stated else "")
    else:
        yield from (fact(f"below {threshold}: {below}") for threshold, below in stated)
    settings = guard.settings_with(calls[0].settings) if calls else guard.settings
    if settings.evaluations:
        chosen = ", ".join(
            f"{evaluation.name} below {evaluation.threshold:g}"
            for evaluation in settings.evaluations
        )
        yield fact(f"also untrustworthy: {chosen}")
    yield fact(f"if an answer cannot be checked: {_unchecked(settings, rails.config, owner)}")
    yield fact(f"longest time for a check: {settings.timeout:g} s")


def _calibration_with_threshold(rails: LLMRails) -> str | None:
    """The name of the calibration that gives the threshold; `None` where none does."""
    written = read_settings(rails.config.custom_data)
    calibration = calibration_of_bot(written, rails)
    if written.calibration is None or calibration is None or calibration.threshold is None:
        return None
    return written.calibration.name


def _stated(
    config: RailsConfig, guard: Guard, call: FlowCall, calibration: str | None
) -> tuple[str, str]:
    """The threshold with its source, and what happens below it."""
    settings = guard.settings_with(call.settings)
    if "threshold" in call.at_run_time:
        threshold = "a threshold that the flow's call sets when it runs"
    elif "threshold" in call.settings:
        threshold = f"{settings.threshold:g} (the flow's line)"
    elif "threshold" in read_settings(config.custom_data).model_fields_set:
        threshold = f"{settings.threshold:g} (custom_data.trust)"
    else:
        source = "the default" if calibration is None else f"the calibration {calibration}"
        threshold = f"{settings.threshold:g} ({source})"
    if "on_untrustworthy" in call.at_run_time:
        return threshold, "what the flow's call sets when it runs"
    if config.enable_rails_exceptions:
        again = (
            "the model is asked once more; " if settings.on_untrustworthy == "regenerate" else ""
        )
        return threshold, f"{again}an exception for the application (enable_rails_exceptions)"
    return threshold, _BELOW[settings.on_untrustworthy]


def _unchecked(settings: TrustSettings, config: RailsConfig, owner: str) -> str:
    if settings.on_error == "allow":
        return "let through, recorded as unchecked (on_error: allow)"
    if owner == "user":
        return f"the score counts as 0, and your flow decides (on_error: {settings.on_error})"
    if config.enable_rails_exceptions:
        return "an exception for the application (enable_rails_exceptions)"
    consequence = "block" if settings.on_error == "block" else settings.on_untrustworthy
    return f"{_UNCHECKED[consequence]} (on_error: {settings.on_error})"


def read_own_flow(config: RailsConfig, source: str, threshold: str) -> Iterator[Finding]:
    """What a flow of the user's own does, as far as its source tells."""
    is_v1 = config.colang_version == "1.0"
    if not any(name in source for name in _ACTION_NAMES):
        yield problem(
            f"your flow '{FLOW_NAME}' does not call the action that checks",
            "call it: $result = execute call_cleanlab_api"
            if is_v1
            else "call it: $result = await CallCleanlabApiAction()",
        )
        return
    names = "".join(rf"|\{name}\b" for name in _SCORE.findall(source))
    compared = list(dict.fromkeys(re.findall(_COMPARISON.format(names=names), source)))
    if compared:
        listed = " and ".join(compared)
        yield fact(f"your flow compares the score with {listed} and decides what follows")
        if not _HEEDS_THRESHOLD.search(source):
            yield from _unheeded(config, compared)
    elif _HEEDS_THRESHOLD.search(source) and threshold:
        yield fact(f"below {threshold}: decided by your flow")
    else:
        yield fact("threshold, and what happens below it: decided by your flow")
    if is_v1 and not re.search(r"\$trust\s*=", source):
        yield note(
            'your flow does not set $trust, so output_vars: ["trust"] gives no score',
            "add the line: $trust = $result.metadata",
        )
    if not is_v1 and "TrustworthinessScored" not in source:
        yield note(
            "your flow does not send TrustworthinessScored, so the application gets no score",
            "add the line: send TrustworthinessScored(trust=$result.metadata)",
        )


def _unheeded(config: RailsConfig, compared: list[str]) -> Iterator[Finding]:
    written = read_settings(config.custom_data)
    by_user = "threshold" in written.model_fields_set or written.calibration is not None
    if by_user and not any(float(number) == written.threshold for number in compared):
        yield note(
            "the threshold in custom_data.trust has no effect: your flow compares with its own",
            "compare with $result.threshold instead of a number",
        )
