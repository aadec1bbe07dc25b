"""What a server turns out to take and to give, for one model."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from nemoguardrails_trust.models.chat_answers import Choice
from nemoguardrails_trust.models.refusals import RefusedRequestError

_OPENAI_REASONING = re.compile(r"(?:.*/)?(?:o[1-9](?!\d)|gpt-[5-9](?!.*chat))")
_REASONING = re.compile(
    r"deepseek-(?:r\d|reasoner)|qwq|magistral|thinking|reasoning|reasoner|gpt-oss|qwen3"
)
SAMPLING = frozenset(
    {"temperature", "top_p", "presence_penalty", "frequency_penalty", "seed", "logit_bias", "stop"}
)
"""Parameters that an answer can do without."""
_LEARNABLE = ("max_completion_tokens", "max_tokens", "top_logprobs", "logprobs", *sorted(SAMPLING))
_REFUSALS = frozenset({400, 403, 422, 501})
_ABOUT_AMOUNT = re.compile(
    r"too (?:large|many|high|long)|exceed|at most|maximum|max allowed|less than|greater than"
    r"|up to|between|range"
)
_ABOUT_N = re.compile(
    r"""['"`]n['"`]|\bn ?(?:>|=|must|is|should)|best_of|(?:multiple|several) (?:\w+ )?"""
    r"(?:choices|completions|candidates)"
)
_FEW_ALTERNATIVES = 5


@dataclass(frozen=True, slots=True)
class Abilities:
    """What a server takes and gives. It is assumed able until it shows otherwise.

    Attributes:
        most_choices: The most choices that one request brings; `None` for any number.
        logprobs: Whether token probabilities can be had; `None` until that shows.
        most_alternatives: The most alternatives a token that may be asked for.
        limit_name: What the limit on an answer's tokens is called.
        left_out: Parameters that it refuses.
        thinks: Whether the model thinks before it answers, so that its limit has to hold both.
        refused_media: The kinds of pictures, recordings and files that it does not take.
    """

    most_choices: int | None = None
    logprobs: bool | None = None
    most_alternatives: int = 20
    limit_name: str = "max_tokens"
    left_out: frozenset[str] = frozenset()
    thinks: bool = False
    refused_media: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Lesson:
    """Something that shows about a server: what it changes, in words that follow "the server"."""

    words: str
    change: Callable[[Abilities], Abilities]


def applied(lessons: Iterable[Lesson], known: Abilities) -> Abilities:
    """What is known after the lessons."""
    for lesson in lessons:
        known = lesson.change(known)
    return known


def abilities_by_name(model: str) -> Abilities:
    """What a model's name alone tells."""
    name = model.lower()
    if _OPENAI_REASONING.match(name):
        return Abilities(
            limit_name="max_completion_tokens", left_out=frozenset({"temperature"}), thinks=True
        )
    return Abilities(thinks=_REASONING.search(name) is not None)


def lesson_of(refusal: RefusedRequestError, body: Mapping[str, Any]) -> Lesson | None:
    """What a refused request teaches; `None` where it is nothing.

    Args:
        refusal: The server's refusal.
        body: The request's body.
    """
    name = _culprit(refusal, body) if refusal.status in _REFUSALS else None
    about_amount = _ABOUT_AMOUNT.search(refusal.said) is not None
    if name is None:
        return None
    if name == "n":
        return _most_choices(1)
    if name in ("logprobs", "top_logprobs"):
        if about_amount and body.get("top_logprobs", 0) > _FEW_ALTERNATIVES:
            return _set(
                f"gives only {_FEW_ALTERNATIVES} alternatives per token",
                most_alternatives=_FEW_ALTERNATIVES,
            )
        return _set("gives no token probabilities", logprobs=False)
    if name in ("max_tokens", "max_completion_tokens"):
        other = "max_tokens" if name == "max_completion_tokens" else "max_completion_tokens"
        # A limit that is too large is no better by another name.
        return None if about_amount else _set(f"takes {other} instead of {name}", limit_name=other)
    return Lesson(
        f"refuses {name}; it is left out from now on",
        lambda known: replace(known, left_out=known.left_out | {name}),
    )


def lessons_of(
    choices: Sequence[Choice], body: Mapping[str, Any], known: Abilities
) -> list[Lesson]:
    """What an answer teaches.

    Args:
        choices: The answer's choices.
        body: The request's body.
        known: What was known when it was made.
    """
    lessons = []
    if len(choices) < body.get("n", 1):
        lessons.append(_most_choices(len(choices)))
    if "logprobs" in body and known.logprobs is None:
        plain = [choice.completion for choice in choices if choice.completion and choice.plain]
        if any(completion.tokens is not None for completion in plain):
            lessons.append(_set("gives token probabilities", logprobs=True))
        elif plain:
            lessons.append(_set("gives no token probabilities", logprobs=False))
    may_starve = known.limit_name in body and not known.thinks
    if may_starve and any(choice.starved and choice.thought for choice in choices):
        lessons.append(_set("has a model that thinks before it answers", thinks=True))
    return lessons


def refused_media(kinds: frozenset[str]) -> Lesson:
    """That the model does not take such media, without which no request is made."""
    return Lesson(
        f"has a model that does not take {', '.join(sorted(kinds))}",
        lambda known: replace(known, refused_media=known.refused_media | kinds),
    )


def _set(words: str, **fields: Any) -> Lesson:
    return Lesson(words, lambda known: replace(known, **fields))


def _most_choices(count: int) -> Lesson:
    def change(known: Abilities) -> Abilities:
        # Of several requests at once, the one that brought least tells the most.
        return replace(known, most_choices=min(count, known.most_choices or count))

    return Lesson(f"gives at most {count} choices per request", change)


def _culprit(refusal: RefusedRequestError, body: Mapping[str, Any]) -> str | None:
    """The parameter that was refused, among those that the request can do without."""
    named = refusal.parameter
    if named is not None and (named in _LEARNABLE or named == "n"):
        return named if named in body else None
    if named not in (None, "", "null", "None"):
        return None
    said = [
        (found.start(), name)
        for name in _LEARNABLE
        if name in body and (found := re.search(rf"(?<!\w){name}(?!\w)", refusal.said))
    ]
    if "n" in body and (about_n := _ABOUT_N.search(refusal.said)):
        said.append((about_n.start(), "n"))
    return min(said)[1] if said else None
