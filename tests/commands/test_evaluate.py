"""`nemo-trust evaluate` prints the figures, names what is bad, and fails without tracebacks."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from subprocess import run
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from nemoguardrails_trust.calibration.evaluation import Evaluation
from nemoguardrails_trust.cli import app
from nemoguardrails_trust.commands.evaluate import evaluate
from tests.datasets.samples import write as write_rows
from tests.servers.faults import closed_port
from tests.servers.openai import OpenAIServer, threaded_server

DATA = Path(__file__).parents[1] / "data"
TRIVIA = str(DATA / "triviaqa-llama13b.jsonl")
SIMPLE = str(DATA / "simpleqa-tlm.jsonl")
RUNNER = CliRunner(env={"NO_COLOR": "1", "COLUMNS": "120"})

APP = typer.Typer()
APP.command()(evaluate)


def invoke(*arguments: str, code: int = 0) -> Result:
    result = RUNNER.invoke(APP, list(arguments))
    assert result.exit_code == code, result.output
    return result


def figures(*arguments: str, code: int = 0) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(invoke(*arguments, "--json", code=code).stdout)
    return found


def write(path: Path, rows: Sequence[Any]) -> str:
    lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return str(path)


def row(number: int, *, correct: int = 1, **more: Any) -> dict[str, Any]:
    return {"prompt": f"{number} + 1?", "response": f"{number + 1}", "correct": correct, **more}


def test_replays_the_samples_of_the_data() -> None:
    found = figures(TRIVIA, "--model", "replay", "--samples", "5", "--limit", "200")
    assert list(found) == list(Evaluation.__slots__)
    assert (found["n"], found["unchecked"], found["threshold"]) == (200, 0, 0.6)
    assert found["auroc_low"] < found["auroc"] < found["auroc_high"]
    assert found["auroc"] > 0.9
    assert found["samples_per_score"] == 5
    assert found["prompt_tokens_per_score"] > 0


def test_early_stop_saves_samples_and_changes_no_decision() -> None:
    options = (TRIVIA, "--model", "replay", "--samples", "8", "--limit", "150")
    whole, early = figures(*options), figures(*options, "--early-stop")
    assert early["samples_per_score"] <= 0.7 * whole["samples_per_score"]
    for figure in ("n", "flagged_share", "precision", "recall", "accuracy_kept"):
        assert early[figure] == whole[figure]


def test_recorded_judgements_and_samples_together_are_used(tmp_path: Path) -> None:
    rows = [
        row(1, correct=1, samples=["2", "2"], reflection=0.99),
        row(2, correct=0, samples=["4", "5"], reflection=0.01),
        {**row(2, correct=1, samples=["3", "3"], reflection=0.98), "response": "3.0"},
    ]
    path = write(tmp_path / "data.jsonl", rows)
    found = figures(path, "--model", "replay")
    assert found["auroc"] == 1.0
    assert found["unchecked"] == 0
    low = figures(path, "--model", "replay", "--quality", "low")
    assert (low["auroc"], low["samples_per_score"], low["calls_per_score"]) == (1.0, 0, 1)


def test_the_recorded_comparison_settles_what_matching_could_not(tmp_path: Path) -> None:
    said = {"The lazy dog's neighbour, a fox.": "same", "Most likely a hen.": "different"}
    asked = {"prompt": "Who jumps over the dog?", "response": "It is the quick fox that jumps."}
    rows = [
        asked | {"correct": right, "samples": [sample] * 2, "judged_samples": {sample: word}}
        for (sample, word), right in zip(said.items(), (1, 0), strict=True)
    ]
    path = write(tmp_path / "data.jsonl", rows)
    found = figures(path, "--model", "replay", "--quality", "high")
    assert (found["auroc"], found["unchecked"], found["recall"]) == (1.0, 0, 1.0)
    assert found["flagged_share"] == 0.5


def test_evaluates_scores_that_are_there_already() -> None:
    found = figures(SIMPLE, "--score-column", "trustworthiness_score")
    assert found["n"] == 4326
    assert found["auroc"] == pytest.approx(0.755, abs=5e-4)
    assert found["calls_per_score"] is None


def test_the_table_says_that_the_answers_are_recorded() -> None:
    shown = invoke(TRIVIA, "--model", "replay", "--limit", "30").stdout
    assert "AUROC" in shown
    assert "recorded" in shown
    assert "\x1b" not in shown
    assert "recorded" not in invoke(SIMPLE, "--score-column", "trustworthiness_score").stdout


def test_the_table_gives_the_reason_where_there_is_no_auroc(tmp_path: Path) -> None:
    rows = [row(i, samples=[str(i + 1)] * 3) for i in range(4)]
    path = write(tmp_path / "data.jsonl", rows)
    shown = invoke(path, "--model", "replay").stdout
    assert "every answer with a score is right" in shown
    assert figures(path, "--model", "replay")["auroc"] is None


def test_the_threshold_is_the_users(tmp_path: Path) -> None:
    rows = [{"correct": i % 2, "s": i / 10} for i in range(10)]
    path = write(tmp_path / "data.jsonl", rows)
    found = figures(path, "--score-column", "s", "--threshold", "0.3")
    assert (found["threshold"], found["flagged_share"]) == (0.3, 0.3)


def test_bad_lines_are_named_and_the_rest_is_scored(tmp_path: Path) -> None:
    rows = [row(1, samples=["2"]), "{", row(2, samples=["3"], correct=0), {"prompt": "alone"}]
    path = write(tmp_path / "data.jsonl", rows)
    result = invoke(path, "--model", "replay", "--json", code=1)
    assert json.loads(result.stdout)["n"] == 2
    assert f"{path}:2: the row is not a JSON object" in result.stderr
    assert f"{path}:4: has no 'correct'" in result.stderr
    assert "no score" not in result.stderr  # what has no label is told once
    skipped = invoke(path, "--model", "replay", "--json", "--skip-bad")
    assert f"{path}:2" in skipped.stderr


def test_unchecked_rows_are_counted_with_the_reason(tmp_path: Path) -> None:
    rows = [row(1, samples=["2"]), row(2, correct=0, samples=["9"]), row(3)]
    path = write(tmp_path / "data.jsonl", rows)
    result = invoke(path, "--model", "replay", "--json")
    found = json.loads(result.stdout)
    assert (found["n"], found["unchecked"], found["accuracy"]) == (3, 1, 0.5)
    assert "1 row has no score: 1 × reflection: no judgement is recorded" in result.stderr
    assert "no samples are recorded" in result.stderr


def test_nothing_scored_is_exit_code_1(tmp_path: Path) -> None:
    path = write(tmp_path / "data.jsonl", [row(1), row(2)])
    assert figures(path, "--model", "replay", code=1)["unchecked"] == 2


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([TRIVIA], "the local scorer needs a model"),
        (["none.jsonl", "--model", "replay"], "none.jsonl: cannot be read: No such file"),
        ([TRIVIA, "--model", "replay", "--threshold", "nan"], "--threshold is nan"),
        ([TRIVIA, "--model", "replay", "--threshold", "1.5"], "--threshold is 1.5"),
        ([TRIVIA, "--model", "replay", "--quality", "superb"], "--quality is 'superb'"),
        ([TRIVIA, "--scorer", "magic"], "scorer is 'magic'"),
        ([TRIVIA, "--scorer", "none:such"], "scorer 'none:such' could not be imported"),
        ([TRIVIA, "--model", "replay", "--base-url", "http://x"], "--base-url cannot be used"),
        (
            [TRIVIA, "--model", "replay", "--requests-per-minute", "9"],
            "--requests-per-minute cannot be used with --model replay",
        ),
        (
            [SIMPLE, "--score-column", "s", "--tokens-per-minute", "9"],
            "--tokens-per-minute cannot be used with --score-column",
        ),
        ([TRIVIA, "--model", "replay", "--scorer", "a:b"], "--model replay is for the local"),
        ([TRIVIA, "--samples", "3", "--scorer", "a:b"], "--samples is for the local scorer"),
        (
            [TRIVIA, "--model", "replay", "--quality", "low", "--early-stop"],
            "--early-stop cannot be used with --quality low",
        ),
        ([SIMPLE, "--score-column", "s", "--samples", "3"], "--samples cannot be used with"),
        (
            [SIMPLE, "--score-column", "nope"],
            "there is no column 'nope' (--score-column)",
        ),
        ([TRIVIA, "--model", "replay", "--calibration", "none.json"], "none.json: cannot be read"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_exit_code_2(arguments: list[str], says: str) -> None:
    result = invoke(*arguments, code=2)
    assert result.stdout == ""
    last = result.stderr.strip().splitlines()[-1]
    assert last.startswith("nemo-trust: ")
    assert says in last
    assert "Traceback" not in result.output


@pytest.mark.parametrize("quality", ["low", "medium"])
def test_scores_with_a_model_on_a_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quality: str
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    path = write(tmp_path / "data.jsonl", [row(i, correct=i % 2) for i in range(6)])

    def answer(body: dict[str, Any]) -> str:
        return "2" if body.get("n", 1) > 1 else "True 90"

    with threaded_server(OpenAIServer(answer=answer)) as server:
        found = figures(
            path, "--model", "gpt-test", "--base-url", server.base_url, "--quality", quality
        )
        assert found["unchecked"] == 0
        assert found["samples_per_score"] == (0 if quality == "low" else 5)
        assert found["calls_per_score"] == (1 if quality == "low" else 2)
        assert len(server.bodies) == 6 * found["calls_per_score"]


@pytest.mark.parametrize("ending", [".csv", ".tsv", ".jsonl", ".parquet"])
def test_every_format_of_score_is_evaluated_with_the_users_columns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: str
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    rows = [
        {
            "question": f"{i} + 1?",
            "answer given": f"{i + 1}",
            "passages": f"the sum is {i + 1}",
            "verdict": "Right" if i % 2 else "WRONG",
        }
        for i in range(6)
    ]
    data = write_rows(tmp_path / f"data{ending}", rows)
    with threaded_server(OpenAIServer(answer="True 90")) as server:
        found = figures(
            *(str(data), "--model", "gpt-test", "--base-url", server.base_url),
            *("--quality", "low", "--label-column", "verdict", "--prompt-column", "question"),
            *("--response-column", "answer given", "--context-column", "passages"),
        )
        asked = [json.dumps(body) for body in server.bodies]
    assert (found["n"], found["unchecked"], found["accuracy"]) == (6, 0, 0.5)
    assert len(asked) == 6
    assert all("the sum is" in body for body in asked)


@pytest.mark.parametrize("ending", [".csv", ".tsv", ".jsonl", ".parquet"])
def test_what_score_wrote_is_evaluated_without_a_model(tmp_path: Path, ending: str) -> None:
    out = str(tmp_path / f"scored{ending}")
    options = ("--model", "replay", "--limit", "60")
    found = figures(TRIVIA, *options, "--out", out)
    again = figures(out)
    assert {**again, "seconds": 0} == {**found, "seconds": 0}


def test_a_run_is_kept_in_out_and_nothing_is_asked_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    data = write(tmp_path / "data.jsonl", [row(i, correct=i % 2) for i in range(20)])
    out = str(tmp_path / "scored.csv")
    with threaded_server(OpenAIServer(answer="True 90")) as server:
        arguments = (data, "--model", "gpt-test", "--base-url", server.base_url)
        first = figures(*arguments, "--quality", "low", "--out", out)
        asked = len(server.bodies)
        again = figures(*arguments, "--quality", "low", "--out", out)
        assert len(server.bodies) == asked == 20
    assert {**again, "seconds": 0} == {**first, "seconds": 0}
    other = invoke(data, "--model", "other", "--quality", "low", "--out", out, code=2)
    assert "model is 'other', but" in other.stderr


def test_labels_in_words_are_read_and_others_are_named(tmp_path: Path) -> None:
    rows = [
        {**row(i, samples=[str(i + 1)] * 3), "correct": word}
        for i, word in enumerate(["Right", "wrong", "TRUE", "no", "1", "0.0", "maybe", ""])
    ]
    path = write(tmp_path / "data.jsonl", rows)
    result = invoke(path, "--model", "replay", "--json", code=1)
    assert json.loads(result.stdout)["n"] == 6
    allowed = (
        "1 or 0, true or false, yes or no, right or wrong, correct or incorrect, "
        "pass or fail, ✓ or ✗"
    )
    assert f"{path}:7: correct is 'maybe'; it must be {allowed}" in result.stderr
    assert f"{path}:8: has no 'correct', which must be {allowed}" in result.stderr


def test_token_probabilities_of_the_data_count(tmp_path: Path) -> None:
    rows = [row(i, correct=i % 2, token_logprobs=[-0.1 if i % 2 else -3.0]) for i in range(40)]
    path = write(tmp_path / "data.jsonl", rows)
    found = figures(path, "--model", "replay", "--quality", "base")
    assert (found["auroc"], found["calls_per_score"]) == (1.0, 0.0)


def test_signals_that_are_missing_are_told(tmp_path: Path) -> None:
    rows = [row(i, correct=i % 2, samples=[str(i + 1)] * 5) for i in range(4)]
    result = invoke(write(tmp_path / "data.jsonl", rows), "--model", "replay")
    told = "reflection is missing in 4 of 4 rows: 4 × no judgement is recorded for this response"
    assert told in result.stderr


def test_a_dead_server_ends_the_run_early(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    path = write(tmp_path / "data.jsonl", [row(i, correct=i % 2) for i in range(500)])
    server = ("--model", "gpt-test", "--base-url", f"http://127.0.0.1:{closed_port()}/v1")
    result = invoke(path, *server, "--max-failures", "10", "--timeout", "5", code=2)
    assert "stopped after 10 failures in a row: 10 × " in result.stderr
    assert "--retry-errors" not in result.stderr
    kept = invoke(path, *server, "--max-failures", "10", "--out", str(tmp_path / "o.csv"), code=2)
    assert "repeat the command with --retry-errors" in kept.stderr


def test_requests_a_minute_can_be_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    path = write(tmp_path / "data.jsonl", [row(i, correct=i % 2) for i in range(6)])
    with threaded_server(OpenAIServer(answer="True 90")) as server:
        options = ("--base-url", server.base_url, "--quality", "low", "--timeout", "1")
        found = figures(path, "--model", "gpt-test", *options, "--requests-per-minute", "2")
        assert (found["unchecked"], len(server.bodies)) == (4, 2)


def test_scores_with_a_scorer_of_the_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = """
import asyncio
from nemoguardrails_trust import TrustworthinessScore

class OwnScorer:
    async def score(self, exchange):
        if exchange.response == "4":
            await asyncio.sleep(60)
        if exchange.response == "5":
            raise RuntimeError("sk-secret")
        return 0.5 if exchange.response == "6" else TrustworthinessScore(0.25)

def make(settings):
    return OwnScorer()
"""
    (tmp_path / "own_scorer_here.py").write_text(program, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [folder for folder in sys.path if folder])
    write(tmp_path / "data.jsonl", [row(i) for i in range(1, 6)])
    options = ("data.jsonl", "--scorer", "own_scorer_here:make", "--timeout", "0.2")
    result = invoke(*options, "--json")
    found = json.loads(result.stdout)
    assert (found["n"], found["unchecked"], found["flagged_share"]) == (5, 3, 1.0)
    assert "3 rows have no score: " in result.stderr
    assert "1 × the scorer did not answer within 0.2 s" in result.stderr
    assert "1 × the scorer raised RuntimeError" in result.stderr
    assert "1 × the scorer returned a float, not a" in result.stderr
    assert "sk-secret" not in result.output


def test_reference_answers_are_pointed_to_where_there_are_no_labels(tmp_path: Path) -> None:
    path = tmp_path / "answers.jsonl"
    row = {"prompt": "1 + 1?", "response": "2", "Ground Truth": "2", "samples": ["2"] * 5}
    path.write_text(json.dumps(row) + "\n", encoding="utf-8")
    for command in ("evaluate", "calibrate"):
        out = [] if command == "evaluate" else ["--out", str(tmp_path / "c.json")]
        result = CliRunner().invoke(app, [command, str(path), "--model", "replay", *out])
        assert result.exit_code == 2
        assert (
            "there is no column 'correct' (--label-column); to label the answers by the reference "
            "answers in 'Ground Truth', give --gold-column 'Ground Truth'" in result.stderr
        )
        assert [path.name for path in tmp_path.iterdir()] == ["answers.jsonl"]


@pytest.mark.parametrize("name", ["label", "Is Correct", "passed"])
def test_labels_are_found_under_usual_names(tmp_path: Path, name: str) -> None:
    rows = [{"trustworthiness_score": score, name: score > 0.5} for score in (0.1, 0.9)]
    result = invoke(write(tmp_path / "data.jsonl", rows), "--json")
    assert json.loads(result.stdout)["auroc"] == 1.0
    assert f"reading labels from {name!r}" in result.stderr


def test_labels_of_two_usual_names_have_to_be_chosen(tmp_path: Path) -> None:
    rows = [{"trustworthiness_score": 0.5, "label": 1, "passed": 1}]
    result = invoke(write(tmp_path / "data.jsonl", rows), code=2)
    assert "'label' and 'passed' may both be meant; say which (--label-column)" in result.stderr


def test_its_help_tells_the_exit_codes() -> None:
    shown = " ".join(invoke("--help").stdout.split())
    assert "Exit codes: 0 all went well; 1 some rows could not be used" in shown


def test_importing_the_command_loads_nothing_heavy() -> None:
    program = (
        "import sys\n"
        "from nemoguardrails_trust.commands import calibrate, evaluate\n"
        "print([m for m in ('numpy', 'pydantic', 'aiohttp', 'nemoguardrails', 'rich.table') "
        "if m in sys.modules])"
    )
    done = run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
