"""What a client is told of a body that is not as it must be, in the words of JSON."""

from collections.abc import Mapping, Sequence
from typing import Any

from nemoguardrails_trust.errors import MUST_BE, why_invalid

_WORDS = {
    **MUST_BE,
    **dict.fromkeys(("dict_type", "model_type", "model_attributes_type"), "an object"),
    "string_unicode": "text that can be encoded",
    "string_pattern_mismatch": "text that is not blank",
}
"""What pydantic's errors say that a value should be."""

_FORMS = ("GivenResponse", "str", "list[str]")
"""What pydantic calls the forms that one field may have; clients know no such names."""


def told_of_errors(errors: Sequence[Mapping[str, Any]], *, within: str = "") -> str:
    """Tells of the first place that is not as it must be, and what it should be.

    Args:
        errors: Those of pydantic.
        within: What the places are parts of, where that is not the whole request.
    """
    first = _places(errors[0])
    # Of a field with several forms, the form that fits the best tells of a place within it.
    place = max((places for places in map(_places, errors) if places[:1] == first[:1]), key=len)
    here = [error for error in errors if _places(error) == place]
    name = ".".join(([within] if within else []) + place) or "the request"
    kinds = [error["type"] for error in here]
    if not all(kind in _WORDS for kind in kinds):
        other = next(error for error in here if error["type"] not in _WORDS)
        return f"{name}: {why_invalid(other)}"
    words = dict.fromkeys(word for kind, word in _WORDS.items() if kind in kinds)
    return f"{name}: it must be {' or '.join(words)}"


def _places(error: Mapping[str, Any]) -> list[str]:
    return [str(part) for part in error["loc"] if part not in _FORMS]
