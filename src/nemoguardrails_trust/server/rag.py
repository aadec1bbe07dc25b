"""Answers from retrieved passages, with scores of every part, in the form of the TLM protocol."""

from collections.abc import Awaitable
from typing import Any

from fastapi import APIRouter

from nemoguardrails_trust.errors import ScoringError, SettingsError, TrustError
from nemoguardrails_trust.scorers.local.evaluating import Evaluated
from nemoguardrails_trust.server.backends import Backends
from nemoguardrails_trust.server.bodies import EvalBody, RagBody, RagScoreBody
from nemoguardrails_trust.server.connected import add_endpoint
from nemoguardrails_trust.server.scoring import Scoring, exchange_of
from nemoguardrails_trust.server.wanted import Wanted, read_wanted, refused_option
from nemoguardrails_trust.signals.evaluations import Eval, get_default_evals, require_distinct
from nemoguardrails_trust.tlm.outcomes import Outcome
from nemoguardrails_trust.tlm.questions import Item, read_allowed
from nemoguardrails_trust.tlm.rag_answering import RagAnswerer


def rag_routes(backends: Backends, scoring: Scoring) -> APIRouter:
    """The endpoints of `TrustworthyRAG`."""
    router = APIRouter(tags=["TrustworthyRAG"], prefix="/v1/rag_trustworthy_llm")
    rag = _Rag(backends, scoring)
    add_endpoint(router, "/score", RagScoreBody, rag.score)
    add_endpoint(router, "/generate", RagBody, rag.generate)
    return router


class _Rag:
    def __init__(self, backends: Backends, scoring: Scoring) -> None:
        self._backends = backends
        self._scoring = scoring

    async def score(self, body: RagScoreBody) -> dict[str, Any]:
        """Scores a response from retrieved passages, part by part."""
        wanted = _read(body)
        given = body.given
        allowed = read_allowed(given.constrain_outputs or body.constrain_outputs or None)
        item = Item(
            _prompt(body),
            body.context,
            allowed,
            given.response,
            has_response=True,
            perplexity=given.perplexity,
            query=body.query,
        )
        answerer = self._answerer(wanted, body)
        looked_at = any(standard.response_identifier is not None for standard in answerer.evals)
        if wanted.has_trustworthiness or looked_at:
            exchange_of(item)
        outcome = await self._settled(answerer.score(item), wanted)
        return self._told(wanted, outcome)

    async def generate(self, body: RagBody) -> dict[str, Any]:
        """Answers a query from retrieved passages, and scores every part of the way."""
        wanted = _read(body)
        allowed = read_allowed(body.constrain_outputs or None)
        item = Item(_prompt(body), body.context, allowed, query=body.query)
        work = self._answerer(wanted, body).generate(item)
        outcome = await self._settled(work, wanted)
        return {"response": outcome.response} | self._told(wanted, outcome)

    def _answerer(self, wanted: Wanted, body: RagBody) -> RagAnswerer:
        evals = get_default_evals()
        if body.evals is not None:
            evals = [_eval_of(given) for given in body.evals]
        if not evals and not wanted.has_trustworthiness:
            told = "leaves nothing to score; give evals"
            raise refused_option("disable_trustworthiness", told)
        return RagAnswerer(
            self._backends.parts(wanted).answerer,
            self._backends.evaluator(wanted),
            require_distinct(evals),
            # Stock clients leave out themselves what does not fit calls of tools.
            tool_call_evals=None,
            has_trustworthiness=wanted.has_trustworthiness,
        )

    async def _settled(self, work: Awaitable[Outcome], wanted: Wanted) -> Outcome:
        outcome = await self._scoring.outcome_of(work, wanted, what="the scores")
        evaluations = outcome.evaluations.values()
        failures = [_failure_of(signal) for signal in evaluations if signal is not None]
        if outcome.score is None and None not in failures:
            raise next(filter(None, failures), ScoringError("there is no score"))
        return outcome

    def _told(self, wanted: Wanted, outcome: Outcome) -> dict[str, Any]:
        told: dict[str, Any] = {"deberta_success": True}
        if wanted.has_trustworthiness and outcome.score is not None:
            log = self._scoring.log_of(wanted, outcome.score, outcome.perplexity)
            told["trustworthiness"] = {"score": outcome.value}
            if log or wanted.log:
                told["trustworthiness"]["log"] = log
        return told | outcome.evaluations_to_result()


def _read(body: RagBody) -> Wanted:
    options = body.options or {}
    if options.get("custom_eval_criteria"):
        raise refused_option("custom_eval_criteria", "cannot be used here; give evals")
    return read_wanted(body.quality, options)


def _prompt(body: RagBody) -> str:
    """What the model is given; passages that are not in it are put before it."""
    return body.query if body.prompt is None else body.prompt


def _eval_of(given: EvalBody) -> Eval:
    try:
        return Eval(
            given.name,
            given.criteria,
            given.query_identifier,
            given.context_identifier,
            given.response_identifier,
        )
    except SettingsError as error:
        raise SettingsError(f"evals: {error}", key="evals") from None


def _failure_of(evaluated: Evaluated) -> TrustError | None:
    if isinstance(evaluated, TrustError):
        return evaluated
    return None if evaluated.value is not None else ScoringError(evaluated.error or "no score")
