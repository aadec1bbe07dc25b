"""Paired differences are what their definitions say."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nemoguardrails_trust.calibration.comparison import (
    Scores,
    accuracy_kept_difference,
    auroc_difference,
)
from nemoguardrails_trust.calibration.evaluation import auroc
from nemoguardrails_trust.calibration.intervals import Z95
from tests.calibration.test_evaluation import wins

scores = st.sampled_from([i / 5 for i in range(6)])
questions = st.lists(st.tuples(scores, scores, st.booleans(), st.booleans()), min_size=1)


def pair(rows: list[tuple[float, float, bool, bool]]) -> tuple[Scores, Scores]:
    first, second, right, right_after = zip(*rows, strict=True)
    return Scores.of(first, right), Scores.of(second, right_after)


@given(questions)
@settings(max_examples=200)
def test_with_the_same_labels_the_interval_is_delongs(
    rows: list[tuple[float, float, bool, bool]],
) -> None:
    before, after = pair([(x, y, right, right) for x, y, right, _ in rows])
    right, wrong = np.flatnonzero(before.correct), np.flatnonzero(~before.correct)
    found = auroc_difference(before, after)
    if len(right) == 0 or len(wrong) == 0:
        assert found.value is None
        return
    table = [
        [[wins(s.values[i], s.values[j]) for j in wrong] for i in right] for s in (before, after)
    ]
    parts = np.array(table)
    assert found.value == pytest.approx(parts[1].mean() - parts[0].mean())
    if len(right) == 1 or len(wrong) == 1:
        assert found.low is None
        return
    covariance = np.cov(parts.mean(axis=2)) / len(right) + np.cov(parts.mean(axis=1)) / len(wrong)
    variance = covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1]
    margin = Z95 * np.sqrt(max(0.0, variance))
    assert found.low == pytest.approx(max(-1.0, found.value - margin), abs=1e-6)
    assert found.high == pytest.approx(min(1.0, found.value + margin), abs=1e-6)


@given(questions)
@settings(max_examples=50)
def test_exchanging_the_two_turns_the_difference_round(
    rows: list[tuple[float, float, bool, bool]],
) -> None:
    before, after = pair(rows)
    there, back = auroc_difference(before, after), auroc_difference(after, before)
    for value, other in ((there.value, back.value), (there.low, back.high), (there.high, back.low)):
        assert (value is None) == (other is None)
        assert value is None or other is None or value == pytest.approx(-other)


def test_what_is_the_same_differs_by_nothing() -> None:
    chance = np.random.default_rng(1)
    same = Scores(chance.random(200), chance.random(200) < 0.5)
    for found in (auroc_difference(same, same), accuracy_kept_difference(same, same, 0.5)):
        assert (found.value, found.low, found.high) == (0.0, 0.0, 0.0)


def test_with_other_labels_the_interval_covers_the_truth_as_often_as_it_says() -> None:
    chance = np.random.default_rng(2)

    def drawn(shift: float) -> Scores:
        correct = chance.random(150) < 0.6
        return Scores(chance.normal(size=150) + shift * correct, correct)

    # Of normal scores with unit variance the AUROC is Phi(shift / sqrt 2): 0.7602 and 0.8556.
    truth = 0.85558 - 0.76025
    covered = 0
    for _ in range(400):
        found = auroc_difference(drawn(1.0), drawn(1.5))
        assert found.low is not None
        assert found.high is not None
        covered += found.low <= truth <= found.high
    assert 0.92 <= covered / 400 <= 0.98


def test_accuracy_kept_is_the_difference_of_the_shares_with_a_bootstrap_interval() -> None:
    before = Scores.of([0.9, 0.9, 0.9, 0.9, 0.1] * 40, [True, True, False, False, True] * 40)
    after = Scores.of([0.9, 0.9, 0.9, 0.1, 0.1] * 40, [True, True, False, False, True] * 40)
    found = accuracy_kept_difference(before, after, 0.6)
    assert found.value == pytest.approx(2 / 3 - 1 / 2)
    assert found.value is not None
    assert found.low is not None
    assert found.high is not None
    assert 0.1 < found.low < found.value < found.high < 0.25
    assert accuracy_kept_difference(before, after, 0.6) == found  # the same each time


def test_there_is_no_difference_of_what_is_not_there() -> None:
    right = Scores.of([0.5, 0.6], [True, True])
    mixed = Scores.of([0.5, 0.6], [True, False])
    assert auroc_difference(right, mixed).value is None
    assert auroc_difference(mixed, mixed).low is None
    assert auroc(mixed.values, mixed.correct).value == 0.0
    assert accuracy_kept_difference(right, mixed, 0.9).value is None


def test_a_few_answers_that_all_change_are_no_certainty() -> None:
    before, after = (Scores.of([0.9] * 9, [right] * 9) for right in (False, True))
    found = accuracy_kept_difference(before, after, 0.6)
    assert (found.value, found.low, found.high) == (1.0, None, None)
