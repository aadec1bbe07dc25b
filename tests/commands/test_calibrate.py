"""`nemo-trust calibrate` writes a file that makes scores probabilities, and says what to expect."""

import json
import random
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from nemoguardrails_trust.calibration.calibration import Calibration
from nemoguardrails_trust.commands.calibrate import calibrate
from nemoguardrails_trust.commands.evaluate import evaluate
from nemoguardrails_trust.commands.score import score
from tests.servers.openai import OpenAIServer, threaded_server

DATA = Path(__file__).parents[1] / "data"
TRIVIA = str(DATA / "triviaqa-llama13b.jsonl")
RUNNER = CliRunner(env={"NO_COLOR": "1", "COLUMNS": "120"})

APP = typer.Typer()
APP.command()(calibrate)
APP.command()(evaluate)
APP.command()(score)


def invoke(*arguments: str, code: int = 0) -> Result:
    result = RUNNER.invoke(APP, list(arguments))
    assert result.exit_code == code, result.output
    return result


def told(*arguments: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(invoke(*arguments, "--json").stdout)
    return found


@pytest.fixture(scope="module")
def halves(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """The recorded scores of the live service, in two random halves."""
    lines = (DATA / "simpleqa-tlm.jsonl").read_text(encoding="utf-8").splitlines()
    random.Random(11).shuffle(lines)
    folder = tmp_path_factory.mktemp("halves")
    paths = folder / "one.jsonl", folder / "two.jsonl"
    for i, path in enumerate(paths):
        path.write_text("\n".join(lines[i::2]) + "\n", encoding="utf-8")
    return str(paths[0]), str(paths[1])


COLUMN = ("--score-column", "trustworthiness_score")


def test_calibrated_on_one_half_scores_are_probabilities_on_the_other(
    halves: tuple[str, str], tmp_path: Path
) -> None:
    one, two = halves
    out = str(tmp_path / "calibration.json")
    made = told("calibrate", one, "--out", out, *COLUMN, "--target", "precision=0.85")
    raw = told("evaluate", two, *COLUMN)
    calibrated = told("evaluate", two, *COLUMN, "--calibration", out)
    assert raw["ece"] > 0.28
    assert calibrated["ece"] < 0.045  # one split; the benchmark holds the mean of 20
    assert calibrated["auroc"] == pytest.approx(raw["auroc"])
    # The threshold is the file's, and does on new rows what was said.
    assert calibrated["threshold"] == made["threshold"]
    for figure in ("flagged_share", "precision", "recall", "accuracy_kept"):
        expected = made["expected"][figure]
        assert expected["low"] - 0.03 < calibrated[figure] < expected["high"] + 0.03


def test_says_what_was_made(halves: tuple[str, str], tmp_path: Path) -> None:
    out = tmp_path / "calibration.json"
    options = ("calibrate", halves[0], "--out", str(out), *COLUMN, "--limit", "800")
    shown = invoke(*options, "--target", "flag-at-most=0.2").stdout
    made = Calibration.load(out)
    assert (made.n, made.target, made.scorer) == (800, "flag-at-most=0.2", None)
    assert made.threshold is not None
    assert f"at the threshold {made.threshold:.4g}" in shown
    assert "From 800 answers, by cross-validation." in shown
    assert str(out) in "".join(shown.split("\n"))
    assert "Too few" not in shown


def test_says_when_there_is_too_little_to_rely_on(halves: tuple[str, str], tmp_path: Path) -> None:
    options = ("calibrate", halves[0], "--out", str(tmp_path / "c.json"), *COLUMN, "--limit", "60")
    assert "Too few answers to rely on: " in invoke(*options).stdout
    wanted = told(*options)["rows_wanted"]
    assert wanted
    assert all(rows > 60 for rows in wanted.values())


def test_without_a_target_no_threshold_is_chosen(halves: tuple[str, str], tmp_path: Path) -> None:
    made = told("calibrate", halves[0], "--out", str(tmp_path / "c.json"), *COLUMN)
    assert (made["threshold"], made["target"]) == (None, None)
    assert made["expected"]["flagged_share"]["value"] > 0.5


def test_calibrates_and_uses_the_local_scorer_on_replayed_samples(tmp_path: Path) -> None:
    out = str(tmp_path / "c.json")
    local = (TRIVIA, "--model", "replay", "--limit", "250")
    made = told("calibrate", *local, "--out", out, "--target", "recall=0.8")
    assert (made["scorer"], made["quality"], made["model"]) == ("local", "medium", "replay")
    raw, calibrated = told("evaluate", *local), told("evaluate", *local, "--calibration", out)
    assert calibrated["recall"] >= 0.79
    assert calibrated["ece"] < raw["ece"]
    early = told("evaluate", *local, "--calibration", out, "--early-stop")
    assert early["recall"] == calibrated["recall"]
    assert early["samples_per_score"] < calibrated["samples_per_score"]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--quality", "high"), "made for quality 'medium', not 'high'"),
        (("--model", "gpt-4o", "--base-url", "http://127.0.0.1:9/v1"), "not 'gpt-4o'"),
    ],
)
def test_a_calibration_for_another_preset_or_model_is_refused_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...], says: str
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    out = str(tmp_path / "c.json")
    invoke("calibrate", TRIVIA, "--model", "replay", "--limit", "60", "--out", out)
    given = ("--model", "replay", *options)
    result = invoke("evaluate", TRIVIA, "--calibration", out, *given, code=2)
    assert says in result.stderr


def test_scores_of_a_named_scorer_calibrate_that_scorer(
    halves: tuple[str, str], tmp_path: Path
) -> None:
    out = str(tmp_path / "c.json")
    named = ("--scorer", "cleanlab-tlm", "--quality", "medium")
    made = told("calibrate", halves[0], "--out", out, *COLUMN, *named, "--limit", "200")
    assert (made["scorer"], made["quality"], made["model"]) == ("cleanlab-tlm", "medium", None)
    told("evaluate", halves[1], *COLUMN, "--calibration", out, *named)
    other = ("--scorer", "cleanlab-studio")
    result = invoke("evaluate", halves[1], *COLUMN, "--calibration", out, *other, code=2)
    assert "made for scorer 'cleanlab-tlm', not 'cleanlab-studio'" in result.stderr


def test_recorded_answers_calibrate_for_the_model_they_are_from(tmp_path: Path) -> None:
    options = (TRIVIA, "--model", "replay", "--for-model", "llama-13b", "--limit", "60")
    made = told("calibrate", *options, "--out", str(tmp_path / "c.json"))
    assert made["model"] == "llama-13b"


def test_signals_beside_the_scores_are_weighed(tmp_path: Path) -> None:
    dice = random.Random(3)
    rows = []
    for _ in range(500):
        correct = dice.random() < 0.5
        consistency = min(1.0, max(0.0, dice.gauss(0.65 if correct else 0.35, 0.2)))
        reflection = dice.random()
        score = 0.45 * reflection + 0.55 * consistency
        signals = {"signal_reflection": reflection, "signal_consistency": consistency}
        rows.append({"correct": int(correct), "trustworthiness_score": score, **signals})
    path, out = tmp_path / "scored.jsonl", str(tmp_path / "c.json")
    path.write_text("\n".join(map(json.dumps, rows)) + "\n", encoding="utf-8")
    named = ("--scorer", "local", "--model", "gpt-4o-mini")
    made = told("calibrate", str(path), "--out", out, *COLUMN, *named)
    assert made["weights"]["consistency"] > 2 * made["weights"]["reflection"]
    raw = told("evaluate", str(path), *COLUMN)
    weighed = told("evaluate", str(path), *COLUMN, "--calibration", out)
    assert weighed["auroc"] > raw["auroc"] + 0.02


@pytest.mark.parametrize("ending", [".csv", ".parquet"])
def test_what_score_wrote_calibrates_the_scorer_that_its_run_recorded(
    tmp_path: Path, ending: str
) -> None:
    scored, out = str(tmp_path / f"scored{ending}"), str(tmp_path / "c.json")
    local = (TRIVIA, "--model", "replay", "--limit", "120", "--quality", "high")
    invoke("score", *local, "--out", scored)
    target = ("--target", "recall=0.8")
    made = told("calibrate", scored, "--out", out, *target)
    assert (made["scorer"], made["quality"], made["model"]) == ("local", "high", "replay")
    anew = told("calibrate", *local, "--out", out, *target)
    for figure in ("threshold", "n", "expected", "weights"):
        assert made[figure] == anew[figure]
    told("evaluate", *local, "--calibration", out)


def test_an_interrupted_calibration_goes_on_and_leaves_only_its_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    dice = random.Random(5)
    rows = [
        {"prompt": f"{i}?", "response": f"{i}", "correct": int(dice.random() < 0.5)}
        for i in range(60)
    ]
    data = tmp_path / "data.jsonl"
    data.write_text("\n".join(map(json.dumps, rows)) + "\n", encoding="utf-8")
    out = tmp_path / "c.json"
    broken = [True]

    def answer(body: dict[str, Any]) -> str:
        asked = json.dumps(body)
        return "" if broken[0] and any(f"{i}?" in asked for i in range(40, 60)) else "True 70"

    with threaded_server(OpenAIServer(answer=answer)) as server:
        model = ("--model", "m", "--base-url", server.base_url, "--quality", "low")
        arguments = ("calibrate", str(data), *model, "--out", str(out), "--concurrency", "4")
        stopped = invoke(*arguments, "--max-failures", "5", code=2)
        assert "stopped after 5 failures in a row" in stopped.stderr
        assert not out.exists()
        broken[0] = False
        asked = len(server.bodies)
        assert told(*arguments, "--retry-errors")["n"] == 60
        assert len(server.bodies) - asked <= 24
    assert sorted(path.name for path in tmp_path.iterdir()) == ["c.json", "data.jsonl"]


@pytest.mark.parametrize("broken", [False, True])
def test_what_was_too_little_data_does_not_stand_against_more_data_or_other_settings(
    broken: bool, tmp_path: Path
) -> None:
    lines = Path(TRIVIA).read_text("utf-8").splitlines()
    if broken:  # a row without a score keeps the folder of the run
        lines[0] = json.dumps({"prompt": "?", "response": "!", "correct": 1})
    data, out = tmp_path / "data.jsonl", tmp_path / "c.json"
    options = ("calibrate", str(data), "--model", "replay", "--out", str(out))
    data.write_text("\n".join(lines[:12]), "utf-8")
    assert "too little data" in invoke(*options, code=2).stderr
    assert "too little data" in invoke(*options, "--samples", "3", code=2).stderr
    data.write_text("\n".join(lines[1:120]), "utf-8")
    assert told(*options)["n"] == 119
    assert sorted(path.name for path in tmp_path.iterdir()) == ["c.json", "data.jsonl"]


def test_what_another_target_needs_is_not_scored_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    rows = [{"prompt": f"{i}?", "response": f"{i}", "correct": i % 2} for i in range(60)]
    data, out = tmp_path / "data.jsonl", tmp_path / "c.json"
    data.write_text("\n".join(map(json.dumps, rows)), "utf-8")
    with threaded_server(OpenAIServer(answer="True 70")) as server:
        model = ("--model", "m", "--base-url", server.base_url, "--quality", "low")
        options = ("calibrate", str(data), *model, "--out", str(out), "--target")
        assert "cannot be reached" in invoke(*options, "accuracy-kept=0.99", code=2).stderr
        asked = len(server.bodies)
        assert told(*options, "flag-at-most=0.1")["n"] == 60
        assert len(server.bodies) == asked


def test_a_file_of_the_users_own_is_not_taken_for_scored_rows(tmp_path: Path) -> None:
    own = tmp_path / "c.json.scored.jsonl"
    own.write_text("mine")
    options = ("calibrate", TRIVIA, "--model", "replay", "--out", str(tmp_path / "c.json"))
    assert "already exists, but not as a run" in invoke(*options, code=2).stderr
    assert own.read_text() == "mine"


def test_the_scored_rows_are_kept_where_so_asked(tmp_path: Path) -> None:
    scored = tmp_path / "scored.csv"
    local = ("calibrate", TRIVIA, "--model", "replay", "--limit", "120", "--scored", str(scored))
    first = told(*local, "--out", str(tmp_path / "c.json"))
    other = told(*local, "--out", str(tmp_path / "d.json"), "--target", "recall=0.7")
    assert other["n"] == first["n"] == told("evaluate", str(scored))["n"]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--target", "f1=0.9"), "--target is 'f1=0.9'"),
        (
            ("--target", "accuracy-kept=0.99"),
            "--target accuracy-kept=0.99 cannot be reached on this data; the highest",
        ),
        (("--limit", "12"), "too little data to calibrate"),
    ],
)
def test_what_cannot_be_done_writes_nothing(
    halves: tuple[str, str], tmp_path: Path, options: tuple[str, ...], says: str
) -> None:
    out = tmp_path / "c.json"
    result = invoke("calibrate", halves[0], "--out", str(out), *COLUMN, *options, code=2)
    assert says in result.stderr
    assert not out.exists()


def test_a_place_that_cannot_be_written_is_noticed_before_scoring(tmp_path: Path) -> None:
    options = ("calibrate", "none.jsonl", "--model", "replay", "--out")
    for out in (tmp_path, tmp_path / "none" / "c.json"):
        assert "cannot be written" in invoke(*options, str(out), code=2).stderr


def test_bad_lines_are_named_and_the_rest_is_used(halves: tuple[str, str], tmp_path: Path) -> None:
    path = tmp_path / "data.jsonl"
    lines = Path(halves[0]).read_text(encoding="utf-8").splitlines()[:100]
    path.write_text("\n".join([lines[0], "{", *lines[1:]]) + "\n", encoding="utf-8")
    options = ("calibrate", str(path), "--out", str(tmp_path / "c.json"), *COLUMN)
    assert f"{path}:2: the row is not a JSON object" in invoke(*options, code=1).stderr
    assert Calibration.load(tmp_path / "c.json").n == 100
    invoke(*options, "--skip-bad")
