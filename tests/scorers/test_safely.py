"""A scorer that ends in time by itself is asked without a task, and nothing else is."""

import asyncio
import contextlib
import time

import pytest

from nemoguardrails_trust.exchange import Exchange
from nemoguardrails_trust.models.base import Ask, Reply
from nemoguardrails_trust.scorers.base import ScorerSettings, ends_in_time
from nemoguardrails_trust.scorers.local.scorer import LocalScorer
from nemoguardrails_trust.scorers.safely import score_safely
from nemoguardrails_trust.scores import TrustworthinessScore
from tests.scorers.scripted import ScriptedModel

EXCHANGE = Exchange.of("Which is the largest ocean?", "The Pacific")
TIMEOUT = 0.5  # seconds
LATE = "within 0.5 s"


async def _hang(*_: object, **__: object) -> TrustworthinessScore:
    await asyncio.Event().wait()
    raise AssertionError


class Hanging(LocalScorer):
    score = _hang


class Stubborn(ScriptedModel):
    """Answers only after seconds, whoever cancels it."""

    async def complete(self, ask: Ask) -> Reply:
        ends = time.monotonic() + 4 * TIMEOUT
        while (left := ends - time.monotonic()) > 0:
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(left)
        return await super().complete(ask)


class Blocking(ScriptedModel):
    async def complete(self, ask: Ask) -> Reply:
        time.sleep(2 * TIMEOUT)
        return await super().complete(ask)


def _replaced() -> LocalScorer:
    scorer = LocalScorer(ScriptedModel(), ScorerSettings())
    scorer.score = _hang  # type: ignore[method-assign]
    return scorer


@pytest.mark.parametrize(
    "scorer",
    [Hanging(ScriptedModel(), ScorerSettings()), _replaced()],
    ids=["a subclass", "a replaced method"],
)
async def test_another_score_than_the_local_scorers_own_is_not_trusted_to_end(
    scorer: LocalScorer,
) -> None:
    assert not ends_in_time(scorer)
    score = await score_safely(scorer, EXCHANGE, timeout=TIMEOUT)
    assert score.score is None
    assert score.error == f"the scorer did not answer {LATE}"


@pytest.mark.parametrize(
    "model", [Stubborn(), Blocking()], ids=["ignores being cancelled", "blocks"]
)
async def test_the_local_scorer_ends_in_time_whatever_its_model_does(model: ScriptedModel) -> None:
    scorer = LocalScorer(model, ScorerSettings())
    assert ends_in_time(scorer)
    score = await score_safely(scorer, EXCHANGE, timeout=TIMEOUT)
    assert score.score is None
    assert score.error is not None
    assert LATE in score.error


async def test_a_cancelling_that_was_dealt_with_before_does_not_count() -> None:
    async def scored() -> TrustworthinessScore:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        scorer = LocalScorer(ScriptedModel(), ScorerSettings())
        return await score_safely(scorer, EXCHANGE, timeout=20.0)

    task = asyncio.create_task(scored())
    await asyncio.sleep(0)
    task.cancel()
    assert (await task).score is not None


async def test_a_caller_that_is_cancelled_leaves_no_call_open() -> None:
    model = ScriptedModel(seconds={"reflection": 60.0, "sample": 60.0})
    scorer = LocalScorer(model, ScorerSettings())
    task = asyncio.create_task(score_safely(scorer, EXCHANGE, timeout=60.0))
    while model.open < 2:
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (model.open, model.cancelled) == (0, 2)
