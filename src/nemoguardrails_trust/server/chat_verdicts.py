"""What a client of chat completions is told about an answer."""

from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from typing import Any

from nemoguardrails_trust.errors import DataError, TrustError
from nemoguardrails_trust.exchange import Exchange, read_messages
from nemoguardrails_trust.models.base import Reply
from nemoguardrails_trust.models.chat_answers import read_choices
from nemoguardrails_trust.server.chat_chunks import choices_of
from nemoguardrails_trust.server.failures import told
from nemoguardrails_trust.server.scoring import Scoring, perplexity_of, require_score
from nemoguardrails_trust.server.wanted import Wanted

_TOOLS = ("tools", "functions")
FIRST_CHOICE = {"choice": 0}
"""Told beside a score where there are several choices: the index of the one it belongs to."""


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
    """Scores the first choice of a completion; no failure raises: the score is `None` then.

    Args:
        scoring: Makes the score.
        wanted: The client's preset and options.
        question: What was asked, or why that cannot be read.
        completion: The answer, in OpenAI's form.
        prefetched: Samples that are already being drawn.
        deciding: What becomes of the answer, where that is decided.
    """
    threshold = None if deciding is None else deciding.threshold
    try:
        metadata = await scored(
            scoring, wanted, question, completion, prefetched=prefetched, threshold=threshold
        )
    except TrustError as error:
        metadata = {"trustworthiness_score": None, "log": _failed(error)}
        metadata |= choice_scored(completion)
    return _marked(metadata, deciding)


async def scored(
    scoring: Scoring,
    wanted: Wanted,
    question: Exchange | DataError,
    completion: Mapping[str, Any],
    *,
    prefetched: Awaitable[Reply] | None = None,
    threshold: float | None = None,
) -> dict[str, Any]:
    """Scores the first choice of a completion; see `tlm_metadata`.

    Args:
        scoring: Makes the score.
        wanted: The client's preset and options.
        question: What was asked, or why that cannot be read.
        completion: The answer, in OpenAI's form.
        prefetched: Samples that are already being drawn.
        threshold: With what the client compares the score, where it does.

    Raises:
        TrustError: There is no score.
    """
    exchange = _answered(question, completion)
    score, fields = await scoring.rated_by_field(wanted, exchange, prefetched, threshold)
    require_score(wanted, score)
    metadata: dict[str, Any] = {
        "trustworthiness_score": score.score if wanted.has_trustworthiness else None
    }
    log = scoring.log_of(wanted, score, perplexity_of(exchange)) | fields
    if log or wanted.log:
        metadata["log"] = log
    return metadata | choice_scored(completion)


def choice_scored(completion: Mapping[str, Any]) -> dict[str, Any]:
    """Which choice a score belongs to, where there are several."""
    choices = choices_of(completion)
    if len(choices) < 2:
        return {}
    index = choices[0].get("index")
    return {"choice": index} if isinstance(index, int) else FIRST_CHOICE


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


def _failed(error: TrustError) -> dict[str, Any]:
    return {
        "error": {"message": told(error), "retryable": error.is_retryable},
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
