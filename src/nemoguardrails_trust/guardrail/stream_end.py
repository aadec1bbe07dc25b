"""What a stream of NeMo Guardrails ends with where the answer is withheld."""

import functools
import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import aclosing
from typing import Any

from nemoguardrails import LLMRails

from nemoguardrails_trust.exchange.values import load_json
from nemoguardrails_trust.guardrail.flow_calls import FlowCall, flow_calls
from nemoguardrails_trust.guardrail.flows import flow_owner, replaces_answer
from nemoguardrails_trust.guardrail.guard import Guard
from nemoguardrails_trust.guardrail.outcome import TrustOutcome
from nemoguardrails_trust.guardrail.publishing import collected_outcomes, is_collecting
from nemoguardrails_trust.guardrail.settings import FLOW_NAME, SETTINGS_ON_LINE

WITHHOLDING = ("block", "escalate")
"""The consequences by which the user does not read an answer."""


def wrap_streams(app: LLMRails, guard: Guard) -> None:
    """Has a bot's streams end as those that another rail blocks, where the answer is withheld.

    NeMo Guardrails runs the rail on the whole answer, too, but then makes nothing of it. Where it
    is told to show nothing before it is checked (`stream_first: false`), nothing is shown.
    """
    stream = app.stream_async

    @functools.cache
    def is_ours() -> bool:
        return flow_owner(app)[0] == "ours"  # what another flow makes of an outcome is not known

    def withholds(outcome: TrustOutcome) -> bool:
        given_out = app.config.enable_rails_exceptions and outcome.is_blocked
        return is_ours() and (given_out or outcome.consequence in WITHHOLDING)

    @functools.wraps(stream)
    def stream_async(*given: Any, **named: Any) -> AsyncIterator[Any]:
        if is_collecting():  # who collects tells the outcome
            return stream(*given, **named)  # type: ignore[no-any-return]
        with collected_outcomes() as outcomes:
            parts = stream(*given, **named)  # begins the turn, in a task of its own
        if not hasattr(parts, "aclose"):
            return parts  # type: ignore[no-any-return]  # the caller's own generator
        holds_back = not app.config.rails.output.streaming.stream_first and may_withhold(app, guard)
        return _with_end(parts, outcomes, withholds, holds_back=holds_back)

    app.stream_async = stream_async


async def _with_end(
    parts: AsyncGenerator[Any, None],
    outcomes: Sequence[TrustOutcome],
    withholds: Callable[[TrustOutcome], bool],
    *,
    holds_back: bool,
) -> AsyncGenerator[Any, None]:
    held: list[Any] = []
    is_blocked = False
    async with aclosing(parts):
        async for part in parts:
            is_blocked = is_blocked or blocking_rail(part) is not None
            if holds_back:
                held.append(part)
            else:
                yield part
    if not is_blocked and any(map(withholds, outcomes)):
        held = [_BLOCKED]
    for part in held:
        yield part


_BLOCKED = json.dumps(
    {
        "error": {
            "message": f"Blocked by {FLOW_NAME} rails.",
            "type": "guardrails_violation",
            "param": FLOW_NAME,
            "code": "content_blocked",
        }
    }
)


def blocking_rail(piece: Any) -> str | None:
    """The rail that a piece of a stream says has blocked the answer; `None` for any other piece."""
    if not isinstance(piece, str) or not piece.startswith('{"error"'):
        return None
    try:
        error = load_json(piece)["error"]
        return str(error["param"]) if error["code"] == "content_blocked" else None
    except (KeyError, TypeError, ValueError):
        return None


def may_withhold(rails: LLMRails, guard: Guard) -> bool:
    """Whether something else than the answer as it is written may be what the user is to read."""
    if guard.settings.on_error == "block" or rails.config.enable_rails_exceptions:
        return True
    is_v2 = rails.config.colang_version != "1.0"
    if flow_owner(rails)[0] == "user" or replaces_answer(rails):
        return True
    calls = flow_calls(rails.config)
    if not calls:  # in Colang 2.x, by a flow that the output rails call
        calls = [FlowCall({}, at_run_time=SETTINGS_ON_LINE if is_v2 else ())]
    return any(
        "on_untrustworthy" in call.at_run_time
        or guard.settings_with(call.settings).on_untrustworthy != "warn"
        for call in calls
    )
