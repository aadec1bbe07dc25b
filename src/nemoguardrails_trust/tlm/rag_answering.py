"""One query with its passages: its answer, and how far every part of it can be trusted."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from nemoguardrails_trust.errors import TrustError
from nemoguardrails_trust.exchange import Exchange, read_messages
from nemoguardrails_trust.models.deadline import time_left, whole_deadline
from nemoguardrails_trust.models.prompts import require_sendable
from nemoguardrails_trust.scorers.local.evaluating import Evaluated, Evaluator
from nemoguardrails_trust.signals.evaluations import Eval, Evidence, only_calls_tools
from nemoguardrails_trust.tlm.answering import Answerer
from nemoguardrails_trust.tlm.outcomes import Outcome, failed
from nemoguardrails_trust.tlm.questions import Item


@dataclass(frozen=True, slots=True)
class RagAnswerer:
    """Answers, scores and evaluates single queries. No failure raises: it is in the outcome.

    Attributes:
        answerer: Answers, and makes the trustworthiness score.
        evaluator: Makes the evaluations.
        evals: The evaluations.
        tool_call_evals: Those that take the place of the ones that look at a response where it
            only calls tools; `None` evaluates such a response like any other.
        has_trustworthiness: Whether a given response is scored, and not only evaluated.
    """

    answerer: Answerer
    evaluator: Evaluator
    evals: tuple[Eval, ...]
    tool_call_evals: tuple[Eval, ...] | None
    has_trustworthiness: bool = True

    async def score(self, item: Item) -> Outcome:
        """Scores the response that was given, and evaluates it."""
        with whole_deadline(self.answerer.timeout):
            try:
                evidence = _evidence(item)
            except TrustError as error:
                return failed(error)
            chosen, passed_over = self._fitting(evidence.response)
            evaluations = self._evaluate(chosen, evidence)
            if not self.has_trustworthiness:
                return self.whole(Outcome(), await evaluations | passed_over)
            outcome, found = await asyncio.gather(self.answerer.score(item), evaluations)
            return self.whole(outcome, found | passed_over)

    async def generate(self, item: Item) -> Outcome:
        """Answers a query, scores the answer and evaluates it.

        What needs no answer is evaluated beside the making of it, and the rest as it comes.
        """
        with whole_deadline(self.answerer.timeout):
            try:
                evidence = _evidence(item)
            except TrustError as error:
                return failed(error)
            answer: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()

            async def answered() -> Outcome:
                try:
                    return await self.answerer.prompt(item, told=answer.set_result)
                finally:
                    if not answer.done():
                        answer.set_result(None)

            async def evaluated_answer() -> dict[str, Evaluated | None]:
                response = await answer
                if response is None:
                    return {}
                chosen, passed_over = self._fitting(response)
                _, late = _divided(chosen)
                whole = replace(evidence, response=response)
                return await self._evaluate(late, whole) | passed_over

            early, _ = _divided(self.evals)
            outcome, before, after = await asyncio.gather(
                answered(), self._evaluate(early, evidence), evaluated_answer()
            )
            return self.whole(outcome, before | after)

    def _fitting(self, response: str) -> tuple[list[Eval], dict[str, Evaluated | None]]:
        """The evaluations that apply to a response, and those that do not."""
        if self.tool_call_evals is None or not only_calls_tools(response):
            return list(self.evals), {}
        fitting, others = _divided(self.evals)
        return [*fitting, *self.tool_call_evals], {other.name: None for other in others}

    async def _evaluate(
        self, evaluations: list[Eval], evidence: Evidence
    ) -> dict[str, Evaluated | None]:
        return dict(await self.evaluator.evaluate(evaluations, evidence, timeout=time_left()))

    def whole(self, outcome: Outcome, found: Mapping[str, Evaluated | None]) -> Outcome:
        """The outcome with its evaluations in the order they were asked for."""
        # Where there is no response, the reason for that is why it was not evaluated.
        whole: dict[str, Evaluated | None] = {
            evaluation.name: outcome.error for evaluation in self.evals
        }
        whole.update(found)
        names = [evaluation.name for evaluation in (*self.evals, *(self.tool_call_evals or ()))]
        ordered = {name: whole[name] for name in names if name in whole}
        return replace(outcome, evaluations=ordered)


def _divided(evals: Sequence[Eval]) -> tuple[list[Eval], list[Eval]]:
    """The evaluations that do without a response, and those that look at it."""
    without = [evaluation for evaluation in evals if evaluation.response_identifier is None]
    looking = [evaluation for evaluation in evals if evaluation.response_identifier is not None]
    return without, looking


def _evidence(item: Item) -> Evidence:
    """What evaluations look at.

    Raises:
        DataError: A part of it is not what it must be.
    """
    query = Exchange("", read_messages(item.query, in_text=False, what="the query"))
    require_sendable(query)
    question = item.read()
    return Evidence(query.prompt, question.context, question.response, query.media)
