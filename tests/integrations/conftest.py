import asyncio
import os
from collections.abc import Iterator

import pytest

from nemoguardrails_trust import TLM
from tests.integrations.scene import judging
from tests.servers.openai import OpenAIServer

# LiteLLM asks a server for prices when it is imported, unless it is told not to.
os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"


@pytest.fixture
def own_loop() -> Iterator[None]:
    """An event loop for libraries that take the current one, and leave the one they make open."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    yield
    asyncio.set_event_loop(None)
    loop.close()


@pytest.fixture(scope="module")
def both() -> Iterator[tuple[TLM, OpenAIServer]]:
    with judging() as both:
        yield both


@pytest.fixture
def tlm(both: tuple[TLM, OpenAIServer]) -> TLM:
    both[1].received.clear()
    return both[0]


@pytest.fixture
def server(both: tuple[TLM, OpenAIServer]) -> OpenAIServer:
    return both[1]
