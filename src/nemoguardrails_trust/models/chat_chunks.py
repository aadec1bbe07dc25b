"""The chunks of a chat completion that comes as a stream, put together."""

from collections.abc import Mapping
from typing import Any

from nemoguardrails_trust.exchange.values import objects_in

Chunk = dict[str, Any]

_ENVELOPE = ("id", "object", "created", "model", "system_fingerprint", "service_tier")


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
        self._envelope = self._envelope or enveloped(chunk)
        for choice in objects_in(chunk.get("choices")):
            index = choice.get("index") or 0
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
        if calls := delta.get("tool_calls"):
            for call in objects_in(calls):
                self._add_call(call)
        _add_function(self._function, delta.get("function_call"))  # as it was before tools

    def _add_call(self, call: dict[str, Any]) -> None:
        index = call.get("index")
        place = index if isinstance(index, int) else len(self._calls)
        whole = self._calls.setdefault(place, {"id": None, "type": "function", "function": {}})
        whole["id"] = call.get("id") or whole["id"]
        _add_function(whole["function"], call.get("function"))


def enveloped(completion: Mapping[str, Any]) -> dict[str, Any]:
    """What a chunk of a completion holds besides its choices."""
    envelope = {name: completion[name] for name in _ENVELOPE if name in completion}
    return {**envelope, "object": "chat.completion.chunk"}


def _add_function(whole: dict[str, Any], part: Any) -> None:
    """Adds a part of a call to what there is of it."""
    for name in ("name", "arguments"):
        if isinstance(part, dict) and isinstance(text := part.get(name), str):
            whole[name] = whole.get(name, "") + text
