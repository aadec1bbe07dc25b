"""Adds the rail's Colang 1.0 flows to a bot, and finds out whose flow runs."""

import copy
import re
from functools import cache
from pathlib import Path
from typing import Any, Literal

import nemoguardrails
from nemoguardrails import LLMRails
from nemoguardrails.colang import parse_colang_file
from nemoguardrails.rails.llm.config import RailsConfig

from nemoguardrails_trust.errors import SettingsError, nearest_name
from nemoguardrails_trust.guardrail import messages
from nemoguardrails_trust.guardrail.settings import FLOW_NAME, TOOL_CALLS_FLOW_NAME, flow_on

_FLOWS_V1 = Path(__file__).with_name("flows.v1.co")
_TOOL_CALLS_V1 = Path(__file__).with_name("tool_calls.v1.co")
_BUILT_IN_V1 = Path(nemoguardrails.__file__).parent / "library" / "cleanlab" / "flows.v1.co"

_FORGETTING = "forget the trust of the last turn"

_CALLED_V2 = re.compile(
    r"^[ \t]+(?:(?:await|start|activate)[ \t]+)?([A-Za-z_]\w*(?:[ \t]+[A-Za-z_]\w*)*)", re.MULTILINE
)


def rail_path() -> Path:
    """The rail's folder, for an absolute `import_paths` entry."""
    return Path(__file__).parents[1] / "rail"


def add_flows(app: LLMRails) -> None:
    """Puts our Colang 1.0 flow in the place of the built-in one, unless the user has their own.

    It is not loaded from the imported folder, since an imported flow would win over a user's
    flow of the same name.
    """
    # Where neither dialog nor input rails can end a turn before it, every answer is checked.
    if app.config.user_messages or app.config.rails.input.flows:
        _put_flow(app, _flow_v1(_FLOWS_V1, _FORGETTING), None)
        # The event that it waits for does not advance a flow otherwise, and others interrupt it.
        forgetting = app.runtime.flow_configs[_FORGETTING]
        forgetting.trigger_event_types = ["UtteranceUserActionFinished"]
    if TOOL_CALLS_FLOW_NAME in app.config.rails.tool_output.flows:
        own = [flow for flow in app.config.flows if flow.get("id") == TOOL_CALLS_FLOW_NAME]
        if not own:
            flow = _flow_v1(_TOOL_CALLS_V1, TOOL_CALLS_FLOW_NAME)
            _put_flow(app, flow | {"is_subflow": True}, None)
    present = _present_v1(app)
    if present is None or present.get("source_code") == _flow_v1(_BUILT_IN_V1)["source_code"]:
        _put_flow(app, _flow_v1(_FLOWS_V1) | {"is_subflow": True}, present)
    built_in_messages = _parsed_v1(_BUILT_IN_V1)["bot_messages"][messages.MESSAGE_NAME]
    if app.config.bot_messages.get(messages.MESSAGE_NAME) in (None, built_in_messages):
        app.config.bot_messages[messages.MESSAGE_NAME] = [messages.DEFAULT_MESSAGE]


def refuse_misspelt_flows(config: RailsConfig) -> None:
    """Refuses a name among the output rails that is close to the rail's, and no flow.

    NeMo Guardrails says of it no more than that it does not exist; in Colang 2.x it says
    nothing, and the bot falls silent.

    Raises:
        SettingsError: There is such a name.
    """
    _refuse_misspelt_tool_rails(config)
    known = {FLOW_NAME, *(flow_name(flow) for flow in config.flows)}
    for called in _called_as_output_rails(config):
        name = " ".join(called.casefold().replace("_", " ").split())
        if called not in known and nearest_name(name, [FLOW_NAME], cutoff=0.75):
            raise SettingsError(
                f"there is no flow for the output rail {called!r}; did you mean {FLOW_NAME!r}?",
                key=called,
            )


def _refuse_misspelt_tool_rails(config: RailsConfig) -> None:
    """Refuses a tool output rail that is close to ours and no flow: calls would go unchecked."""
    known = {TOOL_CALLS_FLOW_NAME, *(flow_name(flow) for flow in config.flows)}
    for line in config.rails.tool_output.flows:
        name = flow_on(line)
        if line in known:
            continue
        if name == TOOL_CALLS_FLOW_NAME:
            raise SettingsError(
                f"the tool output rail {line!r} takes no settings on its line; set "
                "tool_calls_threshold and on_untrustworthy under custom_data.trust",
                key=line,
            )
        if nearest_name(name.casefold(), [TOOL_CALLS_FLOW_NAME], cutoff=0.75):
            raise SettingsError(
                f"there is no flow for the tool output rail {line!r}; did you mean "
                f"{TOOL_CALLS_FLOW_NAME!r}?",
                key=line,
            )


def _called_as_output_rails(config: RailsConfig) -> list[str]:
    """The names of flows, without what is set on their lines."""
    if config.colang_version == "1.0":
        return [flow_on(line) for line in config.rails.output.flows]
    sources = [
        str(getattr(flow, "source_code", ""))
        for flow in config.flows
        if flow_name(flow) == "output rails"
    ]
    called = [match for source in sources for match in _CALLED_V2.findall(source)]
    return [" ".join(name.split()) for name in called]


def flow_name(flow: Any) -> str:
    """The name of a flow of either Colang version."""
    return str(flow.get("id") if isinstance(flow, dict) else flow.name)


def _put_flow(app: LLMRails, flow: dict[str, Any], instead: dict[str, Any] | None) -> None:
    flow["is_system_flow"] = True
    flows = app.config.flows
    flows[:] = [flow, *(known for known in flows if known is not instead)]
    app.runtime.flow_configs.pop(flow["id"], None)
    app.runtime._load_flow_config(flow)  # noqa: SLF001 - NeMo has no public way to add one


def flow_owner(app: LLMRails) -> tuple[Literal["ours", "built-in", "user"], str]:
    """Whose definition of the rail's flow runs in a bot, and its source."""
    if app.config.colang_version != "1.0":
        # Told by its text: of a file in an imported folder, a flow knows only the bare name.
        code = str(app.runtime.flow_configs[FLOW_NAME].source_code)
        if _code_lines(code) in _code_lines((rail_path() / "flows.co").read_text("utf-8")):
            return "ours", code
        built_in = _BUILT_IN_V1.with_name("flows.co").read_text("utf-8")
        return "built-in" if _code_lines(code) in _code_lines(built_in) else "user", code
    source = (_present_v1(app) or {}).get("source_code")
    if source == _flow_v1(_FLOWS_V1)["source_code"]:
        return "ours", str(source)
    if source == _flow_v1(_BUILT_IN_V1)["source_code"]:
        return "built-in", str(source)
    return "user", str(source)


def replaces_answer(app: LLMRails) -> bool:
    """Whether a bot has a message of its own for untrustworthy answers that may leave them out."""
    if app.config.colang_version == "1.0":
        own = app.config.bot_messages.get(messages.MESSAGE_NAME, ())
        return any("bot_message" not in text for text in own)
    flow = app.runtime.flow_configs.get(f"bot {messages.MESSAGE_NAME}")
    code = _code_lines(str(getattr(flow, "source_code", "")))
    return code not in _code_lines((rail_path() / "flows.co").read_text("utf-8"))


def _code_lines(source: str) -> str:
    """The lines of Colang without comments, which NeMo Guardrails drops, and empty lines."""
    lines = [line.strip() for line in source.splitlines()]
    return "\n".join(line for line in lines if line and not line.startswith("#"))


def _present_v1(app: LLMRails) -> dict[str, Any] | None:
    # The first of a name is the one that NeMo Guardrails runs.
    return next((flow for flow in app.config.flows if flow.get("id") == FLOW_NAME), None)


@cache
def _parsed_v1(path: Path) -> dict[str, Any]:
    parsed: dict[str, Any] = parse_colang_file(path.name, content=path.read_text(), version="1.0")
    return parsed


def _flow_v1(path: Path, name: str = FLOW_NAME) -> dict[str, Any]:
    flow: dict[str, Any] = next(flow for flow in _parsed_v1(path)["flows"] if flow["id"] == name)
    return copy.deepcopy(flow)
