"""Streams with a score: all is passed on as it comes but the last chunk, which gets the score."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

from nemoguardrails_trust.errors import ModelError, ModelResponseError, TrustError
from nemoguardrails_trust.exchange.values import objects_in
from nemoguardrails_trust.models.chat_chunks import Chunk, Gathering
from nemoguardrails_trust.models.events import data_of
from nemoguardrails_trust.server.chat_chunks import DONE, event_of, parsed
from nemoguardrails_trust.server.chat_verdicts import FIRST_CHOICE
from nemoguardrails_trust.server.failures import openai_error

Metadata = dict[str, Any]


async def scored_events(
    events: AsyncIterator[bytes],
    score: Callable[[dict[str, Any]], Awaitable[Metadata]],
    *,
    fallback: str | None = None,
) -> AsyncGenerator[bytes, None]:
    """Passes a stream on, with a score of the whole answer on its last chunk.

    Args:
        events: Those of the backend.
        score: Gives the `tlm_metadata` of a completion.
        fallback: What takes the place of an answer that is not trusted; with one, all is held
            back until the score is there.
    """
    stream = _Scored(score, holds_all=fallback is not None)
    try:
        async for event in stream.passing(events):
            yield event
        if stream.failure is not None:
            yield stream.failure
            return
        metadata = await stream.metadata()
        if fallback is not None and metadata["status"] != "trusted":
            metadata["original_message"] = stream.gathering.message
            delta = {"role": "assistant", "content": fallback}
            yield event_of(stream.gathering.chunk(delta))
            yield event_of(stream.gathering.chunk({}, "stop") | {"tlm_metadata": metadata})
        else:
            for event in stream.held_with(metadata):
                yield event
        if stream.is_done:
            yield DONE
    finally:
        await stream.aclose()


class _Scored:
    """The state of one stream."""

    def __init__(
        self, score: Callable[[dict[str, Any]], Awaitable[Metadata]], *, holds_all: bool
    ) -> None:
        self.gathering = Gathering()
        self.failure: bytes | None = None  # the event that ends a stream that failed
        self.is_done = False  # as the backend says
        self._score = score
        self._holds_all = holds_all
        self._held: list[tuple[bytes, Chunk]] = []
        self._judging: asyncio.Future[Metadata] | None = None

    async def passing(self, events: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """All events but those that are held back for the score."""
        try:
            async for event in events:
                data = data_of(event)
                if data == b"[DONE]":
                    self.is_done = True
                    return
                chunk = parsed(data)
                if chunk is None:
                    if not self._holds_all:
                        yield event  # a comment, by which servers keep a connection open
                    continue
                if "error" in chunk and not objects_in(chunk.get("choices")):
                    self.failure = event
                    return
                for passed in self._take(event, chunk):
                    yield passed
        except ModelError as error:
            # What breaks after the answer is complete does not concern it.
            if not self.gathering.is_whole:
                self.failure = _error_event(error)
        else:
            if not self.gathering.is_whole:
                broken = ModelResponseError(
                    "the model's server broke off in the middle of the answer"
                )
                self.failure = _error_event(broken)

    async def metadata(self) -> Metadata:
        """What is told about the answer."""
        metadata = await self._begin_judging()
        return metadata | FIRST_CHOICE if self.gathering.has_others else metadata

    def held_with(self, metadata: Metadata) -> Iterator[bytes]:
        """What was held back, with the metadata on its last chunk that has choices."""
        places = [i for i, (_, chunk) in enumerate(self._held) if objects_in(chunk.get("choices"))]
        last = places[-1] if places else None
        for i, (event, chunk) in enumerate(self._held):
            yield event_of(chunk | {"tlm_metadata": metadata}) if i == last else event
        if last is None:
            yield event_of(self.gathering.chunk({}) | {"tlm_metadata": metadata})

    async def aclose(self) -> None:
        """Ends the scoring."""
        if self._judging is not None:
            self._judging.cancel()
            await asyncio.gather(self._judging, return_exceptions=True)

    def _take(self, event: bytes, chunk: Chunk) -> Iterator[bytes]:
        self.gathering.add(chunk)
        choices = objects_in(chunk.get("choices"))
        ends = any(choice.get("finish_reason") is not None for choice in choices)
        if self.gathering.is_finished:
            self._begin_judging()
        if self._holds_all:
            self._held.append((event, chunk))
            return
        if choices:
            # Another choice goes on: what was held back was not the last.
            yield from (held for held, _ in self._held)
            self._held.clear()
        if ends or (self._held and not choices):
            self._held.append((event, chunk))
        else:
            yield event

    def _begin_judging(self) -> "asyncio.Future[Metadata]":
        if self._judging is None:
            self._judging = asyncio.ensure_future(self._score(self.gathering.completion))
        return self._judging


def _error_event(error: TrustError) -> bytes:
    return event_of(openai_error(error))
