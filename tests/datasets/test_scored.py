"""Scores, labels, signals and costs are read from every form that files give them."""

import math
from contextlib import suppress
from dataclasses import replace
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nemoguardrails_trust.datasets.scored import ScoredRow, read_label, read_scored


def read(**row: Any) -> ScoredRow:
    return replace(read_scored(row), correct=read_label(row.get("correct")))


@pytest.mark.parametrize("value", [0.25, "0.25", np.float64(0.25), "2.5e-1"])
def test_a_score_is_read_as_a_number_or_as_text(value: object) -> None:
    assert read(trustworthiness_score=value).score == 0.25


def test_a_score_with_a_comma_is_read_as_spreadsheets_write_it() -> None:
    assert read(trustworthiness_score="0,25", signal_reflection="1,0").score == 0.25
    for value in ("0,2.5", "0,2,5", "1,25"):
        with pytest.raises(ValueError, match="must be a number from 0 to 1"):
            read(trustworthiness_score=value)


@pytest.mark.parametrize("value", [None, "", "nan", math.nan, np.float64("nan")])
def test_every_way_to_say_that_there_is_no_score_is_understood(value: object) -> None:
    assert read(trustworthiness_score=value).score is None


@pytest.mark.parametrize("value", [1.01, -0.01, "high", True, [0.5], math.inf, "inf"])
def test_a_score_out_of_range_is_an_error_that_names_the_column(value: object) -> None:
    with pytest.raises(ValueError, match=r"^trustworthiness_score is .*0 to 1"):
        read(trustworthiness_score=value)


def test_an_error_does_not_show_the_text_that_it_is_about() -> None:
    with pytest.raises(ValueError) as caught:
        read(trustworthiness_score="The patient is called Jane Doe")
    assert "Jane" not in str(caught.value)


@pytest.mark.parametrize(
    "value",
    [1, 1.0, True, "1", "1.0", " true ", "Yes", "RIGHT", "Correct", Decimal("1.0"), np.bool_(True)],
)
def test_a_right_answer_is_recognised(value: object) -> None:
    assert read(correct=value).correct is True


@pytest.mark.parametrize(
    "value",
    [0, 0.0, False, "0", "0.0", "false", "NO", "Wrong", "incorrect", Decimal(0), np.int64(0)],
)
def test_a_wrong_answer_is_recognised(value: object) -> None:
    assert read(correct=value).correct is False


@pytest.mark.parametrize(
    ("right", "wrong"),
    [("WAHR", "FALSCH"), ("VRAI", "FAUX"), ("VERO", "FALSO"), ("ja", "nein"), ("1,0", "0,0")],
)
def test_labels_are_read_as_spreadsheets_of_other_languages_write_them(
    right: str, wrong: str
) -> None:
    assert (read_label(right), read_label(wrong)) == (True, False)


@pytest.mark.parametrize("value", [None, "", math.nan])
def test_a_label_may_be_missing(value: object) -> None:
    assert read(correct=value).correct is None


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (2, "2"),
        (0.5, "0.5"),
        ("perhaps", "'perhaps'"),
        ("nan", "'nan'"),
        ("The patient is called Jane Doe, and she is well", "text"),
        (["1"], "a list"),
        ({"correct": 1}, "a dict"),
    ],
)
def test_a_label_that_is_neither_is_an_error_with_value_and_what_is_allowed(
    value: object, shown: str
) -> None:
    allowed = (
        "1 or 0, true or false, yes or no, right or wrong, correct or incorrect, "
        "pass or fail, ✓ or ✗"
    )
    with pytest.raises(ValueError) as caught:
        read(correct=value)
    assert str(caught.value) == f"correct is {shown}; it must be {allowed}"


@given(
    word=st.sampled_from(["1", "true", "yes", "right", "correct", "y", "t", "1.0", "01"]),
    opposite=st.sampled_from(["0", "false", "no", "wrong", "incorrect", "n", "f", "0.0", "-0"]),
    cases=st.lists(st.booleans(), min_size=9, max_size=9),
    space=st.sampled_from(["", " ", "\t", "\u00a0 "]),
)
def test_labels_are_read_in_any_case_with_space_around(
    word: str, opposite: str, cases: list[bool], space: str
) -> None:
    def written(text: str) -> str:
        mixed = (c.upper() if upper else c for c, upper in zip(text, cases, strict=False))
        return f"{space}{''.join(mixed)}{space}"

    assert read_label(written(word)) is True
    assert read_label(written(opposite)) is False


@given(value=st.one_of(st.text(), st.integers(), st.floats(), st.lists(st.integers())))
def test_whatever_a_label_is_it_is_read_or_refused(value: object) -> None:
    with suppress(ValueError):  # any other error fails the test
        assert read_label(value) in (True, False, None)


def test_signals_are_read_from_columns_and_from_json() -> None:
    result = read(
        signal_reflection="0.5",
        signals='{"consistency": {"value": 0.25, "error": null}, "probability": null}',
    )
    assert result.signals == {"reflection": 0.5, "consistency": 0.25, "probability": None}


def test_a_signal_out_of_range_is_an_error() -> None:
    with pytest.raises(ValueError, match="signal_reflection is 3"):
        read(signal_reflection=3)


def test_usage_is_read_and_what_is_missing_left_out() -> None:
    assert read(usage_calls="2", usage_seconds=0.5, usage_samples=None).usage == {
        "calls": 2,
        "seconds": 0.5,
    }


def test_usage_below_zero_is_an_error() -> None:
    with pytest.raises(ValueError, match="usage_calls is -1"):
        read(usage_calls=-1)


def test_evaluations_are_read_beside_the_signals_and_are_none() -> None:
    row = read(
        signal_reflection=0.4, evaluation_query_ease="0.3", evaluation_x="", evaluation_notes="fine"
    )
    assert row.signals == {"reflection": 0.4, "evaluation_query_ease": 0.3, "evaluation_x": None}
    assert row.measured == {"reflection": 0.4}
