"""The server on Ray Serve: as many replicas as wanted, which share their rates."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nemoguardrails_trust.errors import CredentialsError, SettingsError, needing
from nemoguardrails_trust.server.settings import Keys, ServerSettings, read_settings

if TYPE_CHECKING:
    from fastapi import FastAPI
    from ray.serve import Application

_KNOWN = ("config", "replicas")


def deployment(arguments: Mapping[str, Any]) -> "Application":
    """Builds what Ray Serve runs.

    serve run nemoguardrails_trust.server.ray:deployment config=serve.yml replicas=4

    Requests and tokens a minute, of backends and of keys, hold for all replicas together; what
    may be under way at once holds for each.

    Args:
        arguments: `config`, the file with the server's settings, and `replicas`, how many of it
            there are (1).

    Raises:
        SettingsError: An argument or a setting is unknown or out of range.
        DataError: The file cannot be read.
        CredentialsError: There are no keys, and the settings do not say that it is to be open.
        MissingDependencyError: Ray Serve is not installed.
    """
    with needing(None, "ray-serve"):
        from ray import serve
    settings, replicas = _read(arguments)

    def build() -> "FastAPI":
        return _application(settings)

    served = serve.deployment(
        serve.ingress(build)(),
        name="nemo-trust",
        num_replicas=replicas,
        # The server itself says what is too much, with the status that clients know.
        max_ongoing_requests=settings.limits.in_flight + settings.limits.waiting + 1,
        graceful_shutdown_timeout_s=settings.limits.timeout,
    )
    bound: Application = served.bind()
    return bound


def _read(arguments: Mapping[str, Any]) -> tuple[ServerSettings, int]:
    unknown = [name for name in arguments if name not in _KNOWN]
    if unknown or "config" not in arguments:
        raise SettingsError(f"give config=FILE, and replicas=NUMBER at most, not {unknown}")
    settings = read_settings(Path(str(arguments["config"])))
    if not (Keys.of(settings) or settings.is_open):
        raise CredentialsError(
            f"there are no keys: set {settings.keys_variable}, or `is_open: true` in the settings"
        )
    told = str(arguments.get("replicas", 1))
    if not told.isdecimal() or int(told) < 1:
        raise SettingsError(
            f"replicas is {told}; it must be a whole number, 1 or more", key="replicas"
        )
    return settings, int(told)


def _application(settings: ServerSettings) -> "FastAPI":
    """The application of one replica."""
    from nemoguardrails_trust.models.ray_rates import share_rates_over_ray
    from nemoguardrails_trust.server.app import create_app

    share_rates_over_ray()
    return create_app(settings)
