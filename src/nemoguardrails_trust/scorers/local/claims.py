"""The scores of a response's sentences, made of a judge's verdicts and of the samples."""

import asyncio
import logging
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nemoguardrails_trust.exchange import Exchange
from nemoguardrails_trust.models.deadline import time_left
from nemoguardrails_trust.scores import Claim
from nemoguardrails_trust.signals.claims import MOST_CLAIMS
from nemoguardrails_trust.signals.combine import Weights, combine
from nemoguardrails_trust.signals.sentences import Sentences, split_sentences
from nemoguardrails_trust.signals.support import support

_log = logging.getLogger(__name__)

Verdicts = Mapping[int, float | None]

_LOW = 0.5
_NAMED = 3
_QUOTED = 100  # characters of a sentence


@dataclass(frozen=True, slots=True)
class ScoredClaims:
    """The sentences of a response that have scores.

    Attributes:
        claims: In order.
        told: About all of them, ready for JSON: how many `sentences` there are, whether these are
            `all` of the response, and the `error` where one of the signals could not be had.
    """

    claims: tuple[Claim, ...]
    told: Mapping[str, Any]


def sentences_of(exchange: Exchange) -> Sentences:
    """The sentences of a response that are scored; none where it is too long to be one.

    Raises:
        MissingDependencyError: The extra `claims` is not installed.
    """
    return split_sentences(exchange.response, most=MOST_CLAIMS)


async def score_claims(
    sentences: Sentences,
    exchange: Exchange,
    *,
    verdicts: Verdicts,
    samples: Sequence[str],
    weights: Weights | None,
    problem: str | None,
) -> ScoredClaims:
    """Makes the scores. No failure raises.

    Args:
        sentences: Those of the response.
        exchange: What is scored.
        verdicts: How likely each is true, by its number; `None` for one that states nothing.
        samples: Other answers of the model.
        weights: How much a verdict and the samples count.
        problem: Why there are no verdicts.
    """
    borne_out = await _support(sentences, samples, exchange.question)
    claims = []
    for number, sentence in enumerate(sentences.listed):
        signals: dict[str, float] = {}
        if number in verdicts:
            verdict = verdicts[number]
            if verdict is None:
                continue
            signals["reflection"] = verdict
        if borne_out is not None:
            signals["consistency"] = borne_out[number]
        score = combine(signals, weights)
        if score is not None:
            place = (sentence.start, sentence.end, sentence.text)
            claims.append(Claim(*place, score=score, signals=signals))
    told: dict[str, Any] = {"sentences": len(sentences.listed), "all": sentences.is_whole}
    if problem is not None:
        told["error"] = problem
    return ScoredClaims(tuple(claims), told)


def least_supported(claims: Sequence[Claim]) -> list[str]:
    """Names the sentences with the lowest scores, where some are low, and their places."""
    low = sorted((claim for claim in claims if claim.score < _LOW), key=lambda claim: claim.score)
    if not low:
        return []
    named = ", ".join(
        f"“{quoted(claim.text, _QUOTED)}” ({claim.start} to {claim.end}, {claim.score:.2f})"
        for claim in low[:_NAMED]
    )
    return [f"Least supported: {named}."]


def quoted(text: str, most: int) -> str:
    """A text on one line, of at most so many characters and a mark where it was cut."""
    joined = " ".join(text.split())
    return joined if len(joined) <= most else joined[:most].rstrip() + "…"


async def _support(sentences: Sentences, samples: Sequence[str], prompt: str) -> list[float] | None:
    """What samples bear out, as far as there is time; it is worked out beside the loop."""
    if not samples or not sentences.listed:
        return None
    over = threading.Event()
    texts = [sentence.text for sentence in sentences.listed]
    work = asyncio.to_thread(support, texts, samples, prompt=prompt, is_over=over.is_set)
    try:
        async with asyncio.timeout(max(0.0, time_left())):
            return await work
    except TimeoutError:
        _log.info("no time is left to compare sentences with the samples")
        return None
    finally:
        over.set()
