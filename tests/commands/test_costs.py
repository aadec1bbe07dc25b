"""Dry runs, budgets and prices of `nemo-trust score`."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from nemoguardrails_trust.cli import app
from tests.datasets.samples import make_rows, read, write
from tests.servers.openai import OpenAIServer, threaded_server


@pytest.fixture(scope="module")
def server() -> Iterator[OpenAIServer]:
    with threaded_server(OpenAIServer(answer="True")) as running:
        yield running


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")


@pytest.fixture
def score(server: OpenAIServer, tmp_path: Path) -> "Score":
    return Score(server, tmp_path)


class Score:
    """Runs `nemo-trust score` on a model of a server that counts tokens."""

    def __init__(self, server: OpenAIServer, folder: Path) -> None:
        self.server = server
        self.out = folder / "out.jsonl"

    def __call__(self, data: Path, *options: object, out: bool = True) -> Result:
        written = ("--out", self.out) if out else ()
        model = ("--model", "gpt-test", "--base-url", self.server.base_url, "--quality", "low")
        arguments = ("score", data, *written, *model, *options)
        return CliRunner().invoke(app, [str(argument) for argument in arguments])


def tokens_of(path: Path) -> int:
    rows = read(path)
    return sum(row["usage_prompt_tokens"] + row["usage_completion_tokens"] for row in rows)


def test_a_dry_run_tells_what_all_rows_would_take_and_writes_nothing(
    score: Score, tmp_path: Path
) -> None:
    data = write(tmp_path / "data.jsonl", make_rows(200))
    before = len(score.server.bodies)
    dry = score(data, "--dry-run", "--json", out=False)
    assert dry.exit_code == 0, dry.output
    assert len(score.server.bodies) - before == 20
    assert list(tmp_path.iterdir()) == [data]
    assert score(data, "--json").exit_code == 0
    told = json.loads(dry.stdout)
    assert (told["rows"], told["calls"], told["sampled"]["rows"]) == (200, 200, 20)
    assert told["seconds"] > 0.0
    assert told["prompt_tokens"] + told["completion_tokens"] == pytest.approx(
        tokens_of(score.out), rel=0.05
    )


def test_tokens_are_told_by_the_length_of_the_rows(score: Score, tmp_path: Path) -> None:
    """Of 220 rows 20 are long: a sample seldom has the right share of them."""
    rows = [
        {"prompt": f"{i}? " * (400 if i % 11 == 0 else 4), "response": "42"} for i in range(220)
    ]
    data = write(tmp_path / "data.jsonl", rows)
    told = json.loads(score(data, "--dry-run", "--json", out=False).stdout)
    score(data, "--json")
    real = tokens_of(score.out)
    assert told["prompt_tokens"] + told["completion_tokens"] == pytest.approx(real, rel=0.1)


def test_a_dry_run_tells_people_in_two_lines(score: Score, tmp_path: Path) -> None:
    data = write(tmp_path / "data.jsonl", make_rows(30))
    prices = tmp_path / "prices.yaml"
    prices.write_text("gpt-test: {prompt: 1000, completion: 2000}\n", encoding="utf-8")
    result = score(data, "--dry-run", "--prices", prices, "--concurrency", 4, out=False)
    first, second = result.stdout.splitlines()
    assert first.startswith("30 rows: about 30 calls, ")
    assert first.endswith(" with 4 rows at a time")
    assert ", cost " in first
    assert second.startswith("Estimated from 20 rows, which took 20 calls, ")


def test_the_time_is_at_least_what_a_rate_makes_it(score: Score, tmp_path: Path) -> None:
    data = write(tmp_path / "data.jsonl", make_rows(60))
    limits = ("--requests-per-minute", 120, "--tokens-per-minute", 10**9)
    told = json.loads(score(data, "--dry-run", "--json", "--limit", 3, *limits, out=False).stdout)
    assert told["seconds"] >= 1.5


def test_a_dry_run_of_rows_that_cannot_be_used_says_why(score: Score, tmp_path: Path) -> None:
    data = write(tmp_path / "data.jsonl", [{"prompt": "", "response": "42"}] * 3)
    result = score(data, "--dry-run", out=False)
    assert result.exit_code == 1
    assert result.stdout.startswith("3 rows: about 0 calls, 0 + 0 tokens, 0:00 with ")
    assert "3 rows have no score: 3 × the row has nothing in column 'prompt'" in result.stderr


def test_a_run_stops_at_its_budget_and_goes_on_with_a_larger_one(
    score: Score, tmp_path: Path
) -> None:
    data = write(tmp_path / "data.jsonl", make_rows(60))
    told = json.loads(score(data, "--dry-run", "--json", out=False).stdout)
    half = (told["prompt_tokens"] + told["completion_tokens"]) // 2
    before = len(score.server.bodies)
    first = score(data, "--budget", f"{half} tokens")
    spent = len(score.server.bodies) - before
    assert first.exit_code == 1
    assert f"the budget is spent: {spent} rows scored and kept" in first.stderr
    assert 25 <= spent <= 31
    assert not score.out.exists()
    again = score(data, "--budget", f"{half} tokens")
    assert again.exit_code == 1
    assert len(score.server.bodies) - before == spent  # nothing more was spent
    last = score(data, "--budget", "1M tokens")
    assert last.exit_code == 0, last.output
    assert len(score.server.bodies) - before == 60
    assert len(read(score.out)) == 60


def test_a_program_reads_how_far_a_spent_budget_went(score: Score, tmp_path: Path) -> None:
    data = write(tmp_path / "data.jsonl", make_rows(40))
    told = json.loads(score(data, "--dry-run", "--json", out=False).stdout)
    half = (told["prompt_tokens"] + told["completion_tokens"]) // 2
    first = score(data, "--budget", f"{half} tokens", "--json")
    stopped = json.loads(first.stdout)
    assert first.exit_code == 1
    assert stopped["complete"] is False
    assert 15 <= stopped["rows"] == stopped["calls"] <= 21
    rest = json.loads(score(data, "--budget", "1M tokens", "--json").stdout)
    assert (rest["complete"], rest["rows"], rest["resumed"]) == (True, 40, stopped["rows"])


def test_a_budget_of_money_is_counted_at_the_prices(score: Score, tmp_path: Path) -> None:
    data = write(tmp_path / "data.jsonl", make_rows(40))
    prices = tmp_path / "prices.yaml"
    prices.write_text("other: {prompt: 1, completion: 1}\ngpt-test: {prompt: 1e6, completion: 0}\n")
    told = json.loads(score(data, "--dry-run", "--json", "--prices", prices, out=False).stdout)
    assert told["cost"] == told["prompt_tokens"]
    result = score(data, "--prices", prices, "--budget", told["cost"] / 4)
    assert result.exit_code == 1
    rows = int(result.stderr.partition("the budget is spent: ")[2].partition(" rows")[0])
    assert 8 <= rows <= 11


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--budget", "five"), "--budget is 'five'; give money, as in '5.00', or tokens"),
        (
            ("--budget", "5"),
            "--budget 5 is money, which needs prices: give --prices",
        ),
        (("--budget", "5 tokens", "--engine", "ray"), "--budget is for --engine local"),
        (("--prices", "none.yaml"), "none.yaml: cannot be read: No such file"),
        (("--prices", "prices.yaml"), "has no price for 'gpt-test'; did you mean gpt-tested?"),
        (("--prices", "list.yaml"), "list.yaml: the whole: "),
        (("--prices", "bad.yaml"), "bad.yaml: gpt-test.prompt: "),
        (("--prices", "broken.yaml"), "broken.yaml:1: is not YAML: "),
        (
            ("--prices", "prices.yaml", "--price-per-million-prompt-tokens", "1"),
            "give either --prices or --price-per-million-…, not both",
        ),
    ],
)
def test_what_is_wrong_is_told_before_anything_is_spent(
    score: Score,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    options: tuple[str, ...],
    told: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    files = {
        "prices.yaml": "gpt-tested: {prompt: 1, completion: 1}",
        "list.yaml": "[1, 2]",
        "bad.yaml": "gpt-test: {prompt: cheap, completion: 1}",
        "broken.yaml": "{",
    }
    for name, text in files.items():
        Path(name).write_text(text, encoding="utf-8")
    before = len(score.server.bodies)
    result = score(write(tmp_path / "data.jsonl", make_rows(3)), *options)
    assert result.exit_code == 2, result.output
    assert told in result.stderr
    assert len(score.server.bodies) == before


def test_prices_need_a_model(tmp_path: Path) -> None:
    data = write(tmp_path / "data.jsonl", make_rows(1))
    arguments = ["score", str(data), "--out", str(tmp_path / "out.csv"), "--prices", "p.yaml"]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 2
    assert "--prices needs --model" in result.stderr


def test_without_a_dry_run_out_is_needed(score: Score, tmp_path: Path) -> None:
    result = score(write(tmp_path / "data.jsonl", make_rows(1)), out=False)
    assert result.exit_code == 2
    assert "give the file to write: --out OUT" in result.stderr
