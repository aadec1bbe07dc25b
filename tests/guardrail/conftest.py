from collections.abc import Iterator

import pytest

from tests.guardrail import scripted


@pytest.fixture
def scorer() -> Iterator[scripted.ScriptedScorer]:
    """The scripted scorer, reset."""
    scripted.SCORER.__init__()  # type: ignore[misc]
    yield scripted.SCORER
    scripted.SCORER.__init__()  # type: ignore[misc]
