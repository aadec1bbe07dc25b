import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nemoguardrails_trust.exchange import Exchange
from nemoguardrails_trust.exchange.tokens import TokenLogprob
from nemoguardrails_trust.signals.answer_tokens import (
    SHORT_ANSWER,
    answer_tokens,
    letters_offered,
)
from nemoguardrails_trust.signals.probability import probability_signal, response_probability

CHOICE = "Which is the capital of France?\nA) Lyon\nB) Paris\nC) Nice"


def written(*tokens: tuple[str, float]) -> tuple[TokenLogprob, ...]:
    return tuple(TokenLogprob(text, math.log(probability)) for text, probability in tokens)


def measured(prompt: str, tokens: tuple[TokenLogprob, ...]) -> tuple[str, Any]:
    response = "".join(token.token for token in tokens)
    signal = response_probability(Exchange.of(prompt, response, tokens=tokens))
    return signal.details["measured"], pytest.approx(signal.value)


def letter(text: str, **likely: float) -> TokenLogprob:
    space = " " * text.startswith(" ")
    top = tuple((space + item, math.log(probability)) for item, probability in likely.items())
    return TokenLogprob(text, dict(top)[text], top)


class TestChoices:
    def test_the_letter_counts_over_the_letters_offered(self) -> None:
        assert measured(CHOICE, (letter("B", A=0.2, B=0.6, The=0.2),)) == ("choice", 0.75)

    def test_spellings_of_a_letter_are_one(self) -> None:
        top = ((" B", math.log(0.3)), ("B", math.log(0.3)), ("A", math.log(0.2)))
        assert measured(CHOICE, (TokenLogprob(" B", math.log(0.3), top),)) == ("choice", 0.75)

    def test_letters_that_were_not_offered_do_not_count(self) -> None:
        assert measured(CHOICE, (letter("B", A=0.1, B=0.4, H=0.3),)) == ("choice", 0.8)

    def test_the_words_around_it_do_not_count(self) -> None:
        tokens = (*written(("The", 0.1), (" answer is", 0.1)), letter(" B", A=0.25, B=0.75))
        assert measured(CHOICE, tokens) == ("choice", 0.75)

    def test_without_alternatives_it_is_the_letters_own_probability(self) -> None:
        assert measured(CHOICE, written(("B", 0.4), (") Paris", 0.9))) == ("choice", 0.4)

    def test_a_letter_whose_alternatives_are_other_words_counts_as_it_is(self) -> None:
        assert measured(CHOICE, (letter("B", B=0.3, The=0.6),)) == ("choice", 0.3)

    def test_a_token_whose_text_is_not_known_is_the_letter(self) -> None:
        top = (("A", math.log(0.2)), ("B", math.log(0.6)))
        tokens = (TokenLogprob("", math.log(0.6), top),)
        signal = response_probability(Exchange.of(CHOICE, "B", tokens=tokens))
        assert signal.value == pytest.approx(0.75)

    def test_without_letters_offered_it_is_an_answer_like_others(self) -> None:
        assert measured("Name a letter", written(("B", 0.4))) == ("answer", 0.4)

    @pytest.mark.parametrize("said", ["A or B", "Paris or Lyon"])
    def test_what_chooses_no_single_letter_is_no_choice(self, said: str) -> None:
        assert measured(CHOICE, written((said, 0.4))) == ("answer", 0.4)

    def test_alternatives_are_asked_for_where_letters_are_offered(self) -> None:
        assert letters_offered(CHOICE) == 5
        assert letters_offered("Which is the capital of France?") == 0


class TestFinalAnswers:
    REASONS = tuple((f" step{i}", 0.9) for i in range(SHORT_ANSWER))

    @pytest.mark.parametrize(
        "ending",
        [
            [("\n#### ", 0.9), ("18", 0.5)],
            [(" The answer is ", 0.9), ("18", 0.5), (".", 0.9)],
            [(" \\boxed{", 0.9), ("18", 0.5), ("}", 0.9)],
        ],
    )
    def test_a_solutions_final_answer_is_measured(self, ending: list[tuple[str, float]]) -> None:
        assert measured("How many?", written(*self.REASONS, *ending)) == ("final_answer", 0.5)

    def test_a_short_answer_that_marks_it_is_still_a_short_one(self) -> None:
        tokens = written(("The answer is ", 0.1), ("18", 0.5))
        assert measured("How many?", tokens) == ("answer", 0.5)

    def test_a_long_text_without_one_is_measured_as_a_whole(self) -> None:
        assert measured("How many?", written(*self.REASONS, (" 18", 0.9))) == ("text", 0.9)

    def test_tokens_that_do_not_spell_the_response_are_measured_as_a_whole(self) -> None:
        tokens = written(("\ufffd", 0.25), ("\ufffd", 0.25))
        signal = response_probability(Exchange.of("?", "The answer is ä", tokens=tokens))
        assert signal.value == pytest.approx(0.25)
        assert signal.details["measured"] == "answer"


class TestFields:
    def test_the_least_likely_field_counts_and_each_is_told(self) -> None:
        tokens = written(
            ('{"name": "', 0.1), ("Ada", 0.9), ('", "', 0.1), ('age": ', 0.1), ("36", 0.5),
            ("}", 0.1),
        )  # fmt: skip
        signal = response_probability(Exchange.of("?", '{"name": "Ada", "age": 36}', tokens=tokens))
        assert signal.details["measured"] == "fields"
        assert signal.details["fields"]["age"] == pytest.approx(0.5)
        assert signal.value == min(signal.details["fields"].values())

    def test_a_calls_arguments_are_fields(self) -> None:
        tokens = written(
            ('{"name": ', 0.9), ('"pay"', 0.8), (', "arguments": {"to": ', 0.9), ('"Eve"', 0.3),
            (', "sum": ', 0.9), ("5", 0.7), ("}}", 0.9),
        )  # fmt: skip
        response = "".join(token.token for token in tokens)
        signal = response_probability(Exchange.of("?", response, tokens=tokens))
        assert signal.details["fields"] == {
            "name": pytest.approx(0.8),
            "arguments.to": pytest.approx(0.3),
            "arguments.sum": pytest.approx(0.7),
        }

    def test_several_objects_are_measured_as_a_whole(self) -> None:
        assert measured("?", written(('[{"a": 1}, ', 0.5), ('{"a": 2}]', 0.5))) == ("answer", 0.5)


PIECES = [
    "A", " B", ")", '{"a": ', '"b"', "}", "[", ", ", "The answer is ", "18", "####", "\n",
    "\\boxed{", '"arguments": {', "\ufffd", "", "\u0120C", "\ud800",
]  # fmt: skip
TEXTS = st.lists(st.sampled_from(PIECES), min_size=1, max_size=30)
LOGPROBS = st.floats(-60.0, 0.0)


@settings(max_examples=150)
@given(TEXTS, st.sampled_from([CHOICE, "How many?"]), st.data())
def test_whatever_was_written_a_more_likely_token_never_lowers_the_value(
    texts: list[str], prompt: str, data: st.DataObject
) -> None:
    likely = data.draw(st.lists(LOGPROBS, min_size=len(texts), max_size=len(texts)))
    place = data.draw(st.integers(0, len(texts) - 1))
    raised = list(likely)
    raised[place] = data.draw(st.floats(likely[place], 0.0))
    values = []
    for logprobs in (likely, raised):
        tokens = tuple(map(TokenLogprob, texts, logprobs))
        signal = response_probability(Exchange.of(prompt, "".join(texts), tokens=tokens))
        assert signal.value is not None
        values.append(signal.value)
    assert 0.0 <= values[0] <= values[1] <= 1.0


@settings(max_examples=100)
@given(st.text(max_size=40), TEXTS, st.text(max_size=20))
def test_tokens_of_any_other_text_never_raise(response: str, texts: list[str], prompt: str) -> None:
    tokens = tuple(TokenLogprob(text, -0.5, ((text, -0.5), ("B", -1.0))) for text in texts)
    found = answer_tokens(response, prompt, tokens)
    assert all(found.parts.values())
    assert all(logprob <= 0.0 for part in found.parts.values() for logprob in part)


def test_without_the_tokens_texts_all_of_them_are_measured() -> None:
    exchange = Exchange.of("?", "The answer is 18", token_logprobs=[math.log(0.5)] * 3)
    assert response_probability(exchange) == probability_signal(exchange.token_logprobs)
