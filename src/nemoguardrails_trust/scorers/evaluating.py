"""A scorer that has the model evaluate each exchange beside the making of its score."""

import asyncio
from collections.abc import Awaitable, Coroutine, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from nemoguardrails_trust.errors import TrustError
from nemoguardrails_trust.exchange import Exchange
from nemoguardrails_trust.models.base import LanguageModel, Reply
from nemoguardrails_trust.models.deadline import time_left
from nemoguardrails_trust.scorers.base import Scorer, samples_drawn_by
from nemoguardrails_trust.scorers.evaluations import (
    EVALUATIONS,
    EvaluationSettings,
    why_not_applicable,
)
from nemoguardrails_trust.scorers.local.evaluating import Evaluated, Evaluator
from nemoguardrails_trust.scorers.safely import score_safely
from nemoguardrails_trust.scores import CallUsage, TrustworthinessScore, Usage
from nemoguardrails_trust.signals.evaluations import Evidence

Found = TypeVar("Found")


class EvaluatingScorer:
    """A scorer that has the model evaluate each exchange too, beside the making of its score."""

    def __init__(
        self,
        scorer: Scorer,
        model: LanguageModel,
        evaluations: Sequence[EvaluationSettings],
        *,
        timeout: float,
        concurrency: int = 64,
    ) -> None:
        """Takes what scores, the model that evaluates, and the seconds for all of it."""
        self._scorer = scorer
        self._evaluator = Evaluator(model, concurrency=concurrency)
        self._chosen = [(chosen.evaluation(), chosen.threshold) for chosen in evaluations]
        self._timeout = timeout
        self.name: str = getattr(scorer, "name", "")
        self.samples_per_score = samples_drawn_by(scorer)

    def __getattr__(self, name: str) -> Any:
        # What is known of the scorer holds for it here, too: its model, preset and server, its
        # check and its end.
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self._scorer, name)

    async def score(
        self,
        exchange: Exchange,
        *,
        decide_at: float | None = None,
        prefetched: Awaitable[Reply] | None = None,
    ) -> TrustworthinessScore:
        """Scores one exchange; `evaluations` in the metadata has what each evaluation brought.

        Each has its `threshold`, and a `score`, or an `error`, or `not_applicable` with the reason.

        Raises:
            SetupError: The scorer cannot score anything.
        """
        timeout = min(self._timeout, time_left())
        spent: list[CallUsage] = []
        skipped = {
            evaluation.name: why
            for evaluation, _ in self._chosen
            if (why := why_not_applicable(evaluation, exchange)) is not None
        }
        fitting = [evaluation for evaluation, _ in self._chosen if evaluation.name not in skipped]
        evidence = Evidence(
            _conversation(exchange), exchange.context, exchange.response, exchange.media
        )
        score, found = await score_beside(
            self._evaluator.evaluate(fitting, evidence, timeout=timeout, spent=spent),
            score_safely(
                self._scorer,
                exchange,
                timeout=timeout,
                decide_at=decide_at,
                prefetched=prefetched,
            ),
        )
        told: dict[str, dict[str, Any]] = {}
        for evaluation, threshold in self._chosen:
            name = evaluation.name
            not_applicable = {"not_applicable": skipped.get(name)}
            brought = not_applicable if name in skipped else _told(found[name])
            told[name] = {"threshold": threshold, **brought}
        calls = tuple(replace(call, purpose="evaluation") for call in spent)
        return replace(
            score,
            usage=score.usage + Usage.of_calls(calls, 0.0),
            metadata={**score.metadata, EVALUATIONS: told},
        )


async def score_beside(
    judging: Coroutine[Any, Any, Found], scoring: Awaitable[TrustworthinessScore]
) -> tuple[TrustworthinessScore, Found]:
    """Waits for a score and for what is judged beside it, which ends with it where that fails."""
    beside = asyncio.ensure_future(judging)
    try:
        return await scoring, await beside
    finally:
        beside.cancel()
        await asyncio.gather(beside, return_exceptions=True)


def _conversation(exchange: Exchange) -> str:
    """What was asked: the turns of the conversation, without instructions."""
    turns = tuple(message for message in exchange.messages if message.role != "system")
    return Exchange("", turns).prompt


def _told(evaluated: Evaluated) -> dict[str, Any]:
    if isinstance(evaluated, TrustError):
        return {"score": None, "error": str(evaluated)}
    if evaluated.value is None:
        return {"score": None, "error": evaluated.error or "no reason given"}
    return {"score": evaluated.value}
