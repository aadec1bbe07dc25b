"""Streaming with one score per answer, made from its full text."""

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from nemoguardrails import LLMRails
from nemoguardrails.rails.llm.options import GenerationResponse

from nemoguardrails_trust.errors import SettingsError
from nemoguardrails_trust.guardrail.action import GUARD_PARAMETER, check_answer
from nemoguardrails_trust.guardrail.conversation import was_written_by_model
from nemoguardrails_trust.guardrail.guard import Guard
from nemoguardrails_trust.guardrail.outcome import TrustOutcome
from nemoguardrails_trust.guardrail.publishing import collected_outcomes
from nemoguardrails_trust.guardrail.stream_end import blocking_rail, may_withhold
from nemoguardrails_trust.guardrail.turns import Options
from nemoguardrails_trust.scorers.safely import end

Pieces: TypeAlias = asyncio.Queue[str | None]


@dataclass(frozen=True, slots=True)
class TrustEvent:
    """The last item of a stream.

    Attributes:
        outcome: The outcome for the whole answer. `None` if no model wrote it, as with a message
            from the configuration, or if another rail blocked it.
        blocked_by: The output rail that ended the stream, if any. The user should not keep the text
            that came before.
    """

    outcome: TrustOutcome | None
    blocked_by: str | None = None


async def stream_with_trust(
    rails: LLMRails,
    messages: Sequence[Mapping[str, Any]],
    *,
    options: Options = None,
) -> AsyncGenerator[str | TrustEvent, None]:
    """Streams an answer, then its outcome.

    The text arrives in blocks, while the model writes: of 200 tokens unless the configuration has
    another `rails.output.streaming.chunk_size`. If the settings can withhold or replace an answer
    (`block`, `escalate`, `regenerate`, `on_error: block`, `enable_rails_exceptions`) or mark it
    (`mark`), or a flow or message of your own may, the text is held back until the outcome is
    known. What arrives then is what the user may read: the answer, with
    marks if it has any, or the message that replaces it. With `escalate`, an answer that is not
    trusted gives no text.

    Args:
        rails: A bot with the rail, and `rails.output.streaming.enabled: true` (Colang 1.0).
        messages: The conversation, as for `rails.stream_async`.
        options: Generation options, as for `rails.stream_async`.

    Yields:
        Pieces of text, then one `TrustEvent`.

    Raises:
        SettingsError: The bot does not have the rail.
    """
    guard = rails.runtime.registered_action_params.get(GUARD_PARAMETER)
    if not isinstance(guard, Guard):
        raise SettingsError(
            "the bot does not have the rail: import the folder nemoguardrails_trust/rail, by "
            "import_paths (Colang 1.0) or import (2.x)"
        )
    pieces: Pieces = asyncio.Queue()
    run = _run_held_back if may_withhold(rails, guard) else _run_streamed
    turn = asyncio.create_task(run(rails, guard, list(messages), options, pieces))
    try:
        while (piece := await pieces.get()) is not None:
            yield piece
        event = await turn
    finally:
        await end([turn], "the turn")
    yield event


# Each runs the turn in a task of its own, so that what it collects stays its own.


async def _run_streamed(
    rails: LLMRails,
    guard: Guard,
    messages: list[Mapping[str, Any]],
    options: Options,
    pieces: Pieces,
) -> TrustEvent:
    text = ""
    blocked_by = None
    try:
        with collected_outcomes() as outcomes:
            async for piece in rails.stream_async(messages=messages, options=options):
                blocked_by = blocked_by or blocking_rail(piece)
                if blocked_by is None:
                    text += piece
                    pieces.put_nowait(piece)
            if blocked_by is not None:
                return TrustEvent(None, blocked_by)
            if outcomes and not text:
                # Colang 2.x streams only what a model writes straight to the user.
                pieces.put_nowait("\n".join(outcome.text for outcome in outcomes))
            if not outcomes:
                await _check_afterwards(rails, guard, messages, text)
        return TrustEvent(_last_check(outcomes))
    finally:
        pieces.put_nowait(None)


def _last_check(outcomes: Sequence[TrustOutcome]) -> TrustOutcome | None:
    return next((outcome for outcome in reversed(outcomes) if outcome.is_answer), None)


async def _run_held_back(
    rails: LLMRails,
    _guard: Guard,
    messages: list[Mapping[str, Any]],
    options: Options,
    pieces: Pieces,
) -> TrustEvent:
    # Nothing may be shown before the verdict, so the turn is run whole: the other output rails
    # then see the answer whole too, and what they rewrite is rewritten.
    try:
        with collected_outcomes() as outcomes:
            result = await rails.generate_async(messages=messages, options=options)
        if isinstance(result, GenerationResponse):
            result = result.response[-1]
        if result["role"] == "assistant" and result["content"]:
            pieces.put_nowait(result["content"])
        return TrustEvent(_last_check(outcomes))
    finally:
        pieces.put_nowait(None)


async def _check_afterwards(
    rails: LLMRails, guard: Guard, messages: Sequence[Mapping[str, Any]], text: str
) -> None:
    """Checks an answer whose turn ran no output rail on its full text, as dialog mode does."""
    if not text or not was_written_by_model(text, rails.explain()):
        return
    context: dict[str, Any] = {"bot_message": text}
    events = []
    for message in messages:
        if message.get("role") == "context":
            context.update(message["content"])
        elif message.get("role") == "user":
            context["user_message"] = message["content"]
            events.append({"type": "UserMessage", "text": message["content"]})
        elif message.get("role") == "assistant":
            events.append({"type": "StartUtteranceBotAction", "script": message["content"]})
    parameters = rails.runtime.registered_action_params
    await check_answer(
        context=context,
        events=events,
        config=rails.config,
        trust_guard=guard,
        **{name: parameters.get(name) for name in ("llm", "llms", "kb")},
    )
