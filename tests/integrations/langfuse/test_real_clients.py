"""Langfuse's real clients of versions 4 and 5 make traces, which come out with their scores."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from nemoguardrails_trust.errors import ModelRequestError
from nemoguardrails_trust.integrations.langfuse import TraceQuery, score_traces
from tests.integrations.langfuse.score_with_client import LengthScorer
from tests.servers.faults import status
from tests.servers.langfuse import LangfuseServer
from tests.servers.local import threaded_server
from tests.servers.openai import OpenAIServer

ROOT = Path(__file__).parents[3]
HERE = Path(__file__).parent
CHAT = [{"role": "system", "content": "be brief"}, {"role": "user", "content": "why?"}]
ANSWER = "March."
PROMPT = (
    "System: You are a trivia master.\n\n"
    "User: What is the 3rd month of the year in alphabetical order?"
)


# What this package needs beside the client, an interpreter with only the client has from here.
_PACKAGES = str(Path(aiohttp.__file__).parents[1])
_WITH_PACKAGES = """
import runpy, sys
sys.path.append(sys.argv.pop(1))
del sys.argv[0]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def client_4() -> str:
    """The interpreter that has version 4 of the client, which cannot stand beside version 5."""
    path = Path(os.environ.get("LANGFUSE4_PYTHON") or ROOT / ".venv" / "langfuse4/bin/python")
    if not path.exists():
        pytest.fail(
            f"{path} is missing: make it with `python -m venv .venv/langfuse4 && "
            ".venv/langfuse4/bin/pip install 'langfuse>=4.18,<5'`, or name another interpreter "
            "that has this client in LANGFUSE4_PYTHON"
        )
    return str(path)


def run(python: str, script: str, server: LangfuseServer, *arguments: str, **more: str) -> str:
    """Runs a script against the server and gives what it prints."""
    paths = {"PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}"}
    environment = {"PATH": os.environ["PATH"]} | paths | server.environment() | more
    command = [python, "-c", _WITH_PACKAGES, _PACKAGES, str(HERE / script), *arguments]
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def score_with_4(server: LangfuseServer, *runs: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Scores the traces on the server with client 4, once for each of the runs."""
    printed = run(client_4(), "score_with_client.py", server, json.dumps(runs or [{}]))
    results: list[Mapping[str, Any]] = json.loads(printed)
    return results


@pytest.fixture
def server() -> Iterator[LangfuseServer]:
    with threaded_server(LangfuseServer()) as running:
        yield running
        assert running.violations == []


@pytest.fixture
def older() -> Iterator[LangfuseServer]:
    with threaded_server(LangfuseServer(old=True)) as running:
        yield running
        assert running.violations == []


@pytest.mark.parametrize("generation", ["written by hand", "by langfuse.openai"])
def test_a_trace_of_sdk_5_comes_out_with_its_score(server: LangfuseServer, generation: str) -> None:
    with threaded_server(OpenAIServer(answer=ANSWER)) as openai:
        url = f"{openai.url}/v1" if generation == "by langfuse.openai" else ""
        trace_id = run(sys.executable, "trace_with_sdk.py", server, OPENAI_BASE_URL=url).strip()
    query = TraceQuery(tags=("TLM_eval_pipeline",), name="trivia")
    report = score_traces(LengthScorer(), query, connection=server.connection())
    assert [(result.trace_id, result.status) for result in report.results] == [
        (trace_id, "written")
    ]
    (kept,) = server.trace_scores(trace_id)
    assert (kept.name, kept.value, kept.comment) == ("trust_score", len(ANSWER) / 100, PROMPT)


def test_a_trace_of_sdk_4_comes_out_with_its_score(older: LangfuseServer) -> None:
    trace_id = run(client_4(), "trace_with_sdk.py", older).strip()
    (result,) = score_with_4(older, {"query": {"tags": ["TLM_eval_pipeline"], "name": "trivia"}})
    assert result["statuses"] == {trace_id: "written"}
    (kept,) = older.trace_scores(trace_id)
    assert (kept.name, kept.value, kept.comment) == ("trust_score", len(ANSWER) / 100, PROMPT)


def test_client_4_reads_in_pages_writes_in_batches_and_doubles_nothing(
    older: LangfuseServer,
) -> None:
    for number in range(210):
        start = datetime.now(UTC) - timedelta(hours=20, minutes=number)  # of two days
        older.add_trace(CHAT, f"answer {number}", start=start)
    first, again, skipping = score_with_4(older, {}, {}, {"options": {"skip_scored": True}})
    assert set(first["statuses"].values()) == {"written"}
    assert first["requests"] == again["requests"] == 3 * 2 + 3
    assert len(older.scores) == 210
    assert (skipping["skipped"], skipping["statuses"]) == (210, {})
    assert {kept.timestamp for kept in older.scores.values()} == {
        span.start.replace(microsecond=span.start.microsecond // 1000 * 1000)
        for span in older.spans.values()
        if span.is_root
    }


def test_the_restrictions_hold_for_client_4(older: LangfuseServer) -> None:
    wanted = older.add_trace(
        CHAT, "because", tags=("a", "b"), environment="live", user="ann", session="s"
    )
    older.add_trace(CHAT, "because", tags=("a",))
    by_user = {"type": "string", "column": "userId", "operator": "=", "value": "ann"}
    queries: list[dict[str, Any]] = [
        {"tags": ["a", "b"]},
        {"environments": ["live", "test"]},
        {"session": "s"},
        {"trace_ids": [wanted]},
        {"conditions": [by_user], "tags": ["a"]},
    ]
    for result in score_with_4(older, *[{"query": query} for query in queries]):
        assert result["statuses"] == {wanted: "written"}


def test_client_4_survives_a_fault_and_names_what_is_rejected(older: LangfuseServer) -> None:
    ids = [older.add_trace(CHAT, "because") for _ in range(3)]
    older.rejects = lambda body: "no such trace" if body["traceId"] == ids[0] else None
    older.faults.next(status(500))
    (result,) = score_with_4(older)
    assert result["errors"] == {ids[0]: "Langfuse rejected the score: no such trace"}
    assert sorted(result["statuses"].values()) == ["rejected", "written", "written"]
    assert len(older.scores) == 2


def test_a_client_of_the_wrong_version_is_told_which_to_install(
    server: LangfuseServer, older: LangfuseServer
) -> None:
    with pytest.raises(ModelRequestError, match=r"install 'langfuse>=4\.18,<5'"):
        score_traces(LengthScorer(), connection=older.connection())
    with pytest.raises(AssertionError, match="this server needs client 5: install 'langfuse>=5'"):
        score_with_4(server)
