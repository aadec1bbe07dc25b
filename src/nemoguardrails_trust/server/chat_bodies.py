"""What clients of OpenAI's chat completions send."""

from typing import Annotated, Any

from pydantic import Field

from nemoguardrails_trust.server.bodies import Body, Share

Objects = list[dict[str, Any]]
Messages = Annotated[Objects, Field(min_length=1)]


class ChatBody(Body):
    """A request for a chat completion, with everything that OpenAI's API knows.

    Attributes:
        messages: The conversation.
        model: The name of a model; it decides the backend.
        stream: Whether the answer is to come piece by piece.
        n: How many answers are wanted; the first is scored.
        quality_preset: The preset that the answer is scored with.
        options: TLM's options.
        threshold: Scores below it are untrustworthy.
        fallback: What is answered in the place of an answer that is not found trustworthy.
    """

    messages: Messages
    model: str | None = None
    stream: bool | None = None
    n: int | None = None
    quality_preset: str | None = None
    options: dict[str, Any] | None = None
    threshold: Share | None = None
    fallback: str | None = None

    @property
    def asked(self) -> dict[str, Any]:
        """What the backend is sent: all that the client sent and that is not about the score."""
        own = ("quality_preset", "options", "threshold", "fallback")
        sent = self.model_fields_set.difference(own)
        return {name: value for name, value in self if name in sent}


class GivenAnswer(Body):
    """An answer to score, with what its request held beside the messages.

    Attributes:
        messages: The conversation that it answers.
        tools: The tools that the model had.
        functions: The same, in OpenAI's older form.
        quality_preset: The preset that it is scored with.
    """

    messages: Messages
    tools: Objects | None = None
    functions: Objects | None = None
    quality_preset: str | None = None

    @property
    def question(self) -> dict[str, Any]:
        """The part of the request that says what is asked."""
        given = {"messages": self.messages, "tools": self.tools, "functions": self.functions}
        return {name: value for name, value in given.items() if value}


class GivenCompletion(GivenAnswer):
    """A chat completion to score.

    Attributes:
        completion: The whole completion.
        model: The name of a model; it decides the backend.
        options: TLM's options.
    """

    completion: dict[str, Any]
    model: str | None = None
    options: dict[str, Any] | None = None

    @property
    def asked(self) -> dict[str, Any]:
        """The request that the completion answers."""
        return self.question | (self.model_extra or {})
