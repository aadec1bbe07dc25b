"""The walk-through of examples/langfuse works as it stands."""

import os
import subprocess
import sys
from pathlib import Path

from tests.servers.langfuse import LangfuseServer
from tests.servers.local import threaded_server

EXAMPLE = Path(__file__).parents[3] / "examples" / "langfuse" / "walkthrough.py"


def test_the_walkthrough_traces_scores_and_shows_the_least_trustworthy() -> None:
    with threaded_server(LangfuseServer()) as server:
        environment = os.environ | server.environment()
        for _ in range(2):  # a second time traces anew, and replaces the scores of before
            ran = subprocess.run(
                [sys.executable, str(EXAMPLE)],
                env=environment,
                capture_output=True,
                text=True,
                timeout=90,
            )
            assert ran.returncode == 0, ran.stderr
        assert server.violations == []
        assert len(server.scores) == 24
        assert len({score.trace_id for score in server.scores.values()}) == 24
        scores = list(server.scores.values())
    assert all(score.name == "trust_score" and score.comment for score in scores)
    shown = [line for line in ran.stdout.splitlines() if line[:1] == "0" or line[:2] == "1."]
    values = [float(line.split()[0]) for line in shown]
    assert len(values) == 24
    assert values == sorted(values)
    assert values[0] < 0.6 < values[-1]
    assert "prompt:      System: You are a trivia master." in ran.stdout
