"""`nemo-trust serve`."""

import os
from pathlib import Path
from typing import Any

import typer

from nemoguardrails_trust.commands.garbage import seldom_collected
from nemoguardrails_trust.commands.help import parameter
from nemoguardrails_trust.commands.options import EXIT_ERROR, REPLAY, user_errors
from nemoguardrails_trust.commands.output import temporary_folder
from nemoguardrails_trust.errors import CredentialsError, SettingsError, needing

_LOCAL = ("127.0.0.1", "::1", "localhost")


@user_errors()
@seldom_collected()  # from the first import on: there the collector takes a sixth of the time
def serve(
    config: str | None = parameter("--config FILE", "The server's settings (YAML)."),
    model: str | None = parameter(
        "--model NAME",
        "Without --config: the model, on the server in OPENAI_BASE_URL with the key in "
        "OPENAI_API_KEY; or 'replay' for recorded answers.",
    ),
    recorded: str | None = parameter(
        "--recorded FILE",
        "The recorded answers for --model replay (JSON Lines). Default: the trivia example.",
    ),
    host: str = parameter("--host ADDRESS", "The address to listen on.", default="127.0.0.1"),
    port: int = parameter(
        "--port N", "The port; 0 takes any free one.", min=0, max=65535, default=8080
    ),
    workers: int = parameter("--workers N", "How many processes serve.", min=1, default=1),
    allow_open: bool = parameter(
        "--allow-open", "Allow a server without keys to listen beyond this machine.", default=False
    ),
    log_json: bool = parameter("--log-json", "Write the log as JSON Lines.", default=False),
) -> None:
    """Serve scores over HTTP to TLM clients.

    Set CLEANLAB_API_BASE_URL to http://HOST:PORT/api, and cleanlab-tlm and cleanlab-studio work
    unchanged with your own model.
    """
    with needing(None, "server"):
        import uvicorn

        from nemoguardrails_trust.server.app import SETTINGS_VARIABLE, create_app
        from nemoguardrails_trust.server.connections import uvicorn_options
        from nemoguardrails_trust.server.logs import json_logs
        from nemoguardrails_trust.server.metrics import SHARED_BY_WORKERS
    from nemoguardrails_trust.server.settings import Keys, read_settings, settings_of

    if (config is None) == (model is None):
        raise SettingsError("give either --config FILE or --model NAME")
    if recorded is not None and model != REPLAY:
        raise SettingsError("--recorded is for --model replay")
    if config is not None:
        settings = read_settings(Path(config))
    else:
        settings = settings_of({"backends": {"default": _backend(str(model), recorded)}})
    if not (Keys.of(settings) or host in _LOCAL or allow_open or settings.is_open):
        raise CredentialsError(
            f"--host {host} lets others connect, but there are no keys: set "
            f"{settings.keys_variable}, or give --allow-open"
        )
    options: dict[str, Any] = {"host": host, "port": port, "workers": workers}
    options |= uvicorn_options(settings.limits)
    if log_json:
        options["log_config"] = json_logs()
    app = create_app(settings)  # what is wrong with the settings shows here, once
    try:
        if workers == 1:
            uvicorn.run(app, **options)
            return
        os.environ[SETTINGS_VARIABLE] = settings.model_dump_json()
        with temporary_folder() as folder:
            os.environ.setdefault(SHARED_BY_WORKERS, str(folder))
            uvicorn.run(
                "nemoguardrails_trust.server.app:app_from_environment", factory=True, **options
            )
    except SystemExit as ended:  # where uvicorn cannot start, it logs why; its codes mean nothing
        if ended.code:
            raise typer.Exit(EXIT_ERROR) from None
        raise


def _backend(model: str, recorded: str | None) -> dict[str, str]:
    from nemoguardrails_trust.datasets.shipped import examples_folder

    if model != REPLAY:
        return {"model": model}
    return {
        "model": model,
        "recorded": recorded or str(examples_folder() / "trivia" / "recorded.jsonl"),
    }
