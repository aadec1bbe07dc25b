import asyncio

import pytest

from nemoguardrails_trust.errors import ScoringError
from nemoguardrails_trust.guardrail.cache import ScoreCache
from nemoguardrails_trust.scores import TrustworthinessScore


class Maker:
    """Makes scores, and counts."""

    def __init__(self, score: float | None = 0.5) -> None:
        self.score = score
        self.calls = 0
        self.cancelled = 0
        self.release = asyncio.Event()

    async def __call__(self) -> TrustworthinessScore:
        self.calls += 1
        try:
            await self.release.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        return TrustworthinessScore(self.score)

    def ready(self) -> "Maker":
        self.release.set()
        return self


async def test_the_same_key_is_made_once() -> None:
    cache, maker = ScoreCache(2), Maker().ready()
    first = await cache.get("a", maker)
    assert await cache.get("a", maker) is first
    assert maker.calls == 1


async def test_concurrent_checks_of_one_key_share_a_call_even_without_memory() -> None:
    cache, maker = ScoreCache(0), Maker()
    waiting = [asyncio.create_task(cache.get("a", maker)) for _ in range(5)]
    await asyncio.sleep(0)
    maker.release.set()
    assert [outcome.score for outcome in await asyncio.gather(*waiting)] == [0.5] * 5
    assert maker.calls == 1
    await cache.get("a", maker)
    assert maker.calls == 2


async def test_the_least_recently_used_score_goes_first() -> None:
    cache, maker = ScoreCache(2), Maker().ready()
    for key in ("a", "b", "a", "c", "a", "b"):
        await cache.get(key, maker)
    assert maker.calls == 4  # a, b, c, and b again


async def test_a_score_that_could_not_be_had_is_not_kept() -> None:
    cache, maker = ScoreCache(2), Maker(None).ready()
    await cache.get("a", maker)
    await cache.get("a", maker)
    assert maker.calls == 2


async def test_one_that_leaves_does_not_take_the_call_from_the_others() -> None:
    cache, maker = ScoreCache(2), Maker()
    leaving = asyncio.create_task(cache.get("a", maker))
    staying = asyncio.create_task(cache.get("a", maker))
    await asyncio.sleep(0)
    leaving.cancel()
    await asyncio.gather(leaving, return_exceptions=True)
    maker.release.set()
    assert (await staying).score == 0.5
    assert (maker.calls, maker.cancelled) == (1, 0)


async def test_the_call_is_cancelled_when_the_last_one_leaves() -> None:
    cache, maker = ScoreCache(2), Maker()
    waiting = [asyncio.create_task(cache.get("a", maker)) for _ in range(2)]
    await asyncio.sleep(0)
    for waiter in waiting:
        waiter.cancel()
    results = await asyncio.gather(*waiting, return_exceptions=True)
    assert all(isinstance(result, asyncio.CancelledError) for result in results)
    await asyncio.sleep(0)
    assert maker.cancelled == 1


async def test_a_maker_that_is_cancelled_from_within_does_not_cancel_the_turn() -> None:
    async def cancelled() -> TrustworthinessScore:
        raise asyncio.CancelledError

    with pytest.raises(ScoringError, match="cancelled"):
        await ScoreCache(2).get("a", cancelled)


async def test_an_error_reaches_all_who_wait_and_is_not_kept() -> None:
    async def fails() -> TrustworthinessScore:
        await asyncio.sleep(0)
        raise ScoringError("no score")

    cache = ScoreCache(2)
    results = await asyncio.gather(
        *(cache.get("a", fails) for _ in range(3)), return_exceptions=True
    )
    assert [str(result) for result in results] == ["no score"] * 3
    assert (await cache.get("a", Maker().ready())).score == 0.5
