"""What our model costs beside bare aiohttp, and httpx beside both.

Run with `python -m tests.benchmarks.http_model`. All talk to a server in a process of its own that
takes 100 ms for an answer; the floor of a run is requests x latency / cap. CPU is this process's
own, for a request.
"""

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass

import aiohttp
import httpx

from nemoguardrails_trust.exchange import Message
from nemoguardrails_trust.models.base import Ask
from nemoguardrails_trust.models.limits import Limits
from nemoguardrails_trust.models.openai import OpenAICompatibleModel
from tests.benchmarks.canned_server import canned_server

LATENCY = 0.1
PROMPT = "Is this answer right? " + "It says a little about a thing or two. " * 20
BODY = {"model": "m", "messages": [{"role": "user", "content": PROMPT}], "temperature": 0.7}

Request = Callable[[], Awaitable[None]]
Client = Callable[[str, int], AbstractAsyncContextManager[Request]]


@dataclass(frozen=True)
class Measured:
    """What a run took.

    Attributes:
        ratio: Wall-clock time over the floor.
        cpu: Milliseconds of CPU for a request.
    """

    ratio: float
    cpu: float


@asynccontextmanager
async def bare_aiohttp(url: str, cap: int) -> AsyncIterator[Request]:
    """The least that a request with aiohttp takes."""
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=cap)) as session:

        async def ask() -> None:
            async with session.post(f"{url}/chat/completions", json=BODY) as response:
                assert (await response.json())["choices"]

        yield ask


@asynccontextmanager
async def bare_httpx(url: str, cap: int) -> AsyncIterator[Request]:
    """The least that a request with httpx takes."""
    limits = httpx.Limits(max_connections=cap, max_keepalive_connections=cap)
    async with httpx.AsyncClient(limits=limits, timeout=120) as client:

        async def ask() -> None:
            response = await client.post(f"{url}/chat/completions", json=BODY)
            assert response.json()["choices"]

        yield ask


@asynccontextmanager
async def our_model(url: str, cap: int) -> AsyncIterator[Request]:
    """The model that scores are made with."""
    model = OpenAICompatibleModel("m", base_url=url, api_key="", limits=Limits(cap))

    async def ask() -> None:
        reply = await model.complete(Ask((Message("user", PROMPT),), "sample", temperature=0.7))
        assert reply.completions

    yield ask
    await model.aclose()


async def measure(client: Client, url: str, cap: int, requests: int) -> Measured:
    """Makes so many requests by as many workers as the cap allows, after a short warming-up."""
    async with client(url, cap) as ask:
        await asyncio.gather(*(ask() for _ in range(cap)))
        waiting = iter(range(requests))

        async def worker() -> None:
            for _ in waiting:
                await ask()

        started, cpu = time.perf_counter(), time.process_time()
        await asyncio.gather(*(worker() for _ in range(cap)))
        took, used = time.perf_counter() - started, time.process_time() - cpu
    return Measured(took / (requests * LATENCY / cap), used / requests * 1000)


def main() -> None:
    """Prints the figures."""
    runs: list[tuple[str, Client, int]] = [
        ("bare aiohttp", bare_aiohttp, 5000),
        ("our model", our_model, 5000),
        ("bare httpx", bare_httpx, 500),
    ]
    print(f"{'cap':>4}  {'client':14} {'requests':>8}  {'wall / floor':>12}  {'CPU a request':>13}")
    for cap in (1, 64, 256):
        bare: Measured | None = None
        for name, client, requests in runs:
            count = 30 if cap == 1 else requests
            with canned_server(LATENCY) as url:
                measured = asyncio.run(measure(client, url, cap, count))
            bare = bare or measured
            print(
                f"{cap:>4}  {name:14} {count:>8}  {measured.ratio:>12.2f}  "
                f"{measured.cpu:>10.2f} ms  ({measured.cpu / bare.cpu:.2f} x bare aiohttp)"
            )
            sys.stdout.flush()


if __name__ == "__main__":
    main()
