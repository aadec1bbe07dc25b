"""The `TrustworthyRAG`: answers from retrieved passages, with scores for each step."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from nemoguardrails_trust.errors import SettingsError
from nemoguardrails_trust.models.base import LanguageModel
from nemoguardrails_trust.models.reply_cache import ReplyCache
from nemoguardrails_trust.scorers.base import QualityPreset, Scorer
from nemoguardrails_trust.signals.evaluations import (
    Eval,
    get_default_evals,
    get_default_tool_call_evals,
    require_distinct,
)
from nemoguardrails_trust.tlm.building import ModelChoice, build_parts
from nemoguardrails_trust.tlm.connected import Connected
from nemoguardrails_trust.tlm.options import read_options
from nemoguardrails_trust.tlm.outcomes import Outcome
from nemoguardrails_trust.tlm.questions import Item, rag_items_of
from nemoguardrails_trust.tlm.rag_answering import RagAnswerer

FormPrompt = Callable[[Any, Any], Any]


class TrustworthyRAG(Connected):
    """Answers from retrieved passages, or scores such answers, with several evaluations.

    Besides the trustworthiness of a response, each evaluation scores one thing from 0 to 1, where
    higher is better, at one request to the model. The defaults are:

    - `context_sufficiency`: do the passages contain what is needed for the answer?
    - `response_groundedness`: do they support what the response says?
    - `response_helpfulness`: does the response try to answer?
    - `query_ease`: is the query simple and clear?

    Every method takes one query or a list of them. One query returns a dictionary, and a list
    returns a list of dictionaries in the same order:

        {"response": "30 days", "trustworthiness": {"score": 0.91},
         "context_sufficiency": {"score": 0.98}, "response_groundedness": {"score": 0.97}, …}

    `score` leaves out `response`. If something could not be scored, its score is `None`, and its
    `log["error"]` has the reason. A response that only calls tools is evaluated with
    `tool_call_evals`; the `evals` that look at the response then do not apply, and their score is
    `None`.

    The synchronous methods work in a script, in a notebook and inside a running event loop, which
    they block; the `_async` methods run on the caller's loop.

    Args:
        quality_preset: What the trustworthiness score may cost; see `TLM`.
        evals: The evaluations. `None` uses those of `get_default_evals`, and an empty list none.
        tool_call_evals: The evaluations of responses that only call tools. `None` uses those of
            `get_default_tool_call_evals`.
        model: As for `TLM`, like all that follow. This model also makes the evaluations, whatever
            the `scorer`.
        options: See `TLMOptions`. Use `evals` instead of `custom_eval_criteria`.
        api_key: The key of the model's server.
        base_url: The server.
        timeout: Seconds for each query, from its start to its last score.
        scorer: The scorer for the trustworthiness score.
        calibration: A file made by `nemo-trust calibrate`.
        concurrency: How many queries of a list, and requests to the model, are in progress at once.
        requests_per_minute: The most requests to the model in any 60 seconds.
        tokens_per_minute: The most tokens, read and written, in any 60 seconds.
        cache: Where the model's answers are kept, including evaluations; see `TLM`.
        verbose: Whether lists show a progress bar.

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
        evals: Iterable[Eval] | None = None,
        tool_call_evals: Iterable[Eval] | None = None,
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
        if chosen.custom_eval_criteria:
            raise SettingsError(
                "options.custom_eval_criteria has no effect here; pass evals",
                key="options.custom_eval_criteria",
            )
        asked = require_distinct(get_default_evals() if evals is None else evals)
        asked_of_calls = require_distinct(
            get_default_tool_call_evals() if tool_call_evals is None else tool_call_evals
        )
        require_distinct([*asked, *asked_of_calls])
        if chosen.disable_trustworthiness and not asked:
            raise SettingsError(
                "options.disable_trustworthiness leaves nothing to score; pass evals",
                key="options.disable_trustworthiness",
            )
        limits = concurrency, requests_per_minute, tokens_per_minute
        choice = ModelChoice(model, api_key, base_url, timeout, *limits, cache)
        parts = build_parts(quality_preset, chosen, choice, scorer=scorer, calibration=calibration)
        super().__init__(parts, verbose)
        self._log = frozenset(chosen.log)
        evaluator = self._evaluator  # what is wrong with the model shows at once
        self._rag = RagAnswerer(
            parts.answerer,
            evaluator,
            asked,
            asked_of_calls,
            has_trustworthiness=not chosen.disable_trustworthiness,
        )

    def get_evals(self) -> list[Eval]:
        """The evaluations, without those of tool calls."""
        return list(self._rag.evals)

    def score(
        self,
        *,
        query: Any,
        context: Any,
        response: Any,
        prompt: Any = None,
        form_prompt: FormPrompt | None = None,
    ) -> Any:
        """Scores a given response or many.

        Args:
            query: What the user asked: text or chat messages, or an iterable of these.
            context: Retrieved passages: one or a list of them. For many queries, the passage or
                passages of each, or one passage for all.
            response: The answer; for many queries, one for each.
            prompt: What the model was given; for many queries, one for each. By default the
                passages, and then the query.
            form_prompt: A function that makes the prompt from a query and its context, instead of
                `prompt`.

        Returns:
            A dictionary with `trustworthiness` and each evaluation; a list of them for many.

        Raises:
            SettingsError: The arguments contradict each other.
            TrustError: The response could not be scored. With many, each has its own error instead.
        """
        asked = rag_items_of(query, context, prompt, form_prompt, (response,))
        return self._loop_thread.run(self._score(*asked))

    async def score_async(
        self,
        *,
        query: Any,
        context: Any,
        response: Any,
        prompt: Any = None,
        form_prompt: FormPrompt | None = None,
    ) -> Any:
        """See `score`."""
        asked = rag_items_of(query, context, prompt, form_prompt, (response,))
        return await self._score(*asked)

    def generate(
        self,
        *,
        query: Any,
        context: Any,
        prompt: Any = None,
        form_prompt: FormPrompt | None = None,
    ) -> Any:
        """Answers one query or many and scores the answers. Arguments as for `score`.

        Evaluations that do not need the answer are made while it is being written.

        Returns:
            A dictionary with `response`, `trustworthiness` and each evaluation; a list of them
            for many.

        Raises:
            SettingsError: The arguments contradict each other.
            TrustError: The query could not be answered, or its answer could not be scored. With
                many, each has its own error instead.
        """
        asked = rag_items_of(query, context, prompt, form_prompt)
        return self._loop_thread.run(self._generate(*asked))

    async def generate_async(
        self,
        *,
        query: Any,
        context: Any,
        prompt: Any = None,
        form_prompt: FormPrompt | None = None,
    ) -> Any:
        """See `generate`."""
        asked = rag_items_of(query, context, prompt, form_prompt)
        return await self._generate(*asked)

    def get_explanation(
        self,
        *,
        query: Any,
        context: Any,
        tlm_result: Any,
        response: Any = None,
        prompt: Any = None,
        form_prompt: FormPrompt | None = None,
    ) -> Any:
        """Explains the trustworthiness score of a result; see `TLM.get_explanation`.

        Args:
            query: What the user asked; for many results, one for each.
            context: The passages, as for `score`.
            tlm_result: What `score` or `generate` returned.
            response: The answer, if the result has none; for many results, one for each.
            prompt: As for `score`.
            form_prompt: Likewise.

        Returns:
            A string; a list of strings for many.

        Raises:
            SettingsError: The arguments contradict each other, or a result has no score.
            TrustError: The model gave no answer.
            BatchError: Some of many failed. It is raised once all have ended, with their results.
        """
        return self._loop_thread.run(
            self.get_explanation_async(
                query=query,
                context=context,
                tlm_result=tlm_result,
                response=response,
                prompt=prompt,
                form_prompt=form_prompt,
            )
        )

    async def get_explanation_async(
        self,
        *,
        query: Any,
        context: Any,
        tlm_result: Any,
        response: Any = None,
        prompt: Any = None,
        form_prompt: FormPrompt | None = None,
    ) -> Any:
        """See `get_explanation`."""
        return await self._explanations(
            tlm_result,
            response,
            lambda answers: rag_items_of(query, context, prompt, form_prompt, (answers,)),
        )

    async def _score(self, items: list[Item], is_one: bool) -> Any:
        outcomes = await self._outcomes(items, is_one, self._rag.score)
        return self._results(outcomes, is_one, with_response=False)

    async def _generate(self, items: list[Item], is_one: bool) -> Any:
        outcomes = await self._outcomes(items, is_one, self._rag.generate)
        return self._results(outcomes, is_one, with_response=True)

    def _results(self, outcomes: list[Outcome], is_one: bool, *, with_response: bool) -> Any:
        if is_one and outcomes[0].error is not None:
            raise outcomes[0].error
        for place, outcome in enumerate(outcomes):
            if not outcome.evaluations and outcome.error is not None:
                outcomes[place] = self._rag.whole(outcome, {})
        results = [
            outcome.to_rag_result(log=self._log, with_response=with_response)
            for outcome in outcomes
        ]
        if not self._rag.has_trustworthiness:
            for result in results:
                del result["trustworthiness"]
        return results[0] if is_one else results
