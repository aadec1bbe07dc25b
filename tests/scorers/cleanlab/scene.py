"""What the tests of the hosted scorers share."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from nemoguardrails_trust.exchange import Exchange
from nemoguardrails_trust.scorers.base import ScorerSettings
from nemoguardrails_trust.scorers.cleanlab import client as cleanlab_client
from nemoguardrails_trust.scorers.cleanlab import scorer as cleanlab
from nemoguardrails_trust.scorers.cleanlab.scorer import CleanlabScorer
from tests.servers.tlm import KEY, point_clients_at

BOTH = pytest.mark.parametrize("name", ["cleanlab-studio", "cleanlab-tlm"])

VARIABLES = {"cleanlab-studio": "CLEANLAB_API_KEY", "cleanlab-tlm": "CLEANLAB_TLM_API_KEY"}

QUESTION = "How far is the moon?"
ANSWER = "About 384,400 km."
EXCHANGE = Exchange.of(QUESTION, ANSWER)


class Scene:
    """Makes hosted scorers whose clients talk to a local server."""

    def __init__(self, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
        self.name = name
        self._monkeypatch = monkeypatch
        # Pauses between attempts are not what these tests are to wait for.
        monkeypatch.setattr(cleanlab_client, "FIRST_PAUSE", 0.01)

    def scorer(self, url: str, *, key: str = KEY, **settings: Any) -> CleanlabScorer:
        """A scorer with this key that talks to the service at this base URL."""
        self._monkeypatch.setenv(VARIABLES[self.name], key)
        point_clients_at(url, self._monkeypatch)
        return cleanlab.create(self.name, ScorerSettings(scorer=self.name, **settings))


_SLACK = 5.0  # seconds that a busy machine may add


@contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """Asserts that what is done inside takes no longer, on a machine that is not too busy."""
    start = time.perf_counter()
    try:
        yield
    finally:
        assert time.perf_counter() - start <= seconds + _SLACK
