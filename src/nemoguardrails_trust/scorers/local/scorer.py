"""The scorer that uses the model you already have."""

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any

from nemoguardrails_trust.errors import TrustError
from nemoguardrails_trust.exchange import Exchange
from nemoguardrails_trust.models.base import LanguageModel, Reply
from nemoguardrails_trust.models.deadline import time_left, whole_deadline
from nemoguardrails_trust.models.limits import Limits
from nemoguardrails_trust.scorers.base import QualityPreset, ScorerSettings, ending_in_time
from nemoguardrails_trust.scorers.local.asking import Asker
from nemoguardrails_trust.scorers.local.calls import Calls, drop
from nemoguardrails_trust.scorers.local.claims import ScoredClaims, score_claims, sentences_of
from nemoguardrails_trust.scorers.local.judge import Judge
from nemoguardrails_trust.scorers.local.presets import Plan, plan_for
from nemoguardrails_trust.scorers.local.run import EarlyStop, Run
from nemoguardrails_trust.scorers.local.telling import (
    consistency_of,
    criteria_met,
    error_of,
    explanation_of,
    given_signals,
)
from nemoguardrails_trust.scores import Signal, TrustworthinessScore, Usage
from nemoguardrails_trust.signals.combine import Weights, combine, default_weights
from nemoguardrails_trust.signals.probability import measured_in
from nemoguardrails_trust.signals.reflection import MOST_REFLECTIONS, Criterion, Task
from nemoguardrails_trust.signals.sentences import Sentences, require_splitter

_ORDER = ("reflection", "consistency", "probability")


class LocalScorer:
    """Scores with a language model, by reflection, consistency and token probability.

    One scorer can make any number of scores at once, on any number of event loops.

    Attributes:
        name: `local`.
        takes_media: `True`: pictures, recordings and files are sent along to the model.
    """

    name = "local"
    takes_media = True

    def __init__(
        self,
        model: LanguageModel,
        settings: ScorerSettings,
        *,
        samples: int | None = None,
        reflections: int | None = None,
        use_consistency: bool = True,
        task: Task = "default",
        max_tokens: int | None = None,
        criteria: Sequence[tuple[str, str]] | None = None,
        claims: bool | None = None,
        concurrency: int = 64,
        weights: Weights | None = None,
        transform: Callable[[float], float] | None = None,
    ) -> None:
        """Sets the scorer up.

        Args:
            model: The model that draws samples and judges.
            settings: The preset, the timeout of a score, and more.
            samples: How many samples to draw instead of the preset's number, at least 0.
            reflections: How often to ask the judge about the response instead of the preset's
                number, 0 to 3. Each question is worded differently; the signal is the mean.
            use_consistency: Whether to draw samples.
            task: What kind of responses are scored. It tells the judge what to look at in code, or
                in one of several allowed answers.
            max_tokens: The longest sample, in tokens; `None` leaves it to the server.
            criteria: Names and texts of your own criteria. Each costs one more call and does not
                affect the score; `metadata["criteria"]` lists the `name`, `score` and `error` of
                each.
            claims: Whether each sentence is scored too; `None` follows the settings.
            concurrency: The most calls at once on an event loop, for all scores; at least 1.
            weights: How much each signal counts. `None` uses the default weights, in which the
                weight of probability depends on what it was measured on.
            transform: A monotone map from 0..1 to 0..1, applied to every score.

        Raises:
            ValueError: `samples`, `reflections` or `concurrency` is out of range.
            MissingDependencyError: Sentences are scored, but the extra `claims` is not installed.
        """
        if reflections is not None and not 0 <= reflections <= MOST_REFLECTIONS:
            raise ValueError(
                f"reflections is {reflections}; it must be from 0 to {MOST_REFLECTIONS}"
            )
        if samples is not None and samples < 0:
            raise ValueError(f"samples is {samples}; it must be at least 0")
        self._model = model
        self._settings = settings
        self._judge = Judge(model, explain=settings.asks_for_reasons, task=task)
        self._samples = samples
        self._reflections = reflections
        self._use_consistency = use_consistency
        self._max_tokens = max_tokens
        self._criteria = tuple(Criterion(name, text) for name, text in criteria or ())
        self._claims = settings.scores_claims if claims is None else claims
        if self._claims:
            require_splitter()
        self._limits = Limits(concurrency)
        self._weights = weights
        self._transform = transform

    @property
    def quality(self) -> QualityPreset:
        """The preset that scores are made with, unless `score` is given another."""
        return self._settings.quality

    @property
    def samples_per_score(self) -> int:
        """How many samples of the question itself are drawn for a score; 0 if none."""
        return self._plan(self.quality, has_probability=False).own

    @property
    def scores_claims(self) -> bool:
        """Whether every score includes scores of the sentences."""
        return self._claims

    @property
    def server(self) -> str | None:
        """The address of the model's server; `None` if it is not known."""
        return getattr(self._model, "base_url", None)

    @property
    def model_name(self) -> str:
        """The name of the model that draws the samples."""
        return self._model.name

    @ending_in_time
    async def score(
        self,
        exchange: Exchange,
        *,
        quality: QualityPreset | None = None,
        decide_at: float | None = None,
        prefetched: Awaitable[Reply] | None = None,
    ) -> TrustworthinessScore:
        """Scores one exchange.

        A signal that cannot be measured is left out and named in the score's `error`. Without any
        signal, the score is `None`. A failure of the model never raises.

        Args:
            exchange: What to score.
            quality: A preset other than the scorer's.
            decide_at: The threshold, if only the decision matters. With more than one round in the
                settings, samples that cannot change the decision are then not requested. The score
                lies on the same side of the threshold as it would with all of them; `metadata`
                has `decided_early` and `samples_planned`.
            prefetched: Samples that are already being drawn, to use instead of requesting new ones.
                They are cancelled if they are not needed.

        Returns:
            The score, with `quality` and, for JSON answers, `fields` in its metadata.

        Raises:
            ScoringError: The response is thinking without an answer, or too long to read.
        """
        return await self._score(exchange, quality, decide_at, prefetched, claims=self._claims)

    async def score_claims(
        self,
        exchange: Exchange,
        *,
        quality: QualityPreset | None = None,
        prefetched: Awaitable[Reply] | None = None,
    ) -> TrustworthinessScore:
        """Scores one exchange and each sentence of its response.

        The sentences are compared with the same samples, and one more call asks the judge about all
        of them: whether they are correct or, with retrieved passages, whether those support them.
        A scorer without reflection does not make that call.

        Args:
            exchange: What to score.
            quality: A preset other than the scorer's.
            prefetched: Samples that are already being drawn.

        Returns:
            The score, with its `claims`. The metadata says how many `sentences` there are, and
            whether they are `all` of the response; only the first 100 are scored.

        Raises:
            ScoringError: The response is thinking without an answer, or too long to read.
            MissingDependencyError: The extra `claims` is not installed.
        """
        return await self._score(exchange, quality, None, prefetched, claims=True)

    async def _score(
        self,
        exchange: Exchange,
        quality: QualityPreset | None,
        decide_at: float | None,
        prefetched: Awaitable[Reply] | None,
        *,
        claims: bool,
    ) -> TrustworthinessScore:
        started = time.perf_counter()
        exchange = exchange.answering()
        sentences = sentences_of(exchange) if claims else None
        calls = Calls(self._limits)
        signals = given_signals(exchange)
        has_probability = bool(signals) and signals["probability"].value is not None
        plan = self._plan(quality or self.quality, has_probability=has_probability)
        early = None
        if decide_at is not None and self._settings.rounds > 1:
            # A prefetch brings all samples at once.
            rounds = self._settings.rounds if prefetched is None else 1
            early = EarlyStop(decide_at, rounds, partial(self._score_of, plan, signals))
        run = Run(
            exchange,
            plan,
            self._asker(exchange, calls, prefetched, sentences),
            early=early,
            criteria=self._criteria,
            signals=dict(signals),
        )
        try:
            # So that a model does not try again, or wait for a rate limit, past that time.
            with whole_deadline(self._settings.timeout, limit=self._settings.timeout):
                await run.gather(time_left())
                scored = None if sentences is None else await self._scored(sentences, run)
        finally:
            if prefetched is not None:
                drop(prefetched)
        usage = Usage.of_calls(tuple(calls.made), time.perf_counter() - started)
        failures = (*calls.failures, *([run.lateness] if run.lateness else ()))
        return self._result(run, quality or self.quality, usage, scored, failures)

    async def _scored(self, sentences: Sentences, run: Run) -> ScoredClaims:
        return await score_claims(
            sentences,
            run.exchange,
            verdicts=run.claim_verdicts or {},
            samples=() if run.comparison is None else run.comparison.samples,
            weights=self._weights,
            problem=run.claims_problem,
        )

    async def aclose(self) -> None:
        """Closes the model's connections on the running event loop."""
        await self._model.aclose()

    def _plan(self, quality: QualityPreset, *, has_probability: bool) -> Plan:
        return plan_for(
            quality,
            has_probability=has_probability,
            samples=self._samples,
            reflections=self._reflections,
            rephrase=self._settings.rephrase,
            use_consistency=self._use_consistency,
        )

    def _asker(
        self,
        exchange: Exchange,
        calls: Calls,
        prefetched: Awaitable[Reply] | None,
        sentences: Sentences | None,
    ) -> Asker:
        asked = () if sentences is None or self._reflections == 0 else sentences.listed
        texts = [sentence.text for sentence in asked]
        return Asker(exchange, self._model, self._judge, calls, self._max_tokens, texts, prefetched)

    def _score_of(
        self, plan: Plan, given: Mapping[str, Signal], signals: Mapping[str, float]
    ) -> float | None:
        """The score that signals make, monotone in each.

        Args:
            plan: What is asked for. Where every call of it fails, there is no score: how likely
                its tokens were does not stand for the check of an answer.
            given: The signals that were there before.
            signals: The values of all that there are.
        """
        asks = plan.reflects or plan.samples > 0
        if asks and signals.keys() <= given.keys():
            return None
        usual = default_weights(measured_in(given.get("probability")))
        score = combine(signals, self._weights or usual)
        if score is None or self._transform is None:
            return score
        return min(1.0, max(0.0, self._transform(score)))

    def _result(
        self,
        run: Run,
        quality: QualityPreset,
        usage: Usage,
        scored: ScoredClaims | None,
        failures: tuple[TrustError, ...],
    ) -> TrustworthinessScore:
        signals = run.signals | consistency_of(run)
        ordered = {name: signals[name] for name in _ORDER if name in signals}
        values = {
            name: signal.value for name, signal in ordered.items() if signal.value is not None
        }
        given = {name: signals[name] for name in signals.keys() & {"probability"}}
        score = self._score_of(run.plan, given, values)
        metadata: dict[str, Any] = {"quality": quality}
        if run.decided_early:
            metadata |= {"decided_early": True, "samples_planned": run.plan.samples}
        if run.comparison is not None and run.comparison.fields is not None:
            metadata["fields"] = dict(run.comparison.fields)
        if self._criteria:
            metadata["criteria"] = criteria_met(run)
        if scored is not None:
            metadata["claims"] = scored.told
        return TrustworthinessScore(
            score,
            signals=ordered,
            explanation=explanation_of(run, scored),
            alternatives=() if run.comparison is None else run.comparison.alternatives,
            usage=usage,
            scorer=self.name,
            error=error_of(ordered, run, has_score=score is not None),
            metadata=metadata,
            claims=None if scored is None else scored.claims,
            failures=failures,
        )
