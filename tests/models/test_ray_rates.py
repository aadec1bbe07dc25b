"""Rates that several processes keep together; by Ray itself in tests/datasets/test_ray.py."""

import asyncio
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from ray.exceptions import RayActorError

from nemoguardrails_trust.errors import RateLimitError
from nemoguardrails_trust.models import ray_rates
from nemoguardrails_trust.models.limits import Limits, Turn, rates_shared, share_rates
from nemoguardrails_trust.models.pacing import Wait
from nemoguardrails_trust.models.ray_rates import RatesActor, RayRates, share_rates_over_ray

NO_LIMIT = None


class Handle:
    """An actor as its callers have it."""

    def __init__(self) -> None:
        self.actor = RatesActor()
        self.is_dead = False

    def __getattr__(self, name: str) -> Any:
        return _Method(self, name)


class _Method:
    def __init__(self, handle: Handle, name: str) -> None:
        self._handle = handle
        self._name = name

    def remote(self, *arguments: Any) -> "asyncio.Future[Any]":
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        if self._handle.is_dead:
            future.set_exception(RayActorError())
            future.exception()
        else:
            future.set_result(getattr(self._handle.actor, self._name)(*arguments))
        return future


@pytest.fixture
def handle(monkeypatch: pytest.MonkeyPatch) -> Iterator[Handle]:
    made = Handle()
    monkeypatch.setattr(ray_rates, "_find_actor", lambda: made)
    share_rates_over_ray()
    yield made
    share_rates(None)


async def test_processes_share_what_is_allowed_a_minute(handle: Handle) -> None:
    first, second = RayRates("model"), RayRates("model")
    turns = [await rates.take_turn((3, NO_LIMIT), 0) for rates in (first, second, first, second)]
    assert [isinstance(turn, Wait) for turn in turns] == [False, False, False, True]
    assert not isinstance(await RayRates("another").take_turn((3, NO_LIMIT), 0), Wait)


async def test_tokens_are_counted_as_they_turn_out(handle: Handle) -> None:
    rates = RayRates("model")
    turn = await rates.take_turn((NO_LIMIT, 100), 10)
    assert not isinstance(turn, Wait)
    turn.accepted({"Content-Type": "json"}, 95)
    turn.ended()
    assert isinstance(await rates.take_turn((NO_LIMIT, 100), 10), Wait)


async def test_a_refusal_holds_all_processes_up(handle: Handle) -> None:
    turn = await RayRates("model").take_turn((100, NO_LIMIT), 0)
    assert not isinstance(turn, Wait)
    turn.refused({"Retry-After": "7", "Authorization": "never sent on"})
    wait = await RayRates("model").take_turn((100, NO_LIMIT), 0)
    assert isinstance(wait, Wait)
    assert wait.held
    assert wait.seconds > 6


async def test_without_the_actor_each_process_counts_alone(
    handle: Handle, caplog: pytest.LogCaptureFixture
) -> None:
    rates = RayRates("model")
    handle.is_dead = True
    with caplog.at_level(logging.WARNING):
        turns: list[Turn | Wait] = [await rates.take_turn((1, NO_LIMIT), 0) for _ in range(2)]
    assert [isinstance(turn, Wait) for turn in turns] == [False, True]
    assert "rates are not shared for now: RayActorError" in caplog.text
    handle.is_dead = False
    assert not isinstance(await rates.take_turn((1, NO_LIMIT), 0), Wait)


async def test_requests_of_a_process_that_died_are_forgotten(
    handle: Handle, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [1000.0]
    monkeypatch.setattr("nemoguardrails_trust.models.ray_rates.time.monotonic", lambda: clock[0])
    await RayRates("model").take_turn((9, NO_LIMIT), 0)
    clock[0] += 601
    await RayRates("model").take_turn((9, NO_LIMIT), 0)
    assert len(handle.actor._sent) == 1


async def test_the_limits_of_a_model_take_part_where_rates_are_set(handle: Handle) -> None:
    limits = [Limits(shared=rates_shared("model")) for _ in range(2)]
    async with limits[0].permit() as permit:
        permit.accepted({}, 5)
    assert not handle.actor._pacings
    for own in limits:
        own.configure(requests_per_minute=1)
    async with limits[0].permit():
        pass
    assert not handle.actor._sent
    soon = asyncio.get_running_loop().time() + 5
    with pytest.raises(RateLimitError, match="too late"):
        async with limits[1].permit(deadline=soon):
            pass
