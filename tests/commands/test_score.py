"""`nemo-trust score`, against a real server and on recorded answers."""

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from nemoguardrails_trust.datasets.shards import locked_folder
from tests.datasets.command import app
from tests.datasets.samples import files_of_at_most, make_rows, read, write
from tests.servers.faults import closed_port, status
from tests.servers.openai import OpenAIServer, Window, threaded_server

RECORDED = Path(__file__).parents[1] / "data" / "triviaqa-llama13b.jsonl"
KEY = "sk-test-never-shown"


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)


def run(*arguments: object) -> Result:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert "Traceback" not in result.output
    assert KEY not in result.output
    return result


def refused(*arguments: object) -> str:
    """The one line that a command which cannot be done prints."""
    result = run(*arguments)
    assert result.exit_code == 2, result.output
    (line,) = result.stderr.splitlines()
    assert result.stdout == ""
    return line


def test_a_data_set_is_scored_by_a_model_on_a_server(tmp_path: Path) -> None:
    data = write(tmp_path / "data.csv", make_rows(30))
    out = tmp_path / "out.jsonl"
    with threaded_server(OpenAIServer(answer="True")) as server:
        arguments = ("--model", "gpt-test", "--base-url", server.base_url, "--quality", "low")
        result = run(data, "--out", out, *arguments)
        requests = len(server.bodies)
    assert result.exit_code == 0, result.output
    assert requests == 30
    rows = read(out)
    assert [row["id"] for row in rows] == [str(i) for i in range(30)]
    assert all(0.5 < row["trustworthiness_score"] <= 1.0 for row in rows)
    assert all(row["signal_reflection"] == row["trustworthiness_score"] for row in rows)
    assert re.search(r"30 rows, 0 \(0\.0%\) below 0\.6, 0 without a score; 30 calls", result.stdout)


def test_a_rate_limit_slows_a_run_down_and_fails_no_row(tmp_path: Path) -> None:
    data = write(tmp_path / "data.csv", make_rows(60))
    out = tmp_path / "out.jsonl"
    window = Window(requests=25, seconds=0.5)
    with threaded_server(OpenAIServer(answer="True", rate=window)) as server:
        arguments = ("--model", "gpt-limited", "--base-url", server.base_url, "--quality", "low")
        result = run(data, "--out", out, *arguments, "--json")
        assert server.rate_limited > 0
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["scored"] == 60


def test_requests_and_tokens_a_minute_can_be_set(tmp_path: Path) -> None:
    data = write(tmp_path / "data.csv", make_rows(20))
    with threaded_server(OpenAIServer(answer="True")) as server:
        for option in ("--requests-per-minute", "--tokens-per-minute"):
            out = tmp_path / f"{option}.jsonl"
            arguments = ("--model", "gpt-test", "--base-url", server.base_url, "--quality", "low")
            timeout = ("--timeout", 2)
            run(data, "--out", out, *arguments, *timeout, option, 5, "--concurrency", 1)
            errors = [row["error"] for row in read(out) if row["error"]]
            told = "the rate limit allows the next request in"
            assert len(errors) >= 15, option
            assert all(told in error for error in errors), option


@pytest.mark.parametrize(
    "option",
    [
        *("--requests-per-minute", "--tokens-per-minute", "--base-url"),
        *("--most-bytes", "--cache-megabytes"),
    ],
)
def test_what_is_said_about_a_server_is_refused_with_a_replay(option: str, tmp_path: Path) -> None:
    arguments = (RECORDED, "--out", tmp_path / "out.csv", "--model", "replay", option, 5)
    assert f"{option} cannot be used with --model replay" in refused(*arguments)
    hosted = ("--scorer", "cleanlab-tlm", option, 5)
    assert f"{option} is for the local scorer" in refused(*arguments[:3], *hosted)


def test_responses_are_made_by_the_model_where_there_is_no_column(tmp_path: Path) -> None:
    data = write(tmp_path / "data.jsonl", [{"prompt": "question 1"}, {"prompt": "question 1"}])
    out = tmp_path / "out.jsonl"
    with threaded_server(OpenAIServer(answer="42")) as server:
        arguments = ("--out", out, "--model", "gpt-test", "--base-url", server.base_url)
        told = refused(data, *arguments)
        assert server.bodies == []
        result = run(data, *arguments, "--generate")
    assert "no column 'response' (--response-column); the columns are: prompt; --generate" in told
    assert "2 rows, 2 of them with a generated response, " in result.stdout
    rows = read(out)
    assert [row["response"] for row in rows] == ["42", "42"]
    assert rows[0]["usage_calls"] == 3


def test_recorded_answers_are_replayed_row_by_row(tmp_path: Path) -> None:
    out = tmp_path / "out.parquet"
    result = run(RECORDED, "--out", out, "--model", "replay", "--json")
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    rows = read(out)
    assert len(rows) == told["rows"] == told["scored"] == 500
    right = [row["trustworthiness_score"] for row in rows if row["correct"]]
    wrong = [row["trustworthiness_score"] for row in rows if not row["correct"]]
    assert sum(right) / len(right) > sum(wrong) / len(wrong) + 0.3
    assert rows[0]["samples"] == json.loads(RECORDED.read_text().splitlines()[0])["samples"]
    assert told["flagged"] == sum(row["trustworthiness_score"] < 0.6 for row in rows)


def test_recorded_samples_stand_in_csv_as_json(tmp_path: Path) -> None:
    rows = [
        {"prompt": "p", "response": "a", "samples": '["a", "a"]', "reflection": "0.9"},
        {"prompt": "p", "response": "a", "samples": '["b", "c"]', "reflection": "0.1"},
        {"prompt": "p", "response": "a", "samples": "", "reflection": "2"},
    ]
    data = write(tmp_path / "data.csv", rows)
    out = tmp_path / "out.csv"
    result = run(data, "--out", out, "--model", "replay")
    assert result.exit_code == 1
    assert "1 row has no score: 1 × column 'reflection' must be" in result.stderr
    first, second, third = read(out)
    assert float(first["trustworthiness_score"]) > 0.8
    assert float(second["trustworthiness_score"]) < 0.2
    assert third["trustworthiness_score"] == ""
    assert third["error"] == "column 'reflection' must be a number from 0 to 1"


def test_rows_that_fail_end_with_1_and_are_tried_again_when_asked(tmp_path: Path) -> None:
    data = write(tmp_path / "data.csv", make_rows(4))
    out = tmp_path / "out.csv"
    arguments = (data, "--out", out, "--model", "gpt-test", "--quality", "low", "--base-url")
    with threaded_server(OpenAIServer(answer="True")) as server:
        server.faults.next(status(400), 3)
        result = run(*arguments, server.base_url)
        assert result.exit_code == 1
        assert "3 rows have no score: " in result.stderr
        assert "--retry-errors scores them again" in result.stderr
        assert sum(bool(row["error"]) for row in read(out)) == 3
        told = refused(*arguments, f"http://127.0.0.1:{closed_port()}/v1", "--retry-errors")
        assert "--base-url is 'http" in told
        assert f"was started with '{server.base_url}'; use the same, or another OUT" in told
        server.faults.clear()
        result = run(*arguments, server.base_url, "--retry-errors", "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["scored"] == 4
    assert not any(row["error"] for row in read(out))


def test_a_wrong_address_is_put_right_by_giving_the_right_one(tmp_path: Path) -> None:
    data = write(tmp_path / "data.csv", make_rows(4))
    arguments = (data, "--out", tmp_path / "out.csv", "--model", "gpt-test", "--base-url")
    with threaded_server(OpenAIServer(answer="True")) as server:
        result = run(*arguments, server.url)
        assert result.exit_code == 1
        assert "4 rows have no score" in result.stderr
        assert " is missing in " not in result.stderr
        result = run(*arguments, server.base_url)
    assert result.exit_code == 0, result.output
    assert not any(row["error"] for row in read(tmp_path / "out.csv"))


def test_a_response_that_is_lacking_may_be_made_later(tmp_path: Path) -> None:
    data = write(tmp_path / "data.csv", [*make_rows(2), {**make_rows(3)[2], "response": ""}])
    out = tmp_path / "out.csv"
    with threaded_server(OpenAIServer(answer="True")) as server:
        arguments = (data, "--out", out, "--model", "gpt-test", "--base-url", server.base_url)
        assert "--generate (generate=True) has the model write one" in run(*arguments).stderr
        asked = len(server.bodies)
        result = run(*arguments, "--generate", "--retry-errors")
        assert len(server.bodies) - asked == 3  # for the one response and its score
    assert result.exit_code == 0, result.output
    assert "1 of them with a generated response" in result.stdout
    assert [row["response"] for row in read(out)] == ["answer 0", "answer 1", "True"]


def test_one_row_at_a_time_is_said_as_one(tmp_path: Path) -> None:
    data = write(tmp_path / "data.csv", make_rows(2))
    with threaded_server(OpenAIServer(answer="True")) as server:
        model = ("--model", "gpt-test", "--base-url", server.base_url)
        shown = run(data, "--dry-run", "--concurrency", 1, *model).stdout
    assert " with 1 row at a time\n" in shown


def test_a_refused_key_ends_the_run_and_is_never_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = write(tmp_path / "data.csv", make_rows(5))
    out = tmp_path / "out.csv"
    monkeypatch.setenv("OPENAI_API_KEY", "sk-wrong")
    with threaded_server(OpenAIServer(answer="True", api_key=KEY)) as server:
        arguments = (data, "--out", out, "--model", "gpt-test", "--quality", "low")
        result = run(*arguments, "--base-url", server.base_url)
    assert result.exit_code == 2
    assert "401" in result.output
    assert "the key was refused" in result.output
    assert "sk-wrong" not in result.output
    assert not out.exists()


def test_a_scorer_of_the_users_own_that_misbehaves_costs_only_its_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = """
import asyncio
from nemoguardrails_trust import TrustworthinessScore

class OwnScorer:
    async def score(self, exchange):
        if exchange.response == "answer 0":
            await asyncio.sleep(60)
        if exchange.response == "answer 1":
            raise RuntimeError("sk-secret")
        return 0.5 if exchange.response == "answer 2" else TrustworthinessScore(0.25)

def make(settings):
    return OwnScorer()
"""
    (tmp_path / "own_scorer_of_rows.py").write_text(program, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    data, out = write(tmp_path / "data.csv", make_rows(4)), tmp_path / "out.jsonl"
    scorer = ("--scorer", "own_scorer_of_rows:make", "--timeout", 0.3)
    assert run(data, "--out", out, *scorer).exit_code == 1
    rows = read(out)
    assert [row["error"] for row in rows] == [
        "the scorer did not answer within 0.3 s",
        "the scorer raised RuntimeError",
        "the scorer returned a float, not a TrustworthinessScore",
        None,
    ]
    assert rows[3]["trustworthiness_score"] == 0.25


def test_prices_give_the_cost(tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    prices = ("--price-per-million-prompt-tokens", 2, "--price-per-million-completion-tokens", 8)
    result = run(RECORDED, "--out", out, "--model", "replay", "--limit", 20, "--json", *prices)
    told = json.loads(result.stdout)
    tokens = told["prompt_tokens"] * 2 + told["completion_tokens"] * 8
    assert told["rows"] == 20
    assert told["cost"] == pytest.approx(tokens / 1e6)


def test_the_same_command_again_does_nothing(tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    arguments = (RECORDED, "--out", out, "--model", "replay", "--limit", 5)
    assert run(*arguments).exit_code == 0
    again = run(*arguments)
    assert again.exit_code == 0
    assert "already has all 5 rows; nothing was done" in again.stdout
    assert "quality is 'low', but" in refused(*arguments, "--quality", "low")


def test_bad_input_gives_one_clear_line(tmp_path: Path) -> None:
    out = ("--out", tmp_path / "out.parquet", "--model", "replay")
    rows = make_rows(3)
    data = write(tmp_path / "data.csv", rows)
    empty = tmp_path / "empty.csv"
    empty.touch()
    broken = tmp_path / "broken.parquet"
    broken.write_bytes(b"PAR1 and nothing more")
    mixed = write(tmp_path / "mixed.jsonl", [{**row, "x": [1, "a"][row["id"] % 2]} for row in rows])
    assert "no column 'answer' (--response-column); the columns are: id, prompt, response" in (
        refused(data, *out, "--response-column", "answer")
    )
    assert refused(empty, *out).endswith("empty.csv: the file is empty")
    assert "broken.parquet: the Parquet file is damaged" in refused(broken, *out)
    assert "column 'x' holds int and str; Parquet allows one type" in refused(mixed, *out)
    assert "cannot be read: No such file" in refused(tmp_path / "none.csv", *out)
    assert "is a folder; give a file of rows, such as " in refused(tmp_path, *out)
    assert "the local scorer needs a model" in refused(data, *out[:2])
    assert "no column 'response'" in refused(
        write(tmp_path / "prompts.csv", [{"prompt": "p"}]), *out
    )
    with locked_folder(tmp_path / "out.parquet"):
        assert f"another run is writing it (process {os.getpid()}" in refused(data, *out)


def test_a_row_that_cannot_be_read_costs_no_other(tmp_path: Path) -> None:
    data, out = tmp_path / "data.jsonl", tmp_path / "out.jsonl"
    lines = ['{"prompt": "q", "response": "a", "reflection": 0.5, "samples": ["a"]}'] * 3
    lines[1] = '{"prompt": "torn'
    data.write_text("\n".join(lines) + "\n")
    result = run(data, "--out", out, "--model", "replay")
    assert result.exit_code == 1
    assert "3 rows, 0 (0.0%) below 0.6, 1 without a score" in result.stdout
    rows = read(out)
    assert f"{data}:2: the row is not a JSON object: " in rows[1]["error"]
    assert [row["trustworthiness_score"] is None for row in rows] == [False, True, False]


def test_it_says_what_was_guessed_and_which_columns_are_read(tmp_path: Path) -> None:
    data = tmp_path / "data.csv"
    data.write_bytes("Question;Answer\nHauptstadt von Österreich?;Wien\n".encode("cp1252"))
    with threaded_server(OpenAIServer(answer="True")) as server:
        arguments = ("--model", "gpt-test", "--base-url", server.base_url, "--quality", "low")
        result = run(data, "--out", tmp_path / "out.csv", *arguments)
        (body,) = server.bodies
    assert result.exit_code == 0, result.output
    assert f"{data} is not UTF-8 and is read as cp1252" in result.stderr
    assert "reading prompts from 'Question', responses from 'Answer'" in result.stderr
    assert "Hauptstadt von Österreich?" in json.dumps(body, ensure_ascii=False)


def test_the_options_of_a_csv_file_are_refused_for_others(tmp_path: Path) -> None:
    data = write(tmp_path / "data.csv", make_rows(1))
    for option in ("--bom", "--safe-cells"):
        told = refused(data, "--out", tmp_path / "out.jsonl", "--model", "replay", option)
        assert told == f"nemo-trust: {option} is for .csv and .tsv files"
    told = refused(data, "--out", tmp_path / "o.csv", "--model", "replay", "--encoding", "utf-9")
    assert told == "nemo-trust: there is no encoding 'utf-9'"
    told = refused(data, "--out", tmp_path / "o.csv", "--model", "replay", "--generate")
    assert told == "nemo-trust: --generate needs the local scorer and a --model that answers"


def test_a_full_disk_gives_one_clear_line_and_loses_nothing(tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    arguments = (RECORDED, "--out", out, "--model", "replay", "--limit", 40)
    with files_of_at_most(4_000):
        line = refused(*arguments)
    assert "cannot be written: File too large; free some space" in line
    assert not out.exists()
    result = run(*arguments, "--json")
    assert result.exit_code == 0
    assert json.loads(result.stdout)["resumed"] > 0
    assert len(read(out)) == 40


def test_help_tells_the_exit_codes_and_what_goes_on() -> None:
    result = run("--help")
    assert result.exit_code == 0
    plain = " ".join(result.stdout.split())
    assert "130 interrupted" in plain
    assert "An interrupted run continues when you repeat the command" in plain


GROUNDED = ("--evaluation", "response_groundedness", "--evaluation", "query_ease")


def test_evaluations_are_columns_beside_the_score(tmp_path: Path) -> None:
    rows = [
        {"prompt": "How long?", "response": "30 days", "context": "Within 30 days.", "correct": 1},
        {"prompt": "How far?", "response": "9 km", "context": "", "correct": 0},
        {"prompt": "How old?", "response": "9", "context": "Aged nine.", "correct": 1},
    ]
    data, out = write(tmp_path / "data.csv", rows), tmp_path / "out.csv"

    def answer(body: dict[str, Any]) -> str:
        text = body["messages"][0]["content"]
        if "Aged nine." in text and "Every factual claim" in text:
            return "Who knows?"
        return "True 80" if "Every factual claim" in text else "True 90"

    with threaded_server(OpenAIServer(answer=answer, logprobs="off")) as server:
        model = ("--model", "gpt-test", "--base-url", server.base_url, "--quality", "low")
        result = run(data, "--out", out, *model, *GROUNDED)
        assert result.exit_code == 0, result.output
        assert len(server.bodies) == 8  # nothing is grounded in no passage
        refused_again = refused(data, "--out", out, *model)
    assert "response_groundedness" in result.output  # one could not be had, which is told
    assert "evaluations" in refused_again  # what a run depends on
    found = read(out)
    assert [row["evaluation_response_groundedness"] for row in found] == ["0.8", "", ""]
    assert [row["evaluation_query_ease"] for row in found] == ["0.9"] * 3
    assert [row["usage_calls"] for row in found] == ["3", "2", "3"]
    told = [row["error"] for row in found]
    assert told[:2] == ["", ""]
    assert told[2].startswith("evaluation_response_groundedness: ")

    from nemoguardrails_trust import build_report

    page = tmp_path / "report.html"
    build_report(out, page)
    assert "evaluation_response_groundedness" in page.read_text("utf-8")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--model", "gpt-test", "--evaluation", "grounded"), "there is no evaluation 'grounded'"),
        (("--model", "replay", "--evaluation", "query_ease"), "replay has none"),
    ],
)
def test_an_evaluation_that_cannot_be_made_is_refused(
    tmp_path: Path, arguments: tuple[str, ...], told: str
) -> None:
    data = write(tmp_path / "data.csv", make_rows(2))
    assert told in refused(data, "--out", tmp_path / "out.csv", *arguments)
