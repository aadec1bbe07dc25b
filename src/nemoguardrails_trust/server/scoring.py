"""Answers and scores in the form of the TLM protocol."""

from collections.abc import Awaitable, Sequence
from dataclasses import replace
from typing import Any

from nemoguardrails_trust.errors import DataError, ScoringError, TrustError
from nemoguardrails_trust.exchange import Exchange
from nemoguardrails_trust.models.base import Reply
from nemoguardrails_trust.models.deadline import calls_deadline, time_left
from nemoguardrails_trust.scorers.evaluating import score_beside
from nemoguardrails_trust.scorers.observing import threshold_in_force
from nemoguardrails_trust.scorers.safely import score_safely, settled
from nemoguardrails_trust.scores import TrustworthinessScore
from nemoguardrails_trust.server.backends import Backends
from nemoguardrails_trust.server.bodies import PromptBody, ScoreBody
from nemoguardrails_trust.server.counting import counted_for
from nemoguardrails_trust.server.wanted import FIELDS, Wanted, read_wanted
from nemoguardrails_trust.signals.probability import probability_signal
from nemoguardrails_trust.tlm.answering import is_unmet
from nemoguardrails_trust.tlm.fields import field_scores, judge_fields
from nemoguardrails_trust.tlm.outcomes import Outcome, claims_to_result
from nemoguardrails_trust.tlm.questions import Item, read_allowed

_NO_REASON = "The model gave no reason for its judgement."


class Scoring:
    """Answers prompts and scores responses as clients of the TLM protocol ask for it.

    Args:
        backends: The models.
        timeout: Seconds for a whole request; a client may ask for less.
    """

    def __init__(self, backends: Backends, timeout: float) -> None:
        self._backends = backends
        self._timeout = timeout

    async def prompt(self, body: PromptBody) -> dict[str, Any]:
        """Answers a prompt and scores the answer.

        Raises:
            TrustError: There is no answer, or no score.
        """
        wanted = read_wanted(body.quality, body.options, body.task)
        item = Item(body.prompt, None, read_allowed(body.constrain_outputs or None))
        work = self._backends.parts(wanted).answerer.prompt(item)
        outcome = await self.outcome_of(work, wanted, what="the answer")
        if outcome.score is None:
            raise ScoringError("there is no score")
        _require_criteria(outcome.score)
        told = self._told(wanted, outcome.score, outcome.perplexity)
        return {"response": outcome.response, **told}

    async def score(self, body: ScoreBody) -> dict[str, Any]:
        """Scores a response.

        Raises:
            TrustError: There is no score.
        """
        wanted = read_wanted(body.quality, body.options, body.task)
        given = body.given
        allowed = read_allowed(given.constrain_outputs or body.constrain_outputs or None)
        item = Item(body.prompt, None, allowed, given.response, True, given.perplexity)
        score = _require_score(wanted, await self.rated(wanted, exchange_of(item)))
        _require_criteria(score)
        return self._told(wanted, score, given.perplexity)

    async def explain(self, body: ScoreBody) -> dict[str, Any]:
        """Tells why a response has its score.

        Raises:
            DataError: The response has no score.
            TrustError: No reason could be had.
        """
        given = body.given
        if given.trustworthiness_score is None:
            raise DataError(
                "response.trustworthiness_score is missing: there is nothing to explain"
            )
        told = (given.log or {}).get("explanation")
        if isinstance(told, str):
            return {"explanation": told}
        wanted = read_wanted(body.quality, body.options)
        item = Item(body.prompt, response=given.response, has_response=True)
        with counted_for(wanted, threshold_in_force()):
            reasons = await self._backends.evaluator(wanted).explain(
                exchange_of(item),
                given.trustworthiness_score,
                timeout=self.seconds(wanted),
            )
        return {"explanation": reasons or _NO_REASON}

    async def outcome_of(self, work: Awaitable[Outcome], wanted: Wanted, *, what: str) -> Outcome:
        """What some work brings in the time that a request has.

        Args:
            work: What answers and scores.
            wanted: The client's preset and options.
            what: What it brings, for messages.

        Raises:
            TrustError: It failed, or took too long.
        """
        seconds, threshold = self.seconds(wanted), self._backends.parts(wanted).threshold
        # The calls know the deadline too: what came in time is told.
        with calls_deadline(seconds), counted_for(wanted, threshold) as failures:
            outcome = await settled(work, timeout=seconds, what=what)
        if outcome.error is not None:
            raise reason_of(outcome.error, failures)
        return outcome

    async def rated(
        self,
        wanted: Wanted,
        exchange: Exchange,
        prefetched: Awaitable[Reply] | None = None,
        threshold: float | None = None,
    ) -> TrustworthinessScore:
        """Scores an exchange as a client wants it; the score may be `None`.

        Args:
            wanted: The client's preset and options.
            exchange: What to score.
            prefetched: Samples that are already being drawn.
            threshold: With what the client compares it; `None` takes that of the preset.

        Raises:
            SetupError: Nothing can be scored.
        """
        parts = self._backends.parts(wanted)
        if not wanted.has_trustworthiness:
            exchange = exchange.without_probabilities()  # of which a score would be made
        with counted_for(wanted, parts.threshold if threshold is None else threshold):
            return await score_safely(
                parts.scorer,
                exchange,
                timeout=min(self.seconds(wanted), time_left()),
                prefetched=prefetched,
            )

    async def rated_by_field(
        self,
        wanted: Wanted,
        exchange: Exchange,
        prefetched: Awaitable[Reply] | None = None,
        threshold: float | None = None,
    ) -> tuple[float | None, dict[str, Any]]:
        """Scores an exchange as `rated` does, and each field of its JSON where that is wanted.

        Returns:
            The score, where it is wanted, and the `log` of the answer.

        Raises:
            TrustError: There is no score.
        """
        rating = self.rated(wanted, exchange, prefetched, threshold)
        fields: dict[str, Any] = {}
        if FIELDS in wanted.log:
            seconds = min(self.seconds(wanted), time_left())
            with counted_for(wanted, threshold_in_force()):
                judging = judge_fields(self._backends.evaluator(wanted), exchange, timeout=seconds)
                score, judged = await score_beside(judging, rating)
            fields = {FIELDS: field_scores(judged, score)}
        else:
            score = await rating
        _require_score(wanted, score)
        value = score.score if wanted.has_trustworthiness else None
        perplexity = probability_signal(exchange.token_logprobs).value
        return value, self.log_of(wanted, score, perplexity) | fields

    def seconds(self, wanted: Wanted) -> float:
        """Seconds for a request."""
        return min(self._timeout, wanted.seconds or self._timeout)

    def _told(
        self, wanted: Wanted, score: TrustworthinessScore, perplexity: float | None
    ) -> dict[str, Any]:
        value = score.score if wanted.has_trustworthiness else None
        told: dict[str, Any] = {"confidence_score": value, "deberta_success": True}
        log = self.log_of(wanted, score, perplexity)
        if log or wanted.log:
            told["log"] = log
        return told

    def log_of(
        self, wanted: Wanted, score: TrustworthinessScore, perplexity: float | None = None
    ) -> dict[str, Any]:
        """What a client is told beside a score."""
        log: dict[str, Any] = {}
        notes = [*wanted.notes]
        if "explanation" in wanted.log:
            log["explanation"] = score.explanation or _NO_REASON
        if "perplexity" in wanted.log:
            if perplexity is None:
                notes.append(
                    "perplexity is set to the score: the model gives no token probabilities"
                )
            log["perplexity"] = score.score if perplexity is None else perplexity
        if "claims" in wanted.log:
            log["claims"] = claims_to_result(score)
        if "criteria" in score.metadata:
            log["custom_eval_criteria"] = [
                {name: value for name, value in criterion.items() if name != "error" or value}
                for criterion in score.metadata["criteria"]
            ]
        if score.error is not None and wanted.has_trustworthiness:
            notes.append(score.error)
        notes += self._backends.notes_on(wanted) if notes or log else ()
        if notes:
            log["warning"] = "; ".join(notes)
        return log


def exchange_of(item: Item) -> Exchange:
    """A prompt and its response, as a scorer sees them.

    Raises:
        DataError: A part of it cannot be read, or there is nothing in the response to check.
    """
    question = item.read()
    if not question.response.strip():
        raise DataError("the response is empty: there is nothing to score")
    return replace(question.unanswered, response=question.response, tokens=question.tokens)


def _require_score(wanted: Wanted, score: TrustworthinessScore) -> TrustworthinessScore:
    """The score, where it holds what a client wants of it.

    Raises:
        TrustError: It does not; why.
    """
    if score.score is None and (wanted.has_trustworthiness or is_unmet(score)):
        raise reason_of(ScoringError(score.error), score.failures)
    return score


def _require_criteria(score: TrustworthinessScore) -> None:
    """Makes sure that each criterion has a number: stock clients reckon with it unseen.

    Raises:
        TrustError: One has none; why.
    """
    unmet = [
        f"{criterion['name']}: {criterion['error']}"
        for criterion in score.metadata.get("criteria", ())
        if criterion["score"] is None
    ]
    if unmet:
        raise reason_of(ScoringError("; ".join(unmet)), score.failures)


def reason_of(error: TrustError, failures: Sequence[TrustError]) -> TrustError:
    """The failure by which a client knows whether and when to ask again.

    Args:
        error: Why there is no score; for several reasons together, an error of no kind.
        failures: Those of which it is made.
    """
    if type(error) is not ScoringError or not failures:
        return error
    alike = next((failure for failure in failures if str(failure) == str(error)), None)
    lasting = alike or failures[0]
    return next((failure for failure in failures if failure.is_retryable), lasting)
