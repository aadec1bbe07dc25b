"""Many prompts at once: so many at a time, in order, and none lost to another's failure."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

from nemoguardrails_trust.concurrency.failures import DEFAULT_MAX_FAILURES, FailureStreak
from nemoguardrails_trust.concurrency.pool import run_pool
from nemoguardrails_trust.errors import (
    BatchError,
    DataError,
    SetupError,
    TooManyFailuresError,
    TrustError,
)
from nemoguardrails_trust.tlm.outcomes import Outcome, failed

Item = TypeVar("Item")


async def run_all(
    items: Sequence[Item],
    work: Callable[[Item], Awaitable[Outcome]],
    *,
    concurrency: int,
    advance: Callable[[], None],
) -> list[Outcome]:
    """Does the work for every item; there is a task for each that may run, not for each item.

    Once an item fails for a reason that holds for all, such as a key that is refused, or so many
    fail in a row that there is no use in going on, the rest fail likewise without being tried.
    Items that cannot be used themselves do not count: they say nothing about the next one.

    Args:
        items: What to work on.
        work: What to do.
        concurrency: How many at a time.
        advance: Called as each item ends.

    Returns:
        The outcomes in the order of the items.
    """
    outcomes = [Outcome()] * len(items)
    in_vain: Outcome | None = None
    streak = FailureStreak(DEFAULT_MAX_FAILURES)

    def note(error: TrustError | None) -> Outcome | None:
        if isinstance(error, SetupError):
            return failed(error)
        try:
            if error is None:
                streak.succeeded()
            elif not isinstance(error, DataError):
                streak.failed(str(error))
        except TooManyFailuresError as too_many:
            return failed(too_many)
        return None

    async def work_on(place: int) -> None:
        nonlocal in_vain
        outcome = in_vain or await work(items[place])
        in_vain = in_vain or note(outcome.error)
        outcomes[place] = outcome
        advance()

    await run_pool(range(len(items)), work_on, workers=min(concurrency, len(items)) or 1)
    return outcomes


def as_asked(
    outcomes: Sequence[Outcome], results: list[dict[str, Any]], is_one: bool, *, strict: bool
) -> Any:
    """The results of a list, or the one of one prompt.

    Raises:
        TrustError: Some have failed, and are to be raised; see `require_all`.
    """
    if strict:
        require_all(outcomes, results, is_one=is_one)
    return results[0] if is_one else results


def require_all(
    outcomes: Sequence[Outcome], results: list[dict[str, Any]], *, is_one: bool
) -> None:
    """Makes sure that none has failed.

    Raises:
        TrustError: The one of one prompt has.
        BatchError: Some of a list have; it holds the results.
    """
    failures = [
        (i, outcome.error) for i, outcome in enumerate(outcomes) if outcome.error is not None
    ]
    if not failures:
        return
    place, first = failures[0]
    if is_one:
        raise first
    raise BatchError(
        f"{len(failures)} of {len(outcomes)} failed, the first at index {place}: "
        f"{first} (the rest are in this error's `results`)",
        results=results,
        failed=len(failures),
    ) from first
