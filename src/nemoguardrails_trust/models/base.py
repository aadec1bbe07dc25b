"""What a language model must offer to be used for scoring."""

from dataclasses import dataclass, field, replace
from typing import Literal, Protocol, runtime_checkable

from nemoguardrails_trust.exchange import Message
from nemoguardrails_trust.exchange.tokens import TokenLogprob
from nemoguardrails_trust.scores import CallUsage

MOST_BYTES = 8_000_000
"""Of an answer, unpacked."""

Purpose = Literal["answer", "sample", "reflection", "comparison", "fields", "rephrasing", "claims"]


@dataclass(frozen=True, slots=True)
class Ask:
    """A request to a model.

    Attributes:
        messages: The conversation.
        purpose: What the answers are for.
        n: How many answers, each drawn independently. At least 1.
        temperature: Sampling temperature; `None` leaves it to the server.
        max_tokens: The longest answer, in tokens; `None` leaves it to the server.
        top_logprobs: Ask for token probabilities, with this many alternatives per token (0 to 20).
            `None` asks for none. A server that cannot give them answers without them.
        first: The number of the first answer, if others were requested before. It tells a cache
            that these answers are new ones.
    """

    messages: tuple[Message, ...]
    purpose: Purpose
    n: int = 1
    temperature: float | None = None
    max_tokens: int | None = None
    top_logprobs: int | None = None
    first: int = 0

    def asking_for(self, n: int) -> "Ask":
        """The same request, for another number of answers."""
        return replace(self, n=n)


CUT = frozenset({"length", "max_tokens", "content_filter"})
"""How servers say that an answer is not whole."""


@dataclass(frozen=True, slots=True)
class Completion:
    """One answer of a model.

    Attributes:
        text: What it says, without thinking. A tool call is given as JSON text.
        tokens: Its tokens with their probabilities, if the server gave them.
        finish_reason: Why it ended, in the server's words (`stop`, `length`, …).
        is_answer: Whether `text` is known to hold no thinking; where it is not, that is looked for.
    """

    text: str
    tokens: tuple[TokenLogprob, ...] | None = None
    finish_reason: str | None = None
    is_answer: bool = field(default=False, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Reply:
    """What one request for completions returned.

    Attributes:
        completions: At least one, and at most as many as were requested.
        calls: One entry for each HTTP request or model call.
        failures: Error messages of the requests that failed, if others succeeded.
    """

    completions: tuple[Completion, ...]
    calls: tuple[CallUsage, ...] = ()
    failures: tuple[str, ...] = ()


@runtime_checkable
class LanguageModel(Protocol):
    """A model that answers chat messages."""

    @property
    def name(self) -> str:
        """The model's name, as shown to people."""
        ...

    async def complete(self, ask: Ask) -> Reply:
        """Asks for `ask.n` answers to the messages.

        Raises:
            ModelError: The model gave no answer.
            CredentialsError: The key was refused.
        """
        ...

    async def aclose(self) -> None:
        """Closes this model's connections on the running event loop."""
        ...
