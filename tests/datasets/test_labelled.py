"""Labelled answers are read from every format, and scored or measured as they are."""

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from nemoguardrails_trust import calibrate_dataset, evaluate_dataset, score_dataset
from nemoguardrails_trust.datasets.files import open_source
from nemoguardrails_trust.datasets.labelled import LabelledAnswers, check_labels, read_labelled
from nemoguardrails_trust.datasets.labels import ColumnLabels
from nemoguardrails_trust.errors import CredentialsError, DataError, SettingsError
from nemoguardrails_trust.exchange import Exchange
from nemoguardrails_trust.scorers.base import ScorerSettings
from nemoguardrails_trust.scores import Signal, TrustworthinessScore, Usage
from tests.datasets.samples import write

FRAMES: list[Callable[[Any], Any]] = [
    list,
    pd.DataFrame,
    pl.DataFrame,
    lambda rows: pa.Table.from_pylist(rows),
]


class LengthScorer:
    """Trusts long answers; a response of `bad` has no score."""

    name = "length"
    asked = 0

    async def score(self, exchange: Exchange) -> TrustworthinessScore:
        self.asked += 1
        if exchange.response == "bad":
            return TrustworthinessScore(None, error="no score for this one")
        value = min(1.0, len(exchange.response) / 10)
        return TrustworthinessScore(
            value, {"reflection": Signal(value)}, usage=Usage(calls=2, prompt_tokens=7)
        )


def rows_of(count: int = 40, *, seed: int = 1) -> list[dict[str, Any]]:
    """Longer answers are right more often."""
    dice = random.Random(seed)
    rows = []
    for number in range(count):
        length = dice.randrange(1, 10)
        correct = dice.random() < length / 10
        rows.append({"prompt": f"p{number}", "response": "x" * length, "correct": int(correct)})
    return rows


def scored_rows(count: int = 40) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = score_dataset(rows_of(count), scorer=LengthScorer())
    return rows


def read(
    path: Path, label_column: str = "correct", score_column: str = "trustworthiness_score"
) -> LabelledAnswers:
    labels = ColumnLabels(label_column)
    return read_labelled(open_source(path), labels, score_column=score_column)


@pytest.mark.parametrize("ending", [".csv", ".tsv", ".jsonl", ".parquet"])
def test_what_score_writes_is_read_with_signals_and_costs(tmp_path: Path, ending: str) -> None:
    data = write(tmp_path / "data.jsonl", rows_of())
    out = score_dataset(data, scorer=LengthScorer(), out=tmp_path / f"scored{ending}")
    answers = read(out)
    expected = rows_of()
    assert answers.correct == [bool(row["correct"]) for row in expected]
    assert answers.scores == [len(row["response"]) / 10 for row in expected]
    assert [row.signals["reflection"] for row in answers.rows] == answers.scores
    assert answers.usage is not None
    assert {(usage.calls, usage.prompt_tokens) for usage in answers.usage} == {(2, 7)}
    assert answers.problems == {}


def test_bad_lines_are_told_by_line_and_the_rest_is_read(tmp_path: Path) -> None:
    good = json.dumps({"correct": "yes", "s": 0.5})
    lines = [good, "{", "", '{"correct": 1}', '{"correct": "maybe", "s": 1}', '{"s": 1}', good]
    path = tmp_path / "data.jsonl"
    path.write_text("\n".join(lines), encoding="utf-8")
    answers = read(path, score_column="s")
    assert len(answers.rows) == 2
    assert list(answers.problems) == [2, 4, 5, 6]
    told = [str(problem) for problem in answers.problems.values()]
    assert told[0].startswith(f"{path}:2: the row is not a JSON object")
    assert told[1] == f"{path}:4: has no 's'"
    assert told[2].startswith(f"{path}:5: correct is 'maybe'; it must be 1 or 0, true or false")
    assert told[3].startswith(f"{path}:6: has no 'correct', which must be 1 or 0, true or false")


def test_a_csv_row_with_a_field_too_many_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    path.write_text("correct,s\nright,0.5\nright,0.5,0.6\nWrong,\n", encoding="utf-8")
    answers = read(path, score_column="s")
    assert (answers.correct, answers.scores) == ([True, False], [0.5, None])
    assert [str(problem) for problem in answers.problems.values()] == [
        (
            f"{path}:3: the row has 3 fields, the header 2; text that holds ',' must be in "
            "quotation marks"
        )
    ]


def test_a_line_that_is_no_object_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "data.jsonl"
    path.write_bytes(b'{"correct": 1, "s": 1}\n"\xff"\n{"correct": 0, "s": 0}\n')
    answers = read(path, score_column="s")
    assert answers.scores == [1.0, 0.0]
    assert "data.jsonl:2: the row is text in JSON" in str(answers.problems[2])


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ({"correct": 1, "s": 1.2}, "s is 1.2; it must be a number from 0 to 1, or empty"),
        ({"correct": 1, "s": True}, "s is True; it must be a number from 0 to 1"),
        ({"correct": 1, "s": "high"}, "s is text; it must be a number from 0 to 1"),
        ({"correct": 1, "s": 0.5, "signal_x": 7}, "signal_x is 7; it must be a number"),
    ],
)
def test_a_score_that_is_none_is_a_problem_of_its_row(
    tmp_path: Path, row: dict[str, Any], says: str
) -> None:
    path = write(tmp_path / "data.jsonl", [{"correct": 1, "s": 0.5}, row])
    (problem,) = read(path, score_column="s").problems.values()
    assert says in str(problem)
    assert problem.line == 2


@pytest.mark.parametrize(
    ("rows", "columns", "says"),
    [
        ([{"a": 1, "b": 2}], {}, "no column 'correct' (--label-column); the columns are: a, b"),
        ([{"correct": 1}], {}, "no column 'trustworthiness_score' (--score-column); the columns"),
        ([{"correct": "?", "s": 1}], {"score_column": "s"}, "data.jsonl:1: correct is '?'"),
    ],
)
def test_data_of_which_nothing_can_be_used_is_an_error(
    tmp_path: Path, rows: list[dict[str, Any]], columns: dict[str, str], says: str
) -> None:
    with pytest.raises(DataError) as caught:
        read(write(tmp_path / "data.jsonl", rows), **columns)
    assert says in str(caught.value)


def test_labels_are_looked_at_before_anything_is_scored(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [{"right": "Yes"}, {"right": "sure"}, {"right": None}]
    source = open_source(write(tmp_path / "data.jsonl", rows))
    assert list(check_labels(source, ColumnLabels("right"))) == [2, 3]
    with pytest.raises(DataError, match=r"no column 'correct' \(--label-column\)"):
        check_labels(source, ColumnLabels())


@pytest.mark.parametrize("frame", FRAMES)
def test_scores_in_a_frame_are_measured(frame: Callable[[Any], Any]) -> None:
    evaluation = evaluate_dataset(frame(scored_rows()), threshold=0.5)
    expected = rows_of()
    assert evaluation.n == 40
    assert evaluation.accuracy == sum(row["correct"] for row in expected) / 40
    assert evaluation.flagged_share == sum(len(row["response"]) < 5 for row in expected) / 40
    assert evaluation.calls_per_score == 2


@pytest.mark.parametrize("frame", FRAMES)
def test_a_frame_is_scored_and_measured(frame: Callable[[Any], Any]) -> None:
    rows = [{**row, "correct": "right" if row["correct"] else "wrong"} for row in rows_of()]
    renamed = [
        {"verdict": row.pop("correct"), "question": row.pop("prompt"), **row} for row in rows
    ]
    evaluation = evaluate_dataset(
        frame(renamed),
        scorer=LengthScorer(),
        label_column="verdict",
        prompt_column="question",
        threshold=0.5,
    )
    assert evaluation.auroc == evaluate_dataset(scored_rows(), threshold=0.5).auroc


@pytest.mark.parametrize("name", [None, "scored.csv", "scored.parquet"])
def test_a_file_is_scored_and_measured(tmp_path: Path, name: str | None) -> None:
    data = write(tmp_path / "data.csv", rows_of())
    out = None if name is None else tmp_path / name
    evaluation = evaluate_dataset(data, scorer=LengthScorer(), out=out)
    assert evaluation.auroc == evaluate_dataset(scored_rows()).auroc
    assert sorted(path.name for path in tmp_path.iterdir() if path != data) == (
        [] if name is None else [name, f"{name}.run.json"]
    )


def test_a_label_column_that_scoring_writes_too_is_still_the_label() -> None:
    rows = [{"error": row.pop("correct"), **row} for row in rows_of()]
    evaluation = evaluate_dataset(rows, scorer=LengthScorer(), label_column="error")
    assert evaluation.accuracy == evaluate_dataset(scored_rows()).accuracy


def test_from_python_a_bad_label_is_an_error_before_anything_is_scored() -> None:
    scorer = LengthScorer()
    rows = [*rows_of(), {"prompt": "p", "response": "r", "correct": "maybe"}]
    with pytest.raises(DataError, match=r"the list of rows:41: correct is 'maybe'; it must be"):
        evaluate_dataset(rows, scorer=scorer)
    assert scorer.asked == 0
    with pytest.raises(DataError, match=r"the list of rows:2: correct is 'maybe'"):
        evaluate_dataset(
            [
                {"correct": 1, "trustworthiness_score": 1},
                {"correct": "maybe", "trustworthiness_score": 1},
            ]
        )


def test_an_iterator_is_no_data_to_measure_on() -> None:
    with pytest.raises(DataError, match="it must be a path, a frame or a list of rows"):
        evaluate_dataset(iter(rows_of()), scorer=LengthScorer())


def test_answers_without_a_score_are_counted_with_the_reason() -> None:
    rows = [*rows_of(), {"prompt": "p", "response": "bad", "correct": 1}]
    assert evaluate_dataset(rows, scorer=LengthScorer()).unchecked == 1
    scored = score_dataset(rows, scorer=LengthScorer())
    path_like = pd.DataFrame(scored)
    assert evaluate_dataset(path_like).unchecked == 1


def test_a_refused_key_ends_the_measuring() -> None:
    class Refused:
        async def score(self, exchange: Exchange) -> TrustworthinessScore:
            raise CredentialsError("the key was refused")

    with pytest.raises(CredentialsError, match="the key was refused"):
        evaluate_dataset(rows_of(), scorer=Refused())


def test_a_calibration_made_from_a_frame_maps_the_scores_of_another() -> None:
    calibration = calibrate_dataset(
        pd.DataFrame(rows_of(400)), scorer=LengthScorer(), target="recall=0.8"
    )
    assert (calibration.scorer, calibration.n, calibration.target) == ("length", 400, "recall=0.8")
    other = rows_of(400, seed=2)
    raw = evaluate_dataset(other, scorer=LengthScorer())
    mapped = evaluate_dataset(other, scorer=LengthScorer(), calibration=calibration)
    assert mapped.auroc == pytest.approx(raw.auroc, abs=0.02)
    assert mapped.ece is not None
    assert mapped.ece < 0.1


def test_scores_that_are_there_calibrate_for_the_scorer_that_is_named(tmp_path: Path) -> None:
    data = write(tmp_path / "scored.csv", scored_rows(100))
    unnamed = calibrate_dataset(data)
    assert (unnamed.scorer, unnamed.threshold) == (None, None)
    named = calibrate_dataset(data, settings=ScorerSettings(model="m", quality="low"))
    assert (named.scorer, named.quality, named.model) == ("local", "low", "m")
    with pytest.raises(SettingsError, match="--target is 'f1=1'"):
        calibrate_dataset(data, target="f1=1")


def test_only_the_first_rows_are_used_where_so_asked(tmp_path: Path) -> None:
    data = write(tmp_path / "data.jsonl", rows_of())
    assert evaluate_dataset(data, scorer=LengthScorer(), limit=7).n == 7
