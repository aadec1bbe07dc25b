"""The demonstration: a real guardrails runtime asks recorded trivia questions."""

import json
import logging
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from nemoguardrails import LLMRails, RailsConfig

from nemoguardrails_trust.datasets.shipped import examples_folder
from nemoguardrails_trust.guardrail import missing
from nemoguardrails_trust.guardrail.plugin import register
from nemoguardrails_trust.guardrail.quiet import quiet

RECORDED_NOTE = (
    "The answers and samples were recorded from LLaMA-13B; no model runs. No judgements were "
    "recorded, so the scores rest on samples alone. Right and wrong are the data set's labels, "
    "made by comparing texts; some of them are mistaken."
)


@dataclass(frozen=True, slots=True)
class Turn:
    """One question, as the bot answered it; `correct` is what the recorded label says."""

    question: str
    answer: str
    score: float | None
    flagged: bool
    correct: bool
    shown: str
    threshold: float
    calls: int


@dataclass(frozen=True, slots=True)
class Summary:
    """The figures of a demonstration.

    Attributes:
        turns: Questions asked.
        flagged: Answers that the rail marked.
        accuracy_all: Share of right answers among all.
        accuracy_kept: Share of right answers among those not flagged; `None` without any.
        wrong_caught: Share of the wrong answers that were flagged; `None` without any.
        right_flagged: Share of the right answers that were flagged: false alarms; `None` without
            any.
        threshold: Scores below it are flagged.
        calls_per_score: Requests to the model for one score, on average.
        seconds: Wall-clock time of all turns.
    """

    turns: int
    flagged: int
    accuracy_all: float
    accuracy_kept: float | None
    wrong_caught: float | None
    right_flagged: float | None
    threshold: float
    calls_per_score: float
    seconds: float


async def play(limit: int) -> AsyncIterator[Turn]:
    """Asks the first `limit` recorded questions, and yields each turn as it ends."""
    register()
    folder = examples_folder() / "trivia"  # in the package, or in the checkout
    rails = LLMRails(RailsConfig.from_path(str(folder)))
    lines = (folder / "recorded.jsonl").read_text(encoding="utf-8").splitlines()
    with quiet(missing.__name__, level=logging.ERROR):  # the note says what is missing
        for line in lines[:limit]:
            yield await _played(rails, json.loads(line))


async def _played(rails: LLMRails, row: dict[str, Any]) -> Turn:
    response = await rails.generate_async(
        messages=[{"role": "user", "content": row["prompt"]}],
        options={"output_vars": ["trust"]},
    )
    trust = response.output_data["trust"]
    return Turn(
        question=row["prompt"],
        answer=row["response"],
        score=trust["trustworthiness_score"],
        flagged=trust["status"] != "trusted",
        correct=bool(row["correct"]),
        shown=response.response[-1]["content"],
        threshold=trust["threshold"],
        calls=trust["usage"]["calls"],
    )


def summarize(turns: list[Turn], started: float) -> Summary:
    """Adds up the turns that began at `started`, a time of `time.perf_counter`."""
    kept = [turn for turn in turns if not turn.flagged]
    wrong = [turn for turn in turns if not turn.correct]
    right = [turn for turn in turns if turn.correct]
    return Summary(
        turns=len(turns),
        flagged=len(turns) - len(kept),
        accuracy_all=sum(turn.correct for turn in turns) / len(turns),
        accuracy_kept=sum(turn.correct for turn in kept) / len(kept) if kept else None,
        wrong_caught=sum(turn.flagged for turn in wrong) / len(wrong) if wrong else None,
        right_flagged=sum(turn.flagged for turn in right) / len(right) if right else None,
        threshold=turns[0].threshold,
        calls_per_score=round(sum(turn.calls for turn in turns) / len(turns), 1),
        seconds=time.perf_counter() - started,
    )
