"""The local scorer over real HTTP, through the OpenAI-compatible model."""

import asyncio
import math
from collections.abc import Sequence
from typing import Any

import pytest

from nemoguardrails_trust.exchange import Exchange
from nemoguardrails_trust.models.limits import Limits
from nemoguardrails_trust.models.openai import OpenAICompatibleModel
from nemoguardrails_trust.scorers.base import QualityPreset, ScorerSettings
from nemoguardrails_trust.scorers.local.scorer import LocalScorer
from tests.servers.faults import HANG, HTML, RESET, status
from tests.servers.openai import OpenAIServer, Token
from tests.signals.hostile import HOSTILE

QUESTION = Exchange.of("Which is the largest ocean?", "The Pacific")
UNSETTLED = "It is the one to the west of Chile, by far"


def answer(body: dict[str, Any]) -> str:
    """A judge that says True at 80 %, and samples that are not settled by text matching."""
    prompt = body["messages"][-1]["content"]
    if "JSON object" in prompt:
        return '{"1": "same"}'
    return "True 80" if "True or False" in prompt else UNSETTLED


def tokens(_: dict[str, Any], text: str) -> Sequence[Token]:
    if not text.startswith("True"):
        return [(text, -0.1, {text: -0.1})]
    return [("True", math.log(0.7), {"True": math.log(0.7), " false": math.log(0.3)})]


def is_judged(body: dict[str, Any]) -> bool:
    return "True or False" in body["messages"][-1]["content"]


async def test_each_preset_sends_exactly_its_requests() -> None:
    async with OpenAIServer(answer=answer, tokens=tokens) as server:
        model = _model(server)
        scorer = LocalScorer(model, ScorerSettings())
        presets: dict[QualityPreset, int] = {"base": 1, "low": 1, "medium": 2, "high": 3, "best": 5}
        for quality, requests in presets.items():
            before = len(server.bodies)
            score = await scorer.score(QUESTION, quality=quality)
            assert len(server.bodies) - before == score.usage.calls == requests
            assert score.signals["reflection"].value == pytest.approx(0.7)
            assert score.error is None
        assert [body.get("n", 1) for body in server.bodies] == [1, 1, 1, 5, 1, 5, 1, 1, 4, 4, 1, 4]
        await scorer.aclose()


@pytest.mark.parametrize("n", ["ignored", "refused"])
async def test_all_samples_come_from_a_server_without_n(n: Any) -> None:
    async with OpenAIServer(answer=answer, tokens=tokens, n=n) as server:
        scorer = LocalScorer(_model(server), ScorerSettings())
        score = await scorer.score(QUESTION)
        assert len(score.signals["consistency"].details["agreements"]) == 5
        assert score.usage.samples == 5
        await scorer.aclose()


async def test_a_server_without_probabilities_gives_the_number_by_one_request() -> None:
    async with OpenAIServer(answer=answer, logprobs="off") as server:
        scorer = LocalScorer(_model(server), ScorerSettings(quality="low"))
        for _ in range(2):
            score = await scorer.score(QUESTION)
            assert score.signals["reflection"].value == 0.8
        assert len(server.bodies) == 2
        await scorer.aclose()


async def test_a_server_that_refuses_probabilities_is_asked_for_them_once() -> None:
    async with OpenAIServer(answer=answer, logprobs="refused") as server:
        scorer = LocalScorer(_model(server), ScorerSettings(quality="low"))
        for _ in range(3):
            assert (await scorer.score(QUESTION)).signals["reflection"].value == 0.8
        assert sum("logprobs" in body for body in server.bodies) == 1
        await scorer.aclose()


async def test_a_model_that_thinks_is_judged_with_all_the_same() -> None:
    refused = ("temperature", "max_tokens", "logprobs")
    async with OpenAIServer(answer=answer, thinking_tokens=500, refused=refused) as server:
        scorer = LocalScorer(_model(server), ScorerSettings(quality="high"))
        await scorer.score(QUESTION)
        before = len(server.bodies)
        score = await scorer.score(QUESTION)
        assert score.signals["reflection"].value == 0.8
        assert score.signals["consistency"].value == pytest.approx(2 / 3)  # of the judge's word
        assert len(server.bodies) - before == 3
        await scorer.aclose()


@pytest.mark.parametrize("fault", [status(400), status(500), HTML, RESET], ids=lambda f: f.kind)
async def test_a_faulty_judge_is_a_missing_signal(fault: Any) -> None:
    async with OpenAIServer(answer="The Pacific") as server:
        server.faults.always(fault, when=is_judged)
        scorer = LocalScorer(_model(server), ScorerSettings())
        score = await scorer.score(QUESTION)
        assert score.score == 1.0
        assert score.error is not None
        assert score.error.startswith("reflection: ")
        await scorer.aclose()


async def test_a_judge_that_hangs_holds_no_connection_past_the_time_for_a_score() -> None:
    async with OpenAIServer(answer="The Pacific") as server:
        server.faults.always(HANG, when=is_judged)
        scorer = LocalScorer(_model(server), ScorerSettings(timeout=1.0))
        score = await scorer.score(QUESTION)
        assert score.score == 1.0
        assert score.error is not None
        assert score.error.startswith("reflection: ")
        assert "no answer within" in score.error
        assert score.usage.seconds < 6.0
        await server.idle()
        assert server.cancelled_requests == 1
        await scorer.aclose()


async def test_a_cancelled_score_leaves_no_request_open() -> None:
    async with OpenAIServer(answer="The Pacific", latency=60.0) as server:
        scorer = LocalScorer(_model(server), ScorerSettings())
        task = asyncio.create_task(scorer.score(QUESTION))
        while server.open_requests < 2:
            await asyncio.sleep(0.005)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await server.idle()
        await scorer.aclose()


async def test_hostile_texts_reach_the_server_as_the_one_message_they_are_quoted_in() -> None:
    async with OpenAIServer(answer=answer, tokens=tokens) as server:
        scorer = LocalScorer(_model(server), ScorerSettings())
        for text in HOSTILE.values():
            server.received.clear()
            score = await scorer.score(Exchange.of("Which is the largest ocean?", text))
            assert score.score is not None
            judged, sampled = sorted(server.bodies, key=is_judged, reverse=True)
            assert [call["role"] for call in judged["messages"]] == ["user"]
            assert sampled["messages"] == [
                {"role": "user", "content": "Which is the largest ocean?"}
            ]
            assert set(judged) <= {
                *("model", "messages", "temperature", "max_tokens", "logprobs", "top_logprobs")
            }
        await scorer.aclose()


def _model(server: OpenAIServer) -> OpenAICompatibleModel:
    return OpenAICompatibleModel(
        "gpt-test", base_url=server.base_url, api_key="x", max_retries=0, limits=Limits()
    )
