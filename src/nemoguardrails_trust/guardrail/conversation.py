"""Reads out of a running guardrail what its model was given."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from nemoguardrails.context import explain_info_var, raw_llm_request
from nemoguardrails.kb.kb import KnowledgeBase
from nemoguardrails.logging.explain import ExplainInfo
from nemoguardrails.rails.llm.config import RailsConfig

from nemoguardrails_trust.exchange import (
    Exchange,
    Message,
    ending_answer,
    read_messages,
    read_passages,
    read_response,
)
from nemoguardrails_trust.exchange.given import keys_of
from nemoguardrails_trust.guardrail.watching.chains import prompt_of_chain
from nemoguardrails_trust.scorers.safely import settled

NO_TURNS = ("context", "event", "exception")
"""Roles by which NeMo Guardrails passes other things than what someone said."""

ANSWERING_TASKS = ("general", "generate_bot_message")
"""What NeMo Guardrails names the calls that write an answer."""

PROMPT_OF_FUNCTION = "trust_prompt"
"""Where a passthrough function or chain tells what it gave to its model."""


async def read_exchange(
    *,
    context: Mapping[str, Any],
    events: Sequence[Any],
    config: RailsConfig,
    kb: KnowledgeBase | None = None,
    user_message: str | None = None,
    bot_message: str | None = None,
    timeout: float,
) -> Exchange:
    """Builds the exchange of the current turn.

    Args:
        context: The context variables of the conversation.
        events: The events so far, of either Colang version.
        config: The configuration of the bot.
        kb: Its knowledge base.
        user_message: The user's message, where the caller knows it better than the context.
        bot_message: The answer, likewise.
        timeout: Seconds that the knowledge base may take.

    Raises:
        DataError: A message is of no known form.
        TrustError: The knowledge base failed, or took longer.
    """
    said = said_by_bot(context) if bot_message is None else bot_message
    answer = "" if said is None else read_response(said, in_text=False)
    if user_message is None:
        asked = context.get("user_message") or context.get("last_user_message")
    else:
        asked = user_message
    question = next(iter(_turn("user", asked)), None)
    told = _prompt_of_function(context, answer)
    if told is not None:
        messages = list(told)
    elif config.passthrough:
        messages = _messages_as_sent(question) or _conversation(events, question, answer)
    else:
        messages = _conversation(events, question, answer)
        instructions = _instructions(config)
        if instructions:
            messages = [Message("system", instructions), *messages]
    asked_for = "" if question is None else question.content
    passages = await _passages(context, asked_for, kb, timeout)
    return Exchange(answer, tuple(messages), tuple(passages))


def said_by_bot(context: Mapping[str, Any]) -> Any:
    """The bot's message; what one of LangChain says, which a chain may give in an object."""
    said = context.get("bot_message")
    return getattr(said, "content", said) if not isinstance(said, str | list | Mapping) else said


def unseen_part(context: Mapping[str, Any], exchange: Exchange) -> str | None:
    """Why the exchange is only a part of what the answer's model was given; `None` where it is not.

    Args:
        context: The context variables of the conversation.
        exchange: What could be read.
    """
    output = context.get("passthrough_output")
    if not exchange.response.strip() and isinstance(output, Mapping) and output:
        return (
            f"the chain's output has no answer under the expected key, only {keys_of(output)}; "
            "name the right key with RunnableRails(…, output_key=…)"
        )
    if "passthrough_output" in context and _prompt_of_function(context, exchange.response) is None:
        return (
            "the answer comes from a passthrough function or chain, and its prompt is not known; "
            f"have it return (text, {{{PROMPT_OF_FUNCTION!r}: messages}})"
        )
    if not any(
        message.role == "user" and (message.content.strip() or message.media)
        for message in exchange.messages
    ):
        return "there is no question to judge the answer by"
    return None


def _prompt_of_function(context: Mapping[str, Any], answer: str) -> Sequence[Message] | None:
    """What the model of a passthrough function was given, as it says itself or LangChain tells."""
    if "passthrough_output" not in context:
        return None
    output = context["passthrough_output"]
    told = output.get(PROMPT_OF_FUNCTION) if isinstance(output, Mapping) else None
    if told is not None:
        return ending_answer(read_messages(told, in_text=False))[0]  # it may end with the answer
    return prompt_of_chain(answer)


def _messages_as_sent(question: Message | None) -> list[Message]:
    """The caller's own messages, which passthrough mode sends as they are."""
    request = raw_llm_request.get()
    if isinstance(request, str):
        return [question] if question else _turn("user", request)
    turns = [turn for turn in request or () if turn.get("role") not in NO_TURNS]
    messages = list(read_messages(turns, in_text=False)) if turns else []
    while messages and messages[-1].role == "assistant":
        messages.pop()  # A ready answer that is being checked, not part of its own prompt.
    if question:
        _ask(messages, question)
    return messages


def _turn(role: str, content: Any) -> list[Message]:
    """What someone said, which may be parts; nothing where it is empty."""
    if isinstance(content, str) or not content:
        return [Message(role, content)] if content else []
    return list(read_messages([{"role": role, "content": content}]))


def _conversation(events: Sequence[Any], question: Message | None, answer: str) -> list[Message]:
    """The turns so far, the current answer left out."""
    messages: list[Message] = []
    said: set[Any] = set()
    for event in events:
        kind, get = _reader(event)
        if kind == "SystemMessage":
            messages += _turn("system", get("content"))
        elif kind == "UserMessage":
            # In Colang 1.0 the utterance comes first, then what input rails made of it.
            if (turn := _turn("user", get("text"))) and messages and messages[-1].role == "user":
                messages.pop()
            messages += turn
        elif kind == "UtteranceUserActionFinished":
            messages += _turn("user", get("final_transcript"))
        elif kind == "StartUtteranceBotAction":
            # Colang 2.x records what goes out once more as what comes in.
            uid = get("action_uid")
            if uid and uid in said:
                continue
            said.add(uid)
            messages += _turn("assistant", get("script"))
        elif kind == "hide_prev_turn":
            _drop_last_turn(messages)
    if messages and messages[-1].role == "assistant" and messages[-1].content == answer:
        messages.pop()
    if question:
        _ask(messages, question)
    return messages


def _reader(event: Any) -> tuple[str, Any]:
    """The type of an event and how to read its values: dicts in 1.0, also objects in 2.x."""
    if isinstance(event, dict | Mapping):  # nearly all are dicts, which is found out at once
        return str(event.get("type")), event.get
    return str(getattr(event, "name", "")), getattr(event, "arguments", {}).get


def _ask(messages: list[Message], question: Message) -> None:
    """Makes the user's last message what input rails may have made of it."""
    for index in range(len(messages) - 1, -1, -1):
        if messages[index].role == "user":
            media = messages[index].media
            is_whole = question.media or not media
            messages[index] = question if is_whole else replace(question, media=media)
            return
    messages.append(question)


def _drop_last_turn(messages: list[Message]) -> None:
    while messages and messages[-1].role == "assistant":
        messages.pop()
    if messages and messages[-1].role == "user":
        messages.pop()


def _instructions(config: RailsConfig) -> str:
    texts = [
        instruction.content
        for instruction in config.instructions or []
        if instruction.type == "general"
    ]
    return "\n".join(text.strip() for text in texts if text)


async def _passages(
    context: Mapping[str, Any], question: str, kb: KnowledgeBase | None, timeout: float
) -> list[str]:
    """The retrieved chunks that the model was given."""
    retrieved_for = context.get("retrieved_for")
    if retrieved_for is None or retrieved_for == question:
        for name in ("relevant_chunks_sep", "relevant_chunks"):
            chunks = context.get(name)
            passages = () if chunks is None else read_passages(chunks)
            if passages:
                return [passage.strip() for passage in passages]
    if kb is None or not question:
        return []
    # Without dialog rails the chunks go into the prompt but not into the context.
    prompt = _answering_prompt()
    if prompt is None:
        return []
    searching = kb.search_relevant_chunks(question)
    found = await settled(searching, timeout=timeout, what="the knowledge base")
    chunks = [str(chunk["body"]) for chunk in found]
    return [chunk.strip() for chunk in chunks if chunk.strip() and chunk.strip() in prompt]


def was_written_by_model(text: str, explain_info: ExplainInfo) -> bool:
    """Whether a call that writes answers brought this text, at its start or with more around."""
    start = text.strip()[:80]
    return any(
        call.task in ANSWERING_TASKS and start in (call.completion or "")
        for call in explain_info.llm_calls
    )


def _answering_prompt() -> str | None:
    """The rendered prompt of the latest call that wrote an answer."""
    explain_info = explain_info_var.get()
    for call in reversed(explain_info.llm_calls if explain_info else []):
        if call.task in ANSWERING_TASKS:
            prompt: str | None = call.prompt
            return prompt
    return None
