"""Fitted maps never fall, and are near the probabilities that the rows were made with."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nemoguardrails_trust.calibration.evaluation import Booleans, Floats, expected_calibration_error
from nemoguardrails_trust.calibration.fitting import (
    FITS,
    choose_weights,
    fit_map,
    folds,
    scores_by_weights,
)
from nemoguardrails_trust.signals.combine import DEFAULT_WEIGHTS, Weights, combine

EVERYWHERE = np.linspace(0.0, 1.0, 101)


def rows(size: int, seed: int, power: float = 2.0) -> tuple[Floats, Booleans]:
    """Scores whose true probability of being right is their power."""
    random = np.random.default_rng(seed)
    scores = random.random(size)
    return scores, random.random(size) < scores**power


labelled = st.lists(
    st.tuples(st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.9, 0.999, 1.0]), st.booleans()),
    min_size=10,
    max_size=60,
).filter(lambda answers: 0 < sum(correct for _, correct in answers) < len(answers))


@pytest.mark.parametrize("name", FITS)
@given(labelled)
@settings(max_examples=60)
def test_no_fit_ever_falls_or_claims_certainty(
    name: str, answers: list[tuple[float, bool]]
) -> None:
    scores = np.array([score for score, _ in answers])
    correct = np.array([correct for _, correct in answers])
    values = FITS[name](scores, correct, EVERYWHERE)
    assert np.all(np.diff(values) >= -1e-12)
    assert values.min() > 0.0
    assert values.max() < 1.0


@pytest.mark.parametrize("name", FITS)
def test_scores_that_mislead_make_a_level_map_and_no_falling_one(name: str) -> None:
    scores, wrong = rows(500, seed=1)
    values = FITS[name](scores, ~wrong, EVERYWHERE)
    assert np.all(np.diff(values) >= -1e-12)
    assert values[-1] - values[0] < 0.1
    assert values.mean() == pytest.approx((~wrong).mean(), abs=0.05)


@pytest.mark.parametrize("power", [0.3, 1.0, 4.0])
def test_the_chosen_map_is_near_the_true_probabilities(power: float) -> None:
    _, knots = fit_map(*rows(3000, seed=2, power=power))
    places, values = np.array(knots).T
    assert np.abs(np.interp(EVERYWHERE, places, values) - EVERYWHERE**power).mean() < 0.03
    scores, correct = rows(3000, seed=3, power=power)
    mapped = expected_calibration_error(np.interp(scores, places, values), correct)
    assert mapped is not None
    assert mapped < 0.035


def test_the_map_rises_strictly_so_that_no_two_scores_become_equal() -> None:
    for seed in range(5):
        _, knots = fit_map(*rows(40, seed=seed, power=0.1))
        places, values = np.array(knots).T
        assert np.all(np.diff(places) > 0)
        assert np.all(np.diff(values) > 0)


def test_few_rows_do_not_make_certainty() -> None:
    scores = np.array([0.1] * 10 + [0.9] * 10)
    _, knots = fit_map(scores, scores > 0.5)
    assert 0.001 < knots[0][1] < 0.12
    assert 0.88 < knots[-1][1] < 0.9995


def test_folds_hold_out_every_row_once_and_spread_both_classes() -> None:
    correct = np.arange(50) % 5 == 0
    held_out = list(folds(correct, 5))
    assert np.array_equal(np.sum(held_out, axis=0), np.ones(50))
    assert [int(correct[fold].sum()) for fold in held_out] == [2] * 5


def signal_rows(
    size: int, reflection_noise: float, consistency_noise: float
) -> tuple[list[dict[str, float]], Booleans]:
    random = np.random.default_rng(4)
    correct = random.random(size) < 0.5

    def signal(noise: float) -> Floats:
        return np.clip(np.where(correct, 0.7, 0.3) + noise * random.normal(size=size), 0.0, 1.0)

    pairs = zip(signal(reflection_noise), signal(consistency_noise), strict=True)
    return [{"reflection": float(r), "consistency": float(c)} for r, c in pairs], correct


def test_weights_follow_the_signal_that_tells_more() -> None:
    signals, correct = signal_rows(2000, reflection_noise=3.0, consistency_noise=0.2)
    weights = choose_weights(scores_by_weights(signals), correct)
    assert weights.consistency / weights.reflection > 2 * (
        DEFAULT_WEIGHTS.consistency / DEFAULT_WEIGHTS.reflection
    )


def test_a_judge_never_gets_the_weight_to_overrule_all_samples() -> None:
    signals, correct = signal_rows(2000, reflection_noise=0.05, consistency_noise=9.0)
    weights = choose_weights(scores_by_weights(signals), correct)
    assert combine({"reflection": 1.0, "consistency": 0.0}, weights) < 0.6  # type: ignore[operator]


def test_the_usual_weights_stay_where_others_do_no_better() -> None:
    signals, correct = signal_rows(80, reflection_noise=0.5, consistency_noise=0.5)
    assert choose_weights(scores_by_weights(signals), correct) == DEFAULT_WEIGHTS


def test_there_is_nothing_to_weigh_with_one_signal() -> None:
    assert scores_by_weights([{"consistency": 0.5}, {"consistency": 0.1}]) == {}


def test_scores_by_weights_are_what_combining_gives() -> None:
    signals = [{"reflection": 0.9, "consistency": 0.2, "probability": 0.5}, {"reflection": 0.4}]
    by_weights = scores_by_weights(signals)
    assert DEFAULT_WEIGHTS in by_weights
    assert len({weights.probability for weights in by_weights}) == 3
    weights = Weights(0.3, 0.7, 0.05)
    assert by_weights[weights].tolist() == [combine(signal, weights) for signal in signals]
