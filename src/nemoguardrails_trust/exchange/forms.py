"""The forms in which models mark their thinking, as one table.

A further form is a line of `_PAIRS` where both its ends are marked, and of `PHRASES` where words
begin it and other words begin the answer.
"""

import re
from typing import NamedTuple

_LESS = r"(?:<|\\<|&(?:amp;)?lt;|\\u003c|＜)"
_MORE = r"(?:>|\\>|&(?:amp;)?gt;|\\u003e|＞)"
"""The brackets of a tag: as they are, escaped for Markdown, HTML or JSON, and in full width."""

_NAMES = (
    r"(?:seed:|mm:|ifm\||longcat_)?(?:think(?:ing)?(?:_faster|_fast|_hard|_process)?)"
    r"|thoughts?(?:_process)?|(?:internal_)?reasoning|reason|(?:self_)?reflection|scratchpad|analysis"
    r"|rationale|chain_of_thought|(?:inner|internal)_(?:monologue|thoughts?|thinking)|antthinking"
    r"|cot|seed:cot_budget_reflect|deliberation"
)


class _Pair(NamedTuple):
    """How thinking opens and closes, and who writes it so."""

    opening: str
    closing: str
    written_by: str


_PAIRS = (
    _Pair(
        rf"{_LESS}\s?(?:{_NAMES})(?:\s[^<>&]{{0,80}}?)?\s?{_MORE}",
        rf"{_LESS}\s?/\s?(?:{_NAMES})\s?{_MORE}",
        "DeepSeek-R1, Qwen, GLM, MiniMax, OLMo (think), EXAONE (thought), Seed-OSS, LongCat, K2",
    ),
    _Pair(rf"\[(?:{_NAMES})\]", rf"\[/(?:{_NAMES})\]", "Magistral and Ministral"),
    _Pair("◁think▷", "◁/think▷", "Kimi-VL"),
    _Pair(
        r"<[|｜](?:think|thinking|thought|reasoning)[|｜]>",
        r"<[|｜]/(?:think|thinking|thought|reasoning)[|｜]>",
        "Solar and models tuned on their own templates",
    ),
    _Pair(r"<\|begin_of_thought\|>", r"<\|end_of_thought\|>", "OpenThinker, Sky-T1"),
    _Pair(r"<\|START_THINKING\|>", r"<\|END_THINKING\|>", "Cohere's Command A"),
    _Pair(r"<\|inner_prefix\|>", r"<\|inner_suffix\|>", "Apertus"),
    _Pair(
        r"<\|think:start\|>",
        r"<\|think:end\|>|<\|end\|>\s{0,3}<\|begin\|>assistant<\|content\|>",
        "Solar Open",
    ),
    _Pair(r"<\|plamo:begin_think:plamo\|>", r"<\|plamo:end_think:plamo\|>", "PLaMo 3"),
    _Pair(r"<\|channel>\s{0,9}thought\b", r"<channel\|>", "Gemma 4"),
    _Pair(r"<unused94>(?:\s{0,9}thought\b)?", "<unused95>", "MedGemma"),
    _Pair(r"\[unused16\]", r"\[unused17\]", "openPangu"),
    _Pair("(?!)", r"\[BEGIN FINAL RESPONSE\]", "Apriel Thinker, whose template begins the thought"),
)
_DETAILS = (
    r"<details\s[^<>]{0,200}type=\"reasoning\"[^<>]{0,200}>"
    r"|<details>\s{0,9}<summary>\s{0,9}(?:Thought|Thinking|Reasoning)\b[^<>]{0,80}</summary>"
)

_OPENS, _CLOSES = (
    "|".join(pair.opening for pair in _PAIRS),
    "|".join(pair.closing for pair in _PAIRS),
)
MARK = re.compile(
    r"(?=[<\[◁＜]|\\[<u]|&(?:amp;)?lt;)"
    rf"(?:(?P<opens>{_OPENS})|(?P<closes>{_CLOSES})"
    rf"|(?P<details>{_DETAILS})|(?P<details_close></details>))",
    re.IGNORECASE,
)
"""A mark of thinking; what it does is the name of its group."""

SIGNS = ("<", "[", "◁", "&lt;", "&amp;lt;", "\\u003c", "\\u003C", "＜")
"""With which all marks and special tokens begin."""

WORDS_OF_MARKS = (
    "think", "thought", "reason", "reflection", "scratchpad", "analysis", "rationale", "monologue",
    "deliberation", "cot", "<|", "|>", "<unused9", "[unused1", "final response", "my response",
    "</s>",
)  # fmt: skip
"""One of which every mark holds, in small letters."""


class Phrase(NamedTuple):
    """Words with which thinking begins a text, and those with which the answer begins.

    Every text that begins so holds the sign.
    """

    sign: str
    begins: re.Pattern[str]
    answers: re.Pattern[str]
    written_by: str


PHRASES = (
    Phrase(
        " process:",
        re.compile(r"Here(?: is|'s) my (?:thought|thinking) process:"),
        re.compile(r"Here(?: is|'s) my response:"),
        "Granite 3",
    ),
    Phrase(
        "my reasoning steps:",
        re.compile(r"Here are my reasoning steps:"),
        re.compile(r"\[BEGIN FINAL RESPONSE\]"),
        "Apriel Thinker",
    ),
    Phrase(
        "to=self",
        re.compile(r"(?:<\|start\|>\s{0,3}assistant\s{0,3})?to=self<\|message\|>"),
        re.compile(r"to=user<\|message\|>"),
        "Muse",
    ),
    Phrase(
        "/think",
        re.compile(r"/think\n"),
        re.compile(r"<\|im_end\|>\s{0,3}<\|im_start\|>assistant\b"),
        "HyperCLOVA X SEED Think",
    ),
)

FENCES = ("```", "~~~")
"""With which all code blocks begin."""
_FENCE_LINE = re.compile(r"^[ \t]{0,3}(?P<ticks>`{3,}|~{3,})[ \t]*(?P<info>[^`\n]*)$", re.MULTILINE)
_FENCE_NAMES = re.compile(rf"(?:{_NAMES})\s*", re.IGNORECASE)


def without_fenced_thinking(text: str) -> str | None:
    """A text without its code blocks whose language is `thinking`, `thought` and the like.

    A block within another one stays, as does one that words ending in a colon introduce: it is
    shown, not thought.

    Returns:
        The text; `None` where such a block never ends or nothing else is there.
    """
    if not any(fence in text for fence in FENCES):
        return text
    kept: list[str] = []
    end = 0
    inside: list[str] = []  # the fences that are open, from outside in
    thinks = False
    for line in _FENCE_LINE.finditer(text):
        ticks, info = line["ticks"], line["info"].strip()
        if not inside:
            inside.append(ticks)
            thinks = _FENCE_NAMES.fullmatch(info) is not None and not _is_shown(
                text, end, line.start()
            )
            if thinks:
                kept.append(text[end : line.start()])
        elif info:
            if thinks and ticks[0] == inside[-1][0]:
                inside.append(ticks)  # a thought may hold code
        elif ticks.startswith(inside[-1]):
            inside.pop()
            if thinks and not inside:
                thinks, end = False, line.end()
    if thinks:
        return None
    if not kept:
        return text
    kept.append(text[end:])
    return "\n".join(part.strip() for part in kept if part.strip()) or None


def _is_shown(text: str, start: int, place: int) -> bool:
    before = place
    while before > start and text[before - 1].isspace():
        before -= 1
    return before > start and text[before - 1] in ":："
