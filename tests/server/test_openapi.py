"""The server answers as its OpenAPI description says, whatever it is sent: schemathesis tries."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.server.running import Running, serving

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
# One for each handler: some stand at several paths.
OPERATIONS = {
    "complete": ("POST", "/v1/chat/completions"),
    "complete_deployment": ("POST", "/openai/deployments/{deployment}/chat/completions"),
    "score_completion": ("POST", "/api/chat/score"),
    "models": ("GET", "/v1/models"),
    "model": ("GET", "/v1/models/{name}"),
    "prompt": ("POST", "/api/v0/trustworthy_llm/prompt"),
    "get_confidence_score": ("POST", "/api/v0/trustworthy_llm/get_confidence_score"),
    "get_explanation": ("POST", "/api/v1/tlm_explanation/get_explanation"),
    "rag_score": ("POST", "/api/v1/rag_trustworthy_llm/score"),
    "rag_generate": ("POST", "/api/v1/rag_trustworthy_llm/generate"),
    "structured_score": ("POST", "/api/v1/openai_trustworthy_llm/score"),
    "check_client_version": ("POST", "/api/cli/v0/check_client_version"),
    "validate": ("GET", "/api/cli/v0/validate"),
    "telemetry": ("POST", "/api/cli/v0/telemetry"),
    "metrics": ("GET", "/metrics"),
    "health": ("GET", "/health"),
    "ready": ("GET", "/ready"),
}


def answer(body: dict[str, Any]) -> str:
    """A model that does what it is told, if it is told something."""
    if "Judge an assistant's response" in json.dumps(body["messages"]):
        return "True 90"
    _, is_told, allowed = str(body["messages"][-1].get("content")).rpartition("nothing else: ")
    return str(json.loads(f"[{allowed}]")[0]) if is_told else "42"


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    with serving(answer, keys_variable="SCHEMA_KEYS") as server:
        yield server


@pytest.fixture(scope="module")
def schema(running: Running) -> Any:
    return schemathesis.openapi.from_url(f"{running.url}/openapi.json")


def test_every_kind_of_endpoint_is_tried(running: Running) -> None:
    paths = httpx.get(f"{running.url}/openapi.json", timeout=60).json()["paths"]
    tried = {paths[path][method.lower()]["description"] for method, path in OPERATIONS.values()}
    described = [operation for methods in paths.values() for operation in methods.values()]
    assert tried == {operation["description"] for operation in described}


@pytest.mark.parametrize("name", OPERATIONS)
def test_no_request_brings_a_server_error_or_an_answer_that_is_not_described(
    running: Running, schema: Any, name: str
) -> None:
    method, path = OPERATIONS[name]

    @settings(
        max_examples=12,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=schema[path][method].as_strategy())
    def tried(case: Any) -> None:
        case.call_and_validate(base_url=running.url, checks=CHECKS, timeout=60)

    tried()


@pytest.mark.parametrize("name", OPERATIONS)
def test_failures_are_described_in_the_form_of_the_client(running: Running, name: str) -> None:
    method, path = OPERATIONS[name]
    paths = httpx.get(f"{running.url}/openapi.json", timeout=60).json()["paths"]
    described = paths[path][method.lower()]["responses"]
    form = described["4XX"]["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
    is_openai = path.endswith("/chat/completions") or "/models" in path
    assert form == ("OpenAIFailure" if is_openai else "Failure")
    assert "HTTPValidationError" not in json.dumps(described)
