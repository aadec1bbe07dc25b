"""The making of evaluations: one judgement each, all at once."""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from nemoguardrails_trust.errors import ModelResponseError, TrustError
from nemoguardrails_trust.exchange import Exchange
from nemoguardrails_trust.models.base import LanguageModel
from nemoguardrails_trust.models.deadline import calls_deadline, time_left
from nemoguardrails_trust.models.limits import Limits
from nemoguardrails_trust.scorers.local.calls import Calls
from nemoguardrails_trust.scorers.local.fields import FIELDS_AT_ONCE, FieldJudgement
from nemoguardrails_trust.scorers.local.judge import Judge
from nemoguardrails_trust.scorers.safely import settled
from nemoguardrails_trust.scores import CallUsage, Signal
from nemoguardrails_trust.signals.evaluations import Eval, Evidence, evaluation_messages

Evaluated = Signal | TrustError
"""A score, or why there is none."""

OnSpent = Callable[[Sequence[CallUsage]], None]


class Evaluator:
    """Has a model judge exchanges by criteria, or tell why they have their scores.

    One evaluator serves any number of exchanges at once, on any number of event loops.
    """

    def __init__(
        self, model: LanguageModel, *, concurrency: int = 64, on_spent: OnSpent | None = None
    ) -> None:
        """Sets the evaluator up; nothing is called yet.

        The concurrency holds on an event loop, over all exchanges; `on_spent` is told what each
        judging by criteria or fields cost, failed ones included.
        """
        self._judge = Judge(model)
        self._limits = Limits(concurrency)
        self._on_spent = on_spent

    async def evaluate(
        self,
        evaluations: Sequence[Eval],
        evidence: Evidence,
        *,
        timeout: float,
        spent: list[CallUsage] | None = None,
    ) -> Mapping[str, Evaluated]:
        """Makes the evaluations, one call each, all at once.

        Args:
            evaluations: What to judge by.
            evidence: What to judge.
            timeout: Seconds for all of them.
            spent: Gets what each call cost.

        Returns:
            By name in their order, what each brought. No failure raises.
        """
        with self._counted(spent) as calls, calls_deadline(timeout):
            found = await asyncio.gather(
                *(
                    self._evaluated(evaluation, evidence, calls, timeout)
                    for evaluation in evaluations
                )
            )
        return {
            evaluation.name: value for evaluation, value in zip(evaluations, found, strict=True)
        }

    async def explain(self, exchange: Exchange, score: float, *, timeout: float) -> str:
        """Has the model say why a response has the score that it has, by one call.

        Args:
            exchange: What was scored.
            score: Its trustworthiness score, 0 to 1.
            timeout: Seconds.

        Returns:
            The reasons; empty where the model gave none.

        Raises:
            TrustError: No answer could be had.
        """
        with self._counted(None) as calls, calls_deadline(timeout):
            work = self._judge.explain(exchange, score, calls)
            return await settled(work, timeout=timeout, what="the judge")

    async def judge_fields(
        self,
        exchange: Exchange,
        names: Sequence[str],
        *,
        timeout: float,
        spent: list[CallUsage] | None = None,
    ) -> Mapping[str, FieldJudgement | TrustError]:
        """Judges the fields of a JSON response, all at once, many of them by one call.

        Args:
            exchange: What to judge.
            names: The fields.
            timeout: Seconds for all of them.
            spent: Gets what each call cost.

        Returns:
            By name in their order, what each brought. No failure raises.
        """
        parts = [
            names[start : start + FIELDS_AT_ONCE] for start in range(0, len(names), FIELDS_AT_ONCE)
        ]

        async def judged(
            part: Sequence[str], calls: Calls
        ) -> Mapping[str, FieldJudgement | TrustError]:
            try:
                work = self._judge.judge_fields(exchange, part, calls)
                found = await settled(work, timeout=min(timeout, time_left()), what="the judge")
            except TrustError as error:
                return dict.fromkeys(part, error)
            missing = ModelResponseError("the judge did not rate this field")
            return {name: found.get(name, missing) for name in part}

        with self._counted(spent) as calls, calls_deadline(timeout):
            found = await asyncio.gather(*(judged(part, calls) for part in parts))
        return {name: value for part in found for name, value in part.items()}

    @contextmanager
    def _counted(self, spent: list[CallUsage] | None) -> Iterator[Calls]:
        calls = Calls(self._limits)
        try:
            yield calls
        finally:
            if spent is not None:
                spent += calls.made
            if self._on_spent is not None:
                self._on_spent(calls.made)

    async def _evaluated(
        self, evaluation: Eval, evidence: Evidence, calls: Calls, timeout: float
    ) -> Evaluated:
        try:
            work = self._judge.verdict(evaluation_messages(evaluation, evidence), calls)
            return await settled(work, timeout=min(timeout, time_left()), what="the judge")
        except TrustError as error:
            return error
