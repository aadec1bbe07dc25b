"""A server of chat completions and of scores that costs next to nothing, in a process of its own.

The full test server takes longer for a request than a scorer does, and would be what is measured.
"""

import asyncio
import json
import multiprocessing
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

Say = Callable[[dict[str, Any], int], str]

_JUDGEMENT = {
    "token": "True",
    "logprob": -0.1,
    "bytes": None,
    "top_logprobs": [
        {"token": "True", "logprob": -0.1, "bytes": None},
        {"token": "False", "logprob": -2.4, "bytes": None},
    ],
}


class _Connection(asyncio.Protocol):
    """Answers every request of a connection after a while."""

    def __init__(self, latency: float, say: Say) -> None:
        self._latency = latency
        self._say = say
        self._received = b""
        self._transport: asyncio.WriteTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, separator, rest = self._received.partition(b"\r\n\r\n")
        if not separator:
            return
        length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n", 1)[0])
        if len(rest) < length:
            return
        self._received = rest[length:]
        loop = asyncio.get_running_loop()
        loop.call_later(self._latency, self._send, answer(json.loads(rest[:length]), self._say))

    def _send(self, data: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)


def always_true(body: dict[str, Any], index: int) -> str:
    """What every choice says where nothing else is asked for."""
    return "True"


def answer(body: dict[str, Any], say: Say = always_true) -> bytes:
    """The HTTP answer to a request: as many choices as asked for with probabilities, or a score."""
    if "messages" not in body:  # a client of TLM asks
        return _written({"confidence_score": 0.9, "deberta_success": True})
    choice: dict[str, Any] = {"finish_reason": "stop"}
    if body.get("logprobs"):
        choice["logprobs"] = {"content": [_JUDGEMENT]}
    content = {
        "object": "chat.completion",
        "model": body["model"],
        "choices": [
            {
                **choice,
                "index": index,
                "message": {"role": "assistant", "content": say(body, index)},
            }
            for index in range(body.get("n") or 1)
        ],
        "usage": {"prompt_tokens": 150, "completion_tokens": 2, "total_tokens": 152},
    }
    return _written(content)


def _written(content: dict[str, Any]) -> bytes:
    data = json.dumps(content).encode()
    return b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (
        len(data),
        data,
    )


def _serve(latency: float, say: Say, ports: "multiprocessing.Queue[int]") -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(
            lambda: _Connection(latency, say), "127.0.0.1", 0, backlog=1024
        )
        ports.put(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(main())


@contextmanager
def canned_server(latency: float, say: Say = always_true) -> Iterator[str]:
    """Runs the server while the block lasts; gives its base URL.

    Args:
        latency: Seconds until an answer.
        say: A module's function that gives what a choice says, from the body and its index.
    """
    context = multiprocessing.get_context("spawn")
    ports: multiprocessing.Queue[int] = context.Queue()
    process = context.Process(target=_serve, args=(latency, say, ports), daemon=True)
    process.start()
    try:
        yield f"http://127.0.0.1:{ports.get(timeout=30)}/v1"
    finally:
        process.terminate()
        process.join()
