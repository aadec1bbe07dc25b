"""Asking a scorer: what is trusted to end by itself, and which results can be used."""

import asyncio
import contextlib
import json
import time
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from nemoguardrails_trust.errors import ScoringError
from nemoguardrails_trust.exchange import Exchange
from nemoguardrails_trust.models.base import Ask, Reply
from nemoguardrails_trust.scorers.base import ScorerSettings, ends_in_time
from nemoguardrails_trust.scorers.local.scorer import LocalScorer
from nemoguardrails_trust.scorers.safely import require_usable, score_safely
from nemoguardrails_trust.scores import TrustworthinessScore
from tests.scorers.scripted import ScriptedModel, cancel_in_flight

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
    await cancel_in_flight(score_safely(scorer, EXCHANGE, timeout=60.0), model)


_texts = st.text(st.characters(exclude_categories=()), max_size=5)
_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | _texts | st.binary(max_size=2),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner)
        | st.dictionaries(_texts | st.integers() | st.binary(max_size=2), inner, max_size=3)
    ),
    max_leaves=8,
)


def _can_be_written(value: Any) -> bool:
    try:
        json.dumps(value, allow_nan=False, ensure_ascii=False).encode()
    except (TypeError, ValueError):
        return False
    return True


@given(_values)
@example(10**5000)
@example(-(10**5000))
@example({"a": [1.5, {"b": float("nan")}]})
@example({"\ud83d": 1})
def test_a_score_is_used_only_where_json_can_hold_it(value: Any) -> None:
    score = TrustworthinessScore(0.9, metadata={"told": value})
    if _can_be_written(value):
        require_usable(score)
    else:
        with pytest.raises(ScoringError, match="cannot be written as JSON"):
            require_usable(score)
