"""A response beside other samples of its model."""

import json
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nemoguardrails_trust.signals.consistency import (
    compare,
    consistency_signal,
    consistency_value,
    settled_agreement,
)

SHARES = st.floats(0.0, 1.0)


def test_every_sample_is_compared_in_order() -> None:
    found = compare("Paris", ["paris", "London", "The city of Paris", "Rome", "Paris."])
    assert [agreement.value >= 0.5 for agreement in found.agreements] == [
        True,
        False,
        True,
        False,
        True,
    ]
    assert found.value == pytest.approx(sum(agreement.value for agreement in found.agreements) / 5)


def test_without_samples_there_is_no_value() -> None:
    found = compare("Paris", [])
    assert found.value is None
    assert not found.agreements
    assert not found.alternatives
    assert not found.unsettled
    assert (found.distinct, found.semantic_entropy, found.contradicting) == (0, 0.0, None)
    signal = consistency_signal(found)
    assert signal.value is None
    assert signal.error is not None


def test_like_answers_are_counted_once() -> None:
    found = compare("1000", ["1,000", "one thousand", "2000", "2,000", "3"])
    assert found.distinct == 3


def test_the_semantic_entropy_is_over_the_groups_of_like_answers() -> None:
    found = compare("1000", ["1,000", "one thousand", "2000", "2,000", "3"])
    expected = -(0.4 * math.log(0.4) * 2 + 0.2 * math.log(0.2))
    assert found.semantic_entropy == pytest.approx(expected)
    assert compare("yes", ["Yes.", "yes", "Yes, it is"]).semantic_entropy == 0.0
    assert compare("1", ["2", "3", "4", "5"]).semantic_entropy == pytest.approx(math.log(4))


def test_alternatives_come_most_frequent_first_and_leave_out_the_response() -> None:
    found = compare("Paris", ["Rome", "Lyon", "Paris", "Lyon", "", "Berlin", "lyon", "rome"])
    assert found.alternatives == ("Lyon", "Rome", "Berlin")
    assert found.contradicting == "Lyon"


def test_nothing_contradicts_where_all_agree() -> None:
    found = compare("Paris", ["paris", "Paris."])
    assert found.alternatives == ()
    assert found.contradicting is None


def test_a_model_settles_what_plain_comparing_could_not() -> None:
    found = compare("Mark Twain", ["Samuel Clemens", "mark twain", "Jack London"])
    assert found.unsettled == (0, 2)
    assert [agreement.value for agreement in found.agreements] == [0.0, 1.0, 0.0]
    settled = found.with_settled({0: 1.0, 1: 0.0, 2: 0.0})
    assert [agreement.value for agreement in settled.agreements] == [2 / 3, 1.0, 0.0]
    assert settled.unsettled == ()
    assert settled.alternatives == ("Jack London",)
    assert settled.distinct == 2
    assert found.unsettled == (0, 2), "the comparison itself is left as it was"


def test_a_model_may_part_what_looked_alike() -> None:
    found = compare("Toy Story", ["Toy Story by Pixar", "Toy Story"])
    assert found.distinct == 1
    parted = found.with_settled({0: 0.0})
    assert parted.distinct == 2
    assert parted.contradicting == "Toy Story by Pixar"


@given(SHARES, SHARES, SHARES, SHARES)
def test_a_settled_agreement_rises_with_both_and_is_bounded_by_them(
    plain: float, judged: float, other_plain: float, other_judged: float
) -> None:
    value = settled_agreement(plain, judged)
    assert min(plain, judged) - 1e-12 <= value <= max(plain, judged) + 1e-12
    assert 0.0 <= value <= 1.0
    higher = settled_agreement(max(plain, other_plain), max(judged, other_judged))
    assert higher >= value


@pytest.mark.parametrize("value", [-0.1, 1.1, math.nan])
def test_a_settled_agreement_out_of_range_is_refused(value: float) -> None:
    found = compare("Mark Twain", ["Samuel Clemens"])
    with pytest.raises(ValueError, match="sample 0"):
        found.with_settled({0: value})


def test_fields_of_a_json_answer_are_scored_one_by_one() -> None:
    response = {"name": "Ada", "born": 1815, "tags": ["x"]}
    samples = [
        json.dumps({"born": 1815, "name": "Ada", "tags": ["x"]}),
        json.dumps({"name": "Ada", "born": 1816, "tags": ["y"]}),
        '```json\n{"name": "Ada"}\n```',
        "I cannot tell.",
    ]
    found = compare(json.dumps(response), samples)
    assert found.fields == {"name": 0.75, "born": 0.25, "tags": 0.25}


def test_fields_of_a_tool_call_are_its_name_and_arguments() -> None:
    def call(city: str, days: int) -> str:
        arguments = json.dumps({"city": city, "days": days})
        return json.dumps({"id": f"call_{days}", "function": {"name": "f", "arguments": arguments}})

    found = compare(call("Rome", 3), [call("Rome", 3), call("Rome", 4)])
    assert found.fields == {"name": 1.0, "arguments.city": 1.0, "arguments.days": 0.5}
    assert found.agreements[0].value == 1.0
    assert found.agreements[1].value < 0.5


def test_text_has_no_fields() -> None:
    assert compare("Paris", ["Paris"]).fields is None
    assert compare("[1, 2]", ["[1, 2]"]).fields is None


def test_the_signal_is_ready_for_json() -> None:
    found = compare("42", ["42", "forty-two", "41"])
    signal = consistency_signal(found)
    assert signal.value == found.value
    details = json.loads(json.dumps(signal.to_json()))["details"]
    assert details["agreements"] == [1.0, 1.0, round(found.agreements[2].value, 4)]
    assert details["distinct"] == 2
    assert details["semantic_entropy"] == pytest.approx(found.semantic_entropy)


def test_consistency_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        consistency_value([])


@given(st.lists(SHARES, min_size=1, max_size=20), st.data())
@settings(max_examples=500)
def test_consistency_is_bounded_and_never_falls_when_an_agreement_rises(
    agreements: list[float], data: st.DataObject
) -> None:
    value = consistency_value(agreements)
    assert 0.0 <= value <= 1.0
    place = data.draw(st.integers(0, len(agreements) - 1))
    higher = data.draw(st.floats(agreements[place], 1.0))
    raised = [*agreements[:place], higher, *agreements[place + 1 :]]
    assert consistency_value(raised) >= value


@given(st.lists(SHARES, min_size=1, max_size=8), st.lists(SHARES, max_size=8), st.data())
@settings(max_examples=500)
def test_with_rephrasings_it_is_bounded_and_monotone_too(
    own: list[float], rephrased: list[float], data: st.DataObject
) -> None:
    value = consistency_value(own, rephrased)
    assert 0.0 <= value <= 1.0
    place = data.draw(st.integers(0, len(own) - 1))
    higher = [*own[:place], data.draw(st.floats(own[place], 1.0)), *own[place + 1 :]]
    assert consistency_value(higher, rephrased) >= value
    if rephrased:
        place = data.draw(st.integers(0, len(rephrased) - 1))
        more = data.draw(st.floats(rephrased[place], 1.0))
        raised = [*rephrased[:place], more, *rephrased[place + 1 :]]
        assert consistency_value(own, raised) >= value


def test_rephrasings_that_are_answered_otherwise_outweigh_agreeing_samples() -> None:
    said = ["Yes"] * 4
    assert compare("Yes", [*said, *["No"] * 4], rephrased=4).value == 0.0
    assert compare("Yes", [*said, *said], rephrased=4).value == 1.0
    assert compare("Yes", [*["No"] * 4, *said], rephrased=4).value == 0.5
    assert compare("Yes", said, rephrased=4).value == 1.0
    signal = consistency_signal(compare("Yes", [*said, "No"], rephrased=1))
    assert signal.details["rephrased"] == 1


@given(st.lists(SHARES, min_size=1, max_size=12), st.integers(0, 12))
@settings(max_examples=500)
def test_samples_still_to_come_are_bounded_by_none_and_all_agreeing(
    agreements: list[float], known: int
) -> None:
    known = min(known, len(agreements))
    missing = len(agreements) - known
    low = consistency_value([*agreements[:known], *[0.0] * missing])
    high = consistency_value([*agreements[:known], *[1.0] * missing])
    assert low <= consistency_value(agreements) <= high


ANSWERS = st.text(max_size=20) | st.sampled_from(["Paris", "paris", "London", "1,000", "1000", ""])


@given(ANSWERS, st.lists(ANSWERS, max_size=8), st.text(max_size=30))
@settings(max_examples=500)
def test_a_comparison_holds_together_for_any_texts(
    response: str, samples: list[str], prompt: str
) -> None:
    found = compare(response, samples, prompt=prompt)
    assert len(found.agreements) == len(samples)
    assert (found.value is None) == (not samples)
    assert found.distinct <= len(samples)
    assert 0.0 <= found.semantic_entropy <= math.log(max(1, found.distinct)) + 1e-9
    assert len(found.alternatives) <= found.distinct
    assert set(found.alternatives) <= set(samples)
    alone = [compare(response, [sample], prompt=prompt).agreements[0] for sample in samples]
    assert list(found.agreements) == alone


TEXT = "Extract the dates of birth as JSON. Text: " + "Born in May, she was. " * 10


@pytest.mark.parametrize(
    ("response", "prompt", "value"),
    [
        ("[]", TEXT, 0.5),
        ("{}", TEXT, 0.5),
        ('{"birth": [], "name": "Ada"}', TEXT, 0.75),
        ('{"birth": "May", "name": null}', TEXT, 0.75),
        ('["May"]', TEXT, 1.0),
        ('{"birth": 0, "known": false}', TEXT, 1.0),
        ("[]", "Which of these are even, as JSON: 1, 3, 5?", 1.0),
    ],
)
def test_agreement_on_an_empty_value_counts_half_where_there_was_a_text(
    response: str, prompt: str, value: float
) -> None:
    found = compare(response, [response] * 3, prompt=prompt)
    assert found.value == value
    assert found.distinct == 1
    assert found.alternatives == ()


VALUES = st.text(min_size=1, max_size=5) | st.integers() | st.lists(st.integers(), min_size=1)
EMPTY: st.SearchStrategy[Any] = st.sampled_from(["", [], {}, None])


@given(
    st.dictionaries(st.text(max_size=4), VALUES, min_size=1, max_size=4),
    st.lists(EMPTY, min_size=4, max_size=4),
    st.integers(0, 4),
    st.text(max_size=200),
)
@settings(max_examples=300)
def test_emptiness_is_bounded_and_a_value_more_is_never_worth_less(
    full: dict[str, Any], empty: list[Any], emptied: int, prompt: str
) -> None:
    def worth(count: int) -> float:
        values = dict(zip(full, [*empty[:count], *list(full.values())[count:]], strict=False))
        response = json.dumps(values)
        value = compare(response, [response] * 2, prompt=prompt).value
        assert value is not None
        return value

    emptied = min(emptied, len(full))
    assert 0.0 <= worth(emptied) <= worth(max(emptied - 1, 0)) <= 1.0


def test_an_empty_field_is_told_as_half_agreed() -> None:
    response = '{"birth": [], "name": "Ada"}'
    found = compare(response, [response] * 4, prompt=TEXT)
    assert found.fields == {"birth": 0.5, "name": 1.0}
