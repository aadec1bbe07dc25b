"""Scores of structured outputs, as clients of the TLM protocol ask for them."""

from typing import Any

from fastapi import APIRouter

from nemoguardrails_trust.server.bodies import Body
from nemoguardrails_trust.server.chat_bodies import Messages, Objects, asked_with
from nemoguardrails_trust.server.chat_verdicts import choice_scored
from nemoguardrails_trust.server.connected import add_endpoint
from nemoguardrails_trust.server.scoring import Scoring, exchange_of
from nemoguardrails_trust.server.wanted import OPTIONS, read_wanted
from nemoguardrails_trust.tlm.questions import Item


class StructuredBody(Body):
    """A chat completion to score.

    What else its request held (`tools`, `response_format`, …) and TLM's options stand beside the
    messages.

    Attributes:
        response: The whole completion.
        messages: The conversation that it answers.
        tools: The tools that the model had.
        functions: The same, in OpenAI's older form.
        quality_preset: The preset: best, high, medium, low or base.
    """

    response: dict[str, Any]
    messages: Messages
    tools: Objects | None = None
    functions: Objects | None = None
    quality_preset: str | None = None


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
        prompt = asked_with(body.messages, body.tools, body.functions)
        item = Item(prompt, response=body.response, has_response=True)
        value, log = await scoring.rated_by_field(wanted, exchange_of(item))
        told = {"trustworthiness_score": value, **choice_scored(body.response)}
        return told | ({"log": log} if log or "log" in beside else {})

    add_endpoint(router, "/v1/openai_trustworthy_llm/score", StructuredBody, score)
    return router
