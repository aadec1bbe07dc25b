"""Hostile texts for a few seconds; `make fuzz` takes longer, and looks at their time, too."""

import json

import pytest
from hypothesis import given, settings

from nemoguardrails_trust.agreement import agreement, compare
from nemoguardrails_trust.agreement.answers import Answer
from nemoguardrails_trust.agreement.question import Question
from nemoguardrails_trust.signals.consistency import compare as compare_samples
from nemoguardrails_trust.signals.consistency import consistency_signal
from tests.fuzz import fault_of, readers, texts


@settings(max_examples=250)
@given(first=texts(), second=texts())
def test_no_text_makes_a_reader_raise(first: str, second: str) -> None:
    faults = [fault_of(name, read) for name, read in readers(first, second).items()]
    assert [fault for fault in faults if fault is not None] == []


def nested(depth: int, leaf: str) -> str:
    return "[" * depth + leaf + "]" * depth


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("#### \n\nParis", "#### \n\nLyon"),
        (nested(480, "1"), nested(480, "2")),
        (
            json.dumps({"arguments": nested(480, "1"), "name": "f"}),
            '{"arguments": {}, "name": "f"}',
        ),
        ("10^400 kg", "10^401 kg"),
        ("nine " + "million " * 200, "eight " + "million " * 200),
        ("1" * 5_000, "2" * 5_000),
    ],
)
def test_texts_that_once_turned_their_own_check_off_are_different(first: str, second: str) -> None:
    assert agreement(first, second).value < compare.SAME
    assert agreement(first, first).value == 1.0


@pytest.mark.parametrize("text", ["x" * 50_000, "Paris is old. " * 4_000, nested(99_000, "1")])
def test_of_texts_whose_middle_is_not_read_nothing_is_certain(text: str) -> None:
    half = len(text) // 2
    found = agreement(text, f"{text[:half]} and so on {text[half:]}")
    assert not found.settled


def test_the_answer_under_a_marked_line_is_read() -> None:
    assert agreement("#### \n\nParis", "Paris").value == 1.0


def test_what_cannot_be_compared_counts_as_different_and_is_named(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(first: Answer, second: Answer) -> None:
        raise IndexError("Paris")

    monkeypatch.setattr(compare, "_compare", fail)
    found = compare.compare_answers(Answer("Paris", Question("")), Answer("Lyon", Question("")))
    assert (found.value, found.settled, found.failure) == (0.0, False, "IndexError")
    signal = consistency_signal(compare_samples("Paris", ["Paris", "Lyon", "Rome"]))
    assert signal.value == pytest.approx(1 / 3)
    assert signal.details["not_comparable"] == {"IndexError": 2}
    assert "IndexError" in caplog.text
    assert "Paris" not in caplog.text
