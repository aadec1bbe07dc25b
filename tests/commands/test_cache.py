"""`--cache DIR`: a second run asks nothing that the first one asked."""

import json
from pathlib import Path

import pytest

from tests.commands.running import run
from tests.datasets.samples import make_rows, read, write
from tests.servers.openai import OpenAIServer, threaded_server


def test_a_second_run_costs_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    data = write(tmp_path / "data.jsonl", make_rows(5))
    with threaded_server(OpenAIServer(answer="True")) as server:
        model = ("--model", "gpt-test", "--base-url", server.base_url)
        cache = ("--cache", tmp_path / "cache", "--json")
        first = run("score", data, "--out", tmp_path / "1.jsonl", *model, *cache)
        second = run("score", data, "--out", tmp_path / "2.jsonl", *model, *cache)
        asked = len(server.bodies)
    assert first.exit_code == second.exit_code == 0, first.output
    assert asked == json.loads(first.stdout)["calls"] == 10
    assert json.loads(second.stdout)["calls"] == 0
    scores = [
        [row["trustworthiness_score"] for row in read(tmp_path / f"{number}.jsonl")]
        for number in (1, 2)
    ]
    assert scores[0] == scores[1]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--model", "replay"), "--cache cannot be used with --model replay"),
        (("--scorer", "cleanlab-tlm"), "--cache is for the local scorer"),
    ],
)
def test_it_is_refused_where_it_does_nothing(
    tmp_path: Path, options: tuple[str, ...], told: str
) -> None:
    data = write(tmp_path / "data.jsonl", make_rows(1))
    result = run("score", data, "--out", tmp_path / "o.csv", "--cache", tmp_path / "c", *options)
    assert result.exit_code == 2
    assert told in result.stderr


def test_its_size_without_it_is_refused(tmp_path: Path) -> None:
    data = write(tmp_path / "data.jsonl", make_rows(1))
    model = ("--model", "m", "--base-url", "http://127.0.0.1:1/v1")
    result = run("score", data, "--out", tmp_path / "o.csv", *model, "--cache-megabytes", "5")
    assert result.exit_code == 2
    assert "--cache-megabytes needs --cache" in result.stderr
