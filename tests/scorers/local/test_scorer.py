import asyncio
import math
from typing import Any

import pytest

from nemoguardrails_trust.errors import ModelError, SettingsError
from nemoguardrails_trust.exchange import Exchange, Message
from nemoguardrails_trust.exchange.tokens import TokenLogprob
from nemoguardrails_trust.models.base import Ask, Completion, Reply
from nemoguardrails_trust.models.prompts import PROMPT_LIMIT, SAMPLING_TEMPERATURE, sample_messages
from nemoguardrails_trust.scorers.base import QualityPreset, ScorerSettings
from nemoguardrails_trust.scorers.create import create_scorer
from nemoguardrails_trust.scorers.local.scorer import LocalScorer
from nemoguardrails_trust.signals.answer_tokens import Measured
from nemoguardrails_trust.signals.combine import Weights, combine, default_weights
from nemoguardrails_trust.signals.reflection import TASKS, Task
from tests.scorers.scripted import ScriptedModel, verdict

QUESTION = Exchange.of("Which is the largest ocean?", "The Pacific")
UNSETTLED = "It is the one to the west of Chile, by far"


def scorer(
    model: ScriptedModel, quality: QualityPreset = "medium", /, **options: Any
) -> LocalScorer:
    return LocalScorer(model, ScorerSettings(quality=quality), **options)


class TestThePresets:
    @pytest.mark.parametrize(
        ("quality", "calls"),
        [
            ("base", [("reflection", 1)]),
            ("low", [("reflection", 1)]),
            ("medium", [("reflection", 1), ("sample", 5)]),
            ("high", [("reflection", 1), ("sample", 5), ("comparison", 1)]),
            (
                "best",
                [
                    ("reflection", 1),
                    ("sample", 4),
                    ("rephrasing", 4),
                    ("comparison", 1),
                    ("sample", 4),
                ],
            ),
        ],
    )
    async def test_make_exactly_their_calls(
        self, quality: QualityPreset, calls: list[tuple[str, int]]
    ) -> None:
        model = ScriptedModel(samples=[UNSETTLED], comparison='{"1": "same"}')
        score = await scorer(model, quality).score(QUESTION)
        assert [(call.purpose, call.n) for call in model.asked] == calls
        assert score.usage.calls == len(calls)
        assert [call.purpose for call in score.usage.by_call] == [name for name, _ in calls]
        assert score.metadata["quality"] == quality

    async def test_best_draws_half_of_its_samples_to_rephrasings(self) -> None:
        words = ["What is it?", "Which is it?", "Which is it?", "What is it not?"]
        model = ScriptedModel(samples=["42"], rephrasings=words)
        score = await scorer(model, "best").score(Exchange.of("What might it be?", "42"))
        drawn = [(request.messages[-1].content, request.n) for request in model.made("sample")]
        # The last one would have turned the question round; the question itself fills its place.
        assert sorted(drawn) == [
            ("What is it?", 1),
            ("What might it be?", 1),
            ("What might it be?", 4),
            ("Which is it?", 2),
        ]
        assert score.signals["consistency"].details["rephrased"] == 3
        assert (score.usage.calls, score.usage.samples) == (6, 8)
        assert [call.purpose for call in score.usage.by_call].count("rephrasing") == 1

    async def test_rephrasings_may_be_all_or_none_of_the_samples_of_any_preset(self) -> None:
        for wanted, asked in ((0, [5]), (2, [3, 2]), (9, [5])):
            model = ScriptedModel(samples=["42"], rephrasings=["Which is it?"])
            settings = ScorerSettings(rephrase=wanted)
            score = await LocalScorer(model, settings).score(Exchange.of("What may it be?", "42"))
            assert [call.n for call in model.made("sample")] == asked
            assert score.usage.samples == 5

    async def test_the_earlier_turns_and_the_passages_stay_with_a_rephrasing(self) -> None:
        model = ScriptedModel(rephrasings=["Which is it?"])
        turns = [Message("system", "Be brief."), Message("user", "What may it be?")]
        exchange = Exchange.of(turns, "42", context="It is 42.")
        await LocalScorer(model, ScorerSettings(rephrase=5)).score(exchange)
        (asked,) = model.made("sample")
        assert asked.messages[0] == turns[0]
        assert asked.messages[1].content == "Context:\n\nIt is 42.\n\nWhich is it?"

    async def test_where_rephrasings_cannot_be_had_no_signal_suffers(self) -> None:
        class Refusing(ScriptedModel):
            async def complete(self, ask: Ask) -> Reply:
                if ask.purpose == "rephrasing":
                    raise ModelError("no")
                return await super().complete(ask)

        score = await LocalScorer(
            Refusing(samples=["The Pacific"]), ScorerSettings(quality="best")
        ).score(QUESTION)
        assert score.error is None
        assert score.signals["consistency"].value == 1.0

    async def test_a_long_message_is_not_rephrased(self) -> None:
        model = ScriptedModel()
        exchange = Exchange.of("What may it be? " * 200, "42")
        await LocalScorer(model, ScorerSettings(quality="best")).score(exchange)
        assert not model.made("rephrasing")
        assert sum(call.n for call in model.made("sample")) == 8

    async def test_base_makes_no_call_where_the_response_came_with_probabilities(self) -> None:
        model = ScriptedModel()
        exchange = Exchange.of("q", "r", token_logprobs=[math.log(0.5), math.log(0.5)])
        score = await scorer(model, "base").score(exchange)
        assert model.asked == []
        assert score.score == pytest.approx(0.5)
        assert list(score.signals) == ["probability"]

    async def test_base_asks_the_judge_where_the_probabilities_cannot_be_used(self) -> None:
        exchange = Exchange.of("q", "r", token_logprobs=[math.nan])
        score = await scorer(ScriptedModel(), "base").score(exchange)
        assert score.signals["probability"].value is None
        assert score.signals["reflection"].value == pytest.approx(0.9)
        assert score.error is not None
        assert score.error.startswith("probability: ")

    @pytest.mark.parametrize("quality", ["low", "medium", "high", "best"])
    async def test_take_given_probabilities_as_a_further_signal(
        self, quality: QualityPreset
    ) -> None:
        model = ScriptedModel(samples=["The Pacific"])
        plain = await scorer(ScriptedModel(samples=["The Pacific"]), quality).score(QUESTION)
        exchange = Exchange(QUESTION.response, QUESTION.messages, token_logprobs=(-1.0,))
        score = await scorer(model, quality).score(exchange)
        assert score.usage.calls == plain.usage.calls
        assert score.signals["probability"].value == pytest.approx(math.exp(-1.0))
        assert score.score is not None
        assert plain.score is not None
        assert score.score < plain.score

    @pytest.mark.parametrize("quality", ["high", "best"])
    async def test_compare_nothing_where_text_matching_settled_all(
        self, quality: QualityPreset
    ) -> None:
        model = ScriptedModel(samples=["the pacific."])
        await scorer(model, quality).score(QUESTION)
        assert model.made("comparison") == []

    async def test_are_chosen_per_score_too(self) -> None:
        model = ScriptedModel()
        made = scorer(model, "best")
        score = await made.score(QUESTION, quality="low")
        assert score.usage.calls == 1
        assert score.metadata["quality"] == "low"
        assert made.quality == "best"

    async def test_start_reflection_and_samples_at_once(self) -> None:
        model = ScriptedModel(seconds={"reflection": 0.02, "sample": 0.02})
        await scorer(model).score(QUESTION)
        assert model.most_open == 2


class TestTheScore:
    async def test_is_the_combined_signals(self) -> None:
        model = ScriptedModel(judge=verdict(0.7), samples=["The Pacific", "Atlantic"])
        score = await scorer(model, samples=4).score(QUESTION)
        values = {name: item.value for name, item in score.signals.items()}
        assert values == {"reflection": pytest.approx(0.7), "consistency": pytest.approx(0.5)}
        assert score.score == combine({name: item or 0.0 for name, item in values.items()})
        assert score.scorer == "local"
        assert score.error is None

    @pytest.mark.parametrize(("tokens", "measured"), [(3, "answer"), (200, "text")])
    @pytest.mark.parametrize("weights", [None, Weights(1, 1, 1)])
    async def test_weighs_probability_by_what_it_was_measured_on_unless_told_otherwise(
        self, tokens: int, measured: Measured, weights: Weights | None
    ) -> None:
        exchange = Exchange.of("q", "r", token_logprobs=[-1.0] * tokens)
        score = await scorer(ScriptedModel(), weights=weights).score(exchange)
        used = weights or default_weights(measured)
        assert score.signals["probability"].details["measured"] == measured
        assert score.score == combine(score.signal_values, used)

    async def test_takes_other_weights_and_a_map(self) -> None:
        model = ScriptedModel(judge=verdict(0.5), samples=["The Pacific"])
        weights = Weights(reflection=1, consistency=3)
        made = scorer(model, weights=weights, transform=lambda score: score / 2)
        assert (await made.score(QUESTION)).score == pytest.approx((0.5 + 3 * 1.0) / 4 / 2)

    async def test_stays_in_range_whatever_the_map(self) -> None:
        model = ScriptedModel(samples=["The Pacific"])
        made = scorer(model, transform=lambda score: score * 9 - 1)
        assert (await made.score(QUESTION)).score == 1.0

    async def test_is_none_with_a_reason_where_no_signal_was_asked_for(self) -> None:
        made = scorer(ScriptedModel(), reflections=0, use_consistency=False)
        score = await made.score(QUESTION)
        assert score.score is None
        assert score.error == "no signal was asked for"
        assert score.usage.calls == 0

    @pytest.mark.parametrize(
        ("options", "purpose"),
        [({"reflections": 0}, "sample"), ({"use_consistency": False}, "reflection")],
    )
    async def test_can_do_without_either_signal(
        self, options: dict[str, bool], purpose: str
    ) -> None:
        model = ScriptedModel()
        score = await scorer(model, **options).score(QUESTION)
        assert [call.purpose for call in model.asked] == [purpose]
        assert score.score is not None

    async def test_gives_the_other_answers_most_frequent_first(self) -> None:
        model = ScriptedModel(samples=["Atlantic", "Indian", "Atlantic", "The Pacific"])
        score = await scorer(model, samples=4).score(QUESTION)
        assert score.alternatives == ("Atlantic", "Indian")

    async def test_of_json_comes_with_a_score_for_each_field(self) -> None:
        model = ScriptedModel(samples=['{"name": "Ann", "age": 30}', '{"age": 31, "name": "Ann"}'])
        exchange = Exchange.of("Who is it?", '{"name": "Ann", "age": 30}')
        score = await scorer(model, samples=2).score(exchange)
        assert score.metadata["fields"] == {"name": 1.0, "age": 0.5}
        assert score.usage.calls == 2

    async def test_of_an_empty_answer_is_had(self) -> None:
        score = await scorer(ScriptedModel(judge=verdict(0.1))).score(Exchange.of("q", " "))
        assert score.score is not None
        assert score.score < 0.6

    async def test_can_be_written_as_json(self) -> None:
        model = ScriptedModel(samples=["The Pacific", "Atlantic"])
        exchange = Exchange(QUESTION.response, QUESTION.messages, token_logprobs=(-0.1,))
        found = (await scorer(model, criteria=[("brief", "Is brief.")]).score(exchange)).to_json()
        assert set(found["signals"]) == {"reflection", "consistency", "probability"}


class TestTheCalls:
    async def test_samples_are_drawn_from_exactly_the_exchanges_messages(self) -> None:
        messages = (Message("system", "Be brief."), Message("user", "Which is it?"))
        model = ScriptedModel()
        await scorer(model, max_tokens=77).score(Exchange("The Pacific", messages))
        (asked,) = model.made("sample")
        assert asked.messages == messages
        assert (asked.n, asked.max_tokens, asked.top_logprobs) == (5, 77, None)
        assert asked.temperature == SAMPLING_TEMPERATURE

    async def test_a_model_that_judges_itself_is_closed_once(self) -> None:
        model = ScriptedModel()
        await scorer(model).aclose()
        assert model.closed == 1

    async def test_one_token_is_asked_for_once_the_server_gives_probabilities(self) -> None:
        model = ScriptedModel()
        made = scorer(model, "low")
        for _ in range(3):
            await made.score(QUESTION)
        first, *later = [call.max_tokens for call in model.asked]
        assert first is not None
        assert 1 < first < 20
        assert later == [1, 1]

    async def test_room_for_a_number_is_asked_for_where_it_does_not(self) -> None:
        model = ScriptedModel(judge="True 80")
        made = scorer(model, "low")
        scores = [await made.score(QUESTION) for _ in range(3)]
        assert [score.signals["reflection"].value for score in scores] == [0.8] * 3
        assert len(model.asked) == 3
        assert all(call.max_tokens != 1 for call in model.asked)

    async def test_a_judge_that_stops_beginning_with_its_verdict_gets_room_again(self) -> None:
        answers = iter([verdict(0.9), Completion("\n"), Completion("True 80")])
        model = ScriptedModel(judge=lambda _: next(answers))
        made = scorer(model, "low")
        values = [(await made.score(QUESTION)).signals["reflection"].value for _ in range(3)]
        assert values == [pytest.approx(0.9), None, 0.8]
        assert model.asked[1].max_tokens == 1
        assert model.asked[2].max_tokens == model.asked[0].max_tokens

    @pytest.mark.parametrize("cut_short", ["", "<think>\nLet me see"])
    async def test_a_judge_that_thinks_first_is_asked_again_once_and_then_given_room(
        self, cut_short: str
    ) -> None:
        def think(asked: object) -> Completion:
            limit = getattr(asked, "max_tokens", None)
            return Completion("True 80") if limit is None else Completion(cut_short, None, "length")

        model = ScriptedModel(judge=think)
        made = scorer(model, "low")
        scores = [await made.score(QUESTION) for _ in range(3)]
        assert [score.signals["reflection"].value for score in scores] == [0.8] * 3
        assert [score.usage.calls for score in scores] == [2, 1, 1]

    async def test_the_judge_is_asked_for_probabilities_at_temperature_0(self) -> None:
        model = ScriptedModel(samples=[UNSETTLED])
        await scorer(model, "high").score(QUESTION)
        (reflection,), (comparison,) = model.made("reflection"), model.made("comparison")
        assert (reflection.temperature, reflection.top_logprobs) == (0.0, 20)
        assert (comparison.temperature, comparison.top_logprobs) == (0.0, None)

    async def test_usage_adds_up_what_each_call_cost(self) -> None:
        score = await scorer(ScriptedModel()).score(QUESTION)
        assert (score.usage.calls, score.usage.samples) == (2, 5)
        assert (score.usage.prompt_tokens, score.usage.completion_tokens) == (20, 6)
        assert 0.0 < score.usage.seconds < 1.0


class TestSamplesThatWereCut:
    @pytest.mark.parametrize("reason", ["length", "content_filter"])
    async def test_are_no_votes_and_are_told(self, reason: str) -> None:
        cut = Completion("The Pacific, which lies to the", finish_reason=reason)
        model = ScriptedModel(samples=[cut, "The Pacific", "The Pacific", cut, "The Pacific"])
        score = await scorer(model).score(QUESTION)
        assert score.signals["consistency"].value == 1.0
        assert len(score.signals["consistency"].details["agreements"]) == 3
        assert f"a sample was cut off ({reason})" in (score.error or "")

    async def test_half_a_number_is_no_vote(self) -> None:
        cut = Completion("It is 4", finish_reason="length")
        model = ScriptedModel(samples=[cut, "42", "42", "42", "42"])
        score = await scorer(model).score(Exchange.of("What is 6 x 7?", "42"))
        assert score.signals["consistency"].value == 1.0

    async def test_are_no_signal_where_all_were(self) -> None:
        model = ScriptedModel(samples=[Completion("The Pacific, which", finish_reason="length")])
        score = await scorer(model).score(QUESTION)
        assert score.signals["consistency"].value is None
        assert "a sample was cut off (length)" in str(score.signals["consistency"].error)

    async def test_are_votes_against_where_what_is_there_is_another_answer(self) -> None:
        cut = Completion("The answer is 43, since", finish_reason="length")
        model = ScriptedModel(samples=[cut, "42", "42", "42", "42"])
        score = await scorer(model).score(Exchange.of("What is 6 x 7?", "42"))
        assert len(score.signals["consistency"].details["agreements"]) == 5
        assert score.error is None


class TestTheSampledPrompt:
    def test_takes_in_passages_that_the_messages_do_not_hold(self) -> None:
        messages = (Message("system", "Be brief."), Message("user", "How high is it?"))
        exchange = Exchange("2 m", messages, ("The wall is 2 m high.",))
        sampled = sample_messages(exchange)
        assert [call.role for call in sampled] == ["system", "user"]
        assert "The wall is 2 m high." in sampled[1].content
        assert sampled[1].content.endswith("How high is it?")

    def test_leaves_out_passages_that_the_messages_hold(self) -> None:
        messages = (
            Message("system", "Use this:\n  The wall is\n2 m high."),
            Message("user", "How high is it?"),
        )
        exchange = Exchange("2 m", messages, ("The wall is 2 m high.", "It is red."))
        sampled = sample_messages(exchange)
        assert sampled[0] == messages[0]
        assert sampled[1].content == "Context:\n\nIt is red.\n\nHow high is it?"

    def test_is_refused_without_messages_or_beyond_all_measure(self) -> None:
        with pytest.raises(ModelError, match="no message"):
            sample_messages(Exchange("4"))
        with pytest.raises(ModelError, match="too long"):
            sample_messages(Exchange.of("x" * (PROMPT_LIMIT + 1), "4"))

    @pytest.mark.parametrize("exchange", [Exchange("4"), Exchange.of("x" * 1_000_000, "4")])
    async def test_that_is_refused_leaves_consistency_out_and_says_so(
        self, exchange: Exchange
    ) -> None:
        model = ScriptedModel()
        score = await scorer(model).score(exchange)
        assert score.score is not None
        assert score.signals["consistency"].value is None
        assert score.error is not None
        assert score.error.startswith("consistency: ")
        assert [call.purpose for call in model.asked] == ["reflection"]
        assert len(model.asked[0].messages[-1].content) < 150_000


class TestTheExplanation:
    async def test_names_the_sample_that_contradicts_the_answer(self) -> None:
        model = ScriptedModel(samples=["Atlantic", "The Pacific", "Atlantic", "Indian"])
        score = await scorer(model, samples=4).score(QUESTION)
        assert score.explanation == (
            "Asked again, the model gave a different answer in 3 of 4 cases, such as: “Atlantic”"
        )

    async def test_quotes_no_more_than_the_start_of_a_long_sample(self) -> None:
        model = ScriptedModel(samples=["Atlantic " * 100])
        score = await scorer(model).score(QUESTION)
        assert score.explanation is not None
        assert len(score.explanation) < 300

    async def test_is_none_where_nothing_contradicts_and_no_reasons_were_asked_for(self) -> None:
        score = await scorer(ScriptedModel(samples=["The Pacific"])).score(QUESTION)
        assert score.explanation is None

    async def test_gives_the_judges_reasons_from_the_same_call(self) -> None:
        top = (("False", math.log(0.8)), ("True", math.log(0.2)))
        token = TokenLogprob("False", math.log(0.8), top)
        text = "False 20\nIt is the wrong ocean."
        model = ScriptedModel(judge=Completion(text, (token,)), samples=["Atlantic"])
        settings = ScorerSettings(explain=True)
        score = await LocalScorer(model, settings).score(QUESTION)
        assert score.usage.calls == 2
        assert score.signals["reflection"].value == pytest.approx(0.2)
        assert score.explanation is not None
        assert score.explanation.startswith("It is the wrong ocean. Asked again, ")


def by_question(*answers: Completion | str | ModelError) -> ScriptedModel:
    """A judge that answers each new question in turn."""
    seen: list[str] = []

    def judge(ask: Ask) -> Completion | str | ModelError:
        question = ask.messages[-1].content
        if question not in seen:
            seen.append(question)
        return answers[seen.index(question)]

    return ScriptedModel(judge=judge)


class TestReflections:
    async def test_are_each_another_question_and_their_mean_counts(self) -> None:
        model = by_question(verdict(0.9), verdict(0.6), verdict(0.3))
        score = await scorer(model, "low", reflections=3).score(QUESTION)
        assert len({ask.messages[-1].content for ask in model.made("reflection")}) == 3
        signal = score.signals["reflection"]
        assert signal.value == pytest.approx(0.6)
        assert signal.details["values"] == [pytest.approx(value) for value in (0.9, 0.6, 0.3)]
        assert score.usage.calls == 3
        assert score.error is None

    async def test_that_fail_are_left_out_of_the_mean_and_told(self) -> None:
        model = by_question(verdict(0.9), ModelError("the server failed"), "perhaps")
        signal = (await scorer(model, "low", reflections=3).score(QUESTION)).signals["reflection"]
        assert signal.value == pytest.approx(0.9)
        assert len(signal.details["failed"]) == 2
        assert "the server failed" in signal.details["failed"]

    async def test_are_no_signal_where_all_fail(self) -> None:
        model = ScriptedModel(judge=ModelError("the server failed"))
        score = await scorer(model, "low", reflections=3).score(QUESTION)
        assert score.score is None
        assert score.signals["reflection"].error == "the server failed"

    async def test_that_are_too_late_do_not_cost_those_that_came(self) -> None:
        first = ScriptedModel(judge=verdict(0.8))

        class SlowAtTheSecond(ScriptedModel):
            async def complete(self, ask: Ask) -> Reply:
                self.asked.append(ask)
                if len(self.asked) > 1:
                    await asyncio.Event().wait()
                return await first.complete(ask)

        settings = ScorerSettings(quality="low", timeout=1.0)
        score = await LocalScorer(SlowAtTheSecond(), settings, reflections=2).score(QUESTION)
        assert score.signals["reflection"].value == pytest.approx(0.8)
        assert "no answer within" in score.signals["reflection"].details["failed"][0]

    async def test_give_the_reasons_of_the_most_doubtful(self) -> None:
        model = by_question("True 90\nAll is well.", "False 20\nIt is the Atlantic.")
        settings = ScorerSettings(quality="low", explain=True)
        score = await LocalScorer(model, settings, reflections=2).score(QUESTION)
        assert score.explanation == "It is the Atlantic."

    @pytest.mark.parametrize("task", TASKS)
    async def test_ask_about_what_matters_for_the_task(self, task: Task) -> None:
        model = ScriptedModel()
        await scorer(model, "low", reflections=3, task=task).score(QUESTION)
        asked = [ask.messages[-1].content for ask in model.made("reflection")]
        assert all(("an edge case" in text) is (task == "code_generation") for text in asked)
        assert all(("other allowed" in text) is (task == "classification") for text in asked)


class TestCriteria:
    async def test_are_each_judged_by_a_call_and_left_out_of_the_score(self) -> None:
        def judge(ask: Ask) -> Completion | ModelError:
            text = ask.messages[-1].content
            if "Is brief." in text:
                return verdict(0.3)
            return ModelError("the server failed") if "Is kind." in text else verdict(0.9)

        criteria = [("brevity", "Is brief."), ("kindness", "Is kind.")]
        score = await scorer(ScriptedModel(judge=judge), "low", criteria=criteria).score(QUESTION)
        plain = await scorer(ScriptedModel(judge=judge), "low").score(QUESTION)
        assert score.score == plain.score
        assert score.usage.calls == 3
        assert score.metadata["criteria"] == [
            {"name": "brevity", "score": pytest.approx(0.3), "error": None},
            {"name": "kindness", "score": None, "error": "the server failed"},
        ]


class TestOptions:
    @pytest.mark.parametrize("quality", ["base", "low", "medium", "best"])
    async def test_samples_replace_the_presets_number(self, quality: QualityPreset) -> None:
        score = await scorer(ScriptedModel(), quality, samples=3).score(QUESTION)
        assert score.usage.samples == 3
        assert list(score.signals) == ["reflection", "consistency"]

    async def test_no_samples_are_no_consistency(self) -> None:
        score = await scorer(ScriptedModel(), samples=0).score(QUESTION)
        assert list(score.signals) == ["reflection"]

    @pytest.mark.parametrize(
        "options", [{"samples": -1}, {"reflections": 4}, {"reflections": -1}, {"concurrency": 0}]
    )
    def test_out_of_range_are_refused_by_name(self, options: dict[str, int]) -> None:
        with pytest.raises(ValueError, match=next(iter(options))):
            scorer(ScriptedModel(), **options)

    def test_the_registry_builds_the_local_scorer_on_a_model(self) -> None:
        assert isinstance(create_scorer(ScorerSettings(), ScriptedModel()).scorer, LocalScorer)
        with pytest.raises(SettingsError):
            create_scorer(ScorerSettings(), None)
