"""The options that several commands share.

Exit codes of every command: 0 when all went well, 1 when it ended with something to look at (bad
lines, rows without a score), 2 when it could not be done as asked, 3 when a figure missed the
limit that was set for it, 130 when it was interrupted.
"""

import functools
import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import Field, dataclass, fields, is_dataclass, replace
from types import MappingProxyType
from typing import Annotated, Any, get_type_hints

import typer

from nemoguardrails_trust.commands.help import Heading, option
from nemoguardrails_trust.commands.output import say, set_parameters
from nemoguardrails_trust.concurrency.context import Holding
from nemoguardrails_trust.errors import TrustError

EXIT_INCOMPLETE = 1
EXIT_ERROR = 2
EXIT_GATE = 3
EXIT_INTERRUPTED = 130

REPLAY = "replay"

_sources: ContextVar[Mapping[str, str]] = ContextVar("sources", default=MappingProxyType({}))
"""Where the values of the running command's options are from, as click calls it."""

RATES = ("requests_per_minute", "tokens_per_minute")
OF_SERVER = ("base_url", "most_bytes", "cache", "cache_megabytes", *RATES)
"""The options of a model's server."""
_OPTIONS = {"server": "base_url", "evaluations": "evaluation"}
"""Options that have another name than their setting."""

_PRESETS = ("base", "low", "medium", "high", "best")
_SCORERS = ("local", "cleanlab-studio", "cleanlab-tlm")

ThresholdOption = Annotated[
    float | None,
    Heading.RESULT.option(
        "--threshold 0..1",
        "Answers that score below it are untrustworthy. Default: the calibration's threshold, or "
        "0.6.",
    ),
]
CalibrationOption = Annotated[
    str | None, Heading.MODEL.option("--calibration FILE", "A file made by 'nemo-trust calibrate'.")
]
JsonOption = Annotated[bool, option("--json", "Print one JSON object instead of text.")]


@dataclass(frozen=True, slots=True)
class ScorerOptions:
    """Which scorer, on which model. Each field is an option."""

    model: str | None = Heading.MODEL.field(
        "--model NAME",
        "The model that judges and samples: a model name on an OpenAI-compatible server (key "
        "in OPENAI_API_KEY), or 'replay' for answers recorded in the data.",
    )
    base_url: str | None = Heading.MODEL.field(
        "--base-url URL", "The OpenAI-compatible server. Default: OPENAI_BASE_URL, or OpenAI."
    )
    scorer: str | None = Heading.MODEL.field(
        "--scorer NAME",
        "'local' (the default), 'cleanlab-studio', 'cleanlab-tlm' or 'package.module:factory'.",
        autocompletion=lambda: list(_SCORERS),
    )
    quality: str | None = Heading.MODEL.field(
        "--quality PRESET",
        "How many model calls a score may take: base, low, medium (the default), high or best.",
        autocompletion=lambda: list(_PRESETS),
    )
    samples: int | None = Heading.MODEL.field(
        "--samples K", "Samples per score. Default: set by --quality.", min=1
    )
    rephrase: int | None = Heading.MODEL.field(
        "--rephrase N",
        "How many of the samples answer the question in other words. Default: set by --quality.",
        min=0,
    )
    requests_per_minute: int | None = Heading.RUN.field(
        "--requests-per-minute N",
        "Send at most N requests a minute. The server's own limit is detected without this.",
        min=1,
    )
    tokens_per_minute: int | None = Heading.RUN.field(
        "--tokens-per-minute N",
        "Use at most N tokens a minute, prompts and completions together.",
        min=1,
    )
    most_bytes: int | None = Heading.RUN.field(
        "--most-bytes N",
        "Reject replies from the model's server that are larger than N bytes, decompressed. "
        "Default: 8 MB.",
        min=1,
    )
    cache: str | None = Heading.MODEL.field(
        "--cache DIR",
        "Keep the model's replies in this folder, and reuse them instead of asking again.",
    )
    cache_megabytes: float | None = Heading.MODEL.field(
        "--cache-megabytes N",
        "The size limit of --cache; the oldest replies are dropped first. Default: 1024.",
        min=1.0,
    )

    def without_needless_variables(self) -> "ScorerOptions":
        """Without what the environment says about a model's server, where none is asked."""
        if self.scorer not in (None, "local"):
            return self._without_variables({*OF_SERVER, "samples"})
        return self._without_variables(set(OF_SERVER)) if self.model == REPLAY else self

    def said(self) -> "ScorerOptions":
        """Without all that stands in the environment, not on the command line."""
        return self._without_variables({field.name for field in fields(self)})

    def without_server(self) -> "ScorerOptions":
        """Those of scores that are there already."""
        unset: dict[str, Any] = dict.fromkeys((*OF_SERVER, "samples"))
        return replace(self, **unset | {"scorer": "local"})

    def first_given(self, *names: str) -> str | None:
        """The first of these options that has a value, as users write it; `None` without any."""
        given = (name for name in names if getattr(self, name) is not None)
        return next((f"--{name.replace('_', '-')}" for name in given), None)

    def _without_variables(self, names: set[str]) -> "ScorerOptions":
        unset: dict[str, Any] = dict.fromkeys(_options_from("DEFAULT_MAP") & names)
        return replace(self, **unset)


@dataclass(frozen=True, slots=True)
class RowOptions:
    """Which rows of a data set are scored, and how. Each field is an option."""

    prompt_column: str | None = Heading.DATA.field(
        "--prompt-column NAME",
        "The prompts: text or chat messages. Default: 'prompt' or another common name, such "
        "as 'question' or 'messages'.",
    )
    response_column: str | None = Heading.DATA.field(
        "--response-column NAME",
        "The answers to score. Default: 'response' or another common name, such as 'answer' "
        "or 'output'; otherwise the last turn of a chat.",
    )
    context_column: str | None = Heading.DATA.field(
        "--context-column NAME",
        "Retrieved passages: text or a list. Default: 'context' or another common name, if "
        "present.",
    )
    encoding: str | None = Heading.DATA.field(
        "--encoding NAME", "The text encoding of DATA. Default: detected."
    )
    limit: int | None = Heading.DATA.field("--limit N", "Use only the first N rows.", min=1)
    concurrency: int = Heading.RUN.field(
        "--concurrency N", "Score N rows at a time.", min=1, default=64
    )
    # No one waits for a single row, and a rate limit may hold it up for a minute or more.
    timeout: float = Heading.RUN.field(
        "--timeout SECONDS",
        "The time limit for one score, including waits for the server's rate limit.",
        default=300.0,
    )
    max_failures: int = Heading.RUN.field(
        "--max-failures N",
        "Stop once N consecutive rows could not be scored; 0 never stops.",
        min=0,
        default=50,
    )
    retry_errors: bool = Heading.RUN.field(
        "--retry-errors", "Score again the rows that an earlier run could not score.", default=False
    )


def exit_codes(*gates: str, incomplete: str = "some rows could not be used") -> str:
    """What the exit codes of a command mean, for its help.

    Args:
        gates: Its options that set limits.
        incomplete: What 1 means.
    """
    missed = f"{EXIT_GATE} a limit of {' or '.join(gates)} was missed; " if gates else ""
    return (
        f"Exit codes: 0 all went well; {EXIT_INCOMPLETE} {incomplete}; {EXIT_ERROR} it could not "
        f"be done as asked; {missed}{EXIT_INTERRUPTED} interrupted."
    )


def is_default(name: str) -> bool:
    """Whether nobody gave the running command a value for this option."""
    return name in _options_from("DEFAULT")


def _options_from(source: str) -> set[str]:
    """The running command's options from a source; that of the environment is `DEFAULT_MAP`."""
    return {name for name, found in _sources.get().items() if found == source}


def with_options(command: Callable[..., None]) -> Callable[..., None]:
    """Makes a command whose parameters of such a class stand for the options in its fields."""
    hints = get_type_hints(command, include_extras=True)
    groups: dict[str, tuple[Callable[..., Any], list[str]]] = {}
    parameters: list[inspect.Parameter] = []
    for parameter in inspect.signature(command).parameters.values():
        kind = hints[parameter.name]
        if is_dataclass(kind) and isinstance(kind, type):
            groups[parameter.name] = (kind, [field.name for field in fields(kind)])
            types = get_type_hints(kind, include_extras=True)
            parameters += [_parameter_of(field, types[field.name]) for field in fields(kind)]
        else:
            parameters.append(parameter.replace(annotation=kind))

    @functools.wraps(command)
    def run(context: typer.Context, **given: Any) -> None:
        sources = {name: context.get_parameter_source(name) for name in given}
        with Holding(_sources, {name: found.name for name, found in sources.items() if found}):
            for name, (kind, options) in groups.items():
                given[name] = kind(**{option: given.pop(option) for option in options})
                if kind is ScorerOptions:
                    given[name] = given[name].without_needless_variables()
            command(**given)

    keyword = inspect.Parameter.KEYWORD_ONLY
    parameters.append(inspect.Parameter("context", keyword, annotation=typer.Context))
    set_parameters(run, parameters)
    return run


def _parameter_of(field: "Field[Any]", kind: Any) -> inspect.Parameter:
    option = field.metadata.get("option")
    annotation = kind if option is None else Annotated[kind, option]
    keyword = inspect.Parameter.KEYWORD_ONLY
    return inspect.Parameter(field.name, keyword, default=field.default, annotation=annotation)


@contextmanager
def user_errors() -> Iterator[None]:
    """Turns an error that the user can mend into one line on stderr and exit code 2."""
    try:
        yield
    except TrustError as error:
        say(_naming_the_option(error))
        raise typer.Exit(EXIT_ERROR) from None
    except KeyboardInterrupt:
        say("interrupted")
        raise typer.Exit(EXIT_INTERRUPTED) from None


def _naming_the_option(error: Exception) -> str:
    """An error's message; where it begins with a setting, by the name of its option."""
    text, key = str(error), getattr(error, "key", None) or ""
    if key.replace("-", "_").isidentifier() and key.islower() and text.startswith(f"{key} "):
        option = _OPTIONS.get(key, key).replace("_", "-")
        return f"--{option}{text.removeprefix(key)}"
    return text
