"""A scorer of calls of tools, which has the model judge each argument beside the whole."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from nemoguardrails_trust.errors import TrustError
from nemoguardrails_trust.exchange import Exchange
from nemoguardrails_trust.models.base import LanguageModel
from nemoguardrails_trust.models.deadline import time_left
from nemoguardrails_trust.scorers.base import Scorer, close, takes_media
from nemoguardrails_trust.scorers.evaluating import score_beside
from nemoguardrails_trust.scorers.local.evaluating import Evaluator
from nemoguardrails_trust.scorers.local.fields import FieldJudgement
from nemoguardrails_trust.scorers.safely import score_safely
from nemoguardrails_trust.scores import CallUsage, Signal, TrustworthinessScore, Usage

ARGUMENTS = "arguments"
"""The signal, and where the metadata of a score has what each argument brought."""


class ToolCallScorer:
    """Scores calls of tools by the whole and by each argument: they are as sure as the least sure.

    The arguments are judged by one further request, at once with the others.
    """

    def __init__(self, scorer: Scorer, model: LanguageModel, *, timeout: float) -> None:
        """Takes what scores the calls as a whole, and the model that judges their arguments."""
        self._scorer = scorer
        self._evaluator = Evaluator(model)
        self._timeout = timeout
        self.name: str = getattr(scorer, "name", "")
        self.takes_media = takes_media(scorer)

    async def score(self, exchange: Exchange) -> TrustworthinessScore:
        """Scores calls, as `{"tool_calls": [{"name": …, "arguments": {…}}]}`.

        The signal `arguments` is that of the least sure one; `arguments` in the metadata has the
        `score` and the `explanation` of each, or an `error`.

        Raises:
            SetupError: The scorer cannot score anything.
        """
        timeout = min(self._timeout, time_left())
        names = argument_names(exchange.response)
        scoring = score_safely(self._scorer, exchange, timeout=timeout)
        if not names:
            return await scoring
        spent: list[CallUsage] = []
        judging = self._evaluator.judge_fields(exchange, names, timeout=timeout, spent=spent)
        score, judged = await score_beside(judging, scoring)
        score = replace(score, usage=score.usage + Usage.of_calls(tuple(spent), 0.0))
        return with_arguments(score, judged)

    async def aclose(self) -> None:
        """Closes the scorer, where it can be."""
        await close(self._scorer)


def argument_names(response: str) -> Sequence[str]:
    """What is judged of calls by itself: each call, by its tool's name, and each argument.

    Arguments are named `tool.argument`; of several calls of one tool, the second is `tool[2]`.

    Returns:
        The names in their order; none where there are no arguments.
    """
    names: list[str] = []
    called: dict[str, int] = {}
    arguments = 0
    for call in json.loads(response)["tool_calls"]:
        called[call["name"]] = times = called.get(call["name"], 0) + 1
        tool = call["name"] if times == 1 else f"{call['name']}[{times}]"
        names += [tool, *(f"{tool}.{name}" for name in call["arguments"])]
        arguments += len(call["arguments"])
    return list(dict.fromkeys(names)) if arguments else ()


def with_arguments(
    score: TrustworthinessScore, judged: Mapping[str, FieldJudgement | TrustError]
) -> TrustworthinessScore:
    """A score lowered to that of the least sure argument, which its explanation names.

    Without any judgement of arguments, the score stays, and the signal is named as missing.
    """
    sure = {
        name: judgement
        for name, judgement in judged.items()
        if isinstance(judgement, FieldJudgement)
    }
    told = {name: _told(judgement) for name, judgement in judged.items()}
    failures = tuple(error for error in judged.values() if isinstance(error, TrustError))
    explanation, value = score.explanation, score.score
    if sure:
        least = min(sure, key=lambda name: sure[name].value)
        values = {name: judgement.value for name, judgement in sure.items()}
        signal = Signal(sure[least].value, details={"least_sure": least, "scores": values})
        named = f"The least certain is {least!r} ({sure[least].value:.0%})"
        named = f"{named}: {sure[least].reason}" if sure[least].reason else f"{named}."
        explanation = f"{explanation} {named}" if explanation else named
        value = None if value is None else min(value, sure[least].value)
    else:
        signal = Signal(None, error=str(failures[0]) if failures else "nothing was judged")
    return replace(
        score,
        score=value,
        signals={**score.signals, ARGUMENTS: signal},
        explanation=explanation,
        metadata={**score.metadata, ARGUMENTS: told},
        failures=(*score.failures, *failures),
    )


def _told(judged: FieldJudgement | TrustError) -> dict[str, Any]:
    if isinstance(judged, TrustError):
        return {"score": None, "error": str(judged)}
    return {"score": judged.value, "explanation": judged.reason or None}
