"""How a failure is told to a client, in the form that its protocol has."""

import math
import re
from collections.abc import Mapping
from typing import Any

from fastapi.responses import JSONResponse

from nemoguardrails_trust.errors import (
    CredentialsError,
    DataError,
    ModelError,
    ModelRequestError,
    ModelTimeoutError,
    RateLimitError,
    SettingsError,
    TrustError,
)
from nemoguardrails_trust.server.answers import JsonAnswer
from nemoguardrails_trust.server.bodies import Body


class Failure(Body):
    """How a failure is told to clients of the TLM protocol.

    Attributes:
        error: What went wrong.
        code: `invalid_api_key` where the key was refused.
        description: As `error`, where the key was refused.
    """

    error: str
    code: str | None = None
    description: str | None = None


class OpenAIFailure(Body):
    """How a failure is told to clients of OpenAI's API; a backend's own may look otherwise.

    Attributes:
        error: What went wrong, as `message`, `type`, `param` and `code`.
    """

    error: Any = None


_Described = dict[int | str, dict[str, Any]]
_FAILED: tuple[int | str, ...] = (422, "4XX", "5XX")

FAILURES: _Described = {status: {"model": Failure} for status in _FAILED}
"""The failures of every endpoint, for its description."""

OPENAI_FAILURES: _Described = {status: {"model": OpenAIFailure} for status in _FAILED}
"""Likewise, in the form of OpenAI's API."""

_OPENAI_PATH = re.compile(r"/chat/completions$|/models(/|$)")
_BUSY_SECONDS = "1"

_KINDS = {
    401: "authentication_error",
    429: "rate_limit_error",
    500: "server_error",
    503: "server_error",
    504: "server_error",
}


def status_of(error: TrustError) -> int:
    """The HTTP status for an error of the library.

    A 400 is never given: stock clients repeat it four times.
    """
    if isinstance(error, CredentialsError):
        return 503  # the backend's key, not the client's
    if isinstance(error, SettingsError | DataError | ModelRequestError):
        return 422
    if isinstance(error, ModelTimeoutError):
        return 504
    return 429 if isinstance(error, RateLimitError) else 503


def told(error: TrustError) -> str:
    """What a client may read of an error."""
    if isinstance(error, CredentialsError):
        return "the model's server refused the key of this server"
    return str(error)


def waiting(error: TrustError) -> dict[str, str]:
    """The header that tells a client when to try again, where the model's server said so."""
    seconds = error.retry_after if isinstance(error, ModelError) else None
    # A whole number, at least 1: stock clients take anything else for an ordinary failure.
    return {} if seconds is None else {"Retry-After": str(max(1, math.ceil(seconds)))}


def openai_error(error: TrustError) -> dict[str, Any]:
    """An error of the library in the form of OpenAI's API."""
    return _openai_body(status_of(error), told(error))


def failure_of(path: str, error: TrustError) -> JSONResponse:
    """The answer that tells a client of an error of the library; see `failure`."""
    return failure(path, status_of(error), told(error), headers=waiting(error))


def failure(
    path: str, status: int, message: str, *, headers: Mapping[str, str] | None = None
) -> JSONResponse:
    """The answer that tells a client of a failure.

    Args:
        path: The path that was asked for; it decides the form.
        status: The HTTP status.
        message: What went wrong.
        headers: Further headers.
    """
    code = "invalid_api_key" if status == 401 else None
    body: dict[str, Any]
    if _OPENAI_PATH.search(path):
        body = _openai_body(status, message, code)
    else:
        body = {"error": message}
        if code is not None:
            body |= {"code": code, "description": message}
    sent = dict(headers or {})
    if status == 429:
        sent.setdefault("Retry-After", _BUSY_SECONDS)
    return JsonAnswer(body, status_code=status, headers=sent)


def _openai_body(status: int, message: str, code: str | None = None) -> dict[str, Any]:
    kind = _KINDS.get(status, "invalid_request_error")
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}
