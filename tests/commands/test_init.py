"""`nemo-trust init` adds the rail to configurations as people write them, and takes it out."""

import os
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from nemoguardrails import LLMRails, RailsConfig
from typer.testing import CliRunner, Result

from nemoguardrails_trust.cli import app
from nemoguardrails_trust.errors import DataError
from nemoguardrails_trust.guardrail.plugin import register
from nemoguardrails_trust.guardrail.setup import Change, changes
from nemoguardrails_trust.guardrail.yaml_lists import with_value, without_values

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
CONFIGURATIONS = {
    "plain": PLAIN,
    "with rails": WITH_RAILS,
    "unindented": UNINDENTED,
    "remarked": REMARKED,
    "remark at the end": "models: []\n\n# The end.\n",
    "short": "models: []\n",
    "empty": "",
    "only a remark": "# only a remark\n",
    "no end of line": "models: []\nrails:\n  output:\n    flows:\n      - mine",
    "one line without an end": "models: []",
    "blank lines": "models:   []\n\n\nrails:\n  output:\n    flows:\n    - mine\n\n\n",
    "document marks": "%YAML 1.1\n---\nmodels: []\n...\n",
    "byte order mark": "\ufeffmodels: []\n",
    "braces": "models: [ {type:   main} ]\nrails: { output: { flows: [ mine ] } }\n",
    "no output rails": "models: []\nrails: {input: {flows: [theirs]}}  # only these\n",
    "empty rails": "models: []\nrails: { }  # none\n",
    "empty output": "models: []\nrails: {output: {}}\n",
    "empty list": "import_paths: []\nrails:\n  output:\n    flows: [ ]  # none\n",
    "list over lines": "rails:\n  output:\n    flows: [\n      a,\n      'b',   # last\n    ]\n",
    "JSON": '{\n  "models": [],\n  "rails": {"output": {"flows": ["mine"]}}\n}\n',
    "wide": "rails:\n        input:\n                flows:\n                        - a\n",
    "quoted keys": '\'models\': []\n"rails":\n  "output":\n    "flows": [\'mine\']\n',
    "remarks on every line": """\
models: # m
# outside
  # inside
  - type: main  # t
# before rails
rails:   # r
  # before input
  input:    # i
    # before flows
    flows:   # f
      - theirs   # a!
      # - switched off
    # after flows
  # after input
# after rails
""",
    "text": "instructions:\n  - content: |+\n      kept\n\n\nsample_conversation: |\n  hi\n\n",
    "odd values": "x: 0x1F\ny: yes\nz: 'it''s'\nw: >-\n  folded\n  text\nt: 2026-01-01\n",
    "anchors": "base: &b\n  engine: nim\nmodels:\n  - <<: *b\nrails: &r\n  input: {}\n",
}

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


@pytest.fixture(params=["\n", "\r\n"], ids=["LF", "CRLF"])
def line_end(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.mark.parametrize("text", CONFIGURATIONS.values(), ids=CONFIGURATIONS)
def test_the_rail_comes_nothing_else_changes_and_remove_gives_back_every_byte(
    tmp_path: Path, text: str, line_end: str
) -> None:
    path = tmp_path / "config.yml"
    before = text.replace("\n", line_end).encode()
    path.write_bytes(before)
    assert init(tmp_path, "--yes").exit_code == 0
    written = path.read_bytes()
    data = yaml.safe_load(written)
    assert data.pop("import_paths")[-1] == "nemoguardrails_trust/rail"
    rails = data.pop("rails")
    assert rails["output"]["flows"][-1] == FLOW
    was = yaml.safe_load(before) or {}
    assert rails.get("input") == (was.get("rails") or {}).get("input")
    assert data == {key: was[key] for key in was if key not in ("import_paths", "rails")}
    letters = iter(written)
    assert all(letter in letters for letter in before)
    assert b"\r" not in before or written.count(b"\r\n") == written.count(b"\n")
    assert init(tmp_path, "--remove", "--yes").exit_code == 0
    assert path.read_bytes() == before


SHARED = "`rails.output.flows` cannot be edited without changing something else"


@pytest.mark.parametrize(
    "text",
    [
        "rails:\n  output:\n    flows: &f\n      - a\n  input:\n    flows: *f\n",
        "x: &f [a]\nrails: {output: {flows: *f}}\n",
        "x: &r\n  output: {flows: [a]}\nrails:\n  <<: *r\n  input: {flows: [b]}\n",
    ],
    ids=["anchor", "alias", "merge"],
)
def test_a_list_that_is_used_twice_is_left_and_told(tmp_path: Path, text: str) -> None:
    path = tmp_path / "config.yml"
    path.write_text(text)
    result = init(tmp_path, "--yes")
    assert result.exit_code == 2
    told = " ".join(result.stderr.split())
    assert f"{path}: {SHARED}" in told
    assert f"so that it is [a, {FLOW}]" in told
    assert path.read_text() == text


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
    assert "use --yes" in result.stderr
    assert path.read_text("utf-8") == WITH_RAILS


def test_the_next_command_names_the_folder(tmp_path: Path) -> None:
    folder = tmp_path / "my bot"
    folder.mkdir()
    path = folder / "config.yml"
    path.write_text(PLAIN, encoding="utf-8")
    assert init(path, "--yes").stdout.endswith(f"Next: nemo-trust check '{folder}'\n")


def test_given_again_it_does_nothing(tmp_path: Path) -> None:
    path = tmp_path / "config.yml"
    path.write_text(PLAIN, encoding="utf-8")
    assert init(tmp_path, "--remove").stdout == f"Nothing to do: the rail is not in {tmp_path}.\n"
    init(tmp_path, "--yes")
    once = path.read_text("utf-8")
    assert init(tmp_path).stdout == f"Nothing to do: the rail is already in {tmp_path}.\n"
    assert path.read_text("utf-8") == once


@pytest.mark.parametrize(
    "paths", ["", "import_paths: [ours]  # ours\n", "import_paths:\n  - ours\n"]
)
def test_the_built_in_rail_is_there_again_after_remove(
    tmp_path: Path, paths: str, line_end: str
) -> None:
    path = tmp_path / "config.yaml"
    before = f"{paths}{BUILT_IN}".replace("\n", line_end).encode()
    path.write_bytes(before)
    assert init(tmp_path, "--yes").exit_code == 0
    data = yaml.safe_load(path.read_bytes())
    assert "nemoguardrails_trust/rail" in data["import_paths"]
    assert data["rails"] == yaml.safe_load(BUILT_IN)["rails"]
    assert b"  # instead of the built-in rail" in path.read_bytes()
    assert init(tmp_path, "--remove", "--yes").exit_code == 0
    assert path.read_bytes() == before


@pytest.mark.parametrize("version", ["1.0", "2.x"])
def test_the_built_in_rail_is_never_removed(tmp_path: Path, version: str) -> None:
    config, main = tmp_path / "config.yml", tmp_path / "main.co"
    colang = f"import nemoguardrails.library.cleanlab\n\nflow output rails $output_text\n  {FLOW}\n"
    config.write_text(BUILT_IN if version == "1.0" else 'colang_version: "2.x"\n', "utf-8")
    main.write_text("" if version == "1.0" else colang, "utf-8")
    before = (config.read_bytes(), main.read_bytes())
    shown = init(tmp_path, "--remove", "--yes").stdout
    assert shown == f"Nothing to do: the rail is not in {tmp_path}.\n"
    assert (config.read_bytes(), main.read_bytes()) == before


def test_the_path_that_rail_path_prints_counts_as_the_rail(tmp_path: Path) -> None:
    printed = CliRunner().invoke(app, ["rail-path"]).stdout.strip()
    path = tmp_path / "config.yml"
    path.write_text(f"import_paths: [{printed}]\nmodels: []\n", "utf-8")
    assert init(tmp_path, "--yes").exit_code == 0
    assert yaml.safe_load(path.read_bytes())["import_paths"] == [printed]
    assert init(tmp_path, "--remove", "--yes").exit_code == 0
    assert path.read_text("utf-8") == "models: []\n"


@pytest.mark.parametrize("empty", ["rails:", "rails:\n  output:", "rails:\n  output:\n    flows:"])
def test_keys_without_a_value_which_nemo_guardrails_refuses_go_with_the_rail(
    tmp_path: Path, empty: str
) -> None:
    path = tmp_path / "config.yml"
    path.write_text(f"models: []\n{empty}\n", "utf-8")
    with pytest.raises((AttributeError, TypeError)):
        RailsConfig.from_path(str(tmp_path))
    assert init(tmp_path, "--yes").exit_code == 0
    assert RailsConfig.from_path(str(tmp_path)).rails.output.flows == [FLOW]
    assert init(tmp_path, "--remove", "--yes").exit_code == 0
    assert path.read_text("utf-8") == "models: []\n"


def test_remove_takes_out_the_rail_on_tool_calls_too(tmp_path: Path) -> None:
    path = tmp_path / "config.yml"
    others = "models: []\nrails:\n  tool_output:\n    flows:\n      - mine\n"
    path.write_text(f"{others}      - cleanlab trustworthiness tool calls\n", "utf-8")
    assert init(tmp_path, "--yes").exit_code == 0
    assert init(tmp_path, "--remove", "--yes").exit_code == 0
    assert path.read_text("utf-8") == others


COLANG_FILES = {
    "plain": COLANG,
    "with rails": WITH_OUTPUT,
    "none": "",
    "no end of line": COLANG.rstrip("\n"),
    "blank lines": f"\n{COLANG}\n\n",
    "rails at the end": f"{WITH_OUTPUT.partition('flow greeting')[0].rstrip()}",
    "no imports": COLANG.partition("\n\n")[2],
}


@pytest.mark.parametrize("text", COLANG_FILES.values(), ids=COLANG_FILES)
def test_colang_2_gets_its_import_and_its_call_and_loses_them_again(
    tmp_path: Path, text: str, line_end: str
) -> None:
    (tmp_path / "config.yml").write_text('colang_version: "2.x"\n', encoding="utf-8")
    path = tmp_path / "main.co"
    before = text.replace("\n", line_end).encode()
    path.write_bytes(before)
    assert init(tmp_path, "--yes").exit_code == 0
    lines = path.read_text("utf-8").splitlines()
    assert lines.count("import nemoguardrails_trust.rail") == 1
    assert lines.count("import guardrails") == text.count("import guardrails")
    assert [line for line in text.splitlines() if line not in lines] == []
    call = lines.index(next(line for line in lines if line.strip() == FLOW))
    assert lines[call - 1] in ("flow output rails $output_text", "    check length $output_text")
    init(tmp_path, "--remove", "--yes")
    assert path.read_bytes() == before


def test_a_colang_file_that_was_made_for_the_rail_goes_with_it(tmp_path: Path) -> None:
    (tmp_path / "config.yml").write_text('colang_version: "2.x"\n', encoding="utf-8")
    path = tmp_path / "main.co"
    assert init(tmp_path, "--yes").exit_code == 0
    assert FLOW in path.read_text("utf-8")
    shown = init(tmp_path, "--remove", "--yes")
    assert shown.exit_code == 0
    assert f"--- {path}\n+++ {os.devnull}\n" in shown.stdout
    assert [found.name for found in tmp_path.iterdir()] == ["config.yml"]


def test_what_was_written_to_the_made_file_since_stays(tmp_path: Path) -> None:
    (tmp_path / "config.yml").write_text('colang_version: "2.x"\n', encoding="utf-8")
    path = tmp_path / "main.co"
    init(tmp_path, "--yes")
    own = '\nflow greeting\n  bot say "hello"\n'
    path.write_text(path.read_text("utf-8") + own, encoding="utf-8")
    assert init(tmp_path, "--remove", "--yes").exit_code == 0
    assert path.read_text("utf-8").strip() == own.strip()


@pytest.mark.parametrize("call", [f"\nflow output rails $output_text\n  {FLOW}\n", ""])
def test_in_colang_2_the_built_in_rail_is_there_again_after_remove(
    tmp_path: Path, line_end: str, call: str
) -> None:
    (tmp_path / "config.yml").write_text('colang_version: "2.x"\n', encoding="utf-8")
    path = tmp_path / "main.co"
    built_in = "import nemoguardrails.library.cleanlab"
    text = f"import core\n{built_in}  # the hosted one\n{call}"
    before = text.replace("\n", line_end).encode()
    path.write_bytes(before)
    assert init(tmp_path, "--yes").exit_code == 0
    ours = "import nemoguardrails_trust.rail  # instead of nemoguardrails.library.cleanlab"
    if call:
        assert path.read_text("utf-8") == text.replace(built_in, ours)
    else:
        assert f"{ours}, which no flow called  # the hosted one\n" in path.read_text("utf-8")
        assert path.read_text("utf-8").count(FLOW) == 1
    assert init(tmp_path, "--remove", "--yes").exit_code == 0
    assert path.read_bytes() == before


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


def test_a_folder_that_is_not_there_is_told_so(tmp_path: Path) -> None:
    result = init(tmp_path / "absent")
    assert result.exit_code == 2
    assert f"{tmp_path / 'absent'}: there is no such folder" in " ".join(result.stderr.split())


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


def test_a_file_keeps_its_permissions_and_a_link_leads_where_it_did(tmp_path: Path) -> None:
    config = tmp_path / "config.yml"
    config.symlink_to("ours.yml")
    ours = tmp_path / "ours.yml"
    ours.write_text(PLAIN, encoding="utf-8")
    ours.chmod(0o640)
    assert init(config, "--yes").exit_code == 0
    assert config.is_symlink()
    assert ours.stat().st_mode & 0o777 == 0o640
    assert FLOW in ours.read_text("utf-8")


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
    data: dict[str, object] = {**others, "rails": {"output": {"flows": flows}}} if flows else others
    text = yaml.safe_dump(data, sort_keys=False, default_flow_style=None)
    with_rail = with_value(text, ("rails", "output", "flows"), FLOW)
    read = yaml.safe_load(with_rail)
    assert read["rails"]["output"]["flows"] == [*flows, FLOW]
    assert {name: read[name] for name in others} == others
    assert without_values(with_rail, ("rails", "output", "flows"), FLOW.__eq__) == text


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
    assert again.stderr == f"nemo-trust: all examples are already in {folder}\n"
    again = CliRunner().invoke(app, ["examples", str(mine)])
    assert again.exit_code == 2
    assert "cannot be written" in again.stderr
