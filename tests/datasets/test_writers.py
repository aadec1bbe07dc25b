"""What is written out holds everything that came in, in every format."""

import csv
import gzip
import json
import math
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from nemoguardrails_trust.datasets import score_dataset
from nemoguardrails_trust.datasets.excel_files import CELL_CHARACTERS
from nemoguardrails_trust.errors import DataError
from tests.datasets.samples import make_rows, read, write
from tests.datasets.scorers import TestScorer, expected_score

ENDINGS = ["csv", "jsonl", "json", "parquet", "xlsx"]
HOSTILE: dict[str, Any] = {
    "brackets": "[" * 100_000,
    "half a surrogate pair": "\ud800 half",
    "a large integer": 2**63,
    "a larger one": 2**200,
    "not a number": math.nan,
    "infinity": math.inf,
    "within": {"deep": [2**64], "half": "\udfff", "none": math.nan},
    "a formula": "=1+1",
    "a zero byte": "a\0b",
    "480 deep": "[" * 480 + "]" * 480,
}


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("hostile", HOSTILE.values(), ids=HOSTILE)
def test_no_value_of_a_row_ends_a_run(tmp_path: Path, ending: str, hostile: Any) -> None:
    rows = [*make_rows(2), {"id": 2, "prompt": "question 2", "response": "r", "value": hostile}]
    data = write(tmp_path / "data.jsonl", rows)
    out = score_dataset(data, scorer=TestScorer(), out=tmp_path / f"out.{ending}")
    scored = read(out)
    assert [float(row["trustworthiness_score"]) for row in scored] == [
        expected_score(text) for text in ("answer 0", "answer 1", "r")
    ]
    value = scored[2]["value"]
    if isinstance(hostile, float):
        assert value in (None, "", hostile, str(hostile)) or math.isnan(value)
    else:
        assert value not in (None, "")


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("column", ["prompt", "response", "samples", "context"])
@pytest.mark.parametrize("hostile", ["[" * 100_000, "\ud800", "[" * 480 + "]" * 480])
def test_no_text_that_is_scored_ends_a_run(
    tmp_path: Path, ending: str, column: str, hostile: Any
) -> None:
    rows = [*make_rows(2), {**make_rows(1)[0], column: hostile}]
    data = write(tmp_path / "data.jsonl", rows)
    out = score_dataset(data, scorer=TestScorer(), out=tmp_path / f"out.{ending}")
    scored = read(out)
    assert len(scored) == 3
    assert float(scored[1]["trustworthiness_score"]) == expected_score("answer 1")
    assert scored[2]["trustworthiness_score"] not in (None, "")


@pytest.mark.parametrize("ending", ENDINGS)
def test_decimals_and_nested_columns_of_parquet_are_scored_and_carried(
    tmp_path: Path, ending: str
) -> None:
    schema = pa.schema(
        [
            ("prompt", pa.large_string()),
            ("response", pa.decimal128(10, 2)),
            ("context", pa.large_list(pa.large_string())),
            ("nested", pa.struct([("cost", pa.decimal128(5, 1)), ("tags", pa.list_(pa.string()))])),
        ]
    )
    rows = [{"prompt": "2+2?", "response": Decimal("4.00"), "context": ["a", "b"],
             "nested": {"cost": Decimal("0.5"), "tags": ["x"]}}]  # fmt: skip
    pq.write_table(pa.Table.from_pylist(rows, schema), tmp_path / "data.parquet")
    out = score_dataset(
        tmp_path / "data.parquet", scorer=TestScorer(), out=tmp_path / f"out.{ending}"
    )
    (row,) = read(out)
    assert float(row["trustworthiness_score"]) == expected_score("4.00")
    assert str(row["response"]) in ("4.00", "4")
    nested = row["nested"] if isinstance(row["nested"], dict) else json.loads(row["nested"])
    assert str(nested["cost"]) == "0.5"


@pytest.mark.parametrize("packing", ["gz", "zst"])
def test_out_is_packed_as_its_name_says(tmp_path: Path, packing: str) -> None:
    data = write(tmp_path / "data.csv", make_rows(5))
    for kind in ("csv", "jsonl", "json"):
        out = tmp_path / f"out.{kind}.{packing}"
        score_dataset(data, scorer=TestScorer(), out=out)
        packed = out.read_bytes()
        if packing == "gz":
            content = gzip.decompress(packed)
        else:
            content = pa.CompressedInputStream(pa.BufferReader(packed), "zstd").read()
        plain = tmp_path / f"plain.{kind}"
        plain.write_bytes(content)
        assert [int(row["id"]) for row in read(plain)] == list(range(5))


def test_text_longer_than_a_cell_of_excel_is_cut_and_says_so(tmp_path: Path) -> None:
    data = write(tmp_path / "data.jsonl", make_rows(1, note="n" * 40_000))
    out = score_dataset(data, scorer=TestScorer(), out=tmp_path / "out.xlsx")
    (row,) = read(out)
    assert len(row["note"]) == CELL_CHARACTERS
    assert row["note"].endswith("n… [cut]")


def test_what_excel_has_no_type_for_is_text(tmp_path: Path) -> None:
    zoned = datetime(2024, 5, 1, tzinfo=UTC)
    values = {
        "bytes": b"\xff\0",
        "zoned": zoned,
        "early": date(1066, 10, 14),
        "long": 1_234_567_890_123_456_789,
        "endless": math.inf,
        "day": date(2024, 5, 1),
        "number": np.int64(5),
        "none": np.float64("nan"),
    }
    frame = pd.DataFrame([{**make_rows(1)[0], **values}], dtype=object)
    out = score_dataset(frame, scorer=TestScorer(), out=tmp_path / "out.xlsx")
    (row,) = read(out)
    assert {name: row[name] for name in values} == {
        "bytes": "b'\\xff\\x00'",
        "zoned": zoned.isoformat(),
        "early": "1066-10-14",
        "long": "1234567890123456789",
        "endless": "inf",
        "day": datetime(2024, 5, 1),  # noqa: DTZ001
        "number": 5,
        "none": None,
    }


@pytest.mark.parametrize("missing", [0, 1])
def test_a_text_that_is_missing_may_be_nan_for_parquet(tmp_path: Path, missing: int) -> None:
    rows = make_rows(2)
    rows[missing]["note"], rows[1 - missing]["note"] = math.nan, "a"
    data = tmp_path / "data.jsonl"
    data.write_text("\n".join(map(json.dumps, rows)), "utf-8")
    out = score_dataset(data, scorer=TestScorer(), out=tmp_path / "out.parquet")
    notes = [row["note"] for row in pq.read_table(out).to_pylist()]
    assert (notes[missing], notes[1 - missing]) == (None, "a")


def test_text_is_no_formula_in_excel(tmp_path: Path) -> None:
    data = write(tmp_path / "data.jsonl", make_rows(1, note="=1+1"))
    out = score_dataset(data, scorer=TestScorer(), out=tmp_path / "out.xlsx")
    cell = openpyxl.load_workbook(out).active["D2"]
    assert (cell.value, cell.data_type) == ("=1+1", "s")


@pytest.mark.parametrize(
    ("name", "told"),
    [("out.txt", "the name must end in"), ("out", "must end in"), ("out.xlsx.gz", "must end in")],
)
def test_a_name_that_says_no_format_is_refused(tmp_path: Path, name: str, told: str) -> None:
    data = write(tmp_path / "data.csv", make_rows(1))
    with pytest.raises(DataError, match=told):
        score_dataset(data, scorer=TestScorer(), out=tmp_path / name)


def test_csv_for_excel_and_without_formulas(tmp_path: Path) -> None:
    notes = ["=1+1", "+x", "-5", "-x", "@a", "\t=1", "plain", "a=1"]
    rows = [{"prompt": "é", "response": "r", "note": note} for note in notes]
    data = write(tmp_path / "data.jsonl", rows)
    out = score_dataset(
        data, scorer=TestScorer(), out=tmp_path / "out.csv", bom=True, safe_cells=True
    )
    content = out.read_bytes()
    assert content.startswith(b"\xef\xbb\xbfprompt,")
    with out.open(encoding="utf-8-sig", newline="") as file:
        written = [row["note"] for row in csv.DictReader(file)]
    assert written == ["'=1+1", "'+x", "-5", "'-x", "'@a", "'\t=1", "plain", "a=1"]
