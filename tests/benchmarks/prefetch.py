"""How long a turn takes with the rail, where samples are drawn while the answer is written.

    python -m tests.benchmarks.prefetch

A local server takes 1 s for an answer and for samples, and 0.1 s for a judgement of one token. The
bots run on NeMo Guardrails' own runtime, in turn, so that the figures of a run can be compared.
"""

import asyncio
import statistics
import sys
import time
from typing import Any

from nemoguardrails import LLMRails, RailsConfig
from rich.console import Console
from rich.table import Table

from nemoguardrails_trust.guardrail.plugin import register
from tests.servers.openai import OpenAIServer, threaded_server

ANSWER_SECONDS, JUDGEMENT_SECONDS = 1.0, 0.1
AT_MOST = 1.25
TURNS = 5

MODEL = """
models:
  - {{type: main, engine: openai, model: gpt-test, parameters: {{base_url: "{url}", api_key: x}}}}
"""
RAIL = """
import_paths: [nemoguardrails_trust/rail]
rails: {{output: {{flows: [cleanlab trustworthiness]}}}}
custom_data: {{trust: {{cache: 0, {settings}}}}}
"""
BOTS = {
    "without the rail": None,
    "medium": "quality: medium",
    "medium, prefetch": "quality: medium, prefetch: true",
    "best, prefetch": "quality: best, prefetch: true",
    "base, token probabilities": "quality: base",
}


def is_judgement(body: dict[str, Any]) -> bool:
    """Whether a request asks for one token, as the judge does."""
    return "True or False" in str(body["messages"])


def answer(body: dict[str, Any]) -> str:
    """What the server says."""
    return "True" if is_judgement(body) else "Paris"


def latency(body: dict[str, Any]) -> float:
    """How long it takes to say it."""
    return JUDGEMENT_SECONDS if is_judgement(body) else ANSWER_SECONDS


def make_bot(url: str, settings: str | None) -> LLMRails:
    """A bot that has the rail with these settings, or has no rail."""
    rail = "" if settings is None else RAIL.format(settings=settings)
    return LLMRails(RailsConfig.from_content(yaml_content=MODEL.format(url=url) + rail))


async def measure(url: str) -> dict[str, list[float]]:
    """The seconds of each bot's turns; the first one, which opens connections, is left out."""
    bots = {name: make_bot(url, settings) for name, settings in BOTS.items()}
    seconds: dict[str, list[float]] = {name: [] for name in bots}
    for turn in range(TURNS + 1):
        for name, rails in bots.items():
            question = [{"role": "user", "content": f"Which capital is number {turn}?"}]
            started = time.perf_counter()
            message = await rails.generate_async(messages=question)
            if turn:
                seconds[name].append(time.perf_counter() - started)
            if message["content"] != "Paris":
                raise RuntimeError(f"{name}: the answer was not trusted: {message['content']}")
    return seconds


def main() -> int:
    """Prints the figures; returns 1 where the goal is missed."""
    register()
    with threaded_server(OpenAIServer(answer=answer, latency=latency)) as server:
        seconds = asyncio.run(measure(server.base_url))
        requests = len(server.received) // (TURNS + 1)
    median = {name: statistics.median(item) for name, item in seconds.items()}
    bare = median["without the rail"]
    table = Table("bot", "seconds a turn (median)", "slowest", "times that without the rail")
    for name, value in median.items():
        table.add_row(name, f"{value:.3f}", f"{max(seconds[name]):.3f}", f"{value / bare:.3f}")
    console = Console()
    console.print(table)
    console.print(f"{TURNS} turns each; {requests} requests for one turn of all bots together")
    ratio = median["medium, prefetch"] / bare
    reached = ratio <= AT_MOST
    console.print(
        f"medium with prefetch: {ratio:.3f} times a bare turn; goal: at most {AT_MOST}: "
        f"{'reached' if reached else 'MISSED'}"
    )
    return 0 if reached else 1


if __name__ == "__main__":
    sys.exit(main())
