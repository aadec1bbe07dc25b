"""What a server is set up with: the file, its schema, and what scores in which preset."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import pytest
import yaml
from typer.testing import CliRunner

from nemoguardrails_trust.cli import app
from nemoguardrails_trust.errors import DataError, SettingsError
from nemoguardrails_trust.exchange import Exchange
from nemoguardrails_trust.scorers.base import ScorerSettings
from nemoguardrails_trust.scores import TrustworthinessScore
from nemoguardrails_trust.server.app import create_app
from nemoguardrails_trust.server.settings import ServerSettings, read_settings, settings_of
from tests.server.running import Running, serving

SCORE = "/v0/trustworthy_llm/get_confidence_score"
WHOLE = """
backends:
  small:
    model: my-model
    base_url: http://localhost:8000/v1
    api_key_variable: MY_KEY
    concurrency: 8
    presets:
      high: {scorer: cleanlab-tlm, calibration: high.json}
  large: {model: gpt-4o, requests_per_minute: 500, timeout: 30}
default_backend: small
models: {gpt-4.1: large}
keys_file: /run/secrets/keys
limits: {in_flight: 256, timeout: 280}
"""


def schema() -> dict[str, Any]:
    result = CliRunner().invoke(app, ["schema", "server"])
    assert result.exit_code == 0
    described: dict[str, Any] = json.loads(result.stdout)
    return described


def test_a_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "serve.yml"
    path.write_text(WHOLE, encoding="utf-8")
    settings = read_settings(path)
    assert settings.backends["small"].preset("high").scorer == "cleanlab-tlm"
    assert settings.backends["small"].preset("low").scorer == "local"
    assert settings.default == "small"


def test_worker_processes_are_set_up_alike() -> None:
    settings = settings_of(yaml.safe_load(WHOLE))
    assert settings_of(json.loads(settings.model_dump_json())) == settings


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"backend": {}}, "backend"),
    ({"backends": {}}, "backends"),
    ({"limits": {"in_flight": 0}}, "limits.in_flight"),
    ({"limits": {"in_flight": "256"}}, "limits.in_flight"),
    ({"limits": {"timeout": 290}}, "limits.timeout"),
    ({"prefix": "api"}, "prefix"),
    ({"is_open": "yes"}, "is_open"),
    ({"backends": {"a": {"model": " "}}}, "backends.a.model"),
    ({"backends": {"a": {"model": "m", "presets": {"superb": {}}}}}, "backends.a.presets.superb"),
    (
        {"backends": {"a": {"model": "m", "presets": {"low": {"scorer": ""}}}}},
        "backends.a.presets.low.scorer",
    ),
]


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("backend: {own: {model: m}}", "backend: is not a setting; did you mean backends?"),
        ("limits: {in_flight: 9}", "backends: it is missing"),
    ],
)
def test_a_file_that_does_not_fit_is_named(tmp_path: Path, written: str, told: str) -> None:
    path = tmp_path / "serve.yml"
    path.write_text(written)
    with pytest.raises(SettingsError) as raised:
        read_settings(path)
    assert str(raised.value).startswith(f"{path}: {told}")


def test_a_file_that_is_not_there_is_told_in_words(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"serve\.yml: cannot be read: No such file or directory$"):
        read_settings(tmp_path / "serve.yml")


@pytest.mark.parametrize(("changed", "named"), WRONG, ids=[named for _, named in WRONG])
def test_what_is_wrong_is_named_and_the_schema_refuses_it_too(
    changed: dict[str, Any], named: str
) -> None:
    given = {"backends": {"own": {"model": "m"}}} | changed
    with pytest.raises(SettingsError) as raised:
        settings_of(given)
    assert str(raised.value.key).startswith(named)
    assert named in str(raised.value)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(given, schema())


def test_the_schema_takes_what_the_server_takes() -> None:
    described = schema()
    jsonschema.Draft202012Validator.check_schema(described)
    jsonschema.validate(yaml.safe_load(WHOLE), described)
    assert set(described["properties"]) == set(ServerSettings.model_fields)


def test_a_schema_of_anything_else_is_refused() -> None:
    result = CliRunner().invoke(app, ["schema", "nothing"])
    assert result.exit_code == 2
    assert "server" in result.output


class Constant:
    """A scorer that finds everything equally good."""

    name = "constant"

    async def score(self, exchange: Exchange) -> TrustworthinessScore:
        return TrustworthinessScore(0.25, scorer=self.name)


def constant(settings: ScorerSettings) -> Constant:
    return Constant()


OF_A_USER = {"scorer": f"{__name__}:constant"}


def calibration(path: Path, **changed: Any) -> str:
    whole = {
        "scorer": "local",
        "quality": "low",
        "model": "gpt-test",
        "knots": [[0, 0.5], [1, 0.5]],
        "fit": "isotonic",
        "n": 100,
        "created": "2026-01-01T00:00:00Z",
    }
    path.write_text(json.dumps(whole | changed), encoding="utf-8")
    return str(path)


def score(server: Running, options: Mapping[str, Any] | None = None, **changed: Any) -> Any:
    body = {"prompt": "Say echo", "response": "echo", "quality": "low", "options": options}
    return httpx.post(f"{server.api}{SCORE}", json=body | changed, timeout=60)


def test_a_preset_is_scored_by_its_scorer_and_with_its_calibration(tmp_path: Path) -> None:
    presets = {
        "low": {"calibration": calibration(tmp_path / "low.json")},
        "medium": OF_A_USER,
    }
    with serving(backend={"presets": presets}) as running:
        scores = {
            quality: score(running, quality=quality).json()["confidence_score"]
            for quality in ("base", "low", "medium")
        }
        calls = len(running.model.bodies)
    assert scores["low"] == 0.5
    assert scores["medium"] == 0.25
    assert scores["base"] > 0.5
    assert calls == 2


def test_options_for_the_local_scorer_are_noted_where_another_scores() -> None:
    criteria = [{"name": "short", "criteria": "It is short."}]
    with serving(backend={"presets": {"medium": OF_A_USER}}) as running:
        options = {"num_consistency_samples": 2, "log": ["explanation"]}
        told = score(running, options, quality="medium").json()
        refused = score(running, {"custom_eval_criteria": criteria}, quality="medium")
    assert told["confidence_score"] == 0.25
    assert "num_consistency_samples" in told["log"]["warning"]
    assert refused.status_code == 422
    assert "custom_eval_criteria" in refused.json()["error"]


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"model": "another"}, SettingsError),
        ({"quality": "high"}, SettingsError),
        ({"n": 0}, DataError),
    ],
)
def test_a_calibration_that_does_not_fit_is_told_at_start(
    tmp_path: Path, changed: dict[str, Any], error: type[Exception]
) -> None:
    path = calibration(tmp_path / "low.json", **changed)
    backend = {"model": "gpt-test", "base_url": "http://127.0.0.1:1/v1"}
    settings = settings_of(
        {"backends": {"own": backend | {"presets": {"low": {"calibration": path}}}}}
    )
    with pytest.raises(error):
        create_app(settings)
