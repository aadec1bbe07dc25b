"""Messages in the place of exceptions, where NeMo Guardrails fails at giving an exception out."""

import sys
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

from nemoguardrails_trust.guardrail.messages import WITHHELD

EXCEPTION = "CleanlabTrustworthinessRailException"


def give_exceptions_as_messages() -> None:
    """Mends what makes messages in NeMo Guardrails' server and in `RunnableRails`.

    An exception is a dictionary, and each tries to put it into a message as its text. What is not
    in use is left alone: neither is imported here.
    """
    _mend("nemoguardrails.integrations.langchain.runnable_rails", "create_ai_message", _langchain)
    _mend("nemoguardrails.server.schemas.utils", "build_chat_completion_message", _openai)


def _mend(
    module_name: str, name: str, mended: Callable[[Callable[..., Any]], Callable[..., Any]]
) -> None:
    module = sys.modules.get(module_name)
    plain = getattr(module, name, None)
    if plain is not None and not hasattr(plain, "takes_exceptions"):
        setattr(module, name, mended(plain))
        getattr(module, name).takes_exceptions = True


def _langchain(plain: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(plain)
    def create_ai_message(content: Any, **fields: Any) -> Any:
        if isinstance(content, Mapping):
            told = {**(fields.get("response_metadata") or {}), "exception": dict(content)}
            fields["response_metadata"] = told
            content = _text_of(content)
        return plain(content=content, **fields)

    return create_ai_message


def _openai(plain: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(plain)
    def build_chat_completion_message(bot_message: Mapping[str, Any], *others: Any) -> Any:
        content = bot_message.get("content")
        if not isinstance(content, Mapping):
            return plain(bot_message, *others)
        message = plain({**bot_message, "content": _text_of(content)}, *others)
        message.exception = dict(content)
        return message

    return build_chat_completion_message


def _text_of(exception: Mapping[str, Any]) -> str:
    if exception.get("type") == EXCEPTION:
        return WITHHELD
    return str(exception.get("message") or exception.get("type"))
