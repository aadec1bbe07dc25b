"""`evaluate --generate` and `calibrate --generate`: a model's own answers to labelled data."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from nemoguardrails_trust import Calibration
from nemoguardrails_trust.cli import app
from tests.datasets.samples import write
from tests.servers.faults import closed_port
from tests.servers.openai import OpenAIServer, threaded_server

CAPITALS = {"Peru": "Lima", "Chad": "N'Djamena", "Fiji": "Suva", "Oman": "Muscat", "Mali": "Bamako"}
KNOWN = ("Peru", "Fiji", "Mali")
RUNNER = CliRunner(env={"NO_COLOR": "1", "COLUMNS": "120"})


pytestmark = pytest.mark.usefixtures("own_folder")


def answer(body: dict[str, Any]) -> list[str] | str:
    """A model that knows three of the capitals, and makes the others up anew each time."""
    text = "\n".join(message["content"] for message in body["messages"])
    country = next(country for country in CAPITALS if country in text)
    if "Judge an assistant's response" in text:
        return "True 95" if country in KNOWN else "True 40"
    if country in KNOWN:
        said = f"It is {CAPITALS[country]}."
        return [said] * body.get("n", 1) if "temperature" in body else said
    made_up = ["Zanzibar", "Ottokar", "Quirinus", "Balthasar", "Xanthippe"]
    return made_up[: body.get("n", 1)] if "temperature" in body else "Kunigunde"


@pytest.fixture(scope="module")
def server() -> Iterator[OpenAIServer]:
    with threaded_server(OpenAIServer(answer=answer)) as running:
        yield running


def run(server: OpenAIServer | None, *arguments: object, code: int = 0) -> Result:
    url = f"http://127.0.0.1:{closed_port()}/v1" if server is None else server.base_url
    given = [*map(str, arguments), "--model", "gpt-test", "--base-url", url]
    result = RUNNER.invoke(app, given)
    assert result.exit_code == code, result.output
    return result


def questions(prompt: str = "prompt", gold: str = "gold", **more: Any) -> list[dict[str, Any]]:
    return [
        {prompt: f"What is the capital of {country}?", gold: capital, **more}
        for country, capital in CAPITALS.items()
    ]


def test_the_answers_of_the_users_model_are_labelled_and_measured(
    server: OpenAIServer, tmp_path: Path
) -> None:
    before = len(server.bodies)
    data = write(tmp_path / "data.jsonl", questions())
    found = json.loads(run(server, "evaluate", data, "--generate", "--json").stdout)
    assert (found["n"], found["accuracy"], found["unchecked"]) == (5, 0.6, 0)
    assert (found["recall"], found["accuracy_kept"], found["auroc"]) == (1.0, 1.0, 1.0)
    assert found["calls_per_score"] == 3  # the answer, the judgement and the samples
    assert found["completion_tokens_per_score"] > 0
    assert len(server.bodies) - before == 15
    shown = run(server, "evaluate", data, "--generate").stdout
    for told in (
        "right                              │ 60.0 %",
        "calls per score",
        "reference answers",
    ):
        assert told in shown
    assert [path.name for path in tmp_path.iterdir()] == ["data.jsonl"]


@pytest.mark.parametrize("ending", [".csv", ".jsonl", ".parquet", ".xlsx"])
def test_answers_that_are_there_are_not_taken_and_a_run_goes_on(
    server: OpenAIServer, tmp_path: Path, ending: str
) -> None:
    rows = questions("question", "answer", response="Atlantis", correct=0)
    data = write(tmp_path / f"data{ending}", rows)
    out = tmp_path / f"scored{ending}"
    asked = ("evaluate", data, "--generate", "--gold-column", "answer", "--out", out, "--json")
    first = json.loads(run(server, *asked).stdout)
    before = len(server.bodies)
    again = json.loads(run(server, *asked).stdout)
    assert len(server.bodies) == before
    assert {**again, "seconds": 0} == {**first, "seconds": 0}
    assert (first["accuracy"], first["recall"]) == (0.6, 1.0)
    kept = RUNNER.invoke(app, ["evaluate", str(out), "--gold-column", "answer", "--json",
                               "--response-column", "response"])  # fmt: skip
    assert json.loads(kept.stdout)["accuracy"] == 0.6
    assert "Atlantis" not in kept.output


def test_any_of_several_reference_answers_will_do_and_chats_are_answered_anew(
    server: OpenAIServer, tmp_path: Path
) -> None:
    rows = [
        {
            "messages": [
                {"role": "user", "content": row["prompt"]},
                {"role": "assistant", "content": "Atlantis"},
            ],
            "ground_truth": ["Paris", row["gold"]],
        }
        for row in questions()
    ]
    data = write(tmp_path / "data.jsonl", rows)
    found = json.loads(run(server, "evaluate", data, "--generate", "--json").stdout)
    assert (found["n"], found["accuracy"], found["calls_per_score"]) == (5, 0.6, 3)


def test_rows_that_cannot_be_labelled_cost_nothing_and_are_named(
    server: OpenAIServer, tmp_path: Path
) -> None:
    rows = questions()
    rows[1]["gold"] = ""
    rows[3]["prompt"] = None
    data = write(tmp_path / "data.jsonl", rows)
    before = len(server.bodies)
    result = run(server, "evaluate", data, "--generate", "--json", code=1)
    assert json.loads(result.stdout)["n"] == 3
    assert len(server.bodies) - before == 9
    assert "data.jsonl:2: has no 'gold', the reference answer" in result.stderr
    assert "data.jsonl:4: the row has nothing in column 'prompt'" in result.stderr


def test_a_dead_server_ends_the_run_early(tmp_path: Path) -> None:
    data = write(tmp_path / "data.jsonl", questions() * 20)
    result = run(None, "evaluate", data, "--generate", "--max-failures", 3, "--timeout", 5, code=2)
    assert "stopped after 3 failures in a row: 3 × " in result.stderr


def test_an_answer_that_could_not_be_had_is_unchecked(tmp_path: Path) -> None:
    data = write(tmp_path / "data.jsonl", questions())
    with threaded_server(OpenAIServer(answer=" ")) as silent:
        result = run(silent, "evaluate", data, "--generate", "--json", code=1)
    found = json.loads(result.stdout)
    assert (found["n"], found["unchecked"], found["accuracy"]) == (5, 5, None)
    assert "5 × gpt-test at 127.0.0.1: an answer has no text" in result.stderr


def test_a_calibration_is_learnt_from_the_answers_of_the_users_model(
    server: OpenAIServer, tmp_path: Path
) -> None:
    data = write(tmp_path / "data.csv", questions("input", "expected") * 8)
    run(server, "calibrate", data, "--generate", "--out", "c.json", "--json")
    calibration = Calibration.load(Path("c.json"))
    assert (calibration.n, calibration.model) == (40, "gpt-test")
    assert calibration.apply(0.95) > 0.9


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--generate", "--gold-column", "x"), "there is no column 'x' (--gold-column)"),
        (("--generate", "--score-column", "s"), "--generate cannot be used with --score-column"),
        (("--generate", "--response-column", "a"), "--response-column cannot be used with --gen"),
        (("--generate", "--label-column", "a"), "--label-column cannot be used with --generate"),
        (("--gold-column", "response"), "cannot hold both"),
    ],
)
def test_options_that_contradict_each_other_are_refused(
    tmp_path: Path, options: tuple[str, ...], told: str
) -> None:
    data = write(tmp_path / "data.jsonl", questions(response="Lima"))
    assert told in run(None, "evaluate", data, *options, code=2).stderr


def test_data_without_reference_answers_says_so(tmp_path: Path) -> None:
    data = write(tmp_path / "data.jsonl", questions("prompt", "capital"))
    told = run(None, "evaluate", data, "--generate", code=2).stderr
    assert "no column 'gold' (--gold-column); the columns are: prompt, capital" in told
