import asyncio
from collections.abc import Iterator

import pytest

from tests.guardrail.scripted import SCORER, ScriptedScorer


@pytest.fixture
def scorer() -> Iterator[ScriptedScorer]:
    """The scripted scorer that the bots of the tests use, fresh for each test."""
    SCORER.reset()
    yield SCORER
    SCORER.reset()


@pytest.fixture
def no_running_loop() -> Iterator[None]:
    """A loop for synchronous code: NeMo Guardrails makes one where there is none, for good."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    yield
    loop.close()
    asyncio.set_event_loop(None)
