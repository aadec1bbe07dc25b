"""What `nemo-trust score` shows while it runs."""

import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest

from nemoguardrails_trust.commands import output
from nemoguardrails_trust.commands.score_progress import ProgressDisplay, describe, duration, money
from nemoguardrails_trust.datasets.tally import Prices, Progress, Tally
from tests.datasets.samples import make_rows, write
from tests.datasets.scorers import LATENCY

HALF_WAY = Progress(
    Tally(rows=5_000, flagged=1_000, errors=1_000, prompt_tokens=2_000_000, completion_tokens=500),
    resumed=3_000,
    total=10_000,
    seconds=20.0,
)


def test_a_line_tells_rate_flagged_errors_cost_and_time_left() -> None:
    assert describe(HALF_WAY, Prices(0.5, 2.0)) == (
        "5,000 of 10,000 rows · 0:50 left · 100/s · 25.0% flagged · 1,000 errors · "
        "cost 1.00 · 2,000,000 + 500 tokens"
    )


def test_what_is_not_known_is_left_out() -> None:
    line = describe(Progress(Tally(), resumed=0, total=None, seconds=0.0), None)
    assert line == "0 rows · 0/s · 0 errors · 0 + 0 tokens"


def test_a_slow_run_is_told_in_rows_a_minute() -> None:
    line = describe(Progress(Tally(rows=5), resumed=0, total=100, seconds=30.0), None)
    assert line.startswith("5 of 100 rows · 9:30 left · 10/min · ")


def test_a_guessed_total_is_round_and_never_goes_down(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(output, "SECONDS_BETWEEN_LINES", 0.0)

    def told(display: ProgressDisplay, rows: int, total: int) -> str:
        display.update(Progress(Tally(rows=rows), resumed=0, total=total, seconds=1.0))
        return capsys.readouterr().err.removeprefix("nemo-trust: ").partition(" rows")[0]

    steps = [(3, 99), (21, 99), (28, 101), (40, 1_234), (50, 99), (1_300, 1_290), (1_310, 1_310)]
    with ProgressDisplay(None, guessed=True) as display:
        assert [told(display, *step) for step in steps] == [
            "3 of about 99",
            "21 of about 99",
            "28 of about 100",
            "40 of about 1,200",
            "50 of about 1,200",
            "1,300 of about 1,300",
            "1,310 of 1,310",
        ]
    with ProgressDisplay(None) as display:
        assert told(display, 40, 1_234) == "40 of 1,234"


@pytest.mark.parametrize(
    ("cost", "told"),
    [
        (0.0, "0.00"),
        (0.000_255_9, "0.00026"),
        (0.0123, "0.012"),
        (0.0999, "0.100"),
        (0.1, "0.10"),
        (1_234.5, "1,234.50"),
    ],
)
def test_a_small_cost_is_never_told_as_nothing(cost: float, told: str) -> None:
    assert money(cost) == told


@pytest.mark.parametrize(("seconds", "told"), [(0, "0:00"), (59.6, "1:00"), (3_725, "1:02:05")])
def test_times_are_told_as_on_a_clock(seconds: float, told: str) -> None:
    assert duration(seconds) == told


def test_without_a_terminal_there_is_a_line_now_and_then(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with ProgressDisplay(None) as display:
        display.update(HALF_WAY)
        assert capsys.readouterr().err == ""
        monkeypatch.setattr(output, "SECONDS_BETWEEN_LINES", 0.0)
        display.update(HALF_WAY)
        assert capsys.readouterr().err.startswith("nemo-trust: 5,000 of 10,000 rows · ")
    with ProgressDisplay(None, quiet=True) as display:
        display.update(HALF_WAY)
        assert capsys.readouterr().err == ""


@pytest.mark.parametrize("columns", ["120", "80", "40"])
def test_on_a_terminal_there_is_a_bar(tmp_path: Path, columns: str) -> None:
    data = write(tmp_path / "data.csv", make_rows(50))
    terminal, its_other_end = pty.openpty()
    command = [
        *(sys.executable, "-m", "tests.datasets.command", str(data)),
        *("--out", str(tmp_path / "out.csv"), "--scorer", "tests.datasets.scorers:create"),
        *("--concurrency", "10"),
    ]
    environment = {**os.environ, LATENCY: "0.1", "TERM": "xterm", "COLUMNS": columns}
    done = subprocess.run(
        command, env=environment, stdout=subprocess.PIPE, stderr=its_other_end, check=True
    )
    os.close(its_other_end)
    shown = os.read(terminal, 100_000).decode()
    os.close(terminal)
    assert "50 rows" in done.stdout.decode()
    assert "━" * 12 in shown
    assert "50 of 50 rows · 0:00 left" in shown
    assert "…" not in shown
    if columns != "40":
        assert re.search(r"50 of 50 rows · 0:00 left · \d+/s · \d+\.\d% flagged · 0 errors", shown)
