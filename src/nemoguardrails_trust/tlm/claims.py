"""Scores of the single sentences of responses."""

from typing import Any

from nemoguardrails_trust.signals.sentences import require_splitter
from nemoguardrails_trust.tlm.batches import require_all
from nemoguardrails_trust.tlm.connected import Connected
from nemoguardrails_trust.tlm.questions import items_with_responses


class ScoresClaims(Connected):
    """What of a `TLM` scores sentences."""

    _log: frozenset[str]

    def score_claims(self, prompt: Any, response: Any, *, context: Any = None) -> Any:
        """Scores a given response and each sentence of it, or those of many.

        A sentence is held against the samples that the score is made with, as far as the preset
        draws any, and one call more asks the model about all sentences: whether they are right,
        or with `context` whether the passages bear them out. Sentences that state nothing, such as
        greetings, questions and headings, have no score; of a long response the first 100 have.

        Args:
            prompt: What is answered: a text or chat messages, or an iterable of these.
            response: The answer; for many prompts one each.
            context: Retrieved passages, as for `prompt`.

        Returns:
            A dictionary with `trustworthiness_score` and `claims`, of which each has its `text`,
            its place in the response (`start`, `end`, in characters) and a `score` from 0 to 1; a
            list of them for many.

        Raises:
            SettingsError: The arguments do not go together, or the scorer is not the local one.
            DataError: The prompt or the response is not one.
            CredentialsError: A key is missing or was refused.
            MissingDependencyError: The extra `claims` is not installed.
            ScoringError: No score could be had.
            BatchError: Of many, some failed; raised once all have ended, with what was got.
        """
        return self._loop_thread.run(self.score_claims_async(prompt, response, context=context))

    async def score_claims_async(self, prompt: Any, response: Any, *, context: Any = None) -> Any:
        """See `score_claims`."""
        return await self._score_claims(prompt, response, context, strict=True)

    def try_score_claims(self, prompt: Any, response: Any, *, context: Any = None) -> Any:
        """Scores sentences, whatever may become of each response; see `score_claims`.

        Returns:
            As from `score_claims`. What failed has `None` for the score and the claims, and the
            reason in `log["error"]`, as `try_prompt` gives it.

        Raises:
            SettingsError: The arguments do not go together, or the scorer is not the local one.
            MissingDependencyError: The extra `claims` is not installed.
        """
        return self._loop_thread.run(self.try_score_claims_async(prompt, response, context=context))

    async def try_score_claims_async(
        self, prompt: Any, response: Any, *, context: Any = None
    ) -> Any:
        """See `try_score_claims`."""
        return await self._score_claims(prompt, response, context, strict=False)

    async def _score_claims(self, prompt: Any, response: Any, context: Any, *, strict: bool) -> Any:
        require_splitter()
        items, is_one = items_with_responses(prompt, response, context=context)
        outcomes = await self._outcomes(items, is_one, self._parts.answerer.score_claims)
        results = [outcome.to_claims_result(log=self._log) for outcome in outcomes]
        if strict and is_one and outcomes[0].error is not None:
            raise outcomes[0].error
        if strict and not is_one:
            require_all(outcomes, results)
        return results[0] if is_one else results
