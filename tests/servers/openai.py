"""A local server that speaks OpenAI's chat completions, as well or as badly as a test asks.

    async with OpenAIServer(answer="42", latency=0.1, n="ignored") as server:
        model = OpenAICompatibleModel("gpt-test", base_url=server.base_url, api_key="x")
    with threaded_server(OpenAIServer(answer=lambda body: ["yes", "no"])) as server: ...

What it was sent stands in `server.received` and `server.bodies`; how to make it fail is told in
`faults.py` (`server.faults.next(HANG)`), and what else it counts in `local.py`.
"""

import asyncio
import itertools
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from aiohttp import web

from tests.servers.faults import Faults, answer_with, closed_port
from tests.servers.local import LocalServer, threaded_server

__all__ = ["Faults", "OpenAIServer", "Window", "answer_with", "closed_port", "threaded_server"]

Body = dict[str, Any]
Message = str | dict[str, Any]
Answer = Message | Sequence[Message]
Token = tuple[str, float, dict[str, float]]


@dataclass(frozen=True)
class Window:
    """A rate limit in fixed windows.

    Attributes:
        requests: Requests allowed in a window.
        seconds: How long a window lasts.
        retry_after: Whether a refusal says when the window ends.
        headers: Whether every answer carries the `x-ratelimit-*-requests` headers.
    """

    requests: int
    seconds: float
    retry_after: bool = True
    headers: bool = False


class OpenAIServer(LocalServer):
    """Serves `/v1/chat/completions` and `/v1/models`.

    Args:
        answer: What the model says. A text, or a whole message (`{"content": …, "tool_calls": …}`,
            in which `finish_reason` and `logprobs` set those of the choice); a list is dealt out
            in turn to every choice of every request. A callable gets the request's body and
            returns any of these, a list then being the choices of that one request.
        latency: Seconds until the answer, or a callable of the request's body that gives them.
        word_delay: Seconds between the words of a streamed answer.
        n: Whether several choices may be had with one request.
        logprobs: Whether token log-probabilities may be had; `refused` is a 400, `off` is silence.
        tokens: Splits an answer into tokens with log-probabilities and alternatives; called with
            the request's body and the text. By default words, each with -0.1.
        refused: Parameters that are refused with a 400 that names them.
        thinking_tokens: Tokens the model thinks before each answer. Where the limit leaves no
            room for them, the answer is empty and its finish reason `length`.
        rate: A rate limit.
        api_key: The only key accepted; `None` accepts all requests.
    """

    def __init__(
        self,
        *,
        answer: Answer | Callable[[Body], Answer] = "42",
        latency: float | Callable[[Body], float] = 0.0,
        word_delay: float = 0.0,
        n: Literal["honoured", "ignored", "refused"] = "honoured",
        logprobs: Literal["on", "off", "refused"] = "on",
        tokens: Callable[[Body, str], Sequence[Token]] | None = None,
        refused: Sequence[str] = (),
        thinking_tokens: int = 0,
        rate: Window | None = None,
        api_key: str | None = None,
        keepalive_timeout: float = 75.0,
    ) -> None:
        super().__init__(keepalive_timeout=keepalive_timeout)
        self.answers = answer
        self.latency = latency
        self.word_delay = word_delay
        self.n = n
        self.logprobs = logprobs
        self.tokens = tokens or _words
        self.refused = frozenset(refused)
        self.thinking_tokens = thinking_tokens
        self.rate = rate
        self.rate_limited = 0
        self._api_key = api_key
        self._dealt = itertools.count()
        self._window_start = 0.0
        self._in_window = 0

    @property
    def base_url(self) -> str:
        """What a client takes as its base URL."""
        return f"{self.url}/v1"

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post("/v1/chat/completions", self._completions),
            web.get("/v1/models", self._models),
        ]

    async def _models(self, request: web.Request) -> web.StreamResponse:
        async def make(_: Any) -> Body:
            return {"object": "list", "data": [{"id": "gpt-test", "object": "model"}]}

        return await self.answer(request, make)

    async def _completions(self, request: web.Request) -> web.StreamResponse:
        async def make(body: Body) -> Body | web.StreamResponse:
            authorization = request.headers.get("Authorization")
            if self._api_key is not None and authorization != f"Bearer {self._api_key}":
                return _error(401, "Incorrect API key provided.", code="invalid_api_key")
            limited, rate_headers = self._count_in_window()
            if limited is not None:
                return limited
            if not _is_well_formed(body):
                return _error(400, "The request is malformed.", code="invalid_request")
            if (refusal := self._refusal(body)) is not None:
                return refusal
            choices = self._choices(body)
            latency = self.latency(body) if callable(self.latency) else self.latency
            await asyncio.sleep(latency)
            usage = _usage(body, choices, self.thinking_tokens)
            if body.get("stream"):
                return await self._stream(request, body, choices, usage)
            whole = _envelope(body, "chat.completion", choices) | {"usage": usage}
            if rate_headers:
                return web.json_response(whole, headers=rate_headers)
            return whole

        return await self.answer(request, make)

    def _count_in_window(self) -> tuple[web.Response | None, dict[str, str]]:
        if self.rate is None:
            return None, {}
        now = asyncio.get_running_loop().time()
        if now >= self._window_start + self.rate.seconds:
            self._window_start, self._in_window = now, 0
        left = self._window_start + self.rate.seconds - now
        limited = self._in_window >= self.rate.requests
        self._in_window += not limited
        headers = {}
        if self.rate.headers:
            headers["x-ratelimit-limit-requests"] = str(self.rate.requests)
            headers["x-ratelimit-remaining-requests"] = str(self.rate.requests - self._in_window)
            headers["x-ratelimit-reset-requests"] = f"{left * 1000:.0f}ms"
        if not limited:
            return None, headers
        self.rate_limited += 1
        if self.rate.retry_after:
            headers["Retry-After"] = f"{left:.3f}"
        text = "Rate limit reached."
        return _error(429, text, code="rate_limit_exceeded", headers=headers), {}

    def _refusal(self, body: Body) -> web.Response | None:
        refused = set(self.refused)
        if self.n == "refused" and (body.get("n") or 1) > 1:
            refused.add("n")
        if self.logprobs == "refused":
            refused |= {"logprobs", "top_logprobs"}
        for name in refused & body.keys():
            text = f"Unsupported parameter: '{name}' is not supported with this model."
            return _error(400, text, code="unsupported_parameter", param=name)
        return None

    def _choices(self, body: Body) -> list[Body]:
        count = (body.get("n") or 1) if self.n == "honoured" else 1
        answers = self.answers
        if callable(answers):
            made = answers(body)
            dealt = _as_list(made)
            messages = [dealt[i % len(dealt)] for i in range(count)]
        else:
            dealt = _as_list(answers)
            messages = [dealt[next(self._dealt) % len(dealt)] for _ in range(count)]
        return [self._choice(body, index, message) for index, message in enumerate(messages)]

    def _choice(self, body: Body, index: int, message: Message) -> Body:
        message = {"content": message} if isinstance(message, str) else dict(message)
        finish = "tool_calls" if message.get("tool_calls") else "stop"
        finish = message.pop("finish_reason", finish)
        choice: Body = {"index": index}
        text = message.get("content")
        limit = body.get("max_completion_tokens") or body.get("max_tokens")
        if limit is not None and self.thinking_tokens and limit <= self.thinking_tokens:
            message["content"], finish, text = "", "length", ""
        if "logprobs" in message:
            choice["logprobs"] = message.pop("logprobs")
        elif self.logprobs == "on" and body.get("logprobs") and isinstance(text, str):
            alternatives = body.get("top_logprobs", 0)
            choice["logprobs"] = {
                "content": [_entry(token, alternatives) for token in self.tokens(body, text)]
            }
        choice["message"] = {"role": "assistant", **message}
        choice["finish_reason"] = finish
        return choice

    async def _stream(
        self, request: web.Request, body: Body, choices: list[Body], usage: Body
    ) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)

        async def send(chunk: str) -> None:
            await response.write(f"data: {chunk}\n\n".encode())

        for choice in choices:
            for delta, finish, logprobs in _deltas(choice):
                part = {"index": choice["index"], "delta": delta, "finish_reason": finish}
                if logprobs:
                    part["logprobs"] = {"content": logprobs}
                await send(json.dumps(_envelope(body, "chat.completion.chunk", [part])))
                await asyncio.sleep(self.word_delay)
        if (body.get("stream_options") or {}).get("include_usage"):
            last = _envelope(body, "chat.completion.chunk", []) | {"usage": usage}
            await send(json.dumps(last))
        await send("[DONE]")
        await response.write_eof()
        return response


def _is_well_formed(body: Body) -> bool:
    n, limits = body.get("n"), (body.get("max_completion_tokens"), body.get("max_tokens"))
    return (
        (n is None or n in range(1, 129))
        and all(limit is None or isinstance(limit, int) for limit in limits)
        and isinstance(body.get("stream_options"), dict | None)
        and isinstance(body.get("top_logprobs"), int | None)
        and all(
            isinstance(message.get("content"), str | list | None) for message in body["messages"]
        )
    )


def _as_list(answer: Answer) -> list[Message]:
    return [answer] if isinstance(answer, str | dict) else list(answer)


def _words(_: Body, text: str) -> list[Token]:
    return [(word, -0.1, {word: -0.1}) for word in _split(text)]


def _split(text: str) -> list[str]:
    return re.findall(r"\s*\S+|\s+$", text)


def _entry(token: Token, alternatives: int) -> Body:
    text, logprob, top = token
    listed = sorted(top.items(), key=lambda pair: -pair[1])[:alternatives]
    return {
        "token": text,
        "logprob": logprob,
        "bytes": list(text.encode()),
        "top_logprobs": [
            {"token": item, "logprob": value, "bytes": list(item.encode())}
            for item, value in listed
        ],
    }


def _deltas(choice: Body) -> list[tuple[Body, str | None, list[Any]]]:
    message = choice["message"]
    logprobs = (choice.get("logprobs") or {}).get("content") or []
    rest = {key: value for key, value in message.items() if key != "content"}
    if calls := rest.get("tool_calls"):
        rest["tool_calls"] = [{"index": i, **call} for i, call in enumerate(calls)]
    words = _split(message.get("content") or "")
    deltas: list[tuple[Body, str | None, list[Any]]] = [(rest | {"content": ""}, None, [])]
    # Those of all tokens come with the first word: how servers group them differs anyway.
    deltas += [({"content": word}, None, [] if i else logprobs) for i, word in enumerate(words)]
    return [*deltas, ({}, choice["finish_reason"], [])]


def _usage(body: Body, choices: list[Body], thinking: int) -> Body:
    read = sum(len(str(message.get("content")).split()) for message in body["messages"])
    written = sum(
        thinking + len(_split(str(choice["message"].get("content") or ""))) for choice in choices
    )
    return {
        "prompt_tokens": read,
        "completion_tokens": written,
        "total_tokens": read + written,
        "completion_tokens_details": {"reasoning_tokens": thinking * len(choices)},
    }


def _envelope(body: Body, kind: str, choices: list[Body]) -> Body:
    return {
        "id": "chatcmpl-1",
        "object": kind,
        "created": 1,
        "model": body.get("model", "gpt-test"),
        "choices": choices,
    }


def _error(
    code_of_http: int,
    message: str,
    *,
    code: str,
    param: str | None = None,
    headers: dict[str, str] | None = None,
) -> web.Response:
    error = {"message": message, "type": "invalid_request_error", "param": param, "code": code}
    return web.json_response({"error": error}, status=code_of_http, headers=headers)
