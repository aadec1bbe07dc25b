"""`nemo-trust check` and `nemo-trust rail-path`."""

import asyncio
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from nemoguardrails_trust.calibration.calibration import Calibration
from nemoguardrails_trust.cli import app
from tests.servers.faults import UNAUTHORIZED, status
from tests.servers.openai import OpenAIServer, closed_port, threaded_server

EXAMPLES = Path(__file__).parents[2] / "examples"
KEYS = ("OPENAI_API_KEY", "CLEANLAB_API_KEY", "CLEANLAB_TLM_API_KEY")

YAML = """
import_paths: [nemoguardrails_trust/rail]
models: [{{type: main, engine: openai, model: m, parameters: {{api_key: none}}}}]
rails: {{output: {{flows: ["cleanlab trustworthiness{line}"]}}}}
custom_data: {{trust: {{{settings}}}}}
"""
MAIN_V2 = """
import core
import guardrails
import nemoguardrails_trust.rail

flow main
  activate answering

@active
flow answering
  user said something
  bot say "Paris."

flow output rails $output_text
  cleanlab trustworthiness
"""


@pytest.fixture(autouse=True)
def no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in KEYS:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(autouse=True)
def loop() -> Iterator[None]:
    """A loop that is closed: NeMo Guardrails makes one where there is none, for good."""
    made = asyncio.new_event_loop()
    asyncio.set_event_loop(made)
    yield
    made.close()
    asyncio.set_event_loop(None)


def check(path: Path, *options: str) -> Result:
    return CliRunner().invoke(app, ["check", str(path), *options])


def found(path: Path, *options: str) -> dict[str, Any]:
    """What a program reads, whose exit code has to agree."""
    result = check(path, "--json", *options)
    assert result.exception is None or isinstance(result.exception, SystemExit)
    told: dict[str, Any] = json.loads(result.stdout)
    assert result.exit_code == (0 if told["ok"] else 1)
    return told


def problems(path: Path, *options: str) -> list[dict[str, str]]:
    """The problems found."""
    told = found(path, *options)
    listed = [line for line in told["findings"] if line["level"] == "problem"]
    assert told["ok"] is not bool(listed)
    return listed


def texts(path: Path, *options: str) -> str:
    """All that was found, as lines."""
    return "\n".join(finding["text"] for finding in found(path, *options)["findings"])


def write_v1(folder: Path, settings: str = "", line: str = "", colang: str = "") -> Path:
    (folder / "config.yml").write_text(YAML.format(settings=settings, line=line))
    if colang:
        (folder / "rails.co").write_text(colang)
    return folder


def write_v2(folder: Path, main: str = MAIN_V2, settings: str = "") -> Path:
    yaml = f"colang_version: '2.x'\ncustom_data: {{trust: {{{settings}}}}}\n"
    yaml += "models: [{type: main, engine: openai, model: m, parameters: {api_key: none}}]\n"
    (folder / "config.yml").write_text(yaml)
    (folder / "main.co").write_text(main)
    return folder


@pytest.mark.parametrize(
    ("yaml", "told"),
    [
        (
            "rails: {input: {flows: [self check input]}}\n",
            "the configuration does not load: Missing a `self_check_input` prompt template",
        ),
        ("models: 5\n", "the configuration does not load: "),
        ("rails: {output: {flows: 7}}\n", "the configuration does not load: "),
    ],
)
def test_a_configuration_that_does_not_load_is_told_in_words(
    tmp_path: Path, yaml: str, told: str
) -> None:
    (tmp_path / "config.yml").write_text(yaml)
    (problem,) = problems(tmp_path)
    assert told in problem["text"]
    assert "pydantic" not in problem["text"]
    assert "input_value" not in problem["text"]


def test_a_knowledge_base_that_cannot_be_built_is_a_problem(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "kb").mkdir()
    (tmp_path / "kb" / "returns.md").write_text("# Returns\n\nWithin 30 days.\n")
    write_v1(tmp_path)
    with (tmp_path / "config.yml").open("a") as file:
        file.write("knowledge_base: {embedding_search_provider: {name: default, parameters: ")
        file.write("{embedding_engine: FastEmbed, embedding_model: no/such-model}}}\n")
    (problem,) = problems(tmp_path)
    assert problem["text"].startswith("the knowledge base could not be built: ")
    assert "no/such-model" in problem["text"]
    assert "Traceback" not in capsys.readouterr().err


def test_a_folder_without_a_configuration_is_told(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path)
    assert problem["text"] == f"{tmp_path} has no config.yml"


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("agent", None),
        ("trivia", None),
        ("trivia_colang2", None),
        ("override", None),
        ("custom_scorer", None),
        ("sentences", None),
        ("openai", "OPENAI_API_KEY"),
    ],
)
def test_an_example_that_will_run_is_healthy(
    name: str, key: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    if key is not None:
        monkeypatch.setenv(key, "none")
    assert problems(EXAMPLES / name) == []


def test_a_missing_key_is_a_problem_with_its_mend() -> None:
    (problem,) = problems(EXAMPLES / "customer_support")
    assert "CLEANLAB_TLM_API_KEY is not set" in problem["text"]
    assert problem["mend"] == "export CLEANLAB_TLM_API_KEY=…"


def test_a_missing_model_key_is_a_problem() -> None:
    (problem,) = problems(EXAMPLES / "openai")
    assert "OPENAI_API_KEY" in problem["text"]


def test_every_example_is_examined_here() -> None:
    bots = {path.parent.name for path in EXAMPLES.glob("*/config.yml")}
    assert bots == {
        "agent",
        "trivia",
        "trivia_colang2",
        "override",
        "custom_scorer",
        "openai",
        "sentences",
        "customer_support",
    }


def test_it_tells_what_will_run(tmp_path: Path) -> None:
    result = check(write_v1(tmp_path, "threshold: 0.7, on_untrustworthy: block", " $threshold=0.8"))
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert "✓ Colang 1.0, the rail's folder is imported" in lines
    assert "✓ output rail 'cleanlab trustworthiness' with threshold = 0.8" in lines
    assert "✓ flow 'cleanlab trustworthiness': this package's is used" in lines
    assert "✓ model 'm' at https://api.openai.com/v1 judges and samples" in lines
    assert "✓ below 0.8 (the flow's line): the message instead of the answer (block)" in lines
    assert "✓ longest time for a check: 20 s" in lines
    assert lines[-1] == "The rail will run."


@pytest.mark.parametrize("write", [write_v1, write_v2])
def test_a_configuration_without_the_import_is_a_problem(write: Any, tmp_path: Path) -> None:
    write(tmp_path)
    for name in ("config.yml", "main.co"):
        path = tmp_path / name
        if path.exists():
            kept = [line for line in path.read_text().splitlines() if "nemoguardrails_" not in line]
            path.write_text("\n".join(kept))
    listed = problems(tmp_path)
    assert len(listed) == 1
    assert "import" in listed[0]["text"] or "cleanlab trustworthiness" in listed[0]["text"]


def test_the_folder_that_is_not_imported_is_told_with_the_line_to_add(tmp_path: Path) -> None:
    (tmp_path / "config.yml").write_text("rails: {output: {flows: [cleanlab trustworthiness]}}")
    listed = problems(tmp_path)
    mend = "add import_paths: [nemoguardrails_trust/rail] to config.yml"
    assert mend in [item["mend"] for item in listed]


def test_the_flow_that_is_not_among_the_output_rails_is_a_problem(tmp_path: Path) -> None:
    path = write_v1(tmp_path) / "config.yml"
    path.write_text(re.sub("rails: .*", "", path.read_text()))
    (problem,) = problems(tmp_path)
    assert problem["text"] == "'cleanlab trustworthiness' is not among the output rails"
    assert "flows: [cleanlab trustworthiness]" in problem["mend"]


@pytest.mark.parametrize("version", ["1.0", "2.x"])
def test_a_misspelt_output_rail_is_a_problem(version: str, tmp_path: Path) -> None:
    path = (write_v1(tmp_path) if version == "1.0" else write_v2(tmp_path)) / (
        "config.yml" if version == "1.0" else "main.co"
    )
    path.write_text(path.read_text().replace("cleanlab trust", "cleanlab_trust"))
    (problem,) = problems(tmp_path)
    assert "did you mean 'cleanlab trustworthiness'?" in problem["text"]


TOOL_RAIL = "rails: {tool_output: {flows: [cleanlab trustworthiness tool calls]}}"


@pytest.mark.parametrize(
    ("settings", "more", "told"),
    [
        ("tool_calls_threshold: 0.8", "passthrough: true", "tool calls below 0.8: withheld"),
        (
            "on_untrustworthy: regenerate",
            "passthrough: true",
            "tool calls below 0.6: the model is asked once more, then withheld",
        ),
        (
            "on_untrustworthy: escalate",
            "passthrough: true",
            "tool calls below 0.6: an exception for the application",
        ),
        ("", "", "has nothing to check: NeMo Guardrails passes tool calls on only in pass"),
    ],
)
def test_what_becomes_of_calls_of_tools_is_stated(
    settings: str, more: str, told: str, tmp_path: Path
) -> None:
    path = write_v1(tmp_path, settings) / "config.yml"
    path.write_text(re.sub("rails: .*", TOOL_RAIL, path.read_text()) + more)
    assert problems(tmp_path) == []
    assert told in texts(tmp_path)


def test_in_colang_2_a_rail_for_calls_of_tools_is_a_problem(tmp_path: Path) -> None:
    path = write_v2(tmp_path) / "config.yml"
    path.write_text(path.read_text() + TOOL_RAIL)
    (problem,) = problems(tmp_path)
    assert "would never run" in problem["text"]


def test_in_colang_2_the_guardrails_library_comes_along_with_the_rail(tmp_path: Path) -> None:
    write_v2(tmp_path, MAIN_V2.replace("import guardrails\n", ""))
    assert problems(tmp_path) == []


def test_colang_2_needs_the_flow_output_rails(tmp_path: Path) -> None:
    write_v2(tmp_path, MAIN_V2.partition("flow output rails")[0])
    assert any("no flow 'output rails'" in problem["text"] for problem in problems(tmp_path))


def test_output_rails_that_do_not_call_the_flow_are_a_problem(tmp_path: Path) -> None:
    calls = "output rails $output_text\n  cleanlab trustworthiness"
    write_v2(tmp_path, MAIN_V2.replace(calls, 'output rails $output_text\n  log "checked"'))
    (problem,) = problems(tmp_path)
    assert "does not call 'cleanlab trustworthiness'" in problem["text"]


@pytest.mark.parametrize(
    ("settings", "line", "named"),
    [
        ("treshold: 0.7", "", "treshold"),
        ("threshold: 1.5", "", "threshold"),
        ("threshold: .nan", "", "threshold"),
        ("on_error: shrug", "", "on_error"),
        ("timeout: 0", "", "timeout"),
        ("", " $threshold=2", "threshold"),
        ("", " $colour=red", "colour"),
        ("scorer: nobody", "", "nobody"),
        ("scorer: 'no.such.module:make'", "", "no.such.module"),
    ],
)
def test_a_bad_setting_is_named(settings: str, line: str, named: str, tmp_path: Path) -> None:
    listed = problems(write_v1(tmp_path, settings, line))
    assert len(listed) == 1
    assert named in listed[0]["text"]


@pytest.mark.parametrize(
    ("place", "named"),
    [
        ("trust: {threshold: 0.7}", "trust"),
        ("rails: {config: {trust: {threshold: 0.7}}}", "rails.config.trust"),
        ("rails: {trust: {threshold: 0.7}}", "rails.trust"),
        ("custom_data: {threshold: 0.7}", "custom_data.threshold"),
    ],
)
def test_settings_where_nobody_reads_them_are_a_problem(
    place: str, named: str, tmp_path: Path
) -> None:
    write_v1(tmp_path)
    (tmp_path / "more.yml").write_text(place)
    (problem,) = problems(tmp_path)
    assert problem["text"] == f"{named} in more.yml has no effect"
    assert "custom_data: {trust:" in problem["mend"]


def test_the_built_in_rail_imported_beside_ours_is_a_problem_with_its_mend(tmp_path: Path) -> None:
    write_v2(tmp_path, "import nemoguardrails.library.cleanlab\n" + MAIN_V2)
    (problem,) = problems(tmp_path)
    assert "Multiple" in problem["text"]
    assert "remove import nemoguardrails.library.cleanlab" in problem["mend"]


def test_an_import_that_is_written_wrongly_comes_with_its_mend(tmp_path: Path) -> None:
    path = write_v1(tmp_path) / "config.yml"
    path.write_text(path.read_text().replace("_trust/rail", "_trust.rail"))
    (problem,) = problems(tmp_path)
    assert "nemoguardrails_trust/rail under import_paths" in problem["mend"]


@pytest.mark.parametrize(
    ("scorer", "key"),
    [("cleanlab-studio", "CLEANLAB_API_KEY"), ("cleanlab-tlm", "CLEANLAB_TLM_API_KEY")],
)
def test_each_hosted_scorer_needs_its_key(scorer: str, key: str, tmp_path: Path) -> None:
    (problem,) = problems(write_v1(tmp_path, f"scorer: {scorer}"))
    assert f"{key} is not set" in problem["text"]


def test_a_flow_of_the_user_wins_and_is_told(tmp_path: Path) -> None:
    own = "define subflow cleanlab trustworthiness\n  $result = execute call cleanlab api\n"
    write_v1(tmp_path, colang=own)
    assert "flow 'cleanlab trustworthiness': your own is used" in texts(tmp_path)
    assert problems(tmp_path) == []


def test_a_flow_of_the_user_that_checks_nothing_is_a_problem(tmp_path: Path) -> None:
    own = "define subflow cleanlab trustworthiness\n  $checked = True\n"
    (problem,) = problems(write_v1(tmp_path, colang=own))
    assert "does not call the action that checks" in problem["text"]
    assert problem["mend"] == "call it: $result = execute call_cleanlab_api"


@pytest.mark.parametrize(
    ("settings", "line", "told"),
    [
        (
            "on_error: allow",
            "",
            [
                "below 0.6 (the default): the answer with a caution (warn)",
                (
                    "if an answer cannot be checked: let through, recorded as unchecked "
                    "(on_error: allow)"
                ),
            ],
        ),
        (
            "threshold: 0.7",
            " $on_untrustworthy=escalate",
            [
                "below 0.7 (custom_data.trust): an exception for the application (escalate)",
                (
                    "if an answer cannot be checked: an exception for the application "
                    "(on_error: flag)"
                ),
            ],
        ),
        (
            "on_untrustworthy: mark",
            "",
            [
                (
                    "below 0.6 (the default): the answer with a mark after each sentence below "
                    "the threshold, or with a caution if there is none (mark); stream_async cannot "
                    "mark text that it has already shown"
                ),
                "if an answer cannot be checked: the answer with a caution (on_error: flag)",
            ],
        ),
        (
            "on_untrustworthy: regenerate",
            "",
            [
                (
                    "below 0.6 (the default): the model is asked once more; the better answer, "
                    "with a caution if that is low too (regenerate)"
                ),
                "if an answer cannot be checked: the answer with a caution (on_error: flag)",
            ],
        ),
    ],
)
def test_what_the_bot_will_do_is_stated(
    settings: str, line: str, told: list[str], tmp_path: Path
) -> None:
    stated = texts(write_v1(tmp_path, settings, line)).splitlines()
    assert [text for text in stated if text in told] == told


def test_rails_exceptions_are_stated(tmp_path: Path) -> None:
    path = write_v1(tmp_path, "on_untrustworthy: block") / "config.yml"
    path.write_text("enable_rails_exceptions: true\n" + path.read_text())
    exception = "an exception for the application (enable_rails_exceptions)"
    told = texts(tmp_path).splitlines()
    assert f"below 0.6 (the default): {exception}" in told
    assert f"if an answer cannot be checked: {exception}" in told


@pytest.mark.parametrize("threshold", [0.42, None])
def test_the_threshold_of_a_calibration_is_stated(threshold: float | None, tmp_path: Path) -> None:
    Calibration(
        scorer="local",
        quality="medium",
        model="m",
        knots=((0.0, 0.0), (1.0, 1.0)),
        fit="identity",
        threshold=threshold,
        n=10,
        created="2026-01-01T00:00:00+00:00",
    ).save(tmp_path / "calibration.json")
    told = texts(write_v1(tmp_path, "calibration: calibration.json")).splitlines()
    source = "the default" if threshold is None else "the calibration calibration.json"
    assert f"below {threshold or 0.6:g} ({source}): the answer with a caution (warn)" in told
    told = texts(write_v1(tmp_path, "calibration: calibration.json, threshold: 0.7")).splitlines()
    assert "below 0.7 (custom_data.trust): the answer with a caution (warn)" in told


def test_colang_2_states_what_the_call_of_the_flow_sets(tmp_path: Path) -> None:
    call = MAIN_V2.replace("  cleanlab trustworthiness", '  cleanlab trustworthiness 0.8 "block"')
    told = texts(write_v2(tmp_path, call, "threshold: 0.7")).splitlines()
    assert "below 0.8 (the flow's line): the message instead of the answer (block)" in told
    assert problems(tmp_path) == []


def test_colang_2_names_a_value_of_the_call_that_is_out_of_range(tmp_path: Path) -> None:
    main = MAIN_V2.replace("  cleanlab trustworthiness", "  cleanlab trustworthiness 40")
    (problem,) = problems(write_v2(tmp_path, main))
    assert "threshold" in problem["text"]


OWN_V1 = "define subflow cleanlab trustworthiness\n  $result = execute call cleanlab api\n"


def test_a_flow_of_the_user_is_read(tmp_path: Path) -> None:
    own = OWN_V1 + "  if $result.trustworthiness_score < 0.7\n    stop\n"
    told = texts(write_v1(tmp_path, "threshold: 0.8", colang=own))
    assert "your flow compares the score with 0.7 and decides what follows" in told
    assert "the threshold in custom_data.trust has no effect" in told


def test_colang_2_tells_whose_flow_wins(tmp_path: Path) -> None:
    write_v2(tmp_path)
    assert "flow 'cleanlab trustworthiness': this package's is used" in texts(tmp_path)
    own = "\n@override\nflow cleanlab trustworthiness $threshold=0.5\n  {}\n"
    write_v2(tmp_path, MAIN_V2 + own.format("$result = await CallCleanlabApiAction()"))
    assert "flow 'cleanlab trustworthiness': your own is used" in texts(tmp_path)
    assert problems(tmp_path) == []
    write_v2(tmp_path, MAIN_V2 + own.format('log "nothing"'))
    (problem,) = problems(tmp_path)
    assert problem["mend"] == "call it: $result = await CallCleanlabApiAction()"


def test_a_configuration_without_a_model_is_a_problem(tmp_path: Path) -> None:
    path = write_v1(tmp_path) / "config.yml"
    path.write_text(re.sub("models: .*", "", path.read_text()))
    (problem,) = problems(tmp_path)
    assert "needs a model" in problem["text"]


def test_a_missing_model_is_told_once_and_not_in_a_line_of_a_log(tmp_path: Path) -> None:
    path = write_v1(tmp_path) / "config.yml"
    path.write_text(re.sub("models: .*", "", path.read_text()))
    shown = subprocess.run(
        [sys.executable, "-m", "nemoguardrails_trust.cli", "check", str(tmp_path)],
        capture_output=True,
        text=True,
    )
    assert shown.returncode == 1
    assert shown.stderr == ""
    assert shown.stdout.count("needs a model") == 1
    assert "no main model yet" not in shown.stdout


def test_what_the_rail_warns_of_as_it_starts_is_a_note(tmp_path: Path) -> None:
    path = write_v1(tmp_path, settings="on_untrustworthy: mark") / "config.yml"
    streamed = path.read_text().replace("output: {", "output: {streaming: {enabled: true}, ")
    path.write_text(streamed)
    result = check(tmp_path, "--json")
    told = json.loads(result.stdout)["findings"]
    notes = [finding["text"] for finding in told if finding["level"] == "note"]
    assert [text for text in notes if "cannot mark text that it has already shown" in text]
    assert result.stderr == ""


@pytest.mark.parametrize(
    ("yaml", "colang"),
    [
        ("rails: [", ""),
        ("rails: {output: {flows: 3}}", ""),
        ("models: []", "define flow\n  broken ((("),
        ("colang_version: '2.x'", "flow main\n  await (("),
    ],
)
def test_a_configuration_that_does_not_load_is_one_problem(
    yaml: str, colang: str, tmp_path: Path
) -> None:
    (tmp_path / "config.yml").write_text(yaml)
    (tmp_path / "main.co").write_text(colang)
    problem = problems(tmp_path)[-1]
    assert problem["text"].startswith("the configuration does not load: ")
    assert "\n" not in problem["text"]


def test_a_file_instead_of_its_folder_is_a_problem(tmp_path: Path) -> None:
    (problem,) = problems(write_v1(tmp_path) / "config.yml")
    assert "is not a folder" in problem["text"]
    assert "the folder that contains config.yml" in problem["mend"]


def test_a_folder_that_is_not_there_is_a_problem(tmp_path: Path) -> None:
    result = check(tmp_path / "nowhere")
    assert result.exit_code == 1
    assert "is not a folder" in result.stdout
    assert result.stdout.endswith("The rail will not run as meant.\n")


def test_brackets_in_a_finding_are_text(tmp_path: Path) -> None:
    folder = tmp_path / "[red]bot[/red]"
    assert "[red]bot[/red] is not a folder" in check(folder).stdout


def test_rail_path_is_the_folder_to_import() -> None:
    result = CliRunner().invoke(app, ["rail-path"])
    assert result.exit_code == 0
    folder = Path(result.stdout.strip())
    assert folder.is_absolute()
    assert {"actions.py", "config.py", "flows.co"} <= {path.name for path in folder.iterdir()}


def test_the_printed_path_works_as_an_import_path(tmp_path: Path) -> None:
    path = write_v1(tmp_path) / "config.yml"
    printed = CliRunner().invoke(app, ["rail-path"]).stdout.strip()
    path.write_text(path.read_text().replace("nemoguardrails_trust/rail", printed))
    assert problems(tmp_path) == []


MAIN_V2_LLM = MAIN_V2.replace(
    'user said something\n  bot say "Paris."',
    "user said something as $said\n"
    "  $answer = await PassthroughLLMAction(user_message=$said.transcript)\n"
    "  bot say $answer",
)


def answer(body: dict[str, Any]) -> str:
    return "True 95" if "True or False" in str(body["messages"]) else "Paris"


def bot_at(folder: Path, version: str, url: str, settings: str = "") -> Path:
    """A bot whose model runs at an address."""
    if version == "1.0":
        write_v1(folder, settings)
    else:
        write_v2(folder, MAIN_V2_LLM, settings)
    path = folder / "config.yml"
    parameters = f"{{api_key: sk-secret, base_url: '{url}', max_retries: 0}}"
    path.write_text(path.read_text().replace("{api_key: none}", parameters))
    return folder


@pytest.mark.parametrize("version", ["1.0", "2.x"])
def test_ask_makes_one_scored_turn(version: str, tmp_path: Path) -> None:
    with threaded_server(OpenAIServer(answer=answer)) as server:
        result = check(bot_at(tmp_path, version, server.base_url), "--ask")
    assert result.exit_code == 0, result.stdout
    (line,) = [line for line in result.stdout.splitlines() if "one turn" in line]
    assert line.startswith("✓ one turn, 'What is the capital of France?': score 0.97")
    assert "trusted, from reflection, consistency, probability (2 calls, " in line
    assert re.search(r"\d+ tokens read and 7 written, \d+\.\d s\)$", line)


@pytest.mark.parametrize("version", ["1.0", "2.x"])
@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ("refused key", "the key was refused"),
        ("unknown model", "status 404"),
        ("server down", "could not be reached"),
        ("unreadable judge", "the score lacks reflection: the judge's answer could not be read"),
    ],
)
def test_ask_says_what_will_fail(version: str, fault: str, told: str, tmp_path: Path) -> None:
    readable = "Paris" if fault == "unreadable judge" else answer
    server = OpenAIServer(answer=readable)
    if fault == "refused key":
        server.faults.always(UNAUTHORIZED)
    elif fault == "unknown model":
        server.faults.always(status(404))
    with threaded_server(server):
        url = f"http://127.0.0.1:{closed_port()}/v1" if fault == "server down" else server.base_url
        (problem,) = problems(bot_at(tmp_path, version, url), "--ask")
    assert told in problem["text"] or "the connection was refused" in problem["text"]
    assert "sk-secret" not in str(problem)


def test_ask_scores_the_models_own_answer_where_no_check_was_made(tmp_path: Path) -> None:
    with threaded_server(OpenAIServer(answer=answer)) as server:
        bot_at(tmp_path, "1.0", server.base_url)
        (tmp_path / "rails.co").write_text(
            "define flow refuse\n  bot refuse\n  stop\n"
            'define bot refuse\n  "Only about our products, please."\n'
        )
        path = tmp_path / "config.yml"
        path.write_text(path.read_text().replace("rails: {", "rails: {input: {flows: [refuse]}, "))
        told = texts(tmp_path, "--ask")
    assert "'What is the capital of France?' was answered without a check" in told
    assert "score 1.00" in told


def test_ask_takes_a_question(tmp_path: Path) -> None:
    with threaded_server(OpenAIServer(answer=answer)) as server:
        bot_at(tmp_path, "1.0", server.base_url)
        assert "one turn, 'Who?': score" in texts(tmp_path, "--ask", "--question", "Who?")
    assert "Who?" in str(server.bodies[0])


def test_a_question_alone_is_refused(tmp_path: Path) -> None:
    result = check(write_v1(tmp_path), "--question", "Who?")
    assert result.exit_code == 2


def test_ask_of_a_replay_model_asks_what_is_recorded() -> None:
    told = texts(EXAMPLES / "trivia", "--ask")
    assert "one turn, 'Which 2008 Western film" in told
    assert "from consistency" in told


@pytest.mark.parametrize("version", ["1.0", "2.x"])
def test_a_calibration_is_recommended_for_a_model_on_a_server(version: str, tmp_path: Path) -> None:
    with threaded_server(OpenAIServer(answer=answer)) as server:
        shown = " ".join(check(bot_at(tmp_path, version, server.base_url)).stdout.split())
    told = f"nemo-trust calibrate --live m --base-url {server.base_url} --out calibration.json"
    assert told in shown


def test_it_says_how_large_the_blocks_of_a_stream_are(tmp_path: Path) -> None:
    write_v1(tmp_path)
    path = tmp_path / "config.yml"
    yaml = path.read_text()

    def stream(**streaming: Any) -> str:
        found = json.dumps({"enabled": True, **streaming})
        path.write_text(yaml.replace("{output: {", f"{{output: {{streaming: {found}, "))
        return check(tmp_path).stdout

    told = stream()
    assert "! streamed text comes in blocks of 200 tokens" in told
    assert "for smaller ones, set rails.output.streaming.chunk_size" in told
    told = stream(chunk_size=1, context_size=0)
    assert "✓ streamed text comes in blocks of 1 token\n" in told
    assert "chunk_size" not in told


def test_the_recommended_calibration_is_of_the_bots_preset(tmp_path: Path) -> None:
    with threaded_server(OpenAIServer(answer=answer)) as server:
        bot = bot_at(tmp_path, "1.0", server.base_url, "quality: low")
        shown = " ".join(check(bot).stdout.split())
    assert f"--base-url {server.base_url} --quality low --out calibration.json" in shown


def test_of_a_recorded_model_no_answers_are_made_for_a_calibration() -> None:
    shown = " ".join(check(EXAMPLES / "trivia").stdout.split())
    assert "--live" not in shown
