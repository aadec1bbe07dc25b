"""One message of a conversation, and what it holds besides text."""

from dataclasses import dataclass
from typing import Literal

ROLES = ("system", "user", "assistant", "tool")

ROLE_NAMES = {
    **dict.fromkeys(("system", "developer"), "system"),
    **dict.fromkeys(("user", "human"), "user"),
    **dict.fromkeys(
        ("assistant", "ai", "bot", "chatbot", "model", "gpt", "chatgpt", "function_call"),
        "assistant",
    ),
    **dict.fromkeys(("tool", "function", "ipython", "observation"), "tool"),
}
"""Who speaks, by all the names that frameworks and data sets have for it."""

MediaKind = Literal["image", "audio", "video", "file"]


@dataclass(frozen=True, slots=True)
class Media:
    """A picture, a recording or a file that a message holds.

    Attributes:
        kind: `image`, `audio`, `video` or `file`.
        type: Its media type, such as `image/png`; `None` where that is not told.
        url: Where it is, or a `data:` URL with all of it; `None` where only an id is known.
    """

    kind: MediaKind
    type: str | None = None
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a conversation.

    Attributes:
        role: `system`, `user`, `assistant` or `tool`.
        content: The text of the message.
        media: What it holds besides text, in order.
    """

    role: str
    content: str
    media: tuple[Media, ...] = ()

    def __post_init__(self) -> None:
        if self.role not in ROLES:
            raise ValueError(f"role is {self.role!r}; it must be one of {', '.join(ROLES)}")
        if not isinstance(self.content, str):
            raise TypeError(f"content is {type(self.content).__name__}; it must be a string")
