"""What a score of the local scorer costs: requests, tokens, round trips, CPU, and samples saved.

    python -m tests.benchmarks.local_scorer

The servers answer after 100 ms (CPU: at once) from a process of their own. CPU is this process's,
beside that of two bare aiohttp requests with the same bodies.
"""

import asyncio
import json
import statistics
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
from rich.console import Console
from rich.table import Table

from nemoguardrails_trust.exchange import Exchange
from nemoguardrails_trust.models.limits import Limits
from nemoguardrails_trust.models.openai import OpenAICompatibleModel
from nemoguardrails_trust.models.prompts import sample_messages
from nemoguardrails_trust.models.replay import ReplayModel
from nemoguardrails_trust.scorers.base import QualityPreset, ScorerSettings
from nemoguardrails_trust.scorers.local.scorer import LocalScorer
from nemoguardrails_trust.scores import TrustworthinessScore
from nemoguardrails_trust.signals.reflection import reflection_messages
from tests.benchmarks.canned_server import canned_server
from tests.signals.tokens import most_tokens

DATA = Path(__file__).parents[1] / "data"
LATENCY = 0.1
CPU_ROUNDS = 51
PROMPT = "Who wrote the opera that was first performed in Cairo in 1871, and where was he born?"
RESPONSE = "The opera is Aida; Giuseppe Verdi, its composer, was born in Le Roncole near Busseto."
SENTENCES = (
    "Giuseppe Verdi wrote Aida. He was born in Le Roncole.",
    "That was Verdi, who came from Le Roncole, a village near Busseto in Parma.",
    "Aida, by Giuseppe Verdi, born in Busseto.",
    "Gioachino Rossini, born in Pesaro.",
    "It was Giacomo Puccini; he was born in Lucca.",
)
NAMES = ("Verdi", "Giuseppe Verdi", "Verdi", "Gioachino Rossini", "Giacomo Puccini")
EXCHANGE = Exchange.of(PROMPT, RESPONSE)
SHORT = Exchange.of("Who wrote the opera Aida?", "Giuseppe Verdi")
REQUESTS: dict[QualityPreset, int] = {"base": 1, "low": 1, "medium": 2, "high": 3, "best": 5}
Once = Callable[[], Awaitable[None]]
SETS = {"triviaqa-llama13b": 5, "gsm8k-qwen-math": 8, "math500-qwen-math": 8}


@dataclass(frozen=True)
class Row:
    """One line of the table.

    Attributes:
        figure: What was measured.
        measured: The result.
        goal: What it may be at most; `None` where there is no goal.
        digits: Decimal places to show.
    """

    figure: str
    measured: float
    goal: float | None
    digits: int = 2


def say(body: dict[str, Any], index: int) -> str:
    """The server's answers: a judge's word, a comparison, or samples in many wordings."""
    prompt = body["messages"][-1]["content"]
    if "JSON object" in prompt:
        return '{"1": "same", "2": "partly", "3": "different"}'
    if body.get("logprobs"):
        return "True"
    return (SENTENCES if prompt == PROMPT else NAMES)[index % 5]


def scorer_on(url: str, quality: QualityPreset = "medium") -> LocalScorer:
    model = OpenAICompatibleModel("m", base_url=url, api_key="", limits=Limits(64))
    return LocalScorer(model, ScorerSettings(quality=quality))


async def requests_of_presets(url: str) -> list[Row]:
    rows = []
    for quality, goal in REQUESTS.items():
        scorer = scorer_on(url, quality)
        await scorer.score(EXCHANGE)
        score = await scorer.score(EXCHANGE)
        rows.append(Row(f"requests of {quality}", score.usage.calls, goal, 0))
        await scorer.aclose()
    return rows


def prompt_tokens() -> list[Row]:
    """The upper bound of what `medium` sends beside the exchange itself.

    It varies with the digits in the prompt's random marks; the greatest of many is taken.
    """
    theirs = 2 * most_tokens(PROMPT) + most_tokens(RESPONSE)
    sent = max(
        sum(
            most_tokens(item.content)
            for item in (*reflection_messages(EXCHANGE), *sample_messages(EXCHANGE))
        )
        for _ in range(500)
    )
    return [Row("prompt tokens of medium beside the exchange", sent - theirs, 300, 0)]


async def round_trips(url: str) -> list[Row]:
    goals: dict[QualityPreset, float] = {"medium": 1.15, "best": 2.2}
    rows = []
    for quality, goal in goals.items():
        scorer = scorer_on(url, quality)
        await scorer.score(EXCHANGE)
        seconds = [(await scorer.score(EXCHANGE)).usage.seconds for _ in range(15)]
        trips = statistics.median(seconds) / LATENCY
        rows.append(Row(f"round trips of {quality}, median of 15", trips, goal))
        await scorer.aclose()
    return rows


async def two_hundred_at_once(url: str) -> list[Row]:
    scorer = scorer_on(url)
    # What the server takes is learnt with the first score.
    await scorer.score(EXCHANGE)
    seconds = []
    for _ in range(5):
        started = time.perf_counter()
        scores = await asyncio.gather(*(scorer.score(EXCHANGE) for _ in range(200)))
        seconds.append(time.perf_counter() - started)
        assert all(_is_whole(score) for score in scores)
    await scorer.aclose()
    return [Row("seconds for 200 scores at once, median of 5", statistics.median(seconds), 1.0)]


async def cpu(url: str) -> list[Row]:
    """Both in short turns, and the median of their ratios.

    The two of a round run at the same pace of the machine, which changes within seconds.
    """
    rows = []
    for name, exchange in (("names", SHORT), ("sentences", EXCHANGE)):
        async with _bare_requests(url, exchange) as bare, _scores(url, exchange) as score:
            rounds = [
                (await _milliseconds(bare), await _milliseconds(score)) for _ in range(CPU_ROUNDS)
            ]
        theirs, ours = (statistics.median(column) for column in zip(*rounds, strict=True))
        ratio = statistics.median(score / bare for bare, score in rounds)
        rows += [
            Row(f"two bare requests, ms CPU ({name})", theirs, None),
            Row(f"a medium score, ms CPU ({name})", ours, None),
            Row(f"CPU of a medium score over theirs ({name})", ratio, 6.0),
        ]
    return rows


@asynccontextmanager
async def _bare_requests(url: str, exchange: Exchange) -> AsyncIterator[Once]:
    """The requests of a `medium` score, as aiohttp alone makes them."""
    (judged,) = reflection_messages(exchange)
    common = {"model": "m", "temperature": 1.0}
    bodies = [
        common
        | {"messages": [{"role": "user", "content": judged.content}]}
        | {"max_tokens": 1, "logprobs": True, "top_logprobs": 20},
        common | {"messages": [{"role": "user", "content": exchange.question}], "n": 5},
    ]
    async with aiohttp.ClientSession() as session:

        async def request(body: dict[str, Any]) -> None:
            async with session.post(f"{url}/chat/completions", json=body) as response:
                assert (await response.json())["choices"]

        async def both() -> None:
            await asyncio.gather(*(request(body) for body in bodies))

        yield both


@asynccontextmanager
async def _scores(url: str, exchange: Exchange) -> AsyncIterator[Once]:
    scorer = scorer_on(url)

    async def score() -> None:
        assert _is_whole(await scorer.score(exchange))

    try:
        yield score
    finally:
        await scorer.aclose()


async def _milliseconds(once: Once, count: int = 25) -> float:
    """This process's CPU for each of `count` calls, one after another."""
    await once()
    started = time.process_time()
    for _ in range(count):
        await once()
    return (time.process_time() - started) / count * 1000


def _is_whole(score: TrustworthinessScore) -> bool:
    return len(score.signals) == 2 and score.error is None


async def samples_saved() -> list[Row]:
    """Every recorded answer is scored with all samples, then one a round with a decision at 0.6."""
    rows, drawn, planned, changed = [], 0, 0, 0
    for name, count in SETS.items():
        path = DATA / f"{name}.jsonl"
        whole, early = (_replaying(path, count, rounds) for rounds in (1, count))
        drawn_here = planned_here = 0
        for line in path.read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            exchange = Exchange.of(row["prompt"], row["response"])
            with_all = await whole.score(exchange)
            with_some = await early.score(exchange, decide_at=0.6)
            assert with_all.score is not None
            assert with_some.score is not None
            changed += (with_all.score < 0.6) != (with_some.score < 0.6)
            planned_here += with_all.usage.samples
            drawn_here += with_some.usage.samples
        goal = 0.65 if count == 8 else None
        share = drawn_here / planned_here
        rows.append(Row(f"share of {count} samples drawn, {name}", share, goal, 3))
        drawn, planned = drawn + drawn_here, planned + planned_here
    return [
        *rows,
        Row("share of samples drawn, all", drawn / planned, None, 3),
        Row("decisions changed", changed, 0, 0),
    ]


def _replaying(path: Path, count: int, rounds: int) -> LocalScorer:
    settings = ScorerSettings(rounds=rounds)
    return LocalScorer(ReplayModel.from_file(path), settings, samples=count, reflections=0)


def main() -> int:
    """Prints the figures; 1 where a bound is missed."""
    table = Table("figure", "measured", "at most", "", title="The local scorer")
    rows = prompt_tokens()
    with canned_server(LATENCY, say) as url:
        for measure in (requests_of_presets, round_trips, two_hundred_at_once):
            rows += asyncio.run(measure(url))
    with canned_server(0.0, say) as url:
        rows += asyncio.run(cpu(url))
    rows += asyncio.run(samples_saved())
    for row in rows:
        goal = "" if row.goal is None else f"{row.goal:g}"
        verdict = "" if row.goal is None else "reached" if row.measured <= row.goal else "MISSED"
        table.add_row(row.figure, f"{row.measured:.{row.digits}f}", goal, verdict)
    Console(highlight=False).print(table)
    return 0 if all(row.goal is None or row.measured <= row.goal for row in rows) else 1


if __name__ == "__main__":
    raise SystemExit(main())
