import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nemoguardrails_trust.signals.answer_tokens import SHORT_ANSWER, measured_on
from nemoguardrails_trust.signals.probability import LEAST_LOGPROB, probability_signal

logprobs = st.floats(-60.0, 0.0)


def test_the_value_is_the_geometric_mean_of_the_token_probabilities() -> None:
    signal = probability_signal([math.log(0.5), math.log(0.5), math.log(1.0)])
    assert signal.value == pytest.approx(0.25 ** (1 / 3))
    assert signal.details["tokens"] == 3
    assert signal.details["least_logprob"] == pytest.approx(math.log(0.5))


@settings(max_examples=500)
@given(st.lists(logprobs, min_size=1, max_size=50), st.data())
def test_a_more_likely_token_never_lowers_the_value(
    given_: list[float], data: st.DataObject
) -> None:
    place = data.draw(st.integers(0, len(given_) - 1))
    raised = list(given_)
    raised[place] = data.draw(st.floats(given_[place], 0.0))
    before, after = probability_signal(given_).value, probability_signal(raised).value
    assert before is not None
    assert after is not None
    assert 0.0 <= before <= after <= 1.0


@pytest.mark.parametrize("unlikely", [-9999.0, -math.inf])
def test_one_token_off_the_list_of_likely_ones_does_not_decide_for_the_answer(
    unlikely: float,
) -> None:
    signal = probability_signal([unlikely] + [0.0] * 99)
    assert signal.value == pytest.approx(math.exp(LEAST_LOGPROB / 100))


def test_certain_tokens_that_a_server_rounds_to_above_0_count_as_certain() -> None:
    assert probability_signal([1e-7, 0.0]).value == 1.0


@pytest.mark.parametrize("given_", [None, [], ()])
def test_no_tokens_give_no_value_but_a_reason(given_: list[float] | None) -> None:
    signal = probability_signal(given_)
    assert signal.value is None
    assert signal.error == "the response came without token probabilities"


@pytest.mark.parametrize("wrong", [math.nan, math.inf, 0.5, 1e9])
def test_what_is_no_log_probability_gives_no_value_but_a_reason(wrong: float) -> None:
    signal = probability_signal([-0.1, wrong])
    assert signal.value is None
    assert signal.error is not None
    assert "log-probability" in signal.error


@pytest.mark.parametrize(
    ("tokens", "measured"), [(1, "answer"), (SHORT_ANSWER, "answer"), (SHORT_ANSWER + 1, "text")]
)
def test_what_was_measured_goes_by_the_number_of_tokens_and_is_told(
    tokens: int, measured: str
) -> None:
    assert measured_on([-0.5] * tokens) == measured
    assert probability_signal([-0.5] * tokens).details["measured"] == measured
