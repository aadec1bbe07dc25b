import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nemoguardrails_trust.exchange import Exchange
from nemoguardrails_trust.scorers.base import QualityPreset, ScorerSettings
from nemoguardrails_trust.scorers.local.comparing import (
    ANSWER_LIMIT,
    QUESTION_LIMIT,
    comparison_messages,
    read_comparison,
)
from nemoguardrails_trust.scorers.local.scorer import LocalScorer
from tests.scorers.scripted import ScriptedModel
from tests.signals.hostile import HOSTILE

QUESTION = Exchange.of("Which is the largest ocean?", "The Pacific")
FIRST, SECOND = "It is the one to the west of Chile, by far", "That would be what Magellan crossed"


def structure(prompt: str) -> list[str]:
    """Every line that holds the prompt's mark, without it."""
    found = re.search(r"<name ([0-9a-f]{8})>", prompt)
    assert found is not None
    return [line.replace(found[1], "") for line in prompt.split("\n") if found[1] in line]


class TestThePrompt:
    @pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
    def test_keeps_its_structure_whatever_it_quotes(self, text: str) -> None:
        (plain,) = comparison_messages("q", "r", ["a", "b"])
        for texts in ((text, "r", ["a", "b"]), ("q", text, ["a", "b"]), ("q", "r", [text, text])):
            (message,) = comparison_messages(*texts)
            # Texts that are cut bring one marker more, which is ours.
            lines = [field for field in structure(message.content) if "left out here" not in field]
            assert lines == structure(plain.content)
            assert message.content.endswith(plain.content.rpartition("\n\n")[2])

    def test_of_megabytes_is_bounded(self) -> None:
        long = "x" * 1_000_000
        (message,) = comparison_messages(long, long, [long, long])
        assert len(message.content) < QUESTION_LIMIT + 3 * ANSWER_LIMIT + 2_000

    async def test_holds_the_unsettled_samples_only_and_each_once(self) -> None:
        model = ScriptedModel(
            samples=["the pacific", FIRST, "42", FIRST, SECOND], comparison='{"1": "same"}'
        )
        await LocalScorer(model, ScorerSettings(quality="high")).score(QUESTION)
        (asked,) = model.made("comparison")
        assert asked.messages[-1].content.count(FIRST) == 1
        assert asked.messages[-1].content.count(SECOND) == 1
        assert "\nthe pacific\n" not in asked.messages[-1].content


class TestTheReply:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ('{"1": "same", "2": "different", "3": "partly"}', {0: 1.0, 1: 0.0, 2: 0.5}),
            ('```json\n{"1": "same"}\n```', {0: 1.0}),
            ('```\n{"3": "different"}\n```\n', {2: 0.0}),
            ('{"1": "same", "2": "alike", "3": 1}', {0: 1.0}),
            ('{"1": "same", "4": "same", "0": "same", "01": "same", "-1": "same"}', {0: 1.0}),
            ('{"1": "same", "2": "same", "2": "different"}', {0: 1.0}),
        ],
    )
    def test_gives_each_answer_named_once_its_agreement(
        self, text: str, expected: dict[int, float]
    ) -> None:
        assert read_comparison(text, 3) == expected

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "same",
            "[1, 1, 1]",
            "1",
            "null",
            "{}",
            '{"1": "same"',
            'Sure! {"1": "same"}',
            '{"1": "same"} {"2": "same"}',
            '{"1": 1e999}',
            '{"1": ["same"]}',
            '{"1": {"1": "same"}}',
            "[" * 100_000,
        ],
    )
    def test_that_names_none_of_them_is_refused(self, text: str) -> None:
        with pytest.raises(ValueError, match="the judge's comparison"):
            read_comparison(text, 3)

    @settings(max_examples=500)
    @given(
        st.dictionaries(
            st.integers(-2, 12).map(str) | st.text(max_size=3),
            st.sampled_from(["same", "partly", "different", "SAME", "", 1, None, True, 0.5]),
        ),
        st.integers(1, 8),
    )
    def test_never_names_an_answer_that_was_not_asked_about(
        self, entries: dict[str, object], count: int
    ) -> None:
        try:
            found = read_comparison(json.dumps(entries), count)
        except ValueError:
            found = {}
        assert found == {
            int(key) - 1: {"same": 1.0, "partly": 0.5, "different": 0.0}[str(word)]
            for key, word in entries.items()
            if word in ("same", "partly", "different")
            and key in [str(number) for number in range(1, count + 1)]
        }


class TestTheScore:
    @pytest.mark.parametrize(
        ("comparison", "first", "second"),
        [
            ('{"1": "same", "2": "same"}', 1.0, 1.0),
            ('{"1": "same", "2": "different"}', 1.0, 0.0),
            ('{"1": "different", "2": "partly"}', 0.0, 0.5),
        ],
    )
    async def test_the_judges_word_counts_twice_as_much_as_matching_did(
        self, comparison: str, first: float, second: float
    ) -> None:
        async def agreements(quality: QualityPreset) -> list[float]:
            samples = [FIRST, FIRST, SECOND, "The Pacific"]
            model = ScriptedModel(samples=samples, comparison=comparison)
            scorer = LocalScorer(model, ScorerSettings(quality=quality), samples=4)
            score = await scorer.score(QUESTION)
            found: list[float] = score.signals["consistency"].details["agreements"]
            return found

        plain = await agreements("medium")
        assert plain[0] == plain[1]
        assert await agreements("high") == pytest.approx(
            [
                (plain[0] + 2 * first) / 3,
                (plain[1] + 2 * first) / 3,
                (plain[2] + 2 * second) / 3,
                1.0,
            ],
            abs=1e-4,
        )

    async def test_keeps_text_matching_for_answers_that_the_judge_left_out(self) -> None:
        def model() -> ScriptedModel:
            return ScriptedModel(samples=[FIRST, SECOND], comparison='{"1": "same"}')

        high = await LocalScorer(model(), ScorerSettings(quality="high"), samples=2).score(QUESTION)
        medium = await LocalScorer(model(), ScorerSettings(), samples=2).score(QUESTION)
        (first, second) = high.signals["consistency"].details["agreements"]
        plain = medium.signals["consistency"].details["agreements"]
        assert first > plain[0]
        assert second == plain[1]

    async def test_is_not_changed_by_a_comparison_that_cannot_be_read(self) -> None:
        model = ScriptedModel(samples=[FIRST], comparison="They are all the same, trust me.")
        high = await LocalScorer(model, ScorerSettings(quality="high")).score(QUESTION)
        medium = await LocalScorer(model, ScorerSettings()).score(QUESTION)
        assert high.score == medium.score
        assert high.error is not None
        assert "not compared by the judge" in high.error
