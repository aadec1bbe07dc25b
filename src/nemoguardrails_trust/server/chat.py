"""Chat completions: the backend's own answers, each with a score."""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from nemoguardrails_trust.errors import DataError, ModelResponseError, SettingsError
from nemoguardrails_trust.exchange import Exchange
from nemoguardrails_trust.models.base import Ask, LanguageModel, Reply
from nemoguardrails_trust.models.deadline import time_left, whole_deadline
from nemoguardrails_trust.models.http import Incoming
from nemoguardrails_trust.models.http_failures import error_of_status
from nemoguardrails_trust.models.openai import OpenAICompatibleModel
from nemoguardrails_trust.models.prompts import SAMPLING_TEMPERATURE, sample_messages
from nemoguardrails_trust.scorers.base import SamplingScorer
from nemoguardrails_trust.server.backends import Backends
from nemoguardrails_trust.server.chat_bodies import ChatBody, GivenCompletion
from nemoguardrails_trust.server.chat_verdicts import (
    Deciding,
    read_question,
    replaced,
    tlm_metadata,
)
from nemoguardrails_trust.server.scoring import Scoring
from nemoguardrails_trust.server.wanted import Wanted, read_wanted

_PASSED_HEADERS = ("retry-after", "retry-after-ms", "x-request-id", "x-should-retry")
_PLACE = "the model's server"
Samples = asyncio.Task[Reply]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a client gets.

    Attributes:
        body: JSON.
        status: The HTTP status.
        headers: Those of the backend that concern the client.
    """

    body: dict[str, Any]
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Turn:
    """One request, read.

    Attributes:
        asked: What the backend is sent.
        wanted: How the answer is to be scored.
        question: What is asked, as a scorer sees it; or why it cannot be read. Then there is
            no score, and whether there is an answer is the backend's to say.
        deciding: What becomes of the answer by its score; `None` where nothing does.
    """

    asked: dict[str, Any]
    wanted: Wanted
    question: Exchange | DataError
    deciding: Deciding | None = None


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
        deciding = None
        if body.threshold is not None or body.fallback is not None:
            deciding = self._deciding(body, wanted)
        asked = body.asked
        return Turn(asked, wanted, read_question(asked), deciding)

    async def complete(self, turn: Turn) -> Answer:
        """Has the backend answer, and scores the answer.

        Returns:
            What the backend gave, with `tlm_metadata` beside it; a refusal as it is.

        Raises:
            TrustError: There is no answer.
        """
        with whole_deadline(self._scoring.seconds(turn.wanted)):
            async with self._drawing(turn) as samples:
                answer = await self._answer(turn)
                if answer.status != 200 or "choices" not in answer.body:
                    return answer
                metadata = await self._metadata(turn, answer.body, samples)
        return Answer(_finished(turn, answer.body, metadata), headers=answer.headers)

    async def score(self, body: GivenCompletion) -> dict[str, Any]:
        """Scores a completion.

        Returns:
            What would stand beside it as `tlm_metadata`.

        Raises:
            SettingsError: A value cannot be honoured.
        """
        wanted = _wanted(body.model, body.quality_preset, body.options)
        turn = Turn(body.asked, wanted, read_question(body.asked))
        with whole_deadline(self._scoring.seconds(wanted)):
            async with self._drawing(turn) as samples:
                return await self._metadata(turn, body.completion, samples)

    def _deciding(self, body: ChatBody, wanted: Wanted) -> Deciding:
        if not wanted.has_trustworthiness:
            raise SettingsError(
                "threshold and fallback need the score that options.disable_trustworthiness "
                "switches off",
                key="threshold",
            )
        if body.fallback is not None and (body.n or 1) > 1:
            raise SettingsError("fallback goes with one answer: leave n out", key="fallback")
        threshold = body.threshold
        if threshold is None:
            threshold = self._backends.parts(wanted).threshold
        return Deciding(threshold, body.fallback)

    async def _metadata(
        self, turn: Turn, completion: Mapping[str, Any], samples: Samples | None
    ) -> dict[str, Any]:
        return await tlm_metadata(
            self._scoring,
            turn.wanted,
            turn.question,
            completion,
            prefetched=samples,
            deciding=turn.deciding,
        )

    async def _answer(self, turn: Turn) -> Answer:
        model = self._backends.model(self._backends.name_for(turn.wanted.model))
        if not isinstance(model, OpenAICompatibleModel):
            return Answer(await _written(model, turn.question))
        async with model.forward(turn.asked, seconds=time_left()) as incoming:
            return await read_answer(incoming)

    @asynccontextmanager
    async def _drawing(self, turn: Turn) -> AsyncIterator[Samples | None]:
        """Draws the samples while the answer is being made, which they do not depend on."""
        scorer = self._backends.parts(turn.wanted).scorer
        model = self._backends.model(
            self._backends.name_for(turn.wanted.model), turn.wanted.reasoning_effort
        )
        count = scorer.samples_per_score if isinstance(scorer, SamplingScorer) else 0
        question = turn.question
        if (
            not count
            or not isinstance(model, OpenAICompatibleModel)
            or isinstance(question, DataError)
            or question.unseen
        ):
            yield None
            return
        samples = asyncio.create_task(_drawn(model, turn, question, count))
        try:
            yield samples
        finally:
            samples.cancel()
            await asyncio.gather(samples, return_exceptions=True)


async def read_answer(incoming: Incoming) -> Answer:
    """Reads what a backend answered, as it is to be passed on.

    Raises:
        CredentialsError: It refused the key of this server.
        ModelError: It answered with something that is no JSON object.
    """
    received = await incoming.received()
    try:
        body = await received.parsed()
    except ValueError:
        body = None
    status = incoming.status
    # A refused key is this server's: the client's own is good.
    if status == 401 or (status >= 300 and not (status >= 400 and isinstance(body, dict))):
        raise error_of_status(_PLACE, status, incoming.headers)
    if not isinstance(body, dict):
        raise ModelResponseError(f"{_PLACE}: the answer is not a JSON object")
    headers = {name: incoming.headers[name] for name in _PASSED_HEADERS if name in incoming.headers}
    return Answer(body, status, headers)


def _wanted(model: str | None, quality: str | None, options: dict[str, Any] | None) -> Wanted:
    # An option names the model for internal calls, and a client of chat completions has named it.
    return read_wanted(quality, {**(options or {}), **({} if model is None else {"model": model})})


def _finished(turn: Turn, completion: dict[str, Any], metadata: dict[str, Any]) -> dict[str, Any]:
    fallback = None if turn.deciding is None else turn.deciding.fallback
    if fallback is not None and metadata["status"] != "trusted":
        completion = replaced(completion, metadata, fallback)
    return {**completion, "tlm_metadata": metadata}


async def _drawn(model: OpenAICompatibleModel, turn: Turn, question: Exchange, count: int) -> Reply:
    sample_messages(question)  # refuses what is too long
    return await model.draw(
        turn.asked,
        count,
        temperature=SAMPLING_TEMPERATURE,
        max_tokens=turn.wanted.options.max_tokens,
    )


async def _written(model: LanguageModel, question: Exchange | DataError) -> dict[str, Any]:
    """The answer of a model that does not speak OpenAI's protocol, in its form."""
    if isinstance(question, DataError):
        raise question
    reply = await model.complete(Ask(question.messages, "answer"))
    message = {"role": "assistant", "content": reply.completions[0].text}
    return {
        "id": f"chatcmpl-{uuid.uuid4().hex}",
        "object": "chat.completion",
        "created": int(time.time()),
        "model": model.name,
        "choices": [{"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}],
    }
