"""Chat completions: the backend's own answers, each with a score."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import replace
from typing import Any

from nemoguardrails_trust.errors import DataError, SettingsError
from nemoguardrails_trust.exchange import Exchange
from nemoguardrails_trust.models.base import LanguageModel, Reply
from nemoguardrails_trust.models.deadline import time_left, whole_deadline
from nemoguardrails_trust.models.openai import OpenAICompatibleModel
from nemoguardrails_trust.models.prompts import SAMPLING_TEMPERATURE, sample_messages
from nemoguardrails_trust.scorers.base import samples_drawn_by
from nemoguardrails_trust.scorers.safely import settled
from nemoguardrails_trust.server.backends import Backends
from nemoguardrails_trust.server.chat_backend import PLACE, Answer, answered, opened
from nemoguardrails_trust.server.chat_bodies import ChatBody, GivenCompletion
from nemoguardrails_trust.server.chat_stream import scored_events
from nemoguardrails_trust.server.chat_verdicts import (
    Turn,
    read_question,
    replaced,
    scored,
    tlm_metadata,
)
from nemoguardrails_trust.server.scoring import Scoring
from nemoguardrails_trust.server.wanted import Wanted, read_wanted

Samples = asyncio.Task[Reply]
Pieces = AsyncGenerator[Answer | bytes, None]
"""The head of an answer; then, unless that is all, the events of a stream."""


class Chat:
    """Gives chat completions with a score, and scores given ones."""

    def __init__(self, backends: Backends, scoring: Scoring) -> None:
        self._backends = backends
        self._scoring = scoring

    def read(self, body: ChatBody) -> Turn:
        """Reads a request.

        Raises:
            SettingsError: A value cannot be honoured.
        """
        wanted = _wanted(body.model, body.quality_preset, body.options)
        asked = body.asked
        threshold = self._threshold(body, wanted)
        return Turn(asked, wanted, read_question(asked), threshold, body.fallback)

    async def complete(self, turn: Turn) -> Answer:
        """Has the backend answer, and scores the answer.

        Returns:
            What the backend gave, with `tlm_metadata` beside it; a refusal as it is.

        Raises:
            TrustError: There is no answer.
        """
        seconds = self._scoring.seconds(turn.wanted)
        with whole_deadline(seconds):
            return await settled(self._completed(turn), timeout=seconds, what=PLACE)

    async def stream(self, turn: Turn) -> Pieces:
        """Has the backend answer piece by piece; the last one carries the score.

        Yields:
            First the head of the answer; then, unless that is all, the events of the stream.

        Raises:
            TrustError: Before anything was yielded: there is no answer.
        """
        clock = asyncio.get_running_loop().time
        seconds = self._scoring.seconds(turn.wanted)
        ends = clock() + seconds
        async with AsyncExitStack() as stack:
            samples = await stack.enter_async_context(self._drawing(turn))
            answering = opened(self._model(turn), turn.asked, turn.question, ends - clock())
            opening = stack.enter_async_context(answering)
            with whole_deadline(max(0.0, ends - clock()), limit=seconds):
                head, events = await settled(opening, timeout=ends - clock(), what=PLACE)
            yield head
            if head.body is not None:
                return

            async def score(completion: dict[str, Any]) -> dict[str, Any]:
                with whole_deadline(max(0.0, ends - clock()), limit=seconds):
                    return await tlm_metadata(self._scoring, turn, completion, samples)

            passing = scored_events(events, score, fallback=turn.fallback)
            await stack.enter_async_context(aclosing(passing))
            async for event in passing:
                yield event

    async def score(self, body: GivenCompletion) -> dict[str, Any]:
        """Scores a completion.

        Returns:
            What would stand beside it as `tlm_metadata`.

        Raises:
            TrustError: There is no score, or a value cannot be honoured.
        """
        wanted = _wanted(body.model, body.quality_preset, body.options)
        turn = Turn(body.asked, wanted, read_question(body.asked))
        with whole_deadline(self._scoring.seconds(wanted)):
            async with self._drawing(turn) as samples:
                return await scored(self._scoring, turn, body.completion, samples)

    async def _completed(self, turn: Turn) -> Answer:
        async with self._drawing(turn) as samples:
            answer = await answered(self._model(turn), turn.asked, turn.question, time_left())
            if answer.completion is None:
                return answer
            metadata = await tlm_metadata(self._scoring, turn, answer.completion, samples)
        completion = answer.completion
        if turn.fallback is not None and metadata["status"] != "trusted":
            completion = replaced(completion, metadata, turn.fallback)
        return replace(answer, body={**completion, "tlm_metadata": metadata})

    def _threshold(self, body: ChatBody, wanted: Wanted) -> float | None:
        """With what the score is to be compared, where something is to come of it."""
        if body.threshold is None and body.fallback is None:
            return None
        if not wanted.has_trustworthiness:
            raise SettingsError(
                "threshold and fallback need the score that options.disable_trustworthiness "
                "switches off",
                key="threshold",
            )
        if body.fallback is not None and (body.n or 1) > 1:
            raise SettingsError("fallback goes with one answer: leave n out", key="fallback")
        if body.threshold is not None:
            return body.threshold
        return self._backends.parts(wanted).threshold

    def _model(self, turn: Turn) -> LanguageModel:
        return self._backends.model(self._backends.name_for(turn.wanted.model))

    @asynccontextmanager
    async def _drawing(self, turn: Turn) -> AsyncIterator[Samples | None]:
        """Draws the samples while the answer is being made, which they do not depend on."""
        scorer = self._backends.parts(turn.wanted).scorer
        model = self._backends.model(
            self._backends.name_for(turn.wanted.model), turn.wanted.reasoning_effort
        )
        count = samples_drawn_by(scorer)
        question = turn.question
        if (
            not count
            or not isinstance(model, OpenAICompatibleModel)
            or isinstance(question, DataError)
        ):
            yield None
            return
        samples = asyncio.create_task(_drawn(model, turn, question, count))
        try:
            yield samples
        finally:
            samples.cancel()
            await asyncio.gather(samples, return_exceptions=True)


def _wanted(model: str | None, quality: str | None, options: dict[str, Any] | None) -> Wanted:
    # An option names the model for internal calls, and a client of chat completions has named it.
    named = {} if model is None or not model.strip() else {"model": model}
    return read_wanted(quality, {**(options or {}), **named})


async def _drawn(model: OpenAICompatibleModel, turn: Turn, question: Exchange, count: int) -> Reply:
    sample_messages(question)  # refuses what is too long
    return await model.draw(
        turn.asked,
        count,
        temperature=SAMPLING_TEMPERATURE,
        max_tokens=turn.wanted.options.max_tokens,
    )
