"""`nemo-trust schema`."""

import enum
import inspect
import json
import re
import sys
from typing import TYPE_CHECKING, Annotated, Any

from nemoguardrails_trust.commands.help import argument
from nemoguardrails_trust.commands.options import user_errors
from nemoguardrails_trust.commands.terminal import tell

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic import BaseModel


class SettingsKind(enum.StrEnum):
    """What has settings of its own."""

    RAIL = "rail"
    SERVER = "server"


@user_errors()
def schema(
    kind: Annotated[
        SettingsKind, argument("KIND", "rail (for config.yml) or server (for 'serve --config').")
    ],
) -> None:
    """Print the JSON schema of the settings, for editors.

    Save it with 'nemo-trust schema rail > trust.schema.json', and begin config.yml with the line
    '# yaml-language-server: $schema=trust.schema.json': an editor then completes and checks
    custom_data.trust. 'nemo-trust schema server' is for the file of 'serve --config'.
    """
    dialect = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    tell(json.dumps(dialect | _SCHEMAS[kind](), indent=2))


def _of_rail() -> dict[str, Any]:
    """The schema of a bot's config.yml, in which all but our own settings is left open."""
    from nemoguardrails_trust.guardrail.settings import TrustSettings

    trust = _described(TrustSettings)
    definitions = trust.pop("$defs", {})
    trust["type"] = [trust["type"], "null"]
    custom = {"type": "object", "properties": {"trust": trust}}
    return {
        "title": "A NeMo Guardrails configuration with nemoguardrails-trust",
        "type": "object",
        "properties": {"custom_data": custom},
        "$defs": definitions,
    }


def _of_server() -> dict[str, Any]:
    from nemoguardrails_trust.server.settings import ServerSettings

    return _described(ServerSettings)


def _described(model: "type[BaseModel]") -> dict[str, Any]:
    """A model's schema, in which each setting is described as its docstring does."""
    schema = model.model_json_schema()
    for kind, part in ((model, schema), *_parts(model, schema)):
        told: dict[str, str] = {}
        for base in reversed(kind.__mro__):
            text = inspect.cleandoc(base.__dict__.get("__doc__") or "")
            found = _ATTRIBUTE.findall(text.partition("Attributes:\n")[2])
            told |= {name: " ".join(said.split()) for name, said in found}
        part["description"] = inspect.cleandoc(kind.__doc__ or "").partition("\n")[0]
        for name, setting in part.get("properties", {}).items():
            if name in told:
                setting["description"] = told[name]
    return schema


def _parts(
    model: "type[BaseModel]", schema: dict[str, Any]
) -> "Iterator[tuple[type[BaseModel], dict[str, Any]]]":
    """The models within a model, each with its part of the schema."""
    module = vars(sys.modules[model.__module__])
    for name, part in schema.get("$defs", {}).items():
        if name in module:
            forms = part.get("anyOf", [part])  # besides the full form, some are written in short
            yield module[name], next(form for form in forms if "properties" in form)


_ATTRIBUTE = re.compile(r"^    (\w+): (.*?)(?=^    \w|\Z)", re.MULTILINE | re.DOTALL)
_SCHEMAS = {SettingsKind.RAIL: _of_rail, SettingsKind.SERVER: _of_server}
