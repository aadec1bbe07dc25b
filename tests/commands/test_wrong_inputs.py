"""Whatever is wrong with what a command is given, it says so in words of its own, and ends."""

import shlex
from pathlib import Path

import pytest

from tests.commands.running import COMMANDS, run

FILES = {
    "data.jsonl": '{"prompt": "a?", "response": "1", "correct": 1, "samples": ["1", "2"]}\n',
    "scored.jsonl": '{"prompt": "a?", "trustworthiness_score": 0.9, "correct": 1}\n'
    '{"prompt": "b?", "trustworthiness_score": 0.2, "correct": 0}\n',
    "empty.jsonl": "",
    "torn.jsonl": "{torn\n",
    "text.json": '"text"',
    "bad.parquet": "this is no Parquet",
    "bad.xlsx": "nor a workbook",
    "calibration.json": "{}",
    "torn.calibration": "[1",
    "list.calibration": "[1]",
    "nan.yml": "m: {prompt: .nan, completion: 1}",
    "infinite.yml": "m: {prompt: 1, completion: .inf}",
    "negative.yml": "m: {prompt: -1, completion: 1}",
    "words.yml": "m: {prompt: 0.15 USD, completion: 1}",
    "true.yml": "m: {prompt: true, completion: 1}",
    "number.yml": "m: 3",
    "torn.yml": "[a",
    "backends.yml": "backends: 5",
    "unknown.yml": "nonsense: 1",
    "list.yml": "- a",
    "number/config.yml": "models: [5]",
    "unset/config.yml": "models: [{type: main}]",
    "torn/config.yml": "{a",
    "list/config.yml": "- a",
    "range/config.yml": "import_paths: [nemoguardrails_trust/rail]\n"
    "rails: {output: {flows: [cleanlab trustworthiness]}}\n"
    "custom_data: {trust: {threshold: 7, quality: great, evaluations: [foo]}}\n",
}
PRICED = "score data.jsonl --model m --out out.jsonl --prices"
REPLAY = "score data.jsonl --model replay --out out.jsonl"
WRONG = (
    "nothing",
    "--nothing",
    "rail-path x",
    "schema",
    "schema foo",
    "examples",
    "examples data.jsonl",
    "demo --turns 0",
    "demo --turns many",
    "demo --quality high",
    "demo --model m --quality great",
    "demo --model m --base-url nope",
    "check",
    "check none",
    "check data.jsonl",
    "check number",
    "check unset",
    "check torn",
    "check list",
    "check range",
    "check range --question x",
    "init",
    "init none --yes",
    "init torn --yes",
    "init list --yes",
    "score",
    "score none.jsonl --model replay --out out.jsonl",
    "score empty.jsonl --model replay --out out.jsonl",
    "score torn.jsonl --model replay --out out.jsonl",
    "score text.json --model replay --out out.jsonl",
    "score bad.parquet --model replay --out out.jsonl",
    "score bad.xlsx --model replay --out out.jsonl",
    "score . --model replay --out out.jsonl",
    "score data.jsonl --model replay",
    "score data.jsonl --out out.jsonl",
    "score data.jsonl --model replay --out out.pdf",
    "score data.jsonl --model replay --out none/out.jsonl",
    "score data.jsonl --model m --out out.jsonl --base-url nope",
    "score data.jsonl --model m --out out.jsonl --cache data.jsonl",
    "score data.jsonl --model m --out out.jsonl --cache-megabytes nan",
    "score data.jsonl --model m --out out.jsonl --evaluation foo",
    "score data.jsonl --scorer none:scorer --out out.jsonl",
    "score data.jsonl --scorer json:loads --out out.jsonl",
    f"{REPLAY} --evaluation query_ease",
    f"{REPLAY} --quality great",
    f"{REPLAY} --threshold 2",
    f"{REPLAY} --threshold high",
    f"{REPLAY} --samples 0",
    f"{REPLAY} --samples many",
    f"{REPLAY} --limit -1",
    f"{REPLAY} --timeout nan",
    f"{REPLAY} --engine spark",
    f"{REPLAY} --log-level loud",
    f"{REPLAY} --encoding latin-99",
    f"{REPLAY} --prompt-column x",
    f"{REPLAY} --fail-if flagged=nan",
    f"{REPLAY} --budget lots",
    f"{REPLAY} --price-per-million-prompt-tokens nan",
    f"{REPLAY} --price-per-million-prompt-tokens -1",
    f"{REPLAY} --price-per-million-completion-tokens inf",
    f"{REPLAY} --calibration none.json",
    f"{REPLAY} --calibration calibration.json",
    f"{REPLAY} --calibration torn.calibration",
    f"{REPLAY} --calibration list.calibration",
    f"{PRICED} nan.yml",
    f"{PRICED} infinite.yml",
    f"{PRICED} negative.yml",
    f"{PRICED} words.yml",
    f"{PRICED} true.yml",
    f"{PRICED} number.yml",
    f"{PRICED} torn.yml",
    "evaluate data.jsonl",
    "evaluate data.jsonl --model replay --label-column x",
    "evaluate data.jsonl --model replay --gold-column x",
    "evaluate scored.jsonl --label-column prompt",
    "evaluate scored.jsonl --score-column prompt",
    "evaluate scored.jsonl --fail-under auroc=high",
    "evaluate scored.jsonl --calibration calibration.json",
    "calibrate --out c.json",
    "calibrate scored.jsonl",
    "calibrate scored.jsonl --out c.json",
    "calibrate scored.jsonl --out c.json --target precision=7",
    "calibrate --live m --questions 3 --out c.json",
    "compare scored.jsonl",
    "compare scored.jsonl torn.jsonl",
    "compare scored.jsonl scored.jsonl --threshold nan",
    "report data.jsonl",
    "report scored.jsonl --out x.pdf",
    "report scored.jsonl --group-by x",
    "report scored.jsonl --prices nan.yml",
    "report scored.jsonl --price-per-million-prompt-tokens inf",
    "langfuse --since yesterday --model m",
    "langfuse --from monday --model m",
    "langfuse --from 2026-01-02 --to 2026-01-01 --model m",
    "langfuse --filter [1] --model m",
    "langfuse --page-size 500 --model m",
    "langfuse --lookback 5m --model m",
    "langfuse --score-name '' --model m",
    "serve",
    "serve --config none.yml",
    "serve --config backends.yml",
    "serve --config unknown.yml",
    "serve --config list.yml",
    "serve --model replay --port 99999",
    "serve --model replay --recorded torn.jsonl",
    "serve --model replay --host 0.0.0.0",
)
NOT_FOR_PEOPLE = (
    "Value error",
    "Traceback",
    "Input should",
    "pydantic",
    "<class",
    "Field required",
)


@pytest.mark.parametrize("arguments", WRONG)
def test_what_is_wrong_is_said_in_plain_words_and_nothing_is_done(
    arguments: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("OPENAI_API_KEY", "LANGFUSE_PUBLIC_KEY", "LANGFUSE_SECRET_KEY"):
        monkeypatch.setenv(name, "sk-test")
    monkeypatch.chdir(tmp_path)
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    result = run(*shlex.split(arguments))
    assert isinstance(result.exception, SystemExit), result.exception
    assert result.exit_code == (1 if arguments.startswith("check ") and not result.stderr else 2)
    said = result.stderr + result.stdout
    assert said.strip()
    assert [words for words in NOT_FOR_PEOPLE if words in said] == []
    there = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert there == set(FILES)


def test_every_command_is_given_something_wrong() -> None:
    assert {arguments.split()[0] for arguments in WRONG} >= set(COMMANDS)


@pytest.mark.parametrize("name", ["nan", "infinite", "negative", "words", "true"])
def test_a_price_that_is_none_is_refused_with_its_place_and_how_prices_are_written(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    monkeypatch.chdir(tmp_path)
    for file in ("data.jsonl", f"{name}.yml"):
        (tmp_path / file).write_text(FILES[file], encoding="utf-8")
    told = run(*shlex.split(f"{PRICED} {name}.yml")).stderr
    key = "completion" if name == "infinite" else "prompt"
    assert told.startswith(f"nemo-trust: {name}.yml: m.{key}: it must be ")
    assert told.endswith("; prices are written as 'NAME: {prompt: 0.15, completion: 0.60}'\n")


def test_a_value_is_told_once() -> None:
    told = run("score", "data.jsonl", "--model", "m", "--evaluation", "foo").stderr
    assert told.startswith("nemo-trust: --evaluation: there is no evaluation 'foo'; choose from ")


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("faithfulness", "response_groundedness"),
        ("Answer Relevancy", "response_helpfulness"),
        ("contextual-recall", "context_sufficiency"),
        ("query_easy", "query_ease"),
    ],
)
def test_the_evaluation_is_named_that_is_nearest_to_what_other_tools_have(
    name: str, nearest: str
) -> None:
    told = run("score", "data.jsonl", "--model", "m", "--evaluation", name).stderr
    assert f"there is no evaluation {name!r} ({nearest} is nearest); choose from " in told
