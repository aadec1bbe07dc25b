"""What a longer text itself marks as its answer."""

import re

_ANSWER_IS = re.compile(
    r"\banswer\b(?: to (?:the|this|your) (?:question|problem))?[*_\s]{0,10}(?:is|was|:|=)"
    r"[*_\s:]{0,40}([^\n]+?)(?=\banswer\b|\n|\Z)",
    re.IGNORECASE,
)
_LONGEST_TAGGED = 1_000
_HASHES = re.compile(r"^####\s*(\S.*)$", re.MULTILINE)
_SENTENCE_END = re.compile(r"(?<=\w\w)[.!?]\s")


def final_answer(answer: str) -> str:
    """What a text itself marks as its answer: boxed, tagged, or after `the answer is`."""
    boxed = _boxed(answer)
    if boxed:
        return boxed
    if "<" in answer and (tagged := _tagged(answer)):
        return tagged
    if "####" in answer and (hashed := _HASHES.findall(answer)):
        return str(hashed[-1]).strip()
    said = _ANSWER_IS.findall(answer) if "nswer" in answer or "NSWER" in answer else ()
    if not said:
        return answer
    marked: str = _SENTENCE_END.split(said[-1], maxsplit=1)[0].lstrip(" *_\"'").rstrip(" *_\"'.")
    return marked if marked.strip(".:") else answer


def _tagged(answer: str) -> str:
    lower = answer.lower() if len(answer) == len(answer.lower()) else answer
    end = lower.rfind("</answer>")
    start = lower.rfind("<answer>", max(0, end - _LONGEST_TAGGED), max(0, end))
    return "" if start < 0 else answer[start + len("<answer>") : end].strip()


def _boxed(answer: str) -> str:
    start = answer.rfind("\\boxed")
    if start < 0:
        return ""
    opening = answer.find("{", start)
    if opening < 0 or answer[start + 6 : opening].strip():
        return ""
    depth = 0
    for place in range(opening, len(answer)):
        depth += (answer[place] == "{") - (answer[place] == "}")
        if depth == 0:
            return answer[opening + 1 : place].strip()
    return answer[opening + 1 :].strip()
