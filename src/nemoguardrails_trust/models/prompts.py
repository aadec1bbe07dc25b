"""The messages that further answers are drawn to."""

from collections.abc import Sequence

from nemoguardrails_trust.errors import DataError, ModelError
from nemoguardrails_trust.exchange import Exchange, Media, Message
from nemoguardrails_trust.exchange.media import why_unsendable

SAMPLING_TEMPERATURE = 1.0
"""Samples are drawn from the model's own distribution, whose spread is what is measured."""


PROMPT_LIMIT = 400_000
"""The most characters of a prompt that is sampled, some 100,000 tokens; beyond it the consistency
signal is left out."""


def sample_messages(exchange: Exchange) -> tuple[Message, ...]:
    """What a sample is an answer to: the exchange's messages, as the model was given them.

    Raises:
        ModelError: There is no message to answer, or the prompt is longer than `PROMPT_LIMIT`.
    """
    messages = prompt_messages(exchange)
    length = sum(len(message.content) for message in messages)
    if not messages:
        raise ModelError("there is no message to draw samples for")
    if length > PROMPT_LIMIT:
        raise ModelError(f"the prompt is too long to draw samples ({length} characters)")
    return messages


def prompt_messages(exchange: Exchange) -> tuple[Message, ...]:
    """The messages of an exchange, with its context.

    Passages of the context that do not stand in the messages are put before the last user
    message's text. They are not a message of their own, since many models take user and
    assistant messages in turns only.

    Raises:
        DataError: The messages hold media that cannot be handed on.
    """
    require_sendable(exchange)
    messages = exchange.messages
    if not exchange.context:
        return messages
    said = spaced("\n".join(message.content for message in messages))
    missing = [passage for passage in exchange.context if spaced(passage) not in said]
    if not missing:
        return messages
    return exchange.asking("\n\n".join(["Context:", *missing, exchange.question])).messages


def require_sendable(exchange: Exchange) -> None:
    """Refuses an exchange of which only a part can be shown to a model.

    Raises:
        DataError: Its messages hold media that cannot be handed on.
    """
    media = exchange.media
    why = why_unsendable(media) if media else None
    if why is not None:
        raise DataError(f"the prompt contains more than text ({_kinds(media)}): they {why}")


def require_text(exchange: Exchange, *, by: str) -> None:
    """Refuses an exchange that one who takes text only would see a part of.

    Args:
        exchange: It.
        by: Who takes text only.

    Raises:
        DataError: Its messages hold more than text.
    """
    if exchange.media:
        raise DataError(
            f"the prompt contains more than text ({_kinds(exchange.media)}), and {by} "
            "takes text only"
        )


def _kinds(media: Sequence[Media]) -> str:
    return ", ".join(dict.fromkeys(medium.kind for medium in media))


def spaced(text: str) -> str:
    """A text with single spaces in the place of all white space."""
    return " ".join(text.split())
