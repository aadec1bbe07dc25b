import math

import numpy as np
import pytest

from nemoguardrails_trust.report.results import Columns, read_texts

COLUMNS = Columns()


def test_a_conversation_is_shown_with_its_roles() -> None:
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}]
    assert read_texts({"prompt": messages}, COLUMNS).prompt == "System: Be brief.\n\nUser: Hi"


def test_a_conversation_that_is_none_is_shown_as_it_stands() -> None:
    assert read_texts({"prompt": [{"body": "Hi"}]}, COLUMNS).prompt == '[{"body": "Hi"}]'


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
