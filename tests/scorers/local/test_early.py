"""Deciding early: nothing is asked for that cannot change the decision, and none is changed."""

import asyncio
import json
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nemoguardrails_trust.errors import ModelServerError
from nemoguardrails_trust.exchange import Exchange
from nemoguardrails_trust.models.base import Ask
from nemoguardrails_trust.models.replay import ReplayModel
from nemoguardrails_trust.scorers.base import QualityPreset, ScorerSettings
from nemoguardrails_trust.scorers.local.early import Outlook, decides, score_range
from nemoguardrails_trust.scorers.local.scorer import LocalScorer
from nemoguardrails_trust.signals.combine import Weights, combine
from nemoguardrails_trust.signals.consistency import consistency_value
from tests.scorers.scripted import ScriptedModel, verdict

QUESTION = Exchange.of("Which is the largest ocean?", "The Pacific")
FAILURE = ModelServerError("the server failed", status=500)
SAME, OTHER = "The Pacific", "Atlantic"
UNSETTLED = "It is the one to the west of Chile, by far"

shares = st.floats(0.0, 1.0)
# Exact values are likelier to meet a threshold exactly, which is where a bound can be wrong.
agreements = st.one_of(st.sampled_from([0.0, 0.5, 1.0]), shares)
thresholds = st.one_of(st.sampled_from([0.0, 0.25, 0.5, 0.6, 0.75, 1.0]), shares)
weights = st.builds(
    Weights,
    reflection=st.floats(0.01, 10),
    consistency=st.floats(0.01, 10),
    probability=st.floats(0.01, 10),
)
TRANSFORMS = (None, lambda score: score * score, lambda score: 0.2 + score / 2, lambda _: 0.5)


@settings(max_examples=500)
@given(
    all_agreements=st.lists(agreements, max_size=9),
    come=st.integers(0, 9),
    reflection=st.one_of(st.none(), shares),
    probability=st.one_of(st.none(), shares),
    weights=weights,
    threshold=thresholds,
    data=st.data(),
)
def test_a_decision_once_certain_is_that_of_whatever_comes(
    all_agreements: list[float],
    come: int,
    reflection: float | None,
    probability: float | None,
    weights: Weights,
    threshold: float,
    data: st.DataObject,
) -> None:
    """`come` samples come in the end of all those asked for; the rest fail."""
    come = min(come, len(all_agreements))
    known = {} if probability is None else {"probability": probability}
    score_of = partial(combine, weights=weights)
    final = dict(known)
    if reflection is not None:
        final["reflection"] = reflection
    if come:
        final["consistency"] = consistency_value(all_agreements[:come])
    whole = score_of(final)
    seen = data.draw(st.integers(0, come), label="samples seen")
    judged = data.draw(st.booleans(), label="judge has answered or failed")
    settled = data.draw(st.lists(st.booleans(), min_size=seen, max_size=seen), label="settled")
    outlook = Outlook(
        known=known | ({"reflection": reflection} if judged and reflection is not None else {}),
        open=() if judged else ("reflection",),
        agreements=[
            (value, value) if is_settled else (0.0, 1.0)
            for value, is_settled in zip(all_agreements, settled, strict=False)
        ],
        samples_to_come=len(all_agreements) - seen,
    )
    reachable = score_range(outlook, score_of, consistency_value)
    if reachable is None:
        return
    assert whole is not None
    assert reachable[0] <= whole <= reachable[1]
    if decides(reachable, threshold):
        assert (whole < threshold) == (reachable[1] < threshold)


@settings(max_examples=500)
@given(st.lists(agreements, min_size=1, max_size=8), shares, weights)
def test_a_range_with_nothing_to_come_is_the_score(
    values: list[float], reflection: float, weights: Weights
) -> None:
    outlook = Outlook({"reflection": reflection}, (), [(value, value) for value in values], 0)
    score_of = partial(combine, weights=weights)
    signals = {"reflection": reflection, "consistency": consistency_value(values)}
    assert score_range(outlook, score_of, consistency_value) == (score_of(signals),) * 2


def test_a_score_that_may_not_be_had_at_all_is_never_certain() -> None:
    outlook = Outlook({}, ("reflection",), (), 5)
    assert score_range(outlook, combine, consistency_value) is None
    assert not decides(None, 0.0)


@settings(max_examples=500)
@given(
    samples=st.lists(st.sampled_from([SAME, OTHER, UNSETTLED]), min_size=1, max_size=8),
    rounds=st.integers(2, 9),
    judgement=st.one_of(st.none(), st.sampled_from([0.0, 0.2, 0.9, 1.0]), shares),
    threshold=thresholds,
    quality=st.sampled_from(["medium", "high"]),
    weights=st.one_of(st.none(), weights),
    transform=st.sampled_from(TRANSFORMS),
    slower=st.sampled_from(["reflection", "sample", "comparison"]),
)
def test_a_scorer_decides_as_it_would_with_everything(
    samples: list[str],
    rounds: int,
    judgement: float | None,
    threshold: float,
    quality: QualityPreset,
    weights: Weights | None,
    transform: None,
    slower: str,
) -> None:
    async def score(rounds: int, decide_at: float | None) -> tuple[float | None, ScriptedModel]:
        model = ScriptedModel(
            judge=FAILURE if judgement is None else verdict(judgement),
            samples=samples,
            comparison='{"1": "same"}' if len(samples) % 2 else '{"1": "different"}',
            seconds={slower: 0.0003},
        )
        scorer = LocalScorer(
            model,
            ScorerSettings(quality=quality, rounds=rounds),
            samples=len(samples),
            weights=weights,
            transform=transform,
        )
        found = await scorer.score(QUESTION, decide_at=decide_at)
        assert model.open == 0
        if found.metadata.get("decided_early"):
            assert found.metadata["samples_planned"] == len(samples)
        elif decide_at is not None:
            assert model.dealt == len(samples)
        return found.score, model

    whole, asked_all = asyncio.run(score(1, None))
    early, asked_some = asyncio.run(score(rounds, threshold))
    assert whole is not None
    assert early is not None
    assert (early < threshold) == (whole < threshold)
    assert asked_some.dealt <= asked_all.dealt
    assert len(asked_some.made("comparison")) <= len(asked_all.made("comparison"))


async def _score(
    model: ScriptedModel, *, rounds: int, samples: int = 8, decide_at: float | None = 0.6
) -> dict[str, object]:
    scorer = LocalScorer(model, ScorerSettings(rounds=rounds), samples=samples, reflections=0)
    score = await scorer.score(QUESTION, decide_at=decide_at)
    return {"score": score.score, "samples": score.usage.samples, **score.metadata}


@pytest.mark.parametrize(
    ("samples", "drawn", "early"),
    [
        ([OTHER] * 8, 4, True),  # 4 of 8 at most, and 0.5 is below 0.6
        ([SAME] * 8, 5, True),  # 5 of 8 at least, and 0.625 is not
        ([SAME, SAME, OTHER, OTHER, OTHER, SAME, OTHER, SAME], 7, True),
        ([SAME, OTHER] * 4, 8, False),
        ([SAME, SAME, SAME, OTHER, OTHER, OTHER, SAME, SAME], 8, False),
    ],
)
async def test_no_sample_is_asked_for_that_cannot_change_the_decision(
    samples: list[str], drawn: int, early: bool
) -> None:
    model = ScriptedModel(samples=samples)
    found = await _score(model, rounds=8)
    assert [call.n for call in model.asked] == [1] * drawn
    assert found["samples"] == drawn
    assert found.get("decided_early", False) is early
    assert found.get("samples_planned", 8) == 8


@pytest.mark.parametrize(
    ("rounds", "sizes"), [(1, [8]), (2, [4, 4]), (3, [3, 3, 2]), (8, [1] * 8), (20, [1] * 8)]
)
async def test_samples_are_asked_for_in_so_many_rounds(rounds: int, sizes: Sequence[int]) -> None:
    # Undecided until the last sample.
    model = ScriptedModel(samples=[SAME, SAME, SAME, SAME, OTHER, OTHER, OTHER, SAME])
    await _score(model, rounds=rounds)
    assert [call.n for call in model.asked] == list(sizes)


@pytest.mark.parametrize(("rounds", "decide_at"), [(1, 0.6), (8, None)])
async def test_everything_is_waited_for_with_one_round_or_where_the_score_is_wanted(
    rounds: int, decide_at: float | None
) -> None:
    found = await _score(ScriptedModel(samples=[OTHER]), rounds=rounds, decide_at=decide_at)
    assert found["samples"] == 8
    assert "decided_early" not in found


async def test_samples_still_open_are_cancelled_when_the_judge_decides() -> None:
    model = ScriptedModel(judge=verdict(0.0), seconds={"sample": 60.0, "reflection": 0.005})
    scorer = LocalScorer(model, ScorerSettings(rounds=2))
    score = await scorer.score(QUESTION, decide_at=0.6)
    assert score.score == 0.0
    assert score.metadata["decided_early"] is True
    assert (model.open, model.cancelled) == (0, 1)
    assert list(score.signals) == ["reflection"]


async def test_the_judge_is_cancelled_when_the_samples_decide() -> None:
    model = ScriptedModel(samples=[OTHER], seconds={"reflection": 60.0})
    scorer = LocalScorer(model, ScorerSettings(rounds=2))
    score = await scorer.score(QUESTION, decide_at=0.6)
    assert score.score == 0.0
    assert score.metadata["decided_early"] is True
    assert (model.open, model.cancelled) == (0, 1)
    assert list(score.signals) == ["consistency"]
    assert score.error is None


async def test_nothing_is_compared_that_cannot_change_the_decision() -> None:
    def model() -> ScriptedModel:
        return ScriptedModel(judge=verdict(0.0), samples=[OTHER, OTHER, OTHER, UNSETTLED])

    needed = LocalScorer(first := model(), ScorerSettings(quality="high", rounds=4), samples=4)
    await needed.score(QUESTION)
    assert len(first.made("comparison")) == 1
    spared = LocalScorer(second := model(), ScorerSettings(quality="high", rounds=4), samples=4)
    await spared.score(QUESTION, decide_at=0.6)
    assert second.made("comparison") == []


async def test_a_server_that_fails_is_not_asked_for_further_rounds() -> None:
    model = ScriptedModel(samples=[SAME, FAILURE])
    scorer = LocalScorer(model, ScorerSettings(rounds=8), samples=8, reflections=0)
    score = await scorer.score(QUESTION, decide_at=0.6)
    assert len(model.asked) == 2
    assert score.score == 1.0
    assert score.error == "consistency: the server failed"


async def test_criteria_are_answered_though_the_decision_is_certain() -> None:
    def judge(asked: Ask) -> object:
        return verdict(0.3 if "Is brief." in asked.messages[-1].content else 0.9)

    model = ScriptedModel(judge=judge, samples=[OTHER], seconds={"reflection": 1.0})  # type: ignore[arg-type]
    scorer = LocalScorer(model, ScorerSettings(rounds=5), criteria=[("brevity", "Is brief.")])
    score = await scorer.score(QUESTION, decide_at=0.6)
    assert score.metadata["decided_early"] is True
    assert "reflection" not in score.signals
    assert score.metadata["criteria"][0]["score"] == pytest.approx(0.3)


async def test_one_sample_a_round_takes_under_two_thirds_of_the_recorded_samples() -> None:
    path = Path(__file__).parents[2] / "data" / "gsm8k-qwen-math.jsonl"
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()[:300]]
    whole = LocalScorer(ReplayModel.from_file(path), ScorerSettings(), samples=8, reflections=0)
    early = LocalScorer(
        ReplayModel.from_file(path), ScorerSettings(rounds=8), samples=8, reflections=0
    )
    drawn = 0
    for row in rows:
        exchange = Exchange.of(row["prompt"], row["response"])
        with_all = await whole.score(exchange)
        with_some = await early.score(exchange, decide_at=0.6)
        assert with_all.score is not None
        assert with_some.score is not None
        assert (with_all.score < 0.6) == (with_some.score < 0.6)
        drawn += with_some.usage.samples
    assert drawn <= 0.65 * 8 * len(rows)
