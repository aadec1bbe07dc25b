"""How fast, how frugally and how safely data sets are scored.

python -m tests.benchmarks.datasets [throughput] [memory] [start] [files] [kill]
"""

import argparse
import asyncio
import csv
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import aiohttp

from nemoguardrails_trust.datasets import score_dataset
from nemoguardrails_trust.datasets.files import open_source
from nemoguardrails_trust.datasets.runs import fingerprinted
from tests.benchmarks.canned_server import canned_server
from tests.datasets.samples import read
from tests.datasets.scorers import CALL_LOG, LATENCY, TestScorer

PAIRS = 10_000
SECONDS = 0.1
CAP = 256
ROWS_TO_KILL = 2_000
KILLS = 20
CALLS = {"low": 1, "medium": 2}


def make_data(path: Path, rows: int) -> Path:
    """A CSV file of prompts and responses."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "prompt", "response", "context"])
        for index in range(rows):
            text = f"Passage {index} tells what is asked. " * 8
            writer.writerow([index, f"What does passage {index} tell?", f"It tells {index}.", text])
    return path


def command(data: Path, out: Path, *more: object) -> list[str]:
    """The command line that scores a file."""
    start = [sys.executable, "-m", "tests.datasets.command", str(data), "--out", str(out)]
    return [*start, *map(str, more)]


def throughput(folder: Path) -> bool:
    """Wall-clock time against requests x latency / cap; bare aiohttp in the same run."""
    data = make_data(folder / "pairs.csv", PAIRS)
    with canned_server(SECONDS) as url:
        floor = PAIRS * SECONDS / CAP
        kept = True
        seconds = asyncio.run(_bare(url))
        print(
            f"bare aiohttp: {PAIRS} requests in {seconds:.2f} s, floor {floor:.2f} s: "
            f"{seconds / floor:.2f} times the floor"
        )
        for quality, calls in CALLS.items():
            out = folder / f"{quality}.csv"
            more = ("--model", "m", "--base-url", url, "--quality", quality)
            started = time.perf_counter()
            told = _run(command(data, out, *more, "--concurrency", CAP, "--json"))
            whole = time.perf_counter() - started
            floor = told["calls"] * SECONDS / CAP
            assert told["calls"] >= calls * PAIRS
            assert told["errors"] == 0
            print(
                f"{quality}: {told['rows']} pairs, {told['calls']} requests in "
                f"{told['seconds']:.2f} s, floor {floor:.2f} s: "
                f"{told['seconds'] / floor:.2f} times the floor (to reach: 1.3); "
                f"{told['calls'] / told['seconds']:.0f} requests/s, "
                f"{told['rows'] / told['seconds']:.0f} rows/s; "
                f"processor time {told['cpu'] / told['rows'] * 1e3:.2f} ms a row; "
                f"whole process {whole:.2f} s"
            )
            kept = kept and told["seconds"] / floor <= 1.3
    return kept


async def _bare(url: str) -> float:
    left = iter(range(PAIRS))
    body = {"model": "m", "messages": [{"role": "user", "content": "What is told? " * 20}]}

    async def worker(session: aiohttp.ClientSession) -> None:
        for _ in left:
            async with session.post(f"{url}/chat/completions", json=body) as response:
                await response.json()

    started = time.perf_counter()
    connector = aiohttp.TCPConnector(limit=CAP)
    async with aiohttp.ClientSession(connector=connector) as session, asyncio.TaskGroup() as tasks:
        for _ in range(CAP):
            tasks.create_task(worker(session))
    return time.perf_counter() - started


def _run(arguments: Sequence[str], **environment: str) -> dict[str, Any]:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        arguments,
        check=True,
        capture_output=True,
        env={**os.environ, "OPENAI_API_KEY": "none", **environment},
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    told: dict[str, Any] = json.loads(done.stdout)
    told["cpu"] = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return told


def memory(folder: Path) -> bool:
    """Peak resident memory of the whole process, at 1,000 and at 100,000 rows."""
    peaks = {}
    for rows in (1_000, 100_000):
        data = make_data(folder / f"{rows}.csv", rows)
        out = folder / f"scored-{rows}.csv"
        more = ("--scorer", "tests.datasets.scorers:create", "--json")
        with subprocess.Popen(command(data, out, *more), stdout=subprocess.PIPE) as process:
            peaks[rows] = _peak_megabytes(process)
            told = json.loads(process.communicate()[0])
        assert process.returncode == 0
        print(
            f"{rows:,} rows, scored without any waiting: {rows / told['seconds']:,.0f} rows/s; "
            f"peak resident memory {peaks[rows]:.1f} MB"
        )
    print(f"growth: {peaks[100_000] - peaks[1_000]:.1f} MB (to reach: under 20)")
    return peaks[100_000] - peaks[1_000] < 20


def _peak_megabytes(process: "subprocess.Popen[bytes]") -> float:
    status = Path(f"/proc/{process.pid}/status")
    peak = 0.0
    while process.poll() is None:
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM:"):
                peak = int(line.split()[1]) / 1000
        time.sleep(0.02)
    return peak


def start(folder: Path) -> bool:
    """From the start of the process to the first score that is written down."""
    data = make_data(folder / "start.csv", 100_000)
    taken = []
    with canned_server(0.0) as url:
        for attempt in range(5):
            out = folder / f"start-{attempt}.csv"
            more = ("--model", "m", "--base-url", url, "--quality", "low")
            journal = folder / f"{out.name}.shards" / "shard-00000000.journal"
            started = time.perf_counter()
            process = subprocess.Popen(
                command(data, out, *more),
                stdout=subprocess.DEVNULL,
                env={**os.environ, "OPENAI_API_KEY": "none"},
            )
            while not (journal.exists() and journal.stat().st_size):
                assert process.poll() is None
                time.sleep(0.002)
            taken.append(time.perf_counter() - started)
            process.kill()
            process.wait()
    print(f"start to first score: {sorted(taken)[2]:.2f} s, the median of 5 (to reach: under 1.5)")
    return sorted(taken)[2] < 1.5


def kill(folder: Path) -> bool:
    """Killed at random moments and started again each time."""
    data = make_data(folder / "kill.csv", ROWS_TO_KILL)
    out, calls = folder / "killed.jsonl", folder / "calls"
    environment = {**os.environ, CALL_LOG: str(calls), LATENCY: "0.1"}
    arguments = command(
        data,
        out,
        "--scorer",
        "tests.datasets.scorers:create",
        "--concurrency",
        16,
        "--shard-size",
        100,
    )
    moments = random.Random(0)
    kills = starts = 0
    kept = b""
    while not out.exists():
        starts += 1
        made = calls.stat().st_size if calls.exists() else 0
        process = subprocess.Popen(arguments, env=environment, stdout=subprocess.DEVNULL)
        # From the first call on, which comes sooner on one machine than on another.
        while process.poll() is None and not (calls.exists() and calls.stat().st_size > made):
            time.sleep(0.002)
        try:
            ended = process.wait(moments.uniform(0.0, 0.6) if kills < KILLS else None)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            kills += 1
            kept = b"".join(path.read_bytes() for path in folder.glob("*.shards/shard-*"))
        else:
            assert ended == 0
    called = calls.read_text().splitlines()
    rows = [row["id"] for row in read(out)]
    print(
        f"killed {kills} times in {starts} starts: {len(rows)} rows, {len(set(rows))} distinct, "
        f"in order: {rows == [str(i) for i in range(ROWS_TO_KILL)]}; "
        f"{len(called) - len(set(called))} calls repeated (to reach: at most {16 * kills}); "
        f"{len(kept) / len(kept.splitlines()):.0f} bytes a row in OUT.shards"
    )
    in_order = rows == [str(i) for i in range(ROWS_TO_KILL)]
    return in_order and len(called) - len(set(called)) <= 16 * kills


def files(folder: Path) -> bool:
    """What goes one row after another: reading, and checking and writing out what is scored."""
    rows = 100_000
    data = make_data(folder / "files.csv", rows)
    with data.open("a") as file:
        file.write("last,prompt,bad,\n")  # a row that fails, so that the shards are kept
    source = open_source(data)
    for what, work in (
        ("reading", source.rows),
        ("reading and fingerprinting", lambda: fingerprinted(source)),
    ):
        started = time.perf_counter()
        count = sum(1 for _ in work())
        print(f"{what} CSV: {count / (time.perf_counter() - started):,.0f} rows/s")
    for what in ("scoring without any waiting", "checking and writing out what is scored"):
        started = time.perf_counter()
        score_dataset(data, scorer=TestScorer(), out=folder / "out.csv")
        print(f"{what}: {rows / (time.perf_counter() - started):,.0f} rows/s")
    return True


# Each tells whether its bounds are kept.
BENCHMARKS: dict[str, Callable[[Path], bool]] = {
    "throughput": throughput,
    "memory": memory,
    "start": start,
    "files": files,
    "kill": kill,
}


def main() -> int:
    """Runs the benchmarks that are named, or all; 1 where a bound is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("which", nargs="*", choices=[*BENCHMARKS, []], default=[])
    kept = True
    for name in parser.parse_args().which or BENCHMARKS:
        with tempfile.TemporaryDirectory() as folder:
            kept = BENCHMARKS[name](Path(folder)) and kept
    return 0 if kept else 1


if __name__ == "__main__":
    raise SystemExit(main())
