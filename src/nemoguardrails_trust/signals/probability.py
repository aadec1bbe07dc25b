"""How likely the model's own tokens were."""

import logging
import math
from collections.abc import Sequence

from nemoguardrails_trust.exchange import Exchange
from nemoguardrails_trust.scores import Signal
from nemoguardrails_trust.signals.answer_tokens import (
    AnswerTokens,
    Measured,
    answer_tokens,
    measured_on,
)

_log = logging.getLogger(__name__)

# Servers write -9999 for "not among the most likely tokens", and one such token must not decide
# for a whole answer. exp(-20) is 2 in a thousand million.
LEAST_LOGPROB = -20.0

_ROUNDING = 1e-3  # log-probabilities a little above 0 come from servers that round


def response_probability(exchange: Exchange) -> Signal:
    """How likely the tokens were that bear the answer.

    Where the tokens' texts are known, that is the letter of a choice over the letters offered, the
    final answer of a longer text, or the values of a JSON object; the object's probability is
    that of its least likely field, as it is right as a whole. Else it is all tokens.

    Args:
        exchange: The response, with `tokens` or `token_logprobs`.

    Returns:
        A signal as `probability_signal` gives it, with the `fields` of a JSON object in its
        details, each with a probability. It never falls when one of the tokens is more likely.
    """
    whole = probability_signal(exchange.token_logprobs)
    if whole.value is None or not exchange.tokens:
        return whole
    try:
        found = answer_tokens(exchange.response, exchange.question, exchange.tokens)
    except Exception as error:  # noqa: BLE001 - no text may turn its own check off
        kind = type(error).__name__
        _log.warning("could not find the tokens that carry the answer: %s", kind)
        return whole
    return _signal_of(found)


def _signal_of(found: AnswerTokens) -> Signal:
    parts = {name: probability_signal(logprobs) for name, logprobs in found.parts.items()}
    values = {name: part.value for name, part in parts.items() if part.value is not None}
    least = min(values, key=values.__getitem__)
    details = {**parts[least].details, "measured": found.measured}
    if found.measured == "fields":
        details["fields"] = values
    return Signal(values[least], details)


def measured_in(signal: Signal | None) -> Measured:
    """What a probability was measured on."""
    measured: Measured = "answer" if signal is None else signal.details.get("measured", "answer")
    return measured


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
