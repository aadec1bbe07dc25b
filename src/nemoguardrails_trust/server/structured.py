"""Scores of structured outputs, as clients of the TLM protocol ask for them."""

from typing import Any

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict

from nemoguardrails_trust.server.chat_bodies import Messages, Objects
from nemoguardrails_trust.server.chat_verdicts import choice_scored
from nemoguardrails_trust.server.connected import told_while_connected
from nemoguardrails_trust.server.scoring import Scoring, exchange_of, perplexity_of, require_score
from nemoguardrails_trust.server.wanted import OPTIONS, read_wanted
from nemoguardrails_trust.tlm.questions import Item


class StructuredBody(BaseModel):
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

    model_config = ConfigDict(extra="allow")

    response: dict[str, Any]
    messages: Messages
    tools: Objects | None = None
    functions: Objects | None = None
    quality_preset: str | None = None


def structured_routes(scoring: Scoring) -> APIRouter:
    """The endpoint of `TLMChatCompletion` and `TLMResponses` for structured outputs."""
    router = APIRouter(tags=["TLM"])

    async def scored(body: StructuredBody) -> dict[str, Any]:
        beside = body.model_extra or {}
        # What is no option of TLM's is OpenAI's, and says nothing about the score.
        wanted = read_wanted(
            body.quality_preset, {name: beside[name] for name in OPTIONS if name in beside}
        )
        tools = {"tools": body.tools, "functions": body.functions}
        prompt = {"messages": body.messages} | {
            name: given for name, given in tools.items() if given
        }
        item = Item(prompt, response=body.response, has_response=True)
        exchange = exchange_of(item)
        score, fields = await scoring.rated_by_field(wanted, exchange)
        require_score(wanted, score)
        told = {"trustworthiness_score": score.score if wanted.has_trustworthiness else None}
        log = scoring.log_of(wanted, score, perplexity_of(exchange)) | fields
        about = choice_scored(body.response)
        return told | about | ({"log": log} if log or "log" in beside else {})

    @router.post("/v1/openai_trustworthy_llm/score", response_model=None)
    async def score(body: StructuredBody, request: Request) -> Response:
        """Scores a structured output."""
        return await told_while_connected(request.receive, scored(body))

    return router
