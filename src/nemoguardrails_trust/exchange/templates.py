"""Chats that a model's template, or a data set, has written out as one text."""

import re
from collections.abc import Iterator

from nemoguardrails_trust.errors import DataError
from nemoguardrails_trust.exchange.messages import ROLE_NAMES, Message

_OPENINGS = (
    r"(?:<\|im_start\|>|<start_of_turn>|<\|turn>)[\w-]{1,20}(?:<\|im_sep\|>)?",  # ChatML, Gemma
    r"<\|start_header_id\|>[\w-]{1,20}<\|end_header_id\|>",  # Llama 3
    r"<\|header_start\|>[\w-]{1,20}<\|header_end\|>",  # Llama 4
    r"<\|start_of_role\|>[^<]{1,80}<\|end_of_role\|>",  # Granite
    r"<\|start\|>[^<]{1,80}(?:<\|channel\|>[^<]{1,80})?(?:<\|constrain\|>[^<]{1,40})?<\|message\|>",
    r"<\|START_OF_TURN_TOKEN\|><\|[A-Z]{1,20}_TOKEN\|>",  # Cohere
    r"<[|｜](?:system|user|assistant|observation)[|｜]>",  # Phi, Zephyr, GLM, DeepSeek
    r"\[\|(?:system|user|assistant|tool)\|\]",  # EXAONE
    r"\[/?(?:INST|SYSTEM_PROMPT|AVAILABLE_TOOLS|TOOL_CALLS|TOOL_RESULTS)\]",  # Mistral, Llama 2
)
_TURN = re.compile("|".join(_OPENINGS), re.IGNORECASE)
_SIGNS = ("<|", "<start_of_turn>", "<｜", "[|", "[INST]")
_STARTS = (
    "<|im_start|>", "<start_of_turn>", "<|turn>", "<|start_header_id|>", "<|header_start|>",
    "<|start_of_role|>", "<|start|>", "<|START_OF_TURN_TOKEN|>",
)  # fmt: skip
"""What no message holds: there, a turn begins whose form is not known."""
_WHO = re.compile(
    r"system|developer|user|assistant|model|chatbot|tool|function|ipython|observation|INST",
    re.IGNORECASE,
)
_OF_MISTRAL = {
    "[INST]": "user", "[/INST]": "assistant", "[/TOOL_RESULTS]": "assistant",
    "[TOOL_CALLS]": "assistant", "[TOOL_RESULTS]": "tool", "[SYSTEM_PROMPT]": "system",
    "[AVAILABLE_TOOLS]": "system",
}  # fmt: skip
_BEGIN = re.compile(
    r"\s*(?:(?:<s>|<bos>|<BOS_TOKEN>|<\|begin_of_text\|>|<｜begin▁of▁sentence｜>|\[gMASK\]|<sop>)\s*)*"
)
_ENDS = (
    "</s>", "<eos>", "<end_of_turn>", "<turn|>", "[|endofturn|]", "<｜end▁of▁sentence｜>",
    "<|im_end|>", "<|eot_id|>", "<|eom_id|>", "<|eot|>", "<|endoftext|>", "<|end_of_text|>",
    "<|end|>", "<|return|>", "<|call|>", "<|END_OF_TURN_TOKEN|>", "<s>",
)  # fmt: skip
_SYS = re.compile(r"\s*<<SYS>>(.*?)<</SYS>>", re.DOTALL)
_PLAIN = re.compile(
    r"(?:\A\s{0,9}|\n\n\s{0,9})(SYSTEM|System|Human|USER|User|ASSISTANT|Assistant):(?=\s|\Z)"
)


_PLAIN_SIGNS = ("Assistant:", "ASSISTANT:")


def turns_of(text: str, what: str) -> list[Message] | None:
    """The messages of a chat in one text; `None` for any other text.

    Args:
        text: It.
        what: What it is, for errors.

    Raises:
        DataError: One of its turns has no form that is known.
    """
    found = _turns(text) or _plain_turns(text)
    if not found:
        return None
    messages = list(_messages(found, what))
    return messages if any(message.role == "user" for message in messages) else None


def _turns(text: str) -> list[tuple[str, str]]:
    """What opens each turn of a template, and what is said in it; none where it is no template."""
    if not any(map(text.__contains__, _SIGNS)):
        return []
    begin = _BEGIN.match(text)
    start = 0 if begin is None else begin.end()
    openings = list(_TURN.finditer(text, start))
    if not openings:
        return []
    before = text[start : openings[0].start()].strip()
    if before and "｜" not in openings[0][0]:
        return []
    ends = [opening.start() for opening in openings[1:]] + [len(text)]
    turns = [(turn[0], text[turn.end() : end]) for turn, end in zip(openings, ends, strict=True)]
    return [("system", before), *turns] if before else turns  # DeepSeek has no mark for it


def _plain_turns(text: str) -> list[tuple[str, str]]:
    """The same of a text in which plain names stand before the turns, as in data sets of old."""
    if not any(map(text.__contains__, _PLAIN_SIGNS)):
        return []
    parts = _PLAIN.split(text)
    names = [ROLE_NAMES[name.casefold()] for name in parts[1::2]]
    is_chat = not parts[0] and {"user", "assistant"} <= {*names} and names[0] != "assistant"
    return list(zip(names, parts[2::2], strict=True)) if is_chat else []


def _messages(turns: list[tuple[str, str]], what: str) -> Iterator[Message]:
    for number, (opening, body) in enumerate(turns, start=1):
        said = _without_ends(body)
        if any(map(said.__contains__, _STARTS)):
            raise DataError(
                f"turn {number} of {what}, a chat written out as text, goes on with a turn of no "
                "known form; give it as messages"
            )
        if "<|channel|>" in opening and "to=" not in opening and "final" not in opening:
            continue  # a thought
        role = _role(opening)
        if role == "assistant" and not said:
            continue  # where the model is to go on, or calls a tool
        if role is None:
            if said:
                raise DataError(
                    f"turn {number} of {what}, a chat written out as text, is of nobody known; "
                    "give it as messages"
                )
            continue
        system = _SYS.match(said) if role == "user" else None
        if system is not None:
            yield Message("system", system[1].strip())
            said = said[system.end() :].strip()
        yield Message(role, said)


def _role(opening: str) -> str | None:
    if opening.startswith("[") and not opening.startswith("[|"):
        return _OF_MISTRAL.get(opening.upper())
    found = _WHO.search(opening.rpartition("START_OF_TURN_TOKEN")[2])
    return None if found is None else ROLE_NAMES.get(found[0].casefold())


def _without_ends(body: str) -> str:
    end, before = len(body), -1
    while end != before:
        before = end
        while end and body[end - 1].isspace():
            end -= 1
        end -= next((len(token) for token in _ENDS if body.endswith(token, 0, end)), 0)
    return body[:end].strip()
