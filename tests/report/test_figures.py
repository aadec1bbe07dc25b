import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nemoguardrails_trust.calibration.evaluation import evaluate
from nemoguardrails_trust.datasets.scored import ScoredRow
from nemoguardrails_trust.report.figures import (
    ERRORS_SHOWN,
    SCORE_NAME,
    Gathered,
    summarise,
    threshold_bins,
)

# Many of the scores lie exactly on a threshold, where an answer is not flagged.
shares = st.one_of(st.floats(0, 1), st.integers(0, 1000).map(lambda k: k / 1000))


def result(score: float | None, label: int | None = None, **fields: Any) -> ScoredRow:
    return ScoredRow(score, None if label is None else bool(label), **fields)


def gathered(*results: ScoredRow) -> Gathered:
    numbers = Gathered()
    for scored in results:
        numbers.add(scored)
    return numbers


@given(st.lists(shares, max_size=30), st.integers(0, 1000))
@settings(max_examples=300)
def test_the_bins_up_to_a_threshold_count_exactly_what_it_flags(
    scores: list[float], step: int
) -> None:
    bins = threshold_bins(np.array(scores))
    assert sum(bins[: step + 1]) == sum(score < step / 1000 for score in scores)
    assert sum(bins) == len(scores)


@given(st.lists(st.tuples(shares, st.booleans()), min_size=1, max_size=30))
@settings(max_examples=100)
def test_figures_agree_with_the_evaluation(pairs: list[tuple[float, bool]]) -> None:
    figures = summarise(gathered(*(result(score, int(right)) for score, right in pairs)))
    expected = evaluate([score for score, _ in pairs], [right for _, right in pairs], 0.6)
    assert figures["auroc"] == expected.auroc
    assert figures["reliability"]["error"] == expected.ece
    assert sum(figure["count"] for figure in figures["reliability"]["bins"]) == len(pairs)
    wrong = figures["thresholds"]["wrong"]
    recall = sum(wrong[:601]) / sum(wrong) if sum(wrong) else None
    assert recall == pytest.approx(expected.recall)


def test_unchecked_and_unlabelled_answers_are_counted_apart() -> None:
    figures = summarise(
        gathered(
            result(0.2, 0),
            result(0.9, 1),
            result(0.5),
            result(None, 1, error="timed out"),
            result(None, error="timed out"),
            result(None),
            result(0.7, 1, error="reflection: timed out"),
        )
    )
    assert {
        name: figures[name] for name in ("rows", "scored", "unchecked", "labelled", "partial")
    } == {
        "rows": 7,
        "scored": 4,
        "unchecked": 3,
        "labelled": 3,
        "partial": 1,
    }
    assert figures["errors"] == [
        {"message": "timed out", "count": 2},
        {"message": "no reason given", "count": 1},
    ]


def test_signals_are_set_against_each_other_and_against_the_score() -> None:
    rows = [result(x, None, signals={"a": x, "b": 1 - x}) for x in (0.0, 0.5, 1.0)]
    figures = summarise(gathered(*rows))
    pairs = {(figure["x"], figure["y"]): figure for figure in figures["pairs"]}
    assert set(pairs) == {(SCORE_NAME, "a"), (SCORE_NAME, "b"), ("a", "b")}
    assert pairs["a", "b"]["correlation"] == pytest.approx(-1)
    assert pairs["a", "b"]["count"] == [[19, 0, 1], [10, 10, 1], [0, 19, 1]]


def test_a_signal_that_comes_late_or_is_missing_keeps_its_place() -> None:
    figures = summarise(
        gathered(
            result(0.1),
            result(0.2, signals={"late": 0.4}),
            result(0.3, signals={"late": None}),
            result(0.4, signals={"late": 0.6}),
        )
    )
    late = next(figure for figure in figures["signals"] if figure["name"] == "late")
    assert (late["count"], late["missing"], late["mean"]) == (2, 2, 0.5)
    assert [cell[:2] for cell in figures["pairs"][0]["count"]] == [[4, 8], [8, 12]]


def test_a_constant_signal_has_no_correlation() -> None:
    rows = [result(x, signals={"a": 1.0}) for x in (0.1, 0.9)]
    assert summarise(gathered(*rows))["pairs"][0]["correlation"] is None


def test_usage_is_summed_over_the_rows_that_have_it() -> None:
    rows = [result(0.5, usage={"calls": n}) for n in (1, 2, 6)]
    usage = summarise(gathered(*rows, result(0.5)))["usage"]
    assert [
        (
            usage_part["name"],
            usage_part["rows"],
            usage_part["total"],
            usage_part["mean"],
            usage_part["median"],
        )
        for usage_part in usage
    ] == [("calls", 3, 9, 3, 2)]


def test_rare_errors_are_summed_up() -> None:
    rows = [result(None, error=f"error {n}") for n in range(2000)]
    errors = summarise(gathered(*rows))["errors"]
    assert len(errors) == ERRORS_SHOWN + 1
    assert sum(error["count"] for error in errors) == 2000


def test_results_without_any_score_have_figures_too() -> None:
    figures = summarise(gathered(result(None, 1, error="down")))
    assert figures["mean"] is None
    assert figures["reliability"] is None
    assert figures["pairs"] == []
    assert not any(math.isnan(count) for count in figures["thresholds"]["all"])
