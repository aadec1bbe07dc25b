"""The hosted scorers beside the client they stand on, and beside the rail built into NeMo.

Run with `python -m tests.benchmarks.hosted_scorer`. All talk to a local server, in a process of its
own, that takes 100 ms for an answer. The built-in rail needs most of a minute for its 200 checks.
"""

import asyncio
import multiprocessing
import os
import statistics
import time
import warnings
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

from tests.servers.tlm import KEY, TLMServer

LATENCY = 0.1
SINGLE_CHECKS = 15
ROUNDS = 3
AT_ONCE = 200

Check = Callable[[str, str], Awaitable[object]]


@dataclass(frozen=True)
class Measured:
    """What one or many checks took.

    Attributes:
        seconds: Wall-clock time.
        requests: HTTP requests made.
        connections: Connections opened.
        blocked: The longest time for which the event loop did nothing else, in seconds.
    """

    seconds: float
    requests: float
    connections: float
    blocked: float


class Server:
    """A server in a process of its own."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe
        self.url: str = pipe.recv()

    def counts(self) -> tuple[int, int]:
        """Requests and connections so far."""
        self._pipe.send("count")
        requests, connections = self._pipe.recv()
        return requests, connections


async def _serve(pipe: Connection) -> None:
    async with TLMServer(latency=LATENCY, start_latency=LATENCY) as server:
        pipe.send(server.url)
        while await asyncio.to_thread(pipe.recv) is not None:
            pipe.send((len(server.received), server.connections))


def _run_server(pipe: Connection) -> None:
    asyncio.run(_serve(pipe))


@contextmanager
def serving() -> Iterator[Server]:
    """Runs a server while the context lasts."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_run_server, args=(theirs,), daemon=True)
    process.start()
    try:
        yield Server(ours)
    finally:
        ours.send(None)
        process.join()


async def measure(server: Server, check: Check, times: int) -> Measured:
    """Makes so many checks at once."""
    requests, connections = server.counts()
    blocked = 0.0

    async def watch() -> None:
        nonlocal blocked
        while True:
            start = time.perf_counter()
            await asyncio.sleep(0.001)
            blocked = max(blocked, time.perf_counter() - start - 0.001)

    watching = asyncio.create_task(watch())
    await asyncio.sleep(0.01)
    start = time.perf_counter()
    await asyncio.gather(*(check("How far is the moon?", str(i)) for i in range(times)))
    seconds = time.perf_counter() - start
    watching.cancel()
    after = server.counts()
    return Measured(seconds, after[0] - requests, after[1] - connections, blocked)


def median(all_measured: list[Measured]) -> Measured:
    """The median of each figure."""
    return Measured(
        *(
            statistics.median(getattr(measured, name) for measured in all_measured)
            for name in Measured.__dataclass_fields__
        )
    )


async def checks_of(package: str) -> dict[str, Check]:
    """A new client alone, and our scorer with a new client of the same make, both warm."""
    from nemoguardrails_trust.exchange import Exchange
    from nemoguardrails_trust.scorers.base import ScorerSettings
    from nemoguardrails_trust.scorers.create import create_scorer

    scorer = create_scorer(ScorerSettings(scorer=package)).scorer
    client = await asyncio.to_thread(_studio_client) if package == "cleanlab-studio" else _client()

    async def alone(prompt: str, response: str) -> object:
        return await client.get_trustworthiness_score_async(prompt, response)

    async def ours(prompt: str, response: str) -> object:
        return await scorer.score(Exchange.of(prompt, response))

    for check in (alone, ours):
        await check("Is it warm?", "Yes.")
    return {f"{package}, its client alone": alone, f"{package}, our scorer": ours}


def _studio_client() -> Any:
    from cleanlab_studio import Studio

    return Studio(KEY).TLM()


def _client() -> Any:
    from cleanlab_tlm import TLM

    return TLM()


async def built_in(prompt: str, response: str) -> object:
    """The action of the rail built into NeMo Guardrails."""
    from nemoguardrails.library.cleanlab.actions import call_cleanlab_api

    return await call_cleanlab_api(user_message=prompt, bot_message=response)


async def run(server: Server) -> dict[str, tuple[Measured, Measured]]:
    """Measures all, one check and many, in turns so that they meet the same machine."""
    single: dict[str, list[Measured]] = {}
    many: dict[str, list[Measured]] = {}
    for package in ("cleanlab-studio", "cleanlab-tlm"):
        checks = await checks_of(package)
        for _ in range(SINGLE_CHECKS):
            for name, check in checks.items():
                single.setdefault(name, []).append(await measure(server, check, 1))
        for _ in range(ROUNDS):
            # A client allows itself more at once the longer it lives, so each round has new ones.
            for name, check in (await checks_of(package)).items():
                many.setdefault(name, []).append(await measure(server, check, AT_ONCE))
    await built_in("Is it warm?", "Yes.")
    name = "built-in rail"
    single[name] = [await measure(server, built_in, 1) for _ in range(ROUNDS)]
    many[name] = [await measure(server, built_in, AT_ONCE)]
    return {score: (median(single[score]), median(many[score])) for score in single}


def report(measured: dict[str, tuple[Measured, Measured]]) -> bool:
    """Prints the tables; tells whether every bound is kept."""
    print(f"{'one check':38}{'ms':>9}{'requests':>10}{'connections':>13}{'loop blocked, ms':>18}")
    for name, (one, _) in measured.items():
        print(
            f"{name:38}{one.seconds * 1e3:>9.1f}{one.requests:>10g}{one.connections:>13g}"
            f"{one.blocked * 1e3:>18.1f}"
        )
    print(
        f"\n{f'{AT_ONCE} checks at once':38}{'s':>9}{'requests':>10}{'connections':>13}"
        f"{'loop blocked, ms':>18}"
    )
    for name, (_, all_) in measured.items():
        print(
            f"{name:38}{all_.seconds:>9.2f}{all_.requests:>10g}{all_.connections:>13g}"
            f"{all_.blocked * 1e3:>18.1f}"
        )
    rail_one, rail_all = measured["built-in rail"]
    kept = True
    print(f"\n{'ratio':58}{'measured':>10}{'bound':>9}")
    for package in ("cleanlab-studio", "cleanlab-tlm"):
        alone_one, alone_all = measured[f"{package}, its client alone"]
        one, all_ = measured[f"{package}, our scorer"]
        rows = [
            ("requests of one check", one.requests, "at most", 1.0),
            ("one check / client alone", one.seconds / alone_one.seconds, "at most", 1.05),
            ("200 checks / client alone", all_.seconds / alone_all.seconds, "at most", 1.5),
            ("200 checks of the rail / ours", rail_all.seconds / all_.seconds, "at least", 50.0),
            ("one check of the rail / ours", rail_one.seconds / one.seconds, "", 0.0),
        ]
        for what, value, sense, bound in rows:
            good = value <= bound if sense == "at most" else value >= bound
            kept &= good
            shown = f"{sense} {bound:g}" if sense else "–"
            print(
                f"{package + ', ' + what:58}{value:>8.2f}  {shown:>13}{'' if good else '  MISSED'}"
            )
    return kept


def main() -> int:
    """Measures and prints; 0 where every bound is kept."""
    # `Studio.TLM`, as the built-in rail calls it, announces its end each time.
    warnings.simplefilter("ignore", FutureWarning)
    with serving() as server:
        os.environ |= {
            "CLEANLAB_API_BASE_URL": server.url,
            "CLEANLAB_API_KEY": KEY,
            "CLEANLAB_TLM_API_KEY": KEY,
        }
        measured = asyncio.run(run(server))
    return 0 if report(measured) else 1


if __name__ == "__main__":
    raise SystemExit(main())
