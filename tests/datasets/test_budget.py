"""What a run may spend."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nemoguardrails_trust.datasets.budget import Budget
from nemoguardrails_trust.datasets.tally import Tally
from nemoguardrails_trust.errors import SettingsError


def tokens(tally: Tally) -> float:
    return tally.prompt_tokens + tally.completion_tokens


async def spend(budget: Budget, tally: Tally, costs: list[int], workers: int) -> int:
    """Scores rows that cost so much; returns how many were under way at a time at most."""
    left = list(costs)
    under_way = most = 0

    async def worker() -> None:
        nonlocal under_way, most
        while left:
            cost = left.pop(0)
            async with budget.row(tally) as allowed:
                if not allowed:
                    return
                under_way += 1
                most = max(most, under_way)
                await asyncio.sleep(0)
                under_way -= 1
                tally.rows += 1
                tally.calls += 1
                tally.prompt_tokens += cost

    await asyncio.gather(*(worker() for _ in range(workers)))
    return most


@given(st.integers(0, 500), st.integers(1, 60), st.integers(0, 40), st.integers(1, 9))
def test_rows_that_cost_the_same_never_exceed_the_budget(
    limit: int, cost: int, rows: int, workers: int
) -> None:
    tally, budget = Tally(), Budget(limit, tokens)
    asyncio.run(spend(budget, tally, [cost] * rows, workers))
    # Before the first row, nothing is known of what rows cost.
    affordable = max(limit // cost, 1) if limit else 0
    assert tally.rows == min(rows, affordable)
    assert budget.is_exhausted == (tally.rows < rows)


@given(st.lists(st.integers(1, 60), min_size=1, max_size=40), st.integers(1, 9))
def test_rows_exceed_it_by_no_more_than_they_differ(costs: list[int], workers: int) -> None:
    tally, budget = Tally(), Budget(sum(costs) // 2, tokens)
    asyncio.run(spend(budget, tally, costs, workers))
    assert tally.prompt_tokens <= sum(costs) // 2 + workers * max(costs)


def test_no_more_rows_are_under_way_than_have_shown_what_they_cost() -> None:
    tally = Tally()
    most = asyncio.run(spend(Budget(1000, tokens), tally, [1] * 3, workers=50))
    assert (tally.rows, most) == (3, 2)


def test_rows_of_earlier_runs_count() -> None:
    tally = Tally(rows=10, calls=10, prompt_tokens=100)
    budget = Budget(120, tokens)
    asyncio.run(spend(budget, tally, [10] * 10, workers=4))
    assert (tally.rows, budget.is_exhausted) == (12, True)


def test_a_budget_that_cannot_be_kept_is_an_error() -> None:
    tally = Tally(rows=1, calls=2)
    with pytest.raises(SettingsError, match="do not tell how many tokens"):
        asyncio.run(spend(Budget(100, tokens), tally, [1], workers=1))
