"""The calls of tools that the model wants made, scored before any is carried out."""

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from nemoguardrails.actions.rail_outcome import RailOutcome
from nemoguardrails.guardrails.tool_schema import Tool, validate_arguments
from nemoguardrails.kb.kb import KnowledgeBase
from nemoguardrails.rails.llm.config import RailsConfig
from nemoguardrails.types import LLMModel

from nemoguardrails_trust.exchange import Exchange, Message
from nemoguardrails_trust.guardrail.conversation import read_exchange
from nemoguardrails_trust.guardrail.guard import Guard
from nemoguardrails_trust.guardrail.outcome import TrustOutcome
from nemoguardrails_trust.guardrail.settings import TrustSettings
from nemoguardrails_trust.scores import TrustworthinessScore

TOOL_GUARD_PARAMETER = "trust_tool_guard"

NOT_CARRIED_OUT = (
    "I have not carried this out: I am not certain enough that it is what you asked for."
)

_TOLD = (
    "The response is calls of tools, which are carried out as they stand. It is correct if they "
    "are what the last message asks for now, and if the value of every argument stands in the "
    "conversation or follows from it. A made-up value, a wrong person or amount, and a step that "
    "nobody asked for are False."
)


def tool_settings(settings: TrustSettings) -> TrustSettings:
    """The settings by which calls of tools are checked.

    They are judged and not sampled, since samples are drawn without tools; and what is not
    trusted is not carried out, since a caution beside a call would come too late.
    """
    threshold = settings.tool_calls_threshold
    return settings.overridden(
        {
            "threshold": settings.threshold if threshold is None else threshold,
            "quality": "low",
            "explain": settings.asks_for_reasons,
            "on_untrustworthy": "escalate" if settings.on_untrustworthy == "escalate" else "block",
            "calibration": None,
            "rounds": 1,
            "require": (),
            "min_signals": 0,
        }
    )


async def score_tool_calls(
    *,
    tool_calls: Any = None,
    context: Mapping[str, Any] | None = None,
    events: Sequence[Any] | None = None,
    config: RailsConfig | None = None,
    llm: LLMModel | None = None,
    llms: Mapping[str, LLMModel] | None = None,
    kb: KnowledgeBase | None = None,
    trust_tool_guard: Guard | None = None,
    **_: object,
) -> RailOutcome:
    """Checks calls of tools. It never raises: every failure is an outcome.

    The outcome's metadata has as `tool_calls` those that may be carried out.

    Args:
        tool_calls: The calls, as the model's client gives them.
        context: The context variables of the conversation.
        events: The events so far.
        config: The bot's configuration.
        llm: The bot's main model.
        llms: Its other models, by their type.
        kb: Its knowledge base.
        trust_tool_guard: The guard that `config.py` registered.
    """
    if trust_tool_guard is None or config is None:
        return RailOutcome.block(reason="the rail was not set up", metadata={"tool_calls": []})
    outcome = await _outcome(
        trust_tool_guard,
        tool_calls,
        context or {},
        partial(read_exchange, events=events or (), config=config, kb=kb),
        trust_tool_guard.models.pick(llm, llms),
    )
    trusted = [] if outcome.is_blocked else list(tool_calls)
    metadata = {**outcome.metadata, "tool_calls": trusted}
    return replace(outcome, metadata=metadata)  # type: ignore[call-arg]  # a field of NeMo's


async def _outcome(
    guard: Guard,
    tool_calls: Any,
    context: Mapping[str, Any],
    read: Callable[..., Awaitable[Exchange]],
    llm: LLMModel | None,
) -> TrustOutcome:
    told = str(tool_calls)
    try:
        calls = [_read_call(call) for call in tool_calls or ()]
        told = json.dumps({"tool_calls": calls}, sort_keys=True, ensure_ascii=False)
        tools = _tools(context)
        exchange = await read(context=context, bot_message=told)
    except Exception as error:  # noqa: BLE001 - a turn must not break on odd calls
        return guard.unreadable(told, error)
    problem = None if tools is None else _problem(calls, tools)
    if problem is not None:
        refused = TrustworthinessScore(0.0, explanation=problem, scorer="schema")
        return guard.decided(refused, told, _render)
    return await guard.check(_with_tools(exchange, tools), llm, render=_render)


def _read_call(call: Any) -> dict[str, Any]:
    function = call["function"]
    arguments = function.get("arguments") or {}
    if isinstance(arguments, str):
        arguments = json.loads(arguments)
    if not isinstance(arguments, Mapping):
        raise TypeError("the arguments of a call are no object")
    return {"name": str(function["name"]), "arguments": dict(arguments)}


def _tools(context: Mapping[str, Any]) -> dict[str, Tool] | None:
    """The tools that the caller offered with the turn, by name; `None` where it told none."""
    options = context.get("generation_options") or {}
    given = (options.get("llm_params") or {}).get("tools")
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


def _problem(calls: Sequence[Mapping[str, Any]], tools: Mapping[str, Tool]) -> str | None:
    """What is wrong with calls by the tools' schemas alone; `None` where nothing is."""
    for call in calls:
        tool = tools.get(call["name"])
        if tool is None:
            return f"{call['name']!r} is none of the tools: {', '.join(tools) or 'there are none'}"
        wrong: str | None = validate_arguments(tool, call["arguments"])
        if wrong is not None:
            return wrong
    return None


def _with_tools(exchange: Exchange, tools: Mapping[str, Tool] | None) -> Exchange:
    """The exchange with what the judge has to know of the tools."""
    described = [
        {"name": tool.name, "description": tool.description, "parameters": tool.arguments_schema}
        for tool in (tools or {}).values()
    ]
    listed = f"\n\nTools: {json.dumps(described, ensure_ascii=False)}" if described else ""
    return replace(exchange, messages=(Message("system", _TOLD + listed), *exchange.messages))


def _render(answer: str, verdict: Mapping[str, Any]) -> str:
    del answer, verdict
    return NOT_CARRIED_OUT
