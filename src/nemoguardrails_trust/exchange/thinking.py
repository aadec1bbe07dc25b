"""What a model wrote, without its thinking and without the special tokens around its answer."""

import re

_NAMES = r"think|thinking|thoughts?|reasoning|reflection|scratchpad|analysis|inner_monologue"
_OPENING = (
    rf"<(?:{_NAMES}|seed:think)(?:\s[^<>]{{0,80}})?>|\[THINK\]|◁think▷|<\|START_THINKING\|>"
    r"|<\|begin_of_thought\|>|<\|channel>\s?thought\b|<\|think\|>"
)
_CLOSING = (
    rf"</(?:{_NAMES}|seed:think)>|\[/THINK\]|◁/think▷|<\|END_THINKING\|>|<\|end_of_thought\|>"
    r"|<channel\|>|<\|/think\|>"
)
_OPENED = re.compile(rf"\s*+(?:{_OPENING})", re.IGNORECASE)
_CLOSED = re.compile(_CLOSING, re.IGNORECASE)
_TAG = re.compile(rf"(?P<opening>{_OPENING})|{_CLOSING}", re.IGNORECASE)
_QUOTES = frozenset("`'\"“”‘’«»")

# OpenAI's harmony, as gpt-oss writes it: a channel for the thinking, another for the answer.
_HARMONY = re.compile(
    r"\s*+(?:<\|start\|>assistant)?(?:<\|channel\|>)?(?:analysis|commentary|final)\b[^<]{0,80}"
    r"(?:<\|constrain\|>[^<]{0,80})?<\|message\|>"
)
_FINAL = re.compile(
    r"(?:<\|channel\|>|\A\s*+)final\b[^<]{0,80}(?:<\|constrain\|>[^<]{0,80})?<\|message\|>"
)
_HARMONY_END = re.compile(r"<\|(?:end|return|start|channel|call)\|>")
# The same where the server has dropped the markers: `analysisThe user asks…assistantfinalParis`.
_BARE_ANALYSIS = re.compile(r"\s*+(?:assistant)?analysis(?=[A-Z\"'“(\[*\d])")
_BARE_FINAL = "assistantfinal"

_END = (
    r"(?:<\|(?:im_end|eot_id|eom_id|eot|endoftext|end_of_text|end|return|eos|end_of_turn"
    r"|END_OF_TURN_TOKEN|END_RESPONSE|im_sep)\|>|</s>|<eos>|<end_of_turn>|<turn\|>"
    r"|<[｜|]end▁of▁sentence[｜|]>|<\|end▁of▁sentence\|>)"
)
_ENDS = re.compile(rf"{_END}(?:\s*+{_END})*+")
_NEXT_TURN = re.compile(
    r"\s*+(?:\Z|<\|(?:im_start|start|start_header_id|begin_of_text|user|assistant|system"
    r"|START_OF_TURN_TOKEN)\|>|<start_of_turn>|<\|turn>|<bos>|<s>)"
)
_HEAD = re.compile(
    r"\s*+(?:<s>|<bos>|<\|begin_of_text\|>)?(?:<\|im_start\|>assistant\b"
    r"|<\|start_header_id\|>assistant<\|end_header_id\|>|<start_of_turn>model\b|<\|START_RESPONSE\|>)"
    r"\s*+"
)


def answer_in(written: str) -> str | None:
    """The answer in what a model wrote.

    Left out is thinking, in any of the usual tags and channels, that stands before the answer;
    elsewhere the tags belong to the answer. Special tokens behind the answer are cut off, with
    the turns that a model goes on to make up. White space is left as it is, and so is a text with
    nothing of this. The time is linear in the text's length.

    Returns:
        The answer; `None` where there is thinking and nothing else.
    """
    text = written
    if head := _HEAD.match(text):
        text = text[head.end() :]
    harmony = _from_harmony(text)
    if harmony is None:
        return None
    answer = _without_tags(harmony)
    if answer is not None:
        answer = _without_ends(answer)
    if answer is None or (answer is not written and not answer.strip()):
        return None if written.strip() else written
    return answer


def _from_harmony(text: str) -> str | None:
    if _HARMONY.match(text):
        finals = [found.end() for found in _FINAL.finditer(text)]
        if not finals:
            return None
        end = _HARMONY_END.search(text, finals[-1])
        return text[finals[-1] : end.start() if end else len(text)]
    if text.lstrip().startswith(_BARE_FINAL):
        return text.lstrip().removeprefix(_BARE_FINAL)
    if text.lstrip().startswith(("analysis", "assistantanalysis")):
        _, found, final = text.rpartition(_BARE_FINAL)
        if found:
            return final
        return None if _BARE_ANALYSIS.match(text) else text
    return text


def _without_tags(text: str) -> str | None:
    place = 0
    while True:
        if opened := _OPENED.match(text, place):
            closed = _CLOSED.search(text, opened.end())
            if closed is None:
                return None
            place = closed.end()
            continue
        lone = _lone_closing(text, place)
        if lone is None:
            return text[place:] if place else text
        place = lone


def _lone_closing(text: str, place: int) -> int | None:
    """The end of a tag that closes thinking which the prompt had opened."""
    for tag in _TAG.finditer(text, place):
        if tag["opening"]:
            return None
        before, after = text[tag.start() - 1 : tag.start()], text[tag.end() : tag.end() + 1]
        quoted = before in _QUOTES or after in _QUOTES
        mentioned = before == " " and (after == " " or after in ".,;:!?)")  # or at the very end
        if not (before and (quoted or mentioned)):
            return tag.end()
    return None


def _without_ends(text: str) -> str:
    for ends in _ENDS.finditer(text):
        if _NEXT_TURN.match(text, ends.end()):
            return text[: ends.start()]
    return text
