"""The garbage collector is slowed down while lists are worked on, and only then."""

import contextlib
import gc
from collections.abc import Iterator

import pytest

from nemoguardrails_trust.concurrency.garbage import seldom_collected
from tests.servers.openai import Answer
from tests.tlm.scene import Body, tlm_and_server


@pytest.fixture(autouse=True)
def _thresholds() -> Iterator[None]:
    before = gc.get_threshold()
    gc.set_threshold(700, 10, 10)
    yield
    gc.set_threshold(*before)


def test_the_pace_is_back_when_the_last_has_left() -> None:
    with seldom_collected():
        with contextlib.suppress(ValueError), seldom_collected():
            assert gc.get_threshold() == (10_000, 10, 10)
            raise ValueError
        assert gc.get_threshold() == (10_000, 10, 10)
    assert gc.get_threshold() == (700, 10, 10)


@pytest.mark.parametrize("pace", [(0, 10, 10), (50_000, 5, 5)])
def test_a_slower_pace_is_left_alone(pace: tuple[int, int, int]) -> None:
    gc.set_threshold(*pace)
    with seldom_collected():
        assert gc.get_threshold() == pace
    assert gc.get_threshold() == pace


def test_a_list_of_prompts_is_worked_on_so() -> None:
    paces: list[int] = []

    def answer(body: Body) -> Answer:
        paces.append(gc.get_threshold()[0])
        return "True 90"

    with tlm_and_server(answer, quality_preset="low") as (tlm, _):
        tlm.get_trustworthiness_score(["a", "b"], ["c", "d"])
    assert paces == [10_000, 10_000]
    assert gc.get_threshold() == (700, 10, 10)
