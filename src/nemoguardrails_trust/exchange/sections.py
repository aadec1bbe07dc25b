"""Answers that stand in the last of several sections, after those in which the model works."""

import re
from collections import deque

_ANSWERS = "answer|final_answer|final-answer|output|response|conclusion|solution|回答|答案"
_ENDS = re.compile(rf"</({_ANSWERS})>\s*\Z", re.IGNORECASE)
_TAG = re.compile(r"\s*<([^\W\d][\w-]{0,30})>")
_ENVELOPE = re.compile(
    r"\s*<(response|output|result|root|xml)>\s*(?=<[^\W\d][\w-]{0,30}>)", re.IGNORECASE
)
_WORK = {
    "judge", "summary", "caption", "plan", "step", "steps", "draft", "critique", "review",
    "search", "query", "information", "observation", "observations", "result", "results",
    "tool", "tool_call", "tool_response", "tool_result", "python", "code", "interpreter",
    "documents", "evidence", "description", "verification", "verify", "refine", "notes",
    "question", "subquestion",
}  # fmt: skip
"""Sections in which models plan, search and look at what they found."""

_MARKS = frozenset(("think_on", "think_off"))  # KAT's, which hold nothing
_LONGEST_TAG = 40


def last_section(text: str) -> str | None:
    """What the last section of a text says, if it is the answer and all before is the model's work.

    KAT, LLaVA-CoT and agents that search write so, with or without a thought in tags of its own.

    Args:
        text: It, without thoughts.

    Returns:
        The answer; `None` where the text has no such form.
    """
    if not text.lstrip().startswith("<"):
        return None
    tags = _answer_at_end(text)
    if tags is None or not _is_work(text, tags[0].start()):
        return None
    return text[tags[0].end() : tags[1].start()].strip() or None


def answer_at_end(text: str) -> str | None:
    """What stands in the tags of an answer at the end of a text; `None` where none are there."""
    tags = _answer_at_end(text)
    return None if tags is None else text[tags[0].end() : tags[1].start()].strip() or None


def _answer_at_end(text: str) -> tuple[re.Match[str], re.Match[str]] | None:
    """The last tags of an answer, if its closing one ends the text."""
    if text[-_LONGEST_TAG:].find("</") < 0:
        return None
    end = _ENDS.search(text, max(0, len(text) - 2 * _LONGEST_TAG))
    if end is None:
        return None
    openings = re.compile(f"<{end[1]}>", re.IGNORECASE).finditer(text, 0, end.start())
    last = deque(openings, maxlen=1)
    return (last[0], end) if last else None


def without_envelope(text: str) -> str:
    """A text without the one tag around it, as where a model was asked for XML.

    Only where another tag follows the opening one at once; which, is for others to say.
    """
    begin = _ENVELOPE.match(text)
    if begin is None:
        return text
    close = f"</{begin[1]}>"
    whole = text.rstrip()
    return whole[begin.end() : -len(close)] if whole.lower().endswith(close.lower()) else text


def _is_work(text: str, end: int) -> bool:
    """Whether a text up to some place is sections of work alone, at least one."""
    place, found = 0, False
    while True:
        tag = _TAG.match(text, place, end)
        if tag is None:
            return found and not text[place:end].strip()
        name = tag[1].lower()
        place = tag.end()
        if name in _MARKS:
            continue
        closing = re.compile(f"</{name}>", re.IGNORECASE)
        close = closing.search(text, place, end) if name in _WORK else None
        if close is None:
            return False
        place, found = close.end(), True
