"""Turns that do not name a role: pairs of what was asked and answered, and objects of both."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from nemoguardrails_trust.exchange.messages import ROLE_NAMES
from nemoguardrails_trust.exchange.values import plain

_LONGEST_NAME = 3  # words; whoever speaks has no longer one

SPEAKERS = {
    "system": "system",
    **dict.fromkeys(("user", "human"), "user"),
    **dict.fromkeys(("assistant", "ai", "bot", "gpt", "chatbot"), "assistant"),
}
"""Keys that say who speaks, in objects whose values are what is said."""

ASKED_OR_SAID = {
    **SPEAKERS,
    **dict.fromkeys(("question", "query", "prompt", "input"), "user"),
    **dict.fromkeys(("answer", "response", "reply", "output"), "assistant"),
}
"""The same with keys that tell a turn only where turns are looked for."""


def named_turns(items: Sequence[Any], names: Mapping[str, str]) -> list[dict[str, str]]:
    """Turns such as `{"user": …, "assistant": …}` as messages; none where a list has others.

    Args:
        items: The turns.
        names: The keys that are known, and who speaks under each.
    """
    turns: list[dict[str, str]] = []
    for item in items:
        if not isinstance(item, Mapping) or not item or not item.keys() <= names.keys():
            return []
        if not all(said is None or isinstance(said, str) for said in item.values()):
            return []
        said = {names[key]: text for key, text in item.items() if text is not None}
        if len(said) < sum(text is not None for text in item.values()):
            return []  # two of one speaker
        turns.extend({"role": role, "content": said[role]} for role in _ORDER if role in said)
    both = {turn["role"] for turn in turns} >= {"user", "assistant"}
    return turns if both else []


_ORDER = ("system", "user", "assistant")


def paired_turns(items: Sequence[Any]) -> Iterator[tuple[int, dict[str, Any]]]:
    """Pairs of what was asked and answered as messages, with the number of the pair."""
    for number, pair in enumerate(items, start=1):
        for name, said in zip(("user", "assistant"), map(plain, pair), strict=True):
            if said is not None:
                yield number, {"role": name, "content": said}


def has_two(item: Any) -> bool:
    """Whether something is a list of two."""
    return isinstance(item, list | tuple) and len(item) == 2


def is_message_pair(item: Any) -> bool:
    """Whether a list is a message of LangChain: who speaks, and what is said."""
    return has_two(item) and isinstance(item[1], str) and str(item[0]) in ROLE_NAMES


def are_pairs(items: Sequence[Any]) -> bool:
    """Whether a list can only be pairs of what was asked and answered, as Gradio had them.

    Who speaks and what is said is a pair, too. So one of them must lack an answer yet, or begin
    with what is no name.
    """
    if not items or not all(map(has_two, items)) or any(map(is_message_pair, items)):
        return False
    firsts, seconds = ([plain(item[place]) for item in items] for place in (0, 1))
    if not all(said is None or isinstance(said, str | list | tuple) for said in firsts + seconds):
        return False
    if any(said is not None and not isinstance(said, str) for said in firsts + seconds):
        return True
    return None in (*firsts, *seconds) or any(
        said.rstrip().endswith("?") or len(said.split()) > _LONGEST_NAME for said in firsts
    )
