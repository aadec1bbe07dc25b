"""The command `nemo-trust` as a whole."""

import os
import pty
import socket
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from nemoguardrails_trust import __version__
from nemoguardrails_trust.cli import app
from tests.commands.running import COMMANDS

EXAMPLE = Path(__file__).parents[2] / "examples" / "trivia"
COMMAND = [sys.executable, "-m", "nemoguardrails_trust.cli"]
COLOURS = ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "CLICOLOR_FORCE")


def run(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    """The command in a process of its own, its output in pipes."""
    kept = {name: value for name, value in os.environ.items() if name not in COLOURS}
    return subprocess.run(
        [*COMMAND, *arguments], capture_output=True, text=True, env={**kept, **environment}
    )


def run_in_terminal(*arguments: str, **environment: str) -> str:
    """What the command writes to a terminal."""
    kept = {name: value for name, value in os.environ.items() if name not in COLOURS}
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [*COMMAND, *arguments],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={**kept, "TERM": "xterm-256color", **environment},
    ):
        os.close(theirs)
        written = b""
        # At its end, a terminal of Linux gives an error and not an empty read.
        try:
            while piece := os.read(ours, 65536):
                written += piece
        except OSError:
            pass
    os.close(ours)
    return written.decode()


def test_a_value_that_is_none_of_those_allowed_is_said_in_plain_words() -> None:
    result = CliRunner().invoke(app, ["schema", "nothing"])
    assert result.exit_code == 2
    assert "'nothing' is not one of 'rail', 'server'." in result.stderr
    assert "Value error" not in result.stderr


@pytest.mark.parametrize("workers", [1, 2])
def test_a_port_that_is_taken_ends_the_server_with_2(workers: int) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        options = ("--model", "replay", "--port", str(port), "--workers", str(workers))
        result = run("serve", *options)
    assert result.returncode == 2
    assert "address already in use" in result.stderr.lower()
    assert "Traceback" not in result.stderr


def test_the_version_is_that_of_the_distribution() -> None:
    result = CliRunner().invoke(app, ["--version"])
    assert result.exit_code == 0
    assert result.stdout == f"nemo-trust {__version__}\n"
    assert __version__ == version("nemoguardrails-trust")


def test_help_lists_every_command_with_what_it_does() -> None:
    result = CliRunner().invoke(app, ["--help"], env={"COLUMNS": "200"})
    assert result.exit_code == 0
    assert "Usage: nemo-trust [OPTIONS] COMMAND [ARGS]..." in result.stdout
    assert "Exit codes: 0 all went well;" in result.stdout
    lines = result.stdout.partition("\nCommands:\n")[2].splitlines()
    for name in COMMANDS:
        (line,) = [line.strip() for line in lines if line.split()[:1] == [name]]
        assert len(line.removeprefix(name).split()) >= 3


def test_every_command_of_the_project_is_there() -> None:
    assert set(COMMANDS) == {
        "calibrate",
        "check",
        "compare",
        "demo",
        "evaluate",
        "examples",
        "init",
        "langfuse",
        "rail-path",
        "report",
        "schema",
        "score",
        "serve",
    }


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_of_a_command_is_explained(name: str) -> None:
    command = typer.main.get_command(app).commands[name]  # type: ignore[attr-defined]
    assert command.help
    unexplained = [
        parameter.name for parameter in command.params if not getattr(parameter, "help", None)
    ]
    assert unexplained == []
    result = CliRunner().invoke(app, [name, "--help"])
    assert result.exit_code == 0
    assert f"nemo-trust {name}" in result.stdout


@pytest.mark.parametrize("arguments", [[], *([name] for name in COMMANDS)])
def test_help_fits_80_columns_and_leaves_nothing_out(arguments: list[str]) -> None:
    shown = CliRunner().invoke(app, [*arguments, "--help"], env={"COLUMNS": "80"}).stdout
    assert shown.isascii()
    assert max(map(len, shown.splitlines())) <= 80
    command = typer.main.get_command(app)
    if arguments:
        command = command.commands[arguments[0]]  # type: ignore[attr-defined]
        texts = [parameter.help for parameter in command.params]
    else:
        texts = [listed.help for listed in command.commands.values()]  # type: ignore[attr-defined]
        texts = [text.partition("\n")[0].rstrip(".") for text in texts]
    words = " ".join(shown.split())
    assert [text for text in texts if text not in words] == []


def test_no_name_is_broken_at_its_hyphens() -> None:
    for name in COMMANDS:
        shown = CliRunner().invoke(app, [name, "--help"], env={"COLUMNS": "80"}).stdout
        options = shown.partition("\n\nData:")[2]
        assert not [line for line in options.splitlines() if line.endswith("-")]


@pytest.mark.parametrize(
    ("name", "missed"),
    [
        ("score", "3 a limit of --fail-if was missed; "),
        ("evaluate", "3 a limit of --fail-under or --fail-if was missed; "),
        ("calibrate", ""),
    ],
)
def test_a_command_tells_the_exit_codes_it_has(name: str, missed: str) -> None:
    shown = " ".join(CliRunner().invoke(app, [name, "--help"]).stdout.split())
    assert f"2 it could not be done as asked; {missed}130 interrupted." in shown


def test_options_stand_under_headings_and_an_argument_bare() -> None:
    shown = CliRunner().invoke(app, ["score", "--help"], env={"COLUMNS": "80"}).stdout
    assert " score [OPTIONS] DATA\n" in shown
    titles = [line for line in shown.splitlines() if line.endswith(":") and line[0] != " "]
    expected = ["Arguments:", "Data:", "Model and scorer:", "Result:", "Cost:", "Run:", "Other:"]
    assert titles == expected


def test_without_a_command_the_help_is_shown() -> None:
    result = CliRunner().invoke(app, [])
    assert result.exit_code == 2
    assert "Commands" in result.output


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["frobnicate"], "frobnicate"),
        (["demo", "--colour"], "--colour"),
        (["check"], "CONFIG"),
        (["demo", "extra"], "extra"),
        (["evaluate", "/nowhere/answers.jsonl", "--model", "replay"], "/nowhere/answers.jsonl"),
        (["score", "/nowhere/rows.csv", "--out", "x.csv", "--model", "m"], "/nowhere/rows.csv"),
        (["report", "/nowhere/results.jsonl", "--out", "x.html"], "/nowhere/results.jsonl"),
        (["calibrate", "/nowhere/l.jsonl", "--out", "x.json", "--model", "replay"], "/nowhere/l"),
    ],
)
def test_what_cannot_be_done_is_said_without_a_traceback(
    arguments: list[str], named: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = run(*arguments, OPENAI_API_KEY="none")
    assert done.returncode == 2
    assert named in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("arguments", [["--help"], ["check", "/nowhere"], ["demo", "--turns", "0"]])
def test_no_escape_code_is_written_into_a_pipe(arguments: list[str]) -> None:
    done = run(*arguments)
    assert done.stdout + done.stderr
    assert "\x1b" not in done.stdout + done.stderr


def test_a_terminal_gets_colours_unless_they_are_refused() -> None:
    assert "\x1b[32m" in run_in_terminal("check", str(EXAMPLE))
    plain = run_in_terminal("check", str(EXAMPLE), NO_COLOR="1")
    assert "The rail will run." in plain
    assert "\x1b[3" not in plain


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("nemo-trust c", {"calibrate", "check", "compare"}),
        (
            "nemo-trust demo --",
            {
                "--turns",
                "--all",
                "--model",
                "--base-url",
                "--quality",
                "--json",
                "--quiet",
                "--log-level",
                "--help",
            },
        ),
        ("nemo-trust evaluate --scorer cleanlab-", {"cleanlab-studio", "cleanlab-tlm"}),
    ],
)
def test_the_shell_completes(words: str, offered: set[str]) -> None:
    command = [
        sys.executable,
        "-c",
        "from nemoguardrails_trust.cli import app; app(prog_name='nemo-trust')",
    ]
    environment = {
        **os.environ,
        "_NEMO_TRUST_COMPLETE": "complete_bash",
        "COMP_WORDS": words,
        "COMP_CWORD": str(len(words.split()) - 1),
    }
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert set(done.stdout.split()) == offered


def test_help_loads_neither_nemo_guardrails_nor_a_client() -> None:
    program = (
        "import sys; from nemoguardrails_trust.cli import app\n"
        "try: app(['--help'])\n"
        "except SystemExit: pass\n"
        "heavy = {'nemoguardrails', 'aiohttp', 'numpy', 'pandas', 'pyarrow', 'cleanlab_tlm'}\n"
        "sys.exit(f'loaded: {heavy & set(sys.modules)}' if heavy & set(sys.modules) else 0)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "Usage:" in done.stdout
