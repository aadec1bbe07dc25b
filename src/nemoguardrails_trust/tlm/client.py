"""The `TLM`: a language model whose answers come with a trustworthiness score."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nemoguardrails_trust.errors import SettingsError
from nemoguardrails_trust.models.base import LanguageModel
from nemoguardrails_trust.models.reply_cache import ReplyCache
from nemoguardrails_trust.scorers.base import QualityPreset, Scorer
from nemoguardrails_trust.signals.reflection import Task
from nemoguardrails_trust.tlm.batches import require_all
from nemoguardrails_trust.tlm.building import ModelChoice, build_parts
from nemoguardrails_trust.tlm.claims import ScoresClaims
from nemoguardrails_trust.tlm.explaining import (
    read_results,
    require_same_number,
    responses_of,
)
from nemoguardrails_trust.tlm.options import read_options
from nemoguardrails_trust.tlm.outcomes import Outcome
from nemoguardrails_trust.tlm.questions import (
    Item,
    items_of,
    items_with_responses,
    require_constraints,
)


class TLM(ScoresClaims):
    """A language model whose answers come with a trustworthiness score.

    Every method takes one prompt or a list of them. A prompt is a text, or a list of chat
    messages with `role` and `content`; a list may be any iterable of prompts, such as a pandas
    column. One prompt brings a dictionary, a list brings a list of them in the same order:

        {"response": "Jupiter", "trustworthiness_score": 0.94}

    Those that score a given response have no `response`. Where something was asked for by
    `options={"log": […]}`, there is a `log` besides:

    - `explanation`: why the score is what it is.
    - `perplexity`: the mean probability of the response's tokens, 0 to 1 (the inverse of what is
      usually called so); `None` where they are not known, as for a response given as text.
    - `claims`: for each sentence its `text`, its place (`start`, `end`) and a `score`; see
      `score_claims`.
    - `per_field_score`: for an answer that is a JSON object, the `score` and `explanation` of each
      field, judged by one request more; or an `error`.
    - `custom_eval_criteria`: for each its `name` and `score`, and an `error` where it has none.
    - `warning`: signals that could not be had, so that the score was made without them.

    The synchronous methods work in a script, in a notebook and inside a running event loop, which
    they block; the `_async` ones run on the caller's loop. One object serves any number of
    threads and loops. Ctrl-C ends what is under way.

    Args:
        quality_preset: How many calls an answer and its score may cost: `base`, `low`, `medium`,
            `high` or `best`. With `high` and `best`, `prompt` draws several answers and returns
            the best-scored.
        task: What kind of responses they are: `default`, `classification` (every call then needs
            `constrain_outputs`) or `code_generation` (none takes them). It tells the model what
            to look at when it judges.
        model: The model's name, or a `LanguageModel`; by default `options["model"]`, else
            `gpt-4o-mini`. A hosted scorer that is to use a certain model is told the same name.
        options: See `TLMOptions`.
        api_key: The key of the model's server; by default that of `OPENAI_API_KEY`.
        base_url: The server, any that speaks OpenAI's chat completions; by default that of
            `OPENAI_BASE_URL`, else OpenAI's own.
        timeout: Seconds for each prompt, from its start to its score. By default 300, and 60 for
            each request.
        scorer: What scores: `local` (the default, by the model itself), `cleanlab-tlm`,
            `cleanlab-studio`, `package.module:factory`, or an object with
            `async def score(self, exchange)`.
        calibration: A file made by `nemo-trust calibrate` for this scorer, preset and model; it
            turns scores into probabilities of being right.
        concurrency: Prompts of a list, and requests to the model, under way at once; by default
            64. Like the rates, it counts for all in this process that use the model.
        requests_per_minute: The most requests to the model in any 60 seconds.
        tokens_per_minute: The most tokens, read and written, in any 60 seconds.
        cache: A folder, or a `ReplyCache`, where the model's answers are kept from one run to the
            next: what was asked before is not asked again, and costs nothing. None by default.
        verbose: Whether lists show a progress bar: `None` where there is a terminal or a
            notebook, `True` everywhere.

    Raises:
        SettingsError: An argument is out of range, has no effect, or contradicts another.
        DataError: The calibration cannot be read.
        CredentialsError: A key is needed and not set.
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
        choice = ModelChoice(
            model,
            api_key,
            base_url,
            timeout,
            concurrency,
            requests_per_minute,
            tokens_per_minute,
            cache,
        )
        if chosen.disable_trustworthiness and not chosen.custom_eval_criteria:
            raise SettingsError(
                "options.disable_trustworthiness leaves nothing to score; give "
                "custom_eval_criteria",
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
        """The model that answers, for `score_dataset` and the like.

        Raises:
            CredentialsError: It was not needed until now, and its server needs a key.
        """
        return self._parts.model()

    @property
    def scorer(self) -> Scorer:
        """What scores, for `score_dataset` and the like."""
        return self._parts.scorer

    @property
    def threshold(self) -> float:
        """The score below which an answer is untrustworthy: the calibration's, else 0.6."""
        return self._parts.threshold

    def prompt(self, prompt: Any, *, context: Any = None, constrain_outputs: Any = None) -> Any:
        """Answers one prompt or many, and scores the answers.

        Args:
            prompt: A text or chat messages, or an iterable of these.
            context: Retrieved passages that the model is to answer from: one or a list of them;
                for many prompts the passage or passages of each, or one passage for all.
            constrain_outputs: The only answers that will do. The model is told, and asked once
                more where it gives another one. For many prompts, one list for all or one each.

        Returns:
            A dictionary with `response` and `trustworthiness_score`; a list of them for many.

        Raises:
            SettingsError: The arguments do not go together.
            DataError: The prompt is not one.
            CredentialsError: A key is missing or was refused.
            ModelError: No answer could be had.
            ScoringError: No score could be had. `try_prompt` gives the answer even so.
            BatchError: Of many, some failed; raised once all have ended, with what was got.
        """
        return self._loop_thread.run(
            self.prompt_async(prompt, context=context, constrain_outputs=constrain_outputs)
        )

    async def prompt_async(
        self, prompt: Any, *, context: Any = None, constrain_outputs: Any = None
    ) -> Any:
        """See `prompt`."""
        asked = items_of(prompt, context=context, constrain_outputs=constrain_outputs)
        return await self._answer(*asked, strict=True)

    def try_prompt(self, prompt: Any, *, context: Any = None, constrain_outputs: Any = None) -> Any:
        """Answers one prompt or many, whatever may become of each; arguments as for `prompt`.

        Returns:
            As from `prompt`. What failed has `None` for the score, for the response too unless
            there is one, and the reason in `log["error"]`: a `message`, and whether it is
            `retryable`, in that another try may help.

        Raises:
            SettingsError: The arguments do not go together.
        """
        return self._loop_thread.run(
            self.try_prompt_async(prompt, context=context, constrain_outputs=constrain_outputs)
        )

    async def try_prompt_async(
        self, prompt: Any, *, context: Any = None, constrain_outputs: Any = None
    ) -> Any:
        """See `try_prompt`."""
        asked = items_of(prompt, context=context, constrain_outputs=constrain_outputs)
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
        """Scores a given response, or many: from any model, or written by people.

        Args:
            prompt: What is answered: a text or chat messages, or an iterable of these.
            response: The answer; for many prompts one each. It may be a `ChatCompletion` or
                `Response` of OpenAI's client, whose token probabilities are then used.
            context: As for `prompt`.
            constrain_outputs: As for `prompt`. A response that is none of them is an error.
            perplexity: The mean probability of the response's tokens, 0 to 1, where it is known;
                for many responses one or `None` each. It goes into the score.

        Returns:
            A dictionary with `trustworthiness_score`; a list of them for many.

        Raises:
            SettingsError: The arguments do not go together.
            DataError: The prompt or the response is not one.
            CredentialsError: A key is missing or was refused.
            ModelError: A hosted scorer failed.
            ScoringError: No score could be had.
            BatchError: Of many, some failed; raised once all have ended, with what was got.
        """
        return self._loop_thread.run(
            self.get_trustworthiness_score_async(
                prompt,
                response,
                context=context,
                constrain_outputs=constrain_outputs,
                perplexity=perplexity,
            )
        )

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
        asked = items_with_responses(
            prompt,
            response,
            context=context,
            constrain_outputs=constrain_outputs,
            perplexity=perplexity,
        )
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
        """Scores one response or many, whatever may become of each.

        Args:
            prompt: As for `get_trustworthiness_score`.
            response: Likewise.
            context: Likewise.
            constrain_outputs: Likewise.
            perplexity: Likewise.

        Returns:
            As from `get_trustworthiness_score`. What failed has `None` for the score, and the
            reason in `log["error"]`, as `try_prompt` gives it.

        Raises:
            SettingsError: The arguments do not go together.
        """
        return self._loop_thread.run(
            self.try_get_trustworthiness_score_async(
                prompt,
                response,
                context=context,
                constrain_outputs=constrain_outputs,
                perplexity=perplexity,
            )
        )

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
        asked = items_with_responses(
            prompt,
            response,
            context=context,
            constrain_outputs=constrain_outputs,
            perplexity=perplexity,
        )
        return await self._score(*asked, strict=False)

    def get_explanation(
        self, *, prompt: Any, tlm_result: Any, response: Any = None, context: Any = None
    ) -> Any:
        """Tells why a result has its score, or many results theirs, by one request each.

        What a result's log says already is taken as it is; what is new is put into its log.

        Args:
            prompt: What was asked; for many results one each.
            tlm_result: What `prompt` or `get_trustworthiness_score` returned.
            response: The answer; for many results one each. Only where the result has none.
            context: The passages that went with the prompt, as for `prompt`.

        Returns:
            A text; a list of them for many.

        Raises:
            SettingsError: The arguments do not go together, or a result has no score.
            DataError: The prompt or the response is not one.
            CredentialsError: A key is missing or was refused.
            ModelError: The model gave no answer.
            BatchError: Of many, some failed; raised once all have ended, with what was got.
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
        scored, is_one = read_results(tlm_result)
        answers = responses_of(scored, is_one, response)
        items, is_one_prompt = items_with_responses(prompt, answers, context=context)
        require_same_number(is_one, is_one_prompt)
        return await self._explanations(items, is_one, tlm_result)

    async def _answer(self, items: list[Item], is_one: bool, *, strict: bool) -> Any:
        require_constraints(items, self._task)
        outcomes = await self._outcomes(items, is_one, self._parts.answerer.prompt)
        return self._results(outcomes, is_one, strict=strict, with_response=True)

    async def _score(self, items: list[Item], is_one: bool, *, strict: bool) -> Any:
        require_constraints(items, self._task)
        outcomes = await self._outcomes(items, is_one, self._parts.answerer.score)
        return self._results(outcomes, is_one, strict=strict, with_response=False)

    def _results(
        self, outcomes: list[Outcome], is_one: bool, *, strict: bool, with_response: bool
    ) -> Any:
        results = [
            outcome.to_result(log=self._log, with_response=with_response) for outcome in outcomes
        ]
        if not is_one:
            if strict:
                require_all(outcomes, results)
            return results
        if strict and outcomes[0].error is not None:
            raise outcomes[0].error
        return results[0]
