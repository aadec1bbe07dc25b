"""Files as other programs leave them: read as they are meant, or refused with what to do."""

import bz2
import gzip
import json
import lzma
import pickle
import tarfile
import uuid
import zipfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from nemoguardrails_trust.datasets.columns import Columns
from nemoguardrails_trust.datasets.files import open_source
from nemoguardrails_trust.datasets.rows import read_content
from nemoguardrails_trust.datasets.score import find_columns
from nemoguardrails_trust.datasets.scored import read_label
from nemoguardrails_trust.errors import DataError
from nemoguardrails_trust.exchange import Message
from tests.datasets.samples import write


@pytest.mark.parametrize("blank", ["\n", "\n\n\r\n"])
def test_blank_lines_before_a_header_are_passed_over(tmp_path: Path, blank: str) -> None:
    path = tmp_path / "rows.csv"
    path.write_bytes(f"{blank}question,answer\na,b\nc,d\n".encode())
    source = open_source(path)
    assert source.columns == ("question", "answer")
    read = list(source.rows())
    assert [row for _, row in read] == [
        {"question": "a", "answer": "b"},
        {"question": "c", "answer": "d"},
    ]
    assert [row for _, row in source.rows(read[1][0])] == [{"question": "c", "answer": "d"}]


def test_lines_that_end_as_on_old_macs_are_refused_with_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_bytes(b"question,answer\ra,b\rc,d\r")
    with pytest.raises(DataError, match=r"rows.csv:1: .* that end in a line feed"):
        open_source(path)


@pytest.mark.parametrize(
    ("right", "wrong"), [("pass", "FAIL"), ("Passed ", "failed"), ("✓", "✗"), ("✅", "❌")]
)
def test_a_test_s_outcome_is_a_label(right: str, wrong: str) -> None:
    assert read_label(right) is True
    assert read_label(wrong) is False


ROW = {"prompt": "a", "response": "b"}
LINE = json.dumps(ROW)


@pytest.mark.parametrize(
    "text",
    [
        f'{{"data": [{LINE}, {LINE}]}}',
        f'{{"data": [\n{LINE},\n{LINE}\n]}}\n',
        json.dumps({"rows": [ROW, ROW]}, indent=2),
        json.dumps({"version": "1.1", "meta": {"ids": [1]}, "Items": [ROW, ROW], "count": 2}),
        json.dumps({"quiz": [ROW, ROW]}),
        json.dumps({"version": 2, "eval": {"task": "x"}, "samples": [ROW, ROW]}),
        json.dumps({"testCases": [ROW, ROW], "metricsScores": [{"scores": [1]}], "seconds": 3.2}),
        f'\ufeff{{"é": 1, "records": [{LINE}, {LINE}]}}',
        f"{json.dumps(ROW, indent=1)}\n{json.dumps(ROW, indent=1)}\n",
        f"[{LINE}, {LINE}]",
        f'{{"é": 1, "results": {{"ü": 1, "results": [{LINE}, {LINE}]}}}}',
    ],
)
def test_rows_in_an_object_are_found_and_each_is_a_start(tmp_path: Path, text: str) -> None:
    for name, data in (
        ("rows.json", text.encode()),
        ("rows.json.gz", gzip.compress(text.encode())),
        ("wide.json", text.removeprefix("\ufeff").encode("utf-16")),
    ):
        path = tmp_path / name
        path.write_bytes(data)
        source = open_source(path)
        read = list(source.rows())
        assert [row for _, row in read] == [ROW, ROW]
        assert list(source.rows(read[1][0])) == read[1:]
        assert [position.row for position, _ in read] == [0, 1]


def test_where_the_rows_were_found_is_told(tmp_path: Path) -> None:
    path = tmp_path / "rows.json"
    path.write_text(json.dumps({"data": [ROW], "count": 1}))
    assert open_source(path).remarks == (f"the rows of {path} are read from 'data' in it",)


@pytest.mark.parametrize(
    "row",
    [
        {"prompt": "a", "results": [{"x": 1}]},
        {"messages": [{"role": "user", "content": "a"}], "data": [{"x": 1}]},
        {"messages": [{"role": "user", "content": "a"}], "tags": ["x"]},
        {"data": [1, 2], "note": "x"},
        {"prompt": "a", "response": "b", "samples": [{"role": "assistant", "content": "b"}]},
    ],
)
def test_an_object_that_is_itself_a_row_stays_one(tmp_path: Path, row: dict[str, Any]) -> None:
    path = tmp_path / "rows.json"
    for text in (json.dumps(row), json.dumps(row, indent=1)):
        path.write_text(text)
        assert [read for _, read in open_source(path).rows()] == [row]
    path.write_text(f"{json.dumps(row)}\n{json.dumps(row)}\n")
    assert [read for _, read in open_source(path).rows()] == [row, row]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('{"prompt": {"0": "a"}, "response": {"0": "b"}}', "orient='records', lines=True"),
        ('{"prompt": ["a", "b"], "response": ["c", "d"]}', "holds columns instead of rows"),
        ('{"columns": ["prompt"], "index": [0], "data": [["a"]]}', "under 'data' are lists"),
        (json.dumps({"a": ROW, "b": ROW, "c": ROW}), "is an object of objects; write the rows as"),
        (json.dumps({"train": [ROW], "test": [ROW]}), r"several lists of rows \(train, test\)"),
        (str([ROW]), "write each row with json.dumps"),
        (f'{{"data": [\n{LINE},\n{{"prompt": "a"', "does not end; the file was cut off"),
        ('{\n "prompt": "a",\n "respo', "does not end; the file was cut off"),
        ("[1, 2]", "each row must be an object with the columns as keys"),
    ],
)
def test_json_that_holds_no_rows_is_refused_with_what_to_do(
    tmp_path: Path, text: str, told: str
) -> None:
    path = tmp_path / "rows.json"
    path.write_text(text)
    with pytest.raises(DataError, match=rf"rows\.json.*{told}"):
        list(open_source(path).rows())


@pytest.mark.parametrize("packing", ["gz", "zst"])
def test_packed_data_that_were_cut_off_or_broken_are_told_with_what_to_do(
    tmp_path: Path, packing: str
) -> None:
    text = "".join(f'{{"prompt": "{uuid.uuid4()}", "response": "b"}}\n' for _ in range(5000))
    packed = gzip.compress(text.encode())
    broken = packed[:4000] + bytes(4000) + packed[8000:]
    if packing == "zst":
        packed = bytes(pa.compress(text.encode(), codec="zstd", asbytes=True))
        broken = packed[:4] + b"not so"
    path = tmp_path / f"rows.jsonl.{packing}"
    for data, told in (
        (
            packed[: len(packed) // 2],
            f"was cut off: its compressed data stop at byte {len(packed) // 2:,}",
        ),
        (packed[:9], "was cut off: its compressed data stop at byte 9"),
        (broken, "its compressed data are damaged"),
    ):
        path.write_bytes(data)
        for encoding in (None, "utf-8"):
            with pytest.raises(
                DataError, match=rf"{path}: {told}.*copy it again.* -dc rows\.jsonl"
            ):
                list(open_source(path, encoding=encoding).rows())


def test_a_folder_is_refused_with_a_file_that_is_in_it(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=f"{tmp_path}: is a folder; give a file of rows$"):
        open_source(tmp_path)
    (tmp_path / "rows.csv").write_text("prompt\na\n")
    with pytest.raises(DataError, match=r"such as .*rows\.csv$"):
        open_source(tmp_path)


@pytest.mark.parametrize(
    ("ending", "empty"), [("csv", None), ("tsv", None), ("jsonl", ""), ("json", "")]
)
def test_an_empty_response_is_none_where_nothing_else_can_say_so(
    tmp_path: Path, ending: str, empty: str | None
) -> None:
    rows = [{"prompt": "a", "response": said} for said in ("b", "")]
    source = open_source(write(tmp_path / f"rows.{ending}", rows))
    columns = find_columns(source, generate=False)
    assert [read_content(row, columns).response for _, row in source.rows()] == ["b", empty]


def test_an_empty_last_turn_is_no_answer_either() -> None:
    chat = [{"role": "user", "content": "a"}, {"role": "assistant", "content": " "}]
    content = read_content({"messages": chat}, Columns("messages", None, None))
    assert content.response is None
    assert content.messages == (Message("user", "a"),)
    assert not content.from_chat


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (bz2.compress(b"x"), "is compressed with bzip2; decompress it"),
        (lzma.compress(b"x"), "is compressed with xz; decompress it"),
        (pickle.dumps([ROW]), "is a pickle, which is never opened"),
        (b"ARROW1\0\0rest", "to_parquet"),
        (b"<!DOCTYPE html><html>", "is a web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:1\n", "git lfs pull"),
        (b"SQLite format 3\0", "export the table as CSV"),
    ],
)
def test_what_holds_no_rows_is_named_with_what_to_do(
    tmp_path: Path, data: bytes, told: str
) -> None:
    for name in ("rows.jsonl", "rows.csv", "rows"):
        path = tmp_path / name
        path.write_bytes(data)
        with pytest.raises(DataError, match=rf"{path}: .*{told}"):
            open_source(path)


def test_an_archive_is_refused_with_what_to_do(tmp_path: Path) -> None:
    rows = tmp_path / "rows.jsonl"
    rows.write_text(LINE)
    with zipfile.ZipFile(tmp_path / "rows.zip", "w") as zipped:
        zipped.write(rows, "rows.jsonl")
    with tarfile.open(tmp_path / "rows.tar.gz", "w:gz") as tar:
        tar.add(rows, "rows.jsonl")
    for name, told in (("rows.zip", "is a ZIP archive"), ("rows.tar.gz", "is a tar archive")):
        with pytest.raises(DataError, match=f"{told}.* extract it and give one of its files"):
            open_source(tmp_path / name)


def test_json_lines_that_are_named_csv_are_read(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text(f"{LINE}\n{LINE}\n")
    assert [row for _, row in open_source(path).rows()] == [ROW, ROW]
    path.write_text("{x},prompt\na,b\n")
    assert open_source(path).columns == ("{x}", "prompt")
