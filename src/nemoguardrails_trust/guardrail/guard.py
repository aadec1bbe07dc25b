"""The one path that every check of an answer takes."""

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

from nemoguardrails.types import LLMModel

from nemoguardrails_trust.errors import (
    DataError,
    ScoringError,
    SettingsError,
    SetupError,
    TrustError,
)
from nemoguardrails_trust.exchange import Exchange
from nemoguardrails_trust.guardrail import messages
from nemoguardrails_trust.guardrail.bot_models import BotModels
from nemoguardrails_trust.guardrail.cache import ScoreCache
from nemoguardrails_trust.guardrail.evaluated import failing, held_to_evaluations
from nemoguardrails_trust.guardrail.measuring import CheckFigures
from nemoguardrails_trust.guardrail.missing import MissingSignals, held_to
from nemoguardrails_trust.guardrail.outcome import (
    Consequence,
    TrustOutcome,
    make_message,
    make_outcome,
)
from nemoguardrails_trust.guardrail.publishing import publish
from nemoguardrails_trust.guardrail.settings import TrustSettings
from nemoguardrails_trust.guardrail.watching.prefetch import Prefetch
from nemoguardrails_trust.models.base import Ask
from nemoguardrails_trust.models.deadline import time_limit, whole_deadline
from nemoguardrails_trust.models.prompts import prompt_messages
from nemoguardrails_trust.scorers.base import SCORERS, Scorer
from nemoguardrails_trust.scorers.logged import kind_and_place, loggable, loggable_reason
from nemoguardrails_trust.scorers.safely import score_safely, settled
from nemoguardrails_trust.scores import Status, TrustworthinessScore, Usage

_log = logging.getLogger(__name__)

Render = Callable[[str, Mapping[str, Any]], str | None]


class Guard:
    """Scores answers and decides about them. It never raises and never outlasts its timeout.

    Args:
        settings: The rail's settings.
        models: The models that it may use.

    Raises:
        MissingDependencyError: Metrics are wanted, and OpenTelemetry is not installed.
    """

    def __init__(self, settings: TrustSettings, models: BotModels) -> None:
        self.settings = settings
        self.models = models
        self._cache = ScoreCache(settings.cache)
        self._is_scorer_ours = settings.scorer in SCORERS
        self._missing = MissingSignals(tells_reasons=self._is_scorer_ours)
        self._figures = CheckFigures(settings)
        self._settings_for = lru_cache(maxsize=64)(lambda items: settings.overridden(dict(items)))

    def settings_with(self, overrides: Mapping[str, Any]) -> TrustSettings:
        """The settings with those of a flow's line over them.

        Raises:
            SettingsError: A value is out of range.
        """
        if not overrides:
            return self.settings
        try:
            return self._settings_for(tuple(sorted(overrides.items())))
        except TypeError:  # a list or an object, which is no value of any setting
            return self.settings.overridden(overrides)

    async def check(
        self,
        exchange: Exchange,
        llm: LLMModel | None,
        *,
        overrides: Mapping[str, Any] | None = None,
        render: Render | None = None,
        prefetched: Prefetch | None = None,
        unseen: str | None = None,
        earlier: TrustOutcome | None = None,
        started: float | None = None,
    ) -> TrustOutcome:
        """Checks one answer.

        Args:
            exchange: The answer, and what its model was given.
            llm: The model that samples and judges, as NeMo Guardrails holds it.
            overrides: Settings of this call, over the rail's own.
            render: Gives the user's own message for an answer and the verdict on it, or `None`
                for ours.
            prefetched: Samples that are already being drawn.
            unseen: Why the exchange is not all that the model was given; it is not scored then.
            earlier: What another of the rail's lines made of the answer in this turn. It stands
                where this one would let the answer pass.
            started: When the check began, a time of `time.perf_counter`; now by default.
        """
        started = time.perf_counter() if started is None else started
        try:
            outcome = await self._checked(
                exchange, llm, overrides or {}, render, prefetched, unseen, started
            )
        except Exception as error:  # noqa: BLE001 - a score of a user's own scorer may hold anything
            _log.debug("the check failed", exc_info=error)
            failure = ScoringError(f"the check failed: {type(error).__name__}")
            result = _unscored(failure, self.settings.scorer, started)
            answer = exchange.response
            outcome = _decide(result, self.settings, answer, answer, {}, render)
        if earlier is not None and outcome.consequence == "none":
            outcome = earlier
        return self._published(outcome)

    async def _checked(
        self,
        exchange: Exchange,
        llm: LLMModel | None,
        overrides: Mapping[str, Any],
        render: Render | None,
        prefetched: Prefetch | None,
        unseen: str | None,
        started: float,
    ) -> TrustOutcome:
        settings, answer = self.settings, exchange.response
        extra: Mapping[str, Any] = {}
        with self._figures.checking():
            try:
                settings = self.settings_with(overrides)
            except SettingsError as error:
                result = _unscored(error, settings.scorer, started)
            else:
                if unseen is None:
                    result = await self._score(exchange, llm, settings, started, prefetched)
                else:
                    result = _unscored(ScoringError(unseen), settings.scorer, started)
            finally:
                if prefetched is not None:
                    prefetched.drop()
            if settings.on_untrustworthy == "regenerate" and _is_low(result, settings):
                again = await self._regenerate(exchange, llm, settings, result, started)
                answer, result, extra = again
        if missing := self._missing.count(result):
            extra = {**extra, "missing": missing}
        return _decide(result, settings, exchange.response, answer, extra, render)

    def _published(self, outcome: TrustOutcome) -> TrustOutcome:
        self._figures.decided(outcome.status)
        publish(outcome, self.settings.trace_scores)
        return outcome

    def unreadable(
        self, answer: str, error: Exception, render: Render | None = None
    ) -> TrustOutcome:
        """The outcome for an answer whose exchange could not be read; see `check`."""
        _log.debug("the exchange could not be read", exc_info=error)
        told = str(error) if isinstance(error, TrustError) else type(error).__name__
        failure = ScoringError(f"the exchange could not be read: {told}")
        # Of what could not be read, an error tells parts.
        cause = kind_and_place(error) if isinstance(error, DataError) else loggable(error)
        logged = f"the exchange could not be read: {cause}"
        result = _unscored(failure, self.settings.scorer, time.perf_counter(), logged)
        return self.decided(result, answer, render)

    def decided(
        self, result: TrustworthinessScore, answer: str, render: Render | None = None
    ) -> TrustOutcome:
        """The outcome for an answer whose score is known; see `check`."""
        return self._published(_decide(result, self.settings, answer, answer, {}, render))

    def pass_by(self, message: str) -> TrustOutcome:
        """The outcome for a message that is no answer: the configuration defines it."""
        outcome = make_message(message, threshold=self.settings.threshold)
        publish(outcome, None)
        return outcome

    async def _score(
        self,
        exchange: Exchange,
        llm: LLMModel | None,
        settings: TrustSettings,
        started: float,
        prefetched: Prefetch | None = None,
    ) -> TrustworthinessScore:
        """A score, or one without a value that says why."""
        if not exchange.response.strip():
            return _unscored(ScoringError("the answer is empty"), settings.scorer, started)
        left = max(settings.timeout - (time.perf_counter() - started), 0.0)
        limit = time_limit(settings.timeout)
        try:
            claims = settings.scores_claims
            scorer = self._scorer(llm, claims=claims)
            # A decision that was made early holds for its own threshold only.
            threshold = settings.threshold if settings.rounds > 1 else None
            with self._figures.scoring(), whole_deadline(left, limit=limit):
                result = await self._cache.get(
                    (*_key(exchange), threshold, claims),
                    lambda: score_safely(
                        scorer,
                        exchange,
                        timeout=left,
                        decide_at=threshold,
                        prefetched=None if prefetched is None else prefetched.take(),
                    ),
                )
        except TrustError as error:
            _log.debug("there is no score", exc_info=error)
            return _unscored(error, settings.scorer, started, loggable(error))
        except Exception as error:  # noqa: BLE001 - NeMo Guardrails' model may be of the user's own class
            failure = ScoringError(f"the model could not be used: {type(error).__name__}")
            return _unscored(failure, settings.scorer, started)
        result = held_to(result, require=settings.require, min_signals=settings.min_signals)
        result = held_to_evaluations(result)
        if result.score is None:
            self._warn(result)
        return result if result.scorer else replace(result, scorer=settings.scorer)

    def _warn(self, result: TrustworthinessScore) -> None:
        """Warns of a score without a value, in words of this package's only."""
        told = result.error
        if not self._is_scorer_ours:
            _log.debug("an answer could not be scored: %s", told)
            told = loggable_reason(result.failures)
        _log.warning("an answer could not be scored: %s", told)

    def _scorer(self, llm: LLMModel | None, *, claims: bool) -> Scorer:
        """What scores, with the sentences where they are wanted and can be had.

        Raises:
            TrustError: It cannot be built.
        """
        if not claims or self.settings.scores_claims:
            return self.models.scorer_for(llm)
        try:  # `mark` stands on the flow's line alone
            return self.models.scorer_for(llm, claims=True)
        except SetupError as error:
            _log.warning("sentences were neither scored nor marked: %s", error)
            return self.models.scorer_for(llm)

    async def _regenerate(
        self,
        exchange: Exchange,
        llm: LLMModel | None,
        settings: TrustSettings,
        first: TrustworthinessScore,
        started: float,
    ) -> tuple[str, TrustworthinessScore, dict[str, Any]]:
        """Asks the bot's model once more, and keeps the better of both answers."""
        extra: dict[str, Any] = {"regenerated": False}
        answer = await self._ask_again(exchange, llm, settings, started)
        if answer is None or answer.strip() == exchange.response.strip():
            return exchange.response, first, extra
        second = await self._score(
            Exchange(answer, exchange.messages, exchange.context), llm, settings, started
        )
        if second.score is None or _rank(first) >= _rank(second):
            return exchange.response, first, extra
        return answer, second, {"regenerated": True, "first_score": first.score}

    async def _ask_again(
        self, exchange: Exchange, llm: LLMModel | None, settings: TrustSettings, started: float
    ) -> str | None:
        model = self.models.model_for(llm)
        if model is None:
            _log.warning("cannot ask again: the configuration has no model")
            return None
        left = settings.timeout - (time.perf_counter() - started)
        try:
            asking = model.complete(Ask(prompt_messages(exchange), "answer", temperature=1.0))
            reply = await settled(asking, timeout=max(left, 0.0), what="the bot's model")
        except TrustError as error:
            _log.warning("cannot ask again: %s", error)
            return None
        return reply.completions[0].text


def _key(exchange: Exchange) -> tuple[str, bool]:
    """What a kept score is found by.

    A server's probabilities differ in their last digits from one answer to the same next one.
    """
    known = exchange.token_logprobs is not None
    bare = exchange.without_probabilities() if known else exchange
    return bare.fingerprint(), known


def _is_low(result: TrustworthinessScore, settings: TrustSettings) -> bool:
    low = result.score is not None and result.score < settings.threshold
    return low or bool(failing(result))


def _rank(result: TrustworthinessScore) -> tuple[bool, float]:
    """Of two answers the one that passes its evaluations is the better one, then the score."""
    return not failing(result), result.score or 0.0


def _unscored(
    error: Exception, scorer: str, started: float, logged: str | None = None
) -> TrustworthinessScore:
    """A score without a value, of which the log says no more than it may."""
    told = logged or f"{type(error).__name__}: {error}"
    _log.warning("an answer could not be scored: %s", told)
    usage = Usage(seconds=time.perf_counter() - started)
    return TrustworthinessScore(None, scorer=scorer, error=str(error), usage=usage)


def _decide(
    result: TrustworthinessScore,
    settings: TrustSettings,
    original: str,
    answer: str,
    extra: Mapping[str, Any],
    render: Render | None,
) -> TrustOutcome:
    status, consequence = _verdict(result, settings)
    marked = None
    if consequence == "mark":
        marked = messages.with_marks(
            answer,
            result.claims or (),
            threshold=settings.threshold,
            mark=settings.mark_text,
        )
        consequence = "warn" if marked is None else "mark"
    verdict = {
        "trustworthiness_score": result.score,
        "threshold": settings.threshold,
        "status": status,
        "explanation": result.explanation,
    }
    text = marked or answer
    if consequence not in ("none", "mark"):
        text = _message(answer, verdict, consequence, render)
    return make_outcome(
        result,
        threshold=settings.threshold,
        status=status,
        consequence=consequence,
        text=text,
        answer=original,
        kept=answer,
        extra=extra,
    )


def _verdict(result: TrustworthinessScore, settings: TrustSettings) -> tuple[Status, Consequence]:
    # An answer that was asked for again and is still low gets the caution.
    below: Consequence = (
        "warn" if settings.on_untrustworthy == "regenerate" else settings.on_untrustworthy
    )
    if _is_low(result, settings):
        return "untrustworthy", below
    if result.score is not None:
        return "trusted", "none"
    if settings.on_error == "allow":
        return "unchecked", "none"
    return "unchecked", "block" if settings.on_error == "block" else below


def _message(
    answer: str, verdict: Mapping[str, Any], consequence: Consequence, render: Render | None
) -> str:
    if render is not None:
        # A message in place of the answer must not bring the answer back in.
        own = render("" if consequence == "block" else answer, verdict)
        if own is not None:
            return own
    if consequence == "warn":
        return messages.with_caution(answer, checked=verdict["status"] == "untrustworthy")
    return messages.WITHHELD
