"""What `nemo-trust check` finds, one thing at a time."""

from dataclasses import dataclass
from functools import partial
from typing import Literal

from nemoguardrails.exceptions import LLMCallException
from pydantic import ValidationError

from nemoguardrails_trust.errors import TrustError, why_invalid
from nemoguardrails_trust.guardrail.llm import model_error
from nemoguardrails_trust.guardrail.settings import FLOW_NAME

_MENDS = {
    f"Multiple non-overriding flows with name '{FLOW_NAME}'": (
        "remove import nemoguardrails.library.cleanlab; if the flow is your own, write @override "
        "above it"
    ),
    "Import path 'nemoguardrails_trust": (
        "import nemoguardrails_trust/rail under import_paths (config.yml), or "
        "import nemoguardrails_trust.rail (Colang 2.x)"
    ),
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was found.

    Attributes:
        level: `fact`, `note` (worth knowing) or `problem` (the rail will not run as meant).
        text: What was found.
        mend: What to do about it.
    """

    level: Literal["fact", "note", "problem"]
    text: str
    mend: str | None = None


fact = partial(Finding, "fact")
"""What is as it should be."""

note = partial(Finding, "note")
"""What is worth knowing."""

problem = partial(Finding, "problem")
"""What keeps the rail from running as meant."""


def failure(what: str, error: BaseException) -> Finding:
    """A problem whose reason is our own error, or else the root: NeMo Guardrails wraps both."""
    while error.__cause__ is not None and not isinstance(error, TrustError | LLMCallException):
        error = error.__cause__
    if isinstance(error, LLMCallException):
        # A server may quote the key, and NeMo Guardrails quotes the server.
        error = model_error(error)
    text = " ".join(str(error).split()) or type(error).__name__
    mend = next((mend for sign, mend in _MENDS.items() if sign in text), None)
    told = _in_words(error) if isinstance(error, ValidationError) else text
    return problem(f"{what}: {told}", mend)


def _in_words(error: ValidationError) -> str:
    """What is wrong in which place, without what pydantic adds for programmers."""
    told = []
    for found in error.errors(include_url=False, include_input=False, include_context=False):
        place = ".".join(map(str, found["loc"]))
        reason = " ".join(why_invalid(found).split())
        told.append(f"{place}: {reason}" if place else reason)
    return "; ".join(told)
