"""What clients of the TLM protocol send. Everything but the texts is optional."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

Share = Annotated[float, Field(ge=0.0, le=1.0, allow_inf_nan=False)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="allow")


class PromptBody(_Body):
    """A prompt to answer.

    Attributes:
        prompt: What is asked.
        quality: The preset: best, high, medium, low or base.
        options: See the documentation of TLM's options.
        constrain_outputs: The only answers that will do.
    """

    prompt: str
    quality: str | None = None
    options: dict[str, Any] | None = None
    constrain_outputs: list[str] | None = None


class GivenResponse(_Body):
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


class ScoreBody(PromptBody):
    """A response to score, as an object or as a text."""

    response: GivenResponse | str

    @property
    def given(self) -> GivenResponse:
        """The response as an object."""
        if isinstance(self.response, str):
            return GivenResponse(response=self.response)
        return self.response
