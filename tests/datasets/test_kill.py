"""A run that is killed or interrupted, as a process of its own."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.datasets.samples import make_rows, read, write
from tests.datasets.scorers import CALL_LOG, LATENCY, expected_score

CAP = 16


def start(data: Path, out: Path, calls: Path, *, latency: float = 0.02) -> "subprocess.Popen[str]":
    command = [
        *(sys.executable, "-m", "tests.datasets.command", str(data), "--out", str(out)),
        *("--scorer", "tests.datasets.scorers:create", "--concurrency", str(CAP)),
        *("--shard-size", "100"),
    ]
    environment = {**os.environ, CALL_LOG: str(calls), LATENCY: str(latency)}
    return subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def wait_for_calls(calls: Path, count: int, process: "subprocess.Popen[str]") -> None:
    while process.poll() is None:
        if calls.exists() and calls.read_bytes().count(b"\n") >= count:
            return
        time.sleep(0.005)


def test_killed_at_random_moments_it_loses_and_doubles_nothing(tmp_path: Path) -> None:
    data = write(tmp_path / "data.csv", make_rows(400))
    out, calls = tmp_path / "out.jsonl", tmp_path / "calls"
    moments = random.Random(4)
    asked = kills = 0
    while True:
        process = start(data, out, calls)
        if kills < 4:
            wait_for_calls(calls, asked + moments.randint(1, 70), process)
            time.sleep(moments.random() / 50)
            process.kill()
        said, told = process.communicate(timeout=60)
        asked = calls.read_bytes().count(b"\n") if calls.exists() else 0
        if process.returncode == 0:
            break
        assert process.returncode == -signal.SIGKILL, told
        kills += 1
    assert kills == 4
    assert "400 rows" in said
    rows = read(out)
    assert [int(row["id"]) for row in rows] == list(range(400))
    assert all(row["trustworthiness_score"] == expected_score(row["response"]) for row in rows)
    assert asked <= 400 + CAP * kills
    assert len(set(calls.read_text().splitlines())) == 400


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_finishes_the_rows_in_flight_and_says_how_to_go_on(
    tmp_path: Path, ending: signal.Signals
) -> None:
    data = write(tmp_path / "data.csv", make_rows(1000))
    out, calls = tmp_path / "out.csv", tmp_path / "calls"
    process = start(data, out, calls)
    wait_for_calls(calls, 100, process)
    process.send_signal(ending)
    _, told = process.communicate(timeout=120)
    assert process.returncode == 130
    assert "finishing the rows in flight; Ctrl-C again stops at once" in told
    assert "repeat the command to continue" in told
    assert "Traceback" not in told
    asked = calls.read_bytes().count(b"\n")
    journals = "".join(path.read_text() for path in (tmp_path / "out.csv.shards").glob("shard-*"))
    assert journals.count("\n") == asked  # nothing that was begun is lost


def test_a_second_ctrl_c_stops_at_once(tmp_path: Path) -> None:
    data = write(tmp_path / "data.csv", make_rows(100))
    out, calls = tmp_path / "out.csv", tmp_path / "calls"
    process = start(data, out, calls, latency=60.0)
    wait_for_calls(calls, CAP, process)
    process.send_signal(signal.SIGINT)
    assert process.stderr is not None
    assert "Ctrl-C again" in process.stderr.readline()
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in told
