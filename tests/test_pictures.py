"""A picture that was asked about goes along to the judge and the samples, or nothing is scored."""

import base64
import json
import logging
from collections.abc import Callable, Iterator, Mapping
from typing import Any, cast

import pytest

from nemoguardrails_trust import (
    Calibration,
    Exchange,
    LocalScorer,
    ReplayModel,
    Scorer,
    ScorerSettings,
    TrustworthinessScore,
)
from nemoguardrails_trust.exchange import read_messages
from nemoguardrails_trust.scorers.base import ClaimsOf, takes_media
from nemoguardrails_trust.scorers.calibrated import CalibratedScorer
from nemoguardrails_trust.scorers.evaluating import EvaluatingScorer
from nemoguardrails_trust.scorers.safely import score_safely
from nemoguardrails_trust.scorers.tool_calls import ToolCallScorer
from tests.doors import DOORS, Door, opened
from tests.guardrail.scripted import SCORER
from tests.servers.faults import status
from tests.servers.openai import OpenAIServer, threaded_server

DOORS_FOR_PARTS = [name for name in DOORS if name != "server TLM"]  # its prompts are texts
PNG = f"data:image/png;base64,{base64.b64encode(bytes(range(256))).decode()}"
NO_PICTURES = status(
    400,
    {"error": {"message": "Invalid content type. image_url is only supported by certain models."}},
)


def answer(body: dict[str, Any]) -> str:
    return "True 95" if "True or False" in json.dumps(body["messages"]) else "A cat"


def asking(*urls: str) -> list[dict[str, Any]]:
    pictures = [{"type": "image_url", "image_url": {"url": url}} for url in urls]
    return [{"role": "user", "content": [{"type": "text", "text": "What is it?"}, *pictures]}]


def pictures(body: dict[str, Any]) -> list[str]:
    """The pictures that a request brings."""
    contents = [message["content"] for message in body["messages"]]
    parts = [part for content in contents if isinstance(content, list) for part in content]
    return [part["image_url"]["url"] for part in parts if part["type"] == "image_url"]


@pytest.fixture(scope="module")
def behind() -> Iterator[OpenAIServer]:
    with threaded_server(OpenAIServer(answer=answer)) as running:
        yield running


@pytest.fixture(scope="module")
def doors(behind: OpenAIServer) -> Iterator[Mapping[str, Door]]:
    with opened(behind.base_url) as opening:
        yield opening


@pytest.fixture(autouse=True)
def forgotten(behind: OpenAIServer) -> None:
    behind.received.clear()
    behind.faults.clear()


@pytest.mark.parametrize("name", DOORS_FOR_PARTS)
async def test_a_picture_goes_along_in_every_call_and_in_no_log(
    doors: Mapping[str, Door], behind: OpenAIServer, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "nemoguardrails_trust")
    other = PNG.replace("AAEC", "AAED")
    verdict = await doors[name](asking(PNG, other), "A cat")
    assert verdict.score is not None, verdict.error
    assert verdict.score > 0.8
    assert [pictures(body) for body in behind.bodies] == [[PNG, other]] * 2
    (judged,) = [body for body in behind.bodies if answer(body) == "True 95"]
    said = judged["messages"][0]["content"][0]["text"]
    assert "Sent with it: attachment 1 (image), attachment 2 (image)." in said
    told = [record for record in caplog.records if record.name.startswith("nemoguardrails_trust")]
    assert not any(PNG[40:80] in record.getMessage() for record in told)


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("data:image/png;base64,=?=", "damaged"),
        ("data:image/png;base64,", "damaged"),
        ("data:image/png,%89PNG", "damaged"),
        ("file:///etc/passwd", "not at an address on the web"),
        ("gs://bucket/a.png", "not at an address on the web"),
    ],
    ids=["no base64", "empty", "not base64", "file", "bucket"],
)
@pytest.mark.parametrize("name", ["rail 1.0", "rail 2.x", "TLM", "score"])
async def test_what_cannot_be_handed_on_is_never_scored(
    doors: Mapping[str, Door], behind: OpenAIServer, name: str, url: str, why: str
) -> None:
    verdict = await doors[name](asking(url), "A cat")
    assert verdict.score is None
    assert why in str(verdict.error)
    assert not behind.bodies


@pytest.mark.parametrize("urls", [[PNG + "A" * 8_000_000], [PNG] * 101], ids=["huge", "many"])
async def test_more_than_is_sent_along_is_never_scored(
    doors: Mapping[str, Door], behind: OpenAIServer, urls: list[str]
) -> None:
    verdict = await doors["TLM"](asking(*urls), "A cat")
    assert verdict.score is None
    assert "at most" in str(verdict.error)
    assert not behind.bodies


@pytest.fixture(scope="module")
def refusing() -> Iterator[tuple[Mapping[str, Door], OpenAIServer]]:
    server = OpenAIServer(answer=answer)
    server.faults.always(NO_PICTURES, when=pictures)  # type: ignore[arg-type]
    with threaded_server(server), opened(server.base_url) as opening:
        yield opening, server


@pytest.mark.parametrize("name", DOORS_FOR_PARTS)
async def test_where_the_model_takes_no_pictures_the_answer_is_unchecked_and_that_is_learnt(
    refusing: tuple[Mapping[str, Door], OpenAIServer], name: str
) -> None:
    doors, server = refusing
    for _ in range(2):
        server.received.clear()
        verdict = await doors[name](asking(PNG), "A cat")
        assert verdict.score is None
        if name != "evaluate":  # which tells how many had no score
            assert "does not take image" in str(verdict.error)
    lasting = name not in ("score", "evaluate", "langfuse")  # which have a model for each run
    assert len(server.bodies) == (0 if lasting else 2)
    text = [{"role": "user", "content": "What is it?"}]
    assert (await doors[name](text, "A cat")).score is not None


async def test_a_scorer_of_the_users_own_says_whether_it_takes_pictures() -> None:
    class Own:
        name = "own"

        async def score(self, exchange: Exchange) -> TrustworthinessScore:
            return TrustworthinessScore(0.5)

    class Seeing(Own):
        takes_media = True

    exchange = Exchange("A cat", read_messages(asking(PNG)))
    blind = await score_safely(Own(), exchange, timeout=5)
    assert (blind.score, blind.error) == (
        None,
        "the prompt contains more than text (image), and own takes text only",
    )
    assert (await score_safely(Seeing(), exchange, timeout=5)).score == 0.5


@pytest.mark.parametrize(
    "around",
    [
        lambda scorer: CalibratedScorer(scorer, cast("Calibration", None)),
        lambda scorer: EvaluatingScorer(scorer, ReplayModel([]), (), timeout=1),
        lambda scorer: ToolCallScorer(scorer, ReplayModel([]), timeout=1),
        ClaimsOf,
    ],
    ids=["calibrated", "evaluating", "tool calls", "claims"],
)
def test_what_stands_around_a_scorer_takes_pictures_as_the_scorer_does(
    around: Callable[[Any], Scorer],
) -> None:
    assert takes_media(around(LocalScorer(ReplayModel([]), ScorerSettings())))
    assert not takes_media(around(SCORER))
