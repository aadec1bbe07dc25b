"""How reflection and consistency are best weighed: what the default weights rest on.

    python -m tests.benchmarks.combining

Consistency is that of recorded samples; the judges are simulated, since no recorded set has one:
weak to strong, calibrated to saturated, independent of the samples or sharing their mistakes,
fair or lenient, answering with probabilities, steps of 5 % or yes and no. For each weight of
reflection the table shows what AUROC both signals together gain over the better of the two alone,
and in what share of cases they gain: over all judges, and over those whose own AUROC is below, near
and above that of the samples.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from nemoguardrails_trust.signals.combine import Weights, combine
from nemoguardrails_trust.signals.consistency import compare

DATA = Path(__file__).parents[1] / "data"
SETS = {
    "triviaqa-llama13b": (2, 3, 5, 10),
    "gsm8k-qwen-math": (1, 2, 4, 8),
    "math500-qwen-math": (1, 2, 4, 8),
}
WEIGHTS = (0.2, 0.3, 0.35, 0.4, 0.42, 0.45, 0.5, 0.55, 0.6, 0.7)
SEPARATIONS = (0.4, 0.8, 1.2, 1.8, 2.5)  # of right from wrong answers, in standard deviations
SHARPNESS = (1.0, 3.0, 8.0)  # of the log-odds; 1 is nearly calibrated, 8 saturates
SHARED = (0.0, 0.7)  # how far the judge believes what the samples say
LENIENCE = (0.0, 1.0)
MANNERS = ("probability", "steps of 5 %", "yes or no")
GAPS = ((-0.25, -0.15), (-0.15, -0.05), (-0.05, 0.05), (0.05, 0.15))

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Case:
    """One judge on one data set, with the AUROC of each signal alone."""

    consistency: Floats
    reflection: Floats
    correct: NDArray[np.bool_]
    auroc_consistency: float
    auroc_reflection: float

    @property
    def gap(self) -> float:
        return self.auroc_reflection - self.auroc_consistency


def auroc(scores: Floats, correct: NDArray[np.bool_]) -> float:
    """The chance that a right answer scores above a wrong one; ties count half."""
    _, places, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[places]
    right = int(correct.sum())
    wrong = len(correct) - right
    return float((ranks[correct].sum() - right * (right + 1) / 2) / (right * wrong))


def cases() -> Iterator[Case]:
    generator = np.random.default_rng(0)
    for name, counts in SETS.items():
        text = (DATA / f"{name}.jsonl").read_text(encoding="utf-8")
        rows = [json.loads(line) for line in text.splitlines()]
        correct = np.array([row["correct"] == 1 for row in rows])
        for count in counts:
            consistency = np.array([_consistency(row, count) for row in rows])
            for judge in product(SEPARATIONS, SHARPNESS, SHARED, LENIENCE, MANNERS):
                separation, sharpness, shared, lenience, manner = judge
                belief = separation * (correct - 0.5) + 2 * shared * (consistency - 0.5) + lenience
                belief = belief + generator.normal(size=len(rows))
                reflection = _answer(sharpness * belief, manner)
                alone = auroc(consistency, correct), auroc(reflection, correct)
                yield Case(consistency, reflection, correct, *alone)


def _consistency(row: dict[str, Any], samples: int) -> float:
    compared = compare(row["response"], row["samples"][:samples], prompt=row["prompt"])
    return compared.value or 0.0


def _answer(log_odds: Floats, manner: str) -> Floats:
    probability = 1.0 / (1.0 + np.exp(-log_odds))
    if manner == "steps of 5 %":
        return np.round(probability * 20) / 20
    return np.where(probability > 0.5, 1.0, 0.0) if manner == "yes or no" else probability


def gain(case: Case, weight: float) -> float:
    """What both signals together have over the better one alone."""
    weights = Weights(reflection=weight, consistency=1.0 - weight)
    pairs = zip(case.reflection, case.consistency, strict=True)
    scores = [
        combine({"reflection": float(one), "consistency": float(other)}, weights)
        for one, other in pairs
    ]
    together = auroc(np.array(scores, dtype=float), case.correct)
    return together - max(case.auroc_reflection, case.auroc_consistency)


def main() -> None:
    """Prints the table."""
    every = list(cases())
    gaps = np.array([row.gap for row in every])
    bands = [(gaps >= low) & (gaps < high) for low, high in GAPS]
    names = [f"{low:+.2f} to {high:+.2f}" for low, high in GAPS]
    table = Table(
        *("weight", "mean gain", "5 % quantile", "all", *names),
        title=f"{len(every)} pairs of judge and data set; last columns: share that gains",
    )
    for weight in WEIGHTS:
        gains = np.array([gain(row, weight) for row in every])
        table.add_row(
            f"{weight:.2f}",
            f"{gains.mean():+.4f}",
            f"{np.quantile(gains, 0.05):+.4f}",
            *(f"{(part > 0).mean():.0%}" for part in (gains, *(gains[band] for band in bands))),
        )
    Console(highlight=False).print(table)


if __name__ == "__main__":
    main()
