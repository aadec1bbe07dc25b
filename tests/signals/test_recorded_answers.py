"""What the consistency alone detects on recorded answers of real models."""

import pytest

from tests.benchmarks.consistency_auroc import SETS, in_sentences, load, measure


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
