"""Thresholds reach their target, and what is expected of them holds on new rows."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nemoguardrails_trust.calibration.evaluation import Booleans
from nemoguardrails_trust.calibration.intervals import Interval, wilson
from nemoguardrails_trust.calibration.thresholds import (
    Sample,
    Target,
    choose_threshold,
    expect,
    fit,
    rows_wanted,
)
from nemoguardrails_trust.errors import DataError, SettingsError

KINDS = ["precision", "recall", "accuracy-kept", "flag-at-most"]


def sample(size: int, seed: int) -> Sample:
    random = np.random.default_rng(seed)
    scores = random.beta(2.0, 1.0, size)
    return Sample.of(scores.tolist(), (random.random(size) < scores**2).tolist())


def reached(kind: str, flagged: Booleans, correct: Booleans) -> float | None:
    """The figure that a target is about, by its definition; `None` where it counts too few."""
    counted = {
        "precision": ~correct[flagged],
        "recall": flagged[~correct],
        "accuracy-kept": correct[~flagged],
        "flag-at-most": flagged,
    }[kind]
    shares_of_some = kind in ("precision", "accuracy-kept")
    enough = len(counted) >= (min(5, len(correct)) if shares_of_some else 1)
    return float(counted.mean()) if enough else None


@pytest.mark.parametrize("text", ["precision=0.9", "recall=1", "accuracy-kept=.95"])
def test_reads_targets(text: str) -> None:
    target = Target.parse(text)
    assert f"{target.kind}={target.share:g}" == str(target)


@pytest.mark.parametrize("text", ["accuracy_kept=0.9", "Accuracy-Kept = 0.9"])
def test_targets_are_read_as_figures_are_written_elsewhere(text: str) -> None:
    assert str(Target.parse(text)) == "accuracy-kept=0.9"


@pytest.mark.parametrize(
    "text", ["", "precision", "precision=", "precision=0", "recall=1.01", "recall=nan", "f1=0.5"]
)
def test_refuses_what_is_no_target(text: str) -> None:
    with pytest.raises(SettingsError, match="precision=SHARE, recall=SHARE") as caught:
        Target.parse(text)
    assert caught.value.key == "target"


def test_a_target_that_is_reached_exactly_is_reached() -> None:
    correct = np.arange(10) == 9  # one of ten, while 1 - 9 / 10 is a little below 0.1
    assert choose_threshold(np.full(10, 0.5), correct, Target("accuracy-kept", 0.1)) == (0.0, True)


@given(
    st.lists(
        st.tuples(st.sampled_from([i / 9 for i in range(9)]), st.booleans()),
        min_size=2,
        max_size=25,
    ).filter(lambda rows: any(not correct for _, correct in rows)),
    st.sampled_from(KINDS),
    st.sampled_from([0.1, 0.5, 0.8, 0.9, 1.0]),
)
@settings(max_examples=400)
def test_of_all_thresholds_the_one_that_flags_most_or_fewest_is_chosen(
    rows: list[tuple[float, bool]], kind: str, share: float
) -> None:
    values = np.array([value for value, _ in rows])
    correct = np.array([correct for _, correct in rows])
    threshold, is_reached = choose_threshold(values, correct, Target(kind, share))

    ways = {}  # how many are flagged: the figure, for every way to cut the rows in two
    for cut in [*sorted(set(values)), 1.0]:
        figure = reached(kind, values < cut, correct)
        if figure is not None:
            ways[int((values < cut).sum())] = figure
    good = [
        count
        for count, figure in ways.items()
        if (figure <= share if kind == "flag-at-most" else figure >= share)
    ]
    flagged = int((values < threshold).sum())
    assert is_reached == bool(good)
    if good:
        wanted = max(good) if kind in ("precision", "flag-at-most") else min(good)
        assert flagged == wanted
    else:
        assert ways[flagged] == max(ways.values())


@pytest.mark.parametrize(
    "target", ["precision=0.75", "recall=0.8", "accuracy-kept=0.8", "flag-at-most=0.1"]
)
def test_what_is_expected_holds_on_new_rows(target: str) -> None:
    aim = Target.parse(target)
    old, new = sample(1500, seed=1), sample(20_000, seed=2)
    fitted = fit(old, aim)
    assert fitted.reached
    expected = expect(old, aim)
    flagged = fitted.probabilities(new) < fitted.threshold
    figures = {
        "accuracy_kept": new.correct[~flagged].mean(),
        "flagged_share": flagged.mean(),
        "precision": (~new.correct[flagged]).mean(),
        "recall": flagged[~new.correct].mean(),
    }
    for name, figure in figures.items():
        interval = expected[name]
        assert interval.low is not None
        assert interval.high is not None
        # A 95 % interval, and a further margin for the threshold's own luck.
        assert interval.low - 0.04 <= figure <= interval.high + 0.04, name


def test_with_a_given_threshold_it_is_kept() -> None:
    assert fit(sample(200, seed=3), 0.37).threshold == 0.37


def test_expectations_are_not_those_of_the_fitted_rows() -> None:
    """On scores that say nothing a fit finds something, and cross-validation does not."""
    aim = Target("precision", 0.6)
    promised, expected = [], []
    for seed in range(8):
        scores = np.random.default_rng(seed).random(60).tolist()
        noise = Sample.of(scores, [i % 2 == 0 for i in range(60)])
        fitted = fit(noise, aim)
        figure = expect(noise, aim)["precision"].value
        if fitted.reached and figure is not None:
            flagged = fitted.probabilities(noise) < fitted.threshold
            promised.append(float((~noise.correct[flagged]).mean()))
            expected.append(figure)
    assert len(promised) >= 4
    assert min(promised) >= 0.6
    assert np.mean(expected) < 0.55


@pytest.mark.parametrize(("right", "wrong"), [(9, 100), (100, 9), (0, 0), (40, 0)])
def test_too_few_of_either_kind_are_refused_with_what_it_takes(right: int, wrong: int) -> None:
    correct = [True] * right + [False] * wrong
    with pytest.raises(DataError, match=f"at least 10 right and 10 wrong .* {right} and {wrong}"):
        Sample.of([0.5] * len(correct), correct)


def test_says_how_many_rows_a_wide_interval_would_take() -> None:
    few = wilson(6, 12)
    wanted = rows_wanted(few, 60)
    assert wanted is not None
    assert few.value is not None
    more = wilson(round(few.value * 12 * wanted / 60), round(12 * wanted / 60))
    assert more.low is not None
    assert more.high is not None
    assert (more.high - more.low) / 2 == pytest.approx(0.05, abs=0.01)
    assert rows_wanted(wilson(500, 1000), 1000) is None
    assert rows_wanted(Interval(0.1), 1000) is None


def test_weights_are_fitted_where_all_rows_have_signals() -> None:
    random = np.random.default_rng(8)
    correct = random.random(600) < 0.5
    consistency = np.clip(np.where(correct, 0.7, 0.3) + 0.2 * random.normal(size=600), 0, 1)
    signals = [
        {"reflection": float(random.random()), "consistency": float(value)} for value in consistency
    ]
    scores = [0.45 * signal["reflection"] + 0.55 * signal["consistency"] for signal in signals]
    weighed = fit(Sample.of(scores, correct.tolist(), signals), 0.5)
    assert weighed.weights is not None
    assert weighed.weights.consistency > 2 * weighed.weights.reflection
    assert fit(Sample.of(scores, correct.tolist()), 0.5).weights is None
