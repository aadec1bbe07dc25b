"""What clients of the TLM protocol send. Everything but the texts is optional."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

Share = Annotated[float, Field(strict=True, ge=0.0, le=1.0, allow_inf_nan=False)]

MOST_EVALS = 100
"""The most evaluations or criteria of one request, each of which is a call to the model."""


class Body(BaseModel):
    """What is sent, or told: what else stands in it is kept, and refuses nothing."""

    model_config = ConfigDict(extra="allow")


class _AskedBody(Body):
    """What is said of every question.

    Attributes:
        quality: The preset: best, high, medium, low or base.
        options: See the documentation of TLM's options.
        constrain_outputs: The only answers that will do.
    """

    quality: str | None = None
    options: dict[str, Any] | None = None
    constrain_outputs: list[str] | None = None


class PromptBody(_AskedBody):
    """A prompt to answer.

    Attributes:
        prompt: What is asked.
        task: What kind of responses these are: default, classification or code_generation.
    """

    prompt: str
    task: str | None = None


class GivenResponse(Body):
    """A response to score.

    Attributes:
        response: Its text.
        perplexity: The mean probability of its tokens, where the caller knows it.
        constrain_outputs: The only answers that would do.
        trustworthiness_score: Its score, where it has one that is to be explained.
        log: What came with that score.
    """

    response: str
    perplexity: Share | None = None
    constrain_outputs: list[str] | None = None
    trustworthiness_score: Share | None = None
    log: dict[str, Any] | None = None


class _WithResponse(Body):
    response: GivenResponse | str

    @property
    def given(self) -> GivenResponse:
        """The response as an object."""
        if isinstance(self.response, str):
            return GivenResponse(response=self.response)
        return self.response


class ScoreBody(_WithResponse, PromptBody):
    """A response to score, as an object or as a text."""


class EvalBody(Body):
    """A standard by which the parts of an exchange are scored.

    Attributes:
        name: What it is called in the answer.
        criteria: What must hold; the better it does, the higher the score.
        query_identifier: What the criteria call the query; without one, they do not see it.
        context_identifier: What they call the context; likewise.
        response_identifier: What they call the response; likewise.
    """

    name: str
    criteria: str
    query_identifier: str | None = None
    context_identifier: str | None = None
    response_identifier: str | None = None


class RagBody(_AskedBody):
    """A query to answer from retrieved passages.

    Attributes:
        query: What the user asks.
        context: The passages, as one text or several.
        prompt: What the model is given; by default the passages, and then the query.
        evals: What is scored besides; `None` takes the four evaluations that are usual.
    """

    query: str
    context: str | list[str]
    prompt: str | None = None
    evals: Annotated[list[EvalBody], Field(max_length=MOST_EVALS)] | None = None


class RagScoreBody(_WithResponse, RagBody):
    """A response from retrieved passages to score, as an object or as a text."""
