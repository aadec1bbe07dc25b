"""What a score needs of a language model."""

from dataclasses import dataclass, replace
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
        n: How many answers, each drawn independently; at least 1.
        temperature: Sampling temperature; `None` leaves it to the server.
        max_tokens: The most tokens an answer may have; `None` leaves it to the server.
        top_logprobs: Ask for token probabilities with this many alternatives a token, 0 to 20;
            `None` asks for none. A server that cannot give them answers without.
        first: The number of the first answer, where others were asked for before: what keeps
            answers tells by it that these are to be others.
    """

    messages: tuple[Message, ...]
    purpose: Purpose
    n: int = 1
    temperature: float | None = None
    max_tokens: int | None = None
    top_logprobs: int | None = None
    first: int = 0

    def asking_for(self, n: int) -> "Ask":
        """The same request for so many answers."""
        return replace(self, n=n)


CUT = frozenset({"length", "max_tokens", "content_filter"})
"""How servers say that an answer is not whole."""


@dataclass(frozen=True, slots=True)
class Completion:
    """One answer of a model.

    Attributes:
        text: What it says, its thinking left out. A tool call is given as JSON text.
        tokens: Its tokens with probabilities, where the server gave them.
        finish_reason: Why it ended, in the server's words (`stop`, `length`, …).
    """

    text: str
    tokens: tuple[TokenLogprob, ...] | None = None
    finish_reason: str | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """What one request for completions brought.

    Attributes:
        completions: At least one, at most as many as were asked for.
        calls: One entry for each HTTP request or model call that was made.
        failures: Messages of the requests that failed while others brought completions.
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
            ModelError: No answer could be had.
            CredentialsError: The key was refused.
        """
        ...

    async def aclose(self) -> None:
        """Closes the connections that this model holds on the running event loop."""
        ...
