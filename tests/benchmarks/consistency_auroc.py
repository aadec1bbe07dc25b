"""AUROC of the consistency alone on recorded answers.

Run with `python -m tests.benchmarks.consistency_auroc`.
"""

import json
import time
from pathlib import Path

from sklearn.metrics import roc_auc_score

from nemoguardrails_trust.signals.consistency import compare

DATA = Path(__file__).parents[1] / "data"
SETS = (
    ("triviaqa-llama13b", 5, 0.93),
    ("gsm8k-qwen-math", 8, 0.885),
    ("math500-qwen-math", 8, 0.845),
)


def measure(name: str, samples: int) -> tuple[int, float, float]:
    """Rows, AUROC, and milliseconds a response with all its samples."""
    rows = [json.loads(line) for line in (DATA / f"{name}.jsonl").open(encoding="utf-8")]
    started = time.process_time()
    values = [
        compare(row["response"], row["samples"][:samples], prompt=row["prompt"]).value
        for row in rows
    ]
    taken = (time.process_time() - started) / len(rows) * 1000
    return len(rows), float(roc_auc_score([row["correct"] for row in rows], values)), taken


def main() -> None:
    """Prints the table."""
    print(f"{'data':24}{'rows':>6}{'samples':>9}{'AUROC':>8}{'to reach':>10}{'ms a score':>12}")
    for name, samples, target in SETS:
        rows, auroc, taken = measure(name, samples)
        print(f"{name:24}{rows:>6}{samples:>9}{auroc:>8.4f}{target:>10.3f}{taken:>12.2f}")


if __name__ == "__main__":
    main()
