"""`nemo-trust schema`."""

import enum
from typing import Annotated, Any

import typer

from nemoguardrails_trust.commands.options import user_errors


class SettingsKind(enum.StrEnum):
    """What has settings of its own."""

    SERVER = "server"


def schema(
    kind: Annotated[
        SettingsKind, typer.Argument(metavar="KIND", help="What the settings are of: server.")
    ],
) -> None:
    """Print the JSON schema of settings, for editors and checks.

    `nemo-trust schema server > serve.schema.json`; an editor finds it by a first line
    `# yaml-language-server: $schema=serve.schema.json` in the file.
    """
    import json

    with user_errors():
        typer.echo(json.dumps(_SCHEMAS[kind](), indent=2))


def _of_server() -> dict[str, Any]:
    from nemoguardrails_trust.server.settings import ServerSettings

    return ServerSettings.model_json_schema()


_SCHEMAS = {SettingsKind.SERVER: _of_server}
