"""`-` in the place of a file: standard input, standard output."""

import functools
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout
from contextvars import ContextVar
from pathlib import Path
from typing import Any, TextIO, cast

from nemoguardrails_trust.commands.options import user_errors
from nemoguardrails_trust.commands.output import temporary_folder
from nemoguardrails_trust.concurrency.context import Holding
from nemoguardrails_trust.errors import SettingsError

_PIPE = Path("-")
_INPUTS = ("data", "results", "a", "b", "against")
_ENDINGS = {
    "score": ".jsonl",
    "evaluate": ".jsonl",
    "calibrate": ".json",
    "report": ".html",
    "compare": "",
}
"""The commands that take it, and the format of what they write there."""

_into_pipe: ContextVar[bool] = ContextVar("into_pipe", default=False)


def with_pipes(name: str, command: Callable[..., None]) -> Callable[..., None]:
    """Makes a command read `-` from standard input and write it to standard output.

    What it prints besides then goes to stderr.
    """
    if name not in _ENDINGS:
        return command

    @functools.wraps(command)
    def run(**given: Any) -> None:
        names: dict[str, str] = {}
        with user_errors(), ExitStack() as stack:
            if _PIPE in (given.get(key) for key in (*_INPUTS, "out")):
                stack.enter_context(redirect_stderr(cast("TextIO", _Renamed(sys.stderr, names))))
            piped = [key for key in _INPUTS if given.get(key) == _PIPE]
            _require_one_reader(piped)
            for key in piped:
                _require_one_process(given)
                given[key] = stack.enter_context(_read())
                names[str(given[key])] = "standard input"
            if given.get("out") == _PIPE:
                _require_one_process(given)
                given["out"] = stack.enter_context(_written(_ENDINGS[name]))
                names[str(given["out"])] = "standard output"
            command(**given)

    return run


def writes_to_pipe() -> bool:
    """Whether the running command's OUT is standard output, so that no later run can continue."""
    return _into_pipe.get()


class _Renamed:
    """A stream in which the files between are called what they stand for."""

    def __init__(self, stream: TextIO, names: Mapping[str, str]) -> None:
        self._stream = stream
        self._names = names

    def write(self, text: str) -> int:
        """Writes a text."""
        for path, name in self._names.items():
            text = text.replace(path, name)
        return self._stream.write(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def _require_one_reader(piped: list[str]) -> None:
    if len(piped) > 1:
        raise SettingsError("'-' is standard input, which can be read once; give one file by name")


def _require_one_process(given: dict[str, Any]) -> None:
    if str(given.get("engine", "local")) != "local":
        raise SettingsError("'-' is for --engine local")
    if given.get("out") == _PIPE and given.get("budget") is not None:
        raise SettingsError("--budget cannot be used with --out -, which cannot be continued")


@contextmanager
def _read() -> Iterator[Path]:
    """A file with all of standard input, which is read more than once."""
    if sys.stdin.isatty():
        raise SettingsError("'-' is standard input, and that is a terminal: pipe data into it")
    with temporary_folder() as folder:
        path = folder / "standard-input"
        with path.open("wb") as file:
            shutil.copyfileobj(sys.stdin.buffer, file)
        yield path


@contextmanager
def _written(ending: str) -> Iterator[Path]:
    """A file that goes to standard output once it is there."""
    with temporary_folder() as folder:
        path = folder / f"standard-output{ending}"
        try:
            with redirect_stdout(sys.stderr), Holding(_into_pipe, True):
                yield path
        finally:
            if path.exists():
                with path.open("rb") as file:
                    shutil.copyfileobj(file, sys.stdout.buffer)
                sys.stdout.flush()
