"""How well replayed samples tell wrong answers, and how many of them early stopping saves.

    python -m tests.benchmarks.detection

Every figure comes out of `nemo-trust evaluate`, run as a user would.
"""

import json
import sys
from pathlib import Path
from subprocess import run
from typing import Any

from rich.console import Console
from rich.table import Table

DATA = Path(__file__).parents[1] / "data"

# Samples to draw, and the AUROC to reach.
GOALS = {
    "triviaqa-llama13b": (5, 0.93),
    "gsm8k-qwen-math": (8, 0.885),
    "math500-qwen-math": (8, 0.845),
}
EARLY_SAMPLES = 8
EARLY_AT_MOST = 0.65
_PROGRAM = (
    "import typer; from nemoguardrails_trust.commands.evaluate import evaluate; "
    "app = typer.Typer(); app.command()(evaluate); app()"
)


def evaluated(name: str, *options: str) -> dict[str, Any]:
    """What `nemo-trust evaluate --json` prints for recorded answers."""
    path = str(DATA / f"{name}.jsonl")
    command = [sys.executable, "-c", _PROGRAM, path, "--model", "replay", "--json", *options]
    figures: dict[str, Any] = json.loads(
        run(command, capture_output=True, text=True, check=True).stdout
    )
    return figures


def show_detection(console: Console) -> bool:
    """Prints the areas; tells whether every goal is reached."""
    reached = True
    table = Table("data", "samples", "AUROC", "95 % interval", "goal", "", title="Detection")
    for name, (samples, goal) in GOALS.items():
        found = evaluated(name, "--samples", str(samples))
        interval = f"{found['auroc_low']:.3f} to {found['auroc_high']:.3f}"
        verdict = "reached" if found["auroc"] >= goal else "MISSED"
        reached = reached and found["auroc"] >= goal
        table.add_row(name, str(samples), f"{found['auroc']:.4f}", interval, f"{goal:.3f}", verdict)
    console.print(table)
    return reached


def show_early_stopping(console: Console) -> bool:
    """Prints the shares; tells whether the goal is reached with all decisions the same."""
    all_same = True
    table = Table("data", "samples", "share", "decisions the same", title="Early stopping")
    drawn = planned = 0.0
    for name in GOALS:
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


def main() -> int:
    """Prints both tables; 1 where a bound is missed."""
    console = Console(highlight=False)
    reached = [show_detection(console), show_early_stopping(console)]
    return 0 if all(reached) else 1


if __name__ == "__main__":
    raise SystemExit(main())
