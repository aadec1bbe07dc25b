"""One message of a conversation."""

from dataclasses import dataclass

from nemoguardrails_trust.exchange.media import Media

ROLES = ("system", "user", "assistant", "tool")

ROLE_NAMES = {
    **dict.fromkeys(("system", "developer"), "system"),
    **dict.fromkeys(("document", "documents"), "system"),
    **dict.fromkeys(("user", "human", "prompter"), "user"),
    **dict.fromkeys(
        ("assistant", "ai", "bot", "chatbot", "model", "gpt", "chatgpt", "agent"), "assistant"
    ),
    **dict.fromkeys(("function_call", "tool_call", "tool-call"), "assistant"),
    **dict.fromkeys(("tool", "function", "ipython", "observation"), "tool"),
    **dict.fromkeys(("tool_response", "tool-response", "tool_result", "tool-result"), "tool"),
}
"""Who speaks, by all the names that frameworks and data sets have for it."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a conversation.

    Attributes:
        role: `system`, `user`, `assistant` or `tool`.
        content: The text of the message.
        media: The pictures, recordings and files in it, in order.
    """

    role: str
    content: str
    media: tuple[Media, ...] = ()

    def __post_init__(self) -> None:
        if self.role not in ROLES:
            raise ValueError(f"role is {self.role!r}; it must be one of {', '.join(ROLES)}")
        if not isinstance(self.content, str):
            raise TypeError(f"content is {type(self.content).__name__}; it must be a string")

    @property
    def shown(self) -> str:
        """Its text, with short references to its media."""
        if not self.media:
            return self.content
        references = (medium.reference for medium in self.media)
        return "\n".join(filter(None, (self.content, *references)))
