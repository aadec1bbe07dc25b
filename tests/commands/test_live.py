"""The shipped questions, asked of a model on a server: `demo --model` and `calibrate --live`."""

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from nemoguardrails_trust import Calibration
from nemoguardrails_trust.commands.live import AT_A_TIME
from nemoguardrails_trust.datasets.labels import is_right
from nemoguardrails_trust.datasets.shipped import examples_folder, shipped_questions
from tests.commands.running import run
from tests.servers.openai import OpenAIServer, closed_port, threaded_server

GOLD = {row["prompt"][-1]["content"]: row["gold"] for row in shipped_questions(60)}
KNOWN = list(GOLD)[::2]


pytestmark = pytest.mark.usefixtures("own_folder")


def answer(body: dict[str, Any]) -> list[str] | str:
    """A model that knows every other answer, and makes the others up anew each time."""
    text = "\n".join(message["content"] for message in body["messages"])
    question = next(question for question in GOLD if question in text)
    if "Judge an assistant's response" in text:
        return "True 90" if question in KNOWN else "True 55"
    if question in KNOWN:
        return f"It is {GOLD[question]}." if "temperature" not in body else [GOLD[question]] * 8
    made_up = ["Zanzibar", "Ottokar", "Quirinus", "Balthasar", "Xanthippe", "Ludmilla", "Oswin"]
    return made_up[: body.get("n", 1)] if "temperature" in body else "Kunigunde"


@pytest.fixture(scope="module")
def server() -> Iterator[OpenAIServer]:
    with threaded_server(OpenAIServer(answer=answer)) as running:
        yield running


def test_the_demo_asks_a_model_of_the_users_own(server: OpenAIServer, tmp_path: Path) -> None:
    before = len(server.bodies)
    model = ("--model", "gpt-test", "--base-url", server.base_url, "--turns", 10)
    result = run("demo", *model, "--json")
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert (told["questions"], told["model"], told["accuracy"]) == (10, "gpt-test", 0.5)
    counts = {name: told[name] for name in ("right_kept", "wrong_flagged", "right_flagged")}
    assert counts == {"right_kept": 5, "wrong_flagged": 5, "right_flagged": 0}
    assert (told["accuracy_kept"], told["wrong_caught"], told["auroc"]) == (1.0, 1.0, 1.0)
    assert told["calls"] == len(server.bodies) - before == 30
    assert told["prompt_tokens"] > 0
    assert list(tmp_path.iterdir()) == []
    shown = run("demo", *model)
    assert "10 trivia questions, asked of gpt-test" in shown.stdout
    assert "Wrong answers that were flagged: 100%" in shown.stdout
    assert "Cost: 30 calls, " in shown.stdout
    assert shown.stdout.count("Kunigunde") == 3  # the least sure
    assert run("demo", *model, "--all").stdout.count("Kunigunde") == 5


def test_a_demo_of_a_model_that_gives_nothing_ends_with_exit_code_1() -> None:
    with threaded_server(OpenAIServer(answer=" ")) as server:
        result = run("demo", "--model", "gpt-test", "--base-url", server.base_url, "--turns", 2)
    assert result.exit_code == 1
    assert "2 rows have no score" in result.stderr


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--base-url", "http://127.0.0.1:9/v1"), "--base-url needs --model"),
        (("--quality", "low"), "--quality needs --model"),
        (
            ("--model", "replay"),
            "'replay' is not a live model; for recorded answers, leave out --model",
        ),
        (("--model", "m", "--quality", "superb"), "--quality is 'superb'"),
    ],
)
def test_a_demo_that_cannot_be_had_says_why(options: tuple[str, ...], told: str) -> None:
    result = run("demo", *options)
    assert result.exit_code == 2
    assert told in result.stderr


def test_a_calibration_is_learnt_from_a_live_model(server: OpenAIServer, tmp_path: Path) -> None:
    live = ("--live", "gpt-test", "--base-url", server.base_url, "--questions", 40)
    result = run("calibrate", *live, "--out", "c.json", "--target", "recall=0.8", "--json")
    assert result.exit_code == 0, result.output
    assert server.peak_requests <= 2 * AT_A_TIME  # the model may be one on the user's own machine
    assert [path.name for path in tmp_path.iterdir()] == ["c.json"]
    calibration = Calibration.load(Path("c.json"))
    assert (calibration.n, calibration.model, calibration.scorer) == (40, "gpt-test", "local")
    assert calibration.apply(0.95) > 0.9
    assert calibration.apply(0.2) < 0.1
    scored = run(
        *("evaluate", "labelled.jsonl", "--calibration", "c.json", "--model", "gpt-test"),
        *("--base-url", server.base_url),
    )
    assert "labelled.jsonl" in scored.stderr  # the calibration fits; the data is not there


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--out", "c.json"), "give labelled answers (DATA), or --live MODEL"),
        (("data.jsonl", "--live", "m", "--out", "c.json"), "leave out DATA"),
        (("--live", "m", "--model", "n", "--out", "c.json"), "leave out DATA"),
    ],
)
def test_a_calibration_needs_one_source(arguments: tuple[str, ...], told: str) -> None:
    result = run("calibrate", *arguments)
    assert result.exit_code == 2
    assert told in result.stderr


@pytest.mark.parametrize(
    ("said", "gold", "right"),
    [
        ("Botswana", "Botswana", True),
        ("botswana.", "Botswana", True),
        ("It lies chiefly in Botswana, I think.", "Botswana", True),
        ("Namibia", "Botswana", False),
        ("Bots", "Botswana", False),
        ("nineteen", "19", True),
        ("The 1990s", "19", False),
        ("", "Botswana", False),
        ("I do not know.", "Botswana", False),
    ],
)
def test_answers_are_labelled_by_the_reference_answer(said: str, gold: str, right: bool) -> None:
    assert is_right(said, gold, "Which one?") is right


@pytest.mark.parametrize(
    ("said", "gold", "question", "right"),
    [
        ("She has 18 eggs at $2 each, so she makes $36.", "18", "How much?", False),
        ("She has 18 eggs at $2 each, so she makes $36.", "36", "How much?", True),
        ("There are 24 and 48, which is 72.", "48 / 2 = 24\n#### 72", "How many?", True),
        ("Yes and no are both wrong here.", "yes", "Is it so?", False),
        ("Yes, it is.", "True", "Is it so?", True),
        ("B", "A", "Which?\nA) a cat\nB) a dog", False),
        ("B", "B) a dog", "Which?\nA) a cat\nB) a dog", True),
        ("It was during World War 2.", "World War 2", "When?", True),
    ],
)
def test_reference_answers_of_other_kinds_are_compared_by_what_they_say(
    said: str, gold: str, question: str, right: bool
) -> None:
    assert is_right(said, gold, question) is right


def test_labels_agree_with_those_of_the_recorded_answers() -> None:
    lines = (examples_folder() / "trivia" / "recorded.jsonl").read_text("utf-8").splitlines()
    rows = [json.loads(line) for line in lines[:200]]
    same = [
        is_right(row["response"], row["gold"], row["prompt"]) == bool(row["correct"])
        for row in rows
    ]
    assert math.fsum(same) / len(same) > 0.95


def test_where_no_question_is_answered_only_the_reason_is_told() -> None:
    port = closed_port()
    result = run("demo", "--model", "m", "--base-url", f"http://127.0.0.1:{port}/v1", "--turns", 3)
    assert result.exit_code == 1
    assert result.stdout == ""
    assert "3 rows have no score: 3 × m at 127.0.0.1: the connection was refused" in result.stderr


@pytest.mark.parametrize("quality", [(), ("--quality", "low")])
def test_the_demo_says_how_to_go_on_with_the_same_scores(
    quality: tuple[str, ...], server: OpenAIServer
) -> None:
    scored = ("gpt-test", "--base-url", server.base_url, *quality)
    shown = run("demo", "--model", *scored, "--turns", 10).stdout
    assert f"  nemo-trust calibrate --live {' '.join(scored)} --out calibration.json" in shown
