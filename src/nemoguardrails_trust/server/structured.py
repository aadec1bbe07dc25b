"""Scores of structured outputs, as clients of the TLM protocol ask for them."""

from typing import Annotated, Any

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from nemoguardrails_trust.server.connected import told_while_connected
from nemoguardrails_trust.server.scoring import Scoring
from nemoguardrails_trust.server.wanted import OPTIONS, read_wanted
from nemoguardrails_trust.tlm.questions import Item

_ASKED = ("messages", "tools", "functions")


class StructuredBody(BaseModel):
    """A chat completion to score.

    What else its request held (`tools`, `response_format`, …) and TLM's options stand beside the
    messages.

    Attributes:
        response: The whole completion.
        messages: The conversation that it answers.
        quality_preset: The preset: best, high, medium, low or base.
    """

    model_config = ConfigDict(extra="allow")

    response: dict[str, Any]
    messages: Annotated[list[dict[str, Any]], Field(min_length=1)]
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
        prompt = {"messages": body.messages} | {
            name: beside[name] for name in _ASKED if beside.get(name)
        }
        item = Item(prompt, response=body.response, has_response=True)
        score = await scoring.scored(wanted, item)
        told = {"trustworthiness_score": score.score if wanted.has_trustworthiness else None}
        log = scoring.log_of(wanted, score)
        if "per_field_score" in wanted.log:
            log["per_field_score"] = await scoring.fields(wanted, item, score)
        return told | ({"log": log} if log or "log" in beside else {})

    @router.post("/v1/openai_trustworthy_llm/score", response_model=None)
    async def score(body: StructuredBody, request: Request) -> Response:
        """Scores a structured output."""
        return await told_while_connected(request.receive, scored(body))

    return router
