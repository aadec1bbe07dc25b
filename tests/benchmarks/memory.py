"""What a turn leaves in memory: NeMo Guardrails keeps the events of every conversation.

    python -m tests.benchmarks.memory [turns]

A bot with the rail and one with an output rail that does nothing have as many turns, each of a
conversation of its own. What is allocated after them and was not before, by Python's own count,
is divided by the turns.
"""

import asyncio
import gc
import sys
import tracemalloc

from nemoguardrails import LLMRails, RailsConfig
from nemoguardrails.testing import FakeLLMModel
from nemoguardrails.types import LLMResponse

from nemoguardrails_trust import (
    Exchange,
    ScorerSettings,
    Signal,
    TrustworthinessScore,
    Usage,
    register,
)
from tests.benchmarks.rail import IDLE_FLOW, IDLE_RAIL, do_nothing
from tests.benchmarks.table import Row, show

TURNS = 500
WARM_UP = 30
RAIL = """
import_paths: [nemoguardrails_trust/rail]
rails: {output: {flows: [cleanlab trustworthiness]}}
custom_data: {trust: {scorer: "tests.benchmarks.memory:make", cache: 0}}
"""


class _Scorer:
    """Gives a score as full as the local scorer's."""

    name = "full"

    async def score(self, exchange: Exchange) -> TrustworthinessScore:
        """Scores an exchange."""
        details = {"agreements": [1.0, 1.0, 0.0, 1.0, 1.0], "distinct": 2}
        return TrustworthinessScore(
            0.3,
            signals={"reflection": Signal(0.2), "consistency": Signal(0.8, details)},
            explanation=f"{exchange.question} can be doubted. " * 5,
            alternatives=(f"Not {exchange.response}",),
            usage=Usage(calls=2, samples=5, prompt_tokens=400, completion_tokens=90),
            scorer=self.name,
        )


def make(settings: ScorerSettings) -> _Scorer:
    """The factory that the configuration names."""
    return _Scorer()


class _Model(FakeLLMModel):  # type: ignore[misc]
    def _next_response(self) -> LLMResponse:
        return LLMResponse(content="Paris, of course.")


def _bot(config: RailsConfig) -> LLMRails:
    rails = LLMRails(config, llm=_Model())
    rails.register_action(do_nothing)
    return rails


async def _left_by(rails: LLMRails, turns: int) -> float:
    """Bytes that a turn leaves, on average."""

    async def turn(number: int) -> None:
        question = f"What is the capital of country {number:06}?"
        await rails.generate_async(messages=[{"role": "user", "content": question}])

    for number in range(WARM_UP):
        await turn(number)
    gc.collect()
    tracemalloc.start()
    for number in range(WARM_UP, WARM_UP + turns):
        await turn(number)
    gc.collect()
    left, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return left / turns


def main() -> int:
    """Measures both bots, and holds the rail's turn to its bound."""
    turns = int(sys.argv[1]) if len(sys.argv) > 1 and sys.argv[1].isdigit() else TURNS
    register()
    idle = _bot(RailsConfig.from_content(yaml_content=IDLE_RAIL, colang_content=IDLE_FLOW))
    ours = _bot(RailsConfig.from_content(yaml_content=RAIL))
    nothing = asyncio.run(_left_by(idle, turns)) / 1000
    scored = asyncio.run(_left_by(ours, turns)) / 1000
    kept = show(
        f"Memory, {turns:,} turns",
        [
            Row("a turn with a rail that does nothing, kB", nothing),
            Row("a turn with this rail, kB", scored),
            Row("this rail, kB", scored - nothing, at_most=2.0),
        ],
    )
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
