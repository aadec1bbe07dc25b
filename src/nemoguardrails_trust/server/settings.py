"""What a server is set up with, from a YAML file or from the command line."""

import hmac
import os
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from nemoguardrails_trust.disk import read_yaml
from nemoguardrails_trust.errors import (
    CredentialsError,
    DataError,
    SettingsError,
    known_instead,
    why_invalid,
)
from nemoguardrails_trust.models.base import MOST_BYTES
from nemoguardrails_trust.scorers.base import QualityPreset

REPLAY = "replay"
LOCAL = "local"
LONGEST_REQUEST = 290.0
"""Seconds that a request may take at most: stock clients give up, and ask again, after 300."""

Count = Annotated[int, Field(ge=1)]
FilePath = Annotated[Path, Field(strict=False)]


class _Settings(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class PresetSettings(_Settings):
    """What scores in a preset.

    Attributes:
        scorer: `local`, `cleanlab-studio`, `cleanlab-tlm`, or `package.module:factory`.
        calibration: A file made by `nemo-trust calibrate` for this scorer, preset and model; it
            turns scores into probabilities of being right.
    """

    scorer: Annotated[str, Field(pattern=r"\S")] = LOCAL
    calibration: FilePath | None = None


class BackendSettings(_Settings):
    """A model behind the server.

    Attributes:
        model: Its name on its server, or `replay` for recorded answers.
        base_url: Its server, with OpenAI's chat completions API. `None` uses `OPENAI_BASE_URL`,
            or OpenAI.
        api_key_variable: The environment variable with the key for its server.
        recorded: The recorded answers for `replay` (JSON Lines).
        timeout: Seconds for one request to the model, above 0.
        concurrency: The most requests to the model at once.
        requests_per_minute: The most requests to the model in any 60 seconds.
        tokens_per_minute: The most tokens, read and written, in any 60 seconds.
        most_bytes: The largest reply, after decompression, to read from the model.
        presets: Another scorer, a calibration or both for a preset.
    """

    model: Annotated[str, Field(pattern=r"\S")]
    base_url: str | None = None
    api_key_variable: str = "OPENAI_API_KEY"
    recorded: FilePath | None = None
    timeout: Annotated[float, Field(gt=0.0)] = 60.0
    concurrency: Count | None = None
    requests_per_minute: Count | None = None
    tokens_per_minute: Count | None = None
    most_bytes: Count = MOST_BYTES
    presets: dict[QualityPreset, PresetSettings] = Field(default_factory=dict)

    def preset(self, quality: QualityPreset) -> PresetSettings:
        """What scores in a preset."""
        return self.presets.get(quality, _UNCHANGED)


_UNCHANGED = PresetSettings()


class LimitSettings(_Settings):
    """What one server takes on.

    Attributes:
        body_bytes: The largest body of a request that is read.
        body_seconds: The most time for a request's body to arrive.
        head_bytes: The largest head of a request, its headers included.
        head_seconds: The most time for a request's head to arrive.
        in_flight: The most requests processed at once.
        in_flight_per_key: The most requests of one key, in progress or waiting.
        requests_per_minute_per_key: The most requests of one key in any 60 seconds. Requests
            without a key count as those of one key.
        waiting: The most requests that wait for their turn; the next is refused with a 429.
        timeout: Seconds for a whole request, below 290.
    """

    body_bytes: Count = 8 * 1024**2
    body_seconds: Annotated[float, Field(gt=0.0)] = 30.0
    head_bytes: Count = 64 * 1024
    head_seconds: Annotated[float, Field(gt=0.0)] = 20.0
    in_flight: Count = 256
    in_flight_per_key: Count = 1024
    requests_per_minute_per_key: Count | None = None
    waiting: Annotated[int, Field(ge=0)] = 2048
    timeout: Annotated[float, Field(gt=0.0, lt=LONGEST_REQUEST)] = 280.0


class ServerSettings(_Settings):
    """What a server is set up with.

    Attributes:
        backends: The models, each under a name of your choice.
        default_backend: The backend for every model name that `models` does not list. Not needed
            if there is only one.
        models: Model names that clients send, and the backend for each.
        prefix: What the paths of the TLM protocol begin with.
        keys_variable: The environment variable with the clients' keys, separated by commas.
        keys_file: A file with such keys, one per line.
        is_open: Whether to serve others without keys.
        is_score_endpoint_open: Whether `/chat/score` needs no key: `cleanlab_tlm.utils.vpc`
            sends none.
        cors_origins: Web pages whose scripts may use the server, such as
            `https://app.example.org`; `*` for all.
        limits: What the server takes on.
    """

    backends: Annotated[dict[str, BackendSettings], Field(min_length=1)]
    default_backend: str = ""
    models: dict[str, str] = Field(default_factory=dict)
    prefix: Annotated[str, Field(pattern=r"^(/[A-Za-z0-9._-]+)*$")] = "/api"
    keys_variable: str = "NEMO_TRUST_SERVER_KEYS"
    keys_file: FilePath | None = None
    is_open: bool = False
    is_score_endpoint_open: bool = False
    cors_origins: list[str] = Field(default_factory=list)
    limits: LimitSettings = LimitSettings()

    @model_validator(mode="after")
    def _names_known_backends(self) -> "ServerSettings":
        if not self.default_backend and len(self.backends) > 1:
            raise ValueError("default_backend must name one of several backends")
        for name in (self.default_backend, *self.models.values()):
            if name and name not in self.backends:
                raise ValueError(f"there is no backend {name!r}")
        return self

    @property
    def default(self) -> str:
        """The name of the backend for model names that are not listed."""
        return self.default_backend or next(iter(self.backends))


def read_settings(path: Path) -> ServerSettings:
    """Reads the settings of a YAML file.

    Raises:
        DataError: The file cannot be read, or is not YAML.
        SettingsError: A setting is unknown or out of range. The message names it.
    """
    given = read_yaml(path)
    if not isinstance(given, dict):
        raise DataError("must contain settings, such as backends", path=str(path))
    try:
        return settings_of(given)
    except SettingsError as error:
        raise SettingsError(f"{path}: {error}", key=error.key) from None


def settings_of(given: dict[str, Any]) -> ServerSettings:
    """Checks settings.

    Raises:
        SettingsError: One is unknown or out of range. The message names it.
    """
    try:
        return ServerSettings(**given)
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)
        # A name that is misspelt explains why another is missing.
        first = next((one for one in found if one["type"] == "extra_forbidden"), found[0])
        key = ".".join(map(str, first["loc"])) or "settings"
        told = why_invalid(first)
        if first["type"] == "extra_forbidden":
            known = {name for kind in _Settings.__subclasses__() for name in kind.model_fields}
            told = f"is not a setting; {known_instead(str(first['loc'][-1]), sorted(known))}"
        raise SettingsError(f"{key}: {told}", key=key) from None


class Keys:
    """The keys that clients may show. Whether one fits is found out in constant time."""

    def __init__(self, keys: tuple[str, ...]) -> None:
        self._keys = tuple(key.encode() for key in keys)

    @classmethod
    def of(cls, settings: ServerSettings) -> "Keys":
        """Reads the keys from the environment and the file.

        Raises:
            DataError: The file cannot be read.
            CredentialsError: The file holds no key.
        """
        found = os.environ.get(settings.keys_variable, "").split(",")
        if settings.keys_file is not None:
            try:
                lines = settings.keys_file.read_text(encoding="utf-8").splitlines()
            except (OSError, UnicodeDecodeError) as error:
                raise DataError(
                    f"cannot be read: {type(error).__name__}", path=str(settings.keys_file)
                ) from None
            if not any(line.strip() for line in lines):
                raise CredentialsError(f"keys_file {settings.keys_file} holds no key")
            found += lines
        return cls(tuple(key.strip() for key in found if key.strip()))

    def __bool__(self) -> bool:
        return bool(self._keys)

    def find(self, shown: str) -> int | None:
        """The place of the key that was shown; `None` where it is none of them."""
        given = shown.encode("utf-8", "surrogateescape")
        found = None
        for place, key in enumerate(self._keys):
            if hmac.compare_digest(key, given):
                found = place
        return found
