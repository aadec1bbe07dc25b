"""The figures of an evaluation are what their definitions say."""

import json
import math
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nemoguardrails_trust.calibration.evaluation import auroc, evaluate, expected_calibration_error
from nemoguardrails_trust.calibration.intervals import Z95, wilson
from nemoguardrails_trust.scores import Usage

DATA = Path(__file__).parents[1] / "data"

scored = st.lists(
    st.tuples(st.sampled_from([i / 10 for i in range(11)]), st.booleans()), min_size=1, max_size=30
)


def wins(high: float, low: float) -> float:
    return 1.0 if high > low else 0.5 if high == low else 0.0


@given(scored)
@settings(max_examples=300)
def test_auroc_is_the_share_of_pairs_that_stand_the_right_way_round(
    rows: list[tuple[float, bool]],
) -> None:
    right = [score for score, correct in rows if correct]
    wrong = [score for score, correct in rows if not correct]
    area = auroc(np.array([s for s, _ in rows]), np.array([c for _, c in rows], dtype=bool))
    if not right or not wrong:
        assert area.value is None
        assert area.low is None
        return
    assert area.value is not None
    pairs = [wins(high, low) for high, low in product(right, wrong)]
    assert area.value == pytest.approx(sum(pairs) / len(pairs))
    if len(right) == 1 or len(wrong) == 1:
        assert area.low is None
        assert area.high is None
        return
    # DeLong's variance, by its definition: the components of each answer, one class at a time.
    of_right = [np.mean([wins(one, low) for low in wrong]) for one in right]
    of_wrong = [np.mean([wins(high, one) for high in right]) for one in wrong]
    variance = np.var(of_right, ddof=1) / len(right) + np.var(of_wrong, ddof=1) / len(wrong)
    assert area.low == pytest.approx(max(0.0, area.value - Z95 * math.sqrt(variance)), abs=1e-9)
    assert area.high == pytest.approx(min(1.0, area.value + Z95 * math.sqrt(variance)), abs=1e-9)


def test_delong_covers_the_truth_about_as_often_as_it_says() -> None:
    random = np.random.default_rng(5)
    covered = 0
    for _ in range(400):
        right, wrong = random.normal(1.0, 1.0, 60), random.normal(0.0, 1.0, 90)
        area = auroc(np.concatenate([right, wrong]), np.arange(150) < 60)
        assert area.low is not None
        assert area.high is not None
        # Two normal distributions one standard deviation apart: Phi(1 / sqrt(2)).
        covered += area.low <= 0.76025 <= area.high
    assert 0.91 <= covered / 400 <= 0.985


def test_calibration_error_is_the_weighted_mean_of_the_bins_gaps() -> None:
    scores = np.array([0.05, 0.08, 0.55, 0.95, 1.0])
    correct = np.array([False, True, False, True, True])
    bins = [2 * abs(0.065 - 0.5), 1 * abs(0.55 - 0.0), 2 * abs(0.975 - 1.0)]
    assert expected_calibration_error(scores, correct) == pytest.approx(sum(bins) / 5)
    assert expected_calibration_error(np.array([]), np.array([], dtype=bool)) is None


@given(scored)
@settings(max_examples=200)
def test_calibration_error_lies_from_0_to_1(rows: list[tuple[float, bool]]) -> None:
    error = expected_calibration_error(
        np.array([s for s, _ in rows]), np.array([c for _, c in rows], dtype=bool)
    )
    assert error is not None
    assert 0.0 <= error <= 1.0


@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    [
        (0, 10, 0.0, 0.2775),
        (5, 10, 0.2366, 0.7634),
        (10, 10, 0.7225, 1.0),
        (81, 263, 0.2553, 0.3662),
    ],
)
def test_wilson_interval_as_published(successes: int, trials: int, low: float, high: float) -> None:
    # The last row is the worked example of Newcombe, Statistics in Medicine 17 (1998).
    interval = wilson(successes, trials)
    assert interval.value == successes / trials
    assert interval.low == pytest.approx(low, abs=1e-4)
    assert interval.high == pytest.approx(high, abs=1e-4)
    assert wilson(0, 0).value is None


def test_flagged_are_those_strictly_below_the_threshold() -> None:
    scores = [0.2, 0.4, 0.6, 0.6, 0.9]
    correct = [False, True, False, True, True]
    result = evaluate(scores, correct, 0.6)
    assert result.flagged_share == 2 / 5
    assert result.precision == 1 / 2
    assert result.recall == 1 / 2
    assert result.accuracy == 3 / 5
    assert result.accuracy_kept == 2 / 3


def test_the_unchecked_are_counted_apart_and_left_out_of_the_figures() -> None:
    usage = [Usage(calls=2, samples=5, prompt_tokens=30), Usage(calls=1), Usage(calls=2, samples=5)]
    with_unchecked = evaluate([0.2, None, 0.9], [False, False, True], 0.5, usage=usage)
    without = evaluate([0.2, 0.9], [False, True], 0.5)
    assert (with_unchecked.n, with_unchecked.unchecked) == (3, 1)
    for figure in ("accuracy", "auroc", "flagged_share", "precision", "recall", "ece"):
        assert getattr(with_unchecked, figure) == getattr(without, figure)
    assert with_unchecked.calls_per_score == pytest.approx(5 / 3)
    assert with_unchecked.samples_per_score == pytest.approx(10 / 3)
    assert with_unchecked.prompt_tokens_per_score == pytest.approx(10)
    assert without.calls_per_score is None


@pytest.mark.parametrize(
    ("scores", "correct", "why"),
    [
        ([0.1, 0.9], [True, True], "every answer with a score is right"),
        ([0.1, 0.9], [False, False], "every answer with a score is wrong"),
        ([None], [True], "no answer has a score"),
        ([], [], "no answer has a score"),
        ([0.1, 0.9], [False, True], None),
    ],
)
def test_a_missing_auroc_comes_with_the_reason(
    scores: list[float | None], correct: list[bool], why: str | None
) -> None:
    result = evaluate(scores, correct, 0.6)
    assert result.why_no_auroc == why
    assert (result.auroc is None) == (why is not None)


def test_figures_that_count_nothing_are_missing() -> None:
    nothing_flagged = evaluate([0.7, 0.8], [True, True], 0.6)
    assert nothing_flagged.precision is None
    assert nothing_flagged.recall is None
    all_flagged = evaluate([0.1], [False], 0.6)
    assert all_flagged.accuracy_kept is None


def test_lengths_must_agree() -> None:
    with pytest.raises(ValueError, match="the same length"):
        evaluate([0.5], [True, False], 0.6)


def test_json_has_the_documented_keys_and_no_others() -> None:
    assert list(evaluate([0.5], [True], 0.6).to_json()) == [
        "n",
        "accuracy",
        "auroc",
        "auroc_low",
        "auroc_high",
        "threshold",
        "flagged_share",
        "precision",
        "recall",
        "accuracy_kept",
        "ece",
        "calls_per_score",
        "samples_per_score",
        "prompt_tokens_per_score",
        "completion_tokens_per_score",
        "unchecked",
        "seconds",
    ]


def test_recorded_scores_of_the_live_service_have_their_known_figures() -> None:
    lines = (DATA / "simpleqa-tlm.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    result = evaluate(
        [row["trustworthiness_score"] for row in rows], [row["correct"] == 1 for row in rows], 0.6
    )
    assert result.n == 4326
    assert result.auroc == pytest.approx(0.755, abs=5e-4)
    assert result.ece == pytest.approx(0.31, abs=5e-3)
