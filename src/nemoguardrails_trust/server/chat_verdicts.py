"""What a client of chat completions is told about an answer."""

from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from typing import Any

from nemoguardrails_trust.errors import DataError, TrustError
from nemoguardrails_trust.exchange import Exchange, read_messages
from nemoguardrails_trust.models.base import Reply
from nemoguardrails_trust.models.chat_answers import read_choices
from nemoguardrails_trust.scores import TrustworthinessScore
from nemoguardrails_trust.server.failures import told
from nemoguardrails_trust.server.scoring import Scoring
from nemoguardrails_trust.server.wanted import Wanted
from nemoguardrails_trust.signals.probability import probability_signal
from nemoguardrails_trust.tlm.answering import is_unmet

_TOOLS = ("tools", "functions")


@dataclass(frozen=True, slots=True)
class Deciding:
    """What becomes of an answer by its score.

    Attributes:
        threshold: Scores below it are untrustworthy.
        fallback: What is answered in its place; `None` leaves the answer as it is.
    """

    threshold: float
    fallback: str | None


def read_question(asked: Mapping[str, Any]) -> Exchange | DataError:
    """What a request asks, tools included, without an answer; or why it cannot be read."""
    tools = {name: asked[name] for name in _TOOLS if asked.get(name)}
    try:
        messages = read_messages({"messages": asked["messages"], **tools}, in_text=False)
    except DataError as error:
        return error
    return Exchange("", messages)


async def tlm_metadata(
    scoring: Scoring,
    wanted: Wanted,
    question: Exchange | DataError,
    completion: Mapping[str, Any],
    *,
    prefetched: Awaitable[Reply] | None = None,
    deciding: Deciding | None = None,
) -> dict[str, Any]:
    """Scores the first choice of a completion. No failure raises: the score is `None` then.

    Args:
        scoring: Makes the score.
        wanted: The client's preset and options.
        question: What was asked, or why that cannot be read.
        completion: The answer, in OpenAI's form.
        prefetched: Samples that are already being drawn.
        deciding: What becomes of the answer, where that is decided.
    """
    try:
        exchange = _answered(question, completion)
        threshold = None if deciding is None else deciding.threshold
        score = await scoring.rated(wanted, exchange, prefetched, threshold)
    except TrustError as error:
        return _marked({"trustworthiness_score": None, "log": _failed(error)}, deciding)
    perplexity = probability_signal(exchange.token_logprobs).value
    return _marked(_scored(scoring, wanted, score, perplexity), deciding)


def replaced(completion: Mapping[str, Any], metadata: dict[str, Any], text: str) -> dict[str, Any]:
    """A completion with another text in the place of its answer, which goes into the metadata."""
    first, *_ = completion["choices"]
    metadata["original_message"] = first.get("message")
    message = {"role": "assistant", "content": text}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
    return {**completion, "choices": [choice]}


def _answered(question: Exchange | DataError, completion: Mapping[str, Any]) -> Exchange:
    if isinstance(question, DataError):
        raise question
    choices = read_choices(completion)
    answer = choices[0].completion if choices else None
    if answer is None:
        raise DataError("the answer holds no text that could be scored")
    tokens = answer.tokens or None
    return Exchange(answer.text, question.messages, question.context, tokens=tokens)


def _scored(
    scoring: Scoring, wanted: Wanted, score: TrustworthinessScore, perplexity: float | None
) -> dict[str, Any]:
    if score.score is None and (wanted.has_trustworthiness or is_unmet(score)):
        failure = score.failures[0] if score.failures else None
        return {"trustworthiness_score": None, "log": _failed(failure, score.error)}
    metadata: dict[str, Any] = {
        "trustworthiness_score": score.score if wanted.has_trustworthiness else None
    }
    log = scoring.log_of(wanted, score, perplexity)
    if log or wanted.log:
        metadata["log"] = log
    return metadata


def _failed(error: TrustError | None, message: str | None = None) -> dict[str, Any]:
    said = message or ("no score could be had" if error is None else told(error))
    return {
        "error": {"message": said, "retryable": error is not None and error.is_retryable},
        "explanation": "The answer was not scored.",
    }


def _marked(metadata: dict[str, Any], deciding: Deciding | None) -> dict[str, Any]:
    if deciding is None:
        return metadata
    score = metadata["trustworthiness_score"]
    if score is None:
        status = "unchecked"
    else:
        status = "untrustworthy" if score < deciding.threshold else "trusted"
    return metadata | {"status": status, "threshold": deciding.threshold}
