"""Asks the bot's model once more for calls of tools, with the reason why the first do not do."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nemoguardrails.context import llm_call_info_var, raw_llm_request
from nemoguardrails.exceptions import LLMCallException
from nemoguardrails.llm.call import llm_call
from nemoguardrails.logging.explain import LLMCallInfo
from nemoguardrails.types import LLMModel, LLMResponse

from nemoguardrails_trust.errors import ModelError
from nemoguardrails_trust.exchange import Exchange
from nemoguardrails_trust.exchange.thinking import answer_in
from nemoguardrails_trust.guardrail.conversation import NO_TURNS
from nemoguardrails_trust.guardrail.llm import model_error
from nemoguardrails_trust.scorers.safely import settled
from nemoguardrails_trust.scores import CallUsage, Usage

TASK = "trustworthiness_tool_calls"
"""The name of the call in `rails.explain()`."""

_TOLD = (
    "An automatic check held these calls of tools back before they were carried out: {calls}\n"
    "The reason: {reason}\n"
    "Make the calls that are right instead. Where something is missing that only I can tell, "
    "call no tool, and ask me for it."
)


@dataclass(frozen=True, slots=True)
class SecondAnswer:
    """What the model said when it was asked again: calls for NeMo Guardrails, or a text."""

    tool_calls: Sequence[Mapping[str, Any]]
    text: str
    usage: Usage


async def ask_again(
    llm: LLMModel,
    exchange: Exchange,
    parameters: Mapping[str, Any],
    reason: str | None,
    *,
    timeout: float,
) -> SecondAnswer:
    """Asks once more.

    Args:
        llm: The bot's main model.
        exchange: What was asked, and the calls that were held back.
        parameters: Those of the first call, its tools among them.
        reason: Why they were held back.
        timeout: Seconds.

    Raises:
        TrustError: Nothing came, or nothing in time.
    """
    started = time.perf_counter()
    told = _TOLD.format(calls=exchange.response, reason=reason or "they may not be right.")
    messages = [*_as_sent(exchange), {"role": "user", "content": told}]
    # In a task of its own: NeMo Guardrails keeps the calls of the latest request in a context
    # variable, which would be taken for those of the next turn.
    work = asyncio.create_task(_call(llm, messages, dict(parameters)))
    response = await settled(work, timeout=timeout, what="the bot's model")
    counted = response.usage
    call = CallUsage(
        "answer",
        prompt_tokens=counted.input_tokens if counted else 0,
        completion_tokens=counted.output_tokens if counted else 0,
        seconds=time.perf_counter() - started,
    )
    calls = [call.to_dict() for call in response.tool_calls or ()]
    text = answer_in(response.content or "") or ""
    if not calls and not text.strip():
        raise ModelError("the model was asked again and gave nothing")
    return SecondAnswer(calls, text.strip(), Usage.of_calls((call,), call.seconds))


async def _call(
    llm: LLMModel, messages: list[dict[str, Any]], parameters: dict[str, Any]
) -> LLMResponse:
    llm_call_info_var.set(LLMCallInfo(task=TASK))
    try:
        return await llm_call(llm, messages, llm_params=parameters)
    except LLMCallException as error:
        raise model_error(error) from None


def _as_sent(exchange: Exchange) -> list[dict[str, Any]]:
    """What the model was given: the caller's own messages, which passthrough mode sends."""
    request = raw_llm_request.get()
    if isinstance(request, list):
        return [dict(turn) for turn in request if turn.get("role") not in NO_TURNS]
    return [{"role": message.role, "content": message.content} for message in exchange.messages]
