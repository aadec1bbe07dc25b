"""Answers that decline to answer, or do not know, in whatever words."""

import re
from collections.abc import Sequence

from nemoguardrails_trust.agreement.polarity import sentences

_MOST_WORDS = 40
_REFUSAL = re.compile(
    r"\b(?:i|we)(?: (?:can't|cannot|can not|won't|will not|could not|couldn't|must decline"
    r"|have to decline|do not feel comfortable|don't feel comfortable)"
    r"|(?:'m| am|'re| are) (?:unable|not able|not allowed|not permitted|not in a position) to)"
    r"\b(?:\W+\w+){0,3}?\W+(?:help|helping|assist|assisting|answer|answering|provide|providing"
    r"|comply|fulfill?|discuss|discussing|share|support)\b"
    r"|\b(?:not|isn't) something (?:that )?(?:i|we)(?: can|'m able to| am able to) (?:help|assist)"
)
_UNKNOWN = re.compile(
    r"\b(?:i|we)(?: (?:really |just |honestly )?(?:do not|don't|cannot|can't|could not|couldn't)"
    r" (?:know|tell|say|determine|find (?:that|this|any|it|the answer))"
    r"| (?:do not|don't) have (?:\w+ ){0,3}(?:information|knowledge|data|answer|details)"
    r"|(?:'m| am|'re| are) (?:\w+ )?(?:not (?:\w+ )?(?:sure|certain|aware)|unsure|uncertain)"
    r"|(?: have|'ve) no (?:idea|information|knowledge|clue))\b"
    r"|^(?:that |it |this |the answer )?(?:is )?(?:unknown|no idea|not (?:sure|known))\W*$"
)
_POLITE = re.compile(
    r"\b(?:sorry|apologi[sz]e|apologies|unfortunately|please|contact|consult|check|let me know)\b"
)
_AND_YET = re.compile(r"\b(?:however|instead|the answer is)\b|\bbut (?!i\b|we\b)")


def is_refusal(folded: str, words: Sequence[str]) -> bool:
    """Whether a folded answer only declines, or says that it does not know, and offers nothing."""
    if len(words) > _MOST_WORDS or _AND_YET.search(folded):
        return False
    if _REFUSAL.search(folded):
        return True
    # `I am not sure. Paris?` does offer something.
    said = [bool(_UNKNOWN.search(sentence)) for sentence in sentences(folded)]
    rest = zip(said, sentences(folded), strict=True)
    return any(said) and all(unknown or _POLITE.search(sentence) for unknown, sentence in rest)
