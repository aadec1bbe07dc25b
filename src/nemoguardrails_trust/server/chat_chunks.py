"""The chunks of a chat completion that comes as a stream of events."""

import json
import re
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any

from nemoguardrails_trust.server.answers import as_json

Chunk = dict[str, Any]

DONE = b"data: [DONE]\n\n"
_END_OF_EVENT = re.compile(rb"\r?\n\r?\n|\r\r")
_LINE = re.compile(rb"\r\n|\r|\n")
_ENVELOPE = ("id", "object", "created", "model", "system_fingerprint", "service_tier")


async def read_events(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The events of a stream, each as its bytes, however these arrive.

    Raises:
        ModelError: The stream broke off.
    """
    pending = b""
    async for chunk in chunks:
        pending += chunk
        start = 0
        for end in _END_OF_EVENT.finditer(pending):
            yield pending[start : end.end()]
            start = end.end()
        pending = pending[start:]
    if pending.strip():
        yield pending + b"\n\n"


def events_of(completion: Mapping[str, Any]) -> Iterator[bytes]:
    """A whole completion as the events of a stream."""
    envelope = _enveloped(completion)
    for choice in completion["choices"]:
        delta = dict(choice["message"])
        if isinstance(calls := delta.get("tool_calls"), list):
            delta["tool_calls"] = [
                {"index": i, **call} if isinstance(call, dict) else call
                for i, call in enumerate(calls)
            ]
        part = {**choice, "delta": delta, "finish_reason": None}
        del part["message"]
        yield event_of({**envelope, "choices": [part]})
        last = {"index": choice.get("index", 0), "delta": {}, "logprobs": None}
        finish = {"finish_reason": choice.get("finish_reason") or "stop"}
        yield event_of({**envelope, "choices": [last | finish]})
    yield DONE


def event_of(data: Mapping[str, Any]) -> bytes:
    """An event that holds JSON."""
    return b"data: " + as_json(data, is_ascii=True) + b"\n\n"


class Gathering:
    """Makes a completion of its chunks: the first choice of it.

    Attributes:
        is_finished: Whether the first choice is complete.
    """

    def __init__(self) -> None:
        self.is_finished = False
        self._others: dict[str, bool] = {}  # whether it is complete, by index
        self._function: dict[str, Any] = {}
        self._envelope: dict[str, Any] = {}
        self._texts: dict[str, list[str]] = {}
        self._calls: dict[int, dict[str, Any]] = {}
        self._logprobs: list[Any] = []
        self._finish_reason: str | None = None

    def add(self, chunk: Chunk) -> None:
        """Adds a chunk."""
        self._envelope = self._envelope or _enveloped(chunk)
        for choice in choices_of(chunk):
            index = choice.get("index", 0)
            ends = choice.get("finish_reason") is not None
            if index != 0:
                self._others[str(index)] = ends or self._others.get(str(index), False)
                continue
            delta = choice.get("delta")
            if isinstance(delta, dict):
                self._add_delta(delta)
            logprobs = choice.get("logprobs")
            if isinstance(logprobs, dict) and isinstance(logprobs.get("content"), list):
                self._logprobs += logprobs["content"]
            if ends:
                self._finish_reason = choice["finish_reason"]
                self.is_finished = True

    @property
    def has_others(self) -> bool:
        """Whether there are choices besides the first."""
        return bool(self._others)

    @property
    def is_whole(self) -> bool:
        """Whether every choice is complete."""
        return self.is_finished and all(self._others.values())

    @property
    def message(self) -> dict[str, Any]:
        """What the model said."""
        message: dict[str, Any] = {"role": "assistant", "content": None}
        message |= {name: "".join(parts) for name, parts in self._texts.items()}
        if self._calls:
            message["tool_calls"] = [self._calls[index] for index in sorted(self._calls)]
        if self._function:
            message["function_call"] = self._function
        return message

    @property
    def completion(self) -> dict[str, Any]:
        """The completion, as it would have come whole."""
        logprobs = {"content": self._logprobs} if self._logprobs else None
        choice = {
            "index": 0,
            "message": self.message,
            "logprobs": logprobs,
            "finish_reason": self._finish_reason,
        }
        return {**self._envelope, "object": "chat.completion", "choices": [choice]}

    def chunk(self, delta: dict[str, Any], finish_reason: str | None = None) -> Chunk:
        """A further chunk of the same stream."""
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
        return {**self._envelope, "object": "chat.completion.chunk", "choices": [choice]}

    def _add_delta(self, delta: dict[str, Any]) -> None:
        for name in ("content", "refusal", "reasoning_content"):
            if isinstance(text := delta.get(name), str):
                self._texts.setdefault(name, []).append(text)
        calls = delta.get("tool_calls")
        for call in calls if isinstance(calls, list) else ():
            if isinstance(call, dict):
                self._add_call(call)
        _add_function(self._function, delta.get("function_call"))  # as it was before tools

    def _add_call(self, call: dict[str, Any]) -> None:
        index = call.get("index")
        place = index if isinstance(index, int) else len(self._calls)
        whole = self._calls.setdefault(place, {"id": None, "type": "function", "function": {}})
        whole["id"] = call.get("id") or whole["id"]
        _add_function(whole["function"], call.get("function"))


def _add_function(whole: dict[str, Any], part: Any) -> None:
    """Adds a part of a call to what there is of it."""
    for name in ("name", "arguments"):
        if isinstance(part, dict) and isinstance(text := part.get(name), str):
            whole[name] = whole.get(name, "") + text


def data_of(event: bytes) -> bytes:
    """What an event carries; nothing where it is a comment."""
    lines = (line for line in _LINE.split(event) if line.startswith(b"data:"))
    return b"\n".join(line[5:].removeprefix(b" ") for line in lines)


def parsed(data: bytes) -> Chunk | None:
    """The chunk that an event carries; `None` where it is none."""
    try:
        chunk = json.loads(data)
    except (ValueError, RecursionError):
        return None
    return chunk if isinstance(chunk, dict) else None


def choices_of(chunk: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The choices of a completion, or those that a chunk has a part of."""
    listed = chunk.get("choices")
    if not isinstance(listed, list):
        return []
    return [choice for choice in listed if isinstance(choice, dict)]


def _enveloped(completion: Mapping[str, Any]) -> dict[str, Any]:
    envelope = {name: completion[name] for name in _ENVELOPE if name in completion}
    return {**envelope, "object": "chat.completion.chunk"}
