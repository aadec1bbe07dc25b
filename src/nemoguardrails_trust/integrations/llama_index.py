"""LlamaIndex: an evaluator of answers, and a postprocessor that drops irrelevant passages.

    from nemoguardrails_trust.integrations.llama_index import TrustEvaluator, TrustPostprocessor

    engine = index.as_query_engine(node_postprocessors=[TrustPostprocessor(tlm)])
    result = TrustEvaluator(tlm).evaluate_response(query, engine.query(query))
    result.score, result.passing

Importing this imports `llama_index.core`.
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from typing import Any

from nemoguardrails_trust.concurrency.loops import LoopThread
from nemoguardrails_trust.errors import ScoringError, TrustError, needing
from nemoguardrails_trust.integrations.verdicts import answer_of, reason_of, verdict_of
from nemoguardrails_trust.scorers.base import require_threshold
from nemoguardrails_trust.scorers.local.evaluating import Evaluated, Evaluator
from nemoguardrails_trust.signals.evaluations import Eval, Evidence
from nemoguardrails_trust.tlm import TLM

with needing("llama-index-core", "llama-index"):
    from llama_index.core.bridge.pydantic import Field, PrivateAttr
    from llama_index.core.evaluation.base import BaseEvaluator, EvaluationResult
    from llama_index.core.postprocessor.types import BaseNodePostprocessor
    from llama_index.core.schema import NodeWithScore, QueryBundle

_log = logging.getLogger(__name__)

__all__ = ["TrustEvaluator", "TrustPostprocessor"]

_USE = Eval(
    "use",
    "The Document holds something that helps to answer the Question: the answer, a part of it, or "
    "what has to be known for it. To be about the same subject is not enough.",
    query_identifier="Question",
    context_identifier="Document",
)


class TrustEvaluator(BaseEvaluator):  # type: ignore[misc]
    """Scores an answer, with the passages that it was made from.

    The result's `score` is the trustworthiness, 0 to 1, and `passing` says whether it reaches the
    threshold. `feedback` is the explanation, if the `TLM` was made with
    `options={"log": ["explanation"]}`. If there is no score, `invalid_result` is true,
    `invalid_reason` says why, and `passing` is false.

    Args:
        tlm: The `TLM` that scores.
        threshold: The lowest score that passes; by default the threshold of `tlm`.

    Raises:
        SettingsError: The threshold is out of range.
    """

    def __init__(self, tlm: TLM, *, threshold: float | None = None) -> None:
        super().__init__()
        if threshold is not None:
            require_threshold(threshold)
        self._tlm = tlm
        self._threshold = tlm.threshold if threshold is None else threshold

    def _get_prompts(self) -> dict[str, Any]:
        return {}

    def _update_prompts(self, prompts: dict[str, Any]) -> None:
        """There are none to update."""

    def evaluate(
        self,
        query: str | None = None,
        response: str | None = None,
        contexts: Sequence[str] | None = None,
        **kwargs: Any,
    ) -> EvaluationResult:
        """Scores an answer; see LlamaIndex, whose own method would leave an event loop open."""
        said, passages = answer_of(response), _passages_of(contexts)
        result = self._tlm.try_get_trustworthiness_score(query, said, context=passages)
        return self._evaluation(query, said, passages, result)

    async def aevaluate(
        self,
        query: str | None = None,
        response: str | None = None,
        contexts: Sequence[str] | None = None,
        **kwargs: Any,
    ) -> EvaluationResult:
        """Scores an answer; see LlamaIndex."""
        said, passages = answer_of(response), _passages_of(contexts)
        result = await self._tlm.try_get_trustworthiness_score_async(query, said, context=passages)
        return self._evaluation(query, said, passages, result)

    def _evaluation(
        self,
        query: str | None,
        response: str | None,
        passages: list[str] | None,
        result: Mapping[str, Any],
    ) -> EvaluationResult:
        verdict = verdict_of(result, self._threshold)
        is_unchecked = verdict["status"] == "unchecked"
        reason = reason_of(verdict)
        return EvaluationResult(
            query=query,
            contexts=passages,
            response=response,
            passing=verdict["status"] == "trusted",
            score=verdict["trustworthiness_score"],
            feedback=None if is_unchecked else reason,
            invalid_result=is_unchecked,
            invalid_reason=reason if is_unchecked else None,
        )


def _passages_of(contexts: Sequence[str] | None) -> list[str] | None:
    if contexts is None:
        return None
    return [contexts] if isinstance(contexts, str) else list(contexts)


class TrustPostprocessor(BaseNodePostprocessor):  # type: ignore[misc]
    """Has the model judge how useful each retrieved passage is, and drops those that are not.

    Each passage costs one request; all are made at once. The passages that stay have their
    usefulness, 0 to 1, as their score, the best first. A passage that could not be judged keeps its
    score and comes last; the log says why.

    Args:
        tlm: The `TLM` whose model judges.
        cutoff: Passages less useful than this, 0 to 1, are dropped.
        timeout: Seconds for all passages of a query.
    """

    cutoff: float = Field(default=0.5, ge=0, le=1)
    timeout: float = Field(default=60.0, gt=0)
    _evaluator: Evaluator = PrivateAttr()
    _loop_thread: LoopThread = PrivateAttr()

    def __init__(self, tlm: TLM, **settings: Any) -> None:
        super().__init__(**settings)
        self._evaluator = Evaluator(tlm.model)
        self._loop_thread = LoopThread()

    @classmethod
    def class_name(cls) -> str:
        """Its name; see LlamaIndex."""
        return "TrustPostprocessor"

    def _postprocess_nodes(
        self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None
    ) -> list[NodeWithScore]:
        kept: list[NodeWithScore] = self._loop_thread.run(
            self._apostprocess_nodes(nodes, query_bundle)
        )
        return kept

    async def _apostprocess_nodes(
        self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None
    ) -> list[NodeWithScore]:
        if query_bundle is None:
            return nodes
        query = query_bundle.query_str
        found = await asyncio.gather(*(self._use(query, node.get_content()) for node in nodes))
        judged: list[NodeWithScore] = []
        unjudged: list[NodeWithScore] = []
        for node, use in zip(nodes, found, strict=True):
            value = None if isinstance(use, TrustError) else use.value
            if value is None:
                reason = use if isinstance(use, TrustError) else use.error
                _log.warning("a retrieved passage could not be judged: %s", reason)
                unjudged.append(node)
            elif value >= self.cutoff:
                judged.append(NodeWithScore(node=node.node, score=value))
        return [*sorted(judged, key=lambda node: node.score, reverse=True), *unjudged]

    async def _use(self, query: str, passage: str) -> Evaluated:
        if not passage.strip():
            return ScoringError("it has no text")
        evidence = Evidence(query, (passage,), "")
        found = await self._evaluator.evaluate([_USE], evidence, timeout=self.timeout)
        return found[_USE.name]
