"""AUROC of the consistency alone on recorded answers, beside plain matching.

Run with `python -m tests.benchmarks.consistency_auroc`. The last rows are the trivia answers
again, put into sentences that repeat the question in many ways, as chat models write them, and
those with a further sentence that has nothing to do with the answer.
"""

import json
import random
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nemoguardrails_trust.calibration.evaluation import auroc
from nemoguardrails_trust.signals.consistency import compare

DATA = Path(__file__).parents[1] / "data"
SETS = (
    ("triviaqa-llama13b", 5, 0.93),
    ("gsm8k-qwen-math", 8, 0.885),
    ("math500-qwen-math", 8, 0.845),
)
_SENTENCES: tuple[Callable[[str, str], str], ...] = (
    lambda answer, rest: f"{answer}.",
    lambda answer, rest: f"The answer is {answer}.",
    lambda answer, rest: f"{answer} {rest}.",
    lambda answer, rest: f"The {rest} was {answer}.",
    lambda answer, rest: f"{rest.capitalize()} is {answer}, as far as I know.",
    lambda answer, rest: f"I believe that it is {answer} who {rest}.",
    lambda answer, rest: f"Based on common knowledge, {answer} is the one: {rest}.",
    lambda answer, rest: f"To the question about {rest}, one would reply with {answer}.",
    lambda answer, rest: f"It was {answer} that {rest}.",
)
_EXPLANATIONS = (
    "",
    " This is a widely known fact.",
    " It remains one of the most popular examples to this day.",
    " He was born in 1934 and grew up in Chicago.",
    " It was released in 1987 to great acclaim.",
    " The work is set in London and was translated into many languages.",
    " However, I am not completely certain about this.",
    " It is located in the north of the country.",
    " The name comes from Latin.",
    " Let me know if you have any other questions!",
)
_QUESTION_WORDS = re.compile(
    r"^(?:(?:in|for|at|on) )?(?:which|what|who|whose|whom|where|when|how)\b"
    r"(?: (?:is|was|are|were|did|does|do)\b)? *",
    re.IGNORECASE,
)

Row = dict[str, Any]


@dataclass(frozen=True)
class Measured:
    """What one set of recorded answers gives.

    Attributes:
        rows: How many answers.
        value: The area under the ROC curve of the consistency.
        low: The lower end of its 95 % interval.
        high: The upper end.
        plain: The area of the share of samples that equal the response, letter for letter.
        milliseconds: CPU time for one response with all its samples.
    """

    rows: int
    value: float
    low: float
    high: float
    plain: float
    milliseconds: float


def load(name: str) -> list[Row]:
    """The rows of a recorded set."""
    with (DATA / f"{name}.jsonl").open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def in_sentences(rows: list[Row], *, explained: bool = False, seed: int = 0) -> list[Row]:
    """The rows with each answer in a sentence of its own wording.

    Args:
        rows: Rows with short answers.
        explained: Whether a second sentence follows that has nothing to do with the first.
        seed: What the wordings are drawn by.
    """
    draw = random.Random(seed)
    ends = _EXPLANATIONS if explained else ("",)
    return [
        {
            **row,
            "response": _sentence(row["response"], row["prompt"], ends, draw),
            "samples": [_sentence(sample, row["prompt"], ends, draw) for sample in row["samples"]],
        }
        for row in rows
    ]


def _sentence(answer: str, prompt: str, ends: Sequence[str], draw: random.Random) -> str:
    if not answer.strip():
        return answer
    rest = _QUESTION_WORDS.sub("", prompt.strip(' "').rstrip("?. "))
    return draw.choice(_SENTENCES)(answer, rest) + draw.choice(ends)


def measure(rows: list[Row], samples: int) -> Measured:
    """Compares each response with its first samples."""
    correct = np.array([row["correct"] == 1 for row in rows])
    started = time.process_time()
    values = [
        compare(row["response"], row["samples"][:samples], prompt=row["prompt"]).value
        for row in rows
    ]
    taken = time.process_time() - started
    plain = [row["samples"][:samples].count(row["response"]) / samples for row in rows]
    area, plain_area = auroc(np.array(values, float), correct), auroc(np.array(plain), correct)
    assert area.value is not None
    assert area.low is not None
    assert area.high is not None
    assert plain_area.value is not None
    return Measured(
        rows=len(rows),
        value=area.value,
        low=area.low,
        high=area.high,
        plain=plain_area.value,
        milliseconds=taken / len(rows) * 1000,
    )


def main() -> int:
    """Prints the table; 1 where an area to reach is missed."""
    missed = False
    print(
        f"{'data':32}{'rows':>6}{'samples':>9}{'AUROC':>8}{'95 %':>17}{'to reach':>10}"
        f"{'plain':>8}{'ms a score':>12}"
    )
    tables = [(name, load(name), samples, target) for name, samples, target in SETS]
    name, rows, samples, _ = tables[0]
    for title, changed in (
        ("in sentences", in_sentences(rows)),
        ("explained", in_sentences(rows, explained=True)),
    ):
        tables.append((f"{name} {title}", changed, samples, float("nan")))
    for name, rows, samples, target in tables:
        found = measure(rows, samples)
        interval = f"{found.low:.4f}-{found.high:.4f}"
        print(
            f"{name:32}{found.rows:>6}{samples:>9}{found.value:>8.4f}{interval:>17}"
            f"{target:>10.3f}{found.plain:>8.4f}{found.milliseconds:>12.2f}"
        )
        missed = missed or found.value < target
    return 1 if missed else 0


if __name__ == "__main__":
    raise SystemExit(main())
