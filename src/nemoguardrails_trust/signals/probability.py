"""How likely the model's own tokens were."""

import math
from collections.abc import Sequence
from typing import Literal

from nemoguardrails_trust.scores import Signal

# Servers write -9999 for "not among the most likely tokens", and one such token must not decide
# for a whole answer. exp(-20) is 2 in a thousand million.
LEAST_LOGPROB = -20.0

SHORT_ANSWER = 24
"""The most tokens of a short answer: one sentence, in which most tokens bear on the answer."""

Measured = Literal["answer", "text"]
"""What probabilities were measured on: a short answer, or a longer text."""

_ROUNDING = 1e-3  # log-probabilities a little above 0 come from servers that round


def probability_signal(token_logprobs: Sequence[float] | None) -> Signal:
    """The geometric mean of the probabilities of a response's tokens.

    That is exp of their mean log-probability, the inverse of perplexity.

    Args:
        token_logprobs: Natural logarithms, one a token. Values below `LEAST_LOGPROB` count as it.

    Returns:
        A signal whose details hold `tokens`, `mean_logprob`, `least_logprob` and `measured`;
        without a value where there are no tokens, or something is not a log-probability.
    """
    if not token_logprobs:
        return Signal(None, error="the response came without token probabilities")
    if not all(math.isfinite(logprob) or logprob == -math.inf for logprob in token_logprobs):
        return Signal(None, error="a token's log-probability is not a number")
    if max(token_logprobs) > _ROUNDING:
        return Signal(None, error="a token's log-probability is above 0")
    bounded = [min(0.0, max(LEAST_LOGPROB, logprob)) for logprob in token_logprobs]
    mean = math.fsum(bounded) / len(bounded)
    details = {
        "tokens": len(bounded),
        "mean_logprob": mean,
        "least_logprob": min(bounded),
        "measured": measured_on(token_logprobs),
    }
    return Signal(min(1.0, math.exp(mean)), details)


def measured_on(token_logprobs: Sequence[float] | None) -> Measured:
    """What the probabilities of a response's tokens tell about, by how many there are."""
    return "answer" if len(token_logprobs or ()) <= SHORT_ANSWER else "text"
