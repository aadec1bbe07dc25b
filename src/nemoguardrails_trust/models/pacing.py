"""When the next request may be sent: rate limits that are set, told or learnt."""

import math
import random
import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

from nemoguardrails_trust.models.rate_headers import KINDS, allowance, retry_after

Rates = tuple[int | None, int | None]
"""The most requests and the most tokens in any 60 seconds; `None` for no limit."""

_MINUTE = 60.0
_GROWTH = 1.25  # of a learnt pace, in the time over which it was measured
_LEAST_MEASURE = 10.0  # seconds; a pace grows no faster than one measured over so long
_BLIND = 0.5  # the part of that time where the server did not say how long to wait
_FULL_SPEED = 4.0  # a pace that has grown so many times over is given up
_LOOK_BACK = 65.0  # seconds: a limit a minute, and the jitter after it
_BELOW = 0.97  # how far below the measured rate a pace starts
_EASE = 0.85  # the most that one refusal takes from a pace that is known already
_FIRST_BACKOFF, _LONGEST_BACKOFF = 0.5, 10.0  # where a refusal does not say how long
# A server that names hours is asked again after a minute: a bot cannot stand still for a day.
_LONGEST_HOLD = 60.0


@dataclass(slots=True)
class Sent:
    """A request that was sent."""

    at: float  # seconds on the loop's clock
    tokens: int  # estimated until its answer is there
    counts: bool = False  # against the limits a minute


@dataclass(frozen=True, slots=True)
class Wait:
    """A turn that has not come yet."""

    seconds: float
    held: bool  # by the server


class Pacing:
    """The rates of one model. Safe to use from any thread; waits for nothing itself.

    All times are given by the caller, in seconds on one monotonic clock.
    """

    def __init__(self) -> None:
        self.rates: Rates = (None, None)
        self._lock = threading.Lock()
        self._open = 0
        self._mean_tokens = 0.0
        self._sent: deque[Sent] = deque()
        self._sent_tokens = 0
        self._accepted = _Counter()
        self._measured_from: float | None = None
        self._held_at = self._hold_until = float("-inf")
        self._backoffs = 0
        self._pace: float | None = None
        self._pace_refused: float | None = None
        self._paced_since = self._next_at = 0.0
        self._measured_over = _LEAST_MEASURE

    @property
    def slows(self) -> bool:
        """Whether any rate may have to be waited for."""
        return self._pace is not None or self.rates != (None, None)

    def held(self, now: float) -> float:
        """Seconds for which the server wants no request; 0 or less where it takes them."""
        return self._hold_until - now

    def take_turn(self, now: float, tokens: int) -> Sent | Wait:
        """Sends a request of so many tokens, or tells how long to wait before asking again."""
        with self._lock:
            held = self._hold_until - now
            if held > 0:
                return Wait(held, held=True)
            wait = max(self._pace_wait(now), self._window_wait(now, tokens))
            if wait > 0:
                return Wait(wait, held=False)
            return self._send(now, tokens)

    def send_at_once(self, now: float, tokens: int) -> Sent:
        """Sends a request where nothing slows down."""
        with self._lock:
            return self._send(now, tokens)

    def ended(self) -> None:
        """Reports that a request is over, however it went."""
        with self._lock:
            self._open -= 1

    def accepted(self, sent: Sent, now: float, headers: Mapping[str, str], tokens: int) -> None:
        """Reports that the server took a request, what it used, and what the headers say."""
        with self._lock:
            self._accepted.add(sent.at)
            if sent.at >= self._held_at:
                self._backoffs = 0
            elif self._pace is not None:
                self._measure()  # its answer took longer than the refusal of a later one
            if tokens:
                self._mean_tokens += 0.1 * (tokens - self._mean_tokens)
                if sent.counts:
                    self._sent_tokens += tokens - sent.tokens
                    sent.tokens = tokens
            self._heed(now, headers)

    def refused(self, sent: Sent, now: float, headers: Mapping[str, str]) -> None:
        """Reports that the server refused a request with 429."""
        wait = retry_after(headers)
        wait = None if wait is None else min(wait, _LONGEST_HOLD)
        with self._lock:
            if sent.at < self._held_at:
                # It was under way when another was refused: the same event, not a second one.
                if wait is not None and now + wait > self._hold_until:
                    self._hold_until = now + wait
                    self._measure()
                return
            if wait is None:
                wait = min(_LONGEST_BACKOFF, _FIRST_BACKOFF * 1.5**self._backoffs)
                wait *= random.uniform(0.5, 1.0)
                self._backoffs = min(self._backoffs + 1, 16)
            if self._accepted.between(self._hold_until, now):
                # Otherwise the server still refuses what it refused before: one event.
                self._measured_from = self._hold_until
                self._pace_refused = self._pace_at(now)
            self._held_at = now
            jitter = random.uniform(0.0, min(1.0, 0.02 + 0.05 * wait))
            self._hold_until = max(self._hold_until, now + wait + jitter)
            self._next_at = self._hold_until
            self._measure()

    def _send(self, now: float, tokens: int) -> Sent:
        self._open += 1
        if self._measured_from is None:
            self._measured_from = now
        sent = Sent(now, tokens)
        if self._pace is not None:
            interval = random.uniform(0.9, 1.1) / self._pace
            # A turn that came late (timers are coarse) may be made up for, but not saved up.
            self._next_at = max(self._next_at, now - 0.02) + interval
        if self.rates != (None, None):
            sent.counts = True
            self._sent.append(sent)
            self._sent_tokens += tokens
        return sent

    def _pace_wait(self, now: float) -> float:
        if self._pace_at(now) is None:
            self._pace = None
            return 0.0
        return self._next_at - now

    def _pace_at(self, now: float) -> float | None:
        """Requests a second that the server is thought to bear; `None` for any number."""
        if self._pace is None:
            return None
        grown: float = _GROWTH ** (max(0.0, now - self._paced_since) / self._measured_over)
        return None if grown >= _FULL_SPEED else self._pace * grown

    def _window_wait(self, now: float, tokens: int) -> float:
        """Seconds until the settings allow one more request of so many tokens."""
        sent = self._sent
        while sent and sent[0].at <= now - _MINUTE:
            oldest = sent.popleft()
            oldest.counts = False
            self._sent_tokens -= oldest.tokens
        wait = 0.0
        most_requests, most_tokens = self.rates
        if most_requests is not None and len(sent) >= most_requests:
            wait = sent[-most_requests].at + _MINUTE - now
        if most_tokens is not None:
            # A request larger than the whole limit goes when nothing else counts any more.
            excess = self._sent_tokens + tokens - most_tokens
            for request in sent:
                if excess <= 0:
                    break
                excess -= request.tokens
                wait = max(wait, request.at + _MINUTE - now)
        return wait

    def _heed(self, now: float, headers: Mapping[str, str]) -> None:
        """Slows down where the server says that what is left will not do for what is open."""
        for kind, unit in zip(KINDS, (1.0, max(1.0, self._mean_tokens)), strict=True):
            left = allowance(headers, kind)
            if left is None or left.reset <= 0 or left.remaining > self._open * unit:
                continue
            refilled = left.remaining if left.limit is None else left.limit - left.remaining
            rate = max(refilled / unit, 1.0) / min(left.reset, _LONGEST_HOLD)
            current = self._pace_at(now)
            if current is None or rate < current:
                self._pace, self._paced_since = rate, now
                self._next_at = max(self._next_at, now)

    def _measure(self) -> None:
        """Sets the pace to what the server bore, the time for which it refuses included."""
        end = self._hold_until
        start = end - _LOOK_BACK
        if self._measured_from is not None:
            start = max(start, self._measured_from)
        rate = max(self._accepted.between(start, self._held_at), 1) / max(end - start, 0.01)
        if self._pace_refused is not None:
            rate = max(rate, _EASE * self._pace_refused)
        self._pace = _BELOW * rate
        self._paced_since = end
        # A wait that was guessed was too long, so that too little was measured.
        share = _BLIND if self._backoffs else 1.0
        self._measured_over = share * max(end - start, _LEAST_MEASURE)


class _Counter:
    """Counts events of the last minute or two, to a tenth of a second."""

    _GRAINS = 10  # a second

    def __init__(self) -> None:
        self._counts: dict[int, int] = {}

    def add(self, at: float) -> None:
        grain = int(at * self._GRAINS)
        self._counts[grain] = self._counts.get(grain, 0) + 1
        if len(self._counts) > 2 * _MINUTE * self._GRAINS:
            oldest = max(self._counts) - _MINUTE * self._GRAINS
            self._counts = {k: count for k, count in self._counts.items() if k >= oldest}

    def between(self, start: float, end: float) -> int:
        if not math.isfinite(start):
            return 0
        first, last = int(start * self._GRAINS), int(end * self._GRAINS)
        return sum(count for grain, count in self._counts.items() if first <= grain <= last)
