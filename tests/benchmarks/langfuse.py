"""How much time reading and writing add to the scoring of 1,000 traces, and with how many requests.

    python -m tests.benchmarks.langfuse

The server runs in a process of its own and takes 100 ms for each page; the scorer takes 100 ms for
each score. Every trace has some 6,000 characters of text in one generation and one retriever.
"""

import asyncio
import contextlib
import json
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from rich.console import Console
from rich.table import Table

from nemoguardrails_trust.exchange import Exchange
from nemoguardrails_trust.integrations.langfuse import (
    Connection,
    LangfuseClient,
    ScoringOptions,
    TraceQuery,
    TraceReport,
    run_scoring,
)
from nemoguardrails_trust.scores import TrustworthinessScore
from tests.servers.langfuse import PUBLIC_KEY, SECRET_KEY, LangfuseServer

TRACES = 1000
SECONDS = 0.1
RUNS = 3
SLOWDOWN = 1.2
READS_PER_100 = 2
WRITES_PER_100 = 1


class SlowScorer:
    """Takes its time for each score."""

    async def score(self, exchange: Exchange) -> TrustworthinessScore:
        await asyncio.sleep(SECONDS)
        return TrustworthinessScore(0.5, explanation="The samples agree in half of the cases.")


async def serve() -> None:
    """Serves the traces until standard input ends; prints the address, then what was asked."""
    server = LangfuseServer(latency=SECONDS, checking=False)
    random.seed(1)
    for number in range(TRACES):
        words = " ".join(random.choices(("alpha", "beta", "gamma", "delta"), k=500))
        chat = [{"role": "system", "content": words}, {"role": "user", "content": f"{number}?"}]
        passages = {"type": "RETRIEVER", "output": [words]}
        start = datetime.now(UTC) - timedelta(minutes=1, seconds=number)
        server.add_trace(chat, f"answer {number}", start=start, steps=[passages])
    async with server:
        print(server.url, flush=True)
        await asyncio.to_thread(sys.stdin.read)
    figures = {"reads": len(server.queries), "writes": server.writes, "scores": len(server.scores)}
    print(json.dumps(figures), flush=True)


@contextlib.contextmanager
def running_server() -> Iterator[tuple[str, dict[str, int]]]:
    """Runs the server; its figures are there when the context has ended."""
    command = [sys.executable, "-m", __spec__.name, "serve"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    figures: dict[str, int] = {}
    assert process.stdout is not None
    yield process.stdout.readline().strip(), figures
    rest, _ = process.communicate(timeout=30)
    figures.update(json.loads(rest))


async def score_alone(options: ScoringOptions) -> float:
    """Seconds that the same scores take without Langfuse, as many at once."""
    scorer, left = SlowScorer(), iter(range(TRACES))

    async def work() -> None:
        for _ in left:
            await scorer.score(Exchange(""))

    begun = time.perf_counter()
    async with asyncio.TaskGroup() as tasks:
        for _ in range(options.concurrency):
            tasks.create_task(work())
    return time.perf_counter() - begun


async def score_traced(url: str, options: ScoringOptions) -> TraceReport:
    client = LangfuseClient(Connection(PUBLIC_KEY, SECRET_KEY, url))
    try:
        return await run_scoring(client, SlowScorer(), TraceQuery(), options)
    finally:
        await client.aclose()


def main() -> int:
    """Prints the figures; 1 where a bound is missed."""
    options = ScoringOptions()
    table = Table("run", "scoring alone", "with Langfuse", "times", "reads", "writes")
    worst = reads = writes = 0.0
    for number in range(1, RUNS + 1):
        alone = asyncio.run(score_alone(options))
        figures: dict[str, Any]
        with running_server() as (url, figures):
            report = asyncio.run(score_traced(url, options))
        assert report.count("written") == figures["scores"] == TRACES
        times = report.seconds / alone
        worst = max(worst, times)
        reads = max(reads, 100 * figures["reads"] / TRACES)
        writes = max(writes, 100 * figures["writes"] / TRACES)
        seconds = (f"{alone:.2f} s", f"{report.seconds:.2f} s")
        table.add_row(
            str(number), *seconds, f"{times:.3f}", str(figures["reads"]), str(figures["writes"])
        )
    console = Console(highlight=False)
    console.print(table)
    missed = False
    for name, value, goal in (
        ("times the scoring alone, worst run", worst, SLOWDOWN),
        ("reading requests for 100 traces", reads, READS_PER_100),
        ("writing requests for 100 traces", writes, WRITES_PER_100),
    ):
        verdict = "reached" if value <= goal else "MISSED"
        console.print(f"{name}: {value:.3g} (goal: at most {goal:g}): {verdict}")
        missed = missed or value > goal
    return 1 if missed else 0


if __name__ == "__main__":
    if sys.argv[1:] == ["serve"]:
        asyncio.run(serve())
    else:
        sys.exit(main())
