"""`nemo-trust langfuse`: one command from traces to scores, and one line for whatever fails."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from nemoguardrails_trust.commands.langfuse import langfuse
from nemoguardrails_trust.datasets.columns import Columns
from nemoguardrails_trust.datasets.rows import read_content
from nemoguardrails_trust.exchange import Exchange
from nemoguardrails_trust.integrations.langfuse import client as client_module
from nemoguardrails_trust.report import build_report
from nemoguardrails_trust.scorers.base import ScorerSettings
from nemoguardrails_trust.scores import Signal, TrustworthinessScore
from tests.servers.faults import HANG, TRUNCATED, UNAUTHORIZED, Fault, rate_limited, status
from tests.servers.langfuse import SECRET_KEY, LangfuseServer
from tests.servers.local import threaded_server

ROOT = Path(__file__).parents[2]
RECORDED = ROOT / "tests" / "data" / "triviaqa-llama13b.jsonl"
SYSTEM = {"role": "system", "content": "You are a trivia master."}
CHAT = [SYSTEM, {"role": "user", "content": "why?"}]
FAST = client_module.RetryPolicy(delay=0.001)
OURS = ["--scorer", f"{__name__}:make_scorer"]

app = typer.Typer()
app.command()(langfuse)


class ScorerByLength:
    """The longer an answer, the better, up to ten characters."""

    async def score(self, exchange: Exchange) -> TrustworthinessScore:
        value = min(1.0, len(exchange.response) / 10)
        return TrustworthinessScore(value, {"length": Signal(value)}, f"{value:.1f} long")


def make_scorer(settings: ScorerSettings) -> ScorerByLength:
    return ScorerByLength()


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[LangfuseServer]:
    monkeypatch.setattr(client_module, "RetryPolicy", lambda: FAST)
    with threaded_server(LangfuseServer()) as running:
        for name, value in running.environment().items():
            monkeypatch.setenv(name, value)
        yield running
        assert running.violations == []


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, [*OURS, *arguments])


def test_half_a_surrogate_pair_does_not_end_a_run(server: LangfuseServer, tmp_path: Path) -> None:
    server.add_trace([{"role": "user", "content": "half \ud83d?"}], "so \ud83d so")
    server.add_trace(CHAT, "12345678")
    out = tmp_path / "results.jsonl"
    result = run("--out", str(out))
    assert result.exit_code == 0, result.output
    rows = [json.loads(line) for line in out.read_text("utf-8").splitlines()]
    assert sorted(row["response"] for row in rows) == ["12345678", "so ? so"]
    assert build_report(out, tmp_path / "report.html").rows == 2


def test_one_command_scores_the_traces_of_a_day(server: LangfuseServer) -> None:
    good, bad = server.add_trace(CHAT, "12345678"), server.add_trace(CHAT, "1")
    old = server.add_trace(CHAT, "1234", start=datetime.now(UTC) - timedelta(hours=30))
    result = run()
    assert result.exit_code == 0, result.output
    assert {score.trace_id: score.value for score in server.scores.values()} == {
        good: 0.8,
        bad: 0.1,
    }
    assert "2 traces read, 2 scored and written, 1 flagged (below 0.6), 0 failed" in result.stdout
    assert f"least trustworthy: {bad} with 0.100: 0.1 long" in result.stdout
    assert run("--since", "2d").exit_code == 0
    assert server.trace_scores(old)


def test_recorded_answers_are_scored_without_a_key(server: LangfuseServer) -> None:
    row = json.loads(RECORDED.read_text().splitlines()[1])
    trace_id = server.add_trace([SYSTEM, {"role": "user", "content": row["prompt"]}], "Botswana")
    replay = ["--model", "replay", "--recorded", str(RECORDED)]
    result = CliRunner().invoke(app, replay)
    assert result.exit_code == 0, result.output
    (score,) = server.trace_scores(trace_id)
    assert 0.0 < score.value < 1.0
    assert score.metadata["scorer"] == "local"
    assert score.comment


def test_a_dry_run_shows_the_least_trusted_first_and_writes_nothing(
    server: LangfuseServer,
) -> None:
    ids = [server.add_trace(CHAT, "1" * length) for length in (7, 2, 5)]
    result = run("--dry-run")
    places = [result.stdout.index(ids[i]) for i in (1, 2, 0)]
    assert places == sorted(places)
    for text in ("System: You are a trivia master.", "11111", "0.500", "0.5 long"):
        assert text in result.stdout
    assert "3 scored (nothing is written)" in result.stdout
    assert server.writes == 0


def test_markup_in_an_answer_is_shown_as_it_is(server: LangfuseServer) -> None:
    server.add_trace(CHAT, "[bold]x")
    result = run("--dry-run")
    assert "[bold]x" in result.stdout


def test_the_results_are_kept_as_a_data_set(server: LangfuseServer, tmp_path: Path) -> None:
    trace_id = server.add_trace(
        CHAT, "12345", steps=[{"type": "RETRIEVER", "output": ["a passage"]}]
    )
    server.add_trace(None, None)
    out = tmp_path / "new" / "results.jsonl"
    assert run("--out", str(out)).exit_code == 1
    (line,) = out.read_text().splitlines()
    row = json.loads(line)
    assert (row["trace_id"], row["response"]) == (trace_id, "12345")
    assert (row["trustworthiness_score"], row["signal_length"]) == (0.5, 0.5)
    assert (row["explanation"], row["error"]) == ("0.5 long", None)
    question = read_content(row, Columns())
    assert [message.role for message in question.messages] == ["system", "user"]
    assert question.context == ("a passage",)
    page = tmp_path / "report.html"
    build_report(out, page)
    assert "0.5 long" in page.read_text(encoding="utf-8")


def test_the_summary_as_json(server: LangfuseServer) -> None:
    trace_id = server.add_trace(CHAT, "12345")
    summary = json.loads(run("--json").stdout)
    assert summary["written"] == summary["flagged"] == summary["read"] == 1
    assert summary["least_trustworthy"] == {"trace_id": trace_id, "trustworthiness_score": 0.5}


def test_options_restrict_name_and_skip(server: LangfuseServer) -> None:
    wanted = server.add_trace(CHAT, "1", tags=("a",), environment="live", session="s", user="ann")
    server.add_trace(CHAT, "1")
    user = '{"type": "string", "column": "userId", "operator": "=", "value": "ann"}'
    for options in (
        ["--tags", "a"],
        ["--environment", "live"],
        ["--session", "s"],
        ["--trace-id", wanted],
        ["--filter", user],
        ["--skip-scored", "--score-name", "trust_score", "--trace-id", wanted],
    ):
        result = run(*options)
        assert "1 trace read" in result.stdout
    assert {score.trace_id for score in server.scores.values()} == {wanted}
    assert "1 skipped as already scored" in result.stdout
    run("--score-name", "other", "--tags", "a")
    assert {score.name for score in server.scores.values()} == {"trust_score", "other"}


def test_a_trace_that_cannot_be_scored_is_named_on_stderr(server: LangfuseServer) -> None:
    broken = server.add_trace(None, None, steps=[{"output": "because"}])
    large = server.add_trace([{"role": "user", "content": "x" * 1_000_000}], "because")
    result = run()
    assert result.exit_code == 1
    too_long = (
        "prompt and response have 1,000,007 characters, more than the 400,000 allowed "
        "(--max-characters)"
    )
    lines = sorted(result.stderr.splitlines())
    assert lines == sorted(
        [
            f"trace {broken} unreadable: generation {broken[:12]}-1: the input is empty",
            f"trace {large} unreadable: {too_long}",
        ]
    )
    assert server.scores == {}
    assert run("--max-characters", "2000000", "--trace-id", large).exit_code == 0


@pytest.mark.parametrize(
    ("fault", "line"),
    [
        (UNAUTHORIZED, "status 401: the key was refused"),
        (status(404), "status 404: there is nothing at this address; client 5 reads"),
        (rate_limited(0.001), "status 429: too many requests"),
        (status(500), "while reading traces (attempt 3): status 500"),
        (TRUNCATED, "this is not the kind of answer expected"),
        (HANG, "no answer within 0.1 s"),
    ],
)
def test_a_lasting_fault_is_one_line_and_exit_code_2(
    server: LangfuseServer, monkeypatch: pytest.MonkeyPatch, fault: Fault, line: str
) -> None:
    # Only a server that hangs may run into it, also on a slow machine.
    monkeypatch.setenv("LANGFUSE_TIMEOUT", "0.1" if fault is HANG else "60")
    server.faults.always(fault)
    result = run()
    assert result.exit_code == 2
    (printed,) = result.stderr.splitlines()
    assert printed.startswith("nemo-trust: Langfuse at ")
    assert line in printed
    assert SECRET_KEY not in printed


def test_a_fault_while_writing_is_reported_and_nothing_is_said_to_be_written(
    server: LangfuseServer,
) -> None:
    server.add_trace(CHAT, "12345")
    server.faults.always(status(500), when=lambda body: isinstance(body, list))
    result = run()
    assert result.exit_code == 2
    assert "0 scored and written" in result.stdout
    assert "while writing scores" in result.stderr.splitlines()[-1]


def test_a_rejected_score_is_exit_code_1(server: LangfuseServer) -> None:
    trace_id = server.add_trace(CHAT, "12345")
    server.rejects = lambda body: "no such trace"
    result = run()
    assert result.exit_code == 1
    assert result.stderr.splitlines() == [
        f"trace {trace_id} rejected: Langfuse rejected the score: no such trace"
    ]


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--since", "yesterday"], "--since is 'yesterday'; it must be a duration"),
        (["--from", "noon"], "--from is 'noon'; it must be a date"),
        (["--since", "1h", "--from", "2026-11-20"], "--since and --from contradict each other"),
        (["--watch", "60s", "--dry-run"], "--watch and --dry-run contradict each other"),
        (["--position", "file"], "--position is for --watch"),
        (["--recorded", "answers.jsonl"], "--recorded is for --model replay"),
        (["--filter", "{"], "--filter is not JSON"),
        (["--out", "results.csv"], "it must end in .jsonl"),
        (["--threshold", "2"], "--threshold is 2.0"),
        (["--from", "2026-11-20", "--to", "2026-11-19"], "must be before to"),
        (["--scorer", "nowhere:none"], "could not be imported"),
    ],
)
def test_what_cannot_be_done_as_asked_is_one_line(
    server: LangfuseServer, arguments: list[str], line: str
) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    (printed,) = result.stderr.splitlines()
    assert line in printed
    assert server.received == []


def test_missing_keys_are_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LANGFUSE_PUBLIC_KEY", "LANGFUSE_SECRET_KEY"):
        monkeypatch.delenv(name, raising=False)
    result = run()
    assert result.exit_code == 2
    assert result.stderr.startswith("nemo-trust: LANGFUSE_PUBLIC_KEY and LANGFUSE_SECRET_KEY are")


def start(server: LangfuseServer, *arguments: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "nemoguardrails_trust", "langfuse", *OURS, *arguments]
    environment = os.environ | server.environment() | {"PYTHONPATH": str(ROOT)}
    return subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)


def test_a_watch_scores_what_comes_and_ends_cleanly_on_sigterm(
    server: LangfuseServer, tmp_path: Path
) -> None:
    position, out = tmp_path / "position.json", tmp_path / "results.jsonl"
    server.add_trace(CHAT, "first")
    options = ["--watch", "0.05s", "--position", str(position), "--out", str(out)]
    process = start(server, *options)
    try:
        deadline = time.monotonic() + 30
        while not server.scores and time.monotonic() < deadline:
            time.sleep(0.02)
        server.add_trace(CHAT, "second")
        while len(server.scores) < 2 and time.monotonic() < deadline:
            time.sleep(0.02)
    finally:
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    assert "Traceback" not in errors
    assert len(server.scores) == 2
    assert len(json.loads(position.read_text())["handled"]) == 2
    responses = [json.loads(line)["response"] for line in out.read_text().splitlines()]
    assert responses == ["first", "second"]


def test_the_table_fits_80_columns(server: LangfuseServer) -> None:
    trace = server.add_trace([{"role": "user", "content": "why " * 100}], "because " * 60)
    result = run("--dry-run")
    assert result.exit_code == 0, result.output
    lines = [line for line in result.stdout.splitlines() if line.startswith(("│", "┃", "┏", "└"))]
    assert lines
    assert all(len(line) <= 80 for line in lines)
    assert trace in result.stdout


def test_a_run_without_traces_says_what_was_asked_for(server: LangfuseServer) -> None:
    server.add_trace(CHAT, "1234", start=datetime.now(UTC) - timedelta(hours=30))
    result = run("--tags", "prod", "--session", "s1")
    assert "0 traces read" in result.stdout
    (line,) = [line for line in result.stdout.splitlines() if line.startswith("nothing was scored")]
    assert line.startswith("nothing was scored: Langfuse has no trace from 2")
    assert line.endswith(" UTC on, with all the tags prod, of the session s1")


def test_a_run_that_scored_nothing_says_why(server: LangfuseServer) -> None:
    server.add_trace(CHAT, "1234")
    assert "nothing was scored" not in run().stdout
    result = run("--skip-scored")
    assert "nothing was scored: 1 × has the score already" in result.stdout
