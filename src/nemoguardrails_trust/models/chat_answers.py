"""Reads the choices of a chat completion, as the many servers of that protocol write them."""

import contextlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from nemoguardrails_trust.exchange.kinds import is_thought
from nemoguardrails_trust.exchange.thinking import answer_in
from nemoguardrails_trust.exchange.tokens import SpeltTokens, TokenLogprob
from nemoguardrails_trust.exchange.values import load_json, objects_in
from nemoguardrails_trust.models.base import Completion, Purpose
from nemoguardrails_trust.scores import CallUsage

_LEAST_LOGPROB = -9999.0  # what servers give for "as good as impossible"
_ROUNDING = 1e-3
_NUMBER = (int, float)  # made once: each token of an answer comes with up to twenty others
_MOST_TOKENS = 10**9  # no request uses as many: a larger count is none

FINISH_REASONS = frozenset(
    {
        "content_filter", "end_turn", "error", "function_call", "length", "max_tokens",
        "refusal", "stop", "stop_sequence", "tool_calls", "tool_use",
    }
)  # fmt: skip
"""Why answers end. What else a server gives as the reason may hold anything: it is not quoted."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One choice of a chat completion.

    Attributes:
        completion: The answer; `None` where the choice holds none.
        thought: Whether the model shows that it thought first.
        plain: Whether the answer is plain text, whose tokens a server can give probabilities for.
    """

    completion: Completion | None
    finish_reason: str | None
    thought: bool
    plain: bool

    @property
    def starved(self) -> bool:
        """Whether thinking used up the limit on tokens before any answer came."""
        return self.completion is None and self.finish_reason == "length"


def read_choices(body: Mapping[str, Any], *, most: int | None = None) -> list[Choice]:
    """The choices of a server's answer; none where it holds no list of them.

    Args:
        body: The answer.
        most: How many were asked for; a server that gives more is not read on.
    """
    details = usage_in(body).get("completion_tokens_details")
    reasoned = isinstance(details, dict) and token_count(details.get("reasoning_tokens")) > 0
    choices = objects_in(body.get("choices"))[:most]
    return [_choice(choice, reasoned=reasoned) for choice in choices]


def usage_in(body: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a server's answer says of its tokens; nothing where it does not say it as an object."""
    usage = body.get("usage")
    return usage if isinstance(usage, dict) else {}


def token_count(value: Any) -> int:
    """A count of tokens as servers give it; 0 where it is none."""
    if isinstance(value, bool) or not isinstance(value, _NUMBER):
        return 0
    return int(value) if 0 < value <= _MOST_TOKENS else 0


def answering(completion: Completion) -> Completion:
    """A completion without thinking and special tokens, in its text and among its tokens."""
    if completion.is_answer:
        return completion
    said = answer_in(completion.text)
    if said is completion.text:
        return completion
    tokens = None if said is None else _tokens_of(completion.tokens, said, whole=False)
    return replace(completion, text=(said or "").strip(), tokens=tokens)


def _choice(choice: Mapping[str, Any], *, reasoned: bool) -> Choice:
    message = choice.get("message")
    if not isinstance(message, dict):
        message = {"content": choice.get("text")}
    finish = choice.get("finish_reason")
    finish = finish if isinstance(finish, str) else None
    written = _content(message.get("content"))
    said = answer_in(written)
    trimmed = said != written
    before = said is None or not written.startswith(said)  # else only special tokens were cut
    thought = reasoned or (trimmed and before) or _shows_thinking(message)
    text, plain = _text(message, written, said)
    if text is None:
        return Choice(None, finish, thought, plain)
    if not plain:
        return Choice(Completion(text, None, finish), finish, thought, plain)
    tokens = _tokens_of(read_logprobs(choice.get("logprobs")), text, whole=not (thought or trimmed))
    completion = Completion(text, tokens, finish, is_answer=not trimmed)
    return Choice(completion, finish, thought, plain)


def _text(message: Mapping[str, Any], written: str, said: str | None) -> tuple[str | None, bool]:
    """What a message says, and whether it is plain text.

    Args:
        message: It.
        written: Its text.
        said: The answer in that.
    """
    calls = _tool_calls(message)
    if calls:
        whole: dict[str, Any] = {"tool_calls": calls}
        if said is not None and said.strip():
            whole["content"] = said.strip()
        try:
            return json.dumps(whole, sort_keys=True, ensure_ascii=False), False
        except RecursionError:  # arguments that are nested without end are none
            return None, False
    if said is not None and said.strip():
        # The white space that follows thinking is none of the answer's.
        return said.strip() if said != written else said, True
    refusal = message.get("refusal")
    if isinstance(refusal, str) and refusal.strip():
        return refusal, False
    return None, True


def _content(content: Any) -> str:
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return ""
    parts = [
        part if isinstance(part, str) else part.get("text")
        for part in content
        if isinstance(part, str) or (isinstance(part, dict) and _is_text(part))
    ]
    return "".join(part for part in parts if isinstance(part, str))


def _is_text(part: Mapping[str, Any]) -> bool:
    return part.get("type", "text") in ("text", "output_text") and not is_thought(part)


def _shows_thinking(message: Mapping[str, Any]) -> bool:
    if message.get("reasoning_content") or message.get("reasoning"):
        return True
    content = message.get("content")
    return isinstance(content, list) and any(
        part.get("type") in ("thinking", "reasoning") or is_thought(part)
        for part in objects_in(content)
    )


def _tool_calls(message: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The calls as name and arguments by value; their ids are random and say nothing."""
    if not (message.get("tool_calls") or message.get("function_call")):
        return []
    functions = [call.get("function") for call in objects_in(message.get("tool_calls"))]
    functions.append(message.get("function_call"))
    calls = []
    for function in functions:
        if isinstance(function, dict) and isinstance(function.get("name"), str):
            arguments = function.get("arguments")
            if isinstance(arguments, str):
                # Arguments that are cut off or malformed stay the text they are.
                with contextlib.suppress(ValueError):
                    arguments = load_json(arguments)
            calls.append({"name": function["name"], "arguments": arguments})
    return calls


def read_logprobs(logprobs: Any) -> tuple[TokenLogprob, ...] | None:
    """The tokens of a choice's `logprobs`, in the form of chat or of plain completions.

    `None` where there are none, or where one token's log-probability is not one: nothing that is
    computed from the others could be trusted then.
    """
    if not isinstance(logprobs, dict):
        return None
    if isinstance(logprobs.get("content"), list):
        entries: Iterable[Any] = logprobs["content"]
    else:
        entries = _entries_of_plain_completion(logprobs)
    tokens = []
    for entry in entries:
        pair = _pair(entry)
        if pair is None:
            return None
        listed = entry.get("top_logprobs")
        top = map(_pair, listed) if isinstance(listed, list) else ()
        tokens.append(TokenLogprob(*pair, tuple(filter(None, top))))
    return tuple(tokens) or None


def _entries_of_plain_completion(logprobs: Mapping[str, Any]) -> list[dict[str, Any]]:
    """`{"tokens": […], "token_logprobs": […], "top_logprobs": [{…}]}` in the form of chat."""
    tokens, values = logprobs.get("tokens"), logprobs.get("token_logprobs")
    tops = logprobs.get("top_logprobs")
    if not isinstance(tokens, list) or not isinstance(values, list) or len(tokens) != len(values):
        return []
    if not isinstance(tops, list) or len(tops) != len(tokens):
        tops = [None] * len(tokens)
    return [
        {
            "token": token,
            "logprob": value,
            "top_logprobs": [{"token": t, "logprob": v} for t, v in top.items()]
            if isinstance(top, dict)
            else None,
        }
        for token, value, top in zip(tokens, values, tops, strict=True)
    ]


def _pair(entry: Any) -> tuple[str, float] | None:
    if not isinstance(entry, dict):
        return None
    token, logprob = entry.get("token"), entry.get("logprob")
    if not isinstance(token, str) or isinstance(logprob, bool):
        return None
    # A value clearly above 0 is no logarithm of a probability, whatever else it may be; nor is NaN.
    if not isinstance(logprob, _NUMBER) or not logprob <= _ROUNDING:
        return None
    return token, min(0.0, float(max(_LEAST_LOGPROB, logprob)))


def _tokens_of(
    tokens: Sequence[TokenLogprob] | None, text: str, *, whole: bool
) -> tuple[TokenLogprob, ...] | None:
    """The tokens of the answer itself, if they can be told from those of all that was written."""
    if tokens is None or whole:
        return None if tokens is None else tuple(tokens)
    answer = text.strip()
    found = SpeltTokens(tokens).last(answer)
    # Of the first and the last token, white space may be none of the answer's.
    return found if "".join(token.token for token in found).strip() == answer else None


def usage_of(
    purpose: Purpose, spent: Sequence[float], answer: Mapping[str, Any], choices: Sequence[Choice]
) -> Iterator[CallUsage]:
    """What a call used, an entry for each try; the last one may have brought something.

    Args:
        purpose: What was asked for.
        spent: Seconds of each try.
        answer: The body of the last one; empty where it brought none.
        choices: What was read from it.
    """
    counts = usage_in(answer)
    for seconds in spent[:-1] if answer else spent:
        yield CallUsage(purpose, seconds=seconds)
    if answer:
        yield CallUsage(
            purpose,
            samples=len([choice for choice in choices if choice.completion is not None]),
            prompt_tokens=token_count(counts.get("prompt_tokens")),
            completion_tokens=token_count(counts.get("completion_tokens")),
            seconds=spent[-1],
        )
