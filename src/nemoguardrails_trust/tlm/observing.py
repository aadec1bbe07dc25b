"""A model whose failures are noted on their way through a scorer."""

from collections.abc import Sequence

from nemoguardrails_trust.errors import (
    CredentialsError,
    ModelError,
    TrustError,
)
from nemoguardrails_trust.exchange import Message
from nemoguardrails_trust.models.base import LanguageModel, Purpose, Reply
from nemoguardrails_trust.tlm.outcomes import note_failure


class ObservedModel:
    """Passes every call on to a model, and notes those that fail."""

    def __init__(self, model: LanguageModel) -> None:
        self._model = model

    @property
    def name(self) -> str:
        """The model's name."""
        return self._model.name

    async def complete(
        self,
        messages: Sequence[Message],
        *,
        purpose: Purpose,
        n: int = 1,
        temperature: float | None = None,
        max_tokens: int | None = None,
        top_logprobs: int | None = None,
    ) -> Reply:
        """See `LanguageModel.complete`.

        Raises:
            CredentialsError: The server refused the key.
            ModelError: No answer could be had.
        """
        try:
            return await self._model.complete(
                messages,
                purpose=purpose,
                n=n,
                temperature=temperature,
                max_tokens=max_tokens,
                top_logprobs=top_logprobs,
            )
        except ModelError as error:
            if error.status != 401:
                note_failure(error)
                raise
            refused = CredentialsError(str(error))
            note_failure(refused)
            raise refused from error
        except TrustError as error:
            note_failure(error)
            raise

    async def aclose(self) -> None:
        """See `LanguageModel.aclose`."""
        await self._model.aclose()
