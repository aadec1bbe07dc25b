import math

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from nemoguardrails_trust.scorers.base import DEFAULT_THRESHOLD
from nemoguardrails_trust.signals.answer_tokens import Measured
from nemoguardrails_trust.signals.combine import (
    DEFAULT_WEIGHTS,
    PROBABILITY_WEIGHTS,
    Weights,
    combine,
    default_weights,
)

NAMES = ("reflection", "consistency", "probability")
shares = st.floats(0.0, 1.0)
weight_sets = st.tuples(*[st.floats(0.01, 100.0)] * 3).map(lambda three: Weights(*three))
signal_sets = st.tuples(*[st.none() | shares] * 3).map(
    lambda three: {
        name: signal for name, signal in zip(NAMES, three, strict=True) if signal is not None
    }
)
some_signals = signal_sets.filter(bool)


@settings(max_examples=500)
@given(signal_sets, weight_sets, st.sampled_from(NAMES), shares, shares)
def test_a_score_rises_strictly_with_each_signal(
    signals: dict[str, float], weights: Weights, name: str, one: float, other: float
) -> None:
    lower, higher = sorted((one, other))
    # Below this step the difference can be smaller than what a float of the score can hold.
    assume(higher - lower > 1e-9)
    before = combine(signals | {name: lower}, weights)
    after = combine(signals | {name: higher}, weights)
    assert before is not None
    assert after is not None
    assert before < after


@settings(max_examples=500)
@given(some_signals, weight_sets)
def test_a_score_lies_from_0_to_1(signals: dict[str, float], weights: Weights) -> None:
    score = combine(signals, weights)
    assert score is not None
    assert 0.0 <= score <= 1.0


@settings(max_examples=500)
@given(some_signals, weight_sets, st.sampled_from(NAMES))
def test_a_score_without_a_signal_lies_between_those_with_its_extremes(
    signals: dict[str, float], weights: Weights, name: str
) -> None:
    without = combine({key: value for key, value in signals.items() if key != name}, weights)
    assume(without is not None)
    lowest = combine(signals | {name: 0.0}, weights)
    highest = combine(signals | {name: 1.0}, weights)
    assert lowest is not None
    assert without is not None
    assert highest is not None
    assert lowest - 1e-12 <= without <= highest + 1e-12


@settings(max_examples=500)
@given(some_signals, weight_sets, st.floats(0.01, 100.0))
def test_only_the_ratios_of_the_weights_matter(
    signals: dict[str, float], weights: Weights, factor: float
) -> None:
    scaled = Weights(**{name: value * factor for name, value in weights.to_mapping().items()})
    score = combine(signals, weights)
    assert score is not None
    assert combine(signals, scaled) == pytest.approx(score)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("value", [0.0, 0.5, 1.0])
def test_a_lone_signal_keeps_its_ends_and_its_middle(name: str, value: float) -> None:
    assert combine({name: value}) == pytest.approx(value)


def test_no_signals_make_no_score() -> None:
    assert combine({}) is None


def test_the_order_of_the_signals_does_not_matter() -> None:
    signals = {"reflection": 0.3, "consistency": 0.7, "probability": 0.1}
    assert combine(signals) == combine(dict(reversed(signals.items())))


@pytest.mark.parametrize("measured", PROBABILITY_WEIGHTS)
@pytest.mark.parametrize("probability", [{}, {"probability": 1.0}])
def test_a_judge_cannot_lift_an_answer_that_every_sample_contradicts_to_the_threshold(
    probability: dict[str, float], measured: Measured
) -> None:
    signals = {"reflection": 1.0, "consistency": 0.0, **probability}
    score = combine(signals, default_weights(measured))
    assert score is not None
    assert score < DEFAULT_THRESHOLD


def test_samples_that_share_a_mistake_do_not_outvote_a_judge_who_is_sure() -> None:
    score = combine({"reflection": 0.0, "consistency": 1.0})
    assert score is not None
    assert score < DEFAULT_THRESHOLD


@pytest.mark.parametrize("value", [-0.1, 1.1, math.nan, math.inf])
def test_a_value_out_of_range_is_refused_by_name(value: float) -> None:
    with pytest.raises(ValueError, match="reflection"):
        combine({"reflection": value})


def test_an_unknown_signal_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="'mood' is unknown"):
        combine({"mood": 0.5})


@given(weight_sets)
@settings(max_examples=200)
def test_weights_come_back_from_their_mapping(weights: Weights) -> None:
    assert Weights.from_mapping(weights.to_mapping()) == weights


def test_a_weight_left_out_keeps_its_default() -> None:
    weights = Weights.from_mapping({"consistency": 2})
    assert weights == Weights(consistency=2)
    assert weights.reflection == DEFAULT_WEIGHTS.reflection


@pytest.mark.parametrize("value", [0, -1, math.nan, math.inf, "1", None, True])
def test_a_weight_that_is_not_a_number_above_0_is_refused_by_name(value: object) -> None:
    with pytest.raises(ValueError, match="weight reflection"):
        Weights.from_mapping({"reflection": value})


def test_an_unknown_weight_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="'mood' is unknown"):
        Weights.from_mapping({"mood": 1})


@pytest.mark.parametrize("probability", [0.0, 0.5, 1.0])
def test_the_probability_of_a_short_answer_moves_a_score_more_than_that_of_a_text(
    probability: float,
) -> None:
    others = {"reflection": 0.3, "consistency": 0.8}
    without = combine(others)
    of_answer, of_text = (
        combine({**others, "probability": probability}, default_weights(measured))
        for measured in ("answer", "text")
    )
    assert without is not None
    assert of_answer is not None
    assert of_text is not None
    assert abs(of_answer - without) > abs(of_text - without)
