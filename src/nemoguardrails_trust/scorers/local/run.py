"""The making of one score: which calls are made when, and what they bring."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from nemoguardrails_trust.agreement import SAME
from nemoguardrails_trust.errors import ModelTimeoutError, TrustError
from nemoguardrails_trust.exchange import Exchange
from nemoguardrails_trust.models.base import CUT, Reply
from nemoguardrails_trust.models.deadline import time_limit
from nemoguardrails_trust.scorers.local.asking import Asker
from nemoguardrails_trust.scorers.local.early import Interval, Outlook, decides, score_range
from nemoguardrails_trust.scorers.local.presets import Plan
from nemoguardrails_trust.scorers.safely import end
from nemoguardrails_trust.scores import Signal
from nemoguardrails_trust.signals.consistency import (
    Comparison,
    compare,
    consistency_value,
    settled_agreement,
)
from nemoguardrails_trust.signals.reflection import Criterion, mean_reflection

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class EarlyStop:
    """When a run may end before everything has come."""

    threshold: float
    rounds: int  # in which samples are asked for
    score_of: Callable[[Mapping[str, float]], float | None]  # monotone in each signal


@dataclass(slots=True)
class Run:
    """Gathers the signals of one score.

    Attributes:
        signals: Those that were there before, then also the reflection; one without a value says
            why there is none.
        comparison: How the samples compare with the response, once there are any.
        criteria_met: A signal for each criterion, by its place.
        claim_verdicts: What the judge says of the sentences; `None` until then.
        claims_problem: Why there is nothing of that.
        problems: Why samples, or the judge's comparison of them, are missing.
        decided_early: Whether something was left out because it could not change the decision.
    """

    exchange: Exchange
    plan: Plan
    ask: Asker
    early: EarlyStop | None = None
    criteria: Sequence[Criterion] = ()
    signals: dict[str, Signal] = field(default_factory=dict)
    comparison: Comparison | None = None
    criteria_met: dict[int, Signal] = field(default_factory=dict)
    claim_verdicts: Mapping[int, float | None] | None = None
    claims_problem: str | None = None
    problems: list[str] = field(default_factory=list)
    lateness: ModelTimeoutError | None = None
    decided_early: bool = False
    _judgements: dict[int, Signal] = field(default_factory=dict)
    _samples: list[str] = field(default_factory=list)
    _rephrased: list[str] = field(default_factory=list)
    _rated: dict[str, float] = field(default_factory=dict)
    _samples_to_come: int = 0
    _rephrased_to_come: int = 0
    _comparison_to_come: bool = False

    async def gather(self, timeout: float) -> None:
        """Makes the calls and takes what they bring.

        Every call that is still open at the end, or when this is cancelled, is cancelled.

        Args:
            timeout: Seconds, after which the run makes do with what has come.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout
        # Samples of the question itself take the place of rephrasings that cannot be had.
        self._samples_to_come = self.plan.samples
        self._rephrased_to_come = self.plan.rephrased
        self._comparison_to_come = self.plan.settles
        wanted = [*map(asyncio.create_task, map(self._judge, range(len(self.criteria))))]
        if self.ask.sentences:
            wanted.append(asyncio.create_task(self._judge_claims()))
        deciding = [asyncio.create_task(self._reflect())] if self.plan.reflects else []
        if self.plan.own:
            deciding.append(asyncio.create_task(self._sample()))
        if self.plan.rephrased:
            deciding.append(asyncio.create_task(self._rephrase()))
        running = {*wanted, *deciding}
        # Where nothing can be decided early, there is nothing to do until all have come.
        until = asyncio.FIRST_COMPLETED if self.early else asyncio.FIRST_EXCEPTION
        try:
            while running:
                done, running = await asyncio.wait(
                    running, timeout=max(0.0, deadline - loop.time()), return_when=until
                )
                if not done:
                    self._note_lateness(timeout)
                    break
                for task in done:
                    task.result()
                if self.decided_early or self._stops_here():
                    # Criteria and claims are wanted for themselves, whatever the decision.
                    await end(deciding, "the model")
                    running = {task for task in wanted if not task.done()}
        finally:
            await end([*wanted, *deciding], "the model")

    async def _reflect(self) -> None:
        first, *others = map(self._reflect_once, range(self.plan.reflections))
        # The first at once, before the samples that are drawn beside it.
        await (asyncio.gather(first, *others) if others else first)
        views = range(self.plan.reflections)
        self.signals["reflection"] = mean_reflection([*map(self._judgements.__getitem__, views)])

    async def _reflect_once(self, view: int) -> None:
        self._judgements[view] = await _judged(self.ask.reflect(view))

    async def _judge(self, place: int) -> None:
        self.criteria_met[place] = await _judged(self.ask.meets(self.criteria[place]))

    async def _judge_claims(self) -> None:
        try:
            self.claim_verdicts = await self.ask.claims()
        except TrustError as error:
            self.claims_problem = str(error)

    async def _sample(self) -> None:
        """Draws the samples round by round, then has the judge settle what matching could not."""
        for count in self._rounds():
            if not await self._draw(count):
                break  # a server that fails is not asked for further rounds
            if self._stops_here():
                return
        if not self._rephrased_to_come:
            self._samples_to_come = 0
        if self._stops_here():
            return
        if self._comparison_to_come:
            await self._settle()
            self._comparison_to_come = False

    async def _draw(self, count: int) -> bool:
        """Draws samples of the question itself; tells whether any could be had."""
        try:
            reply = await self.ask.samples(count)
        except TrustError as error:
            self.problems.append(str(error))
            return False
        self._take(reply, count, self._samples)
        self._samples_to_come -= count
        return True

    async def _rephrase(self) -> None:
        """Draws answers to rephrasings, and samples in the place of those that cannot be had."""
        wanted = self.plan.rephrased
        try:
            rephrasings = list(await self.ask.rephrase(wanted))[:wanted]
        except TrustError as error:
            _log.debug("the question is not rephrased: %s", error)
            rephrasings = []
        self._rephrased_to_come = len(rephrasings)
        self._samples_to_come = max(0, self._samples_to_come - len(rephrasings))
        if self._stops_here():
            return
        lacking = wanted - len(rephrasings)
        await asyncio.gather(
            self._answer_rephrased(rephrasings),
            *([self._draw(lacking)] if lacking else []),
        )

    async def _answer_rephrased(self, rephrasings: Sequence[str]) -> None:
        if rephrasings:
            try:
                reply = await self.ask.rephrased(rephrasings)
            except TrustError as error:
                self.problems.append(str(error))
            else:
                self._take(reply, len(rephrasings), self._rephrased)
        self._rephrased_to_come = 0

    def _rounds(self) -> list[int]:
        """How many samples each round asks for, the larger rounds first."""
        rounds = min(self.early.rounds, self.plan.own) if self.early else 1
        least, more = divmod(self.plan.own, rounds)
        return [least + 1] * more + [least] * (rounds - more)

    def _take(self, reply: Reply, count: int, samples: list[str]) -> None:
        # A model that gives more than it was asked for must not change what a score means.
        for completion in reply.completions[:count]:
            if not completion.text.strip():
                self.problems.append("a sample has no answer")
            elif completion.finish_reason in CUT and not self._disagrees(completion.text):
                self.problems.append(f"a sample was cut off ({completion.finish_reason})")
            else:
                samples.append(completion.text)
        if not reply.completions and not reply.failures:
            self.problems.append("the model gave no samples")
        self.problems.extend(reply.failures)
        self._compare()

    def _compare(self) -> None:
        """Compares what there is, with the judge's word for what it has rated."""
        samples = [*self._samples, *self._rephrased]
        if not samples:
            return
        found = compare(
            self.exchange.response,
            samples,
            prompt=self.exchange.question,
            rephrased=len(self._rephrased),
        )
        rated = {i: self._rated[text] for i, text in enumerate(samples) if text in self._rated}
        self.comparison = found.with_settled(rated)

    def _disagrees(self, text: str) -> bool:
        """Whether what there is of an answer is enough to know that it is another one.

        It has to be so without the last word, too, which may be half a word or half a number.
        """
        whole_words = " ".join(text.split()[:-1])
        if not whole_words:
            return False
        cut = (text, whole_words)
        found = compare(self.exchange.response, cut, prompt=self.exchange.question).agreements
        return all(agreed.settled and agreed.value < SAME for agreed in found)

    async def _settle(self) -> None:
        if self.comparison is None or not self.comparison.unsettled:
            return
        texts = [self.comparison.samples[place] for place in self.comparison.unsettled]
        try:
            rated = await self.ask.compare(texts)
        except TrustError as error:
            self.problems.append(f"not compared by the judge: {error}")
        else:
            self._rated = {texts[i]: value for i, value in rated.items()}
            self._compare()

    def _stops_here(self) -> bool:
        """Whether something is still to come, and none of it can change the decision."""
        reflects = self.plan.reflects and "reflection" not in self.signals
        if self.early is None or not (reflects or self._to_come or self._unsettled_to_come()):
            return False
        agreements = self._agreements()
        own = len(self._samples)
        outlook = Outlook(
            known={
                name: signal.value
                for name, signal in self.signals.items()
                if signal.value is not None
            },
            open=("reflection",) if reflects else (),
            agreements=agreements[:own],
            samples_to_come=self._samples_to_come,
            rephrased=agreements[own:],
            rephrased_to_come=self._rephrased_to_come,
        )
        reachable = score_range(outlook, self.early.score_of, consistency_value)
        self.decided_early = decides(reachable, self.early.threshold)
        return self.decided_early

    @property
    def _to_come(self) -> int:
        return self._samples_to_come + self._rephrased_to_come

    def _agreements(self) -> list[Interval]:
        if self.comparison is None:
            return []
        open_places = self._unsettled_to_come()
        return [
            (settled_agreement(agreement.value, 0.0), settled_agreement(agreement.value, 1.0))
            if i in open_places
            else (agreement.value, agreement.value)
            for i, agreement in enumerate(self.comparison.agreements)
        ]

    def _unsettled_to_come(self) -> frozenset[int]:
        """The samples that the judge may still rate."""
        if self.comparison is None or not self._comparison_to_come:
            return frozenset()
        return frozenset(self.comparison.unsettled)

    def _note_lateness(self, timeout: float) -> None:
        late = f"no answer within {time_limit(timeout):.3g} s"
        self.lateness = ModelTimeoutError(late)
        if self.plan.reflects and "reflection" not in self.signals:
            views = range(self.plan.reflections)
            missing = Signal(None, error=late)
            had = [self._judgements.get(view, missing) for view in views]
            self.signals["reflection"] = mean_reflection(had)
        for place in range(len(self.criteria)):
            self.criteria_met.setdefault(place, Signal(None, error=late))
        if self.ask.sentences and self.claim_verdicts is None:
            self.claims_problem = self.claims_problem or late
        if self._to_come:
            self.problems.append(late)
        elif self._unsettled_to_come():
            self.problems.append(f"not compared by the judge: {late}")


async def _judged(judgement: Awaitable[Signal]) -> Signal:
    try:
        return await judgement
    except TrustError as error:
        return Signal(None, error=str(error))
