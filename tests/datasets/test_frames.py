"""Data sets in memory go in and come out as the same kind."""

import math
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from pandas.testing import assert_frame_equal

from nemoguardrails_trust.datasets import score_dataset
from nemoguardrails_trust.errors import DataError
from nemoguardrails_trust.models.replay import Recorded, ReplayModel
from tests.datasets.samples import make_rows
from tests.datasets.scorers import TestScorer, expected_score

ADDED = [
    "trustworthiness_score",
    "signal_reflection",
    "signal_consistency",
    "explanation",
    "alternatives",
    "error",
    "usage_calls",
    "usage_samples",
    "usage_prompt_tokens",
    "usage_completion_tokens",
    "usage_seconds",
]
ROWS = [*make_rows(200), {"id": 200, "prompt": "question 200", "response": "bad"}]
SCORES = [expected_score(row["response"]) for row in ROWS[:-1]]


def test_a_pandas_frame_keeps_its_index_columns_and_types() -> None:
    frame = pd.DataFrame(ROWS, index=range(1000, 1201)).astype({"id": "int32"})
    scored = score_dataset(frame, scorer=TestScorer())
    assert_frame_equal(scored[["id", "prompt", "response"]], frame)
    assert list(scored.columns[3:]) == ADDED
    assert scored["trustworthiness_score"].dtype == "float64"
    assert list(scored["trustworthiness_score"][:-1]) == SCORES
    assert math.isnan(scored["trustworthiness_score"].iloc[-1])
    assert scored["error"].iloc[-1] == "no score for this one"


def test_a_polars_frame_keeps_its_columns_and_types() -> None:
    frame = pl.DataFrame(ROWS, schema_overrides={"id": pl.Int16})
    scored = score_dataset(frame, scorer=TestScorer())
    assert scored.select("id", "prompt", "response").equals(frame)
    assert scored.columns[3:] == ADDED
    assert scored.schema["explanation"] == pl.String
    assert scored["trustworthiness_score"].to_list() == [*SCORES, None]


def test_an_arrow_table_keeps_its_columns_and_types() -> None:
    table = pa.Table.from_pylist(ROWS).cast(
        pa.schema([("id", pa.int16()), ("prompt", pa.large_string()), ("response", pa.string())])
    )
    scored = score_dataset(table, scorer=TestScorer())
    assert scored.select(["id", "prompt", "response"]).equals(table)
    assert scored.column_names[3:] == ADDED
    assert scored["trustworthiness_score"].to_pylist() == [*SCORES, None]


def test_a_list_gives_a_list() -> None:
    scored = score_dataset(ROWS, scorer=TestScorer())
    assert [{key: row[key] for key in ("id", "prompt", "response")} for row in scored] == ROWS
    assert list(scored[0])[3:] == ADDED
    assert [row["trustworthiness_score"] for row in scored] == [*SCORES, None]


def columns_of(data: Any) -> dict[str, list[Any]]:
    if isinstance(data, list):
        return {name: [row[name] for row in data] for name in data[0]}
    if isinstance(data, pa.Table):
        return dict(data.to_pydict())
    return {name: list(data[name]) for name in data.columns}


def arrow_table(rows: list[dict[str, Any]]) -> pa.Table:
    return pa.Table.from_pylist(rows)


@pytest.mark.parametrize("make", [pd.DataFrame, pl.DataFrame, arrow_table, list])
def test_a_column_that_scoring_adds_is_kept_under_another_name(make: Any) -> None:
    rows = [
        {**row, "explanation": "mine", "trustworthiness_score": 0.1, "input_explanation": "other"}
        for row in ROWS[:3]
    ]
    columns = columns_of(score_dataset(make(rows), scorer=TestScorer()))
    assert columns["input_explanation"] == ["mine"] * 3
    assert columns["input_input_explanation"] == ["other"] * 3
    assert columns["input_trustworthiness_score"] == [0.1] * 3
    assert columns["trustworthiness_score"] == SCORES[:3]


@pytest.mark.parametrize("make", [pd.DataFrame, pl.DataFrame, arrow_table, list])
@pytest.mark.parametrize("given", [[], ["given 0", "given 1"]])
def test_responses_are_made_where_there_are_none(make: Any, given: list[str]) -> None:
    rows: list[dict[str, Any]] = [{"prompt": f"question {i}"} for i in range(4)]
    if given:
        rows = [
            row | {"response": response}
            for row, response in zip(rows, [*given, None, None], strict=True)
        ]
    model = ReplayModel([Recorded(f"question {i}", f"made {i}") for i in range(4)])
    columns = columns_of(score_dataset(make(rows), scorer=TestScorer(), model=model, generate=True))
    made = [f"made {i}" for i in range(len(given), 4)]
    assert columns["response"] == [*given, *made]
    assert columns["usage_calls"] == [1] * len(given) + [2] * len(made)


def test_numbers_are_answers_and_missing_values_of_pandas_are_none() -> None:
    frame = pd.DataFrame({"prompt": ["a", "b", None], "response": [4.0, float("nan"), 1.0]})
    scored = score_dataset(frame, scorer=TestScorer())
    assert scored["trustworthiness_score"].iloc[0] == expected_score("4.0")
    assert scored["error"].iloc[1].startswith("the row has no response; --generate")
    assert scored["error"].iloc[2] == "the row has nothing in column 'prompt'"


def test_nullable_columns_of_pandas_are_read() -> None:
    frame = pd.DataFrame({"prompt": ["a", "b"], "response": pd.array([4, None], dtype="Int64")})
    scored = score_dataset(frame, scorer=TestScorer())
    assert scored["trustworthiness_score"].iloc[0] == expected_score("4")
    assert "no response" in scored["error"].iloc[1]


def test_data_that_is_empty_or_none_at_all_is_told() -> None:
    with pytest.raises(DataError, match="the pandas frame has no rows"):
        score_dataset(pd.DataFrame({"prompt": []}), scorer=TestScorer())
    with pytest.raises(DataError, match="data is a number; it must be a path"):
        score_dataset(3, scorer=TestScorer())
    with pytest.raises(DataError, match=r"no column 'prompt'.*the columns are: text, answer"):
        score_dataset(pl.DataFrame({"text": ["a"], "answer": ["b"]}), scorer=TestScorer())
