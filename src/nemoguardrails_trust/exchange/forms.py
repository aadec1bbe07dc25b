"""The forms in which models mark their thinking, as one table.

A further form is a line of `_PAIRS` where both its ends are marked, and of `PHRASES` where words
begin it and other words begin the answer.
"""

import json
import re
from collections.abc import Sequence
from itertools import islice
from typing import NamedTuple

_LESS = r"(?:<|\\<|&(?:amp;)?lt;|\\u003c|＜)"
_MORE = r"(?:>|\\>|&(?:amp;)?gt;|\\u003e|＞)"
"""The brackets of a tag: as they are, escaped for Markdown, HTML or JSON, and in full width."""

_NAMES = (
    r"(?:[a-z]{1,10}[:|])?"
    r"(?:(?:longcat|lobe|deep|inner|internal|private|hidden|my|self|agent|model)_)?"
    r"(?:think(?:ing)?|thoughts?|reasoning|reason|reflection|monologue)"
    r"(?:_(?:faster|fast|hard|process|steps?|content|tool|block|trace)|:?\d{1,3}|:[0-9a-f]{8})?"
    r"|思考(?:[过過]程|プロセス)?|推理(?:[过過]程)?|생각|추론|사고(?:_과정)?"
    r"|размышлени[ея]|рассуждени[ея]|мысл[ьи]|gedanken?(?:gang)?|denken|denkprozess|überlegung(?:en)?"
    r"|réflexion|raisonnement|pensamientos?|razonamiento|pensamentos?|raciocínio|ragionamento"
    r"|pensier[oi]|gedachten?|myśl(?:i|enie)|rozumowanie|düşünce(?:ler)?|suy_nghĩ|विचार|التفكير|تفكير"
    r"|scratch(?:pad)?|analysis|planning|brainstorm(?:ing)?"
    r"|rationale|chain_of_thought|step_by_step|antthinking|cot|seed:cot_budget_reflect|deliberation"
).replace("_", "[-_ ]?")
"""What models call their thinking, with a vendor before it, or a number and the like behind it."""
_BARE_NAMES = "think|thinking|thought|reasoning"


_PAIRS = (
    # DeepSeek-R1, Qwen, GLM, MiniMax, OLMo (think), EXAONE (thought), Seed-OSS, LongCat, K2
    (
        rf"{_LESS}\s?(?:{_NAMES})(?:\s[^<>&]{{0,80}}?)?\s?(?<!/){_MORE}",
        rf"{_LESS}\s?\\?/\s?(?:{_NAMES})\s?{_MORE}",
    ),
    (rf"\[(?:{_NAMES})\]", rf"\[/(?:{_NAMES})\]"),  # Magistral and Ministral
    ("◁think▷", "◁/think▷"),  # Kimi-VL
    # Solar and models tuned on their own templates
    (rf"<[|｜](?:{_BARE_NAMES})[|｜]>", rf"<[|｜]/(?:{_BARE_NAMES})[|｜]>"),
    # OpenThinker, Sky-T1, Cohere's Command A
    (
        rf"<\|(?:begin|start)(?:_of)?_(?:{_BARE_NAMES})\|>",
        rf"<\|(?:end|stop)(?:_of)?_(?:{_BARE_NAMES})\|>",
    ),
    # models tuned on templates of their own
    (
        rf"<\|?(?:{_BARE_NAMES})[-_:](?:start|begin)\|?>",
        rf"<\|?(?:{_BARE_NAMES})[-_:](?:end|stop)\|?>",
    ),
    # the command line of llama.cpp
    (
        rf"\[(?:start|begin)[ _](?:of[ _])?(?:{_BARE_NAMES})\]",
        rf"\[(?:end|stop)[ _](?:of[ _])?(?:{_BARE_NAMES})\]",
    ),
    (r"<\|inner_prefix\|>", r"<\|inner_suffix\|>"),  # Apertus
    # Solar Open
    (r"<\|think:start\|>", r"<\|think:end\|>|<\|end\|>\s{0,3}<\|begin\|>assistant<\|content\|>"),
    (r"<\|plamo:begin_think:plamo\|>", r"<\|plamo:end_think:plamo\|>"),  # PLaMo 3
    (r"<\|channel>\s{0,9}thought\b", r"<channel\|>"),  # Gemma 4
    (r"<unused94>(?:\s{0,9}thought\b)?", "<unused95>"),  # MedGemma
    (r"\[unused16\]", r"\[unused17\]"),  # openPangu
    ("(?!)", r"\[BEGIN FINAL RESPONSE\]"),  # Apriel Thinker, whose template begins the thought
)
"""How thinking opens and closes, and who writes it so."""

_DETAILS = (
    r"<details\s[^<>]{0,200}type=\"reasoning\"[^<>]{0,200}>"
    r"|<details(?:\s[^<>]{0,200})?>\s{0,9}<summary(?:\s[^<>]{0,200})?>[^\w<>]{0,12}"
    r"(?:Thought|Thinking|Reasoning|Thoughts)\b[^<>]{0,80}</summary>"
)

_OPENS, _CLOSES = map("|".join, zip(*_PAIRS, strict=True))
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
    "deliberation", "思考", "推理", "생각", "추론", "사고", "размышлени", "рассуждени", "мысл",
    "gedank", "gedacht", "denk", "überlegung", "réflexion", "raisonnement", "pensamiento",
    "razonamiento", "pensamento", "pensier", "raciocínio", "ragionamento", "myśl", "rozumowanie",
    "düşünce", "suy", "विचार", "تفكير", "scratch", "planning", "brainstorm", "cot", "step", "<|",
    "|>", "<unused9", "[unused1", "final response", "my response", "</s>",
)  # fmt: skip
"""One of which every mark holds, in small letters."""


class Phrase(NamedTuple):
    """Words with which thinking begins a text, and those with which the answer begins.

    Every text that begins so holds the sign.
    """

    sign: str
    begins: re.Pattern[str]
    answers: re.Pattern[str]


_ROLES_THAT_THINK = "think|thinking|thought|reasoning|analysis"

PHRASES = tuple(
    Phrase(sign, re.compile(begins, re.MULTILINE), re.compile(answers, re.MULTILINE))
    for sign, begins, answers in (
        # Granite 3
        (
            " process:",
            r"Here(?: is|'s) my (?:thought|thinking) process:",
            r"Here(?: is|'s) my response:",
        ),
        # Apriel Thinker
        ("my reasoning steps:", r"Here are my reasoning steps:", r"\[BEGIN FINAL RESPONSE\]"),
        # Muse
        (
            "to=self",
            r"(?:<\|start\|>\s{0,3}assistant\s{0,3})?to=self<\|message\|>",
            r"to=user<\|message\|>",
        ),
        # s1, and models tuned to think in a turn of its own
        (
            "<|im_start|>",
            rf"<\|im_start\|>(?:{_ROLES_THAT_THINK})\b",
            r"<\|im_start\|>(?:answer|assistant)\b:?",
        ),
        # The same of Gemma
        (
            "<start_of_turn>",
            rf"<start_of_turn>(?:{_ROLES_THAT_THINK})\b",
            r"<start_of_turn>model\b",
        ),
        # s1 and Gemini, without their tokens
        *(
            (f"{word}\n", rf"{word}\n", r"^answer(?::|[ \t]*\n)")
            for word in ("think", "thought", "THOUGHT")
        ),
        # Harmony, its channels as headings
        (
            "analysis",
            r"(?:\*\*)?analysis(?:\*\*)?:?\n(?=[\s\S]*^(?:\*\*)?final)",
            r"^(?:\*\*)?final(?:\*\*)?(?::|[ \t]*\n)",
        ),
        # Models told to hide their thoughts in a page
        ("<!--", rf"(?i:<!--\s{{0,9}}(?:{_NAMES})\b)", "-->"),
        # LibreChat
        (":::", rf":::(?:{_BARE_NAMES})[ \t]*\n", r"^:::[ \t]*$"),
        # Poe, whose thoughts are quoted
        ("Thinking...", r"\*?Thinking\.\.\.\*?\n\s{0,9}(?:>[^\n]*+\n)++", r"(?=\S)"),
        # The command line of Ollama
        (
            "...done thinking.",
            r"Thinking\.\.\.\n(?=[\s\S]*^\.\.\.done thinking\.)",
            r"^\.\.\.done thinking\.",
        ),
        # HyperCLOVA X SEED Think
        ("/think", r"/think\n", r"<\|im_end\|>\s{0,3}<\|im_start\|>assistant\b"),
    )
)
FENCES = ("```", "~~~")
"""With which all code blocks begin."""

_THOUGHTS = (
    r"(?:my )?(?:thinking|thoughts?)(?: process| step by step| \d{1,2}|\.\.\.|…)?"
    r"|thought for (?:\d{1,4}|a few) \w{1,9}|step[- ]by[- ]step thinking|chain[- ]of[- ]thought"
    r"|scratchpad|(?:inner|internal) (?:monologue|thoughts?)"
    r"|思考(?:[过過]程|プロセス)?|思路|gedanken?(?:gang)?|denkprozess|überlegung(?:en)?|réflexion"
    r"|raisonnement|pensamientos?|pensamentos?|pensier[oi]|gedachten?|myśli|suy nghĩ|विचार"
    r"|размышлени[ея]|мысл[ьи]|düşünce(?:ler)?|생각|التفكير"
)
_ANSWER = r"(?:my |the )?{}(?:answer|response|reply)|{}答案|{}antwort|{}réponse{}|{}respuesta{}"
_FINAL_ANSWERS = (
    _ANSWER.format("final ", "最终", "(?:endgültige |finale )", "", " finale", "", " final")
    + r"|(?:最终|最終)回答|resposta final|risposta finale|(?:окончательный|итоговый) ответ"
    r"|nihai cevap|최종 ?(?:답변|답)|الإجابة النهائية|ostateczna odpowiedź|câu trả lời cuối cùng"
    r"|अंतिम उत्तर"
)
_ANSWERS = (
    _ANSWER.format("", "", "", "", "", "", "")
    + f"|{_FINAL_ANSWERS}|回答|resposta|risposta|antwoord|odpowiedź|(?:câu )?trả lời|उत्तर|ответ"
    + "|cevap|yanıt|답변|답|الإجابة"
)
_BOLD = r"(?:\*{1,2}|__)"


class _Style(NamedTuple):
    """How a label is set off from the text that it stands before."""

    before: str
    after: str

    def label(self, words: str) -> str:
        return f"{self.before}(?:{words}){self.after}"


_STYLES = (
    _Style(_BOLD, rf"\s?(?:[:：]\s?{_BOLD}|{_BOLD}\s?[:：])"),
    _Style(rf"^(?:\#{{1,6}}[ \t]{{1,3}}{_BOLD}?|{_BOLD})", rf":?{_BOLD}?:?[ \t]{{0,9}}$"),
    _Style("【", r"】\s?[:：]?"),
    _Style(r"^(?:[-=]{2,9} ?|\[)", r"(?: ?[-=]{2,9}|\])[ \t]{0,9}$"),
    _Style(
        r"^(?:[^\w\s\x00-\x7f]{1,3} ?)?", r"(?:\s?[:：](?!//)|(?<=seconds)$|(?<=…)$|(?<=\.\.\.)$)"
    ),
)
"""In bold, as a heading, in brackets, between lines, and plain at the beginning of a line."""

_FLAGS = re.IGNORECASE | re.MULTILINE
_THOUGHT_LABELS = [re.compile(style.label(_THOUGHTS), _FLAGS) for style in _STYLES]
_ANSWER_LABELS, _FINAL_LABELS = (
    [re.compile(style.label(words), _FLAGS) for style in _STYLES]
    for words in (_ANSWERS, _FINAL_ANSWERS)
)
_SIGN = re.compile(r"(?:>[ \t]?|[^\w\s*#_=\-<\[(【`'\"“‘«]{1,3}[ \t]?)")
"""What may stand before the first label: a quotation's mark, or a picture of a thought."""

_LABELLED = re.compile(
    rf"\s{{0,99}}(?:Question:|\[\[ ## |(?:{_SIGN.pattern})?[#*_=\-\[ \t【]{{0,12}}(?:{_THOUGHTS}))",
    re.IGNORECASE,
)
_MOST_LABELLED = 100_000  # characters; no thought is as long, and the search takes time
_QUESTION = re.compile(r"Question:[^\n]*\n\s{0,9}")
_OF_THOUGHTS = re.compile(
    r"think|thought|monologue|scratchpad|思|gedank|gedacht|denk|legung|xion|raison|pens[ai]|мы|myśl"
    r"|düş|suy|विचार|생각|تفكير",
    _FLAGS,
)
_OF_ANSWERS = re.compile(
    r"answer|response|reply|答|antwo|réponse|resp[ou]|risposta|odpowied|lời|उत्तर|ответ|cevap|yanıt|답"
    r"|إجابة",
    _FLAGS,
)
_BEFORE, _AFTER = 40, 40  # within which a label's word stands in its label
_MOST_WORDS = 200  # that are looked at
_FINISH = re.compile(r"^Action(?: \d{1,2})?:[ \t]?Finish\[(?P<answer>.*)\]\s*\Z", _FLAGS)
_NO_TOOL = re.compile(r"^.{0,20}Do I need to use a tool\? No\s{1,9}AI:", _FLAGS)
_ACTION = re.compile(
    r"\"action\"\s?:\s?\"Final Answer\",\s{0,9}\"action_input\"\s?:\s?"
    r"(?P<answer>\"(?:[^\"\\\n]|\\.)*+\")"
)
_FIELD = re.compile(r"\[\[ ## (?P<name>\w{1,40}) ## \]\]")
_THOUGHT_FIELDS = ("reasoning", "rationale", "thought", "thoughts", "next_thought")


def begins_with_label(text: str) -> bool:
    """Whether a label of a thought may stand at the beginning of a text."""
    return len(text) <= _MOST_LABELLED and _LABELLED.match(text) is not None


def without_labelled_thought(text: str, start: int) -> str:
    """A text without a thought that a label begins, where another label begins the answer.

    As in `**Thinking:** … **Answer:** …`, in ReAct (`Thought: … Final Answer: …`) and in DSPy. A
    text in which such labels alternate, or nothing is labelled as the answer, is an answer itself.

    Args:
        text: It.
        start: Where its first letter is.
    """
    if not begins_with_label(text):
        return text
    field = _FIELD.match(text, start)
    if field is not None:
        is_thought = field["name"] in _THOUGHT_FIELDS
        answer = _FIELD.search(text, field.end()) if is_thought else field
        said = "" if answer is None else text[answer.end() :].partition("[[ ## completed")[0]
        is_whole = bool(said) and (is_thought or _FIELD.search(said) is None)
        return said if is_whole else text
    question = _QUESTION.match(text, start)
    place = start if question is None else question.end()
    sign = _SIGN.match(text, place)
    written = text[place if sign is None else sign.end() :]
    style = next(
        (number for number, label in enumerate(_THOUGHT_LABELS) if label.match(written)), None
    )
    if style is None:
        return text
    own = slice(style, style + 1)
    choices = (_FINAL_LABELS[own], _FINAL_LABELS, _ANSWER_LABELS[own], _ANSWER_LABELS)
    places = _places(_OF_ANSWERS, written)
    for labels in choices:
        found = _first(labels, places, written)
        if found is not None:
            said = written[found.end() :]
            goes_on = _first(_THOUGHT_LABELS, _places(_OF_THOUGHTS, said), said)
            return said if goes_on is None else text
    if (answer := _NO_TOOL.search(written)) is not None:
        return written[answer.end() :]
    action = _ACTION.search(written)
    if action is not None:
        return str(json.loads(action["answer"], strict=False))
    finish = _FINISH.search(written)
    return text if finish is None else finish["answer"]


def _places(words: re.Pattern[str], text: str) -> list[tuple[int, int]]:
    """Where labels may be: around the words that they have."""
    found = islice(words.finditer(text), _MOST_WORDS)
    return [(max(0, word.start() - _BEFORE), word.end() + _AFTER) for word in found]


def _first(
    labels: Sequence[re.Pattern[str]], places: Sequence[tuple[int, int]], text: str
) -> re.Match[str] | None:
    """The first of the labels that stands at one of the places."""
    found = (label.search(text, *place) for place in places for label in labels)
    return next((label for label in found if label is not None), None)


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
