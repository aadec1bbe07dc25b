"""What a model says, told from what it only thinks, and from the tokens that steer it.

Models think in tags (`<think>`, `[THINK]`, …), behind labels (`**Thinking:**`), in channels
(gpt-oss's harmony, also where a server has stripped its markers) or behind fixed words (Granite).
Every door reads them here, whatever the model is called. All of it takes time linear in the text,
and no text is read that would take long.
"""

import re
from collections import deque

from nemoguardrails_trust.exchange.forms import (
    FENCES,
    MARK,
    PHRASES,
    SIGNS,
    WORDS_OF_MARKS,
    begins_with_label,
    without_fenced_thinking,
    without_labelled_thought,
)
from nemoguardrails_trust.exchange.sections import answer_at_end, last_section, without_envelope

_LEFT, _RIGHT = r"(?:<|&lt;)\|", r"\|(?:>|&gt;)"  # as they are, or escaped for HTML
_CHANNEL = re.compile(
    rf"{_LEFT}channel{_RIGHT}\s{{0,9}}(?P<name>\w{{1,20}})"
    rf"(?:[^<&]{{0,200}}(?:{_LEFT}constrain{_RIGHT}[^<&]{{0,60}})?{_LEFT}message{_RIGHT})?"
)
_CHANNEL_END = re.compile(rf"{_LEFT}(?:end|return|call|start|channel){_RIGHT}")
_BEGINS_CHANNEL = re.compile(
    rf"\s*{_LEFT}channel{_RIGHT}|[\s\S]*?{_LEFT}start{_RIGHT}assistant{_LEFT}channel{_RIGHT}"
)
_BARE_ANALYSIS = re.compile(
    r"(?:assistant\s{0,3})?(?:analysis|commentary)"
    r"(?:(?=[A-Z])|\s{1,3}(?=We\b|The user|User\b|I need|Need\b|Let\b))"
)
_BARE_ANALYSIS_WORD = re.compile(r"(?:assistant\s{0,3})?(?:analysis|commentary)")
_BARE_FINAL = re.compile(r"assistant(?:channel)?final(?:message)?")
_SPACED_FINAL = re.compile(r"assistant\s{0,3}final\b:?")
_BARE_WORDS = ("assistant", "analysis", "commentary")  # one of which all of these hold
_NAMED_SIGNS = (*SIGNS, *FENCES, *(phrase.sign for phrase in PHRASES), *_BARE_WORDS)
_ALL_SIGNS = tuple(
    sign
    for sign in dict.fromkeys(_NAMED_SIGNS)
    if not any(other != sign and other in sign for other in _NAMED_SIGNS)
)

_TOKEN = re.compile(
    r"<\|[^|<>\s]{1,40}\|>|<｜[^｜<>]{1,40}｜>|</?s>|<turn\|>|<\|turn>"
    r"|<(?:seed:)?(?i:eos|bos|pad|eot|sep|unk|end_of_turn|start_of_turn|end_of_utterance)>"
    r"|<(?:SPECIAL|reserved)_\d{1,3}>|<think(?:ing)?\s?/>|\[(?:EOS|BOS|PAD|SEP|CLS|/?INST)\]"
    r"|\[e~\[|\[\|endofturn\|\]|\[(?:BEGIN|END) FINAL RESPONSE\]|\[unused\d{1,3}\]"
)
_LONGEST_TOKEN = 48
_OPENING = re.compile(
    r"<role>ASSISTANT</role>|(?:<\|im_start\|>|<\|start_header_id\|>|<start_of_turn>"
    r"|<\|start\|>|<\|begin\|>|<\|turn>)"
    r"\s{0,3}(?:assistant|model)\b\s{0,3}(?:<\|end_header_id\|>)?"
)
_TURN_END = re.compile(
    r"(?<![`'\"])(?:<\|(?:im_end|eot_id|eom_id|endoftext|end_of_text|end|return|EOT|eot|role_end"
    r"|END_OF_TURN_TOKEN|endofturn|user|observation)\|>|<｜end▁of▁sentence｜>|<end_of_turn>|<turn\|>"
    r"|\[\|endofturn\|\])"
    r"(?=[\n<\w]|\Z)"
)
_SPACE = re.compile(r"\s*")
_SAYS_NOTHING = re.compile(
    r"[\s\ufeff\u200b>]*+(?:(?:assistant|ai|model|bot)\s?:?\s*+)?", re.IGNORECASE
)
"""Space, marks of a byte order, a quotation's mark, and the name of who speaks."""
_WRAPPED = re.compile(
    r"<((?:final[-_]?)?(?:answer|output|response|conclusion|回答|答案)|final|result|verdict|antwort"
    r"|réponse|resp(?:ue|o)sta|risposta|ответ|cevap|답변)(?::[0-9a-f]{8})?>(.*?)"
    r"(?:</\1(?::[0-9a-f]{8})?>)?",
    re.IGNORECASE | re.DOTALL,
)
MOST_CHARACTERS = 400_000
"""Of a text with any sign of a tag or a token; a longer one is not read."""
_MOST_SIGNS = 8_000  # a page of HTML has some hundreds
_QUOTES = "`'\"“”‘’«»"


def answer_in(written: str) -> str | None:
    """The answer in what a model wrote, without thinking and the special tokens around it.

    Thinking counts at the beginning, at the beginning of a later line, and before a closing tag
    that nothing opened. Elsewhere, in code and in quotes, the tags belong to the answer.

    Args:
        written: What the model wrote.

    Returns:
        The answer; `None` where there is thinking or special tokens and nothing else, and where
        the text is too long to tell (`why_no_answer` says which). A text without these is
        returned as it is.
    """
    if not (any(map(written.__contains__, _ALL_SIGNS)) or begins_with_label(written)):
        return written
    if _has_too_many_signs(written):
        lower = written.lower()  # without a word of thinking, no mark of it can be there
        return None if any(word in lower for word in WORDS_OF_MARKS) else written
    bare = without_envelope(written)
    said = _without_thinking(bare)
    if said is bare:
        said = written
    answer = said if said is None else _without_special_tokens(said)
    if answer is None or (answer is not written and not answer.strip()):
        return None if written.strip() else written
    if (section := last_section(answer)) is not None:
        return section
    if said is not written and (wrapped := _WRAPPED.fullmatch(answer.strip())) is not None:
        return _without_special_tokens(wrapped[2]).strip() or None
    return answer


def why_no_answer(written: str) -> str:
    """Why `answer_in` found none, as the end of a sentence."""
    if _has_too_many_signs(written):
        return (
            f"is too long: it has {len(written):,} characters, where at most {MOST_CHARACTERS:,} "
            f"are read, or more than {_MOST_SIGNS:,} brackets"
        )
    return "is thinking without an answer"


def _has_too_many_signs(text: str) -> bool:
    if len(text) <= _MOST_SIGNS:
        return False
    signs = sum(map(text.count, SIGNS))
    return signs > (0 if len(text) > MOST_CHARACTERS else _MOST_SIGNS)


def _without_thinking(text: str) -> str | None:
    """A text without its thinking; `None` where only thinking is there."""
    if "|channel|" in text and _BEGINS_CHANNEL.match(text) is not None:
        said = _final_channel(text)
        if said is None:
            return None
        text = said
    elif (bare := _without_bare_channels(text)) is not text:
        return bare
    said = without_fenced_thinking(text)
    return None if said is None else _without_tags(said)


def _without_special_tokens(text: str) -> str:
    """A text without the special tokens around it, and without what follows the end of its turn."""
    if "<" not in text and "[" not in text:
        return text
    start = _after_opening(text)
    ends = _TURN_END.search(text, start)
    end = _before_tokens(text, start, len(text) if ends is None else ends.start())
    return text if start == 0 and end == len(text) else text[start:end]


def _after_opening(text: str) -> int:
    """Where a text begins, after the tokens that open a turn."""
    start = 0
    is_struck = "<s>" in text and "</s>" in text  # HTML's way to strike something out
    while True:
        place = _end_of_space(text, start)
        found = _OPENING.match(text, place) or _TOKEN.match(text, place)
        if found is None or (is_struck and found[0] == "<s>"):
            return start
        start = found.end()


def _before_tokens(text: str, start: int, end: int) -> int:
    """Where a text ends, before the tokens behind it."""
    is_struck = "<s>" in text and "</s>" in text
    while True:
        last = end
        while last > start and text[last - 1].isspace():
            last -= 1
        opened = max(
            text.rfind(sign, max(start, last - _LONGEST_TOKEN), last) for sign in ("<", "[")
        )
        # `[e~[` holds its own sign twice.
        if opened >= 0 and text.startswith("[e~[", opened - 3) and opened - 3 >= start:
            opened -= 3
        found = None if opened < 0 else _TOKEN.fullmatch(text, opened, last)
        if found is None or (is_struck and found[0] == "</s>"):
            return end
        end = opened


def _end_of_space(text: str, start: int) -> int:
    found = _SPACE.match(text, start)
    return start if found is None else found.end()


def _final_channel(text: str) -> str | None:
    """What harmony's final channel says; `None` where there is none."""
    finals = []
    for header in _CHANNEL.finditer(text):
        if header["name"].lower() == "final":
            end = _CHANNEL_END.search(text, header.end())
            finals.append(text[header.end() : len(text) if end is None else end.start()])
    said = "\n".join(part.strip() for part in finals if part.strip())
    return said or None


def _without_bare_channels(text: str) -> str | None:
    """A text without channels whose markers were stripped, as in `analysisHm.assistantfinalYes`."""
    start = len(text) - len(text.lstrip())
    for phrase in PHRASES:
        if (words := phrase.begins.match(text, start)) is not None:
            answer = phrase.answers.search(text, words.end())
            return None if answer is None else text[answer.end() :]
    said = without_labelled_thought(text, start)
    if said is not text or not any(word in text for word in _BARE_WORDS):
        return said
    final = _last(_BARE_FINAL, text)
    if final is None and _BARE_ANALYSIS_WORD.match(text, start):
        final = _last(_SPACED_FINAL, text)
    if final is not None:
        return text[final.end() :]
    return None if _BARE_ANALYSIS.match(text, start) else text


def _last(pattern: re.Pattern[str], text: str) -> re.Match[str] | None:
    return next(iter(deque(pattern.finditer(text), maxlen=1)), None)


def _without_tags(text: str) -> str | None:
    marks = list(MARK.finditer(text)) if any(sign in text for sign in SIGNS) else []
    return _Tags(text, marks).said() if marks else text


class _Tags:
    """A walk over a text's marks of thinking, which keeps what stands outside of them."""

    def __init__(self, text: str, marks: list[re.Match[str]]) -> None:
        self._text = text
        self._marks = marks
        self._kept: list[str] = []
        self._end = 0  # of the last thought
        self._inner = self._shown = 0  # tags opened in a thought, and in the answer
        self._inside = self._seen = self._begun = self._is_details = False
        self._fences = self._fenced_to = 0
        self._all_fences = text.count("```")

    def said(self) -> str | None:
        text = self._text
        closings = [place for place, mark in enumerate(self._marks) if _closes(mark)]
        last_closing = closings[-1] if closings else -1
        for place, mark in enumerate(self._marks):
            if _is_quoted(text, mark) and not (self._inside and place == last_closing):
                continue
            self._fences += text.count("```", self._fenced_to, mark.start())
            self._fenced_to = mark.start()
            if not _closes(mark):
                self._open(mark)
            elif self._inside:
                goes_on = place < last_closing and _closes_next(self._marks, place)
                self._close(mark, goes_on=goes_on)
            else:
                self._close_unopened(mark)
        if not self._inside:
            self._kept.append(text[self._end :])
        kept = self._kept
        said = kept[0] if len(kept) == 1 else "\n".join(part.strip() for part in kept)
        if len(said) == len(text):
            return text
        return said if said or not self._inside else answer_at_end(text[self._end :])

    def _open(self, mark: re.Match[str]) -> None:
        self._seen = True
        if self._inside:
            self._inner += 1
            return
        first = not self._begun and _is_blank(self._text, self._end, mark.start())
        self._begun = not first
        if not first and (self._fences % 2 or not _begins_line(self._text, mark.start())):
            self._shown += 1
            return
        if not first:
            self._kept.append(self._text[self._end : mark.start()])
        self._inside, self._is_details = True, _is_details(mark)

    def _close(self, mark: re.Match[str], *, goes_on: bool) -> None:
        if _is_details(mark) != self._is_details:
            return
        if self._inner and goes_on:
            self._inner -= 1
            return
        self._inside, self._end, self._inner = False, mark.end(), 0

    def _close_unopened(self, mark: re.Match[str]) -> None:
        """Takes what stands before a tag that nothing opened for thinking; a last one is a slip."""
        if _is_details(mark) or self._is_in_code():
            return
        if self._shown:
            self._shown -= 1
            return
        if self._seen and _is_blank(self._text, mark.end(), len(self._text)):
            self._kept.append(self._text[self._end : mark.start()])
        else:
            self._kept.clear()
        self._seen, self._end = True, mark.end()

    def _is_in_code(self) -> bool:
        return self._fences % 2 == 1 and (self._all_fences - self._fences) % 2 == 1


def _closes(mark: re.Match[str]) -> bool:
    return mark.lastgroup in ("closes", "details_close")


def _closes_next(marks: list[re.Match[str]], place: int) -> bool:
    """Whether the next mark closes too, so that this one closed what was opened within."""
    return place + 1 < len(marks) and _closes(marks[place + 1])


def _is_details(mark: re.Match[str]) -> bool:
    return mark.lastgroup in ("details", "details_close")


def _is_quoted(text: str, mark: re.Match[str]) -> bool:
    before, after = text[mark.start() - 1 : mark.start()], text[mark.end() : mark.end() + 1]
    if not before:
        return False
    follows = text[mark.end() : mark.end() + 2]
    goes_on = after == " " and follows[1:].islower()  # `with </think> and so on`
    mentioned = before == " " and (goes_on or after in (".", ",", ";", ":", "!", "?", ")", ""))
    quoted = before in _QUOTES and after != "" and after in _QUOTES
    return quoted or (mentioned and _closes(mark))


def _is_blank(text: str, start: int, end: int) -> bool:
    """Whether nothing is said between two places: white space, who speaks, special tokens."""
    between = text[start:end]
    return _SAYS_NOTHING.fullmatch(between) is not None or (
        _after_opening(between + " x") >= len(between)
    )


def _begins_line(text: str, place: int) -> bool:
    before = place
    while before and text[before - 1] in " \t":
        before -= 1
    return before > 0 and text[before - 1] == "\n"
