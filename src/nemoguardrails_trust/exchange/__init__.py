"""What is scored, and the one reader of what people call a prompt, a response and a context."""

from nemoguardrails_trust.exchange.exchange import Exchange
from nemoguardrails_trust.exchange.media import Media
from nemoguardrails_trust.exchange.messages import ROLES, Message
from nemoguardrails_trust.exchange.passages import read_passages
from nemoguardrails_trust.exchange.reading import ending_answer, read_messages, read_response

__all__ = [
    "ROLES",
    "Exchange",
    "Media",
    "Message",
    "ending_answer",
    "read_messages",
    "read_passages",
    "read_response",
]
