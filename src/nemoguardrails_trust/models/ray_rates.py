"""Rates that are counted by one actor for all processes of a Ray cluster."""

import asyncio
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nemoguardrails_trust.models.limits import RatesHere, Turn, share_rates
from nemoguardrails_trust.models.pacing import Pacing, Rates, Sent, Wait

_log = logging.getLogger(__name__)

NAMESPACE = "nemo-trust"
ACTOR = "rates"
_FORGOTTEN = 600.0  # seconds after which a request counts as over: its process may be gone
_TOLD = ("retry-after", "x-ratelimit-")  # of the headers, those that say something about rates


def share_rates_over_ray() -> None:
    """Has the rates that are set in this process hold for all that do so on the cluster."""
    share_rates(RayRates)


class RatesActor:
    """What the actor does. All times are those of its own clock: those of machines differ."""

    def __init__(self) -> None:
        self._pacings: dict[str, Pacing] = {}
        self._sent: dict[int, tuple[Pacing, Sent]] = {}
        self._last = 0

    def take_turn(self, name: str, rates: Rates, tokens: int) -> int | Wait:
        """Sends a request, or tells how long to wait before asking again.

        Args:
            name: What the rates are of.
            rates: The most requests and the most tokens a minute.
            tokens: What the request is estimated to use.

        Returns:
            A number for the request, by which the rest about it is told.
        """
        now = time.monotonic()
        self._forget(now)
        pacing = self._pacings.setdefault(name, Pacing())
        pacing.rates = rates
        turn = pacing.take_turn(now, tokens)
        if isinstance(turn, Wait):
            return turn
        self._last += 1
        self._sent[self._last] = pacing, turn
        return self._last

    def accepted(self, number: int, headers: Mapping[str, str], tokens: int) -> None:
        """Reports that a request was taken; see `Pacing`."""
        if number in self._sent:
            pacing, sent = self._sent[number]
            pacing.accepted(sent, time.monotonic(), headers, tokens)

    def refused(self, number: int, headers: Mapping[str, str]) -> None:
        """Reports that a request was refused with 429; see `Pacing`."""
        if number in self._sent:
            pacing, sent = self._sent[number]
            pacing.refused(sent, time.monotonic(), headers)

    def ended(self, number: int) -> None:
        """Reports that a request is over."""
        if found := self._sent.pop(number, None):
            found[0].ended()

    def _forget(self, now: float) -> None:
        while self._sent:
            number, (_, sent) = next(iter(self._sent.items()))
            if sent.at > now - _FORGOTTEN:
                return
            self.ended(number)


class RayRates:
    """The rates of one thing as the actor counts them.

    While the actor cannot be reached, they are counted in this process alone.

    Args:
        name: What they are of; the same in all processes.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._alone = RatesHere()
        self._actor: Any = None

    async def take_turn(self, rates: Rates, tokens: int) -> Turn | Wait:
        """Sends a request, or tells how long to wait before asking again; see `SharedRates`."""
        from ray.exceptions import RayError

        try:
            if self._actor is None:
                self._actor = await asyncio.to_thread(_find_actor)
            turn = await self._actor.take_turn.remote(self._name, rates, tokens)
        except (RayError, ValueError) as error:
            self._actor = None  # found anew with the next request
            _log.warning("rates are not shared for now: %s", type(error).__name__)
            return await self._alone.take_turn(rates, tokens)
        return turn if isinstance(turn, Wait) else _Counted(self._actor, turn)


@dataclass(slots=True, eq=False)
class _Counted:
    """A request that the actor counts. Nobody waits for what it is told afterwards."""

    _actor: Any
    _number: int

    def accepted(self, headers: Mapping[str, str], tokens: int) -> None:
        self._actor.accepted.remote(self._number, _told(headers), tokens)

    def refused(self, headers: Mapping[str, str]) -> None:
        self._actor.refused.remote(self._number, _told(headers))

    def ended(self) -> None:
        self._actor.ended.remote(self._number)


def _told(headers: Mapping[str, str]) -> dict[str, str]:
    lower = ((name.lower(), value) for name, value in headers.items())
    return {name: value for name, value in lower if name.startswith(_TOLD)}


def _find_actor() -> Any:
    import ray

    made = ray.remote(RatesActor).options(
        name=ACTOR,
        namespace=NAMESPACE,
        lifetime="detached",  # else it would end with the process that happened to make it
        get_if_exists=True,
        num_cpus=0,
        max_restarts=-1,
    )
    return made.remote()
