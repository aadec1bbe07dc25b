"""What is done to a turn from outside, where NeMo Guardrails has no place for it."""

import functools
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from typing import Any, TypeAlias

from nemoguardrails import LLMRails
from nemoguardrails.rails.llm.options import GenerationOptions, GenerationResponse

from nemoguardrails_trust.concurrency.context import Holding
from nemoguardrails_trust.guardrail.exceptions import give_exceptions_as_messages
from nemoguardrails_trust.guardrail.messages import WITHHELD
from nemoguardrails_trust.guardrail.outcome import TrustOutcome, brief
from nemoguardrails_trust.guardrail.publishing import collected_outcomes
from nemoguardrails_trust.guardrail.stream_end import WITHHOLDING
from nemoguardrails_trust.guardrail.watching.chains import settled_output, watched_chains

Options: TypeAlias = GenerationOptions | Mapping[str, Any] | None

OUTPUT_VARIABLE = "trust"
CHAIN_OUTPUT = "passthrough_output"
"""Under which NeMo Guardrails keeps what a passthrough function, or a chain in one, brought."""

_is_check: ContextVar[bool] = ContextVar("trust_is_check", default=False)


def wrap_turns(app: LLMRails) -> None:
    """Has a bot's turns made with what NeMo Guardrails leaves out of them.

    The application is given each outcome whole, while the events of the conversation, which are
    kept for good, hold what is short of it. In Colang 2.x it comes as `output_data["trust"]`, as
    in 1.0, where a call gives options, as NeMo Guardrails' server does.

    In passthrough mode a conversation goes on after an answer that was escalated: in its place
    comes a message of role `exception`, which an application keeps in the history as it keeps all
    messages, and at which NeMo Guardrails fails, since it hands the history to the model as it is.
    The calls that a LangChain chain in place of the model makes in a turn are noted, so that its
    real prompt is known.

    An answer that is escalated while it is only checked (`check_async`) is blocked. Where
    NeMo Guardrails' server or `RunnableRails` makes a message of an exception, it holds it.

    Args:
        app: The bot.
    """
    generate = app.generate_async
    is_v2 = app.config.colang_version != "1.0"

    @functools.wraps(generate)
    async def generate_async(
        prompt: str | None = None,
        messages: Sequence[Mapping[str, Any]] | None = None,
        options: Options = None,
        *others: Any,
        **named: Any,
    ) -> Any:
        # Asked anew, since RunnableRails and others set the mode late.
        if app.config.passthrough and messages is not None and not is_v2:
            messages = without_exceptions(messages)
        is_asked = False
        if is_v2:
            options, is_asked = _without_outcome(options)
        with collected_outcomes() as outcomes, watched_chains():
            result = await generate(prompt, messages, options, *others, **named)
        checks = [outcome for outcome in outcomes if outcome.is_answer]
        if isinstance(result, GenerationResponse):
            _settle_chain(result, checks)
            if _is_check.get():
                _exceptions_as_texts(result)
        if is_v2 and isinstance(result, GenerationResponse) and (checks or is_asked):
            outcome = checks[-1].metadata if checks else None
            result.output_data = {**(result.output_data or {}), OUTPUT_VARIABLE: outcome}
        return _with_whole_outcomes(result, checks)

    app.generate_async = generate_async
    check = app.check_async

    @functools.wraps(check)
    async def check_async(*given: Any, **named: Any) -> Any:
        with Holding(_is_check, True):
            return await check(*given, **named)

    app.check_async = check_async
    give_exceptions_as_messages()


def _exceptions_as_texts(result: GenerationResponse) -> None:
    """Puts the sentence that withholds an answer in the place of an exception.

    What `check_async` gives can hold nothing but a text, and it fails at an exception.
    """
    if isinstance(result.response, list):
        result.response = [
            {"role": "assistant", "content": WITHHELD}
            if message.get("role") == "exception"
            else message
            for message in result.response
        ]


def _settle_chain(result: GenerationResponse, checks: Sequence[TrustOutcome]) -> None:
    """Has a chain around the model give out what the rails made of its answer, and nothing else."""
    data = result.output_data
    if not data or data.get(CHAIN_OUTPUT) is None:
        return
    is_exception = any(
        isinstance(message, Mapping) and message.get("role") == "exception"
        for message in (result.response if isinstance(result.response, list) else ())
    )
    said = WITHHELD if is_exception else data.get("bot_message") or ""
    is_withheld = is_exception or (bool(checks) and checks[-1].consequence in WITHHOLDING)
    settled = settled_output(data[CHAIN_OUTPUT], said, is_withheld=is_withheld)
    result.output_data = {**data, "bot_message": said, CHAIN_OUTPUT: settled}


def _with_whole_outcomes(result: Any, checks: Sequence[TrustOutcome]) -> Any:
    """What a turn brought, with outcomes in the place of what the events keep of them."""
    if not checks:
        return result

    def restored(data: Any) -> Any:
        if not isinstance(data, Mapping) or OUTPUT_VARIABLE not in data:
            return data
        told = data[OUTPUT_VARIABLE]
        wholes = (outcome.metadata for outcome in reversed(checks))
        found = next((whole for whole in wholes if brief(whole) == told), told)
        return {**data, OUTPUT_VARIABLE: found}

    def message_restored(message: Any) -> Any:
        if not isinstance(message, Mapping):
            return message
        told = dict(restored(message))  # of a call with a prompt, an exception's content alone
        if told.get("role") == "exception":
            told["content"] = restored(told["content"])
        if "events" in told:
            told["events"] = [restored(event) for event in told["events"]]
        return told

    if isinstance(result, GenerationResponse):
        result.output_data = restored(result.output_data)
        if isinstance(result.response, list):
            result.response = [message_restored(message) for message in result.response]
        return result
    return message_restored(result)


def _without_outcome(options: Options) -> tuple[Options, bool]:
    """The options without the variable that NeMo Guardrails does not have, and whether it was."""
    names = options.get("output_vars") if isinstance(options, Mapping) else None
    if isinstance(options, GenerationOptions):
        names = options.output_vars
    if not isinstance(names, list) or OUTPUT_VARIABLE not in names:
        return options, False
    left = [name for name in names if name != OUTPUT_VARIABLE] or None
    whole = GenerationOptions(**options) if isinstance(options, Mapping) else options
    assert whole is not None
    return whole.model_copy(update={"output_vars": left}), True


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
