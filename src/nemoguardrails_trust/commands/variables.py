"""Options from the environment: `NEMO_TRUST_MODEL` stands for `--model`, and so on.

A file `.env` in the working folder is read likewise, with the keys and addresses of the servers
that the commands speak to. The environment wins over the file, the command line over both.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nemoguardrails_trust.errors import DataError, SettingsError, nearest_name, wrong_value

PREFIX = "NEMO_TRUST_"
COMMANDS = ("score", "evaluate", "calibrate", "langfuse")
"""The commands whose options may stand in the environment."""

_FILE = Path(".env")
_READ = (PREFIX, "OPENAI_", "CLEANLAB_", "LANGFUSE_")
_OTHERS = ("SERVER_KEYS", "SERVER_SETTINGS", "LIVE_URL", "LIVE_MODEL")


def options_from_environment() -> dict[str, Any]:
    """The options that the environment sets, by the names of their parameters.

    Raises:
        SettingsError: A value is not one of its option, or the name is nearly that of one.
        DataError: The file `.env` cannot be read.
    """
    if _FILE.is_file():
        _take_file()
    given = {name.removeprefix(PREFIX) for name in os.environ if name.startswith(PREFIX)}
    given -= set(_OTHERS)
    return _read(given) if given else {}


def defaults_for(commands: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """For each command that has such options, their values from the environment.

    Raises:
        SettingsError: As for `options_from_environment`.
        DataError: Likewise.
    """
    options = options_from_environment()
    return {
        name: {
            parameter.name: options[parameter.name]
            for parameter in command.params
            if parameter.name in options
        }
        for name, command in commands.items()
        if name in COMMANDS
    }


def _take_file() -> None:
    from dotenv import dotenv_values

    try:
        values = dotenv_values(_FILE, encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        told = f"cannot be read: {error.strerror}" if isinstance(error, OSError) else "is not UTF-8"
        raise DataError(told, path=str(_FILE)) from None
    for name, value in values.items():
        if name.startswith(_READ) and value is not None:
            os.environ.setdefault(name, value)


def _read(given: set[str]) -> dict[str, Any]:

    from pydantic import Field, ValidationError
    from pydantic_settings import BaseSettings, SettingsConfigDict

    from nemoguardrails_trust.commands.output import LogLevel

    class Options(BaseSettings):  # type: ignore[misc]
        model_config = SettingsConfigDict(env_prefix=PREFIX, extra="ignore", env_ignore_empty=True)

        model: str | None = None
        base_url: str | None = None
        scorer: str | None = None
        quality: str | None = None
        samples: int | None = Field(default=None, ge=1)
        requests_per_minute: int | None = Field(default=None, ge=1)
        tokens_per_minute: int | None = Field(default=None, ge=1)
        most_bytes: int | None = Field(default=None, ge=1)
        concurrency: int | None = Field(default=None, ge=1)
        timeout: float | None = Field(default=None, gt=0.0)
        max_failures: int | None = Field(default=None, ge=0)
        threshold: float | None = Field(default=None, ge=0.0, le=1.0)
        calibration: str | None = None
        prices: Path | None = None
        budget: str | None = None
        cache: str | None = None
        quiet: bool | None = None
        log_level: LogLevel | None = None

    known = [name.upper() for name in Options.model_fields]
    for name in sorted(given - set(known)):
        near = nearest_name(name, known, cutoff=0.8)
        if near:
            raise SettingsError(f"{PREFIX}{name} is not read; did you mean {PREFIX}{near}?")
    try:
        options: dict[str, Any] = Options().model_dump(exclude_none=True)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = f"{PREFIX}{str(first['loc'][0]).removeprefix(PREFIX.lower()).upper()}"
        raise SettingsError(f"{name}{wrong_value(first)}", key=name) from None
    return options
