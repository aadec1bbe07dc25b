"""Labelled answers are read line by line, and scored with bounded concurrency."""

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from nemoguardrails_trust.datasets.labelled import (
    LabelledRow,
    read_labelled,
    score_rows,
)
from nemoguardrails_trust.errors import CredentialsError, DataError, ModelServerError
from nemoguardrails_trust.exchange import Exchange
from nemoguardrails_trust.scorers.safely import score_safely
from nemoguardrails_trust.scores import Signal, TrustworthinessScore

ROW = {"prompt": "2 + 2?", "response": "4", "correct": 1}


def write(path: Path, rows: Sequence[Any]) -> Path:
    lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.mark.parametrize(("label", "correct"), [(1, True), (0, False), (True, True)])
def test_reads_prompt_response_and_label(tmp_path: Path, label: object, correct: bool) -> None:
    row = {**ROW, "correct": label, "samples": ["4", "5"], "reflection": 0.5, "context": "c"}
    (read,) = read_labelled(write(tmp_path / "data.jsonl", [row])).rows
    assert read.correct is correct
    assert read.recorded is not None
    assert read.recorded.samples == ("4", "5")
    assert read.recorded.exchange.context == ("c",)


@pytest.mark.parametrize("label", [2, 0.5, "yes", None, "1"])
def test_other_labels_are_bad_lines(tmp_path: Path, label: object) -> None:
    path = write(tmp_path / "data.jsonl", [ROW, {**ROW, "correct": label}])
    data = read_labelled(path)
    assert len(data.rows) == 1
    assert [str(each) for each in data.problems] == [f"{path}:2: 'correct' must be 1 or 0"]


def test_bad_lines_are_collected_and_the_rest_is_read(tmp_path: Path) -> None:
    path = write(tmp_path / "data.jsonl", [ROW, "{", "", {"correct": 1}, ROW])
    data = read_labelled(path)
    assert len(data.rows) == 2
    assert [each.line for each in data.problems] == [2, 4]


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_another_format_is_told_with_what_writes_json_lines(tmp_path: Path, ending: str) -> None:
    path = write(tmp_path / f"data.{ending}", ["prompt,response,correct", "q,a,1"])
    with pytest.raises(DataError, match=r"JSON lines, which this is not.*--out that ends in"):
        read_labelled(path)


def test_the_limit_counts_rows_that_can_be_used(tmp_path: Path) -> None:
    data = read_labelled(write(tmp_path / "data.jsonl", [ROW, "{", ROW, "{"]), limit=2)
    assert (len(data.rows), len(data.problems)) == (2, 1)


def test_scores_are_read_with_the_signals_beside_them(tmp_path: Path) -> None:
    rows = [
        {"correct": 1, "s": 0.7, "signal_reflection": 0.9, "signal_consistency": None},
        {"correct": 0, "s": None},
    ]
    first, second = read_labelled(write(tmp_path / "data.jsonl", rows), score_column="s").rows
    assert first.score is not None
    assert second.score is not None
    assert (first.score.score, second.score.score) == (0.7, None)
    assert first.score.signal_values == {"reflection": 0.9}


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ({"correct": 1}, "has no 's'"),
        ({"correct": 1, "s": 1.2}, "'s' must be a number from 0 to 1, or null"),
        ({"correct": 1, "s": float("nan")}, "'s' must be a number from 0 to 1, or null"),
        ({"correct": 1, "s": True}, "'s' must be a number from 0 to 1, or null"),
        ({"correct": 1, "s": "0.5"}, "'s' must be a number from 0 to 1, or null"),
        ({"correct": 1, "s": 0.5, "signal_x": 7}, "'signal_x' must be a number"),
    ],
)
def test_a_score_that_is_none_is_a_bad_line(tmp_path: Path, row: object, says: str) -> None:
    path = write(tmp_path / "data.jsonl", [{"correct": 1, "s": 0.5}, row])
    (problem,) = read_labelled(path, score_column="s").problems
    assert says in str(problem)
    assert problem.line == 2


@pytest.mark.parametrize(("lines", "says"), [([], "has no lines"), (["{"], "is not JSON")])
def test_a_file_without_a_usable_line_is_an_error(
    tmp_path: Path, lines: list[str], says: str
) -> None:
    with pytest.raises(DataError, match=says):
        read_labelled(write(tmp_path / "data.jsonl", lines))


async def test_scores_keep_the_order_of_the_rows_under_the_cap() -> None:
    rows = [LabelledRow(True) for _ in range(20)]
    running = most = 0

    async def score(row: LabelledRow) -> TrustworthinessScore:
        nonlocal running, most
        running += 1
        most = max(most, running)
        place = next(i for i, each in enumerate(rows) if each is row)
        await asyncio.sleep(0.001 * (place % 3))
        running -= 1
        return TrustworthinessScore(place / 20)

    seen: list[float | None] = []
    scores = await score_rows(rows, score, concurrency=4, on_score=lambda s: seen.append(s.score))
    assert [each.score for each in scores] == [i / 20 for i in range(20)]
    assert most == 4
    assert sorted(each or 0.0 for each in seen) == [i / 20 for i in range(20)]


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (ModelServerError("the server said 500"), "the server said 500"),
        (RuntimeError("sk-secret"), "the scorer raised RuntimeError"),
    ],
)
async def test_a_row_that_fails_is_unchecked_and_says_why(error: Exception, says: str) -> None:
    class Failing:
        async def score(self, exchange: Exchange) -> TrustworthinessScore:
            if exchange.response == "bad":
                raise error
            return TrustworthinessScore(0.5)

    async def score(row: LabelledRow) -> TrustworthinessScore:
        exchange = Exchange("good" if row.correct else "bad")
        return await score_safely(Failing(), exchange, timeout=10.0)

    first, second = await score_rows([LabelledRow(False), LabelledRow(True)], score)
    assert (first.score, first.error) == (None, says)
    assert second.score == 0.5


async def test_what_would_fail_for_every_row_ends_the_scoring() -> None:
    calls = 0

    async def score(_: LabelledRow) -> TrustworthinessScore:
        nonlocal calls
        calls += 1
        raise CredentialsError("the key was refused")

    with pytest.raises(CredentialsError, match="the key was refused"):
        await score_rows([LabelledRow(True)] * 50, score, concurrency=2)
    assert calls <= 2


async def test_cancelling_leaves_no_task_behind() -> None:
    started = asyncio.Event()

    async def score(_: LabelledRow) -> TrustworthinessScore:
        started.set()
        await asyncio.Event().wait()
        raise AssertionError

    task = asyncio.create_task(score_rows([LabelledRow(True)] * 5, score))
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert asyncio.all_tasks() == {asyncio.current_task()}


def test_signals_without_a_value_are_left_out() -> None:
    score = TrustworthinessScore(0.5, {"reflection": Signal(None), "consistency": Signal(0.5)})
    assert score.signal_values == {"consistency": 0.5}
