"""Scores for the sentences of a response."""

from typing import Any

from nemoguardrails_trust.signals.sentences import require_splitter
from nemoguardrails_trust.tlm.batches import require_all
from nemoguardrails_trust.tlm.connected import Connected
from nemoguardrails_trust.tlm.questions import items_with_responses


class ScoresClaims(Connected):
    """The part of a `TLM` that scores sentences."""

    _log: frozenset[str]

    def score_claims(self, prompt: Any, response: Any, *, context: Any = None) -> Any:
        """Scores a given response or many, and each of their sentences.

        Sentences are compared with the samples behind the score, if the preset draws any. One more
        call asks the model about all sentences: whether they are right or, with `context`, whether
        the passages support them. Sentences that state nothing, such as greetings, questions and
        headings, have no score. Only the first 100 sentences of a response are scored.

        Args:
            prompt: What was asked: text or chat messages, or an iterable of these.
            response: The answer; for many prompts, one for each.
            context: Retrieved passages, as for `prompt`.

        Returns:
            A dictionary with `trustworthiness_score` and `claims`; a list of them for many. Each
            claim has its `text`, its position in the response (`start`, `end`, in characters) and a
            `score` from 0 to 1.

        Raises:
            SettingsError: The arguments contradict each other, or the scorer does not score
                sentences.
            DataError: The prompt or the response is not valid.
            CredentialsError: A key is missing or was refused.
            MissingDependencyError: The extra `claims` is not installed.
            ScoringError: There is no score.
            BatchError: Some of many failed. It is raised once all have ended, with their results.
        """
        return self._loop_thread.run(self.score_claims_async(prompt, response, context=context))

    async def score_claims_async(self, prompt: Any, response: Any, *, context: Any = None) -> Any:
        """See `score_claims`."""
        return await self._score_claims(prompt, response, context, strict=True)

    def try_score_claims(self, prompt: Any, response: Any, *, context: Any = None) -> Any:
        """Scores sentences without raising for responses that fail; see `score_claims`.

        Returns:
            As from `score_claims`. If one fails, its score and claims are `None`, and
            `log["error"]` has the reason, as in `try_prompt`.

        Raises:
            SettingsError: The arguments contradict each other, or the scorer does not score
                sentences.
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
        if strict:
            require_all(outcomes, results, is_one=is_one)
        return results[0] if is_one else results
