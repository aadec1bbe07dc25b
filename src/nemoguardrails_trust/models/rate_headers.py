"""What a server says about its rate limits in the headers of its answers."""

import math
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime

_UNITS = {"d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_DURATION = re.compile(r"(?:\d+(?:\.\d+)?(?:ms|[dhms]))+")
_DURATION_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|[dhms])")
_A_TIMESTAMP = 1e9  # as seconds since 1970; no wait is that long
_A_DAY = 86400.0

KINDS = ("requests", "tokens")


@dataclass(frozen=True, slots=True)
class Allowance:
    """What is left of one rate limit, in requests or tokens."""

    remaining: float
    limit: float | None  # `None` where the server does not say
    reset: float  # seconds until all are left again


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds until the server allows another try; `None` where it does not say.

    `retry-after-ms` goes before `retry-after` (seconds or an HTTP date), and that before the
    resets of the limits that are used up. More than a day is taken for nonsense. The case of
    their names does not matter.
    """
    headers = {name.lower(): value for name, value in headers.items()}
    milliseconds = _number(headers.get("retry-after-ms"))
    wait = None if milliseconds is None else milliseconds / 1000
    if wait is None:
        wait = _seconds_or_date(headers.get("retry-after"))
    if wait is None:
        used_up = [a.reset for kind in KINDS if (a := allowance(headers, kind)) and not a.remaining]
        wait = max(used_up, default=None)
    return wait if wait is not None and wait <= _A_DAY else None


def allowance(headers: Mapping[str, str], kind: str) -> Allowance | None:
    """What the `x-ratelimit-*` headers say is left of `requests` or `tokens`."""
    remaining = _number(headers.get(f"x-ratelimit-remaining-{kind}"))
    if remaining is None:
        return None
    reset = duration(headers.get(f"x-ratelimit-reset-{kind}"))
    if reset is None or reset > _A_DAY:
        return None
    return Allowance(remaining, _number(headers.get(f"x-ratelimit-limit-{kind}")), reset)


def duration(text: str | None) -> float | None:
    """Seconds that a text such as `1s`, `6m0s`, `120ms`, `59.5` or a Unix time stands for."""
    if text is None:
        return None
    text = text.strip().lower()
    if _DURATION.fullmatch(text):
        return sum(float(n) * _UNITS[unit] for n, unit in _DURATION_PART.findall(text))
    number = _number(text)
    if number is None or number < _A_TIMESTAMP:
        return number
    moment = number / 1000 if number >= _A_TIMESTAMP * 1000 else number
    return max(0.0, moment - time.time())


def _seconds_or_date(text: str | None) -> float | None:
    if text is None:
        return None
    seconds = duration(text)
    if seconds is not None:
        return seconds
    try:
        moment = parsedate_to_datetime(text)
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return max(0.0, moment.timestamp() - time.time())
    except (ValueError, OverflowError):
        return None


def _number(text: str | None) -> float | None:
    if text is None:
        return None
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) and number >= 0 else None
