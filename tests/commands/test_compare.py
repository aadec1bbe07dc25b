"""`nemo-trust compare`, on files of every format."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from nemoguardrails_trust.cli import app
from tests.datasets.samples import write


def run(*arguments: object) -> Result:
    environment = {"NO_COLOR": "1", "COLUMNS": "100"}
    return CliRunner(env=environment).invoke(app, ["compare", *map(str, arguments)])


def row(prompt: Any, response: str, score: float | None, **more: Any) -> dict[str, Any]:
    return {"prompt": prompt, "response": response, "trustworthiness_score": score, **more}


A = [
    row("one?", "1", 0.9, correct=1),
    row("two?", "2", 0.5, correct=0),
    row("two?", "zwei", 0.4, correct=1),
    row("three?", "3", None, correct=1),
    row("gone?", "4", 0.2, correct=1),
]
B = [
    row("new?", "9", 0.1, correct=0),
    row("two?", "2", 0.7, correct=0),
    row("one?", "1!", 0.3, correct=1),
    row("two?", "zwei", 0.405, correct=1),
    row("three?", "3", 0.8, correct=1),
]


@pytest.mark.parametrize("ending", [".csv", ".jsonl", ".parquet"])
def test_rows_are_matched_by_their_prompts_in_every_format(tmp_path: Path, ending: str) -> None:
    a, b = write(tmp_path / "a.jsonl", A), write(tmp_path / f"b{ending}", B)
    result = run(a, b, "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert (found["questions"], found["only_a"], found["only_b"]) == (4, 1, 1)
    assert (found["answers_changed"], found["scores_changed"]) == (1, 2)
    assert (found["flagged_both"], found["flagged_only_a"], found["flagged_only_b"]) == (1, 1, 1)
    assert (found["unchecked_a"], found["unchecked_b"], found["labelled"]) == (1, 0, 3)
    assert found["mean_change"] == pytest.approx((0.2 - 0.6 + 0.005) / 3)
    assert [change["prompt"] for change in found["largest"]] == ["one?", "two?"]
    assert [change["answer_changed"] for change in found["largest"]] == [True, False]
    # Before, one of the two right answers had a higher score than the wrong one; after, none.
    assert found["auroc_difference"]["value"] == -0.5


def test_chats_are_matched_whether_they_are_lists_or_text(tmp_path: Path) -> None:
    chat = [{"role": "user", "content": "one?"}]
    a = write(tmp_path / "a.jsonl", [row(chat, "1", 0.5)])
    b = write(tmp_path / "b.jsonl", [row(json.dumps(chat), "1", 0.5)])
    assert json.loads(run(a, b, "--json").stdout)["questions"] == 1


def test_chats_whose_last_turn_is_the_answer_are_matched_by_the_rest(tmp_path: Path) -> None:
    def chat(answer: str, score: float) -> dict[str, Any]:
        turns = [{"role": "user", "content": "one?"}, {"role": "assistant", "content": answer}]
        return {"messages": turns, "response": answer, "trustworthiness_score": score}

    a, b = (
        write(tmp_path / "a.jsonl", [chat("1", 0.5)]),
        write(tmp_path / "b.csv", [chat("2", 0.9)]),
    )
    found = json.loads(run(a, b, "--json").stdout)
    assert (found["questions"], found["answers_changed"]) == (1, 1)
    assert found["largest"][0]["prompt"] == "one?"


def test_the_table_says_what_changed_and_what_is_not_known(tmp_path: Path) -> None:
    bare = [{key: value for key, value in row.items() if key != "correct"} for row in A]
    shown = run(write(tmp_path / "a.jsonl", bare), write(tmp_path / "b.jsonl", B)).stdout
    assert "a.jsonl and b.jsonl: 4 questions in both" in shown
    assert "flagged (below 0.6) in both" in shown
    assert shown.count("not known: no row has a label in both") == 2
    assert "│ 3        │ 0.900 │ 0.300 │ changed   │ one?" in shown


def test_prompts_and_answers_are_found_under_usual_names_in_each_file(tmp_path: Path) -> None:
    theirs = [
        {{"prompt": "Question", "response": "answer"}.get(key, key): row[key] for key in row}
        for row in A
    ]
    a, b = write(tmp_path / "a.csv", theirs), write(tmp_path / "b.jsonl", B)
    found = json.loads(run(a, b, "--json").stdout)
    assert (found["questions"], found["answers_changed"], found["labelled"]) == (4, 1, 3)


def test_labels_are_found_under_usual_names_in_each_file(tmp_path: Path) -> None:
    theirs = [{{"correct": "passed"}.get(key, key): row[key] for key in row} for row in A]
    a, b = write(tmp_path / "a.csv", theirs), write(tmp_path / "b.jsonl", B)
    result = run(a, b, "--json")
    assert json.loads(result.stdout)["labelled"] == 3
    assert "reading labels from 'passed'" in result.stderr


def test_where_a_file_has_no_answers_it_is_not_known_whether_they_changed(tmp_path: Path) -> None:
    bare = [{key: value for key, value in row.items() if key != "response"} for row in A]
    a, b = write(tmp_path / "a.jsonl", bare), write(tmp_path / "b.jsonl", B)
    assert json.loads(run(a, b, "--json").stdout)["answers_changed"] is None
    shown = run(a, b).stdout
    assert "not known: there is no column of answers in both" in shown
    assert "the same" not in shown


def test_a_long_prompt_keeps_to_one_line_of_a_narrow_terminal(tmp_path: Path) -> None:
    prompt = "Which of the towns on the river was it, of which so little has been heard since then?"
    a = write(tmp_path / "a.jsonl", [row(prompt, "1", 0.5)])
    b = write(tmp_path / "b.jsonl", [row(prompt, "1", 0.9)])
    shown = (
        CliRunner(env={"NO_COLOR": "1", "COLUMNS": "80"})
        .invoke(app, ["compare", str(a), str(b)])
        .stdout
    )
    (line,) = (line for line in shown.splitlines() if "0.500" in line)
    assert "│ 0.900 │ the same  │ Which of the towns on the river" in line
    assert line.endswith("… │")
    assert max(map(len, shown.splitlines())) <= 80


def test_a_row_that_cannot_be_read_costs_no_other(tmp_path: Path) -> None:
    a, b = write(tmp_path / "a.jsonl", A), write(tmp_path / "b.jsonl", B)
    with b.open("a", encoding="utf-8") as file:
        file.write("{torn\n")
        file.write(json.dumps(row("gone?", "4", 7.0, correct=1)) + "\n")
    result = run(a, b, "--json")
    found = json.loads(result.stdout)
    assert (result.exit_code, found["questions"], found["unchecked_b"]) == (0, 5, 1)
    assert found["unread_a"]["rows"] == 0
    assert found["unread_b"]["rows"] == 2
    assert f"2 rows cannot be read in full; the first: {b}:6: the row is not" in result.stderr
    shown = run(a, b).stdout
    assert "not read in full in A, in B" in shown
    assert "(too few answers for an interval)" in shown


def test_an_encoding_that_is_named_is_that_of_both_files(tmp_path: Path) -> None:
    a, b = tmp_path / "a.csv", tmp_path / "b.csv"
    for path, score in ((a, 0.9), (b, 0.2)):
        text = f"prompt,response,trustworthiness_score\nWelcher Käse?,Brie,{score}\n"
        path.write_text(text, encoding="cp850")
    found = json.loads(run(a, b, "--json", "--encoding", "cp850").stdout)
    assert [change["prompt"] for change in found["largest"]] == ["Welcher Käse?"]
    refused = run(a, b, "--encoding", "latin-99")
    assert refused.exit_code == 2
    assert "no encoding 'latin-99'" in refused.stderr


def test_one_of_the_two_may_come_from_standard_input(tmp_path: Path) -> None:
    a, b = write(tmp_path / "a.jsonl", A), write(tmp_path / "b.jsonl", B)
    for arguments, piped in (([a, "-"], b), (["-", b], a)):
        told = CliRunner().invoke(
            app, ["compare", *map(str, arguments), "--json"], input=piped.read_text("utf-8")
        )
        assert json.loads(told.stdout)["questions"] == 4
    both = run("-", "-")
    assert both.exit_code == 2
    assert "'-' is standard input, which can be read once" in both.stderr


@pytest.mark.parametrize(
    ("rows", "options", "told"),
    [
        ([row("other?", "1", 0.5)], [], "b.jsonl: has no prompt in common with"),
        ([{"prompt": "one?"}], [], "there is no column 'trustworthiness_score' (--score-column)"),
        ([row("one?", "1", 5)], [], "b.jsonl:1: trustworthiness_score is 5; it must be"),
        (B, ["--threshold", "2"], "threshold is 2.0; it must be from 0 to 1"),
        (B, ["--prompt-column", "ask"], "there is no column 'ask' (--prompt-column); the columns"),
        (B, ["--response-column", "x"], "there is no column 'x' (--response-column); the columns"),
        (B, ["--label-column", "right"], "there is no column 'right' (--label-column)"),
        (B, ["--score-column", "trust"], "there is no column 'trust' (--score-column)"),
        ([{"trustworthiness_score": 0.5}], [], "there is no column 'prompt' (--prompt-column)"),
    ],
)
def test_what_cannot_be_compared_is_one_line_and_exit_code_2(
    tmp_path: Path, rows: list[dict[str, Any]], options: list[str], told: str
) -> None:
    a, b = write(tmp_path / "a.jsonl", A), write(tmp_path / "b.jsonl", rows)
    result = run(a, b, *options)
    assert result.exit_code == 2
    assert told in result.stderr
    assert result.stdout == ""
