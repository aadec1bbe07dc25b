"""The tokens of an answer, with their probabilities."""

from dataclasses import dataclass


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
