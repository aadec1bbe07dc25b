"""The tools that were offered to the model, and what its calls are by their schemas alone."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from nemoguardrails.guardrails.tool_schema import Tool, validate_arguments
from nemoguardrails.rails.llm.config import RailsConfig

from nemoguardrails_trust.errors import DataError
from nemoguardrails_trust.exchange.values import load_json


def read_call(call: Any) -> dict[str, Any]:
    """The name and the arguments of a call, as the model's client gives it.

    Raises:
        Exception: It is no call; whatever reading it brings.
    """
    function = call["function"]
    arguments = function.get("arguments") or {}
    if isinstance(arguments, str):
        arguments = load_json(arguments)
    if not isinstance(arguments, Mapping):
        raise TypeError("the arguments of a call are not a JSON object")
    return {"name": str(function["name"]), "arguments": dict(arguments)}


def offered_tools(context: Mapping[str, Any], config: RailsConfig) -> dict[str, Tool] | None:
    """The tools that were offered with the turn or by the configuration, by name.

    Returns:
        `None` where none are told, so that nothing is known of their schemas.
    """
    given = offered(context).get("tools")
    if not isinstance(given, list):
        main = next((model for model in config.models if model.type == "main"), None)
        given = ((main and main.parameters) or {}).get("tools")
    if not isinstance(given, list):
        return None
    functions = [tool["function"] for tool in given if isinstance(tool.get("function"), Mapping)]
    return {
        str(function["name"]): Tool(
            name=str(function["name"]),
            description=function.get("description"),
            arguments_schema=function.get("parameters"),
        )
        for function in functions
    }


def offered(context: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters that the caller gave to the model with the turn."""
    options = context.get("generation_options") or {}
    return dict(options.get("llm_params") or {})


def schema_problem(calls: Sequence[Mapping[str, Any]], tools: Mapping[str, Tool]) -> str | None:
    """What is wrong with calls by the tools' schemas alone; `None` where nothing is.

    Raises:
        DataError: A schema cannot be applied.
    """
    for call in calls:
        tool = tools.get(call["name"])
        if tool is None:
            return (
                f"{call['name']!r} is not one of the tools: {', '.join(tools) or 'there are none'}"
            )
        wrong = _violation(tool, call["arguments"])
        if wrong is not None:
            return wrong
    return None


def _violation(tool: Tool, arguments: dict[str, Any]) -> str | None:
    cannot = f"the schema of the tool {tool.name!r} cannot be applied"
    if (address := _other_document(tool.arguments_schema)) is not None:
        # It would be fetched, and the event loop would wait for it.
        raise DataError(f"{cannot}: it refers to another document, {address!r}")
    try:
        wrong: str | None = validate_arguments(tool, arguments)
    except Exception as error:
        raise DataError(f"{cannot}: {type(error).__name__}") from error
    return wrong


def _other_document(schema: Any) -> str | None:
    """The address of another document that a schema refers to."""
    parts = [schema]
    while parts:
        part = parts.pop()
        if isinstance(part, list):
            parts += part
        elif isinstance(part, Mapping):
            for key, value in part.items():
                if key == "$ref" and isinstance(value, str) and not value.startswith("#"):
                    return value
                parts.append(value)
    return None


def described(tools: Mapping[str, Tool]) -> str:
    """The tools as a judge reads them, as JSON."""
    told = [
        {"name": tool.name, "description": tool.description, "parameters": tool.arguments_schema}
        for tool in tools.values()
    ]
    return json.dumps(told, ensure_ascii=False)
