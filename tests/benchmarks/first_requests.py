"""What trying out a server with a few requests saves where many are made at once at the start.

    python -m tests.benchmarks.first_requests

64 exchanges are scored at once by a new model. The server refuses what some servers refuse, and
each request that holds such a thing is asked again without it. The second time, nothing is tried
out first.
"""

import asyncio
import sys
import time
from collections.abc import Callable
from unittest.mock import patch

from nemoguardrails_trust import (
    Exchange,
    LocalScorer,
    Message,
    OpenAICompatibleModel,
    ScorerSettings,
)
from nemoguardrails_trust.models.scouts import Scout, Scouts
from tests.benchmarks.table import Row, show
from tests.servers.openai import OpenAIServer

SCORES = 64
LATENCY = 0.1
REFUSED = ("logprobs", "top_logprobs", "max_tokens", "temperature")
EXCHANGE = Exchange("42", (Message("user", "What is six times seven?"),))


async def go_ahead(_: Scouts, __: Callable[[], bool]) -> Scout | None:
    """Lets every request through at once."""
    return None


async def measure(refused: tuple[str, ...]) -> tuple[int, float]:
    """How many requests were refused, and the seconds until all scores are there."""
    async with OpenAIServer(latency=LATENCY, refused=refused) as server:
        model = OpenAICompatibleModel("gpt-test", base_url=server.base_url, api_key="x")
        scorer = LocalScorer(model, ScorerSettings())
        started = time.perf_counter()
        await asyncio.gather(*(scorer.score(EXCHANGE) for _ in range(SCORES)))
        seconds = time.perf_counter() - started
        await model.aclose()
        return sum(body.keys() & set(refused) != set() for body in server.bodies), seconds


def main() -> int:
    """Prints the table."""
    rows = []
    for refused in (REFUSED, ()):
        what = "four things are refused" if refused else "nothing is refused"
        tried, with_scouts = asyncio.run(measure(refused))
        with patch.object(Scouts, "enter", go_ahead):
            all_at_once, without = asyncio.run(measure(refused))
        rows += [
            Row(f"{what}: requests refused", tried, at_most=2 * len(REFUSED), digits=0),
            Row("the same, all at once", all_at_once, digits=0),
            Row(f"{what}: seconds", with_scouts),
            Row("the same, all at once", without),
        ]
    return 0 if show(f"The first {SCORES} scores of a new model", rows) else 1


if __name__ == "__main__":
    sys.exit(main())
