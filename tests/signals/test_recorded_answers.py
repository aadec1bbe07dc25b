"""What the consistency alone detects on recorded answers of real models."""

import gzip
import json
from collections import defaultdict
from itertools import combinations, islice
from typing import Any

import numpy as np
import pytest

from nemoguardrails_trust.agreement import agreement
from nemoguardrails_trust.calibration.evaluation import auroc
from tests.benchmarks.consistency_auroc import DATA, SETS, in_sentences, load, measure


def rows_of(name: str) -> list[dict[str, Any]]:
    with gzip.open(DATA / f"{name}.jsonl.gz", "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def area(scores: list[float], labels: list[bool]) -> float:
    found = auroc(np.array(scores), np.array(labels)).value
    assert found is not None
    return found


@pytest.mark.parametrize(("name", "samples", "target"), SETS)
def test_consistency_tells_right_answers_from_wrong_ones(
    name: str, samples: int, target: float
) -> None:
    found = measure(load(name), samples)
    assert found.value >= target
    assert found.value > found.plain + 0.01


@pytest.mark.parametrize(("explained", "target"), [(False, 0.91), (True, 0.88)])
def test_sentences_that_repeat_the_question_lose_little(explained: bool, target: float) -> None:
    found = measure(in_sentences(load("triviaqa-llama13b"), explained=explained), 5)
    assert found.value >= target
    assert found.value > found.plain + 0.25


def test_sentences_that_contradict_each_other_are_told_from_others() -> None:
    rows = list(islice(rows_of("contradictions"), 400))
    scores = [agreement(r["response"], r["samples"][0], prompt=r["prompt"]).value for r in rows]
    assert area(scores, [bool(row["correct"]) for row in rows]) >= 0.885


def test_chinese_answers_that_are_both_right_agree_more_than_a_right_and_a_wrong_one() -> None:
    answers = defaultdict(list)
    for row in rows_of("chinese-factuality"):
        answers[row["prompt"]].append(row)
    pairs = [
        pair
        for rows in answers.values()
        for pair in combinations(rows, 2)
        if any(row["correct"] for row in pair)
    ]
    scores = [agreement(a["response"], b["response"], prompt=a["prompt"]).value for a, b in pairs]
    assert area(scores, [all(row["correct"] for row in pair) for pair in pairs]) >= 0.75
