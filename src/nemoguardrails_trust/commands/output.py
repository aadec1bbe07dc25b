"""What every command prints besides its result: remarks, progress, logged lines."""

import enum
import functools
import inspect
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Annotated, Any

from nemoguardrails_trust.commands.help import option
from nemoguardrails_trust.commands.terminal import tell
from nemoguardrails_trust.concurrency.context import Holding

SECONDS_BETWEEN_LINES = 30.0
"""How often progress is told where there is no terminal for a bar."""

_quiet: ContextVar[bool] = ContextVar("quiet", default=False)


class LogLevel(enum.StrEnum):
    """What is logged."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


QuietOption = Annotated[bool, option("--quiet -q", "Print results only: no notes and no progress.")]
LogLevelOption = Annotated[
    LogLevel | None,
    option(
        "--log-level LEVEL",
        "Log to stderr from this level up: debug, info, warning or error. At debug, prompts and "
        "answers may be shown.",
    ),
]


def with_output_options(command: Callable[..., None]) -> Callable[..., None]:
    """Gives a command the options `--quiet` and `--log-level`."""

    @functools.wraps(command)
    def run(*, quiet: bool, log_level: LogLevel | None, **given: Any) -> None:
        with Holding(_quiet, quiet), _logging(log_level):
            command(**given)

    own = inspect.signature(command, eval_str=True).parameters.values()
    keyword = inspect.Parameter.KEYWORD_ONLY
    quiet = inspect.Parameter("quiet", keyword, default=False, annotation=QuietOption)
    level = inspect.Parameter("log_level", keyword, default=None, annotation=LogLevelOption)
    set_parameters(run, [*own, quiet, level])
    return run


def set_parameters(run: Callable[..., None], parameters: Sequence[inspect.Parameter]) -> None:
    """Says what a function that takes any keywords takes as a command."""
    named = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in parameters]
    run.__signature__ = inspect.Signature(named)  # type: ignore[attr-defined]
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in named}


def is_quiet() -> bool:
    """Whether remarks and progress are unwanted."""
    return _quiet.get()


def note(text: str) -> None:
    """Remarks something in one line on stderr, unless remarks are unwanted."""
    if not is_quiet():
        say(text)


def say(text: str) -> None:
    """Says something in one line on stderr."""
    tell(f"nemo-trust: {' '.join(text.split())}", err=True)


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """A folder for what is kept no longer than a command runs."""
    from tempfile import TemporaryDirectory

    with TemporaryDirectory(prefix="nemo-trust-") as folder:
        yield Path(folder)


class LinesNowAndThen:
    """Progress in lines, for where there is no terminal."""

    def __init__(self) -> None:
        self._last = time.monotonic()

    def say(self, text: str) -> None:
        """Remarks how far one has come, if the last time was long enough ago."""
        if time.monotonic() - self._last >= SECONDS_BETWEEN_LINES:
            self._last = time.monotonic()
            note(text)


@contextmanager
def _logging(level: LogLevel | None) -> Iterator[None]:
    if level is None:
        yield
        return
    logger = logging.getLogger(__name__.partition(".")[0])
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    before = logger.level
    logger.addHandler(handler)
    logger.setLevel(level.upper())
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(before)
