"""What one score asks of the models."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass

from nemoguardrails_trust.errors import DataError, TrustError
from nemoguardrails_trust.exchange import Exchange
from nemoguardrails_trust.models.base import Ask, LanguageModel, Reply
from nemoguardrails_trust.models.prompts import SAMPLING_TEMPERATURE, sample_messages
from nemoguardrails_trust.scorers.local.calls import Calls
from nemoguardrails_trust.scorers.local.judge import Judge
from nemoguardrails_trust.scores import Signal
from nemoguardrails_trust.signals.reflection import Criterion
from nemoguardrails_trust.signals.rephrasing import LONGEST, rephrasing_messages, rephrasings_of


@dataclass(slots=True)
class Asker:
    """Asks the models about one exchange. Each call raises `TrustError` if there is no answer.

    Attributes:
        exchange: What is scored.
        model: Draws samples and rephrasings.
        judge: Asks for judgements.
        calls: Makes the calls.
        max_tokens: The most tokens of a sample; `None` leaves it to the server.
        sentences: The response's sentences that the judge is to be asked about; empty where that
            is not wanted.
        prefetched: Samples that are already being drawn; taken by the first call for samples.
    """

    exchange: Exchange
    model: LanguageModel
    judge: Judge
    calls: Calls
    max_tokens: int | None
    sentences: Sequence[str] = ()
    prefetched: Awaitable[Reply] | None = None
    _drawn: int = 0

    async def samples(self, count: int) -> Reply:
        """Draws so many samples."""
        first = self._drawn
        self._drawn += count
        if self.prefetched is None:
            return await self._draw(self.exchange, count, first)
        taken, self.prefetched = self.prefetched, None
        return await self.calls.take(taken, "sample")

    async def reflect(self, view: int) -> Signal:
        """Asks the judge whether the response is correct, by one of several questions."""
        return await self.judge.reflect(self.exchange, self.calls, view)

    async def meets(self, criterion: Criterion) -> Signal:
        """Asks the judge whether the response meets a criterion."""
        return await self.judge.meets(self.exchange, self.calls, criterion)

    async def claims(self) -> Mapping[int, float | None]:
        """Asks the judge how likely each sentence is true; see `Judge.judge_claims`."""
        return await self.judge.judge_claims(self.exchange, self.sentences, self.calls)

    async def compare(self, answers: Sequence[str]) -> Mapping[int, float]:
        """Asks the judge which answers say the same as the response; see `Judge.compare`."""
        exchange = self.exchange
        return await self.judge.compare(exchange.question, exchange.response, answers, self.calls)

    async def rephrase(self, count: int) -> list[str]:
        """Asks for so many rephrasings of the question; gives those that ask for the same."""
        asked = self.exchange.question
        if not asked.strip():
            raise DataError("the message has no words to rephrase")
        if len(asked) > LONGEST:
            raise DataError("the message is too long to be rephrased")
        ask = Ask(rephrasing_messages(asked), "rephrasing", n=count, temperature=1.0)
        replies = (await self.calls.ask(self.model, ask)).completions
        return rephrasings_of(asked, (reply.text for reply in replies))

    async def rephrased(self, rephrasings: Sequence[str]) -> Reply:
        """Draws one answer to each of these rephrasings."""
        asked = Counter(rephrasings)
        drawn = await asyncio.gather(
            *(self._draw(self.exchange.asking(text), count) for text, count in asked.items()),
            return_exceptions=True,
        )
        return _together(drawn)

    async def _draw(self, exchange: Exchange, count: int, first: int = 0) -> Reply:
        ask = Ask(
            sample_messages(exchange),
            "sample",
            n=count,
            temperature=SAMPLING_TEMPERATURE,
            max_tokens=self.max_tokens,
            first=first,
        )
        return await self.calls.ask(self.model, ask)


def _together(drawn: Sequence[Reply | BaseException]) -> Reply:
    """The answers of several requests.

    Raises:
        TrustError: None of them brought any.
    """
    replies = [outcome for outcome in drawn if isinstance(outcome, Reply)]
    failures = [outcome for outcome in drawn if isinstance(outcome, BaseException)]
    for failure in failures:
        if not replies or not isinstance(failure, TrustError):
            raise failure
    return Reply(
        tuple(completion for reply in replies for completion in reply.completions),
        failures=(
            *(told for reply in replies for told in reply.failures),
            *(str(failure) for failure in failures),
        ),
    )
