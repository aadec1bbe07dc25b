"""The tokens of an answer, with their probabilities."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate


@dataclass(frozen=True, slots=True)
class TokenLogprob:
    """One token of an answer, with its probability.

    Attributes:
        token: The token's text.
        logprob: The natural logarithm of its probability, at most 0.
        top: The most likely tokens in this position, with their log-probabilities.
    """

    token: str
    logprob: float
    top: tuple[tuple[str, float], ...] = ()


class SpeltTokens:
    """Tokens, found by their places in the text that they make up."""

    def __init__(self, tokens: Sequence[TokenLogprob]) -> None:
        self._tokens = tokens
        self.text = "".join(token.token for token in tokens)
        self._ends = list(accumulate(len(token.token) for token in tokens))

    def between(self, start: int, end: int) -> tuple[TokenLogprob, ...]:
        """The tokens that have a part between two places."""
        first, last = bisect_right(self._ends, start), bisect_left(self._ends, end)
        return tuple(self._tokens[first : last + 1])

    def last(self, part: str) -> tuple[TokenLogprob, ...]:
        """Those of a part of the text where it stands last; none where it does not stand there."""
        start = self.text.rfind(part) if part else -1
        return () if start < 0 else self.between(start, start + len(part))
