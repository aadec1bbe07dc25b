"""The `TLM`: a language model whose answers come with a trustworthiness score."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from nemoguardrails_trust.errors import SettingsError
from nemoguardrails_trust.models.base import LanguageModel
from nemoguardrails_trust.models.reply_cache import ReplyCache
from nemoguardrails_trust.scorers.base import QualityPreset, Scorer
from nemoguardrails_trust.signals.reflection import Task
from nemoguardrails_trust.signals.sentences import require_splitter
from nemoguardrails_trust.tlm.batches import as_asked
from nemoguardrails_trust.tlm.building import ModelChoice, build_parts
from nemoguardrails_trust.tlm.connected import Connected
from nemoguardrails_trust.tlm.options import read_options
from nemoguardrails_trust.tlm.questions import (
    Item,
    items_of,
    items_with_responses,
    require_constraints,
)


class TLM(Connected):
    """A language model whose answers come with a trustworthiness score.

    Every method takes one prompt or a list of them. A prompt is text, or a list of chat messages
    with `role` and `content`. A list can be any iterable of prompts, such as a pandas column. One
    prompt returns a dictionary, and a list returns a list of dictionaries in the same order:

        {"response": "Jupiter", "trustworthiness_score": 0.94}

    Methods that score a given response leave out `response`. With `options={"log": […]}`, there
    is also a `log`:

    - `explanation`: why the score is what it is.
    - `perplexity`: the mean probability of the response's tokens, 0 to 1 (the inverse of the usual
      perplexity); `None` if they are not known, as for a response given as text.
    - `claims`: the `text`, position (`start`, `end`) and `score` of each sentence; see
      `score_claims`.
    - `per_field_score`: for an answer that is a JSON object, the `score` and `explanation` of each
      field, at one more request; or an `error`.
    - `custom_eval_criteria`: the `name` and `score` of each criterion, with an `error` if there is
      no score.
    - `warning`: signals that the score is missing.

    The synchronous methods work in a script, in a notebook and inside a running event loop, which
    they block; the `_async` methods run on the caller's loop. One object can be used from any
    number of threads and loops. Ctrl-C stops calls in progress.

    Args:
        quality_preset: How many calls an answer and its score may cost: `base`, `low`, `medium`,
            `high` or `best`. With `high` and `best`, `prompt` draws several answers and returns
            the one with the best score.
        task: What kind of responses to expect: `default`, `classification` (every call then needs
            `constrain_outputs`) or `code_generation` (which does not take them). It tells the
            model what to look at when it judges.
        model: The model's name, or a `LanguageModel`; by default `options["model"]`, otherwise
            `gpt-4o-mini`. A hosted scorer is given the same name.
        options: See `TLMOptions`.
        api_key: The key of the model's server; by default `OPENAI_API_KEY`.
        base_url: Any server with OpenAI's chat completions API; by default `OPENAI_BASE_URL`,
            otherwise OpenAI's own.
        timeout: Seconds for each prompt, from its start to its score. By default 300, and 60 for
            each request.
        scorer: The scorer: `local` (the default, which uses the model itself), `cleanlab-tlm`,
            `cleanlab-studio`, `package.module:factory`, or an object with
            `async def score(self, exchange)`.
        calibration: A file made by `nemo-trust calibrate` for this scorer, preset and model. It
            turns scores into probabilities of being right.
        concurrency: How many prompts of a list, and requests to the model, are in progress at
            once; by default 64. Like the rates, it applies to everything in this process that
            uses the model.
        requests_per_minute: The most requests to the model in any 60 seconds.
        tokens_per_minute: The most tokens, read and written, in any 60 seconds.
        cache: A folder, or a `ReplyCache`, that keeps the model's answers from one run to the
            next, so that no question is asked (or paid for) twice. None by default.
        verbose: Whether lists show a progress bar. `None` shows it in a terminal or a notebook,
            `True` everywhere.

    Raises:
        SettingsError: An argument is out of range, has no effect, or contradicts another.
        DataError: The calibration cannot be read.
        CredentialsError: A key is needed but not set.
        MissingDependencyError: The scorer needs an extra that is not installed.
    """

    def __init__(
        self,
        quality_preset: QualityPreset = "medium",
        *,
        task: Task = "default",
        model: str | LanguageModel | None = None,
        options: Mapping[str, Any] | None = None,
        api_key: str | None = None,
        base_url: str | None = None,
        timeout: float | None = None,
        scorer: str | Scorer | None = None,
        calibration: str | Path | None = None,
        concurrency: int | None = None,
        requests_per_minute: int | None = None,
        tokens_per_minute: int | None = None,
        cache: ReplyCache | str | Path | None = None,
        verbose: bool | None = None,
    ) -> None:
        chosen = read_options(options)
        limits = concurrency, requests_per_minute, tokens_per_minute
        choice = ModelChoice(model, api_key, base_url, timeout, *limits, cache)
        if chosen.disable_trustworthiness and not chosen.custom_eval_criteria:
            raise SettingsError(
                "options.disable_trustworthiness leaves nothing to score; add custom_eval_criteria",
                key="options.disable_trustworthiness",
            )
        parts = build_parts(
            quality_preset, chosen, choice, scorer=scorer, calibration=calibration, task=task
        )
        super().__init__(parts, verbose)
        self._log = frozenset(chosen.log)
        self._task = task

    @property
    def model(self) -> LanguageModel:
        """The model that answers, for use in `score_dataset` and similar functions.

        Raises:
            CredentialsError: The model was not needed until now, and its server needs a key.
        """
        return self._parts.model()

    @property
    def scorer(self) -> Scorer:
        """The scorer, for use in `score_dataset` and similar functions."""
        return self._parts.scorer

    @property
    def threshold(self) -> float:
        """Scores below it are untrustworthy: the calibration's threshold, otherwise 0.6."""
        return self._parts.threshold

    def prompt(self, prompt: Any, *, context: Any = None, constrain_outputs: Any = None) -> Any:
        """Answers one prompt or many and scores the answers.

        Args:
            prompt: Text or chat messages, or an iterable of these.
            context: Retrieved passages to answer from: one or a list of them. For many prompts, the
                passage or passages of each, or one passage for all.
            constrain_outputs: The only allowed answers. The model is told them, and asked once
                more if it gives another. For many prompts, one list for all or one for each.

        Returns:
            A dictionary with `response` and `trustworthiness_score`; a list of them for many.

        Raises:
            SettingsError: The arguments contradict each other.
            DataError: The prompt is not valid.
            CredentialsError: A key is missing or was refused.
            ModelError: The model gave no answer.
            ScoringError: There is no score. `try_prompt` returns the answer anyway.
            BatchError: Some of many failed. It is raised once all have ended, with their results.
        """
        asked = items_of(prompt, context, constrain_outputs)
        return self._loop_thread.run(self._answer(*asked, strict=True))

    async def prompt_async(
        self, prompt: Any, *, context: Any = None, constrain_outputs: Any = None
    ) -> Any:
        """See `prompt`."""
        asked = items_of(prompt, context, constrain_outputs)
        return await self._answer(*asked, strict=True)

    def try_prompt(self, prompt: Any, *, context: Any = None, constrain_outputs: Any = None) -> Any:
        """Answers one prompt or many, without raising for those that fail.

        Arguments as for `prompt`.

        Returns:
            As from `prompt`. If one fails, its score is `None`, as is its response if there is
            none, and `log["error"]` has the reason: a `message`, and whether it is `retryable`,
            which means that another attempt may help.

        Raises:
            SettingsError: The arguments contradict each other.
        """
        asked = items_of(prompt, context, constrain_outputs)
        return self._loop_thread.run(self._answer(*asked, strict=False))

    async def try_prompt_async(
        self, prompt: Any, *, context: Any = None, constrain_outputs: Any = None
    ) -> Any:
        """See `try_prompt`."""
        asked = items_of(prompt, context, constrain_outputs)
        return await self._answer(*asked, strict=False)

    def get_trustworthiness_score(
        self,
        prompt: Any,
        response: Any,
        *,
        context: Any = None,
        constrain_outputs: Any = None,
        perplexity: Any = None,
    ) -> Any:
        """Scores a given response or many, written by any model or by people.

        Args:
            prompt: What was asked: text or chat messages, or an iterable of these.
            response: The answer; for many prompts, one for each. It can be a `ChatCompletion` or
                `Response` from OpenAI's client, whose token probabilities are then used. Of
                several choices, the first is scored.
            context: As for `prompt`.
            constrain_outputs: As for `prompt`. Any other response is an error.
            perplexity: The mean probability of the response's tokens, 0 to 1, if known. For many
                responses, a number or `None` for each. It goes into the score.

        Returns:
            A dictionary with `trustworthiness_score`; a list of them for many.

        Raises:
            SettingsError: The arguments contradict each other.
            DataError: The prompt or the response is not valid.
            CredentialsError: A key is missing or was refused.
            ModelError: A hosted scorer failed.
            ScoringError: There is no score.
            BatchError: Some of many failed. It is raised once all have ended, with their results.
        """
        asked = items_with_responses(prompt, response, context, constrain_outputs, perplexity)
        return self._loop_thread.run(self._score(*asked, strict=True))

    async def get_trustworthiness_score_async(
        self,
        prompt: Any,
        response: Any,
        *,
        context: Any = None,
        constrain_outputs: Any = None,
        perplexity: Any = None,
    ) -> Any:
        """See `get_trustworthiness_score`."""
        asked = items_with_responses(prompt, response, context, constrain_outputs, perplexity)
        return await self._score(*asked, strict=True)

    def try_get_trustworthiness_score(
        self,
        prompt: Any,
        response: Any,
        *,
        context: Any = None,
        constrain_outputs: Any = None,
        perplexity: Any = None,
    ) -> Any:
        """Scores one response or many without raising for those that fail.

        Args:
            prompt: As for `get_trustworthiness_score`.
            response: Likewise.
            context: Likewise.
            constrain_outputs: Likewise.
            perplexity: Likewise.

        Returns:
            As from `get_trustworthiness_score`. If one fails, its score is `None` and
            `log["error"]` has the reason, as in `try_prompt`.

        Raises:
            SettingsError: The arguments contradict each other.
        """
        asked = items_with_responses(prompt, response, context, constrain_outputs, perplexity)
        return self._loop_thread.run(self._score(*asked, strict=False))

    async def try_get_trustworthiness_score_async(
        self,
        prompt: Any,
        response: Any,
        *,
        context: Any = None,
        constrain_outputs: Any = None,
        perplexity: Any = None,
    ) -> Any:
        """See `try_get_trustworthiness_score`."""
        asked = items_with_responses(prompt, response, context, constrain_outputs, perplexity)
        return await self._score(*asked, strict=False)

    def get_explanation(
        self, *, prompt: Any, tlm_result: Any, response: Any = None, context: Any = None
    ) -> Any:
        """Explains the score of a result, or of many, at one request each.

        An explanation that is already in a result's log is returned as it is; a new one is added to
        the log.

        Args:
            prompt: What was asked; for many results, one for each.
            tlm_result: What `prompt` or `get_trustworthiness_score` returned.
            response: The answer, if the result has none; for many results, one for each.
            context: The passages that were given with the prompt, as for `prompt`.

        Returns:
            A string; a list of strings for many.

        Raises:
            SettingsError: The arguments contradict each other, or a result has no score.
            DataError: The prompt or the response is not valid.
            CredentialsError: A key is missing or was refused.
            ModelError: The model gave no answer.
            BatchError: Some of many failed. It is raised once all have ended, with their results.
        """
        return self._loop_thread.run(
            self.get_explanation_async(
                prompt=prompt, tlm_result=tlm_result, response=response, context=context
            )
        )

    async def get_explanation_async(
        self, *, prompt: Any, tlm_result: Any, response: Any = None, context: Any = None
    ) -> Any:
        """See `get_explanation`."""
        asked = partial(items_with_responses, prompt, context=context)
        return await self._explanations(tlm_result, response, asked)

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

    async def _answer(self, items: list[Item], is_one: bool, *, strict: bool) -> Any:
        require_constraints(items, self._task)
        outcomes = await self._outcomes(items, is_one, self._parts.answerer.prompt)
        results = [outcome.to_result(log=self._log, with_response=True) for outcome in outcomes]
        return as_asked(outcomes, results, is_one, strict=strict)

    async def _score(self, items: list[Item], is_one: bool, *, strict: bool) -> Any:
        require_constraints(items, self._task)
        outcomes = await self._outcomes(items, is_one, self._parts.answerer.score)
        results = [outcome.to_result(log=self._log, with_response=False) for outcome in outcomes]
        return as_asked(outcomes, results, is_one, strict=strict)

    async def _score_claims(self, prompt: Any, response: Any, context: Any, *, strict: bool) -> Any:
        require_splitter()
        items, is_one = items_with_responses(prompt, response, context=context)
        outcomes = await self._outcomes(items, is_one, self._parts.answerer.score_claims)
        results = [outcome.to_claims_result(log=self._log) for outcome in outcomes]
        return as_asked(outcomes, results, is_one, strict=strict)
