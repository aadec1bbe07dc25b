"""A scorer that has the model evaluate each exchange beside the making of its score."""

import asyncio
from functools import partial
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nemoguardrails_trust import Exchange, ScorerSettings, TrustworthinessScore, create_scorer
from nemoguardrails_trust.errors import CredentialsError, ModelError, SettingsError
from nemoguardrails_trust.models.base import Ask, Completion
from nemoguardrails_trust.scorers.base import SamplingScorer
from nemoguardrails_trust.scorers.evaluating import EvaluatingScorer
from nemoguardrails_trust.scorers.evaluations import EvaluationSettings
from nemoguardrails_trust.scorers.safely import score_safely
from tests.scorers.scripted import ScriptedModel, verdict

ALL = ["context_sufficiency", "response_groundedness", "response_helpfulness", "query_ease"]
CALLS = ["tool_call_helpfulness", "tool_call_groundedness"]
EXCHANGE = Exchange.of("How long?", "30 days", context="Within 30 days.")
CALL = '[{"name": "find_order", "arguments": {"id": 7}}]'


def evaluated(names: list[str], model: ScriptedModel, **settings: Any) -> Any:
    chosen = ScorerSettings(evaluations=names, **settings)  # type: ignore[arg-type]
    return create_scorer(chosen, model).scorer


async def test_all_is_asked_at_once_and_counted() -> None:
    model = ScriptedModel(seconds={"reflection": 0.5, "sample": 0.5})
    score = await evaluated(ALL, model).score(EXCHANGE)
    assert model.most_open == 6  # four evaluations, a reflection, and the samples
    assert score.score is not None
    assert [*score.metadata["evaluations"]] == ALL
    assert all(
        told["score"] == pytest.approx(0.9) for told in score.metadata["evaluations"].values()
    )
    assert score.usage.calls == 6
    assert score.usage.prompt_tokens == 60
    assert [call.purpose for call in score.usage.by_call].count("evaluation") == 4


@settings(max_examples=50)
@given(st.text(max_size=60), st.text(max_size=60), st.text(max_size=60))
async def test_whatever_the_judge_says_an_evaluation_is_bounded_or_an_error(
    said: str, query: str, response: str
) -> None:
    model = ScriptedModel(judge=lambda ask: said)
    exchange = Exchange.of(f"x {query}", f"y {response}", context=query or None)
    score = await evaluated(ALL, model).score(exchange)
    for told in score.metadata["evaluations"].values():
        value = told.get("score")
        assert value is None or 0.0 <= value <= 1.0
        assert value is not None or told.get("error") or told.get("not_applicable")


def _verdict_of(share: float, ask: Ask) -> Completion:
    del ask
    return verdict(share)


@settings(max_examples=50)
@given(st.floats(0.0, 1.0), st.floats(0.0, 1.0))
async def test_a_surer_judge_never_lowers_an_evaluation(one: float, other: float) -> None:
    values = []
    for share in sorted((one, other)):
        model = ScriptedModel(judge=partial(_verdict_of, share))
        score = await evaluated(["query_ease"], model).score(EXCHANGE)
        values.append(score.metadata["evaluations"]["query_ease"]["score"])
    assert values[0] <= values[1] + 1e-9


async def test_the_score_is_what_it_is_without_evaluations() -> None:
    plain = await evaluated([], ScriptedModel()).score(EXCHANGE)
    score = await evaluated(["query_ease"], ScriptedModel()).score(EXCHANGE)
    assert score.score == plain.score
    assert score.signals == plain.signals


async def test_evaluations_that_fail_are_told_and_cost_nothing_else() -> None:
    def judge(ask: Ask) -> Completion | str | ModelError:
        text = ask.messages[-1].content
        if "Every factual claim" in text:
            return ModelError("the server failed")
        return "Hm." if "User Request" in text else verdict(0.8)

    score = await evaluated(ALL, ScriptedModel(judge=judge)).score(EXCHANGE)
    told = score.metadata["evaluations"]
    assert score.score is not None
    assert told["response_groundedness"]["error"] == "the server failed"
    assert "could not be read" in told["query_ease"]["error"]
    assert told["context_sufficiency"] == {"threshold": 0.5, "score": pytest.approx(0.8)}


@pytest.mark.parametrize(
    ("exchange", "made"),
    [
        (EXCHANGE, ALL),
        (Exchange.of("How long?", "30 days"), ["response_helpfulness", "query_ease"]),
        (Exchange.of("Order?", CALL, context="7"), ["context_sufficiency", "query_ease", *CALLS]),
    ],
)
async def test_what_says_nothing_about_an_exchange_is_not_asked(
    exchange: Exchange, made: list[str]
) -> None:
    score = await evaluated([*ALL, *CALLS], ScriptedModel(), quality="low").score(exchange)
    told = score.metadata["evaluations"]
    assert sorted(name for name, item in told.items() if "score" in item) == sorted(made)
    assert all("not_applicable" in told[name] for name in told if name not in made)
    assert score.usage.calls == 1 + len(made)


async def test_instructions_are_not_taken_for_what_was_asked() -> None:
    model = ScriptedModel()
    turns = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "How long?"}]
    await evaluated(["query_ease"], model, quality="low").score(Exchange.of(turns, "30 days"))
    (asked,) = [ask for ask in model.asked if "User Request" in ask.messages[-1].content]
    assert "How long?" in asked.messages[-1].content
    assert "Be brief." not in asked.messages[-1].content


async def test_evaluations_that_hang_end_with_the_time_for_a_score() -> None:
    model = ScriptedModel(seconds={"reflection": 60.0})
    scorer = evaluated(["query_ease"], model, quality="medium", timeout=3.0)
    score = await score_safely(scorer, EXCHANGE, timeout=8.0)
    assert score.score is not None  # made of the samples
    assert "error" in score.metadata["evaluations"]["query_ease"]
    assert model.open == 0


async def test_a_scorer_that_cannot_score_anything_ends_the_evaluations() -> None:
    class Refused:
        async def score(self, exchange: Exchange) -> TrustworthinessScore:
            await asyncio.sleep(0)
            raise CredentialsError("the key is refused")

    model = ScriptedModel(seconds={"reflection": 60.0})
    chosen = [EvaluationSettings(name="query_ease")]
    with pytest.raises(CredentialsError):
        await EvaluatingScorer(Refused(), model, chosen, timeout=30.0).score(EXCHANGE)
    assert model.open == 0
    assert model.cancelled == 1


def test_what_is_known_of_the_scorer_holds_for_it_too() -> None:
    scorer = evaluated(["query_ease"], ScriptedModel(), quality="high")
    sampling: object = scorer
    assert isinstance(sampling, SamplingScorer)
    assert (scorer.name, scorer.model_name, scorer.quality) == ("local", "scripted", "high")
    assert scorer.samples_per_score == 5
    assert not hasattr(scorer, "check")


def test_a_model_is_needed() -> None:
    settings = ScorerSettings(scorer="tests.guardrail.scripted:make", evaluations=["query_ease"])  # type: ignore[arg-type]
    with pytest.raises(SettingsError, match="evaluations need a model"):
        create_scorer(settings)
    assert isinstance(create_scorer(settings, ScriptedModel()).scorer, EvaluatingScorer)


@pytest.mark.parametrize(
    ("given", "name", "threshold"),
    [
        ("query_ease", "query_ease", 0.5),
        ({"query_ease": 0.7}, "query_ease", 0.7),
        ({"name": "query_ease"}, "query_ease", 0.5),
        ({"name": "query_ease", "threshold": 0}, "query_ease", 0.0),
    ],
)
def test_an_evaluation_is_chosen_in_several_forms(given: Any, name: str, threshold: float) -> None:
    chosen = EvaluationSettings.model_validate(given)
    assert (chosen.name, chosen.threshold) == (name, threshold)
    assert EvaluationSettings.model_validate(chosen.model_dump()) == chosen
