"""The local scorer's scores of single sentences."""

import sys
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nemoguardrails_trust import LocalScorer
from nemoguardrails_trust.errors import MissingDependencyError, ModelError, SettingsError
from nemoguardrails_trust.exchange import Exchange, Message
from nemoguardrails_trust.scorers.base import ScorerSettings
from nemoguardrails_trust.scorers.create import create_scorer
from nemoguardrails_trust.scores import TrustworthinessScore
from tests.scorers.scripted import ScriptedModel

ANSWER = "# Jupiter\n\nJupiter is the largest planet. It has 80 moons.\n\nAnything else?"
SAMPLE = "Jupiter is the largest planet. It has 95 moons."
MESSAGES = (Message("user", "Tell me about Jupiter."),)


async def scored(
    model: ScriptedModel,
    answer: str = ANSWER,
    *,
    context: tuple[str, ...] = (),
    quality: Any = "medium",
    **options: Any,
) -> TrustworthinessScore:
    settings = ScorerSettings(quality=quality, timeout=options.pop("timeout", 20.0))
    scorer = LocalScorer(model, settings, **options)
    return await scorer.score_claims(Exchange(answer, MESSAGES, context))


async def test_sentences_are_scored_by_the_judge_and_the_samples() -> None:
    model = ScriptedModel(samples=(SAMPLE,), claims="1: True 95\n2: False 10")
    score = await scored(model)
    assert score.claims is not None
    right, wrong = score.claims
    assert [ANSWER[claim.start : claim.end] for claim in score.claims] == [right.text, wrong.text]
    assert right.text == "Jupiter is the largest planet."
    assert right.signals == {"reflection": 0.95, "consistency": 1.0}
    assert right.score > 0.9
    assert wrong.score < 0.2
    assert score.metadata["claims"] == {"sentences": 2, "all": True}
    assert score.explanation is not None
    assert f"“It has 80 moons.” ({wrong.start} to {wrong.end}, {wrong.score:.2f})" in (
        score.explanation
    )
    assert score.to_json()["claims"][1] == wrong.to_json()


async def test_one_call_more_is_made_and_counted_and_no_sample_more() -> None:
    model = ScriptedModel(samples=(SAMPLE,), claims="1: True 95\n2: False 10")
    score = await scored(model)
    assert [call.purpose for call in score.usage.by_call].count("claims") == 1
    assert score.usage.calls == 3
    assert score.usage.samples == 5
    (asked,) = model.made("claims")
    assert asked.top_logprobs == 20
    assert "1. Jupiter is the largest planet.\n2. It has 80 moons." in asked.messages[0].content


async def test_without_being_asked_for_there_are_none() -> None:
    model = ScriptedModel(samples=(SAMPLE,))
    score = await LocalScorer(model, ScorerSettings()).score(Exchange(ANSWER, MESSAGES))
    assert score.claims is None
    assert "claims" not in score.to_json()
    assert not model.made("claims")


async def test_the_setting_explain_has_them_with_every_score() -> None:
    model = ScriptedModel(samples=(SAMPLE,), claims="1: True 95\n2: False 10")
    built = create_scorer(ScorerSettings(explain="claims"), model)
    score = await built.scorer.score(Exchange(ANSWER, MESSAGES))
    assert score.claims is not None
    assert len(score.claims) == 2


@pytest.mark.parametrize("quality", ["base", "low"])
async def test_without_samples_the_judge_alone_scores(quality: str) -> None:
    score = await scored(ScriptedModel(claims="1: True 50\n2: False 0"), quality=quality)
    assert score.claims is not None
    assert [claim.score for claim in score.claims] == [0.5, 0.0]


async def test_where_nothing_is_to_be_judged_the_samples_alone_score() -> None:
    model = ScriptedModel(samples=(SAMPLE,))
    score = await scored(model, reflections=0)
    assert not model.made("claims")
    assert score.claims is not None
    assert [claim.signals.keys() for claim in score.claims] == [{"consistency"}] * 2


async def test_with_passages_each_is_held_against_them() -> None:
    model = ScriptedModel(samples=(SAMPLE,), claims="1: True 95\n2: False 10")
    await scored(model, context=("Jupiter has 95 moons.",))
    (asked,) = model.made("claims")
    assert "does the context bear out" in asked.messages[0].content


async def test_what_states_nothing_has_no_score() -> None:
    model = ScriptedModel(samples=(SAMPLE,), claims="1: None\n2: False 10")
    score = await scored(model, "Happy to help. It has 80 moons.")
    assert score.claims is not None
    assert [claim.text for claim in score.claims] == ["It has 80 moons."]
    nothing = await scored(model, "# Title\n\nIs it so?")
    assert nothing.claims == ()
    assert nothing.score is not None


@pytest.mark.parametrize(
    ("claims", "problem"),
    [
        (ModelError("no answer"), "no answer"),
        ("I cannot say.", "names none of them"),
        ("", "names none of them"),
    ],
)
async def test_without_verdicts_the_samples_make_the_scores(claims: Any, problem: str) -> None:
    score = await scored(ScriptedModel(samples=(SAMPLE,), claims=claims))
    assert score.score is not None
    assert score.error is None
    assert score.claims is not None
    assert [claim.signals.keys() for claim in score.claims] == [{"consistency"}] * 2
    assert problem in score.metadata["claims"]["error"]


async def test_without_anything_there_are_no_claims_and_the_reason() -> None:
    failing = ModelError("it is down")
    score = await scored(ScriptedModel(samples=(failing,), claims=failing))
    assert score.score is not None
    assert score.claims == ()
    assert score.metadata["claims"]["error"] == "it is down"


async def test_a_judge_that_hangs_costs_no_more_than_the_timeout() -> None:
    model = ScriptedModel(samples=(SAMPLE,), seconds={"claims": 60.0})
    score = await scored(model, timeout=1.5)
    assert score.score is not None
    assert score.metadata["claims"]["error"].startswith("no answer within")
    assert model.open == 0


async def test_of_a_very_long_answer_the_first_sentences_are_scored() -> None:
    replies = "\n".join(f"{number}: True 90" for number in range(1, 10_001))
    model = ScriptedModel(samples=("It is 5. " * 10_000,), claims=replies)
    score = await scored(model, "It is 5. " * 10_000)
    assert score.claims is not None
    assert len(score.claims) == 100
    assert score.metadata["claims"] == {"sentences": 100, "all": False}
    (asked,) = model.made("claims")
    assert len(asked.messages[0].content) < 5_000


@settings(max_examples=50)
@given(st.text(max_size=200), st.text(max_size=200), st.text(max_size=80))
async def test_whatever_the_texts_are_nothing_raises(answer: str, sample: str, said: str) -> None:
    score = await scored(ScriptedModel(samples=(sample,), claims=f"1: {said}"), f"x {answer}")
    assert score.claims is not None
    for claim in score.claims:
        assert 0.0 <= claim.score <= 1.0
        assert f"x {answer}"[claim.start : claim.end] == claim.text


def test_without_the_extra_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sentencex", None)
    with pytest.raises(MissingDependencyError, match=r"nemoguardrails-trust\[claims\]"):
        create_scorer(ScorerSettings(explain="claims"), ScriptedModel())


def test_hosted_scorers_have_none() -> None:
    with pytest.raises(SettingsError, match="does not score sentences"):
        create_scorer(ScorerSettings(scorer="cleanlab-tlm", explain="claims"))
