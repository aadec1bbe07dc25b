"""What `TLM` and `TrustworthyRAG` share: a loop for synchronous calls, lists, and their end."""

from collections.abc import Awaitable, Callable, Sequence
from functools import cached_property
from typing import Any, Self, TypeVar

from nemoguardrails_trust.concurrency.loops import LoopThread
from nemoguardrails_trust.scorers.base import close
from nemoguardrails_trust.scorers.local.evaluating import Evaluator
from nemoguardrails_trust.tlm.batches import require_all, run_all
from nemoguardrails_trust.tlm.building import Parts
from nemoguardrails_trust.tlm.explaining import (
    explain,
    note_explanation,
    read_results,
    require_same_number,
    responses_of,
)
from nemoguardrails_trust.tlm.outcomes import Outcome
from nemoguardrails_trust.tlm.progress import shown_progress
from nemoguardrails_trust.tlm.questions import Item as GivenItem
from nemoguardrails_trust.tlm.questions import wrong_number

Item = TypeVar("Item")


class Connected:
    """Works on items with its parts, on the caller's loop or on one in a thread of its own."""

    def __init__(self, parts: Parts, verbose: bool | None) -> None:
        """Takes the parts, and whether lists show a progress bar."""
        self._parts = parts
        self._verbose = verbose
        self._loop_thread = LoopThread()

    def get_model_name(self) -> str:
        """The name of the model that answers."""
        return self._parts.model().name

    def close(self) -> None:
        """Closes the connections of the synchronous methods and ends their thread.

        You need not call it at the end of a program. If the object is used again, it opens them
        again.
        """
        self._loop_thread.close()

    async def aclose(self) -> None:
        """Closes the connections of the `_async` methods on the running event loop.

        When a loop ends, as in `asyncio.run`, its connections are closed with it.
        """
        for part in (self._parts.scorer, self._parts.model.if_built):
            await close(part)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    @cached_property
    def _evaluator(self) -> Evaluator:
        """Has the model judge by criteria, and tell why.

        Raises:
            CredentialsError: The model was not needed until now, and its server needs a key.
        """
        return self._parts.answerer.evaluator or Evaluator(
            self._parts.model(), concurrency=4 * self._parts.concurrency
        )

    async def _explanations(
        self, tlm_result: Any, response: Any, asked: Callable[[Any], tuple[list[GivenItem], bool]]
    ) -> str | list[str]:
        """Why results have their scores; puts it into their logs too.

        Args:
            tlm_result: One or a list of them.
            response: The answers, where the results do not have them.
            asked: Gives what was asked, with its answers, and whether it was one prompt.

        Raises:
            SettingsError: They do not go together.
            TrustError: The one explanation could not be had.
            BatchError: Of many, some could not.
        """
        scored, is_one = read_results(tlm_result)
        items, is_one_prompt = asked(responses_of(scored, is_one, response))
        require_same_number(is_one, is_one_prompt)
        if len(scored) != len(items):
            raise wrong_number("tlm_result", len(scored), len(items))
        timeout = self._parts.answerer.timeout
        outcomes = await self._outcomes(
            list(zip(items, scored, strict=True)),
            is_one,
            lambda pair: explain(*pair, lambda: self._evaluator, timeout=timeout),
        )
        told = [outcome.response or "" for outcome in outcomes]
        require_all(outcomes, [{"explanation": text or None} for text in told], is_one=is_one)
        for known, explanation in zip(scored, told, strict=True):
            note_explanation(known.result, explanation)
        return told[0] if is_one else told

    async def _outcomes(
        self, items: Sequence[Item], is_one: bool, work: Callable[[Item], Awaitable[Outcome]]
    ) -> list[Outcome]:
        if is_one:
            return [await work(items[0])]
        with shown_progress(len(items), self._verbose) as advance:
            return await run_all(items, work, concurrency=self._parts.concurrency, advance=advance)
