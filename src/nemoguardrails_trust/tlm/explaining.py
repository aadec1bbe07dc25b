"""Why results have their scores, asked for afterwards."""

from collections.abc import Callable, Iterable, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any

from nemoguardrails_trust.errors import SettingsError, TrustError
from nemoguardrails_trust.exchange import Exchange
from nemoguardrails_trust.models.deadline import time_left, whole_deadline
from nemoguardrails_trust.scorers.local.evaluating import Evaluator
from nemoguardrails_trust.scores import TrustworthinessScore, require_share
from nemoguardrails_trust.tlm.outcomes import Outcome, failed, without_reasons
from nemoguardrails_trust.tlm.questions import Item


@dataclass(frozen=True, slots=True)
class Scored:
    """A result as its caller has it, its score, and what its log says already."""

    result: Mapping[str, Any]
    score: float
    explanation: str | None


async def explain(
    item: Item, scored: Scored, evaluator: Callable[[], Evaluator], *, timeout: float
) -> Outcome:
    """Tells why a response has its score, as the outcome's response. No failure raises.

    Args:
        item: What was asked, and the response.
        scored: The result; an explanation that it has is taken as it is.
        evaluator: Gives the model that tells it.
        timeout: Seconds.
    """
    if scored.explanation is not None:
        return Outcome(scored.explanation)
    with whole_deadline(timeout):
        try:
            question = item.read()
            exchange = Exchange(question.response, question.messages, question.context)
            reasons = await evaluator().explain(exchange, scored.score, timeout=time_left())
        except TrustError as error:
            return failed(error)
    return Outcome(reasons or without_reasons(TrustworthinessScore(scored.score)))


def read_results(tlm_result: Any) -> tuple[list[Scored], bool]:
    """Reads earlier results.

    Args:
        tlm_result: One, as a `TLM` or a `TrustworthyRAG` gave it, or an iterable of them.

    Returns:
        What they say, and whether there was one rather than a list.

    Raises:
        SettingsError: One is no result, or has no score.
    """
    if isinstance(tlm_result, Mapping):
        return [_read(tlm_result, "tlm_result")], True
    if isinstance(tlm_result, str) or not isinstance(tlm_result, Iterable):
        raise _unfit("tlm_result", f"is a {type(tlm_result).__name__}")
    return [_read(result, f"tlm_result[{place}]") for place, result in enumerate(tlm_result)], False


def responses_of(scored: list[Scored], is_one: bool, response: Any) -> Any:
    """The response of a result, or the list of those of many: its own, or the caller's.

    Raises:
        SettingsError: It is given twice, or not at all.
    """
    if not all("response" in known.result for known in scored):
        if response is None:
            raise SettingsError(
                "response is missing, and tlm_result does not contain it; pass response",
                key="response",
            )
        return response
    if response is not None:
        raise SettingsError(
            "response is given, but tlm_result already has one; leave response out", key="response"
        )
    responses = [known.result["response"] for known in scored]
    return responses[0] if is_one else responses


def require_same_number(is_one: bool, is_one_prompt: bool) -> None:
    """Makes sure that there is one result for one prompt, or a list of each.

    Raises:
        SettingsError: There is not.
    """
    if is_one is not is_one_prompt:
        given, asked = ("one result", "a list of prompts") if is_one else ("a list", "one prompt")
        raise SettingsError(f"tlm_result is {given}, but there is {asked}", key="tlm_result")


def note_explanation(result: Mapping[str, Any], explanation: str) -> None:
    """Puts an explanation into the log of an earlier result, where that can be changed."""
    score = result.get("trustworthiness")
    target = score if isinstance(score, MutableMapping) else result
    if isinstance(target, MutableMapping):
        target["log"] = {**log_of(target), "explanation": explanation}


def log_of(result: Mapping[str, Any]) -> Mapping[str, Any]:
    """The log of an earlier result; empty where it has none, or what it has is none."""
    log = result.get("log")
    return log if isinstance(log, Mapping) else {}


def _read(result: Any, where: str) -> Scored:
    if not isinstance(result, Mapping):
        raise _unfit(where, f"is a {type(result).__name__}")
    trustworthiness = result.get("trustworthiness")
    told = result if trustworthiness is None else trustworthiness
    key = "trustworthiness_score" if trustworthiness is None else "score"
    score = told.get(key) if isinstance(told, Mapping) else None
    if score is None:
        raise _unfit(where, "has no score")
    try:
        require_share(key, score)
    except ValueError as error:
        raise _unfit(where, f"cannot be used: {error}") from None
    explanation = log_of(told).get("explanation")
    return Scored(
        result=result,
        score=score,
        explanation=explanation if isinstance(explanation, str) else None,
    )


def _unfit(where: str, why: str) -> SettingsError:
    return SettingsError(
        f"{where} {why}; pass a result that has a score, unchanged", key="tlm_result"
    )
