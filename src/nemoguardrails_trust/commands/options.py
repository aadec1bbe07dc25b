"""The options that several commands share, and what becomes of them.

Exit codes of every command: 0 when all went well, 1 when it ended with something to look at (bad
lines, rows without a score), 2 when it could not be done as asked, 130 when it was interrupted.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from pathlib import Path

    from nemoguardrails_trust.models.base import LanguageModel
    from nemoguardrails_trust.models.limits import Limits
    from nemoguardrails_trust.scorers.base import ScorerSettings
    from nemoguardrails_trust.scorers.create import BuiltScorer

EXIT_INCOMPLETE = 1
EXIT_ERROR = 2
EXIT_INTERRUPTED = 130

EXIT_CODES = (
    "Exit codes: 0 all went well; 1 some lines or rows could not be used; "
    "2 it cannot be done as asked; 130 interrupted."
)

REPLAY = "replay"

_PRESETS = ("base", "low", "medium", "high", "best")
_SCORERS = ("local", "cleanlab-studio", "cleanlab-tlm")

ModelOption = Annotated[
    str | None,
    typer.Option(
        "--model",
        metavar="NAME",
        help="The model that judges and samples, by its name on an OpenAI-compatible server "
        "(key from OPENAI_API_KEY), or 'replay' for the answers recorded in the data.",
    ),
]
BaseUrlOption = Annotated[
    str | None,
    typer.Option(
        "--base-url",
        metavar="URL",
        help="The OpenAI-compatible server; by default OPENAI_BASE_URL, else OpenAI's own.",
    ),
]
ScorerOption = Annotated[
    str | None,
    typer.Option(
        "--scorer",
        metavar="NAME",
        help="'local' (the default), 'cleanlab-studio', 'cleanlab-tlm' or "
        "'package.module:factory'.",
        autocompletion=lambda: list(_SCORERS),
    ),
]
QualityOption = Annotated[
    str | None,
    typer.Option(
        "--quality",
        metavar="PRESET",
        help="How many model calls a score may cost: base, low, medium (the default), high, best.",
        autocompletion=lambda: list(_PRESETS),
    ),
]
ThresholdOption = Annotated[
    float | None,
    typer.Option(
        "--threshold",
        metavar="0..1",
        help="Scores below it are untrustworthy. By default the calibration's, else 0.6.",
    ),
]
CalibrationOption = Annotated[
    str | None,
    typer.Option("--calibration", metavar="FILE", help="A file made by 'nemo-trust calibrate'."),
]
TimeoutOption = Annotated[
    float | None,
    typer.Option("--timeout", metavar="SECONDS", help="For a whole score; 20 by default."),
]
SamplesOption = Annotated[
    int | None,
    typer.Option(
        "--samples", min=1, metavar="K", help="Samples a score, instead of the preset's number."
    ),
]
LimitOption = Annotated[
    int | None, typer.Option("--limit", min=1, metavar="N", help="Only the first N rows.")
]
RequestsPerMinuteOption = Annotated[
    int | None,
    typer.Option(
        "--requests-per-minute",
        min=1,
        metavar="N",
        help="The most requests to the model in any 60 seconds. The server's own limit is learnt "
        "without it.",
    ),
]
TokensPerMinuteOption = Annotated[
    int | None,
    typer.Option(
        "--tokens-per-minute",
        min=1,
        metavar="N",
        help="The most tokens, read and written, in any 60 seconds.",
    ),
]
SkipBadOption = Annotated[
    bool, typer.Option("--skip-bad", help="Exit with 0 even though there are bad lines.")
]
JsonOption = Annotated[
    bool, typer.Option("--json", help="Print one JSON object instead of a table.")
]


@dataclass(frozen=True, slots=True)
class Rates:
    """How much may be asked of the model in any 60 seconds; `None` for no limit but the server's.

    Attributes:
        requests_per_minute: The value of `--requests-per-minute`.
        tokens_per_minute: The value of `--tokens-per-minute`.
    """

    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None

    @property
    def option(self) -> str | None:
        """The option that was given, the first where it is both; `None` where none was."""
        if self.requests_per_minute is not None:
            return "--requests-per-minute"
        return None if self.tokens_per_minute is None else "--tokens-per-minute"


NO_RATES = Rates()


@contextmanager
def user_errors() -> Iterator[None]:
    """Turns an error that the user can mend into one line on stderr and exit code 2."""
    from nemoguardrails_trust.errors import TrustError

    try:
        yield
    except TrustError as error:
        typer.echo(f"nemo-trust: {' '.join(str(error).split())}", err=True)
        raise typer.Exit(EXIT_ERROR) from None
    except KeyboardInterrupt:
        typer.echo("nemo-trust: interrupted", err=True)
        raise typer.Exit(EXIT_INTERRUPTED) from None


def scorer_settings(**chosen: Any) -> "ScorerSettings":
    """Builds the settings from the options that were given; those that are `None` were not.

    Raises:
        SettingsError: A value is out of range. The message names the option.
    """
    from pydantic import ValidationError

    from nemoguardrails_trust.errors import SettingsError
    from nemoguardrails_trust.scorers.base import ScorerSettings

    given = {key: value for key, value in chosen.items() if value is not None}
    try:
        return ScorerSettings(**given)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = str(first["loc"][0])
        raise SettingsError(f"--{key} is {given[key]!r}: {first['msg']}", key=key) from None


def require_no_server(base_url: str | None, rates: Rates) -> None:
    """Refuses what is said about a server where answers are replayed.

    Raises:
        SettingsError: Something is; the message names the option.
    """
    from nemoguardrails_trust.errors import SettingsError

    option = "--base-url" if base_url is not None else rates.option
    if option is not None:
        raise SettingsError(f"{option} is of no use with --model replay")


def build_model(
    name: str | None,
    base_url: str | None = None,
    *,
    recorded: "Path | None" = None,
    limits: "Limits | None" = None,
    rates: Rates = NO_RATES,
) -> "LanguageModel | None":
    """Builds the model that `--model` and `--base-url` name; `None` where none is named.

    Args:
        name: The model's name, or `replay`.
        base_url: The server, if not OpenAI's own.
        recorded: The JSON lines that `replay` gives back.
        limits: What the model keeps to; `None` takes what all models of the name and server share.
        rates: What the limits are set to.

    Raises:
        SettingsError: The options contradict each other.
        DataError: The recorded answers cannot be read.
        CredentialsError: A key is needed and not set.
    """
    from nemoguardrails_trust.errors import SettingsError

    if name == REPLAY:
        from nemoguardrails_trust.models.replay import ReplayModel

        require_no_server(base_url, rates)
        if recorded is None:
            raise SettingsError("--model replay needs recorded answers", key="model")
        return ReplayModel.from_file(recorded)
    if name is None:
        if base_url is not None:
            raise SettingsError("--base-url needs a --model", key="base_url")
        if rates.option is not None:
            raise SettingsError(f"{rates.option} needs a --model")
        return None
    from nemoguardrails_trust.models.openai import OpenAICompatibleModel

    model = OpenAICompatibleModel(name, base_url=base_url, limits=limits)
    model.limits.configure(None, rates.requests_per_minute, rates.tokens_per_minute)
    return model


def build_scorer(
    settings: "ScorerSettings",
    model_name: str | None = None,
    base_url: str | None = None,
    *,
    samples: int | None = None,
    recorded: "Path | None" = None,
    rates: Rates = NO_RATES,
) -> "BuiltScorer":
    """Builds the scorer that the options describe, with its calibration where one is named.

    Args:
        settings: The scorer's settings.
        model_name: The value of `--model`.
        base_url: The value of `--base-url`.
        samples: The value of `--samples`.
        recorded: The JSON lines that `--model replay` gives back.
        rates: The values of `--requests-per-minute` and `--tokens-per-minute`.

    Raises:
        TrustError: It cannot be built; the message says why.
    """
    import sys

    from nemoguardrails_trust.errors import SettingsError
    from nemoguardrails_trust.scorers.create import create_scorer

    if settings.scorer != "local":
        if "" not in sys.path:
            sys.path.insert(0, "")  # a factory of the user's own may stand in the working folder
        for option, value in (("--base-url", base_url), ("--samples", samples)):
            if value is not None:
                raise SettingsError(f"{option} is for the local scorer")
        if rates.option is not None:
            raise SettingsError(f"{rates.option} is for the local scorer")
        if model_name == REPLAY:
            raise SettingsError("--model replay is for the local scorer")
        return create_scorer(settings)
    if model_name is None:
        raise SettingsError(
            "the local scorer needs a model: give --model NAME, or --model replay", key="model"
        )
    model = build_model(model_name, base_url, recorded=recorded, rates=rates)
    local_options: dict[str, Any] = {} if samples is None else {"samples": samples}
    return create_scorer(settings, model, **local_options)
