"""What a client of chat completions is told about an answer."""

from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from typing import Any

from nemoguardrails_trust.errors import DataError, TrustError
from nemoguardrails_trust.exchange import Exchange, read_messages
from nemoguardrails_trust.exchange.values import objects_in
from nemoguardrails_trust.models.base import Reply
from nemoguardrails_trust.models.chat_answers import read_choices
from nemoguardrails_trust.scores import status_of
from nemoguardrails_trust.server.failures import told
from nemoguardrails_trust.server.scoring import Scoring
from nemoguardrails_trust.server.wanted import Wanted

_TOOLS = ("tools", "functions")
FIRST_CHOICE = {"choice": 0}
"""Told beside a score where there are several choices: the index of the one it belongs to."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One request, read.

    Attributes:
        asked: What the backend is sent.
        wanted: How the answer is to be scored.
        question: What is asked, as a scorer sees it; or why it cannot be read. Then there is
            no score, and whether there is an answer is the backend's to say.
        threshold: Scores below it are untrustworthy; `None` where nothing comes of a score.
        fallback: What is answered in the place of an answer that is not trusted; `None` leaves
            the answer as it is.
    """

    asked: dict[str, Any]
    wanted: Wanted
    question: Exchange | DataError
    threshold: float | None = None
    fallback: str | None = None


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
    turn: Turn,
    completion: Mapping[str, Any],
    prefetched: Awaitable[Reply] | None,
) -> dict[str, Any]:
    """Scores the first choice of a completion; no failure raises: the score is `None` then.

    Args:
        scoring: Makes the score.
        turn: The request that it answers.
        completion: The answer, in OpenAI's form.
        prefetched: Samples that are already being drawn.
    """
    try:
        metadata = await scored(scoring, turn, completion, prefetched)
    except TrustError as error:
        metadata = {"trustworthiness_score": None, "log": _failed(error)}
        metadata |= choice_scored(completion)
    return _marked(metadata, turn.threshold)


async def scored(
    scoring: Scoring,
    turn: Turn,
    completion: Mapping[str, Any],
    prefetched: Awaitable[Reply] | None,
) -> dict[str, Any]:
    """Scores the first choice of a completion; see `tlm_metadata`.

    Raises:
        TrustError: There is no score.
    """
    exchange = _answered(turn.question, completion)
    score, log = await scoring.rated_by_field(turn.wanted, exchange, prefetched, turn.threshold)
    metadata: dict[str, Any] = {"trustworthiness_score": score}
    if log or turn.wanted.log:
        metadata["log"] = log
    return metadata | choice_scored(completion)


def choice_scored(completion: Mapping[str, Any]) -> dict[str, Any]:
    """Which choice a score belongs to, where there are several."""
    choices = objects_in(completion.get("choices"))
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
        raise DataError("the answer has no text to score")
    tokens = answer.tokens or None
    return Exchange(answer.text, question.messages, question.context, tokens=tokens)


def _failed(error: TrustError) -> dict[str, Any]:
    return {
        "error": {"message": told(error), "retryable": error.is_retryable},
        "explanation": "The answer was not scored.",
    }


def _marked(metadata: dict[str, Any], threshold: float | None) -> dict[str, Any]:
    if threshold is None:
        return metadata
    status = status_of(metadata["trustworthiness_score"], threshold)
    return metadata | {"status": status, "threshold": threshold}
