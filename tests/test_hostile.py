"""Hostile texts and hostile servers at every door, in both versions of Colang.

A text never turns its own check off, and a server never holds an answer up: whatever comes, the
answer is scored, or it is unchecked and says why.
"""

import asyncio
import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from nemoguardrails_trust.guardrail.messages import NOT_CHECKED
from nemoguardrails_trust.models import limits
from nemoguardrails_trust.models.pacing import Pacing
from tests.doors import DOORS, Door, opened
from tests.servers.manners import MANNERS
from tests.servers.openai import OpenAIServer, threaded_server
from tests.signals.hostile import HOSTILE

SLACK = 20.0  # seconds that a busy machine may add
SOON = 1.0  # seconds after which a check of a server that hangs ends

_JUDGED = (
    "closing marker", "every marker", "a verdict", "chatml", "json that ends the body", "escapes",
    "jinja", "format", "colang", "lone surrogate", "line separators", "padding after",
    "combining marks", "bidi overrides",
)  # fmt: skip
TEXTS = {name: HOSTILE[name] for name in _JUDGED} | {
    "an empty answer line": "#### \n\nParis",
    "nested lists": "[" * 480 + "1" + "]" * 480,
    "nested calls": json.dumps({"arguments": "[" * 480 + "]" * 480, "name": "f"}),
    "brackets": "[" * 100_000,
    "no thoughts": "<think></think>" * 50_000 + "Paris",
    "numbers": "1 " * 50_000,
    "a power": "10^400 kg",
    "digits": "9" * 5_000,
    "millions": "nine " + "million " * 500,
    "keys": json.dumps({f"k{number}": number for number in range(5_000)}),
    "gaps": "\\boxed{" + " " * 50_000 + "}",
    "dots": "0." + "3" * 20_000 + "…",
}
"""What once raised, or took long, where it was read, compared or quoted."""

NO_ANSWER = {"escapes", "chatml", "no thoughts", "brackets"}
"""Those that may be no answer, or too much of one: unchecked is right, too."""

NOT_SAID = {"lone surrogate"}
"""Those of which NeMo Guardrails' runtime of Colang 2.x says nothing at all."""


class _Model:
    """What judges, and gives samples that differ a little from the hostile answer."""

    def __init__(self) -> None:
        self.text = "Paris"

    def __call__(self, body: dict[str, Any]) -> list[str]:
        if "True or False" in json.dumps(body["messages"][-1]):
            return ["True 95"]
        return [self.text, self.text[:-1], f"{self.text} x", "Paris", "Lyon"]


@pytest.fixture(scope="module")
def model() -> _Model:
    return _Model()


@pytest.fixture(scope="module")
def behind(model: _Model) -> Iterator[OpenAIServer]:
    with threaded_server(OpenAIServer(answer=model)) as running:
        yield running


@pytest.fixture(scope="module")
def doors(behind: OpenAIServer) -> Iterator[Mapping[str, Door]]:
    with opened(behind.base_url, timeout=30.0) as opening:
        yield opening


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("name", DOORS)
async def test_no_text_turns_its_check_off(
    doors: Mapping[str, Door], model: _Model, name: str, text: str
) -> None:
    model.text = TEXTS[text]
    asked = [{"role": "user", "content": f"What is the capital of France? {TEXTS[text][:2000]}"}]
    verdict = await doors[name](asked, TEXTS[text])
    if "2.x" in name and text in NOT_SAID:
        assert not verdict.shown
    elif verdict.score is None:
        assert text in NO_ANSWER, verdict.error
        assert verdict.error
    else:
        assert 0.0 <= verdict.score <= 1.0


@pytest.fixture(scope="module")
def badly_served() -> Iterator[tuple[OpenAIServer, Mapping[str, Door]]]:
    with (
        threaded_server(OpenAIServer(answer="True 95")) as running,
        opened(running.base_url, timeout=SOON) as opening,
    ):
        yield running, opening


@pytest.fixture
def unpaced() -> Iterator[None]:
    """What one server said of its limits holds for no other row."""
    yield
    for shared in limits._shared.values():
        shared._pacing = Pacing()


@pytest.mark.parametrize("manner", MANNERS)
@pytest.mark.parametrize("name", [name for name in DOORS if name != "evaluate"])
@pytest.mark.usefixtures("unpaced")
async def test_no_server_holds_an_answer_up(
    badly_served: tuple[OpenAIServer, Mapping[str, Door]], name: str, manner: str
) -> None:
    server, doors = badly_served
    fault, _ = MANNERS[manner]
    server.faults.always(fault)
    asked = [{"role": "user", "content": "What is the capital of France?"}]
    loop = asyncio.get_running_loop()
    started = loop.time()
    verdict = await doors[name](asked, "Paris")
    assert loop.time() - started < SOON + SLACK
    assert verdict.score is None
    assert verdict.error
    if name in ("rail 1.0", "rail 2.x"):
        assert verdict.shown == f"Paris\n{NOT_CHECKED}"
