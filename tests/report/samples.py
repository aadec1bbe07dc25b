"""Rows to report on, as `nemo-trust score` writes them."""

import json
import random
from pathlib import Path
from typing import Any

SIMPLEQA = Path(__file__).parents[1] / "data" / "simpleqa-tlm.jsonl"

HOSTILE = (
    '</script><script>window.pwned = 1</script><img src="http://127.0.0.1:9/x" '
    'onerror="window.pwned = 1"><!--<script> {{ 7 * 7 }} ${7*7} ]]> &lt;b&gt; \' " '
    "\u2028 \u2029 \u202e \x00 javascript:alert(1)"
)


def results(count: int, *, labelled: bool = True, seed: int = 0) -> list[dict[str, Any]]:
    """Rows with all the columns of scored data; every tenth could not be scored."""
    chance = random.Random(seed)
    return [_result(number, chance, labelled=labelled) for number in range(count)]


def _result(number: int, chance: random.Random, *, labelled: bool) -> dict[str, Any]:
    right = chance.random() < 0.6
    reflection = min(1.0, max(0.0, chance.gauss(0.8 if right else 0.4, 0.2)))
    consistency = chance.randint(2 if right else 0, 5) / 5
    failed = number % 10 == 9
    row: dict[str, Any] = {
        "prompt": f"Question {number}: what is {number} plus {number}?",
        "response": f"It is {2 * number if right else 2 * number + 1}.",
        "trustworthiness_score": None if failed else (reflection + consistency) / 2,
        "signal_reflection": None if failed else reflection,
        "signal_consistency": None if failed else consistency,
        "explanation": None if failed else f"Of 5 samples, {5 * consistency:.0f} agree.",
        "alternatives": [] if failed else [f"It is {3 * number}.", "I cannot tell."],
        "error": f"the server failed: {500 + number % 3}" if failed else None,
        "usage_calls": 2,
        "usage_samples": 5,
        "usage_prompt_tokens": chance.randint(50, 90),
        "usage_completion_tokens": chance.randint(5, 60),
        "usage_seconds": chance.random(),
    }
    return row | {"correct": int(right)} if labelled else row


def rich_results(count: int = 60) -> list[dict[str, Any]]:
    """Rows with topics, a signal that none of them has, and sentences with scores."""
    rows = results(count)
    for number, row in enumerate(rows):
        first, second = row["response"], "😀 Nobody doubts it."
        row["response"] = f"{first} {second}"
        start = len(first) + 1
        row["claims"] = [
            {"start": 0, "end": len(first), "score": 0.9},
            {"start": start, "end": start + len(second), "score": 0.1},
        ]
        row["topic"] = ["sums", "=products", "a topic that has quite a long name"][number % 3]
        row["signal_probability"] = None
    return rows


def hostile_results(count: int = 40) -> list[dict[str, Any]]:
    """Rows in which every text is an attack on the page."""
    rows = results(count)
    for row in rows:
        row.update(
            {
                "prompt": HOSTILE,
                "response": HOSTILE,
                "gold": HOSTILE,
                "model": HOSTILE,
                "explanation": HOSTILE,
                "alternatives": [f"{HOSTILE} more", "x" * 400],
                f"signal_{HOSTILE}": 0.5,
                "error": HOSTILE if row["trustworthiness_score"] is None else None,
            }
        )
    return rows


def embedded(page: str) -> dict[str, Any]:
    """The data that a page holds."""
    text = page.split('<script type="application/json" id="data">', 1)[1].split("</script>", 1)[0]
    data: dict[str, Any] = json.loads(text)
    return data
