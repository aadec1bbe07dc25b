"""The calls of tools that the model wants made, scored before any is carried out."""

import json
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from nemoguardrails.actions.rail_outcome import RailOutcome
from nemoguardrails.guardrails.tool_schema import Tool
from nemoguardrails.kb.kb import KnowledgeBase
from nemoguardrails.rails.llm.config import RailsConfig
from nemoguardrails.types import LLMModel

from nemoguardrails_trust.errors import SettingsError, TrustError
from nemoguardrails_trust.exchange import Exchange, Message
from nemoguardrails_trust.guardrail.calls_again import SecondAnswer, ask_again
from nemoguardrails_trust.guardrail.conversation import read_exchange
from nemoguardrails_trust.guardrail.guard import Guard
from nemoguardrails_trust.guardrail.offered_tools import (
    described,
    offered,
    offered_tools,
    read_call,
    schema_problem,
)
from nemoguardrails_trust.guardrail.outcome import TrustOutcome
from nemoguardrails_trust.guardrail.settings import TOOL_CALLS_FLOW_NAME, TrustSettings
from nemoguardrails_trust.guardrail.watching.main_call import MainCalls, plain_model
from nemoguardrails_trust.models.deadline import whole_deadline
from nemoguardrails_trust.scorers.tool_calls import ARGUMENTS
from nemoguardrails_trust.scores import TrustworthinessScore

_log = logging.getLogger(__name__)

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
_NO_SCHEMA = (
    "neither the turn nor the configuration lists any tools, so there is no schema to check against"
)


@dataclass(frozen=True, slots=True)
class ToolGuard:
    """What checks calls of tools, and whether the model is asked once more for better ones."""

    guard: Guard
    asks_again: bool


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


def checks_tool_calls(config: RailsConfig) -> bool:
    """Whether the rail for calls of tools is among a configuration's tool output rails.

    Raises:
        SettingsError: It is, and would never run.
    """
    flows = config.rails.tool_output.flows
    if TOOL_CALLS_FLOW_NAME not in flows:
        return False
    if config.colang_version != "1.0":
        raise SettingsError(
            f"the tool output rail {TOOL_CALLS_FLOW_NAME!r} would never run: NeMo Guardrails runs "
            "tool output rails in Colang 1.0 only; leave it out, or use colang_version: '1.0'",
            key="rails.tool_output.flows",
        )
    return True


async def score_tool_calls(
    *,
    tool_calls: Any = None,
    context: Mapping[str, Any] | None = None,
    events: Sequence[Any] | None = None,
    config: RailsConfig | None = None,
    llm: LLMModel | None = None,
    llms: Mapping[str, LLMModel] | None = None,
    kb: KnowledgeBase | None = None,
    trust_tool_guard: ToolGuard | None = None,
    trust_main_calls: MainCalls | None = None,
    **_: object,
) -> RailOutcome:
    """Checks calls of tools. It never raises: every failure is an outcome.

    The outcome's metadata has as `tool_calls` those that may be carried out, as `arguments` what
    was found of each argument, and as `asks_back` whether the text is the model's own, which it
    says instead of calling a tool.

    Args:
        tool_calls: The calls, as the model's client gives them.
        context: The context variables of the conversation.
        events: The events so far.
        config: The bot's configuration.
        llm: The bot's main model.
        llms: Its other models, by their type.
        kb: Its knowledge base.
        trust_tool_guard: What `config.py` registered.
        trust_main_calls: The calls to the bot's model, where they are watched.
    """
    if trust_tool_guard is None or config is None:
        metadata = {"tool_calls": [], "asks_back": False}
        return RailOutcome.block(reason="the rail was not set up", metadata=metadata)
    guard = trust_tool_guard.guard
    turn = _Turn(guard, context or {}, events or (), config, guard.models.pick(llm, llms), kb)
    started = time.perf_counter()
    with whole_deadline(guard.settings.timeout):
        unread = trust_main_calls.unread_calls() if trust_main_calls is not None else ()
        outcome = await turn.check(tool_calls, unread=unread)
        if trust_tool_guard.asks_again and outcome.status == "untrustworthy" and llm is not None:
            return await turn.again(outcome, tool_calls, plain_model(llm), started)
        return _told(outcome, tool_calls)


@dataclass(frozen=True, slots=True)
class _Turn:
    """What a turn's calls are checked with."""

    guard: Guard
    context: Mapping[str, Any]
    events: Sequence[Any]
    config: RailsConfig
    judge: LLMModel | None
    kb: KnowledgeBase | None

    async def exchange(self, calls: Sequence[Mapping[str, Any]]) -> Exchange:
        """What the model was given, with the calls as its response."""
        told = json.dumps({"tool_calls": calls}, sort_keys=True, ensure_ascii=False)
        return await read_exchange(
            context=self.context,
            events=self.events,
            config=self.config,
            kb=self.kb,
            bot_message=told,
            timeout=self.guard.settings.timeout,
        )

    async def check(
        self, tool_calls: Any, timeout: float | None = None, unread: Sequence[str] = ()
    ) -> TrustOutcome:
        """Checks calls; by the judge only where the schemas let them pass."""
        try:
            calls = [read_call(call) for call in tool_calls or ()]
            tools = offered_tools(self.context, self.config)
            exchange = await self.exchange(calls)
            told = _with_tools(exchange, tools)
            problem = None if tools is None else schema_problem(calls, tools)
            if unread:
                problem = f"the arguments of {', '.join(unread)} are not JSON, or were cut off"
        except Exception as error:  # noqa: BLE001 - NeMo Guardrails would hand the calls on
            return self.guard.unreadable(str(tool_calls), error, _render)
        if problem is not None:
            refused = TrustworthinessScore(0.0, explanation=problem, scorer="schema")
            return self.guard.decided(refused, exchange.response, _render)
        if tools is None:
            _log.warning("tool calls are judged, but not checked against a schema: %s", _NO_SCHEMA)
        outcome = await self.guard.check(
            told,
            self.judge,
            overrides=None if timeout is None else {"timeout": timeout},
            render=_render,
        )
        return outcome if tools is not None else _without_schema(outcome)

    async def again(
        self, first: TrustOutcome, tool_calls: Any, llm: LLMModel, started: float
    ) -> RailOutcome:
        """Asks the model once more, and takes what it then wants made, where that is trusted."""

        def left() -> float:
            return self.guard.settings.timeout - (time.perf_counter() - started)

        try:
            exchange = await self.exchange([read_call(call) for call in tool_calls])
            parameters = offered(self.context)
            reason = first.explanation
            answer = await ask_again(llm, exchange, parameters, reason, timeout=max(left(), 0.0))
        except TrustError as error:
            _log.warning("cannot ask again for tool calls: %s", error)
            return _told(first, tool_calls)
        if not answer.tool_calls:
            asking = replace(first, consequence="block", text=answer.text)
            return _told(asking, tool_calls, asks_back=True, **_cost(first, answer))
        if left() <= 0:
            return _told(first, tool_calls, **_cost(first, answer))
        second = await self.check(answer.tool_calls, left())
        return _told(
            second,
            answer.tool_calls,
            first_score=first.metadata["trustworthiness_score"],
            first_explanation=first.explanation,
            **_cost(first, answer, second),
        )


def _told(
    outcome: TrustOutcome, tool_calls: Any, *, asks_back: bool = False, **more: Any
) -> RailOutcome:
    """The outcome with the calls that may be carried out."""
    trusted = [] if outcome.is_blocked else list(tool_calls or ())
    arguments = outcome.metadata["metadata"].get(ARGUMENTS, {})
    metadata = {
        **outcome.metadata,
        ARGUMENTS: arguments,
        "tool_calls": trusted,
        "asked_again": bool(more),
        "asks_back": asks_back,
        **more,
    }
    return replace(outcome, metadata=metadata)  # type: ignore[call-arg]  # a field of NeMo's


def _cost(
    first: TrustOutcome, answer: SecondAnswer, second: TrustOutcome | None = None
) -> dict[str, Any]:
    """What two checks and the answer between them cost."""
    told = [first.metadata["usage"], answer.usage.to_json()]
    told += [] if second is None else [second.metadata["usage"]]
    return {
        "usage": {
            name: [call for usage in told for call in usage[name]]
            if name == "by_call"
            else sum(usage[name] for usage in told)
            for name in told[0]
        }
    }


def _without_schema(outcome: TrustOutcome) -> TrustOutcome:
    """The outcome that says what it was not held to."""
    missing = {**outcome.metadata.get("missing", {}), "schema": {"reason": _NO_SCHEMA}}
    metadata = {**outcome.metadata, "missing": missing}
    kept: TrustOutcome = replace(outcome, metadata=metadata)  # type: ignore[call-arg]
    return kept


def _with_tools(exchange: Exchange, tools: Mapping[str, Tool] | None) -> Exchange:
    """The exchange with what the judge has to know of the tools."""
    listed = f"\n\nTools: {described(tools)}" if tools else ""
    return replace(exchange, messages=(Message("system", _TOLD + listed), *exchange.messages))


def _render(answer: str, verdict: Mapping[str, Any]) -> str:
    del answer, verdict
    return NOT_CARRIED_OUT
