"""Runs that write a file: carried columns, going on, and refusing what would mix results."""

import json
import os
import shutil
from contextlib import nullcontext
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nemoguardrails_trust.datasets import score_dataset
from nemoguardrails_trust.datasets.rows import RowResult
from nemoguardrails_trust.datasets.runs import recorded_settings
from nemoguardrails_trust.datasets.sealed_lines import seal, unseal
from nemoguardrails_trust.datasets.shards import (
    Journal,
    RunFolder,
    check_same_settings,
    locked_folder,
    run_folder_path,
)
from nemoguardrails_trust.errors import DataError, SettingsError, SetupError
from tests.datasets.samples import files_of_at_most, make_rows, read, write
from tests.datasets.scorers import TestScorer, expected_score

FORMATS = ["csv", "jsonl", "json", "parquet", "xlsx"]


class KilledError(SetupError):
    """Ends a run in its midst, as the end of the process would."""


def dying_after(scores: int) -> TestScorer:
    """A scorer that ends the run during a score."""
    scorer = TestScorer()

    def die(_: object) -> bool:
        if len(scorer.asked) > scores:
            raise KilledError
        return False

    scorer.broken = die
    return scorer


@pytest.mark.parametrize("ending", FORMATS)
@pytest.mark.parametrize("out_ending", [*FORMATS, "tsv"])
def test_all_rows_come_out_in_order_with_their_columns(
    tmp_path: Path, ending: str, out_ending: str
) -> None:
    rows = make_rows(250, note='two\nlines, "quoted"')
    data = write(tmp_path / f"data.{ending}", rows)
    out = tmp_path / f"out.{out_ending}"
    assert score_dataset(data, scorer=TestScorer(), out=out, shard_size=100) == out
    scored = pd.read_csv(out, sep="\t").to_dict("records") if out_ending == "tsv" else read(out)
    assert [int(row["id"]) for row in scored] == list(range(250))
    assert {row["note"] for row in scored} == {'two\nlines, "quoted"'}
    assert [float(row["trustworthiness_score"]) for row in scored] == [
        expected_score(row["response"]) for row in rows
    ]
    assert {row["explanation"] for row in scored[:1]} == {"Scored “answer 0”."}
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        [data.name, out.name, f"{out.name}.run.json"]
    )


def test_parquet_keeps_its_schema_and_its_metadata(tmp_path: Path) -> None:
    schema = pa.schema(
        [
            ("prompt", pa.large_string()),
            pa.field("day", pa.date32(), metadata={"unit": "day"}),
            ("at", pa.timestamp("ns", "UTC")),
            ("kind", pa.dictionary(pa.int8(), pa.string())),
            ("vector", pa.list_(pa.float32())),
            ("response", pa.string()),
        ],
        metadata={"made": "by a test"},
    )
    row = ["p", date(2024, 1, 2), 1_700_000_000_123_456_789, "k", [0.5, 0.25], "r"]
    table = pa.Table.from_arrays(
        [pa.array([v], f.type) for v, f in zip(row, schema, strict=True)], schema=schema
    )
    pq.write_table(table, tmp_path / "data.parquet")
    out = score_dataset(
        tmp_path / "data.parquet", scorer=TestScorer(), out=tmp_path / "out.parquet"
    )
    carried = pq.read_table(out)
    stored = pq.read_table(tmp_path / "data.parquet")
    assert carried.select(table.column_names).equals(stored, check_metadata=True)
    assert carried.schema.field("trustworthiness_score").type == pa.float64()
    assert carried.schema.field("alternatives").type == pa.list_(pa.string())


def test_rows_of_json_with_differing_keys_all_come_through(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [
        {"prompt": "a", "response": "b"},
        {"prompt": "c", "response": "d", "late": [{"x": 2}]},
    ]
    data = write(tmp_path / "data.jsonl", rows)
    for ending in FORMATS:
        out = score_dataset(data, scorer=TestScorer(), out=tmp_path / f"out.{ending}")
        late = [row.get("late") for row in read(out)]
        if ending == "csv":
            assert late == ["", '[{"x": 2}]']
    assert [row.get("late") for row in read(tmp_path / "out.jsonl")] == [None, [{"x": 2}]]


@pytest.mark.parametrize("ending", FORMATS)
@pytest.mark.parametrize("out_ending", FORMATS)
def test_columns_named_like_those_of_scoring_are_all_kept(
    tmp_path: Path, ending: str, out_ending: str
) -> None:
    rows = make_rows(2, error="one", input_error="two", input_input_error="three")
    data = write(tmp_path / f"data.{ending}", rows)
    out = score_dataset(data, scorer=TestScorer(), out=tmp_path / f"out.{out_ending}")
    for row in read(out):
        kept = [row["input_error"], row["input_input_error"], row["input_input_input_error"]]
        assert kept == ["one", "two", "three"]
        assert row["error"] in (None, "")


def test_half_a_surrogate_pair_is_written_by_every_format(tmp_path: Path) -> None:
    data = tmp_path / "data.jsonl"
    data.write_text('{"prompt": "p", "response": "\\ud800 broken"}\n')
    for ending in ("csv", "jsonl"):
        out = score_dataset(data, scorer=TestScorer(), out=tmp_path / f"out.{ending}")
        assert read(out)[0]["response"].endswith(" broken")


def test_mixed_types_are_refused_for_parquet_before_anything_is_scored(tmp_path: Path) -> None:
    rows = [{**row, "mixed": 1 if row["id"] < 1500 else "one"} for row in make_rows(2000)]
    data = write(tmp_path / "data.jsonl", rows)
    scorer = TestScorer()
    with pytest.raises(DataError, match=r"column 'mixed' holds .*int.* and str") as caught:
        score_dataset(data, scorer=scorer, out=tmp_path / "out.parquet")
    assert "\n" not in str(caught.value)
    assert not scorer.asked
    scored = read(score_dataset(data, scorer=scorer, out=tmp_path / "out.jsonl"))
    assert [scored[0]["mixed"], scored[-1]["mixed"]] == [1, "one"]


@pytest.mark.parametrize("ending", FORMATS)
@pytest.mark.parametrize("shard_size", [1, 7, 1000])
def test_a_run_that_died_goes_on_and_repeats_only_rows_in_flight(
    tmp_path: Path, ending: str, shard_size: int
) -> None:
    data = write(tmp_path / f"data.{ending}", make_rows(100))
    out = tmp_path / "out.jsonl"
    asked: list[str] = []
    deaths = 0
    while not out.exists():
        scorer = dying_after(23)
        try:
            score_dataset(data, scorer=scorer, out=out, shard_size=shard_size, concurrency=5)
        except KilledError:
            deaths += 1
        asked += scorer.asked
    assert deaths >= 4
    assert len(asked) <= 100 + deaths * 5
    assert [int(row["id"]) for row in read(out)] == list(range(100))


def test_progress_tells_counts_costs_and_what_was_scored_before(tmp_path: Path) -> None:
    data = write(tmp_path / "data.jsonl", make_rows(100))
    out = tmp_path / "out.jsonl"
    with pytest.raises(KilledError):
        score_dataset(data, scorer=dying_after(60), out=out, concurrency=1)
    told: list[Any] = []
    score_dataset(data, scorer=TestScorer(0.001), out=out, concurrency=1, progress=told.append)
    assert told[0].tally.rows == 0 or told[0].resumed == 60
    last = told[-1]
    assert (last.resumed, last.tally.rows, last.tally.errors) == (60, 100, 0)
    assert last.tally.flagged == sum(expected_score(f"answer {i}") < 0.6 for i in range(100))
    assert last.tally.prompt_tokens == 1000
    assert last.rate == pytest.approx(40 / last.seconds)


def started(tmp_path: Path, ending: str = "csv", rows: int = 100) -> tuple[Path, Path]:
    """A run that died half way, with finished shards and an open one."""
    data = write(tmp_path / f"data.{ending}", make_rows(rows))
    out = tmp_path / "out.csv"
    with pytest.raises(KilledError):
        score_dataset(data, scorer=dying_after(55), out=out, shard_size=20, concurrency=1)
    return data, out


@pytest.mark.parametrize("ending", FORMATS)
@pytest.mark.parametrize("row", [0, 39, 50])
def test_an_edited_row_is_named_and_refused(tmp_path: Path, ending: str, row: int) -> None:
    data, out = started(tmp_path, ending)
    rows = make_rows(100)
    rows[row]["response"] = "edited"
    write(data, rows)
    scorer = TestScorer()
    with pytest.raises(DataError, match=rf"data\.{ending}: row {row + 1} is not the one that was"):
        score_dataset(data, scorer=scorer, out=out, shard_size=20)
    write(data, make_rows(100))
    score_dataset(data, scorer=scorer, out=out, shard_size=20)
    assert len(read(out)) == 100


def test_reordered_rows_are_refused(tmp_path: Path) -> None:
    data, out = started(tmp_path)
    rows = make_rows(100)
    rows[3], rows[4] = rows[4], rows[3]
    write(data, rows)
    with pytest.raises(DataError, match="row 4 is not the one that was scored"):
        score_dataset(data, scorer=TestScorer(), out=out, shard_size=20)


@pytest.mark.parametrize(("rows", "told"), [(30, "row 31 was scored"), (52, "row 53 was scored")])
def test_rows_that_are_gone_are_refused(tmp_path: Path, rows: int, told: str) -> None:
    data, out = started(tmp_path)
    write(data, make_rows(rows))
    with pytest.raises(DataError, match=told):
        score_dataset(data, scorer=TestScorer(), out=out, shard_size=20)


def test_rows_added_behind_a_last_short_shard_are_refused(tmp_path: Path) -> None:
    data = write(tmp_path / "data.csv", [*make_rows(29), {**make_rows(30)[-1], "response": "bad"}])
    out = tmp_path / "out.csv"
    score_dataset(data, scorer=TestScorer(), out=out, shard_size=20)  # kept for its failed row
    write(data, [*make_rows(29), {**make_rows(30)[-1], "response": "bad"}, *make_rows(1)])
    with pytest.raises(DataError, match="row 31 is new"):
        score_dataset(data, scorer=TestScorer(), out=out, shard_size=20)


def test_rows_that_are_not_yet_scored_may_be_mended(tmp_path: Path) -> None:
    data, out = started(tmp_path)
    rows = make_rows(100)
    rows[90]["response"] = "mended"
    write(data, rows)
    score_dataset(data, scorer=TestScorer(), out=out, shard_size=20)
    assert read(out)[90]["response"] == "mended"


@pytest.mark.parametrize(
    ("other", "told"),
    [
        ({"threshold": 0.7}, "threshold is 0.7, but the run in .* was started with 0.6"),
        ({"response_column": "prompt"}, "response column is 'prompt', but .* 'response'"),
        ({"shard_size": 10}, "shard size is 10, but .* 20"),
    ],
)
def test_other_settings_are_named_and_refused(
    tmp_path: Path, other: dict[str, Any], told: str
) -> None:
    data, out = started(tmp_path)
    with pytest.raises(SettingsError, match=told):
        score_dataset(data, scorer=TestScorer(), out=out, **{"shard_size": 20, **other})


@pytest.mark.parametrize(
    ("then", "now", "told"),
    [
        (5, None, "samples is not set, but OUT was started with 5"),
        (None, 5, "samples is 5, but OUT was started without it"),
        (False, True, "samples is set, but OUT was started without it"),
        (True, False, "samples is not set, but OUT was started with it"),
        ({"knots": [0.1] * 99}, None, "samples is not what OUT was started with"),
    ],
)
def test_settings_that_are_not_set_or_long_are_told_in_words(
    then: Any, now: Any, told: str
) -> None:
    with pytest.raises(SettingsError, match=f"^{told}; go$"):
        check_same_settings({"samples": then}, {"samples": now}, "OUT", cure="go")


@pytest.mark.parametrize("is_finished", [True, False])
def test_a_run_without_any_score_gives_way_to_other_settings(
    tmp_path: Path, is_finished: bool
) -> None:
    data, out = write(tmp_path / "data.csv", make_rows(50)), tmp_path / "out.csv"
    failing = TestScorer() if is_finished else dying_after(30)
    dies = failing.broken
    failing.broken = lambda exchange: dies(exchange) or True
    with nullcontext() if is_finished else pytest.raises(KilledError):
        score_dataset(data, scorer=failing, out=out, shard_size=20, concurrency=1)
    assert run_folder_path(out).exists()
    score_dataset(data, scorer=TestScorer(), out=out, threshold=0.7)
    assert recorded_settings(out)["threshold"] == 0.7
    assert [row["id"] for row in read(out) if not row["error"]] == [str(i) for i in range(50)]


def test_one_score_is_enough_to_keep_the_settings(tmp_path: Path) -> None:
    data, out = write(tmp_path / "data.csv", make_rows(50)), tmp_path / "out.csv"
    failing = TestScorer()
    failing.broken = lambda exchange: exchange.response != "answer 47"
    score_dataset(data, scorer=failing, out=out, shard_size=20)
    with pytest.raises(SettingsError, match=r"threshold is 0\.7"):
        score_dataset(data, scorer=TestScorer(), out=out, shard_size=20, threshold=0.7)


def test_what_is_done_is_not_done_again(tmp_path: Path) -> None:
    data = write(tmp_path / "data.csv", make_rows(50))
    out = tmp_path / "out.csv"
    score_dataset(data, scorer=TestScorer(), out=out)
    content = out.read_bytes()
    scorer = TestScorer()
    score_dataset(data, scorer=scorer, out=out)
    assert not scorer.asked
    assert out.read_bytes() == content
    with pytest.raises(SettingsError, match=r"threshold is 0\.7, but .*out\.csv was started with"):
        score_dataset(data, scorer=scorer, out=out, threshold=0.7)
    write(data, make_rows(51))
    with pytest.raises(
        DataError, match=r"was made from different rows than .* or with another --l"
    ):
        score_dataset(data, scorer=scorer, out=out)
    assert out.read_bytes() == content
    assert not run_folder_path(out).exists()


def test_a_file_that_is_not_this_programs_is_never_overwritten(tmp_path: Path) -> None:
    data = write(tmp_path / "data.csv", make_rows(5))
    out = write(tmp_path / "out.csv", make_rows(3))
    content = out.read_bytes()
    for _ in range(2):
        with pytest.raises(DataError, match="already exists, but not as a run"):
            score_dataset(data, scorer=TestScorer(), out=out)
    with pytest.raises(DataError, match="is the input"):
        score_dataset(data, scorer=TestScorer(), out=data)
    assert out.read_bytes() == content
    assert not run_folder_path(out).exists()


def test_failed_rows_are_kept_with_their_errors_and_tried_again_when_asked(tmp_path: Path) -> None:
    data = write(tmp_path / "data.csv", make_rows(60))
    out = tmp_path / "out.csv"
    first = TestScorer()
    first.broken = lambda exchange: exchange.response in ("answer 3", "answer 47")
    score_dataset(data, scorer=first, out=out, shard_size=20)
    assert [row["id"] for row in read(out) if row["error"]] == ["3", "47"]

    unasked = TestScorer()
    score_dataset(data, scorer=unasked, out=out, shard_size=20)
    assert not unasked.asked

    second = TestScorer()
    score_dataset(data, scorer=second, out=out, shard_size=20, retry_errors=True)
    assert sorted(second.asked) == ["question 3", "question 47"]
    assert [row["id"] for row in read(out)] == [str(i) for i in range(60)]
    assert not any(row["error"] for row in read(out))
    assert not run_folder_path(out).exists()


def test_a_run_with_failed_rows_is_recorded_as_well(tmp_path: Path) -> None:
    data, out = write(tmp_path / "data.csv", make_rows(9)), tmp_path / "out.csv"
    scorer = TestScorer()
    scorer.broken = lambda exchange: exchange.response == "answer 3"
    score_dataset(data, scorer=scorer, out=out)
    record = json.loads((tmp_path / "out.csv.run.json").read_text("utf-8"))
    assert (record["tally"]["rows"], record["tally"]["errors"]) == (9, 1)
    assert recorded_settings(out)["scorer"] == record["settings"]["scorer"]
    shutil.rmtree(run_folder_path(out))
    again = TestScorer()
    score_dataset(data, scorer=again, out=out)
    with pytest.raises(DataError, match=r"without a score cannot be scored again.*is gone"):
        score_dataset(data, scorer=again, out=out, retry_errors=True)
    assert not again.asked


def test_a_run_that_died_while_trying_again_loses_nothing(tmp_path: Path) -> None:
    data = write(tmp_path / "data.csv", make_rows(60))
    out = tmp_path / "out.csv"
    first = TestScorer()
    first.broken = lambda exchange: exchange.response.endswith("3")
    score_dataset(data, scorer=first, out=out, shard_size=20)
    with pytest.raises(KilledError):
        score_dataset(
            data, scorer=dying_after(2), out=out, shard_size=20, retry_errors=True, concurrency=1
        )
    last = TestScorer()
    score_dataset(data, scorer=last, out=out, shard_size=20)
    assert last.asked == [f"question {i}" for i in (23, 33, 43, 53)]
    assert not any(row["error"] for row in read(out))


def test_a_frame_can_be_written_to_a_file_and_gone_on_with(tmp_path: Path) -> None:
    frame = pd.DataFrame(make_rows(40))
    out = tmp_path / "out.parquet"
    with pytest.raises(KilledError):
        score_dataset(frame, scorer=dying_after(20), out=out, concurrency=1)
    scorer = TestScorer()
    assert score_dataset(frame, scorer=scorer, out=out) == out
    assert len(scorer.asked) == 20
    assert [row["id"] for row in read(out)] == list(range(40))


def test_a_second_run_on_the_same_out_is_refused(tmp_path: Path) -> None:
    data = write(tmp_path / "data.csv", make_rows(5))
    out = tmp_path / "out.csv"
    told = rf"another run is writing it \(process {os.getpid()}"
    with locked_folder(out), pytest.raises(DataError, match=told):
        score_dataset(data, scorer=TestScorer(), out=out)
    score_dataset(data, scorer=TestScorer(), out=out)


@pytest.mark.parametrize("shard_size", [20, 200])
def test_a_full_disk_is_told_in_one_line_and_loses_nothing(tmp_path: Path, shard_size: int) -> None:
    data = write(tmp_path / "data.csv", make_rows(200))
    out = tmp_path / "out.csv"
    first = TestScorer()
    with files_of_at_most(9_000), pytest.raises(DataError, match="cannot be written") as caught:
        score_dataset(data, scorer=first, out=out, shard_size=shard_size, concurrency=4)
    assert "free some space and run the same command again" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not out.exists()
    second = TestScorer()
    score_dataset(data, scorer=second, out=out, shard_size=shard_size, concurrency=4)
    assert 200 <= len(first.asked) + len(second.asked) <= 204
    assert [row["id"] for row in read(out)] == [str(i) for i in range(200)]


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("nowhere/out.csv", "nowhere: there is no such folder"),
        ("out.txt", r"out\.txt: the name must end in"),
        ("folder.csv", r"folder\.csv: is a folder"),
    ],
)
def test_an_out_that_cannot_be_is_told_before_anything_is_scored(
    tmp_path: Path, name: str, told: str
) -> None:
    (tmp_path / "folder.csv").mkdir()
    data = write(tmp_path / "data.csv", make_rows(5))
    scorer = TestScorer()
    with pytest.raises(DataError, match=told):
        score_dataset(data, scorer=scorer, out=tmp_path / name)
    assert not scorer.asked


def test_a_torn_line_of_a_journal_is_dropped(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    journal = Journal(path, 0.6)
    journal.append(0, "f0", RowResult(0.5))
    journal.append(1, "f1", RowResult(0.7))
    journal.close()
    whole = path.read_bytes()
    second = whole.index(b"\n") + 1
    for cut in range(second, len(whole)):
        path.write_bytes(whole[:cut])
        again = Journal(path, 0.6)
        assert again.fingerprints == {0: "f0"}
        again.append(1, "f1", RowResult(0.7))
        again.close()
        assert path.read_bytes() == whole


def test_a_row_that_two_processes_wrote_down_counts_once(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    first = Journal(path, 0.6)
    first.append(1, "f1", RowResult(0.1))
    second = Journal(path, 0.6)
    first.append(0, "f0", RowResult(0.5))
    second.append(0, "f0", RowResult(0.7))
    with pytest.raises(DataError, match="does not hold rows 1 to 2"):
        second.finish(tmp_path, 0, 0, 2)
    again = Journal(path, 0.6)
    assert again.fingerprints == {1: "f1", 0: "f0"}
    assert (again.tally.rows, again.tally.flagged) == (2, 1)
    assert again.finish(tmp_path, 0, 0, 2).rows == 2
    for item in (first, second, again):
        item.close()


def test_a_shard_is_open_as_long_as_it_has_a_journal(tmp_path: Path) -> None:
    with locked_folder(tmp_path / "out.csv") as path:
        folder = RunFolder(path, {})
        journal = Journal(folder.journal_path(0), 0.6)
        journal.append(0, "f0", RowResult(0.5))
        journal.close()
        shard = journal.finish(path, 0, 0, 1)
        kept = folder.journal_path(0).read_bytes()
        folder.add(shard)
        assert RunFolder(path, {}).finished == {0: shard}
        folder.journal_path(0).write_bytes(kept)  # as if killed before it was dropped
        assert RunFolder(path, {}).finished == {}


def test_a_damaged_shard_is_told_and_can_be_scored_again(tmp_path: Path) -> None:
    data, out = started(tmp_path)
    shard = run_folder_path(out) / "shard-00000001.jsonl"
    whole = shard.read_bytes()
    before = TestScorer()
    for damaged, told in (
        (whole.replace(b"0.", b"1.", 1), r":1: the line is damaged; remove the file"),
        (whole.partition(b"\n")[2], r": the shard is damaged; remove the file"),
    ):
        shard.write_bytes(damaged)
        with pytest.raises(DataError, match=rf"shard-00000001\.jsonl{told}, and its rows"):
            score_dataset(data, scorer=before, out=out, shard_size=20)
    assert not before.asked
    shard.unlink()
    scorer = TestScorer()
    score_dataset(data, scorer=scorer, out=out, shard_size=20)
    assert sorted(scorer.asked) == sorted(
        f"question {i}" for i in (*range(20, 40), *range(55, 100))
    )


@pytest.mark.parametrize(
    ("name", "line", "cure"),
    [
        ("manifest.jsonl", 1, "remove .*out.csv.shards to start afresh"),
        ("manifest.jsonl", 2, "remove it, and the rows of its shard are scored again"),
        ("shard-00000000.jsonl", 7, "remove the file, and its rows are scored again"),
        ("shard-00000002.journal", 3, "remove it, and its row is scored again"),
    ],
)
@pytest.mark.parametrize("damage", ["a digit", "a bad byte", "nothing but zeros"])
def test_a_line_that_is_not_as_it_was_written_is_told_with_its_cure(
    tmp_path: Path, name: str, line: int, cure: str, damage: str
) -> None:
    data, out = started(tmp_path)
    path = run_folder_path(out) / name
    lines = path.read_bytes().splitlines(keepends=True)
    whole = lines[line - 1]
    middle = len(whole) // 2
    if damage == "a digit":
        digit = next(i for i in range(middle, len(whole)) if whole[i : i + 1].isdigit())
        other = b"%d" % ((int(whole[digit : digit + 1]) + 1) % 10)
        lines[line - 1] = whole[:digit] + other + whole[digit + 1 :]
    elif damage == "a bad byte":
        lines[line - 1] = whole[:middle] + b"\xff" + whole[middle + 1 :]
    else:
        lines[line - 1] = bytes(len(whole) - 1) + b"\n"
    path.write_bytes(b"".join(lines))
    scorer = TestScorer()
    with pytest.raises(DataError, match=rf"{name}:{line}: the line is damaged; {cure}"):
        score_dataset(data, scorer=scorer, out=out, shard_size=20)
    assert not scorer.asked


def test_a_damaged_line_of_a_journal_can_be_removed(tmp_path: Path) -> None:
    data, out = started(tmp_path)
    path = run_folder_path(out) / "shard-00000002.journal"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[1:]))
    scorer = TestScorer()
    score_dataset(data, scorer=scorer, out=out, shard_size=20)
    assert scorer.asked.count("question 40") == 1
    assert len(read(out)) == 100


@given(st.binary(max_size=200), st.integers(0, 199), st.integers(1, 255))
def test_any_change_to_a_line_is_noticed(content: bytes, place: int, change: int) -> None:
    line = seal({"result": content.hex()})
    assert unseal(line, path=Path("x"), number=1, cure="") == {"result": content.hex()}
    place %= len(line)
    changed = line[:place] + bytes([line[place] ^ change]) + line[place + 1 :]
    with pytest.raises(DataError, match=r"x:1: the line is damaged"):
        unseal(changed, path=Path("x"), number=1, cure="")


def test_a_link_to_out_is_the_same_run(tmp_path: Path) -> None:
    data, out = started(tmp_path)
    link = tmp_path / "link.csv"
    link.symlink_to(out)
    scorer = TestScorer()
    score_dataset(data, scorer=scorer, out=link, shard_size=20)
    assert len(scorer.asked) == 45
    assert link.is_symlink()
    assert len(read(out)) == 100


def test_the_manifest_lists_the_shards_with_ranges_counts_and_checksums(tmp_path: Path) -> None:
    _, out = started(tmp_path)
    lines = (run_folder_path(out) / "manifest.jsonl").read_text().splitlines()
    head, *shards = map(json.loads, lines)
    assert head["version"] == 1
    assert head["settings"]["prompt column"] == "prompt"
    assert [(shard["index"], shard["first"], shard["rows"]) for shard in shards] == [
        (0, 0, 20),
        (1, 20, 20),
    ]
    assert all(len(shard["digest"]) == len(shard["checksum"]) == 32 for shard in shards)
    assert shards[0]["tally"]["calls"] == 20
