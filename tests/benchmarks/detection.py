"""How well replayed samples tell wrong answers, and how many of them early stopping saves.

    python -m tests.benchmarks.detection

The figures of scores come out of `nemo-trust evaluate`, run as a user would. What the probability
alone tells is also looked for in the data of the folder `NEMO_TRUST_DATA`.
"""

import json
import os
import sys
from dataclasses import replace
from pathlib import Path
from subprocess import run
from typing import Any, NamedTuple

import numpy as np
from rich.console import Console
from rich.table import Table

from nemoguardrails_trust import Exchange
from nemoguardrails_trust.calibration.evaluation import auroc
from nemoguardrails_trust.calibration.intervals import Interval
from nemoguardrails_trust.datasets.files import open_source
from nemoguardrails_trust.datasets.probabilities import read_tokens
from nemoguardrails_trust.datasets.source import UnreadableRow
from nemoguardrails_trust.signals.combine import PROBABILITY_WEIGHTS
from nemoguardrails_trust.signals.probability import measured_in, response_probability

DATA = Path(__file__).parents[1] / "data"


class Goal(NamedTuple):
    """An area to reach.

    Attributes:
        data: The recorded answers.
        quality: The preset.
        samples: How many samples to draw; 0 for a preset that draws none.
        area: The AUROC; `None` for what is only shown.
        rephrase: How many of the samples answer the question in other words.
    """

    data: str
    quality: str
    samples: int
    area: float | None
    rephrase: int = 0


GOALS = (
    Goal("triviaqa-llama13b", "medium", 5, 0.93),
    Goal("gsm8k-qwen-math", "medium", 8, 0.885),
    Goal("math500-qwen-math", "medium", 8, 0.855),
    Goal("live-qwen-triviaqa", "base", 0, 0.86),
    Goal("live-qwen-triviaqa", "low", 0, 0.865),
    Goal("live-qwen-triviaqa", "medium", 5, 0.875),
    Goal("live-qwen-triviaqa", "best", 8, 0.885),
    Goal("live-qwen-compared", "medium", 5, None),
    Goal("live-qwen-compared", "high", 5, None),
    Goal("sac3-hotpotqa", "medium", 10, 0.83, rephrase=5),
    Goal("sac3-nq", "medium", 10, 0.78, rephrase=5),
    Goal("sac3-prime", "medium", 10, 0.90, rephrase=5),
    Goal("sac3-senator", "medium", 10, 0.50, rephrase=5),
    Goal("structured-fields", "medium", 5, 0.68),
    Goal("contradictions", "medium", 1, 0.80),
)
AGAIN = "live-qwen-compared"  # rows of live-qwen-triviaqa
EARLY_SETS = ("triviaqa-llama13b", "gsm8k-qwen-math", "math500-qwen-math")
EARLY_SAMPLES = 8
EARLY_AT_MOST = 0.65
_PROGRAM = (
    "import typer; from nemoguardrails_trust.commands.evaluate import evaluate; "
    "app = typer.Typer(); app.command()(evaluate); app()"
)


def evaluated(name: str, *options: str) -> dict[str, Any]:
    """What `nemo-trust evaluate --json` prints for recorded answers."""
    path = str(next(DATA.glob(f"{name}.jsonl*")))
    command = [sys.executable, "-c", _PROGRAM, path, "--model", "replay", "--json", *options]
    figures: dict[str, Any] = json.loads(
        run(command, capture_output=True, text=True, check=True).stdout
    )
    return figures


def show_detection(console: Console) -> bool:
    """Prints the areas; tells whether every goal is reached."""
    reached = True
    table = Table("data", "preset", "calls", "samples", "AUROC", "95 % interval", "goal", "")
    table.title = "Detection"
    for goal in GOALS:
        options = ["--quality", goal.quality]
        if goal.samples:
            options += ["--samples", str(goal.samples)]
        if goal.rephrase:
            options += ["--rephrase", str(goal.rephrase)]
        found = evaluated(goal.data, *options)
        is_reached = goal.area is None or found["auroc"] >= goal.area
        reached = reached and is_reached
        table.add_row(
            goal.data,
            goal.quality,
            f"{found['calls_per_score']:.2g}",
            f"{goal.samples - goal.rephrase} + {goal.rephrase}"
            if goal.rephrase
            else str(goal.samples),
            f"{found['auroc']:.4f}",
            f"{found['auroc_low']:.3f} to {found['auroc_high']:.3f}",
            *_told(goal.area, is_reached=is_reached),
        )
    console.print(table)
    return reached


def _told(area: float | None, *, is_reached: bool) -> tuple[str, str]:
    if area is None:
        return "", ""
    return f"{area:.3f}", "reached" if is_reached else "MISSED"


def show_early_stopping(console: Console) -> bool:
    """Prints the shares; tells whether the goal is reached with all decisions the same."""
    all_same = True
    table = Table("data", "samples", "share", "decisions the same", title="Early stopping")
    drawn = planned = 0.0
    for name in EARLY_SETS:
        options = ("--samples", str(EARLY_SAMPLES))
        whole, early = evaluated(name, *options), evaluated(name, *options, "--early-stop")
        # Equal only if the same wrong and the same number of right answers are flagged.
        figures = ("n", "flagged_share", "precision", "recall", "accuracy_kept")
        same = all(whole[figure] == early[figure] for figure in figures)
        drawn += early["samples_per_score"] * early["n"]
        planned += whole["samples_per_score"] * whole["n"]
        all_same = all_same and same
        share = early["samples_per_score"] / whole["samples_per_score"]
        table.add_row(
            name,
            f"{early['samples_per_score']:.2f} of {whole['samples_per_score']:.2f}",
            f"{share:.3f}",
            "yes" if same else "NO",
        )
    verdict = "reached" if drawn / planned <= EARLY_AT_MOST else "MISSED"
    table.add_row("all", "", f"{drawn / planned:.3f}", f"goal {EARLY_AT_MOST}: {verdict}")
    console.print(table)
    return all_same and drawn / planned <= EARLY_AT_MOST


def show_probability(console: Console) -> None:
    """Prints what the probability alone tells, by what it is measured on."""
    found: dict[str, list[tuple[float, bool]]] = {kind: [] for kind in PROBABILITY_WEIGHTS}
    files: dict[str, set[str]] = {kind: set() for kind in PROBABILITY_WEIGHTS}
    folders = {DATA, Path(os.environ.get("NEMO_TRUST_DATA") or DATA)}
    paths = {path for folder in folders for path in folder.glob("*.jsonl*")}
    for path in sorted(path for path in paths if not path.name.startswith(AGAIN)):
        for _, row in open_source(path).rows():
            tokens = None if isinstance(row, UnreadableRow) else read_tokens(row)
            if tokens is None or "correct" not in row:
                continue
            exchange = Exchange.of(row["prompt"], row["response"])
            signal = response_probability(replace(exchange, tokens=tokens))
            if signal.value is not None:
                kind = measured_in(signal)
                found[kind].append((signal.value, bool(row["correct"])))
                files[kind].add(path.name.partition(".")[0])
    table = Table("measured on", "weight", "data", "answers", "AUROC", "95 % interval")
    table.title = "The probability alone"
    for kind, weight in PROBABILITY_WEIGHTS.items():
        values = np.array([value for value, _ in found[kind]])
        area = auroc(values, np.array([right for _, right in found[kind]], dtype=np.bool_))
        told = ("", "") if area.value is None else (f"{area.value:.4f}", _interval(area))
        names = ", ".join(sorted(files[kind])) or "nothing recorded"
        table.add_row(kind, f"{weight:g}", names, f"{len(values)}", *told)
    console.print(table)


def _interval(area: Interval) -> str:
    return "" if area.low is None else f"{area.low:.3f} to {area.high:.3f}"


def main() -> int:
    """Prints the tables; 1 where a bound is missed."""
    console = Console(highlight=False, width=96)
    reached = [show_detection(console), show_early_stopping(console)]
    show_probability(console)
    return 0 if all(reached) else 1


if __name__ == "__main__":
    raise SystemExit(main())
