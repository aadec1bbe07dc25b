"""One prompt: its answer, and how far that can be trusted."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

from nemoguardrails_trust.errors import ModelResponseError, ScoringError, SettingsError, TrustError
from nemoguardrails_trust.exchange import Exchange, Message
from nemoguardrails_trust.models.base import Ask, Completion, LanguageModel, Reply
from nemoguardrails_trust.models.deadline import time_left, whole_deadline
from nemoguardrails_trust.models.prompts import (
    SAMPLING_TEMPERATURE,
    prompt_messages,
    sample_messages,
)
from nemoguardrails_trust.scorers.base import ClaimScorer, ClaimsOf, Scorer
from nemoguardrails_trust.scorers.local.evaluating import Evaluator
from nemoguardrails_trust.scorers.observing import told_as_one
from nemoguardrails_trust.scorers.safely import score_safely, settled
from nemoguardrails_trust.scores import TrustworthinessScore
from nemoguardrails_trust.signals.answer_tokens import letters_offered
from nemoguardrails_trust.signals.probability import probability_signal
from nemoguardrails_trust.tlm.fields import Judged, field_scores, judge_fields
from nemoguardrails_trust.tlm.outcomes import Outcome, failed
from nemoguardrails_trust.tlm.questions import Item, Question, correction, matching

_TRIES = 2  # for an answer that is one of those allowed
Samples = asyncio.Task[Reply]


@dataclass(frozen=True, slots=True)
class Answerer:
    """Answers and scores single prompts. No failure raises: it is part of the outcome.

    Attributes:
        model: Gives the model that answers.
        scorer: Scores the answers.
        candidates: How many answers are drawn, of which the best-scored is taken.
        max_tokens: The most tokens of an answer.
        samples: How many samples the scorer compares an answer with, where it takes samples that
            were drawn beside the answer; else 0.
        timeout: Seconds for a prompt, from its start to its score.
        is_scored: Whether a trustworthiness score is wanted, and not only the user's criteria.
        evaluator: Has the model judge the fields of JSON responses; `None` leaves them.
        hides_probabilities: Whether the scorer is to do without the tokens' probabilities.
        takes_last: Whether an answer that is none of those allowed counts as the last of them;
            else there is no answer then.
    """

    model: Callable[[], LanguageModel]
    scorer: Scorer
    candidates: int
    max_tokens: int | None
    samples: int
    timeout: float
    is_scored: bool
    evaluator: Evaluator | None
    hides_probabilities: bool
    takes_last: bool = False

    async def prompt(self, item: Item, *, told: Callable[[str], None] | None = None) -> Outcome:
        """Answers a prompt and scores the answer.

        Args:
            item: The prompt.
            told: Called with the response as soon as it is certain, which is before it is scored
                where there is but one candidate.
        """
        return await self._settled(item, lambda question: self._prompt(question, told))

    async def score(self, item: Item) -> Outcome:
        """Scores the response that was given."""
        return await self._settled(item, self._score)

    async def score_claims(self, item: Item) -> Outcome:
        """Scores the response that was given, and each of its sentences.

        Raises:
            SettingsError: The scorer cannot.
        """
        if not isinstance(self.scorer, ClaimScorer):
            raise SettingsError(
                "the scorer does not score sentences: it has no `async def "
                "score_claims(self, exchange)`; add one, or use the scorer 'local'",
                key="scorer",
            )
        return await replace(self, scorer=ClaimsOf(self.scorer)).score(item)

    async def _settled(self, item: Item, work: Callable[[Question], Awaitable[Outcome]]) -> Outcome:
        with whole_deadline(self.timeout):
            try:
                return await work(item.read())
            except TrustError as error:
                return failed(error)

    async def _score(self, question: Question) -> Outcome:
        return await self._scored(question.answered(question.response, question.tokens))

    async def _prompt(self, question: Question, told: Callable[[str], None] | None) -> Outcome:
        model = self.model()
        async with self._samples_beside(model, question) as samples:
            work = self._answers(model, question)
            answers = await settled(work, timeout=time_left(), what="the model")
            if told is not None and len(answers) == 1:
                told(answers[0].text)
            with told_as_one():
                outcomes = await asyncio.gather(
                    *(self._scored_answer(question, answer, samples) for answer in answers)
                )
        best = max(outcomes, key=lambda outcome: -1.0 if outcome.value is None else outcome.value)
        if told is not None and len(answers) > 1 and best.response is not None:
            told(best.response)
        return best

    async def _scored_answer(
        self, question: Question, answer: Completion, samples: Samples | None
    ) -> Outcome:
        exchange = question.answered(answer.text, answer.tokens or None)
        return replace(await self._scored(exchange, samples), response=answer.text)

    async def _scored(self, exchange: Exchange, samples: Samples | None = None) -> Outcome:
        judged: Judged = {}
        if self.evaluator is None:
            score = await self._whole(exchange, samples)
        else:
            judging = judge_fields(self.evaluator, exchange.answering(), timeout=time_left())
            score, judged = await asyncio.gather(self._whole(exchange, samples), judging)
        logprobs = exchange.token_logprobs
        perplexity = None if logprobs is None else probability_signal(logprobs).value
        error = self._error_of(score)
        if error is not None:
            return Outcome(perplexity=perplexity, error=error, retryable=score.is_retryable)
        fields = {} if self.evaluator is None else field_scores(judged, score)
        return Outcome(score=score, perplexity=perplexity, fields=fields)

    async def _whole(self, exchange: Exchange, samples: Samples | None) -> TrustworthinessScore:
        return await score_safely(
            self.scorer,
            exchange.without_probabilities() if self.hides_probabilities else exchange,
            timeout=time_left(),
            # Shielded, since the samples are shared by all candidates.
            prefetched=None if samples is None else asyncio.shield(samples),
        )

    def _error_of(self, score: TrustworthinessScore) -> TrustError | None:
        """Why there is nothing of what was asked for; `None` where there is something."""
        if score.score is not None or not (self.is_scored or is_unmet(score)):
            return None
        if not self.is_scored:
            criteria = score.metadata["criteria"]
            return ScoringError(
                "; ".join(f"{criterion['name']}: {criterion['error']}" for criterion in criteria)
            )
        # A failure that is the whole reason is told as it is, with its type and its cause.
        whole = (error for error in score.failures if str(error) == score.error)
        return next(whole, None) or ScoringError(score.error)

    async def _answers(self, model: LanguageModel, question: Question) -> list[Completion]:
        """The distinct answers, those only that are allowed.

        Raises:
            ModelResponseError: There is none.
        """
        asked = messages = prompt_messages(question.unanswered)
        for _ in range(_TRIES if question.allowed else 1):
            reply = await model.complete(
                Ask(
                    asked,
                    "answer",
                    n=self.candidates,
                    max_tokens=self.max_tokens,
                    top_logprobs=letters_offered(question.unanswered.question),
                )
            )
            found: dict[str, Completion] = {}
            for completion in reply.completions:
                text = (
                    matching(completion.text, question.allowed)
                    if question.allowed
                    else completion.text
                )
                if text is not None and text.strip():
                    found.setdefault(text.strip(), replace(completion, text=text))
            if found:
                return list(found.values())
            said = reply.completions[0].text if reply.completions else ""
            told = Message("user", correction(question.allowed))
            asked = (*messages, Message("assistant", said), told)
        if question.allowed and self.takes_last:
            return [Completion(question.allowed[-1])]
        if question.allowed:
            raise ModelResponseError(
                f"the model was asked {_TRIES} times, and its answer is not one of "
                "constrain_outputs"
            )
        raise ModelResponseError("the model gave an empty answer")

    @asynccontextmanager
    async def _samples_beside(
        self, model: LanguageModel, question: Question
    ) -> AsyncIterator[Samples | None]:
        """Draws the samples while the answer is being made, which they do not depend on."""
        if not self.samples:
            yield None
            return
        samples = asyncio.ensure_future(self._drawn(model, question))
        try:
            yield samples
        finally:
            samples.cancel()
            await asyncio.gather(samples, return_exceptions=True)

    async def _drawn(self, model: LanguageModel, question: Question) -> Reply:
        return await model.complete(
            Ask(
                sample_messages(question.unanswered),
                "sample",
                n=self.samples,
                temperature=SAMPLING_TEMPERATURE,
                max_tokens=self.max_tokens,
            )
        )


def is_unmet(score: TrustworthinessScore) -> bool:
    """Whether criteria were asked about, and there is no judgement by any of them."""
    criteria = score.metadata.get("criteria", ())
    return bool(criteria) and all(criterion["score"] is None for criterion in criteria)
