import base64
import csv
import hashlib
import json
import re
import stat
from itertools import cycle
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from nemoguardrails_trust.datasets.columns import Columns as DataColumns
from nemoguardrails_trust.datasets.rows import RowResult, scored_row
from nemoguardrails_trust.datasets.tally import Prices
from nemoguardrails_trust.errors import DataError, SettingsError
from nemoguardrails_trust.report import build_report
from nemoguardrails_trust.scores import Usage
from tests.report.samples import HOSTILE, SIMPLEQA, embedded, hostile_results, results

ROWS = results(30)


def built(results: Any, out: Path, **options: Any) -> str:
    build_report(results, out, **options)
    return out.read_text("utf-8")


def write_csv(path: Path) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, ROWS[0])
        writer.writeheader()
        for row in ROWS:
            writer.writerow(row | {"alternatives": json.dumps(row["alternatives"])})


def write_json_lines(path: Path) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS), "utf-8")


def write_parquet(path: Path) -> None:
    pq.write_table(pa.Table.from_pylist(ROWS), path)


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("results.csv", write_csv),
        ("results.jsonl", write_json_lines),
        ("results.parquet", write_parquet),
    ],
)
def test_every_format_gives_the_same_page(name: str, write: Any, tmp_path: Path) -> None:
    write(tmp_path / name)
    from_file = embedded(built(tmp_path / name, tmp_path / "file.html"))
    from_rows = embedded(built(iter(ROWS), tmp_path / "rows.html"))
    assert from_file == from_rows


def test_all_that_scoring_writes_is_shown(tmp_path: Path) -> None:
    result = RowResult(
        score=0.25,
        signals={"reflection": 0.5, "consistency": 0.0},
        explanation="The samples disagree.",
        alternatives=("Sydney", "Perth"),
        error="probability: none given",
        usage=Usage(calls=2, samples=5, prompt_tokens=40, completion_tokens=9, seconds=0.5),
    )
    row = scored_row({"prompt": "Capital?", "response": "Canberra"}, result, DataColumns())
    data = embedded(built([row], tmp_path / "report.html"))
    assert data["answers"] == [
        {
            "row": 1,
            "groups": ["least", "most", "sample"],
            "score": 0.25,
            "label": None,
            "prompt": "Capital?",
            "response": "Canberra",
            "explanation": "The samples disagree.",
            "alternatives": ["Sydney", "Perth"],
            "signals": {"reflection": 0.5, "consistency": 0.0},
            "error": "probability: none given",
        }
    ]
    totals = {figure["name"]: figure["total"] for figure in data["figures"]["usage"]}
    assert totals == {
        "calls": 2,
        "samples": 5,
        "prompt_tokens": 40,
        "completion_tokens": 9,
        "seconds": 0.5,
    }


def test_a_data_frame_gives_the_same_page(tmp_path: Path) -> None:
    from_frame = embedded(built(pd.DataFrame(ROWS), tmp_path / "frame.html"))
    assert from_frame == embedded(built(ROWS, tmp_path / "rows.html"))


def test_the_recorded_scores_of_simpleqa_make_a_report(tmp_path: Path) -> None:
    out = tmp_path / "report.html"
    report = build_report(SIMPLEQA, out)
    assert (report.rows, report.scored, report.labelled) == (4326, 4326, 4326)
    assert report.bytes == out.stat().st_size
    page = out.read_text("utf-8")
    data = embedded(page)
    assert report.answers == len(data["answers"])
    assert data["figures"]["auroc"] == pytest.approx(0.755, abs=0.0005)
    assert data["figures"]["reliability"]["error"] == pytest.approx(0.31, abs=0.005)
    assert sum(data["figures"]["thresholds"]["all"][:601]) == report.flagged
    assert 'given by <b dir="auto">gpt-4o</b>' in page


def test_a_page_says_how_many_answers_it_holds(tmp_path: Path) -> None:
    whole = built(ROWS, tmp_path / "whole.html")
    part = built(results(2000), tmp_path / "part.html")
    held = len(embedded(part)["answers"])
    assert "All 30 answers are on this page." in whole
    assert re.search(rf"counts all 2,000 answers; this page shows\s+the texts of {held}:", part)
    assert "the 100 least trusted" in part
    assert "a random sample of 200" in part


def test_no_text_becomes_markup(tmp_path: Path) -> None:
    page = built(hostile_results(), tmp_path / "report.html", title=HOSTILE)
    assert page.count("<script") == 2
    assert page.count("</script>") == 2
    assert "<img" not in page
    assert embedded(page)["answers"][0]["response"] == HOSTILE


def test_the_longest_texts_do_not_make_a_heavy_page(tmp_path: Path) -> None:
    texts = dict.fromkeys(("prompt", "response", "gold", "explanation"), "<" * 20_000)
    rows = [row | texts for row in results(600)]
    assert build_report(rows, tmp_path / "report.html").bytes < 5_000_000


def test_half_a_surrogate_pair_does_no_harm(tmp_path: Path) -> None:
    row = ROWS[0] | {"response": "half \ud83d of it"}
    assert embedded(built([row], tmp_path / "r.html"))["answers"][0]["response"] == "half ? of it"


def test_the_policy_allows_this_style_and_script_and_nothing_else(tmp_path: Path) -> None:
    page = built(ROWS, tmp_path / "report.html")
    found = re.search(r'Content-Security-Policy" content="([^"]*)"', page)
    assert found is not None
    directives = dict(word.split(" ", 1) for word in found[1].replace("&#39;", "'").split("; "))

    def digest(tag: str) -> str:
        text = page.rsplit(f"<{tag}>", 1)[1].split(f"</{tag}>")[0]
        return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()

    assert directives == {
        "default-src": "'none'",
        "style-src": f"'sha256-{digest('style')}'",
        "script-src": f"'sha256-{digest('script')}'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "require-trusted-types-for": "'script'",
        "trusted-types": "'none'",
    }


def test_the_page_names_nothing_to_load(tmp_path: Path) -> None:
    page = built(ROWS, tmp_path / "report.html")
    assert re.findall(r'(?:src|href)="([^"]*)"', page) == ["#answers"] + ["#cost"] * (
        page.count('href="#cost"')
    )
    assert "url(" not in page
    assert "@import" not in page


def test_errors_and_cost_are_told(tmp_path: Path) -> None:
    page = built(ROWS, tmp_path / "report.html")
    assert "Why 3 answers have no score" in page
    assert "the server failed: 500" in page
    assert re.search(r"Calls</th><td>2</td>\s*<td>2</td><td>2</td>\s*<td>60</td>", page)


def test_results_without_labels_say_so(tmp_path: Path) -> None:
    page = built(results(30, labelled=False), tmp_path / "report.html")
    assert "None with a score is known to be right or wrong" in page
    assert 'id="reliability"' not in page


@pytest.mark.parametrize(
    ("signals", "told"),
    [
        ({}, "The results have no signals besides the score, so"),
        ({"signal_reflection": ""}, "No answer has two signals, so"),
    ],
)
def test_one_answer_without_a_score_is_told_as_one(
    signals: dict[str, str], told: str, tmp_path: Path
) -> None:
    row = {"prompt": "a", "response": "b", "trustworthiness_score": "", "error": "x", **signals}
    page = " ".join(built([row], tmp_path / "report.html").split())
    assert '<b>It could not be scored</b>; <a href="#cost">the errors</a> say why.' in page
    assert told in page


def test_a_column_of_another_name_holds_the_labels_when_asked(tmp_path: Path) -> None:
    rows = [{**row, "verdict": row["correct"], "correct": None} for row in ROWS]
    figures = embedded(built(rows, tmp_path / "r.html", label_column="verdict"))["figures"]
    assert figures["labelled"] == 27


@pytest.mark.parametrize("name", ["label", "Is Correct", "passed"])
def test_labels_are_found_by_their_usual_names_and_that_is_told(name: str, tmp_path: Path) -> None:
    rows = [{name if key == "correct" else key: row[key] for key in row} for row in ROWS]
    report = build_report(rows, tmp_path / "r.html")
    assert (report.labelled, report.unread.rows) == (27, 0)
    assert report.remarks == (f"reading labels from {name!r}",)


def test_a_column_of_such_a_name_that_holds_something_else_is_left_alone(tmp_path: Path) -> None:
    rows = [
        {**row, "label": kind} for row, kind in zip(ROWS, cycle(["", "billing", "0"]), strict=False)
    ]
    for row in rows:
        row.pop("correct")
    report = build_report(rows, tmp_path / "r.html")
    assert (report.labelled, report.unread.rows) == (0, 0)
    assert report.remarks == ("'label' is not read as labels: it holds something else",)
    with pytest.raises(DataError, match="label is 'billing'; it must be 1 or 0"):
        build_report(rows[1:2], tmp_path / "r.html", label_column="label")


def test_the_threshold_is_rounded_to_the_step_of_the_slider(tmp_path: Path) -> None:
    report = build_report(ROWS, tmp_path / "report.html", threshold=0.61234)
    assert report.threshold == 0.612
    assert embedded((tmp_path / "report.html").read_text("utf-8"))["threshold"] == 0.612


@pytest.mark.parametrize("threshold", [-0.1, 1.1, float("nan")])
def test_a_threshold_out_of_range_is_an_error(threshold: float, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"threshold is .*0 to 1") as caught:
        build_report(ROWS, tmp_path / "report.html", threshold=threshold)
    assert caught.value.key == "threshold"


@pytest.mark.parametrize("rows", [[], iter([])])
def test_no_rows_are_an_error(rows: Any, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no rows"):
        build_report(rows, tmp_path / "report.html")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("options", [{"score_column": "score"}, {"label_column": "verdict"}])
def test_a_missing_column_is_an_error_that_lists_those_there_are(
    options: dict[str, Any], tmp_path: Path
) -> None:
    (name,) = options.values()
    with pytest.raises(
        DataError, match=rf"no column '{name}' \(.+\); the columns are: prompt, response"
    ):
        build_report(ROWS, tmp_path / "report.html", **options)


def test_a_bad_value_costs_its_row_alone_and_is_told_with_file_and_line(tmp_path: Path) -> None:
    path, out = tmp_path / "results.csv", tmp_path / "report.html"
    head = "prompt,response,trustworthiness_score,correct\n"
    path.write_text(head + "a,b,0.5,1\nc,d,1.5,0\ne,f,0.7,maybe\ng\n")
    report = build_report(path, out)
    assert (report.rows, report.scored, report.labelled, report.unread.rows) == (4, 2, 1, 3)
    assert f"{path}:3: trustworthiness_score is text" in report.unread.first
    shown = embedded(out.read_text("utf-8"))["answers"]
    errors = {answer.get("error", "").partition(";")[0] for answer in shown}
    assert {"", "trustworthiness_score is text", "correct is 'maybe'"} <= errors


def test_what_is_guessed_of_a_file_is_told(tmp_path: Path) -> None:
    path, earlier = tmp_path / "results.csv", tmp_path / "earlier.csv"
    text = "prompt,response,trustworthiness_score\nWie groß ist Köln?,Über eine Million,0.9\n"
    for file in (path, earlier):
        file.write_bytes(text.encode("cp1252"))
    report = build_report(path, tmp_path / "report.html", against=earlier)
    assert [
        remark.partition(" is not UTF-8 and is read as cp1252")[0] for remark in report.remarks
    ] == [
        str(path),
        str(earlier),
    ]


@pytest.mark.parametrize(
    ("rows", "told"),
    [("a,b,50,1\nc,d,87,0\n", "score is text"), ("a,b,0.5,3\nc,d,0.7,4\n", "correct is '3'")],
)
def test_a_column_without_one_usable_value_is_an_error(
    rows: str, told: str, tmp_path: Path
) -> None:
    path = tmp_path / "results.csv"
    path.write_text(f"prompt,response,trustworthiness_score,correct\n{rows}")
    with pytest.raises(DataError, match=rf"results\.csv:2: .*{told}"):
        build_report(path, tmp_path / "report.html")
    assert not (tmp_path / "report.html").exists()


def test_the_results_are_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    write_json_lines(path)
    before = path.read_bytes()
    with pytest.raises(DataError, match="would overwrite the results"):
        build_report(path, path)
    assert path.read_bytes() == before


def test_a_page_that_cannot_be_written_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be written: No such file or directory"):
        build_report(ROWS, tmp_path / "nowhere" / "report.html")
    (tmp_path / "folder.html").mkdir()
    with pytest.raises(DataError, match="is a folder, not a file to write"):
        build_report(ROWS, tmp_path / "folder.html")
    assert [path.name for path in tmp_path.iterdir()] == ["folder.html"]


@pytest.mark.parametrize("name", ["report.pdf", "REPORT.PDF", "report.xlsx", "report.json"])
def test_a_page_is_not_called_what_it_is_not(tmp_path: Path, name: str) -> None:
    with pytest.raises(DataError, match=r"the report is HTML; give a name that ends in \.html"):
        build_report(ROWS, tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_a_page_takes_the_place_of_an_older_one(tmp_path: Path) -> None:
    out = tmp_path / "report.html"
    out.write_text("old")
    assert "Trustworthiness report" in built(ROWS, out)
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]
    assert stat.S_IMODE(out.stat().st_mode) & 0o444 == 0o444


@pytest.mark.parametrize("column", ["prompt", "response", "samples", "alternatives", "signals"])
@pytest.mark.parametrize("value", ["[" * 100_000, "\ud800", 2**64, "[" * 480 + "]" * 480])
def test_no_text_of_a_row_ends_the_report(tmp_path: Path, column: str, value: Any) -> None:
    rows = [{"prompt": "q", "response": "a", "trustworthiness_score": 0.5}] * 2
    lines = [json.dumps(rows[0]), json.dumps({**rows[1], column: value}), '{"prompt": "torn']
    path = tmp_path / "results.jsonl"
    path.write_text("\n".join(lines) + "\n")
    report = build_report(path, tmp_path / "report.html")
    assert (report.rows, report.scored) == (3, 2)


def test_the_settings_of_the_run_and_its_cost_are_told(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS), "utf-8")
    settings = {"scorer": "local", "quality": "high", "model": "m-1", "threshold": 0.7}
    (tmp_path / "rows.jsonl.run.json").write_text(json.dumps({"settings": settings}), "utf-8")
    page = built(path, tmp_path / "page.html", prices=Prices(1000.0, 2000.0))
    shown = page.split('<dl class="facts">')[1].split("</dl>")[0]
    told = dict(
        zip(*(re.findall(rf"<{tag}[^>]*>(.*?)<", shown) for tag in ("dt", "dd")), strict=True)
    )
    read = sum(row["usage_prompt_tokens"] for row in ROWS)
    written = sum(row["usage_completion_tokens"] for row in ROWS)
    assert told == {
        "Scorer": "local",
        "Quality preset": "high",
        "Model that scored": "m-1",
        "Threshold of the run": "0.7",
        "Cost at your prices": f"{(read + 2 * written) / 1000:,.2f}",
    }


def test_without_prices_or_a_record_of_the_run_nothing_is_made_up(tmp_path: Path) -> None:
    assert '<dl class="facts">' not in built(ROWS, tmp_path / "page.html")


def test_the_many_values_of_a_column_are_told_as_others(tmp_path: Path) -> None:
    rows = [row | {"id": number} for number, row in enumerate(ROWS)]
    groups = embedded(built(rows, tmp_path / "page.html", group_by="id"))["figures"]["groups"]
    assert len(groups) == 21
    assert (groups[-1]["name"], groups[-1]["rows"]) == ("10 others", 10)


def test_a_column_to_group_by_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no column 'topic'"):
        build_report(ROWS, tmp_path / "page.html", group_by="topic")


def test_only_files_are_held_against_each_other(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="against compares two files"):
        build_report(ROWS, tmp_path / "page.html", against=tmp_path / "earlier.jsonl")


@pytest.mark.parametrize(
    "claims",
    [
        "x",
        [1],
        [{"start": 0, "end": 3}],
        [{"start": 3, "end": 1, "score": 0.5}],
        [{"start": 0, "end": 999, "score": 0.5}],
        [{"start": 0, "end": 2, "score": 7}],
    ],
    ids=["text", "numbers", "no-score", "backwards", "too-long", "no-share"],
)
def test_sentences_that_do_not_fit_the_answer_are_not_shown(claims: Any, tmp_path: Path) -> None:
    page = built([ROWS[0] | {"claims": claims}], tmp_path / "page.html")
    assert "claims" not in embedded(page)["answers"][0]
