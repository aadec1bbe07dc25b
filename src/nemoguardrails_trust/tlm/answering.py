"""One prompt: its answer, and how far that can be trusted."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import TypeVar

from nemoguardrails_trust.errors import (
    ModelResponseError,
    ModelTimeoutError,
    ScoringError,
    TrustError,
)
from nemoguardrails_trust.exchange import Exchange, Message
from nemoguardrails_trust.models.base import Completion, LanguageModel, Reply
from nemoguardrails_trust.models.deadline import whole_deadline
from nemoguardrails_trust.models.prompts import (
    SAMPLING_TEMPERATURE,
    prompt_messages,
    sample_messages,
)
from nemoguardrails_trust.scorers.base import Scorer
from nemoguardrails_trust.scorers.local.scorer import LocalScorer
from nemoguardrails_trust.scores import TrustworthinessScore
from nemoguardrails_trust.signals.probability import probability_signal
from nemoguardrails_trust.tlm.outcomes import (
    Outcome,
    failed,
    note_failure,
    noted_failures,
    noted_refusal,
)
from nemoguardrails_trust.tlm.questions import Item, Question, correction, matching

_log = logging.getLogger(__name__)

_TRIES = 2  # for an answer that is one of those allowed
_GRACE = 0.25  # seconds, in which what came in time is still made use of

Result = TypeVar("Result")
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
        hides_probabilities: Whether the scorer is to do without the tokens' probabilities.
    """

    model: Callable[[], LanguageModel]
    scorer: Scorer
    candidates: int
    max_tokens: int | None
    samples: int
    timeout: float
    hides_probabilities: bool

    async def prompt(self, item: Item) -> Outcome:
        """Answers a prompt and scores the answer."""
        return await self._settled(item, self._prompt)

    async def score(self, item: Item) -> Outcome:
        """Scores the response that was given."""
        return await self._settled(item, self._score)

    async def _settled(
        self, item: Item, work: Callable[[Question, float], Awaitable[Outcome]]
    ) -> Outcome:
        with noted_failures(), whole_deadline(self.timeout):
            end = asyncio.get_running_loop().time() + self.timeout + _GRACE
            try:
                return await work(item.read(), end)
            except TrustError as error:
                return failed(error)

    async def _score(self, question: Question, end: float) -> Outcome:
        exchange = Exchange(question.response, question.messages, question.context)
        return await self._scored(exchange, end)

    async def _prompt(self, question: Question, end: float) -> Outcome:
        model = self.model()
        async with self._samples_beside(model, question) as samples:
            answers = await self._in_time(self._answers(model, question), end)
            outcomes = await asyncio.gather(
                *(self._scored_answer(question, each, samples, end) for each in answers)
            )
        return max(outcomes, key=lambda each: -1.0 if each.value is None else each.value)

    async def _scored_answer(
        self, question: Question, answer: Completion, samples: Samples | None, end: float
    ) -> Outcome:
        logprobs = None
        if answer.tokens:
            logprobs = tuple(each.logprob for each in answer.tokens)
        exchange = Exchange(answer.text, question.messages, question.context, logprobs)
        perplexity = probability_signal(logprobs).value
        if self.hides_probabilities:
            exchange = replace(exchange, token_logprobs=None)
        outcome = await self._scored(exchange, end, samples)
        return replace(outcome, response=answer.text, perplexity=perplexity)

    async def _scored(
        self, exchange: Exchange, end: float, samples: Samples | None = None
    ) -> Outcome:
        try:
            score = await self._in_time(self._score_of(exchange, samples), end)
        except TrustError as error:
            return failed(error)
        if score.score is not None:
            return Outcome(score=score)
        if asyncio.get_running_loop().time() >= end - _GRACE:
            note_failure(ModelTimeoutError("the time was up"))
        reason = score.error or "the scorer gave no score and no reason"
        # The scorer has made an ordinary failure of a refused key, which it is not.
        return failed(noted_refusal() or ScoringError(reason))

    async def _score_of(self, exchange: Exchange, samples: Samples | None) -> TrustworthinessScore:
        scorer = self.scorer
        if samples is not None and isinstance(scorer, LocalScorer):
            # Shielded, since the samples are shared by all candidates.
            score = await scorer.score(exchange, prefetched=asyncio.shield(samples))
        else:
            score = await scorer.score(exchange)
        if not isinstance(score, TrustworthinessScore):
            raise ScoringError(
                f"the scorer gave a {type(score).__name__}, not a TrustworthinessScore"
            )
        return score

    async def _answers(self, model: LanguageModel, question: Question) -> list[Completion]:
        """The distinct answers, those only that are allowed.

        Raises:
            ModelResponseError: There is none.
        """
        asked = messages = prompt_messages(question.unanswered)
        for _ in range(_TRIES if question.allowed else 1):
            reply = await model.complete(
                asked,
                purpose="answer",
                n=self.candidates,
                max_tokens=self.max_tokens,
                top_logprobs=0,
            )
            found: dict[str, Completion] = {}
            for each in reply.completions:
                text = matching(each.text, question.allowed) if question.allowed else each.text
                if text is not None and text.strip():
                    found.setdefault(text.strip(), replace(each, text=text))
            if found:
                return list(found.values())
            said = reply.completions[0].text if reply.completions else ""
            told = Message("user", correction(question.allowed))
            asked = (*messages, Message("assistant", said), told)
        if question.allowed:
            raise ModelResponseError(
                f"the model's answer is none of constrain_outputs, asked {_TRIES} times"
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
            sample_messages(question.unanswered),
            purpose="sample",
            n=self.samples,
            temperature=SAMPLING_TEMPERATURE,
            max_tokens=self.max_tokens,
        )

    async def _in_time(self, work: Awaitable[Result], end: float) -> Result:
        """Waits for a model or a scorer, which may be the user's own.

        Raises:
            TrustError: It failed, in whatever way, or did not end in time.
        """
        try:
            async with asyncio.timeout_at(end):
                return await work
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            raise ScoringError("a call was cancelled from within") from None
        except TrustError:
            raise
        except TimeoutError:
            raise ModelTimeoutError(f"nothing came within {self.timeout:g} s") from None
        except Exception as error:
            # Its text may hold a key; whoever debugs finds it as the cause.
            name = type(error).__name__
            _log.warning("a scorer or model of the user's own failed with %s", name)
            raise ScoringError(f"the scorer or the model failed with {name}") from error
