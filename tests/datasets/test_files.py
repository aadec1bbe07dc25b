"""Reading files row by row."""

import csv
import gzip
import io
import json
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nemoguardrails_trust.datasets.files import open_source
from nemoguardrails_trust.datasets.source import UnreadableRow
from nemoguardrails_trust.errors import DataError
from tests.datasets.samples import make_rows, write

FIELDS = st.text(
    alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\0\r"), max_size=12
)
VALUES = st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=8), st.lists(FIELDS))
QUICKLY = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])


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
    rows = [{"prompt": "a", **value} for value in values]  # else it may be no row that is read
    assert rows_of(write(tmp_path / "data.jsonl", rows)) == rows


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
    assert rows_of(path) == [{"prompt": "a", "at": "2023-11-14 22:13:20.123456789"}]


def test_times_that_pandas_keeps_in_nanoseconds_are_times(tmp_path: Path) -> None:
    path, at = tmp_path / "data.parquet", datetime(2024, 5, 1, 12, 30)  # noqa: DTZ001
    frame = pd.DataFrame({"prompt": ["a", "b"], "at": [at, None], "took": [timedelta(0, 3), None]})
    frame["at"], frame["took"] = frame["at"].astype("M8[ns]"), frame["took"].astype("m8[ns]")
    frame.to_parquet(path)
    assert rows_of(path) == [
        {"prompt": "a", "at": at, "took": timedelta(0, 3)},
        {"prompt": "b", "at": None, "took": None},
    ]
    zone = pa.timestamp("ns", "Europe/Berlin")
    nested = pa.array([[{"at": 1_700_000_000_000_000_000}]], pa.list_(pa.struct([("at", zone)])))
    pq.write_table(pa.table({"nested": nested}), path)
    assert rows_of(path)[0]["nested"][0]["at"] == datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)


@pytest.mark.parametrize("kind", [pa.timestamp("us"), pa.date32(), pa.duration("s")], ids=str)
def test_a_time_beyond_those_of_python_costs_no_row(tmp_path: Path, kind: pa.DataType) -> None:
    path, far = tmp_path / "data.parquet", 2**30 if kind == pa.date32() else 2**61
    table = {"far": pa.array([far, 0], kind), "list": pa.array([[far], [0]], pa.list_(kind))}
    pq.write_table(pa.table(table), path)
    beyond, near = rows_of(path)
    assert isinstance(beyond["far"], str)
    assert str(far) in beyond["far"]
    assert [near["far"]] == near["list"] == pa.array([0], kind).to_pylist()


def test_one_bad_row_at_the_beginning_costs_no_other(tmp_path: Path) -> None:
    path = tmp_path / "data.jsonl"
    path.write_text('# made by hand\n{"prompt": "a"}\n')
    assert rows_of(path) == [{}, {"prompt": "a"}]
    path = tmp_path / "data.csv"
    path.write_text("prompt,response\na\nb,c\n")
    assert [len(row) for row in rows_of(path)] == [0, 2]
    path.write_text("prompt,response\n" + "a,b,c\n" * 50)
    with pytest.raises(DataError, match=r"data\.csv:2: the row has 3 fields, the header 2"):
        open_source(path)


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
        ("data.csv", b"a,b\n3\n4\n", "data.csv:2: the row has 1 field, the header 2"),
        ("data.csv", b"a,a\n1,2\n", "data.csv:1: the header names column 'a' twice"),
        (
            "data.csv",
            b'a,b\n1,"2\n',
            "data.csv:2: is not CSV: a quotation mark that opens here is never closed",
        ),
        ("data.csv", "é,b\n".encode() + b"\xff,2\n", "data.csv:2: the line is not UTF-8 text"),
        ("data.jsonl", b'{"a": \n{"b": \n', "data.jsonl:1: the row is not a JSON object"),
        ("data.jsonl", b"3\n4\n", "data.jsonl:1: the row is a number in JSON; it must be"),
        ("data.json", b'[{"a": 1},\n {"a": 2}\n', "data.json: the JSON array does not end"),
        ("data.json", b'[{"a": 1},\n 3]\n', "data.json:2: holds something other than objects"),
        (
            "data.jsonl.gz",
            gzip.compress(b'{"a": 1}\n', mtime=0)[:-4],
            "data.jsonl.gz: was cut off: its compressed data stop at byte ",
        ),
        (
            "data.csv.zst",
            b"\x28\xb5\x2f\xfdnot so",
            "data.csv.zst: its compressed data are damaged",
        ),
        ("data.xlsx", b"prompt,response\n1,2\n", "data.xlsx: the workbook is damaged"),
        ("data.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "data.xls: is an old Excel workbook"),
        ("data.parquet", b"PAR1 is not enough", "data.parquet: the Parquet file is damaged"),
        ("data.parquet", b"prompt,response\n1,2\n", "data.parquet: the Parquet file is damaged"),
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
    with pytest.raises(DataError, match="is a folder; give a file of rows"):
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


TABLE = [{"prompt": "Größe; in cm, etwa?", "response": "5 €"}, {"prompt": "é", "response": "ü"}]


def as_csv(delimiter: str = ",", before: str = "") -> str:
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=delimiter)
    writer.writerows([["prompt", "response"], *(row.values() for row in TABLE)])
    return before + text.getvalue()


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252"]
)
def test_csv_is_read_as_programs_and_countries_write_it(
    tmp_path: Path, delimiter: str, encoding: str
) -> None:
    path = tmp_path / "data.csv"
    path.write_bytes(as_csv(delimiter).encode(encoding))
    source = open_source(path)
    whole = list(source.rows())
    assert [row for _, row in whole] == TABLE
    assert [list(source.rows(position)) for position, _ in whole] == [whole, whole[1:]]
    told = f"{path} is not UTF-8 and is read as cp1252; if letters are wrong, set --encoding"
    assert source.remarks == ((told,) if encoding == "cp1252" else ())


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("вопрос\nПривет! Как дела? Что нового?\n", "cp1251"),
        ("pytanie\nZażółć gęślą jaźń i proszę bardzo\n", "cp1250"),
        ("質問\n日本の首都はどこですか。東京です。\n", "cp932"),
    ],
)
def test_other_encodings_are_guessed_and_can_be_named(
    tmp_path: Path, text: str, encoding: str
) -> None:
    path = tmp_path / "data.csv"
    path.write_bytes(text.encode(encoding))
    (name,) = open_source(path).columns
    assert rows_of(path) == [{name: text.splitlines()[1]}]
    assert f"is read as {encoding}" in open_source(path).remarks[0]
    named = open_source(path, encoding=encoding)
    assert (named.columns, named.remarks) == ((name,), ())


def test_excels_own_first_line_names_the_separator(tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    path.write_text(as_csv(";", before="sep=;\n"), encoding="utf-8")
    assert rows_of(path) == TABLE


def test_spaces_behind_commas_are_no_part_of_the_fields(tmp_path: Path) -> None:
    path = tmp_path / "space.csv"
    path.write_text('prompt, response\n2+2?, 4\n"a, b", "c, d"\n')
    assert rows_of(path) == [
        {"prompt": "2+2?", "response": "4"},
        {"prompt": "a, b", "response": "c, d"},
    ]


def test_columns_without_a_name_are_called_by_their_place(tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    path.write_text("prompt,,\na,b,c\n")
    assert rows_of(path) == [{"prompt": "a", "column 2": "b", "column 3": "c"}]


@pytest.mark.parametrize("packing", [".gz", ".zst"])
@pytest.mark.parametrize("name", ["data.csv", "data.jsonl", "data.json"])
def test_packed_files_are_unpacked(tmp_path: Path, name: str, packing: str) -> None:
    plain = write(tmp_path / name, TABLE)
    path = tmp_path / f"{name}{packing}"
    content = plain.read_bytes()
    packed = gzip.compress(content) if packing == ".gz" else pa.compress(content, "zstd", True)
    path.write_bytes(packed)
    source = open_source(path)
    whole = list(source.rows())
    assert [row for _, row in whole] == TABLE
    assert list(source.rows(whole[1][0])) == whole[1:]


def test_what_a_file_is_goes_before_what_it_is_called(tmp_path: Path) -> None:
    for ending in ("jsonl", "json", "parquet", "xlsx"):
        path = tmp_path / f"{ending}.csv" if ending in ("parquet", "xlsx") else tmp_path / ending
        path.write_bytes(write(tmp_path / f"data.{ending}", TABLE).read_bytes())
        assert rows_of(path) == TABLE


@QUICKLY
@given(
    st.lists(st.dictionaries(FIELDS, VALUES, min_size=1), min_size=1, max_size=8),
    st.sampled_from([None, 0, 3]),
)
def test_a_json_array_gives_its_objects_and_every_position_is_a_start(
    tmp_path: Path, values: list[dict[str, Any]], indent: int | None
) -> None:
    path = tmp_path / "data.json"
    path.write_text(json.dumps(values, indent=indent, ensure_ascii=False), encoding="utf-8")
    source = open_source(path)
    whole = list(source.rows())
    assert [row for _, row in whole] == values
    for at, (position, _) in enumerate(whole):
        assert list(source.rows(position)) == whole[at:]


def test_excel_gives_the_rows_of_its_first_sheet(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    for values in (
        ["Prompt", "Response", None, None],
        ["2+2?", 4, "more"],
        [None] * 3,
        ["b", True],
    ):
        book.active.append(values)
    book.create_sheet("other").append(["x"])
    book.save(tmp_path / "data.xlsx")
    source = open_source(tmp_path / "data.xlsx")
    whole = list(source.rows())
    assert [row for _, row in whole] == [
        {"Prompt": "2+2?", "Response": 4},
        {"Prompt": "b", "Response": True},
    ]
    assert list(source.rows(whole[1][0])) == whole[1:]
    assert source.remarks == (
        f"of the 2 sheets of {tmp_path / 'data.xlsx'}, the first is read ('Sheet')",
    )


BROKEN_ROWS = {
    "torn": '{"prompt": "a',
    "a list": "[1, 2]",
    "nested without end": '{"prompt": ' + "[" * 100_000 + "}",
    "480 deep": '{"prompt": ' + "[" * 480 + "]" * 480 + "}",
    "a number of 5,000 digits": '{"prompt": ' + "9" * 5000 + "}",
}


@pytest.mark.parametrize("broken", BROKEN_ROWS.values(), ids=BROKEN_ROWS)
def test_a_row_that_cannot_be_read_costs_no_other(tmp_path: Path, broken: str) -> None:
    path = tmp_path / "data.jsonl"
    path.write_text(f'{{"prompt": "a"}}\n{broken}\n{{"prompt": "b"}}\n')
    rows = rows_of(path)
    assert [dict(row) for row in rows] == [{"prompt": "a"}, {}, {"prompt": "b"}]
    assert isinstance(rows[1], UnreadableRow)
    assert str(rows[1].problem).startswith(f"{path}:2: the row is ")


@pytest.mark.parametrize("depth", [480, 100_000])
def test_an_object_nested_without_end_costs_no_other_of_its_array(
    tmp_path: Path, depth: int
) -> None:
    path = tmp_path / "data.json"
    nested = "[" * depth + "]" * depth
    path.write_text(f'[{{"prompt": "a"}},\n{{"prompt": {nested}}},\n{{"prompt": "b"}}]')
    rows = rows_of(path)
    assert [dict(row) for row in rows] == [{"prompt": "a"}, {}, {"prompt": "b"}]
    assert isinstance(rows[1], UnreadableRow)
    assert f"{path}:2: the row is not a JSON object: it is nested" in str(rows[1].problem)


def test_rows_of_csv_with_another_number_of_fields_or_a_bad_byte_cost_no_other(
    tmp_path: Path,
) -> None:
    path = tmp_path / "data.csv"
    path.write_bytes("prompt,é\na,ü\nb\nc,d,e\n".encode() + b'x,\xff\n"y"z,w\ng,h\n')
    rows = rows_of(path)
    assert [row.get("prompt") for row in rows] == ["a", None, None, None, None, "g"]
    told = [str(row.problem) for row in rows if isinstance(row, UnreadableRow)]
    assert [problem.removeprefix(f"{path}:").partition(";")[0] for problem in told] == [
        "3: the row has 1 field, the header 2",
        "4: the row has 3 fields, the header 2",
        "5: the line is not UTF-8 text",
        "6: is not CSV: ',' expected after '\"'",
    ]


def test_a_row_of_json_may_lack_a_column(tmp_path: Path) -> None:
    path = tmp_path / "data.jsonl"
    path.write_text(json.dumps({"prompt": "a"}) + "\n" + json.dumps({"other": 1}) + "\n")
    assert rows_of(path) == [{"prompt": "a"}, {"other": 1}]
