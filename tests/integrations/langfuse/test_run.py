"""A run reads, scores and writes at once, says what became of each trace, and doubles nothing."""

import asyncio
import json
import math
import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from nemoguardrails_trust.errors import (
    CredentialsError,
    ModelServerError,
    ScoringError,
    SettingsError,
    TooManyFailuresError,
)
from nemoguardrails_trust.exchange import Exchange
from nemoguardrails_trust.integrations.langfuse import (
    LangfuseClient,
    ScoringOptions,
    TraceQuery,
    TraceReport,
    TraceResult,
    run_scoring,
    score_traces,
    score_traces_async,
)
from nemoguardrails_trust.integrations.langfuse import run as runs
from nemoguardrails_trust.integrations.langfuse.exchanges import Trace, read_exchange
from nemoguardrails_trust.scores import Signal, TrustworthinessScore
from tests.integrations.langfuse.conftest import ScorerOfValues
from tests.servers.faults import UNAUTHORIZED, rate_limited, status
from tests.servers.langfuse import LangfuseServer
from tests.servers.local import threaded_server

CHAT = [{"role": "system", "content": "be brief"}, {"role": "user", "content": "why?"}]


def number_of(exchange: Exchange) -> float:
    """The number in an answer such as `answer 7`, as a share of 100."""
    return int(exchange.response.split()[-1]) / 100


async def run(
    client: LangfuseClient,
    scorer: ScorerOfValues,
    options: ScoringOptions | None = None,
    stop: asyncio.Event | None = None,
) -> TraceReport:
    return await run_scoring(client, scorer, TraceQuery(), options or ScoringOptions(), stop=stop)


async def test_every_trace_gets_its_score_and_reason(
    server: LangfuseServer, client: LangfuseClient
) -> None:
    ids = [server.add_trace(CHAT, f"answer {n}") for n in range(30)]
    report = await run(client, ScorerOfValues(number_of), ScoringOptions(threshold=0.1))
    assert (report.read, report.count("written"), report.complete) == (30, 30, True)
    assert [result.trace_id for result in report.scored] == ids
    assert [trace.trace_id for trace in report.flagged] == ids[:10]
    assert report.least is not None
    assert report.least.trace_id == ids[0]
    (score,) = server.trace_scores(ids[7])
    assert (score.value, score.comment) == (0.07, "because")
    assert score.metadata == {"scorer": "values", "signals": {"reflection": 0.07}, "threshold": 0.1}
    assert report.requests == len(server.received) == 3


class _Odd(ScorerOfValues):
    """A scorer that cannot even be looked at while it is given one of the answers."""

    def __getattr__(self, name: str) -> object:
        raise KeyError(name)  # in the place of an AttributeError


async def test_an_error_that_nobody_foresaw_costs_its_trace_alone(
    server: LangfuseServer, client: LangfuseClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = [server.add_trace(CHAT, answer) for answer in ("Oslo", "unreadable", "Rome")]

    def read_or_fail(trace: Trace, **options: Any) -> Exchange:
        if trace.output == "unreadable":
            raise RecursionError(trace.output)
        return read_exchange(trace, **options)

    monkeypatch.setattr(runs, "read_exchange", read_or_fail)
    report = await run(client, ScorerOfValues())
    told = {result.trace_id: (result.status, result.error) for result in report.results}
    assert report.error is None
    assert told[ids[0]] == told[ids[2]] == ("written", None)
    assert told[ids[1]][0] == "unreadable"
    assert "RecursionError at " in str(told[ids[1]][1])


async def test_a_scorer_that_cannot_be_looked_at_costs_scores_and_not_the_run(
    server: LangfuseServer, client: LangfuseClient
) -> None:
    server.add_trace(CHAT, "Oslo")
    report = await run(client, _Odd())
    (result,) = report.results
    assert (report.error, result.status) == (None, "unscored")
    assert "KeyError at " in str(result.error)


async def test_the_scorer_sees_the_whole_exchange(
    server: LangfuseServer, client: LangfuseClient, scorer: ScorerOfValues
) -> None:
    server.add_trace(CHAT, "because", steps=[{"type": "RETRIEVER", "output": ["a passage"]}])
    await run(client, scorer)
    (exchange,) = scorer.given
    assert exchange == Exchange.of(CHAT, "because", context="a passage")


async def test_a_rerun_on_any_day_leaves_one_score_a_trace(
    server: LangfuseServer, client: LangfuseClient, scorer: ScorerOfValues
) -> None:
    late = datetime(2026, 11, 18, 23, 59, 59, 900000, tzinfo=UTC)  # scored two days later
    trace_id = server.add_trace(CHAT, "because", start=late)
    for _ in range(2):
        await run(client, scorer)
    (score,) = server.trace_scores(trace_id)
    assert score.key == (f"{trace_id}-trust_score", "trust_score", "2026-11-18")


async def test_a_score_without_an_explanation_has_a_comment_all_the_same(
    server: LangfuseServer, client: LangfuseClient
) -> None:
    class Wordless:
        async def score(self, exchange: Exchange) -> TrustworthinessScore:
            value = number_of(exchange)
            return TrustworthinessScore(value, {"reflection": Signal(value), "other": Signal(None)})

    doubtful, trusted = (server.add_trace(CHAT, f"answer {n}") for n in (0, 90))
    await run_scoring(client, Wordless(), TraceQuery(), ScoringOptions())
    comments = {score.trace_id: score.comment for score in server.scores.values()}
    assert comments == {
        doubtful: "Below the threshold of 0.6 (reflection 0.00).",
        trusted: "No reason for doubt was found (reflection 0.90).",
    }


async def test_a_dry_run_writes_nothing(
    server: LangfuseServer, client: LangfuseClient, scorer: ScorerOfValues
) -> None:
    server.add_trace(CHAT, "because")
    report = await run(client, scorer, ScoringOptions(dry_run=True))
    assert [result.status for result in report.results] == ["scored"]
    assert server.writes == 0


async def test_scored_traces_are_skipped_when_asked(
    server: LangfuseServer, client: LangfuseClient, scorer: ScorerOfValues
) -> None:
    for _ in range(3):
        server.add_trace(CHAT, "because")
    await run(client, scorer)
    fresh = server.add_trace(CHAT, "because")
    report = await run(client, scorer, ScoringOptions(skip_scored=True))
    assert (report.read, report.skipped) == (4, 3)
    assert [result.trace_id for result in report.results] == [fresh]
    other = await run(client, scorer, ScoringOptions(skip_scored=True, score_name="other"))
    assert other.count("written") == 4


async def test_a_trace_that_cannot_be_read_is_named_and_not_scored(
    server: LangfuseServer, client: LangfuseClient, scorer: ScorerOfValues
) -> None:
    broken = server.add_trace(None, None, steps=[{"output": "because"}])
    server.add_trace(CHAT, "because")
    report = await run(client, scorer)
    (result,) = [candidate for candidate in report.results if candidate.status == "unreadable"]
    assert result.trace_id == broken
    assert result.error is not None
    assert "the input is empty" in result.error
    assert not report.complete
    assert server.trace_scores(broken) == []
    assert len(scorer.given) == 1


async def test_scores_that_cannot_be_had_are_told_apart(
    server: LangfuseServer, client: LangfuseClient
) -> None:
    class Failing:
        async def score(self, exchange: Exchange) -> TrustworthinessScore:
            if exchange.response == "a":
                raise ScoringError("no score today")
            if exchange.response == "b":
                raise ZeroDivisionError("secret text")
            return TrustworthinessScore(
                None, error="unchecked" if exchange.response == "c" else None
            )

    for answer in "abcd":
        server.add_trace(CHAT, answer)
    report = await run_scoring(client, Failing(), TraceQuery(), ScoringOptions())
    assert {result.error for result in report.results} == {
        "no score today",
        "the scorer raised ZeroDivisionError",
        "unchecked",
        "the scorer returned no score and no reason",
    }
    assert report.count("unscored") == 4
    assert server.writes == 0


async def test_a_run_in_which_no_score_can_be_had_ends_early(
    server: LangfuseServer, client: LangfuseClient
) -> None:
    class Failing:
        async def score(self, exchange: Exchange) -> TrustworthinessScore:
            raise ScoringError("no score today")

    for number in range(120):
        server.add_trace(CHAT, f"answer {number}")
    options = ScoringOptions(concurrency=4)
    report = await run_scoring(client, Failing(), TraceQuery(), options)
    assert isinstance(report.error, TooManyFailuresError)
    assert report.error.reasons == {"no score today": 50}
    assert 50 <= report.count("unscored") < 60


async def test_a_rejected_score_is_not_said_to_be_written(
    server: LangfuseServer, client: LangfuseClient, scorer: ScorerOfValues
) -> None:
    ids = [server.add_trace(CHAT, "because") for _ in range(3)]
    server.rejects = lambda body: "no" if body["traceId"] == ids[1] else None
    seen: list[TraceResult] = []
    report = await run_scoring(
        client, scorer, TraceQuery(), ScoringOptions(), on_result=seen.append
    )
    statuses = {result.trace_id: result.status for result in report.results}
    assert statuses == {ids[0]: "written", ids[1]: "rejected", ids[2]: "written"}
    assert seen == report.results


async def test_recent_traces_are_left_to_settle_when_asked(
    server: LangfuseServer, client: LangfuseClient, scorer: ScorerOfValues
) -> None:
    server.add_trace(CHAT, "because", start=datetime.now(UTC) - timedelta(seconds=4))
    settled = await run(client, scorer, ScoringOptions(settle=timedelta(seconds=30)))
    assert (settled.settling, settled.results) == (1, [])
    ahead = datetime.now(UTC) + timedelta(minutes=1)  # by a clock that is fast
    server.add_trace(CHAT, "because", start=ahead)
    assert (await run(client, scorer)).count("written") == 2


async def test_a_server_that_fails_while_reading_leaves_what_was_read_written(
    server: LangfuseServer, client: LangfuseClient, scorer: ScorerOfValues
) -> None:
    for _ in range(40):
        server.add_trace(CHAT, "because")
    pages = 0

    def late_page(body: object) -> bool:
        nonlocal pages
        pages += body is None
        return body is None and pages > 4

    server.faults.always(status(500), when=late_page)
    report = await run(client, scorer, ScoringOptions(page_size=10))
    assert isinstance(report.error, ModelServerError)
    assert 10 <= report.count("written") == len(server.scores) < 40


async def test_a_server_that_fails_while_writing_leaves_nothing_said_to_be_written(
    server: LangfuseServer, client: LangfuseClient, scorer: ScorerOfValues
) -> None:
    server.add_trace(CHAT, "because")
    server.faults.always(status(500), when=lambda body: isinstance(body, list))
    report = await run(client, scorer)
    (result,) = report.results
    assert result.status == "rejected"
    assert "not written" in str(result.error)
    assert isinstance(report.error, ModelServerError)
    assert server.scores == {}


async def test_rate_limits_are_waited_out(
    server: LangfuseServer, client: LangfuseClient, scorer: ScorerOfValues
) -> None:
    for _ in range(20):
        server.add_trace(CHAT, "because")
    server.faults.next(rate_limited(0.01), times=4)
    report = await run(client, scorer, ScoringOptions(page_size=10))
    assert report.count("written") == 20


async def test_a_stop_writes_what_is_scored(server: LangfuseServer, client: LangfuseClient) -> None:
    stop = asyncio.Event()

    class Stopping(ScorerOfValues):
        async def score(self, exchange: Exchange) -> TrustworthinessScore:
            if len(self.given) == 5:
                stop.set()
                await asyncio.sleep(30)
            return await super().score(exchange)

    for _ in range(20):
        server.add_trace(CHAT, "because")
    report = await run(client, Stopping(), ScoringOptions(concurrency=1), stop)
    assert report.stopped
    assert report.count("written") == len(server.scores) == 5


async def test_cancelling_leaves_no_task_behind(
    server: LangfuseServer, client: LangfuseClient
) -> None:
    class Slow(ScorerOfValues):
        async def score(self, exchange: Exchange) -> TrustworthinessScore:
            self.given.append(exchange)
            await asyncio.sleep(30)
            raise AssertionError

    server.add_trace(CHAT, "because")
    slow, before = Slow(), asyncio.all_tasks()
    task = asyncio.create_task(run(client, slow))
    while not slow.given:
        await asyncio.sleep(0.005)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await server.idle()
    left = asyncio.all_tasks() - before
    assert all("nemoguardrails_trust" not in repr(trace) for trace in left)


def test_the_plain_call_works_with_and_without_a_running_loop() -> None:
    with threaded_server(LangfuseServer()) as server:
        server.add_trace(CHAT, "because")
        connection = server.connection()
        assert score_traces(ScorerOfValues(), connection=connection).count("written") == 1

        async def in_a_notebook() -> TraceReport:
            return score_traces(ScorerOfValues(), connection=connection)

        assert asyncio.run(in_a_notebook()).count("written") == 1
        assert server.violations == []


async def test_the_call_raises_what_ended_the_run(server: LangfuseServer) -> None:
    server.faults.always(UNAUTHORIZED)
    with pytest.raises(CredentialsError):
        await score_traces_async(ScorerOfValues(), connection=server.connection())


@pytest.mark.parametrize(
    ("arguments", "key"),
    [
        ({"threshold": 1.5}, "threshold"),
        ({"threshold": math.nan}, "threshold"),
        ({"score_name": " "}, "score-name"),
        ({"concurrency": 0}, "concurrency"),
        ({"max_characters": 0}, "max-characters"),
    ],
)
def test_options_out_of_range_are_named(arguments: dict[str, float], key: str) -> None:
    with pytest.raises(SettingsError, match=key):
        ScoringOptions(**arguments)  # type: ignore[arg-type]


def test_a_run_that_is_killed_and_started_again_doubles_nothing(tmp_path: Path) -> None:
    script = tmp_path / "slowly.py"
    script.write_text(
        "import asyncio, json\n"
        "from nemoguardrails_trust.integrations.langfuse import score_traces\n"
        "from nemoguardrails_trust.scores import Signal, TrustworthinessScore\n"
        "class Slow:\n"
        "    async def score(self, exchange):\n"
        "        await asyncio.sleep(0.02)\n"
        "        return TrustworthinessScore(0.5)\n"
        "print(json.dumps(score_traces(Slow()).count('written')))\n"
    )
    with threaded_server(LangfuseServer()) as server:
        for n in range(250):
            server.add_trace(CHAT, "because", start=datetime.now(UTC) - timedelta(minutes=n))
        environment = os.environ | server.environment()
        command = [sys.executable, str(script)]
        killed = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + 30
        while not server.scores and time.monotonic() < deadline:
            time.sleep(0.005)
        killed.send_signal(signal.SIGKILL)
        killed.wait()
        assert 0 < len(server.scores) < 250
        again = subprocess.run(command, env=environment, capture_output=True, check=True)
        assert json.loads(again.stdout) == len(server.scores) == 250
        assert server.violations == []
