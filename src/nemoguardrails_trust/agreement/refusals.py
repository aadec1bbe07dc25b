"""Answers that decline to answer, in whatever words."""

import re
from collections.abc import Sequence

_MOST_WORDS = 40
_REFUSAL = re.compile(
    r"\b(?:i|we)(?: (?:can't|cannot|can not|won't|will not|could not|couldn't|must decline"
    r"|have to decline|do not feel comfortable|don't feel comfortable)"
    r"|(?:'m| am|'re| are) (?:unable|not able|not allowed|not permitted|not in a position) to)"
    r"\b(?:\W+\w+){0,3}?\W+(?:help|helping|assist|assisting|answer|answering|provide|providing"
    r"|comply|fulfill?|discuss|discussing|share|support)\b"
    r"|\b(?:not|isn't) something (?:that )?(?:i|we)(?: can|'m able to| am able to) (?:help|assist)"
)
_AND_YET = re.compile(r"\b(?:however|instead|the answer is)\b|\bbut (?!i\b|we\b)")


def is_refusal(folded: str, words: Sequence[str]) -> bool:
    """Whether a folded answer only declines, and offers nothing in place of what was asked."""
    if len(words) > _MOST_WORDS or not _REFUSAL.search(folded):
        return False
    return not _AND_YET.search(folded)
