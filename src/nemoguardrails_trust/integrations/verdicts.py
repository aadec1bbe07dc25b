"""What an adapter attaches to an answer: its score, the threshold and the resulting status."""

import asyncio
import json
import logging
from collections.abc import Callable, Mapping
from typing import Any

from nemoguardrails_trust.errors import DataError, SettingsError
from nemoguardrails_trust.exchange import read_response
from nemoguardrails_trust.scores import status_of
from nemoguardrails_trust.tlm import TLM
from nemoguardrails_trust.tlm.completions import completion_as_data

_log = logging.getLogger(__name__)

Verdict = dict[str, Any]


def verdict_of(result: Mapping[str, Any], threshold: float) -> Verdict:
    """Compares a score with a threshold.

    Args:
        result: What a `try_…` method of `TLM` returned for one answer.
        threshold: The score, 0 to 1, below which the answer is untrustworthy.

    Returns:
        `trustworthiness_score` (`None` if there is none), `threshold`, `status`
        (`trusted`, `untrustworthy` or `unchecked`), and the result's `log`, if it has one.
    """
    score = result["trustworthiness_score"]
    status = status_of(score, threshold)
    verdict = {"trustworthiness_score": score, "threshold": threshold, "status": status}
    return verdict | {"log": result["log"]} if "log" in result else verdict


def no_verdict(reason: str, threshold: float) -> Verdict:
    """The verdict on an answer that was not scored."""
    log = {"error": {"message": reason, "retryable": False}}
    return verdict_of({"trustworthiness_score": None, "log": log}, threshold)


async def verdicts_on(
    tlm: TLM, answered: Any, prompt_of: Callable[[], Any], threshold: float
) -> list[Verdict]:
    """The verdicts on a client's answer: one, or one for each of a completion's choices.

    Each choice gets its own as the attribute `trust`, and the answer that of the first.

    Args:
        tlm: Scores.
        answered: A completion, a response, or a message as an object.
        prompt_of: Gives what the model was given.
        threshold: The score, 0 to 1, below which an answer is untrustworthy.
    """
    try:
        verdicts = await _verdicts(tlm, answered, prompt_of(), threshold)
    except SettingsError as error:
        verdicts = [no_verdict(str(error), threshold)]
    attach(verdicts[0], answered)
    return verdicts


async def _verdicts(tlm: TLM, answered: Any, prompt: Any, threshold: float) -> list[Verdict]:
    if hasattr(answered, "choices"):
        verdicts = await _score_choices(tlm, prompt, answered, threshold)
        return verdicts or [no_verdict("there is no answer", threshold)]
    if hasattr(answered, "output") or isinstance(answered, Mapping):
        result = await tlm.try_get_trustworthiness_score_async(prompt, answered)
        return [verdict_of(result, threshold)]
    return [no_verdict(f"the type {type(answered).__name__} is not scored", threshold)]


async def _score_choices(tlm: TLM, prompt: Any, completion: Any, threshold: float) -> list[Verdict]:
    choices = completion.choices or []  # a server may send null, which clients let pass
    answers = [completion.model_copy(update={"choices": [choice]}) for choice in choices]
    results = await asyncio.gather(
        *(tlm.try_get_trustworthiness_score_async(prompt, answer) for answer in answers)
    )
    verdicts = [verdict_of(result, threshold) for result in results]
    for choice, verdict in zip(choices, verdicts, strict=True):
        attach(verdict, choice)
    return verdicts


def attach(verdict: Verdict, answered: Any) -> None:
    """Gives an answer its verdict as `trust`; what cannot hold one is left as it is."""
    if isinstance(answered, dict):
        answered["trust"] = verdict
        return
    try:
        answered.trust = verdict
    except (AttributeError, TypeError, ValueError):
        _log.warning("an answer of the type %s cannot hold its verdict", type(answered).__name__)


# What says that a mapping is a message, a part of one, or a completion.
_KEYS_OF_MESSAGES = frozenset({"choices", "content", "messages", "output", "role"})


def answer_of(response: Any) -> Any:
    """An answer as it is scored: what a program made of one, such as an object, as JSON.

    Raises:
        TypeError: It has keys that JSON does not have.
        ValueError: It contains itself.
    """
    data = completion_as_data(response)
    if isinstance(data, Mapping) and not data.keys() & _KEYS_OF_MESSAGES:
        try:
            read_response(data, in_text=False)
        except DataError:
            return json.dumps(data, ensure_ascii=False, default=str)
    is_list = isinstance(data, list) and not any(
        isinstance(item, Mapping) and item.keys() & {*_KEYS_OF_MESSAGES, "type"} for item in data
    )
    if is_list or isinstance(data, bool | int | float):
        return json.dumps(data, ensure_ascii=False, default=str)
    return response


def reason_of(verdict: Mapping[str, Any]) -> str | None:
    """Why an answer has its verdict, if that is known."""
    log = verdict.get("log", {})
    told: str | None = log["error"]["message"] if "error" in log else log.get("explanation")
    return told
