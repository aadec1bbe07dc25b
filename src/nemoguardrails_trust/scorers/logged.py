"""What a log above DEBUG may say of a failure: never a prompt, an answer or a key.

The errors that this package words hold none of them. What anything else raises or returns may
quote any, so only its kind and place are told.
"""

import traceback
from collections.abc import Iterable
from pathlib import Path

from nemoguardrails_trust.errors import TooManyFailuresError, TrustError

_PACKAGE = Path(__file__).parents[1]


def kind_and_place(error: BaseException) -> str:
    """An error without its text, as in `ScoringError at scorer.py:12`."""
    place = _place(error)
    return type(error).__name__ + (f" at {place[0]}:{place[1]}" if place else "")


def loggable(error: BaseException) -> str:
    """An error in its own words where this package raised it, otherwise its kind and place."""
    place = _place(error)
    if isinstance(error, TooManyFailuresError):  # its reasons are a scorer's
        return f"stopped after {sum(error.reasons.values()):,} failures in a row"
    is_ours = place is not None and _PACKAGE in Path(place[0]).parents
    return str(error) if is_ours and isinstance(error, TrustError) else kind_and_place(error)


def loggable_reason(errors: Iterable[BaseException]) -> str:
    """Why there is no score, by the errors behind it."""
    return "; ".join(dict.fromkeys(map(loggable, errors))) or "the reason is logged at DEBUG"


def _place(error: BaseException) -> tuple[str, int | None] | None:
    """The file and the line where an error was raised; `None` if it never was."""
    frames = traceback.extract_tb(error.__traceback__, limit=-1)
    return (frames[-1].filename, frames[-1].lineno) if frames else None
