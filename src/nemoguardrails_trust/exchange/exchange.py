"""What is scored: a model's messages, the retrieved context, and the response."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import astuple, dataclass, field, replace
from typing import Any

from nemoguardrails_trust.errors import DataError, ScoringError
from nemoguardrails_trust.exchange.media import Media
from nemoguardrails_trust.exchange.messages import Message
from nemoguardrails_trust.exchange.passages import read_passages
from nemoguardrails_trust.exchange.reading import read_messages
from nemoguardrails_trust.exchange.thinking import answer_in, why_no_answer
from nemoguardrails_trust.exchange.tokens import TokenLogprob
from nemoguardrails_trust.exchange.values import kind_told

# Made once: `json.dumps` makes one for each call.
_encode = json.JSONEncoder(ensure_ascii=True, separators=(",", ":")).encode


@dataclass(frozen=True, slots=True)
class Exchange:
    """A response, with everything its model was given.

    Attributes:
        response: The answer to score.
        messages: The conversation in order, up to and including the message being answered.
        context: Retrieved passages that the model was given along with the messages.
        token_logprobs: The log-probabilities (natural logarithms) of the response's tokens, in
            order, if the model gave them.
        tokens: The same tokens with their texts and likely alternatives, if known. By default,
            `token_logprobs` is taken from them.

    Raises:
        DataError: The response is not a string.
    """

    response: str
    messages: tuple[Message, ...] = ()
    context: tuple[str, ...] = ()
    token_logprobs: tuple[float, ...] | None = None
    tokens: tuple[TokenLogprob, ...] | None = None
    _is_answer: bool = field(default=False, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not isinstance(self.response, str):
            raise DataError(
                f"the response of an Exchange must be text, not {kind_told(self.response)}; "
                "it comes before the messages"
            )
        if self.tokens is not None and self.token_logprobs is None:
            logprobs = tuple(token.logprob for token in self.tokens)
            object.__setattr__(self, "token_logprobs", logprobs)

    @classmethod
    def of(
        cls,
        prompt: str | Iterable[Message | Mapping[str, Any]],
        response: str,
        *,
        context: str | Iterable[str] | None = None,
        token_logprobs: Iterable[float] | None = None,
        tokens: Iterable[TokenLogprob] | None = None,
    ) -> "Exchange":
        """Builds an exchange from a prompt in any usual form.

        Args:
            prompt: The user's text, or chat messages.
            response: The answer to score.
            context: One retrieved passage or several.
            token_logprobs: Log-probabilities of the response's tokens.
            tokens: The tokens themselves, if known.

        Raises:
            DataError: The prompt or the context has an unknown form.
        """
        messages = read_messages(
            prompt if isinstance(prompt, str | Mapping) else list(prompt), in_text=False
        )
        passages = (context,) if isinstance(context, str) else read_passages(list(context or ()))
        logprobs = None if token_logprobs is None else tuple(token_logprobs)
        return cls(
            response, messages, passages, logprobs, None if tokens is None else tuple(tokens)
        )

    @property
    def prompt(self) -> str:
        """The messages and the context as one string with roles.

        A single user message without context is returned unchanged, as scorers of plain prompts
        expect it.
        """
        if not self.context and len(self.messages) == 1 and self.messages[0].role == "user":
            return self.messages[0].shown
        parts = [f"{message.role.capitalize()}: {message.shown}" for message in self.messages]
        if self.context:
            passages = "\n".join(f"[{i}] {text}" for i, text in enumerate(self.context, start=1))
            # Beside the question that it serves, as a retrieving application would put it.
            parts.insert(max(0, len(parts) - 1), f"Context:\n{passages}")
        return "\n\n".join(parts)

    def answering(self) -> "Exchange":
        """The same, with the response reduced to its answer: no thinking, no special tokens.

        If thinking is removed, so are the tokens' log-probabilities, because they can no longer be
        matched to the answer.

        Raises:
            ScoringError: Nothing is left, or the response is too long to read.
        """
        if self._is_answer:  # as was found before: a score asks several times
            return self
        said = answer_in(self.response)
        if said is self.response:
            object.__setattr__(self, "_is_answer", True)
            return self
        if said is None:
            raise ScoringError(f"the response {why_no_answer(self.response)}")
        is_whole = self.response.lstrip().startswith(said)
        return replace(
            self,
            response=said.strip(),
            token_logprobs=self.token_logprobs if is_whole else None,
            tokens=self.tokens if is_whole else None,
        )

    def without_probabilities(self) -> "Exchange":
        """The same without its tokens and their probabilities."""
        return replace(self, token_logprobs=None, tokens=None)

    @property
    def question(self) -> str:
        """The last user message; empty if there is none."""
        return next((m.content for m in reversed(self.messages) if m.role == "user"), "")

    def asking(self, text: str) -> "Exchange":
        """The same with another last user message."""
        messages = list(self.messages)
        for place in reversed(range(len(messages))):
            if messages[place].role == "user":
                messages[place] = replace(messages[place], content=text)
                break
        return replace(self, messages=tuple(messages))

    @property
    def media(self) -> tuple[Media, ...]:
        """The pictures, recordings and files in the messages, in order."""
        return tuple(medium for message in self.messages for medium in message.media)

    def fingerprint(self) -> str:
        """A digest, in 64 hex digits, that only equal exchanges share."""
        parts: list[Any] = [
            self.response,
            [_told(message) for message in self.messages],
            list(self.context),
            None if self.token_logprobs is None else list(self.token_logprobs),
        ]
        if self.tokens is not None:
            parts.append([astuple(token) for token in self.tokens])
        return hashlib.sha256(_encode(parts).encode("ascii")).hexdigest()


def _told(message: Message) -> list[Any]:
    return [message.role, message.content, [medium.identity for medium in message.media]]
