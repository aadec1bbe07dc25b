"""How many requests may be under way at once, and how many a minute.

Every user of a model passes through one `Limits`. Below the server's rate limit it lets requests
through at full speed. Once the server refuses one (429), nothing is sent until the server allows
it; what follows is spread out at the pace that the server turned out to bear, which then grows by
2 % a second until it is full speed again.
"""

import asyncio
import contextlib
import hashlib
import threading
import weakref
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from nemoguardrails_trust.errors import RateLimitError, SettingsError
from nemoguardrails_trust.models.pacing import Pacing, Rates, Sent, Wait

_FOR_AN_ANSWER = 1.0  # seconds; a request that has less left need not be sent


class Turn(Protocol):
    """A request that was sent and is counted somewhere."""

    def accepted(self, headers: Mapping[str, str], tokens: int) -> None:
        """Reports that the server took it; see `Pacing`."""

    def refused(self, headers: Mapping[str, str]) -> None:
        """Reports that the server refused it with 429."""

    def ended(self) -> None:
        """Reports that it is over, however it went."""


class SharedRates(Protocol):
    """Rates that several processes keep together."""

    async def take_turn(self, rates: Rates, tokens: int) -> Turn | Wait:
        """Sends a request of so many tokens, or tells how long to wait before asking again."""
        ...


@dataclass(slots=True, eq=False)
class CountedHere:
    """A request that this process counts, on the running loop's clock."""

    _pacing: Pacing
    _sent: Sent

    def accepted(self, headers: Mapping[str, str], tokens: int) -> None:
        """See `Turn`."""
        now = asyncio.get_running_loop().time()
        self._pacing.accepted(self._sent, now, headers, tokens)

    def refused(self, headers: Mapping[str, str]) -> None:
        """See `Turn`."""
        self._pacing.refused(self._sent, asyncio.get_running_loop().time(), headers)

    def ended(self) -> None:
        """See `Turn`."""
        self._pacing.ended()


class RatesHere:
    """Rates that this process keeps alone."""

    def __init__(self) -> None:
        self._pacing = Pacing()

    async def take_turn(self, rates: Rates, tokens: int) -> Turn | Wait:
        """See `SharedRates`."""
        self._pacing.rates = rates
        return _turn_here(self._pacing, tokens)


def _turn_here(pacing: Pacing, tokens: int) -> Turn | Wait:
    """Sends a request that this process counts, or tells how long to wait."""
    sent = pacing.take_turn(asyncio.get_running_loop().time(), tokens)
    return sent if isinstance(sent, Wait) else CountedHere(pacing, sent)


class Limits:
    """The cap on concurrent requests and the rate limits of one model, for all who use it.

    One object serves any number of tasks, event loops and threads. The cap on concurrency holds
    for each event loop by itself, the rates hold for all together.

    Args:
        concurrency: Requests under way at once, at least 1.
        requests_per_minute: The most requests sent in any 60 seconds; `None` for no limit.
        tokens_per_minute: The most tokens, prompts and answers, in any 60 seconds. What a request
            will use is estimated until its answer is there. `None` for no limit.
        shared: Counts the rates that are set, in the place of this process.

    Raises:
        SettingsError: A number is below 1.
    """

    def __init__(
        self,
        concurrency: int = 64,
        requests_per_minute: int | None = None,
        tokens_per_minute: int | None = None,
        *,
        shared: SharedRates | None = None,
    ) -> None:
        self._shared = shared
        self._concurrency = 64
        self._pacing = Pacing()
        self._gates: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, _Gates] = (
            weakref.WeakKeyDictionary()
        )
        self.configure(concurrency, requests_per_minute, tokens_per_minute)

    def __reduce__(self) -> tuple[Any, ...]:
        # What counts is counted in each process by itself.
        return Limits, (self._concurrency, *self._pacing.rates)

    @property
    def concurrency(self) -> int:
        """Requests under way at once."""
        return self._concurrency

    @property
    def requests_per_minute(self) -> int | None:
        """The most requests in any 60 seconds, as set."""
        return self._pacing.rates[0]

    @property
    def tokens_per_minute(self) -> int | None:
        """The most tokens in any 60 seconds, as set."""
        return self._pacing.rates[1]

    def configure(
        self,
        concurrency: int | None = None,
        requests_per_minute: int | None = None,
        tokens_per_minute: int | None = None,
    ) -> None:
        """Sets what is given, from now on; what is `None` stays as it is.

        Raises:
            SettingsError: A number is below 1.
        """
        require_count("concurrency", concurrency)
        require_count("requests_per_minute", requests_per_minute)
        require_count("tokens_per_minute", tokens_per_minute)
        self._concurrency = concurrency or self._concurrency
        requests, tokens = self._pacing.rates
        self._pacing.rates = requests_per_minute or requests, tokens_per_minute or tokens

    def permit(
        self,
        tokens: int = 0,
        *,
        deadline: float | None = None,
        patience: float | None = None,
        label: str = "",
    ) -> "Permit":
        """Leave to send one request, as an async context that lasts until its answer is there.

        Entering waits for its turn, first come, first served.

        Args:
            tokens: What the request is estimated to use.
            deadline: On the running loop's clock. A turn that is known to come later is an error
                at once.
            patience: Seconds. A server that allows the next request only later is an error at
                once.
            label: What an error names as its place.

        Raises:
            RateLimitError: On entering: the turn would come too late.
        """
        shared = None if self._pacing.rates == (None, None) else self._shared
        return Permit(self._pacing, self._here(), tokens, deadline, patience, label, shared)

    def place(self) -> "Place":
        """A place among those under way at once, as an async context; rates do not count here."""
        return Place(self._here())

    def _here(self) -> "_Gates":
        """The gates of the running loop."""
        loop = asyncio.get_running_loop()
        gates = self._gates.get(loop)
        if gates is None:
            gates = self._gates[loop] = _Gates()
        gates.room = self._concurrency
        return gates


class Place:
    """A place among those under way at once. See `Limits.place`."""

    __slots__ = ("_gates",)

    def __init__(self, gates: "_Gates") -> None:
        self._gates = gates

    async def __aenter__(self) -> None:
        await self._gates.cap.enter(self._gates.room)

    async def __aexit__(self, *_: object) -> None:
        self._gates.cap.leave(self._gates.room)


@dataclass(slots=True, eq=False)
class Permit:
    """Leave to send one request. See `Limits.permit`."""

    _pacing: Pacing
    _gates: "_Gates"
    _tokens: int
    _deadline: float | None
    _patience: float | None
    _label: str
    _shared: SharedRates | None
    _turn_taken: Turn | None = None

    def accepted(self, headers: Mapping[str, str], tokens: int = 0) -> None:
        """Reports that the server took the request.

        Args:
            headers: Of the answer, with names in lower case or a mapping that does not mind.
            tokens: What the request used; 0 where that is not known.
        """
        if self._turn_taken is not None:
            self._turn_taken.accepted(headers, tokens)

    def refused(self, headers: Mapping[str, str]) -> None:
        """Reports that the server refused the request with 429; headers as in `accepted`."""
        if self._turn_taken is not None:
            self._turn_taken.refused(headers)

    async def __aenter__(self) -> "Permit":
        gates = self._gates
        await gates.cap.enter(gates.room)
        try:
            if self._shared is not None or self._pacing.slows:
                self._turn_taken = await self._turn(gates.turnstile)
            else:
                now = asyncio.get_running_loop().time()
                sent = self._pacing.send_at_once(now, self._tokens)
                self._turn_taken = CountedHere(self._pacing, sent)
        except BaseException:
            gates.cap.leave(gates.room)
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._turn_taken is not None:
            self._turn_taken.ended()
        self._gates.cap.leave(self._gates.room)

    async def _turn(self, turnstile: "_Gate") -> Turn:
        loop = asyncio.get_running_loop()
        if self._shared is None:
            now = loop.time()
            self._require_in_time(now, self._pacing.held(now), held=True)
        # One at a time looks at the clock, so that the others keep their order and cost nothing.
        await self._in_line(turnstile)
        try:
            while True:
                turn = await self._asked()
                if not isinstance(turn, Wait):
                    return turn
                self._require_in_time(loop.time(), turn.seconds, held=turn.held)
                await asyncio.sleep(turn.seconds)
        finally:
            turnstile.leave(1)

    async def _in_line(self, turnstile: "_Gate") -> None:
        """Waits behind the others whom the rate holds up, as long as a turn may come in time."""
        if self._deadline is None:
            await turnstile.enter(1)
            return
        left = self._deadline - asyncio.get_running_loop().time()
        # Whoever waits for the answer must not give up before it is known why there is none.
        last = self._deadline - max(0.05 * left, min(_FOR_AN_ANSWER, 0.3 * left))
        try:
            async with asyncio.timeout_at(last):
                await turnstile.enter(1)
        except TimeoutError:
            raise self._too_late("the rate limit allowed no request in time", None) from None

    async def _asked(self) -> Turn | Wait:
        if self._shared is not None:
            return await self._shared.take_turn(self._pacing.rates, self._tokens)
        return _turn_here(self._pacing, self._tokens)

    def _require_in_time(self, now: float, wait: float, *, held: bool) -> None:
        if wait <= 0:
            return
        past_deadline = self._deadline is not None and now + wait > self._deadline
        if past_deadline or (held and self._patience is not None and wait > self._patience):
            raise self._too_late(
                f"the rate limit allows the next request in {wait:.1f} s, which is too late", wait
            )

    def _too_late(self, told: str, wait: float | None) -> RateLimitError:
        where = f"{self._label}: " if self._label else ""
        return RateLimitError(f"{where}{told}", status=429, retry_after=wait)


class _Gate:
    """Lets so many through at a time, in order. For one event loop."""

    __slots__ = ("_inside", "_waiting")

    def __init__(self) -> None:
        self._inside = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def enter(self, room: int) -> None:
        if self._inside < room and not self._waiting:
            self._inside += 1
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.leave(room)  # the turn came together with the cancelling
            else:
                with contextlib.suppress(ValueError):
                    self._waiting.remove(turn)
            raise

    def leave(self, room: int) -> None:
        self._inside -= 1
        while self._waiting and self._inside < room:
            turn = self._waiting.popleft()
            if not turn.done():
                self._inside += 1
                turn.set_result(None)


class _Gates:
    """The gates of one event loop."""

    __slots__ = ("cap", "room", "turnstile")

    def __init__(self) -> None:
        self.cap = _Gate()
        self.turnstile = _Gate()
        self.room = 1


def require_count(key: str, value: Any) -> None:
    """Makes sure that a setting is a whole number, 1 or more, or `None`.

    Raises:
        SettingsError: It is not.
    """
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise SettingsError(f"{key} is {value!r}; it must be a whole number, 1 or more", key=key)


_shared: dict[tuple[str, str, bytes], Limits] = {}
_shared_lock = threading.Lock()
_rates_by: Callable[[str], SharedRates] | None = None


def share_rates(make: Callable[[str], SharedRates] | None) -> None:
    """Has what this process makes from now on keep its rates together with other processes.

    Args:
        make: Gives the rates of what has a name, the same in all processes; `None` ends it.
    """
    global _rates_by
    _rates_by = make


def rates_shared(name: str) -> SharedRates | None:
    """The rates of what has a name, where processes keep them together."""
    return None if _rates_by is None else _rates_by(name)


def shared_limits(base_url: str, model: str, credential: str = "") -> Limits:
    """The one limiter of this process for a model of a server, used with one key.

    Args:
        base_url: The server.
        model: The model's name.
        credential: The key, for which alone a server's limits hold; kept as a digest.
    """
    digest = hashlib.blake2b(credential.encode(), digest_size=16).digest()
    key = base_url.rstrip("/"), model, digest
    with _shared_lock:
        if key not in _shared:
            name = f"{key[0]} {model} {digest.hex()}"
            _shared[key] = Limits(shared=rates_shared(name))
        return _shared[key]
