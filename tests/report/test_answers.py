import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from nemoguardrails_trust.datasets.scored import read_label, read_scored
from nemoguardrails_trust.report.answers import (
    ALTERNATIVES_SHOWN,
    TEXT_LIMITS,
    AnswerPicker,
    answers_json,
    embedded_json,
)
from nemoguardrails_trust.report.results import Columns

COLUMNS = Columns()


def picker_of(rows: list[dict[str, Any]]) -> AnswerPicker:
    picker = AnswerPicker()
    for number, row in enumerate(rows, start=1):
        result = replace(read_scored(row), correct=read_label(row.get("correct")))
        picker.add(number, row, result)
    return picker


def scored(scores: Sequence[float | None], **columns: Any) -> list[dict[str, Any]]:
    return [{"trustworthiness_score": score, **columns} for score in scores]


@given(st.lists(st.integers(0, 50).map(lambda k: k / 50), max_size=400))
@settings(max_examples=50)
def test_extremes_are_those_of_a_sorted_list(scores: list[float]) -> None:
    groups = picker_of(scored(scores)).groups()
    in_order = sorted(range(len(scores)), key=lambda i: (scores[i], i))
    highest = sorted(range(len(scores)), key=lambda i: (-scores[i], i))
    assert [entry.number - 1 for entry in groups.get("least", [])] == in_order[:100]
    assert [entry.number - 1 for entry in groups.get("most", [])] == highest[:100]


def test_the_trusted_wrong_and_the_distrusted_right_are_picked() -> None:
    rows = scored([0.9, 0.3], correct=0) + scored([0.8, 0.1], correct=1) + scored([None], correct=0)
    groups = picker_of(rows).groups()
    assert [group.number for group in groups["wrong"]] == [1, 2]
    assert [group.number for group in groups["right"]] == [4, 3]
    assert [group.number for group in groups["failed"]] == [5]


def test_a_small_data_set_is_in_the_sample_as_a_whole() -> None:
    groups = picker_of(scored([0.5] * 150)).groups()
    assert [group.number for group in groups["sample"]] == list(range(1, 151))


def test_the_sample_is_even_and_the_same_on_every_run() -> None:
    rows = scored([0.5] * 20_000)
    sample = [group.number for group in picker_of(rows).groups()["sample"]]
    assert sample == [group.number for group in picker_of(rows).groups()["sample"]]
    assert len(set(sample)) == 200
    # 100 of 200 are expected in the first half; 4.2 standard deviations either side.
    assert 70 < sum(number <= 10_000 for number in sample) < 130


def test_a_row_in_several_groups_is_held_once() -> None:
    answers, _ = answers_json(picker_of(scored([0.2, 0.4], correct=1)).groups(), COLUMNS)
    assert [answer["row"] for answer in answers] == [1, 2]
    assert set(answers[0]["groups"]) == {"least", "most", "right", "sample"}


def test_long_texts_are_cut_and_say_so() -> None:
    rows = scored([0.5], response="x" * (TEXT_LIMITS[0] + 1234))
    answers, limit = answers_json(picker_of(rows).groups(), COLUMNS)
    assert limit == TEXT_LIMITS[0]
    assert answers[0]["response"] == "x" * limit + "… [1,234 more characters]"


def test_texts_are_cut_further_until_all_fit() -> None:
    # Every "<" takes six bytes in the page.
    rows = scored([0.5] * 500, prompt="<" * 5000, response="<" * 5000, explanation="<" * 5000)
    answers, limit = answers_json(picker_of(rows).groups(), COLUMNS)
    assert limit < TEXT_LIMITS[0]
    assert len(embedded_json(answers)) <= 3_500_000


def test_only_the_first_alternatives_are_held() -> None:
    texts = [f"answer {n}" for n in range(ALTERNATIVES_SHOWN + 3)]
    answers, _ = answers_json(picker_of(scored([0.5], alternatives=texts)).groups(), COLUMNS)
    assert answers[0]["alternatives"] == texts[:ALTERNATIVES_SHOWN]
    assert answers[0]["moreAlternatives"] == 3


@given(st.text(st.sampled_from("<>&/!-scriptSCRIPT\u2028\u2029\\\"'\x00é")) | st.text())
@settings(max_examples=300)
def test_embedded_json_reads_back_and_holds_nothing_that_a_page_would_act_on(text: str) -> None:
    written = embedded_json({text: [text]})
    assert json.loads(written) == {text: [text]}
    assert not set(written) & set("<>&\u2028\u2029")
