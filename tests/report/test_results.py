import math
from typing import Any

import numpy as np
import pytest

from nemoguardrails_trust.errors import DataError
from nemoguardrails_trust.report.results import Columns, read_result, read_texts

COLUMNS = Columns()


def read(**row: Any) -> Any:
    return read_result(row, COLUMNS, line=7, path="results.csv")


@pytest.mark.parametrize("value", [0.25, "0.25", np.float64(0.25), "2.5e-1"])
def test_a_score_is_read_as_a_number_or_as_text(value: object) -> None:
    assert read(trustworthiness_score=value).score == 0.25


@pytest.mark.parametrize("value", [None, "", "nan", math.nan, np.float64("nan")])
def test_every_way_to_say_that_there_is_no_score_is_understood(value: object) -> None:
    assert read(trustworthiness_score=value).score is None


@pytest.mark.parametrize("value", [1.01, -0.01, "high", True, [0.5], math.inf, "inf"])
def test_a_score_out_of_range_is_an_error_that_names_file_line_and_column(value: object) -> None:
    with pytest.raises(DataError, match=r"^results\.csv:7: trustworthiness_score is .*0 to 1"):
        read(trustworthiness_score=value)


def test_an_error_does_not_show_the_text_that_it_is_about() -> None:
    with pytest.raises(DataError) as caught:
        read(trustworthiness_score="The patient is called Jane Doe")
    assert "Jane" not in str(caught.value)


@pytest.mark.parametrize("value", [1, 1.0, True, "1", "1.0", " true ", "Yes", np.bool_(True)])
def test_a_right_answer_is_recognised(value: object) -> None:
    assert read(correct=value).label == 1


@pytest.mark.parametrize("value", [0, 0.0, False, "0", "0.0", "false", "NO", np.int64(0)])
def test_a_wrong_answer_is_recognised(value: object) -> None:
    assert read(correct=value).label == 0


@pytest.mark.parametrize("value", [None, "", math.nan])
def test_a_label_may_be_missing(value: object) -> None:
    assert read(correct=value).label is None


@pytest.mark.parametrize("value", [2, "perhaps", 0.5])
def test_a_label_that_is_neither_is_an_error(value: object) -> None:
    with pytest.raises(DataError, match=r"results\.csv:7: correct is .*true or false"):
        read(correct=value)


def test_signals_are_read_from_columns_and_from_json() -> None:
    result = read(
        signal_reflection="0.5",
        signals='{"consistency": {"value": 0.25, "error": null}, "probability": null}',
    )
    assert result.signals == {"reflection": 0.5, "consistency": 0.25, "probability": None}


def test_a_signal_out_of_range_is_an_error() -> None:
    with pytest.raises(DataError, match="signal_reflection is 3"):
        read(signal_reflection=3)


def test_usage_is_read_and_what_is_missing_left_out() -> None:
    assert read(usage_calls="2", usage_seconds=0.5, usage_samples=None).usage == {
        "calls": 2,
        "seconds": 0.5,
    }


def test_usage_below_zero_is_an_error() -> None:
    with pytest.raises(DataError, match="usage_calls is -1"):
        read(usage_calls=-1)


def test_a_conversation_is_shown_with_its_roles() -> None:
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}]
    assert read_texts({"prompt": messages}, COLUMNS).prompt == "System: Be brief.\n\nUser: Hi"


def test_a_conversation_that_is_none_is_shown_as_it_stands() -> None:
    assert read_texts({"prompt": [{"text": "Hi"}]}, COLUMNS).prompt == '[{"text": "Hi"}]'


@pytest.mark.parametrize(
    "value",
    [["b", "A", "b", " a ", ""], '["b", "A", "b", " a ", ""]', np.array(["b", "A", "b"])],
)
def test_alternatives_leave_out_the_answer_itself_and_begin_with_the_most_frequent(
    value: object,
) -> None:
    texts = read_texts({"response": "a", "alternatives": value}, COLUMNS)
    assert texts.alternatives == ("b",)


def test_samples_of_recorded_data_stand_in_for_missing_alternatives() -> None:
    texts = read_texts({"response": "a", "samples": ["c", "a", "b", "b"]}, COLUMNS)
    assert texts.alternatives == ("b", "c")


def test_samples_do_not_stand_in_where_a_scorer_found_no_alternative() -> None:
    row = {"response": "the 5th", "alternatives": [], "samples": ["the fifth"]}
    assert read_texts(row, COLUMNS).alternatives == ()


def test_missing_texts_are_empty() -> None:
    texts = read_texts({"explanation": math.nan, "gold": None}, COLUMNS)
    assert (texts.prompt, texts.response, texts.explanation, texts.reference) == ("", "", "", "")
    assert texts.alternatives == ()
