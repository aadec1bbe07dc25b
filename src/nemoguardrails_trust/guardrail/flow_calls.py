"""Where a configuration calls the rail's flow, and what it sets there."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nemoguardrails import RailsConfig

from nemoguardrails_trust.errors import SettingsError
from nemoguardrails_trust.guardrail.flows import flow_name
from nemoguardrails_trust.guardrail.settings import (
    FLOW_NAME,
    SETTINGS_ON_LINE,
    read_flow_line,
    trust_flow_lines,
)

_CALL = re.compile(rf"^[ \t]*(?:await[ \t]+)?{FLOW_NAME}(?![ \t]*[A-Za-z_])(.*)$", re.MULTILINE)
_ARGUMENT = re.compile(r"(?:\$?(\w+)\s*=\s*)?(\"[^\"]*\"|'[^']*'|[^\s,()=]+)")


@dataclass(frozen=True, slots=True)
class FlowCall:
    """One place where the flow is called.

    Attributes:
        settings: What is set there, as far as it can be read.
        at_run_time: The settings whose values are known only when the flow runs.
    """

    settings: Mapping[str, Any]
    at_run_time: tuple[str, ...] = ()


def flow_calls(config: RailsConfig) -> list[FlowCall]:
    """Where a configuration calls the rail's flow as an output rail, in either Colang version.

    Raises:
        SettingsError: A setting there is unknown or out of range.
    """
    if config.colang_version == "1.0":
        return [FlowCall(read_flow_line(line)) for line in trust_flow_lines(config)]
    rails = [flow for flow in config.flows if flow_name(flow) == "output rails"]
    sources = [str(getattr(flow, "source_code", "")) for flow in rails]
    return [read_call(rest) for source in sources for rest in _CALL.findall(source)]


def read_call(rest: str) -> FlowCall:
    """Reads the arguments of a call in Colang 2.x, given by name or by place.

    Raises:
        SettingsError: A setting is unknown or out of range.
    """
    values: dict[str, str] = {}
    at_run_time = []
    for place, (name, value) in enumerate(_ARGUMENT.findall(rest.partition("#")[0])):
        if not name and place >= len(SETTINGS_ON_LINE):
            raise SettingsError(
                f"the call '{FLOW_NAME}{rest}' has more arguments than the flow's "
                f"{', '.join(SETTINGS_ON_LINE)}"
            )
        key = name or SETTINGS_ON_LINE[place]
        if value.startswith("$"):
            at_run_time.append(key)
        elif value not in ('""', "''"):
            values[key] = value
    line = " ".join([FLOW_NAME, *(f"${key}={value}" for key, value in values.items())])
    return FlowCall(read_flow_line(line), tuple(at_run_time))
