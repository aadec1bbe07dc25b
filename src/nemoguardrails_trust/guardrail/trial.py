"""One turn of a bot, scored, to see that its rail works with its model."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from typing import Literal

from nemoguardrails import LLMRails

from nemoguardrails_trust.errors import ModelTimeoutError
from nemoguardrails_trust.exchange import Exchange, Message
from nemoguardrails_trust.guardrail.action import GUARD_PARAMETER
from nemoguardrails_trust.guardrail.findings import Finding, fact, failure, note, problem
from nemoguardrails_trust.guardrail.guard import Guard
from nemoguardrails_trust.guardrail.outcome import TrustOutcome
from nemoguardrails_trust.guardrail.publishing import collected_outcomes
from nemoguardrails_trust.guardrail.quiet import quiet
from nemoguardrails_trust.guardrail.replay import ReplayLLM
from nemoguardrails_trust.guardrail.watching.main_call import plain_model
from nemoguardrails_trust.models.base import Ask

QUESTION = "What is the capital of France?"

_TURN = 60.0  # seconds beyond the check's own that the bot may take to answer
_ANSWER = "Paris"
_MEND = "judge and sample with another model: custom_data.trust.model"


async def try_turn(rails: LLMRails, question: str | None = None) -> list[Finding]:
    """Asks a bot one question, and tells what its rail makes of the answer.

    Args:
        rails: The bot, with the rail.
        question: What is asked; `None` asks for the capital of France, or what a replay model has
            recorded.
    """
    parameters = rails.runtime.registered_action_params
    guard = parameters[GUARD_PARAMETER]
    assert isinstance(guard, Guard)
    asked = question or next(iter(_recorded(rails) or ()), QUESTION)
    seconds = _TURN + guard.settings.timeout
    try:
        # The findings tell it; NeMo Guardrails' logs quote the server.
        with quiet("nemoguardrails", "nemoguardrails_trust"):
            async with asyncio.timeout(seconds):
                return await _findings(rails, guard, asked)
    except TimeoutError:
        error: Exception = ModelTimeoutError(f"the bot did not answer within {seconds:g} s")
        return [failure("one turn failed", error)]
    except Exception as error:  # noqa: BLE001 - whatever ends the turn is the finding
        return [failure("one turn failed", error)]


async def _findings(rails: LLMRails, guard: Guard, question: str) -> list[Finding]:
    with collected_outcomes() as outcomes:
        await rails.generate_async(messages=[{"role": "user", "content": question}])
    checks = [outcome for outcome in outcomes if outcome.is_answer]
    if checks:
        return list(_told(checks[-1], question, is_replayed=_recorded(rails) is not None))
    unchecked = note(
        f"'{question}' was answered without a check, by another rail or by a message that the "
        "configuration defines; what follows is a check of the model's own answer",
        "ask a question that your bot is for, with --question",
    )
    outcome = await _checked(rails, guard, question)
    return [unchecked, *_told(outcome, question, is_replayed=_recorded(rails) is not None)]


def _recorded(rails: LLMRails) -> tuple[str, ...] | None:
    """The questions that a replay model has recorded; `None` where the model is no such one."""
    llm = rails.llm and plain_model(rails.llm)
    return llm.recorded_questions if isinstance(llm, ReplayLLM) else None


async def _checked(rails: LLMRails, guard: Guard, question: str) -> TrustOutcome:
    """The check of what the bot's model says without the bot around it."""
    llm = guard.models.pick_of(rails)
    exchange = Exchange(_ANSWER, (Message("user", question),))
    model = guard.models.model_for(llm)
    if model is not None:
        reply = await model.complete(Ask(exchange.messages, "answer"))
        exchange = replace(exchange, response=reply.completions[0].text)
    return await guard.check(exchange, llm)


def _told(outcome: TrustOutcome, question: str, *, is_replayed: bool) -> Iterator[Finding]:
    data = outcome.metadata
    usage = data["usage"]
    cost = (
        f"{usage['calls']} calls, {usage['prompt_tokens']} tokens read and "
        f"{usage['completion_tokens']} written, {usage['seconds']:.1f} s"
    )
    if data["trustworthiness_score"] is None:
        yield problem(f"one turn, '{question}': no score, {data['error']} ({cost})")
        return
    had = [name for name, signal in data["signals"].items() if signal["value"] is not None]
    yield fact(
        f"one turn, '{question}': score {data['trustworthiness_score']:.2f}, {outcome.status}, "
        f"from {', '.join(had) or 'no signals reported'} ({cost})"
    )
    for name, missing in data.get("missing", {}).items():
        # What is not recorded says nothing of a model that runs.
        level: Literal["note", "problem"] = "note" if is_replayed else "problem"
        mend = None if is_replayed else _MEND
        yield Finding(level, f"the score lacks {name}: {missing['reason']}", mend)
