"""How far calibrated scores are from true probabilities, on answers that they were not fitted to.

    python -m tests.benchmarks.calibration

The recorded scores of the live TLM service (simpleqa-tlm) are split at random into halves, 20
times; a map is fitted to one half and judged on the other.
"""

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from nemoguardrails_trust.calibration.evaluation import (
    Booleans,
    Floats,
    auroc,
    expected_calibration_error,
)
from nemoguardrails_trust.calibration.fitting import FITS, fit_map

DATA = Path(__file__).parents[1] / "data" / "simpleqa-tlm.jsonl"
SPLITS = 20
AT_MOST = 0.035

Method = Callable[[Floats, Booleans, Floats], Floats]


def read(path: Path) -> tuple[Floats, Booleans]:
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    scores = np.array([row["trustworthiness_score"] for row in rows])
    return scores, np.array([row["correct"] == 1 for row in rows])


def as_they_are(_: Floats, __: Booleans, at: Floats) -> Floats:
    return at


def measure(method: Method) -> tuple[list[float], list[float]]:
    """The calibration error and the AUROC on the half that was held out, for each split."""
    scores, correct = read(DATA)
    errors, areas = [], []
    for seed in range(SPLITS):
        order = np.random.default_rng(seed).permutation(len(scores))
        fitted, held_out = np.array_split(order, 2)
        values = method(scores[fitted], correct[fitted], scores[held_out])
        errors.append(expected_calibration_error(values, correct[held_out]) or 0.0)
        areas.append(auroc(values, correct[held_out]).value or 0.0)
    return errors, areas


def main() -> int:
    """Prints the figures; 1 where the bound is missed."""
    chosen: Counter[str] = Counter()

    def calibrate(scores: Floats, correct: Booleans, at: Floats) -> Floats:
        name, knots = fit_map(scores, correct)
        chosen[name] += 1
        places, values = np.array(knots).T
        mapped: Floats = np.interp(at, places, values)
        return mapped

    methods: dict[str, Method] = {
        "as they are": as_they_are,
        **{f"always {name}": fit for name, fit in FITS.items()},
        "nemo-trust calibrate": calibrate,
    }
    table = Table(
        "scores", "calibration error, mean", "worst split", "AUROC", title=f"{SPLITS} splits"
    )
    mean = 1.0
    for name, method in methods.items():
        errors, areas = measure(method)
        mean = float(np.mean(errors))
        table.add_row(name, f"{mean:.4f}", f"{max(errors):.4f}", f"{np.mean(areas):.4f}")
    console = Console(highlight=False)
    console.print(table)
    console.print("chosen: " + ", ".join(f"{name} {n}" for name, n in chosen.most_common()))
    verdict = "reached" if mean <= AT_MOST else "MISSED"
    console.print(f"goal: at most {AT_MOST} for nemo-trust calibrate: {verdict}")
    return 0 if mean <= AT_MOST else 1


if __name__ == "__main__":
    raise SystemExit(main())
