"""`nemo-trust init` adds the rail to configurations as people write them, and takes it out."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nemoguardrails import LLMRails, RailsConfig
from ruamel.yaml import YAML
from typer.testing import CliRunner, Result

from nemoguardrails_trust.cli import app
from nemoguardrails_trust.errors import DataError
from nemoguardrails_trust.guardrail.plugin import register
from nemoguardrails_trust.guardrail.setup import Change, _edited, _with_rail, _without_rail, changes

FLOW = "cleanlab trustworthiness"
PLAIN = """\
# Our support bot. Ask Kim before you change it.
models:
  - type: main          # the cheap one
    engine: openai
    model: "gpt-4o-mini"

instructions:
  - type: general
    content: |
      Answer in a few words.

      Be kind.
"""
WITH_RAILS = f"""{PLAIN}
rails:
  input:
    flows:
      - self check input   # keep this first
  output:
    flows:
      - self check output
  config: {{}}
"""
UNINDENTED = """\
import_paths:
- ours/rail
rails:
  output:
    flows: [self check output]  # more to come
models: []
"""
REMARKED = """\
models: []  # none yet
rails:
  output:
    flows:
      - self check output  # first
      # what follows is about dialogs

  dialog: {single_call: {enabled: true}}
# The end.
"""
BUILT_IN = """\
models: []
rails:
  output:
    flows:
      - cleanlab trustworthiness $threshold=0.7
"""
ENDED = "models: []\n\n# The end.\n"
CONFIGURATIONS = [
    *(PLAIN, WITH_RAILS, UNINDENTED, REMARKED, ENDED),
    *("models: []\n", "", "# only a remark\n"),
]
NAMES = ["plain", "with rails", "unindented", "remarked", "ended", "short", "empty", "remark"]

COLANG = """\
import core

flow main
  activate greeting

flow greeting
  user said "hi"
  bot say "hello"
"""
WITH_OUTPUT = """\
import core
import guardrails

flow main
  activate greeting

flow output rails $output_text
    # ours
    check length $output_text

flow greeting
  user said "hi"
  bot say "hello"
"""


def init(folder: Path, *options: str, answer: str = "") -> Result:
    return CliRunner().invoke(app, ["init", str(folder), *options], input=answer)


@pytest.mark.parametrize("text", CONFIGURATIONS, ids=NAMES)
def test_only_lines_that_the_rail_needs_come(tmp_path: Path, text: str) -> None:
    path = tmp_path / "config.yml"
    path.write_text(text, encoding="utf-8")
    assert init(tmp_path, "--yes").exit_code == 0
    written = path.read_text("utf-8")
    data = YAML(typ="safe").load(written)
    assert "nemoguardrails_trust/rail" in data["import_paths"]
    assert data["rails"]["output"]["flows"][-1] == FLOW
    kept = [line for line in text.splitlines() if "flows: [" not in line]
    lines = written.splitlines()
    assert [line for line in kept if line not in lines] == []


@pytest.mark.parametrize("text", CONFIGURATIONS, ids=NAMES)
def test_remove_undoes_it(tmp_path: Path, text: str) -> None:
    path = tmp_path / "config.yml"
    path.write_text(text, encoding="utf-8")
    init(tmp_path, "--yes")
    assert path.read_text("utf-8") != text
    assert init(tmp_path, "--remove", "--yes").exit_code == 0
    left = path.read_text("utf-8")
    assert YAML(typ="safe").load(left) == (
        YAML(typ="safe").load(text) or (None if left == text else {})
    )
    if text in (PLAIN, WITH_RAILS, REMARKED, ENDED, "models: []\n"):
        assert left == text  # elsewhere blanks may differ


def test_remarks_stay_with_what_they_are_about(tmp_path: Path) -> None:
    path = tmp_path / "config.yml"
    path.write_text(REMARKED, "utf-8")
    assert init(tmp_path, "--yes").exit_code == 0
    flow = "      - self check output  # first\n"
    written = path.read_text("utf-8")
    assert f"{flow}      - {FLOW}\n      # what follows is about dialogs\n" in written
    assert written.endswith("\n# The end.\n")


def test_the_difference_is_shown_and_nothing_written_without_a_yes(tmp_path: Path) -> None:
    path = tmp_path / "config.yml"
    path.write_text(WITH_RAILS, encoding="utf-8")
    result = init(tmp_path)
    assert result.exit_code == 1
    added = [line for line in result.stdout.splitlines() if line.startswith("+")]
    assert added[1:] == [
        "+import_paths: [nemoguardrails_trust/rail]",
        "+      - cleanlab trustworthiness",
    ]
    assert "give --yes" in result.stderr
    assert path.read_text("utf-8") == WITH_RAILS


def test_given_again_it_does_nothing(tmp_path: Path) -> None:
    path = tmp_path / "config.yml"
    path.write_text(PLAIN, encoding="utf-8")
    assert init(tmp_path, "--remove").stdout == "The rail is not in it.\n"
    init(tmp_path, "--yes")
    once = path.read_text("utf-8")
    assert init(tmp_path).stdout == "The rail is in it already.\n"
    assert path.read_text("utf-8") == once


def test_a_configuration_with_the_built_in_rail_keeps_its_line(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(BUILT_IN, encoding="utf-8")
    (change,) = changes(tmp_path)
    assert change.after == f"import_paths: [nemoguardrails_trust/rail]\n{BUILT_IN}"


@pytest.mark.parametrize("text", [COLANG, WITH_OUTPUT, ""], ids=["plain", "with rails", "none"])
def test_colang_2_gets_its_imports_and_its_call_and_loses_them_again(
    tmp_path: Path, text: str
) -> None:
    (tmp_path / "config.yml").write_text('colang_version: "2.x"\n', encoding="utf-8")
    path = tmp_path / "main.co"
    path.write_text(text, encoding="utf-8")
    assert init(tmp_path, "--yes").exit_code == 0
    written = path.read_text("utf-8")
    lines = written.splitlines()
    assert "import nemoguardrails_trust.rail" in lines
    assert lines.count("import guardrails") == text.count("import guardrails")
    assert [line for line in text.splitlines() if line not in lines] == []
    call = lines.index(next(line for line in lines if line.strip() == FLOW))
    assert lines[call - 1] in ("flow output rails $output_text", "    check length $output_text")
    init(tmp_path, "--remove", "--yes")
    assert path.read_text("utf-8") == text


def test_the_import_of_the_built_in_rail_goes(tmp_path: Path) -> None:
    (tmp_path / "config.yml").write_text('colang_version: "2.x"\n', encoding="utf-8")
    text = f"import nemoguardrails.library.cleanlab\n{WITH_OUTPUT}"
    (tmp_path / "main.co").write_text(text, encoding="utf-8")
    (change,) = changes(tmp_path)
    assert "library.cleanlab" not in change.after


ANSWERS = '{"prompt": "Who wrote Faust?", "response": "Goethe", "samples": ["Schiller", "Kant"]}\n'
MODELS = """\
models:
  - {type: main, engine: replay, model: m, parameters: {recorded: recorded.jsonl}}
"""


@pytest.mark.parametrize("version", ["1.0", "2.x"])
async def test_a_bot_that_was_set_up_so_checks_its_answers(tmp_path: Path, version: str) -> None:
    register()
    (tmp_path / "recorded.jsonl").write_text(ANSWERS, encoding="utf-8")
    (tmp_path / "config.yml").write_text(f'colang_version: "{version}"\n{MODELS}', encoding="utf-8")
    if version == "2.x":
        example = Path(__file__).parents[2] / "examples" / "trivia_colang2" / "main.co"
        text = example.read_text("utf-8").partition("flow output rails")[0]
        text = text.replace("import nemoguardrails_trust.rail\n", "")
        (tmp_path / "main.co").write_text(text, encoding="utf-8")
    for change in changes(tmp_path):
        change.apply()
    rails = LLMRails(RailsConfig.from_path(str(tmp_path)))
    turn = [{"role": "user", "content": "Who wrote Faust?"}]
    said = (await rails.generate_async(messages=turn))["content"]
    assert said.startswith("Goethe")
    assert "CAUTION" in said


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("config.yml", "- a list\n", "is not a NeMo Guardrails configuration"),
        ("config.yml", "models: [\n", "is not YAML"),
        ("other.yml", "models: []\n", "has no config.yml"),
    ],
)
def test_what_cannot_be_set_up_is_told(tmp_path: Path, name: str, text: str, told: str) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    result = init(tmp_path, "--yes")
    assert result.exit_code == 2
    assert told in result.stderr


@pytest.mark.parametrize("remove", [False, True])
@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("rails: 5\n", "`rails` must be a mapping"),
        ("rails: [a]\n", "`rails` must be a mapping"),
        ("rails: {output: off}\n", "`rails.output` must be a mapping"),
        ("rails: {output: {flows: self check}}\n", "`rails.output.flows` must be a list"),
        ("import_paths: ours\n", "`import_paths` must be a list"),
    ],
)
def test_a_configuration_of_another_shape_is_told_and_stays(
    tmp_path: Path, text: str, told: str, remove: bool
) -> None:
    path = tmp_path / "config.yml"
    path.write_text(text)
    options = ["--remove"] if remove else []
    result = CliRunner().invoke(app, ["init", str(tmp_path), "--yes", *options])
    assert result.exit_code == 2
    assert f"{path}: {told}" in " ".join(result.stderr.split())
    assert path.read_text() == text


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("config.yml", PLAIN),
        ("main.co", "import core\n\nflow main\n  activate llm continuation\n"),
    ],
)
def test_lines_end_as_they_did_on_windows(tmp_path: Path, name: str, text: str) -> None:
    before = text.replace("\n", "\r\n").encode()
    if name == "main.co":
        (tmp_path / "config.yml").write_text('colang_version: "2.x"\n')
    (tmp_path / name).write_bytes(before)
    shown = CliRunner().invoke(app, ["init", str(tmp_path), "--yes"]).stdout
    assert not [line for line in shown.splitlines() if line.startswith("-") and line[1:2] != "-"]
    after = (tmp_path / name).read_bytes()
    assert after.count(b"\n") == after.count(b"\r\n") > before.count(b"\n")
    CliRunner().invoke(app, ["init", str(tmp_path), "--yes", "--remove"])
    assert (tmp_path / name).read_bytes() == before


def test_the_rail_goes_into_the_file_that_has_the_rails(tmp_path: Path) -> None:
    """NeMo Guardrails takes the `rails` of one file, whatever the others say."""
    models = "models: [{type: main, engine: openai, model: gpt-4o-mini}]\n"
    rails = "rails:\n  output:\n    flows:\n      # keep me\n      - mine\n"
    (tmp_path / "config.yml").write_text(models, encoding="utf-8")
    (tmp_path / "more").mkdir()
    other = tmp_path / "more" / "rails.yml"
    other.write_text(rails, encoding="utf-8")
    (tmp_path / "mine.co").write_text("define flow mine\n  bot say hi\n", encoding="utf-8")
    assert init(tmp_path, "--yes").exit_code == 0
    register()
    config = RailsConfig.from_path(str(tmp_path))
    assert config.rails.output.flows == ["mine", FLOW]
    assert "nemoguardrails_trust/rail" in config.import_paths
    assert init(tmp_path, "--remove", "--yes").exit_code == 0
    assert other.read_text("utf-8") == rails
    assert (tmp_path / "config.yml").read_text("utf-8") == models
    (tmp_path / "config.yml").write_text(models + rails, encoding="utf-8")
    result = init(tmp_path, "--yes")
    assert result.exit_code == 2
    assert "config.yml and more/rails.yml have `rails`" in result.stderr


def test_a_file_that_changed_meanwhile_is_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "config.yml"
    path.write_text(PLAIN, encoding="utf-8")
    (change,) = changes(path)
    path.write_text(WITH_RAILS, encoding="utf-8")
    with pytest.raises(DataError, match="has changed in the meantime"):
        change.apply()
    assert Change(path, "a", "b").difference().count("\n") == 5


names = st.text("abcxyz", min_size=1, max_size=5)
scalars = st.integers() | st.booleans() | names


@given(
    st.dictionaries(names, scalars | st.lists(scalars, max_size=3), max_size=4),
    st.lists(names, max_size=3),
)
@settings(max_examples=40)
def test_any_configuration_gets_the_rail_and_loses_it(
    others: dict[str, object], flows: list[str]
) -> None:
    import yaml

    data: dict[str, object] = {**others, "rails": {"output": {"flows": flows}}} if flows else others
    text = yaml.safe_dump(data, sort_keys=False)
    with_rail = _edited(text, _with_rail)
    read = yaml.safe_load(with_rail)
    assert read["rails"]["output"]["flows"] == [*flows, FLOW]
    assert {name: read[name] for name in others} == others
    assert yaml.safe_load(_edited(with_rail, _without_rail)) == data


def test_the_examples_are_copied_and_run(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    result = CliRunner().invoke(app, ["examples", str(folder)])
    assert result.exit_code == 0, result.output
    source = Path(__file__).parents[2] / "examples"
    names = sorted(path.name for path in source.iterdir() if path.is_dir())
    assert sorted(path.name for path in folder.iterdir()) == names
    assert [line.split()[0] for line in result.stdout.splitlines()] == [
        str(folder / name) for name in names
    ]
    register()
    RailsConfig.from_path(str(folder / "trivia_colang2"))

    mine = folder / "trivia" / "config.yml"
    mine.write_text("mine", encoding="utf-8")
    (folder / "trivia" / "README.md").unlink()
    again = CliRunner().invoke(app, ["examples", str(folder)])
    assert (again.exit_code, again.stderr) == (0, "")
    assert mine.read_text(encoding="utf-8") == "mine"
    assert (folder / "trivia" / "README.md").is_file()
    again = CliRunner().invoke(app, ["examples", str(folder)])
    assert again.stderr == f"nemo-trust: all examples are in {folder} already\n"
    again = CliRunner().invoke(app, ["examples", str(mine)])
    assert again.exit_code == 2
    assert "cannot be written" in again.stderr
