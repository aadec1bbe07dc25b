"""Scores of structured outputs, as clients of the TLM protocol ask for them."""

from typing import Any

from fastapi import APIRouter

from nemoguardrails_trust.server.chat_bodies import GivenAnswer
from nemoguardrails_trust.server.chat_verdicts import choice_scored
from nemoguardrails_trust.server.connected import add_endpoint
from nemoguardrails_trust.server.scoring import Scoring, exchange_of
from nemoguardrails_trust.server.wanted import OPTIONS, read_wanted
from nemoguardrails_trust.tlm.questions import Item


class StructuredBody(GivenAnswer):
    """A chat completion to score; TLM's options stand beside the messages too.

    Attributes:
        response: The whole completion.
    """

    response: dict[str, Any]


def structured_routes(scoring: Scoring) -> APIRouter:
    """The endpoint of `TLMChatCompletion` and `TLMResponses` for structured outputs."""
    router = APIRouter(tags=["TLM"])

    async def score(body: StructuredBody) -> dict[str, Any]:
        """Scores a structured output."""
        beside = body.model_extra or {}
        # What is no option of TLM's is OpenAI's, and says nothing about the score.
        wanted = read_wanted(
            body.quality_preset, {name: beside[name] for name in OPTIONS if name in beside}
        )
        item = Item(body.question, response=body.response, has_response=True)
        value, log = await scoring.rated_by_field(wanted, exchange_of(item))
        told = {"trustworthiness_score": value, **choice_scored(body.response)}
        return told | ({"log": log} if log or "log" in beside else {})

    add_endpoint(router, "/v1/openai_trustworthy_llm/score", StructuredBody, score)
    return router
