"""Exceptions in the history of a bot in passthrough mode."""

import functools
from collections.abc import Mapping, Sequence
from typing import Any

from nemoguardrails import LLMRails

from nemoguardrails_trust.guardrail.messages import WITHHELD


def leave_out_exceptions(app: LLMRails) -> None:
    """Lets a conversation go on after an answer that was escalated.

    What comes in the place of such an answer is a message of role `exception`, which an
    application keeps in the history as it keeps all messages. In passthrough mode NeMo Guardrails
    hands the history to the model as it is, and fails at that role.

    Args:
        app: The bot, in passthrough mode.
    """
    generate = app.generate_async

    @functools.wraps(generate)
    async def generate_async(
        prompt: str | None = None,
        messages: Sequence[Mapping[str, Any]] | None = None,
        *others: Any,
        **named: Any,
    ) -> Any:
        known = None if messages is None else without_exceptions(messages)
        return await generate(prompt, known, *others, **named)

    app.generate_async = generate_async


def without_exceptions(messages: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The messages with none of role `exception`.

    In its place comes the sentence that withholds an answer, since many models take turns only
    of user and assistant one after the other; unless the application has said something itself.
    """
    known: list[Mapping[str, Any]] = []
    for place, message in enumerate(messages):
        if message.get("role") != "exception":
            known.append(message)
            continue
        following = messages[place + 1].get("role") if place + 1 < len(messages) else None
        if following == "user":
            known.append({"role": "assistant", "content": WITHHELD})
    return known
