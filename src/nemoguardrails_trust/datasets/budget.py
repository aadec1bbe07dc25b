"""What a run may spend."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from nemoguardrails_trust.datasets.tally import Tally
from nemoguardrails_trust.errors import SettingsError


class Budget:
    """Lets rows begin as long as there is enough left for them.

    What a row will cost is not known before it has been scored, so one is let in alone at first,
    and never more at a time than have shown what they cost. A run ends short of its budget, or
    over it by no more than rows cost that are dearer than the others.
    """

    def __init__(self, limit: float, spent: Callable[[Tally], float]) -> None:
        """Takes what may be spent.

        Args:
            limit: The most that all rows may cost together, those of earlier runs included.
            spent: What the rows of a tally have cost, in the unit of the limit.
        """
        self._limit = limit
        self._spent = spent
        self._under_way = 0
        self._changed = asyncio.Condition()
        self.is_exhausted = False

    @asynccontextmanager
    async def row(self, tally: Tally) -> AsyncIterator[bool]:
        """Waits until a row may begin, and counts it as under way meanwhile.

        Args:
            tally: The rows so far, which goes on counting.

        Yields:
            Whether it may; if not, no other may either.

        Raises:
            SettingsError: What has been spent cannot be told.
        """
        async with self._changed:
            await self._changed.wait_for(lambda: self._has_room(tally) or not self._under_way)
            if tally.calls and not tally.prompt_tokens + tally.completion_tokens:
                raise SettingsError(
                    "the budget cannot be kept: the model's answers do not tell how many tokens "
                    "they took",
                    key="budget",
                )
            allowed = self._has_room(tally)
            self.is_exhausted = self.is_exhausted or not allowed
            self._under_way += 1
        try:
            yield allowed
        finally:
            async with self._changed:
                self._under_way -= 1
                self._changed.notify_all()

    def _has_room(self, tally: Tally) -> bool:
        if self.is_exhausted or self._under_way > tally.rows:
            return False
        spent = self._spent(tally)
        mean = spent / tally.rows if tally.rows else 0.0
        return spent < self._limit and spent + mean * (self._under_way + 1) <= self._limit
