"""Writes requests for chat completions, as far as a server is known to take them."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from nemoguardrails_trust.errors import SettingsError
from nemoguardrails_trust.exchange import Message
from nemoguardrails_trust.models.abilities import SAMPLING, Abilities
from nemoguardrails_trust.models.limits import require_count
from nemoguardrails_trust.models.media_parts import content_of

ROOM_TO_THINK = 4096
"""Tokens that a thinking model gets beside those of its answer."""

_RESERVED = ("messages", "model", "n", "stream", "stream_options")
_LIMITS = ("max_completion_tokens", "max_tokens")
_PROBABILITIES = ("logprobs", "top_logprobs")
_SHAPING = (
    "tools", "tool_choice", "parallel_tool_calls", "functions", "function_call",
    "response_format", "guided_json", "guided_choice", "guided_regex", "guided_grammar",
    "structured_outputs", "stop", "logit_bias", "reasoning_effort", "verbosity",
    "chat_template_kwargs",
)  # fmt: skip
_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
_OPTIONAL = SAMPLING.union(_LIMITS, _PROBABILITIES, ["n"])


@dataclass(frozen=True, slots=True)
class RequestDefaults:
    """What goes into every request of a model, where a call does not say otherwise."""

    fixed: Mapping[str, Any]  # what no call changes
    temperature: Any = None
    max_tokens: Any = None
    top_logprobs: Any = None

    def as_parameters(self) -> dict[str, Any]:
        """All of it, by the names that a server knows."""
        names = ("temperature", "max_tokens", "top_logprobs")
        given = {name: value for name in names if (value := getattr(self, name)) is not None}
        return {**self.fixed, **given}

    @classmethod
    def of(cls, model: str, parameters: Mapping[str, Any]) -> "RequestDefaults":
        """Sorts a caller's parameters; what is `None` is not sent.

        Raises:
            SettingsError: A parameter is set by each call, or cannot be written as JSON.
        """
        extra = parameters.get("extra_body") or {}
        if not isinstance(extra, Mapping):
            raise SettingsError(
                "parameters.extra_body must be a mapping of names to values",
                key="parameters.extra_body",
            )
        given = {k: v for k, v in {**parameters, **extra}.items() if v is not None}
        given.pop("extra_body", None)
        for key in _RESERVED:
            if key in given:
                raise SettingsError(
                    f"parameters.{key} cannot be set here, since every call sets it; leave it out",
                    key=f"parameters.{key}",
                )
        for key, value in given.items():
            try:
                json.dumps(value, allow_nan=False)
            except (TypeError, ValueError):
                raise SettingsError(
                    f"parameters.{key} cannot be written as JSON", key=f"parameters.{key}"
                ) from None
        asks = given.pop("logprobs", False)
        alternatives = given.pop("top_logprobs", 0)
        limits = {key: given.pop(key) for key in _LIMITS if key in given}
        for key, limit in limits.items():
            require_count(f"parameters.{key}", limit)
        return cls(
            temperature=given.pop("temperature", None),
            max_tokens=next(iter(limits.values()), None),
            top_logprobs=alternatives if asks else None,
            fixed={"model": model, **given},
        )


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """What one call asks for, whatever the server turns out to take."""

    fixed: Mapping[str, Any]  # the parts of the body that are the same for every call
    messages: list[dict[str, Any]]  # in the protocol's form
    temperature: float | None  # `None` leaves it to the server
    max_tokens: int | None  # of an answer, thinking not counted
    top_logprobs: int | None  # alternatives for each token; `None` asks for no probabilities

    def body(self, known: Abilities, n: int) -> dict[str, Any]:
        """The body of a request for `n` choices to a server of which so much is known."""
        body = {**self.fixed, "messages": self.messages}
        if self.temperature is not None:
            body["temperature"] = self.temperature
        if self.max_tokens is not None:
            room = ROOM_TO_THINK if known.thinks else 0
            body[known.limit_name] = self.max_tokens + room
        if self.top_logprobs is not None and known.logprobs is not False:
            body["logprobs"] = True
            if self.top_logprobs:
                body["top_logprobs"] = min(self.top_logprobs, known.most_alternatives)
        if n > 1 and known.most_choices != 1:
            body["n"] = n
        for name in known.left_out & body.keys():
            del body[name]
        return body


def request_like(
    body: Mapping[str, Any], fixed: Mapping[str, Any], temperature: float, max_tokens: int | None
) -> ChatRequest:
    """A request for further answers to what another request asked.

    Args:
        body: That request. Of it, the messages count, and what decides the form and the length
            of an answer; how it is sampled does not.
        fixed: What goes into every request of the model, and wins.
        temperature: Of the answers.
        max_tokens: The most tokens of one, where the other request set no limit.
    """
    shaping = {name: body[name] for name in _SHAPING if body.get(name) is not None}
    limits = (body.get(name) for name in _LIMITS)
    limit = next((limit for limit in limits if type(limit) is int and limit > 0), max_tokens)
    return ChatRequest({**shaping, **fixed}, body["messages"], temperature, limit, None)


def optional_parts(body: Mapping[str, Any]) -> frozenset[str]:
    """The parts of a request that some servers refuse."""
    return _OPTIONAL & body.keys()


def encoded(body: Mapping[str, Any]) -> bytes:
    """A body as JSON. Halves of surrogate pairs, which no encoding has, become `?`."""
    return _ENCODER.encode(body).encode("utf-8", errors="replace")


def in_protocol_form(messages: Sequence[Message]) -> list[dict[str, Any]]:
    """Messages as the protocol has them.

    A tool's result is given as a user's message that says so: the protocol's own form needs the
    id of the call that it answers, which is not known, and servers refuse it without.
    """
    return [
        {"role": "user", "content": content_of(_as_result(message))}
        if message.role == "tool"
        else {"role": message.role, "content": content_of(message)}
        for message in messages
    ]


def _as_result(message: Message) -> Message:
    return replace(message, content=f"Result of the tool:\n{message.content}")
