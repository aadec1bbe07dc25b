"""`nemo-trust schema`: what editors learn of the settings."""

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from typer.testing import CliRunner

from nemoguardrails_trust import TrustSettings
from nemoguardrails_trust.cli import app
from tests.pages.blocks import PAGES, blocks_of

ROOT = Path(__file__).parents[2]


def schema_of(kind: str) -> dict[str, Any]:
    result = CliRunner().invoke(app, ["schema", kind])
    assert result.exit_code == 0, result.output
    schema: dict[str, Any] = json.loads(result.stdout)
    jsonschema.Draft202012Validator.check_schema(schema)
    return schema


@pytest.fixture(scope="module")
def rail() -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(schema_of("rail"))


@pytest.mark.parametrize(
    "path", sorted((ROOT / "examples").rglob("config.yml")), ids=lambda path: path.parent.name
)
def test_the_configurations_of_the_examples_fit_it(
    path: Path, rail: jsonschema.Draft202012Validator
) -> None:
    rail.validate(yaml.safe_load(path.read_text("utf-8")))


def test_the_settings_on_the_pages_fit_it(rail: jsonschema.Draft202012Validator) -> None:
    blocks = [block for page in PAGES for block in blocks_of(page, "yaml")]
    given = [block for block in blocks if "custom_data" in block.text]
    assert len(given) > 5
    for block in given:
        told = [error.message for error in rail.iter_errors(yaml.safe_load(block.text))]
        assert not told, f"{block.place}: {told}"


OWN = {"name": "polite", "criteria": "The Reply is polite.", "response_identifier": "Reply"}


@pytest.mark.parametrize(
    "trust",
    [
        {}, {"threshold": 0.7}, {"on_error": "block"}, {"explain": "claims"}, {"explain": True},
        {"evaluations": ["response_groundedness"]}, {"evaluations": [{"context_sufficiency": 0.3}]},
        {"evaluations": [OWN | {"threshold": 0.9}, "query_ease"]},
        {"require": ["reflection"], "rephrase": 2, "model": "judge", "calibration": "c.json"},
    ],
    ids=str,
)  # fmt: skip
def test_settings_that_are_valid_fit_it(trust: Any, rail: jsonschema.Draft202012Validator) -> None:
    TrustSettings.model_validate(trust)
    rail.validate({"models": [], "custom_data": {"trust": trust, "tenant": "a"}})


def test_no_settings_fit_it(rail: jsonschema.Draft202012Validator) -> None:
    rail.validate({"custom_data": {"trust": None}})


@pytest.mark.parametrize(
    "trust",
    [
        {"treshold": 0.7}, {"threshold": 2}, {"quality": "superb"}, {"cache": -1}, "all", [1],
        {"evaluations": ["nope"]}, {"evaluations": [{"query_ease": 3}]}, {"evaluations": [{}]},
        {"evaluations": [{"query_ease": 0.3, "context_sufficiency": 0.3}]},
    ],
    ids=str,
)  # fmt: skip
def test_settings_that_are_not_do_not(trust: Any, rail: jsonschema.Draft202012Validator) -> None:
    with pytest.raises(ValueError, match="validation error"):
        TrustSettings.model_validate(trust)
    assert not rail.is_valid({"custom_data": {"trust": trust}})


@pytest.mark.parametrize("kind", ["rail", "server"])
def test_every_setting_is_on_its_page(kind: str) -> None:
    page = (ROOT / "docs" / f"{kind}.md").read_text("utf-8")
    schema = schema_of(kind)
    parts = [schema, *schema["$defs"].values()]
    if kind == "rail":
        parts = [schema["properties"]["custom_data"]["properties"]["trust"]]
    names = {name for part in parts for name in part.get("properties", {})}
    assert len(names) > 15
    assert sorted(name for name in names if not re.search(rf"^\|.*`{name}`", page, re.M)) == []


@pytest.mark.parametrize("kind", ["rail", "server"])
def test_every_setting_is_described(kind: str) -> None:
    schema = schema_of(kind)
    parts = [schema, *schema["$defs"].values()]
    if kind == "rail":
        parts = [schema["properties"]["custom_data"]["properties"]["trust"]]
        assert set(parts[0]["properties"]) == set(TrustSettings.model_fields)
    bare = [
        name
        for part in parts
        for name, item in part["properties"].items()
        if "description" not in item
    ]
    assert bare == []


def test_another_kind_is_refused_in_plain_words() -> None:
    result = CliRunner().invoke(app, ["schema", "bot"])
    assert result.exit_code == 2
    assert "Invalid value for 'KIND': 'bot' is not one of 'rail', 'server'" in result.stderr
