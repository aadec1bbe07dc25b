"""Reads out of a running guardrail what its model was given."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from nemoguardrails.context import explain_info_var, raw_llm_request
from nemoguardrails.kb.kb import KnowledgeBase
from nemoguardrails.logging.explain import ExplainInfo
from nemoguardrails.rails.llm.config import RailsConfig

from nemoguardrails_trust.exchange import Exchange, Message

_ROLES = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "human": "user",
    "assistant": "assistant",
    "bot": "assistant",
    "ai": "assistant",
    "tool": "tool",
}
ANSWERING_TASKS = ("general", "generate_bot_message")
"""What NeMo Guardrails names the calls that write an answer."""


async def read_exchange(
    *,
    context: Mapping[str, Any],
    events: Sequence[Any],
    config: RailsConfig,
    kb: KnowledgeBase | None = None,
    user_message: str | None = None,
    bot_message: str | None = None,
) -> Exchange:
    """Builds the exchange of the current turn.

    Args:
        context: The context variables of the conversation.
        events: The events so far, of either Colang version.
        config: The configuration of the bot.
        kb: Its knowledge base.
        user_message: The user's message, where the caller knows it better than the context.
        bot_message: The answer, likewise.
    """
    answer = _text_of(bot_message if bot_message is not None else context.get("bot_message"))
    question = _text_of(
        user_message
        if user_message is not None
        else context.get("user_message") or context.get("last_user_message")
    )
    if config.passthrough:
        messages = _messages_as_sent(question) or _conversation(events, question, answer)
    else:
        messages = _conversation(events, question, answer)
        instructions = _instructions(config)
        if instructions:
            messages = [Message("system", instructions), *messages]
    passages = await _passages(context, question, kb)
    return Exchange(answer, tuple(messages), tuple(passages))


def _messages_as_sent(question: str) -> list[Message]:
    """The caller's own messages, which passthrough mode sends as they are."""
    request = raw_llm_request.get()
    if isinstance(request, str):
        return [Message("user", question or request)]
    messages = list(_readable(request or ()))
    while messages and messages[-1].role == "assistant":
        messages.pop()  # A ready answer that is being checked, not part of its own prompt.
    if question:
        _ask(messages, question)
    return messages


def _readable(messages: Iterable[Mapping[str, Any]]) -> Iterable[Message]:
    for each in messages:
        role = _ROLES.get(str(each.get("role")))
        if role is None:
            continue
        content = _text_of(each.get("content"))
        if not content and each.get("tool_calls"):
            content = str(each["tool_calls"])
        if content:
            yield Message(role, content)


def _conversation(events: Sequence[Any], question: str, answer: str) -> list[Message]:
    """The turns so far, the current answer left out."""
    messages: list[Message] = []
    said: set[Any] = set()
    for event in events:
        kind, get = _reader(event)
        if kind == "SystemMessage":
            messages.append(Message("system", _text_of(get("content"))))
        elif kind == "UserMessage":
            _replace_or_append_user(messages, _text_of(get("text")))
        elif kind == "UtteranceUserActionFinished":
            messages.append(Message("user", _text_of(get("final_transcript"))))
        elif kind == "StartUtteranceBotAction":
            # Colang 2.x records what goes out once more as what comes in.
            uid = get("action_uid")
            if uid and uid in said:
                continue
            said.add(uid)
            messages.append(Message("assistant", _text_of(get("script"))))
        elif kind == "hide_prev_turn":
            _drop_last_turn(messages)
    if messages and messages[-1].role == "assistant" and messages[-1].content == answer:
        messages.pop()
    if question:
        _ask(messages, question)
    return [each for each in messages if each.content]


def _reader(event: Any) -> tuple[str, Any]:
    """The type of an event and how to read its values: dicts in 1.0, also objects in 2.x."""
    if isinstance(event, Mapping):
        return str(event.get("type")), event.get
    return str(getattr(event, "name", "")), getattr(event, "arguments", {}).get


def _replace_or_append_user(messages: list[Message], text: str) -> None:
    # In Colang 1.0 the utterance comes first, then the message that input rails made of it.
    if messages and messages[-1].role == "user":
        messages[-1] = Message("user", text)
    else:
        messages.append(Message("user", text))


def _ask(messages: list[Message], question: str) -> None:
    """Makes the user's last message what input rails may have made of it."""
    for index in range(len(messages) - 1, -1, -1):
        if messages[index].role == "user":
            messages[index] = Message("user", question)
            return
    messages.append(Message("user", question))


def _drop_last_turn(messages: list[Message]) -> None:
    while messages and messages[-1].role == "assistant":
        messages.pop()
    if messages and messages[-1].role == "user":
        messages.pop()


def _instructions(config: RailsConfig) -> str:
    texts = [each.content for each in config.instructions or [] if each.type == "general"]
    return "\n".join(text.strip() for text in texts if text)


async def _passages(
    context: Mapping[str, Any], question: str, kb: KnowledgeBase | None
) -> list[str]:
    """The retrieved chunks that the model was given."""
    retrieved_for = context.get("retrieved_for")
    if retrieved_for is None or retrieved_for == question:
        separate = context.get("relevant_chunks_sep")
        joined = context.get("relevant_chunks")
        passages = [_text_of(each) for each in separate or ()] or [_text_of(joined)]
        passages = [each.strip() for each in passages if each.strip()]
        if passages:
            return passages
    if kb is None or not question:
        return []
    # Without dialog rails the chunks go into the prompt but not into the context.
    prompt = _answering_prompt()
    if prompt is None:
        return []
    chunks = [str(chunk["body"]) for chunk in await kb.search_relevant_chunks(question)]
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


def _text_of(content: Any) -> str:
    """The text of a message, whose content may be a list of parts."""
    if content is None:
        return ""
    if isinstance(content, str):
        return content
    if isinstance(content, list | tuple):
        parts = []
        for part in content:
            if isinstance(part, Mapping):
                parts.append(str(part.get("text") or f"[{part.get('type', 'part')}]"))
            else:
                parts.append(str(part))
        return "\n".join(parts)
    return str(content)
