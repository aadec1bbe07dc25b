"""What a score over the server costs beside the same score in process.

python -m tests.benchmarks.server [--scores 1500]

The model takes 100 ms for an answer. The server is `nemo-trust serve` with one worker. Whatever
scores (the server, or this process where it scores itself) has a core of its own, and the model
and all clients share another: what clients cost is not the server's, and in process there are
none. Both are measured in turns, and the best round of each counts, so that what else runs on the
machine does not. A first start, which compiles what it imports, is not counted. CPU and memory are
read from /proc, so this runs on Linux only.
"""

import argparse
import asyncio
import contextlib
import os
import resource
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import yaml

from nemoguardrails_trust import TLM
from tests.benchmarks.canned_server import canned_server
from tests.benchmarks.table import Row, show
from tests.servers.openai import OpenAIServer, threaded_server
from tests.tlm.scene import is_judging

LATENCY = 0.1
AT_ONCE = 64
CONNECTIONS = 1000
ANSWER_SECONDS, JUDGE_SECONDS = 1.0, 0.1
ROUNDS = 3
STARTS = 3
LIST = 400
SCORE = "/api/v0/trustworthy_llm/get_confidence_score"
ASKED = {"prompt": "What does passage 7 tell?", "response": "It tells 7.", "quality": "low"}

_KEPT = tempfile.TemporaryDirectory()
COMPILED = {"PYTHONPYCACHEPREFIX": _KEPT.name, "PYTHONDONTWRITEBYTECODE": ""}
"""Has the first start compile what is imported, as pip does where it installs."""

_CORES = os.sched_getaffinity(0)
LIST_CALL = """
import os, sys, time
from cleanlab_tlm import TLM
prompts = [f"What does passage {place} tell?" for place in range(int(sys.argv[1]))]
responses = [f"It tells {place}." for place in range(int(sys.argv[1]))]
taken = []
for _ in range(int(sys.argv[2])):
    asking = TLM("low", api_key="none", verbose=False)
    started = time.perf_counter()
    results = asking.get_trustworthiness_score(prompts, responses)
    taken.append(time.perf_counter() - started)
    assert all(result["trustworthiness_score"] is not None for result in results)
print(min(taken))
"""

Request = Callable[[], Awaitable[Any]]


@dataclass(frozen=True)
class Served:
    """A server that runs.

    Attributes:
        url: Its address.
        process: It.
        start_seconds: How long it took until it could be reached.
    """

    url: str
    process: int
    start_seconds: float

    @property
    def cpu(self) -> float:
        """Seconds of CPU that it has used."""
        fields = Path(f"/proc/{self.process}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    @property
    def peak_megabytes(self) -> float:
        """The most memory that it has had."""
        lines = Path(f"/proc/{self.process}/status").read_text().splitlines()
        (peak,) = [line for line in lines if line.startswith("VmHWM")]
        return int(peak.split()[1]) / 1024


def on_core(place: int, process: int = 0) -> None:
    """Has a process, by default this one, run on one core, where there is more than one."""
    cores = sorted(_CORES)
    if len(cores) > 1:
        os.sched_setaffinity(process, {cores[place]})


@contextlib.contextmanager
def served(base_url: str, concurrency: int = AT_ONCE) -> Iterator[Served]:
    """Runs the command on a model's server."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    backend = {"model": "m", "base_url": base_url, "concurrency": concurrency}
    with tempfile.NamedTemporaryFile("w", suffix=".yml") as file:
        yaml.safe_dump({"backends": {"own": backend}}, file)
        file.flush()
        words = ["serve", "--config", file.name, "--port", str(port)]
        begun = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, "-m", "nemoguardrails_trust.cli", *words],
            env=os.environ | COMPILED,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            while True:
                with contextlib.suppress(OSError):
                    urllib.request.urlopen(f"http://127.0.0.1:{port}/health").close()
                    break
                time.sleep(0.02)
            took = time.perf_counter() - begun
            on_core(0, process.pid)
            yield Served(f"http://127.0.0.1:{port}", process.pid, took)
        finally:
            process.terminate()
            process.wait()


async def median_seconds(request: Request, times: int = 40) -> float:
    """The median of requests one after another."""
    await request()
    taken = []
    for _ in range(times):
        started = time.perf_counter()
        await request()
        taken.append(time.perf_counter() - started)
    return statistics.median(taken)


async def seconds_of(request: Request, count: int, at_once: int) -> float:
    """How long so many requests take, so many at once."""
    gate = asyncio.Semaphore(at_once)

    async def one() -> None:
        async with gate:
            await request()

    await asyncio.gather(*(one() for _ in range(at_once)))
    started = time.perf_counter()
    await asyncio.gather(*(one() for _ in range(count)))
    return time.perf_counter() - started


async def in_process(base_url: str, scores: int) -> tuple[float, float, float]:
    """Median seconds of one, seconds of all, and milliseconds of CPU for each."""
    async with TLM("low", model="m", base_url=base_url, api_key="x", concurrency=AT_ONCE) as tlm:

        async def request() -> None:
            found = await tlm.get_trustworthiness_score_async(ASKED["prompt"], ASKED["response"])
            assert found["trustworthiness_score"] is not None

        one = await median_seconds(request)
        started = time.process_time()
        every = await seconds_of(request, scores, AT_ONCE)
        cpu = (time.process_time() - started) / (scores + AT_ONCE)
    return one, every, cpu * 1e3


async def over_http(server: Served, scores: int) -> tuple[float, float, float]:
    """The same over the server; the CPU is the server's."""
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(server.url, connector=connector) as session:

        async def request() -> None:
            async with session.post(SCORE, json=ASKED) as response:
                assert (await response.json())["confidence_score"] is not None

        one = await median_seconds(request)
        started = server.cpu
        every = await seconds_of(request, scores, AT_ONCE)
        cpu = (server.cpu - started) / (scores + AT_ONCE)
    return one, every, cpu * 1e3


async def lost_of_many(server: Served) -> int:
    """How many of many connections at once end without a score."""
    connector = aiohttp.TCPConnector(limit=0, force_close=True)
    timeout = aiohttp.ClientTimeout(total=250)
    async with aiohttp.ClientSession(server.url, connector=connector, timeout=timeout) as session:

        async def request() -> bool:
            async with session.post(SCORE, json=ASKED) as response:
                return response.status == 200 and "confidence_score" in await response.json()

        answers = await asyncio.gather(
            *(request() for _ in range(CONNECTIONS)), return_exceptions=True
        )
    return sum(answer is not True for answer in answers)


def seconds_of_list(api: str) -> float:
    """How long a call of `cleanlab-tlm` with a list takes, the best of some."""
    environment = os.environ | {"CLEANLAB_API_BASE_URL": api}
    words = [sys.executable, "-c", LIST_CALL, str(LIST), str(ROUNDS)]
    ran = subprocess.run(words, env=environment, capture_output=True, text=True, check=True)
    return float(ran.stdout.split()[-1])


def least_seconds_of_list() -> float:
    """Requests x latency / the client's concurrency, as that grows while the call lasts.

    Four at once, twice as many with each answer up to 16, then one more with each.
    """
    left, at_once, seconds = LIST, 4, 0.0
    while left > 0:
        now = min(left, at_once)
        for _ in range(now):
            at_once = min(2 * at_once, 16) if at_once < 16 else min(at_once + 1, 512)
        left -= now
        seconds += LATENCY
    return seconds


def seconds_of_chat() -> float:
    """Median seconds of a chat completion with a medium score."""

    def latency(body: dict[str, Any]) -> float:
        return JUDGE_SECONDS if is_judging(body) else ANSWER_SECONDS

    def words(body: dict[str, Any]) -> str:
        return "True 90" if is_judging(body) else "Paris"

    async def measure(server: Served) -> float:
        async with aiohttp.ClientSession(server.url) as session:
            messages = [{"role": "user", "content": "What is the capital of France?"}]

            async def request() -> None:
                async with session.post("/v1/chat/completions", json={"messages": messages}) as got:
                    metadata = (await got.json())["tlm_metadata"]
                    assert metadata["trustworthiness_score"] > 0.5

            return await median_seconds(request, 5)

    with (
        threaded_server(OpenAIServer(answer=words, latency=latency)) as model,
        served(model.base_url) as server,
    ):
        return asyncio.run(measure(server))


def main() -> int:
    """Prints the figures; 1 where a bound is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scores", type=int, default=1500)
    scores = parser.parse_args().scores
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    on_core(1)
    with canned_server(LATENCY) as base_url:  # on the core of whom it is started by
        starts = []
        for _ in range(1 + STARTS):
            with served(base_url) as server:
                starts.append(server.start_seconds)
        del starts[0]
        inside, over = [], []
        with served(base_url) as server:
            for _ in range(ROUNDS):
                on_core(0)
                inside.append(asyncio.run(in_process(base_url, scores)))
                on_core(1)
                over.append(asyncio.run(over_http(server, scores)))
            lost = asyncio.run(lost_of_many(server))
            peak = server.peak_megabytes
        with served(base_url, concurrency=512) as server:
            listed = seconds_of_list(f"{server.url}/api")
    on_core(0)
    with canned_server(LATENCY) as waiting:
        on_core(1)
        listed_at_best = seconds_of_list(waiting)
    one, every, cpu = (min(column) for column in zip(*inside, strict=True))
    one_http, every_http, cpu_http = (min(column) for column in zip(*over, strict=True))
    least = least_seconds_of_list()
    rows = [
        Row("until the server answers /health, s", statistics.median(starts), at_most=2.0),
        Row("one score over the server, times the same in process", one_http / one, at_most=1.08),
        Row("one score in process, s", one, digits=4),
        Row(f"{AT_ONCE} at once: throughput, times in process", every / every_http, at_least=0.85),
        Row(f"{AT_ONCE} at once: scores a second over the server", scores / every_http, digits=0),
        Row("CPU of a request over that in process, ms", cpu_http - cpu, at_most=1.5),
        Row("CPU of a score in process, ms", cpu),
        Row(f"{CONNECTIONS} connections at once: lost", lost, at_most=0, digits=0),
        Row("memory at its peak, MB", peak, at_most=400, digits=0),
        Row(f"{LIST} items in one call of cleanlab-tlm, s", listed),
        Row("that over requests x latency / its concurrency", listed / least, at_most=1.3),
        Row("the same of a server that only waits", listed_at_best / least),
        Row("chat completion with a medium score, s", seconds_of_chat(), at_most=1.25),
    ]
    return 0 if show("The server", rows) else 1


if __name__ == "__main__":
    raise SystemExit(main())
