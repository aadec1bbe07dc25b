"""The action behind the rail: reads the exchange, asks the guard, and shows what came out."""

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any

from nemoguardrails.actions.rail_outcome import RailOutcome
from nemoguardrails.kb.kb import KnowledgeBase
from nemoguardrails.rails.llm.config import RailsConfig
from nemoguardrails.types import LLMModel

from nemoguardrails_trust.guardrail import messages
from nemoguardrails_trust.guardrail.conversation import read_exchange, said_by_bot, unseen_part
from nemoguardrails_trust.guardrail.defined import is_defined
from nemoguardrails_trust.guardrail.guard import Guard, Render
from nemoguardrails_trust.guardrail.outcome import TrustOutcome, allow_chunk, make_outcome
from nemoguardrails_trust.guardrail.publishing import flagged_as
from nemoguardrails_trust.guardrail.settings import FLOW_NAME, read_flow_line, trust_flow_lines
from nemoguardrails_trust.guardrail.watching.main_call import MainCalls
from nemoguardrails_trust.scorers.base import DEFAULT_THRESHOLD
from nemoguardrails_trust.scores import TrustworthinessScore

_log = logging.getLogger(__name__)

GUARD_PARAMETER = "trust_guard"
DEFINED_MESSAGES_PARAMETER = "trust_defined_messages"
MAIN_CALLS_PARAMETER = "trust_main_calls"


async def check_answer(
    *,
    context: Mapping[str, Any] | None = None,
    events: Sequence[Any] | None = None,
    config: RailsConfig | None = None,
    llm: LLMModel | None = None,
    llms: Mapping[str, LLMModel] | None = None,
    kb: KnowledgeBase | None = None,
    trust_guard: Guard | None = None,
    trust_main_calls: MainCalls | None = None,
    trust_defined_messages: frozenset[str] = frozenset(),
    user_message: str | None = None,
    bot_message: str | None = None,
    threshold: object = None,
    on_untrustworthy: object = None,
    **others: object,
) -> RailOutcome | dict[str, Any]:
    """Checks the bot's answer. It never raises: every failure is an outcome.

    Args:
        context: The context variables of the conversation.
        events: The events so far.
        config: The bot's configuration.
        llm: The bot's main model.
        llms: Its other models, by their type.
        kb: Its knowledge base.
        trust_guard: The guard that `config.py` registered.
        trust_main_calls: The calls that wrote answers, where the settings have them watched.
        trust_defined_messages: The texts that stand in a Colang 2.x configuration.
        user_message: The user's message, where the flow passes it.
        bot_message: The answer, where the flow passes it.
        threshold: Over the configured one, where the flow passes it.
        on_untrustworthy: Likewise.
        others: What an engine passes beyond; `model_name` marks a part of a streamed answer.

    Returns:
        The outcome as the events of the conversation keep it; in Colang 2.x as JSON types.
    """
    started = time.perf_counter()
    if "model_name" in others:
        # Parts are judged with the whole, once, when the answer is complete.
        return allow_chunk()
    context = context or {}
    if trust_guard is None or config is None:
        return _kept(_not_set_up(str(said_by_bot(context) or "")), config)
    bot_message = _given(bot_message)
    # Where several lines check an answer, none judges what another has added to it.
    earlier = flagged_as(said_by_bot(context) if bot_message is None else bot_message)
    try:
        exchange = await read_exchange(
            context=context,
            events=events or (),
            config=config,
            kb=kb,
            user_message=_given(user_message),
            bot_message=bot_message if earlier is None else earlier.answer,
            timeout=trust_guard.settings.timeout,
        )
        overrides = {
            **settings_on_line(config, context, events or ()),
            **_overrides(threshold=threshold, on_untrustworthy=on_untrustworthy),
        }
    except Exception as error:  # noqa: BLE001 - a turn must not break on an odd event
        outcome = trust_guard.unreadable(str(said_by_bot(context) or ""), error)
        return _kept(outcome, config)
    if is_defined(exchange.response, trust_defined_messages, events or ()):
        return _kept(trust_guard.pass_by(exchange.response), config)
    call = trust_main_calls.that_brought(exchange.response) if trust_main_calls else None
    if call is not None and call.tokens is not None:
        exchange = replace(exchange, tokens=call.tokens)
    outcome = await trust_guard.check(
        exchange,
        trust_guard.models.pick(llm, llms),
        overrides=overrides,
        render=_renderer(config, context),
        prefetched=call.prefetch if call is not None else None,
        unseen=unseen_part(context, exchange),
        earlier=earlier,
        started=started,
    )
    return _kept(outcome, config)


def _kept(outcome: TrustOutcome, config: RailsConfig | None) -> RailOutcome | dict[str, Any]:
    """An outcome as the runtime keeps it; a state of Colang 2.x can be saved only as JSON."""
    is_v1 = config is None or config.colang_version == "1.0"
    return outcome.for_history if is_v1 else outcome.for_history.to_json()


def _not_set_up(answer: str) -> TrustOutcome:
    """The outcome where the action runs without the rail's `config.py` having been loaded."""
    error = (
        "the rail was not set up: import the folder nemoguardrails_trust/rail with its "
        "config.py, by import_paths (Colang 1.0) or import (2.x)"
    )
    _log.error("%s", error)
    return make_outcome(
        TrustworthinessScore(None, error=error),
        threshold=DEFAULT_THRESHOLD,
        status="unchecked",
        consequence="warn",
        text=messages.with_caution(answer, checked=False),
        answer=answer,
    )


def _given(value: object) -> str | None:
    """A parameter that the flow filled; Colang 1.0 leaves `$name` where there is no value."""
    return value if isinstance(value, str) and not value.startswith("$") else None


def _overrides(**values: object) -> dict[str, Any]:
    return {
        key: value
        for key, value in values.items()
        if value not in (None, "") and not str(value).startswith("$")
    }


def settings_on_line(
    config: RailsConfig, context: Mapping[str, Any], events: Sequence[Any] = ()
) -> Mapping[str, Any]:
    """The settings on the line by which the flow was started."""
    lines = trust_flow_lines(config)
    if len(lines) > 1:
        if config.rails.output.parallel:
            lines = [line for line in lines if _is_start_of(line, events)] or lines
        else:
            started = context.get("triggered_output_rail")
            lines = [line for line in lines if line == started] or lines
    return read_flow_line(lines[0]) if lines else {}


def _is_start_of(line: str, events: Sequence[Any]) -> bool:
    """Whether it is this line that started the flow, which runs beside others."""
    for event in reversed(events):
        if event["type"] == "start_flow" and event["flow_id"] == FLOW_NAME:
            # NeMo Guardrails itself reads the first setting only.
            told = dict(islice(read_flow_line(line).items(), 1))
            return told == {key: str(value) for key, value in event.get("params", {}).items()}
    return False


def _renderer(config: RailsConfig, context: Mapping[str, Any]) -> Render | None:
    """Gives the user's own message of Colang 1.0; in 2.x a message is a flow."""
    template = messages.user_message(config.bot_messages)
    if config.colang_version != "1.0" or template is None:
        return None

    def render(answer: str, verdict: Mapping[str, Any]) -> str | None:
        variables = {**context, "bot_message": answer, "trust": verdict}
        try:
            return messages.render(template, variables)
        except ValueError as error:
            _log.warning("%s; the standard message is used", error)
            return None

    return render
