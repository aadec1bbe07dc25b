"""How well a live model tells grounded answers from others, beside recorded detectors.

    NEMO_TRUST_LIVE_URL=http://localhost:8000/v1 python -m tests.benchmarks.groundedness

Without that variable it says so and shows the recorded detectors alone. `NEMO_TRUST_LIVE_MODEL`
names the model (`qwen` unless set). The rows of each set are taken in one shuffled order, so that
any number of them is a fair sample, for `NEMO_TRUST_LIVE_SECONDS` (240 a set unless set) or to the
end. `NEMO_TRUST_DATA` is a folder with `mtrag-human.jsonl` of IBM's mt-rag-benchmark, whose
passages are third parties' and not part of this repository. Nothing here is a bound: what comes
out depends on the model.
"""

import asyncio
import json
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from nemoguardrails_trust import OpenAICompatibleModel, Signal
from nemoguardrails_trust.calibration.evaluation import auroc
from nemoguardrails_trust.exchange import Exchange, read_messages
from nemoguardrails_trust.scorers.local.evaluating import Evaluator
from nemoguardrails_trust.signals.evaluations import Evidence, get_default_evals

OWN_DATA = Path(__file__).parents[1] / "data"
SETS = ("rag-finqa", "mtrag-human")
SECONDS_A_SET = 240.0
AT_ONCE = 1  # a small server answers one at a time anyway
SECONDS_A_ROW = 300.0
GROUNDEDNESS = next(
    evaluation for evaluation in get_default_evals() if evaluation.name == "response_groundedness"
)

Row = Mapping[str, Any]


def shuffled_rows(name: str) -> list[Row]:
    """The rows of a set in an order that is always the same; none where the set is not there."""
    folders = [OWN_DATA, Path(os.environ.get("NEMO_TRUST_DATA") or OWN_DATA)]
    path = next((path for folder in folders if (path := folder / f"{name}.jsonl").exists()), None)
    if path is None:
        return []
    rows: list[Row] = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return [rows[place] for place in np.random.default_rng(0).permutation(len(rows))]


def detectors_of(row: Row) -> dict[str, float]:
    """The recorded scores of a row, by the detector's name."""
    found = {"recorded judge": row.get("trustworthiness_score"), **row.get("detectors", {})}
    found |= {name: row.get(name) for name in ("evidence_judge", "reflection")}
    return {name: float(value) for name, value in found.items() if isinstance(value, int | float)}


async def groundedness(
    rows: Sequence[Row], url: str, model: str, seconds: float
) -> list[float | None]:
    """The groundedness of the first rows' responses; `None` where it could not be had."""
    ends = time.monotonic() + seconds
    judge = OpenAICompatibleModel(model, base_url=url, api_key="none", timeout=SECONDS_A_ROW)
    evaluator = Evaluator(judge, concurrency=AT_ONCE)
    found: list[float | None] = []
    try:
        for row in rows:
            if time.monotonic() > ends:
                break
            query = Exchange("", read_messages(row["prompt"], in_text=False)).prompt
            evidence = Evidence(query, tuple(row["context"]), row["response"])
            brought = await evaluator.evaluate([GROUNDEDNESS], evidence, timeout=SECONDS_A_ROW)
            signal = brought[GROUNDEDNESS.name]
            found.append(signal.value if isinstance(signal, Signal) else None)
    finally:
        await judge.aclose()
    return found


def area(scores: Sequence[float], correct: Sequence[bool]) -> str:
    """The AUROC with its interval, in words."""
    found = auroc(np.array(scores, dtype=np.float64), np.array(correct, dtype=np.bool_))
    if found.value is None:
        return "–"
    if found.low is None or found.high is None:
        return f"{found.value:.3f}"
    return f"{found.value:.3f} ({found.low:.3f} to {found.high:.3f})"


def show(console: Console, name: str, rows: Sequence[Row], url: str | None, model: str) -> None:
    """Evaluates the rows where there is a live model; prints the areas of all that scored them."""
    started = time.perf_counter()
    seconds = float(os.environ.get("NEMO_TRUST_LIVE_SECONDS") or SECONDS_A_SET)
    values = asyncio.run(groundedness(rows, url, model, seconds)) if url else []
    took = time.perf_counter() - started
    table = Table("score", "rows", "AUROC (95 % interval)", f"of all {len(rows)} rows")
    table.title = f"{name}: groundedness of {len(values)} rows in {took:.0f} s"
    tried = rows[: len(values)]
    pairs = [
        (value, bool(row["correct"]))
        for value, row in zip(values, tried, strict=True)
        if value is not None
    ]
    if url:
        shown = area([value for value, _ in pairs], [right for _, right in pairs])
        table.add_row(f"response_groundedness by {model}", str(len(pairs)), shown, "")
    for detector in dict.fromkeys(name for row in rows for name in detectors_of(row)):
        known, shown = detected(tried, detector)
        table.add_row(detector, str(known), shown, detected(rows, detector)[1])
    console.print(table)


def detected(rows: Sequence[Row], detector: str) -> tuple[int, str]:
    """How many rows a recorded detector has scored, and its area."""
    had = [row for row in rows if detector in detectors_of(row)]
    scores = [detectors_of(row)[detector] for row in had]
    return len(had), area(scores, [bool(row["correct"]) for row in had])


def sets_there(console: Console, names: Sequence[str]) -> Iterator[tuple[str, Sequence[Row]]]:
    """The rows of each set, shuffled; says which are not there."""
    for name in names:
        if rows := shuffled_rows(name):
            yield name, rows
        else:
            console.print(f"{name}.jsonl is not there; NEMO_TRUST_DATA names its folder.")


def main() -> int:
    """Prints a table for each set that is there."""
    console = Console(highlight=False, width=110)
    url = os.environ.get("NEMO_TRUST_LIVE_URL")
    if not url:
        console.print("NEMO_TRUST_LIVE_URL is not set: there is no live model to measure.")
    model = os.environ.get("NEMO_TRUST_LIVE_MODEL") or "qwen"
    for name, rows in sets_there(console, SETS):
        show(console, name, rows, url, model)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
