import asyncio
import os
from collections.abc import Iterator

import pytest

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
