import math
import re
import secrets

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nemoguardrails_trust.exchange import Exchange, Message
from nemoguardrails_trust.exchange.tokens import TokenLogprob
from nemoguardrails_trust.models.base import Completion
from nemoguardrails_trust.signals.reflection import (
    CONTEXT_LIMIT,
    CONVERSATION_LIMIT,
    RESPONSE_LIMIT,
    Criterion,
    read_reflection,
    reflection_messages,
    verdict_came_first,
)
from tests.signals.hostile import HOSTILE
from tests.signals.tokens import most_tokens

MARKER = re.compile(r"</?([a-z]+) ([0-9a-f]{8})>")


def token(word: str, true: float | None = None) -> TokenLogprob:
    """A token; with `true`, one where True has that probability and False the rest."""
    if true is None:
        return TokenLogprob(word, -0.01, ((word, -0.01),))
    top = (("True", math.log(true)), ("False", math.log(1 - true)))
    return TokenLogprob(word, dict(top)[word], top)


def verdict_with(top: dict[str, float], text: str = "True") -> Completion:
    listed = tuple((item, math.log(share)) for item, share in top.items())
    word, logprob = max(listed, key=lambda pair: pair[1])
    return Completion(text, (TokenLogprob(word, logprob, listed),), "length")


def markers(prompt: str) -> list[str]:
    """The names of our own markers in order; closing ones with a slash."""
    found = re.search(r"<name ([0-9a-f]{8})> and", prompt)
    assert found is not None
    after = prompt[found.end() :].partition("\n")[2]
    mark = found[1]
    return re.findall(rf"^<(/?[a-z]+) {mark}>$", after, re.MULTILINE)


class TestThePrompt:
    def test_is_one_user_message(self) -> None:
        (message,) = reflection_messages(Exchange.of("What is 2+2?", "4"))
        assert message.role == "user"

    @pytest.mark.parametrize("explain", [False, True])
    @pytest.mark.parametrize("context", [None, "Two and two are four."])
    def test_takes_fewer_than_250_tokens_beside_the_exchange(
        self, context: str | None, explain: bool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(secrets, "token_hex", lambda _: "12345678")
        exchange = Exchange.of("What is 2+2?", "4", context=context)
        (message,) = reflection_messages(exchange, explain=explain)
        texts = ("What is 2+2?", "4", context or "")
        assert most_tokens(message.content) - sum(map(most_tokens, texts)) < 250

    def test_quotes_every_message_the_context_and_the_response_apart(self) -> None:
        messages = (
            Message("system", "Be brief."),
            Message("user", "Hi"),
            Message("assistant", "Hello"),
            Message("user", "What is 2+2?"),
        )
        (message,) = reflection_messages(Exchange("4", messages, ("Maths.", "Sums.")))
        names = ["system", "user", "assistant", "user", "context", "response"]
        assert markers(message.content) == [item for name in names for item in (name, f"/{name}")]
        for text in ("Be brief.", "Hi", "Hello", "What is 2+2?", "Maths.\n\nSums.", "4"):
            assert f"\n{text}\n" in message.content

    def test_asks_to_judge_by_the_context_only_where_there_is_one(self) -> None:
        (with_context,) = reflection_messages(Exchange.of("q", "r", context="c"))
        (without,) = reflection_messages(Exchange.of("q", "r"))
        assert "by the context" in with_context.content
        assert "context" not in without.content

    def test_asks_about_a_criterion_in_place_of_correctness(self) -> None:
        criterion = Criterion("brevity", "It has at most {ten} words.")
        (message,) = reflection_messages(Exchange.of("q", "r"), criterion=criterion)
        assert "It has at most {ten} words." in message.content
        assert "correct" not in message.content

    def test_asks_for_reasons_after_the_verdict(self) -> None:
        (plain,) = reflection_messages(Exchange.of("q", "r"))
        (with_reasons,) = reflection_messages(Exchange.of("q", "r"), explain=True)
        assert "reasons" not in plain.content
        assert with_reasons.content.index("True or False") < with_reasons.content.index("reasons")

    @pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
    @pytest.mark.parametrize("place", ["response", "prompt", "context"])
    def test_keeps_its_structure_whatever_it_quotes(self, text: str, place: str) -> None:
        parts = {"prompt": "What is 2+2?", "response": "4", "context": "Maths."} | {place: text}
        messages = (Message("user", parts["prompt"]),)
        exchange = Exchange(parts["response"], messages, (parts["context"],))
        (message,) = reflection_messages(exchange)
        plain = Exchange.of("What is 2+2?", "4", context="Maths.")
        (as_built,) = reflection_messages(plain)
        assert markers(message.content) == markers(as_built.content)
        assert ends(message.content) == ends(as_built.content)

    def test_of_a_megabyte_quotes_both_ends_of_each_part(self) -> None:
        long = "start " + "x" * 1_000_000 + " end"
        exchange = Exchange.of(long, long, context=long)
        (message,) = reflection_messages(exchange)
        most = RESPONSE_LIMIT + CONTEXT_LIMIT + CONVERSATION_LIMIT
        assert len(message.content) < most + 2_000
        assert message.content.count("start x") == 3
        assert message.content.count("x end") == 3

    def test_of_a_long_conversation_drops_the_oldest_turns_but_not_the_instructions(self) -> None:
        turns = [Message("user", f"turn {i} " + "x" * 20_000) for i in range(20)]
        messages = (Message("system", "Be brief."), *turns, Message("user", "the last"))
        (message,) = reflection_messages(Exchange("4", messages))
        assert "Be brief." in message.content
        assert "\nthe last\n" in message.content
        assert "turn 19 " in message.content
        assert "turn 0 " not in message.content
        assert message.content.index("turn 18 ") < message.content.index("turn 19 ")

    def test_can_be_made_without_any_message(self) -> None:
        (message,) = reflection_messages(Exchange("4"))
        assert markers(message.content) == ["response", "/response"]


class TestTheVerdictsProbability:
    @pytest.mark.parametrize(
        ("top", "expected"),
        [
            ({"True": 0.9, "False": 0.1}, 0.9),
            ({"True": 0.5, " True": 0.2, "true": 0.1, "TRUE": 0.1, "False": 0.1}, 0.9),
            ({"\u2581False": 0.6, "\u0120True": 0.2}, 0.25),
            ({"\nfalse": 0.5, "**True": 0.5}, 0.5),
            ({"Fal": 0.6, "Tr": 0.2, "The": 0.2}, 0.25),
            ({"Yes": 0.8, "No": 0.2}, 0.8),
            ({"True": 1.0}, 1.0),
            ({"False": 0.99, "I": 0.01}, 0.0),
        ],
    )
    def test_is_the_share_of_true_among_all_spellings_of_both(
        self, top: dict[str, float], expected: float
    ) -> None:
        signal = read_reflection(verdict_with(top))
        assert signal.value == pytest.approx(expected)
        assert signal.details["source"] == "token_probabilities"

    @settings(max_examples=500)
    @given(st.floats(0.001, 0.999), st.floats(0.51, 1.0))
    def test_is_normalised_over_both_words(self, true: float, covered: float) -> None:
        top = {"True": true * covered, "False": (1 - true) * covered}
        assert read_reflection(verdict_with(top)).value == pytest.approx(true)

    @pytest.mark.parametrize(
        ("word", "logprob", "expected"), [("True", -0.1, 0.9048), ("False", -0.1, 0.0952)]
    )
    def test_without_alternatives_the_rest_is_the_other_word(
        self, word: str, logprob: float, expected: float
    ) -> None:
        completion = Completion(word, (TokenLogprob(word, logprob),))
        assert read_reflection(completion).value == pytest.approx(expected, abs=1e-4)

    def test_is_taken_from_the_first_token_that_is_a_word(self) -> None:
        tokens = (token("\n\n"), token("**"), token("True", 0.7))
        assert read_reflection(Completion("**True**", tokens)).value == pytest.approx(0.7)

    def test_is_not_taken_from_thinking(self) -> None:
        tokens = (
            token("<think>"),
            token("True", 0.99),
            token("</think>"),
            token("False", 0.2),
        )
        completion = Completion("False", tokens)
        assert read_reflection(completion).value == pytest.approx(0.2)
        assert not verdict_came_first(completion)

    def test_is_not_taken_where_the_judge_was_saying_something_else(self) -> None:
        signal = read_reflection(verdict_with({"The": 0.8, "True": 0.1}, text="The"))
        assert signal.value is None
        assert signal.error is not None

    @pytest.mark.parametrize("logprob", [math.nan, math.inf, 5.0])
    def test_is_not_made_of_what_is_no_probability(self, logprob: float) -> None:
        completion = Completion("Tr ue", (TokenLogprob("True", logprob, (("True", logprob),)),))
        assert read_reflection(completion).value is None

    def test_wins_over_a_number(self) -> None:
        signal = read_reflection(verdict_with({"True": 0.6, "False": 0.4}, text="True 99"))
        assert signal.value == pytest.approx(0.6)


class TestTheStatedNumber:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("True 90", 0.9),
            ("False 15", 0.15),
            ("`True 90`", 0.9),
            ("**False** 15%", 0.15),
            ("true, 87.5 %", 0.875),
            ("TRUE: 100", 1.0),
            ("False 0", 0.0),
            ("True - 75 percent.", 0.75),
            ("False (20)", 0.2),
            ("\n\nTrue 90\n\nIt is right, I am 12 % sure.", 0.9),
            ("85", 0.85),
            ("85/100", 0.85),
            ("0.85", 0.85),
            ("1.0", 1.0),
            (".5", 0.5),
            ("1e-05", 1e-05),
            ("0", 0.0),
            ("1%", 0.01),
        ],
    )
    def test_is_read(self, text: str, expected: float) -> None:
        signal = read_reflection(Completion(text))
        assert signal.value == pytest.approx(expected)
        assert signal.details["source"] == "number"

    @settings(max_examples=300)
    @given(st.integers(2, 100), st.booleans())
    def test_of_every_percentage_is_read_or_the_verdicts_certainty(
        self, percent: int, says_true: bool
    ) -> None:
        value = read_reflection(Completion(f"{says_true} {percent}")).value
        if says_true:
            assert value == (percent / 100 if percent >= 50 else None)
        else:
            stated = percent / 100
            assert value == pytest.approx(stated if stated <= 0.5 else 1 - stated)

    @pytest.mark.parametrize(("text", "expected"), [("True", 1.0), ("False.", 0.0), ("No", 0.0)])
    def test_is_1_or_0_for_a_verdict_alone(self, text: str, expected: float) -> None:
        signal = read_reflection(Completion(text))
        assert signal.value == expected
        assert signal.details["source"] == "verdict"

    @pytest.mark.parametrize(
        "text",
        [
            "1e9",
            "-5",
            "True -5",
            "True 101",
            "NaN",
            "inf",
            "True NaN",
            "100/100 trust me",
            "90 80",
            "True 90 False 10",
            "True False",
            "True 10",
            "The response is correct.",
            "I would say 90.",
            "Truest 90",
            "90 out of 200",
            "9/10",
            "1",
            "٩٠",
            "",
            "   ",
            "not false",
            "True" * 1000,
            "9" * 5000,
            "9" * 400 + "e" + "9" * 400,
        ],
    )
    def test_that_cannot_be_read_is_no_value_but_a_reason(self, text: str) -> None:
        signal = read_reflection(Completion(text))
        assert signal.value is None
        assert signal.error is not None
        assert signal.error.startswith("the judge's answer could not be read")
        assert not text.strip() or text not in signal.error

    @settings(max_examples=500)
    @given(st.text(max_size=60) | st.text(alphabet="TrueFals 0123456789.%-/eE\n*", max_size=20))
    def test_never_raises_and_never_invents(self, text: str) -> None:
        signal = read_reflection(Completion(text))
        assert (signal.value is None) == (signal.error is not None)
        if signal.value is not None:
            assert re.search(r"\d|true|false|yes|no|correct", text, re.IGNORECASE)

    def test_is_read_in_no_time_from_a_long_line(self) -> None:
        assert read_reflection(Completion("* " * 500_000 + "x")).value is None


class TestReasons:
    @pytest.mark.parametrize(
        "text",
        [
            "False 10\nThe capital is Paris, not Lyon.",
            "False 10\n\nThe capital is Paris,\nnot Lyon.",
            "False 10. The capital is Paris, not Lyon.",
            "False 10 - The capital is Paris, not Lyon.",
        ],
    )
    def test_are_given_where_asked_for(self, text: str) -> None:
        signal = read_reflection(Completion(text), explain=True)
        assert signal.value == pytest.approx(0.1)
        assert signal.details["reasons"] == "The capital is Paris, not Lyon."

    def test_may_be_missing(self) -> None:
        signal = read_reflection(Completion("True 90"), explain=True)
        assert signal.value == pytest.approx(0.9)
        assert "reasons" not in signal.details

    def test_are_not_kept_where_not_asked_for(self) -> None:
        assert "reasons" not in read_reflection(Completion("True 90\nBecause.")).details

    def test_come_beside_the_verdicts_probability(self) -> None:
        completion = verdict_with({"True": 0.7, "False": 0.3}, text="True 95\nIt adds up.")
        signal = read_reflection(completion, explain=True)
        assert signal.value == pytest.approx(0.7)
        assert signal.details["reasons"] == "It adds up."


def ends(prompt: str) -> tuple[str, str]:
    """What stands before the first marked text and after the last, without the mark."""
    mark = re.search(r"<name ([0-9a-f]{8})>", prompt)
    assert mark is not None
    before = prompt.partition("\n\n")[0].replace(mark[1], "")
    after = prompt.rpartition(f"</response {mark[1]}>")[2]
    return before, after
