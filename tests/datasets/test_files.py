"""Reading files row by row."""

import csv
import io
import json
import random
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nemoguardrails_trust.datasets.files import open_source
from nemoguardrails_trust.errors import DataError
from tests.datasets.samples import make_rows, write

FIELDS = st.text(
    alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\0\r"), max_size=12
)
VALUES = st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=8), st.lists(FIELDS))
QUICKLY = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def rows_of(path: Path) -> list[dict[str, Any]]:
    return [row for _, row in open_source(path).rows()]


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_every_format_gives_its_rows_and_columns(tmp_path: Path, ending: str) -> None:
    rows = make_rows(2500)
    source = open_source(write(tmp_path / f"data.{ending}", rows))
    read = [row for _, row in source.rows()]
    expected = [{**row, "id": str(row["id"])} for row in rows] if ending == "csv" else rows
    assert read == expected
    assert source.columns == ("id", "prompt", "response")


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_reading_goes_on_from_the_position_of_any_row(tmp_path: Path, ending: str) -> None:
    rows = make_rows(2500, text="line one\nline “two”, with, commas")
    path = write(tmp_path / f"data.{ending}", rows)
    source = open_source(path)
    whole = list(source.rows())
    for at in (0, 1, 1023, 1024, 1500, 2499):
        assert list(source.rows(whole[at][0])) == whole[at:]
    assert source.share(whole[0][0]) < 0.01
    assert source.share(whole[-1][0]) > 0.99


def test_parquet_goes_on_within_and_between_row_groups(tmp_path: Path) -> None:
    path = tmp_path / "data.parquet"
    pq.write_table(pa.table({"prompt": [str(i) for i in range(100)]}), path, row_group_size=30)
    source = open_source(path)
    whole = list(source.rows())
    for at in range(100):
        assert next(source.rows(whole[at][0]))[1] == {"prompt": str(at)}


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
@pytest.mark.parametrize("limit", [1, 30, 5000])
def test_a_limit_cuts_the_rows(tmp_path: Path, ending: str, limit: int) -> None:
    rows = make_rows(40)
    source = open_source(write(tmp_path / f"data.{ending}", rows), limit=limit)
    assert len(list(source.rows())) == min(limit, 40)


@QUICKLY
@given(st.lists(st.tuples(FIELDS, FIELDS), min_size=1, max_size=8))
def test_csv_values_stay_verbatim_and_every_position_is_a_start(
    tmp_path: Path, values: list[tuple[str, str]]
) -> None:
    text = io.StringIO(newline="")
    csv.writer(text, quoting=csv.QUOTE_ALL).writerows([("prompt", "note"), *values])
    path = tmp_path / "data.csv"
    path.write_bytes(text.getvalue().encode())
    source = open_source(path)
    whole = list(source.rows())
    assert [(row["prompt"], row["note"]) for _, row in whole] == values
    for at, (position, _) in enumerate(whole):
        assert list(source.rows(position)) == whole[at:]


@QUICKLY
@given(st.lists(st.dictionaries(FIELDS, VALUES, min_size=1), min_size=1, max_size=8))
def test_json_values_keep_their_types(tmp_path: Path, values: list[dict[str, Any]]) -> None:
    path = write(tmp_path / "data.jsonl", values)
    assert rows_of(path) == values


def test_the_content_decides_where_the_name_says_nothing(tmp_path: Path) -> None:
    rows = make_rows(3)
    for ending in ("csv", "jsonl", "parquet"):
        plain = tmp_path / f"{ending}-data"
        plain.write_bytes(write(tmp_path / f"data.{ending}", rows).read_bytes())
        assert [row["prompt"] for row in rows_of(plain)] == [row["prompt"] for row in rows]


def test_a_byte_order_mark_and_blank_lines_are_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    path.write_bytes(b"\xef\xbb\xbfprompt,response\r\n\r\na,b\r\n\r\n")
    assert rows_of(path) == [{"prompt": "a", "response": "b"}]
    path = tmp_path / "data.jsonl"
    path.write_bytes(b'\xef\xbb\xbf{"prompt": "a"}\n\n{"prompt": "b"}\n')
    assert rows_of(path) == [{"prompt": "a"}, {"prompt": "b"}]


def test_fields_longer_than_the_csv_modules_own_limit_are_read(tmp_path: Path) -> None:
    path = write(tmp_path / "data.csv", [{"prompt": "x" * 300_000, "response": "y"}])
    assert len(rows_of(path)[0]["prompt"]) == 300_000


def test_nanoseconds_in_parquet_are_read_though_python_has_none(tmp_path: Path) -> None:
    path = tmp_path / "data.parquet"
    at = pa.array([1_700_000_000_123_456_789], pa.timestamp("ns"))
    pq.write_table(pa.table({"prompt": ["a"], "at": at}), path)
    assert rows_of(path) == [{"prompt": "a", "at": 1_700_000_000_123_456_789}]


def test_times_in_parquet_are_read(tmp_path: Path) -> None:
    path = tmp_path / "data.parquet"
    at = datetime(2024, 5, 1, tzinfo=UTC)
    pq.write_table(pa.table({"prompt": ["a"], "at": [at]}), path)
    assert rows_of(path)[0]["at"] == at


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("data.csv", b"", "data.csv: the file is empty"),
        ("data.jsonl", b"\n\n", "data.jsonl: the file has no rows"),
        ("data.csv", b"prompt,response\n", "data.csv: the file has no rows"),
        ("data.csv", b"a,b\n1,2\n3\n", "data.csv:3: the row has 1 fields, the header 2"),
        ("data.csv", b"a,a\n1,2\n", "data.csv:1: the header names column 'a' twice"),
        ("data.csv", b'a,b\n1,"2\n', "data.csv:2: is not CSV: unexpected end of data"),
        ("data.csv", b"a,b\n\xff,2\n", "data.csv:2: the line is not UTF-8 text"),
        ("data.jsonl", b'{"a": 1}\n{"a": \n', "data.jsonl:2: the line is not a JSON object"),
        ("data.jsonl", b'{"a": 1}\n[1]\n', "data.jsonl:2: the line is a JSON list, not an object"),
        ("data.parquet", b"PAR1 is not enough", "data.parquet: the Parquet file is broken"),
        ("data.parquet", b"prompt,response\n1,2\n", "data.parquet: the Parquet file is broken"),
    ],
)
def test_what_cannot_be_read_is_told_in_one_line_with_its_place(
    tmp_path: Path, name: str, content: bytes, told: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(DataError) as caught:
        rows_of(path)
    assert str(caught.value).startswith(f"{tmp_path}/{told}")
    assert "\n" not in str(caught.value)


def test_a_parquet_file_broken_in_its_middle_is_told(tmp_path: Path) -> None:
    path = tmp_path / "data.parquet"
    texts = [random.Random(i).randbytes(40).hex() for i in range(5000)]
    pq.write_table(pa.table({"prompt": texts}), path, compression="zstd", use_dictionary=False)
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 2000] = bytes(2000)
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"data\.parquet: ") as caught:
        rows_of(path)
    assert "\n" not in str(caught.value)


def test_a_path_that_is_missing_or_a_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"missing\.csv: cannot be read: No such file"):
        open_source(tmp_path / "missing.csv")
    with pytest.raises(DataError, match="is not a regular file"):
        open_source(tmp_path)


def test_a_file_that_may_not_be_read_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "data.jsonl", make_rows(1))

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)  # the superuser may read everything
    with pytest.raises(DataError, match=r"data\.jsonl: cannot be read: Permission denied"):
        open_source(path)


def test_a_row_of_json_may_lack_a_column(tmp_path: Path) -> None:
    path = tmp_path / "data.jsonl"
    path.write_text(json.dumps({"prompt": "a"}) + "\n" + json.dumps({"other": 1}) + "\n")
    assert rows_of(path) == [{"prompt": "a"}, {"other": 1}]
