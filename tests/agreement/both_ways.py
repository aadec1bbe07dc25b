"""Two answers, compared in both orders."""

from nemoguardrails_trust.agreement import SAME, agreement


def value(first: str, second: str, prompt: str = "") -> float:
    """How far two answers agree, which has to be the same in both orders."""
    found = agreement(first, second, prompt=prompt)
    assert found == agreement(second, first, prompt=prompt)
    return found.value


def same(first: str, second: str, prompt: str = "") -> bool:
    """Whether they count as the same answer."""
    return value(first, second, prompt) >= SAME
