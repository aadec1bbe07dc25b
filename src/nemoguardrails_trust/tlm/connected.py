"""What `TLM` and `TrustworthyRAG` share: a loop for synchronous calls, lists, and their end."""

from collections.abc import Awaitable, Callable, Sequence
from types import TracebackType
from typing import Self, TypeVar

from nemoguardrails_trust.concurrency.loops import LoopThread
from nemoguardrails_trust.tlm.batches import run_all
from nemoguardrails_trust.tlm.building import Parts
from nemoguardrails_trust.tlm.outcomes import Outcome
from nemoguardrails_trust.tlm.progress import shown_progress

Item = TypeVar("Item")


class Connected:
    """Works on items with its parts, on the caller's loop or on one in a thread of its own."""

    def __init__(self, parts: Parts, verbose: bool | None) -> None:
        """Takes the parts, and whether lists show a progress bar."""
        self._parts = parts
        self._verbose = verbose
        self._loop_thread = LoopThread()

    def close(self) -> None:
        """Closes the connections of the synchronous methods and ends their thread.

        It is not needed at the end of a program. Used again, the object opens them anew.
        """
        self._loop_thread.close()

    async def aclose(self) -> None:
        """Closes the connections that the `_async` methods hold on the running event loop.

        Those of a loop that ends, as in `asyncio.run`, are closed with it.
        """
        for each in (self._parts.scorer, self._parts.model.if_built):
            aclose: Callable[[], Awaitable[None]] | None = getattr(each, "aclose", None)
            if aclose is not None:
                await aclose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def _outcomes(
        self, items: Sequence[Item], is_one: bool, work: Callable[[Item], Awaitable[Outcome]]
    ) -> list[Outcome]:
        if is_one:
            return [await work(items[0])]
        with shown_progress(len(items), self._verbose) as advance:
            return await run_all(items, work, concurrency=self._parts.concurrency, advance=advance)
