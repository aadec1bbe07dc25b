"""Checks requests and answers against Langfuse's own description of its API.

Where the real server is known to differ from its description, `GAPS` says so, and the description
is mended accordingly as it is loaded.
"""

import functools
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jsonschema
import yaml

Json = Any

GAPS = {
    "POST /api/public/scores takes a list": "described as one object; the client of version 5 "
    "sends a list, so each element is checked against the described object",
    "POST /api/public/scores answers 202 or 207": "described as 200 with an id",
    "a score has a timestamp": "not described; an ISO 8601 time with an offset",
    "POST /api/public/otel/v1/traces takes protobuf": "described as JSON; read with the "
    "protobuf of OpenTelemetry instead",
    "an observation without its prices": "described as required, yet only sent with the field "
    "groups that hold them",
}

_FILE = Path(__file__).with_name("langfuse-openapi.yml")
_PRICES = ("modelId", "inputPrice", "outputPrice", "totalPrice")
_ACCEPTED: Json = {
    "type": "object",
    "properties": {"message": {"enum": ["Accepted"]}},
    "required": ["message"],
}
_PARTLY: Json = {
    "type": "object",
    "properties": {
        "accepted": {"type": "integer", "minimum": 0},
        "rejected": {"type": "integer", "minimum": 1},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"message": {"type": "string"}},
                "required": ["message"],
            },
        },
    },
    "required": ["accepted", "rejected", "errors"],
}


class DescriptionError(Exception):
    """A request or an answer is not as described. Says where."""


def check_query(path: str, query: Mapping[str, str]) -> None:
    """Checks the query of a GET request.

    Raises:
        DescriptionError: A parameter is unknown or of the wrong type.
    """
    known = {
        operation["name"]: operation["schema"]
        for operation in _operation("get", path)["parameters"]
    }
    for name, text in query.items():
        if name not in known:
            raise DescriptionError(f"GET {path} has no parameter {name}")
        _check(_value(text, known[name]), known[name], f"GET {path}?{name}")


def check_request(path: str, body: Json) -> None:
    """Checks the JSON body of a POST request.

    Raises:
        DescriptionError: It is not as described.
    """
    _check(body, _request_schema(path), f"POST {path}")


def check_score(score: Json) -> None:
    """Checks one element of a POST to `/api/public/scores`.

    Raises:
        DescriptionError: It is not as described.
    """
    _check(score, {"$ref": "#/components/schemas/CreateScoreRequest"}, "a score")


def check_answer(method: str, path: str, status: int, body: Json) -> None:
    """Checks a good answer.

    Raises:
        DescriptionError: It is not as described.
    """
    where = f"the answer {status} to {method.upper()} {path}"
    _check(body, _answer_schema(method, path, status), where)


def _answer_schema(method: str, path: str, status: int) -> Json:
    if (method, path) == ("post", "/api/public/scores"):
        return {202: _ACCEPTED, 207: _PARTLY}[status]
    content = _operation(method, path)["responses"][str(status)]["content"]
    return content["application/json"]["schema"]


def _request_schema(path: str) -> Json:
    return _operation("post", path)["requestBody"]["content"]["application/json"]["schema"]


def _operation(method: str, path: str) -> Json:
    return _description()["paths"][path][method]


@functools.cache
def _description() -> Json:
    described = _with_null(yaml.safe_load(_FILE.read_text(encoding="utf-8")))
    observation = described["components"]["schemas"]["ObservationV2"]
    observation["required"] = [name for name in observation["required"] if name not in _PRICES]
    score = described["components"]["schemas"]["CreateScoreRequest"]["properties"]
    score["timestamp"] = {"type": "string", "pattern": r"T.*(Z|[+-]\d\d:\d\d)$"}
    return described


def _with_null(node: Json) -> Json:
    """OpenAPI's `nullable` in the words of JSON Schema."""
    if isinstance(node, list):
        return [_with_null(element) for element in node]
    if not isinstance(node, dict):
        return node
    rest = {key: _with_null(item) for key, item in node.items() if key != "nullable"}
    return {"anyOf": [rest, {"type": "null"}]} if node.get("nullable") else rest


def _value(text: str, schema: Json) -> Json:
    """A query's text as the type that the description gives it."""
    kinds = {entry.get("type") for entry in schema.get("anyOf", [schema])}
    if kinds & {"integer", "number", "boolean"}:
        try:
            return json.loads(text)
        except ValueError:
            return text
    return [text] if "array" in kinds else text


def _check(value: Json, schema: Json, where: str) -> None:
    error = jsonschema.exceptions.best_match(_validator(json.dumps(schema)).iter_errors(value))
    if error is not None:
        place = "/".join(map(str, error.absolute_path))
        raise DescriptionError(f"{where}: {place}: {error.message[:300]}")


@functools.cache
def _validator(schema: str) -> Any:
    whole = {**json.loads(schema), "components": _description()["components"]}
    return jsonschema.Draft202012Validator(whole)
