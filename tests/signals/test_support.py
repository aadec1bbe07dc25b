"""How far samples bear single sentences out."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nemoguardrails_trust.signals.sentences import split_sentences
from nemoguardrails_trust.signals.support import SILENT, support

PROMPT = "Tell me about the planet Jupiter."
SENTENCES = st.sampled_from(
    [
        "Jupiter is the largest planet.", "It has 80 moons.", "It has 95 moons.", "It is blue.",
        "It was not found by Galileo.", "Galileo found it in 1610.", "北京是首都。", "Hello!",
        "| a | b |", "Sie ist 3,5 m groß.", "It is it.",
    ]
)  # fmt: skip
TEXTS = st.one_of(st.text(max_size=60), st.lists(SENTENCES, max_size=6).map(" ".join))


def value(sentence: str, *samples: str) -> float:
    found = support([sentence], samples, prompt=PROMPT)
    assert found is not None
    return found[0]


def test_a_sentence_is_borne_out_contradicted_or_not_mentioned() -> None:
    sample = "Jupiter is a gas giant. It has 95 moons. Galileo saw four in 1610."
    assert value("It has 95 moons.", sample) == 1.0
    assert value("Jupiter has 95 known moons.", sample) > 0.8
    assert value("It has 80 moons.", sample) < 0.2
    assert value("It takes 12 years to orbit.", sample) == SILENT
    assert value("It takes 12 years to orbit.", "") == SILENT


def test_it_is_the_mean_over_the_samples() -> None:
    assert value("It has 95 moons.", "It has 95 moons.", "It has 80 moons.") == pytest.approx(
        (1.0 + value("It has 95 moons.", "It has 80 moons.")) / 2
    )


def test_without_samples_or_with_nobody_waiting_there_is_none() -> None:
    assert support(["It is red."], []) is None
    assert support(["It is red."], ["It is red."], is_over=lambda: True) is None
    assert support([], ["It is red."]) == []


@settings(max_examples=50)
@given(TEXTS, st.lists(TEXTS, max_size=4))
def test_it_is_bounded_and_never_raises(answer: str, samples: list[str]) -> None:
    sentences = [sentence.text for sentence in split_sentences(answer, most=20).listed]
    found = support(sentences, samples, prompt=PROMPT)
    if not samples:
        assert found is None
        return
    assert found is not None
    assert len(found) == len(sentences)
    assert all(0.0 <= value <= 1.0 for value in found)


@settings(max_examples=50)
@given(TEXTS, st.lists(TEXTS, min_size=1, max_size=4))
def test_one_more_sample_that_bears_all_out_lowers_nothing(answer: str, samples: list[str]) -> None:
    sentences = [sentence.text for sentence in split_sentences(answer, most=20).listed]
    before = support(sentences, samples, prompt=PROMPT)
    after = support(sentences, [*samples, answer], prompt=PROMPT)
    assert before is not None
    assert after is not None
    assert all(more >= less - 1e-12 for less, more in zip(before, after, strict=True))


def test_what_is_compared_is_bounded() -> None:
    sentences = [f"Number {place} is {place}." for place in range(100)]
    samples = [" ".join(f"Number {place} is {place}. " * 3 for place in range(3_000))] * 30
    found = support(sentences, samples)
    assert found is not None
    assert found[0] == 1.0
