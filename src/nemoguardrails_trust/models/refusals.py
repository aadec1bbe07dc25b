"""What an error answer of an OpenAI-compatible server means."""

import enum
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nemoguardrails_trust.errors import (
    CredentialsError,
    ModelError,
    ModelRequestError,
    ModelResponseError,
    RateLimitError,
)
from nemoguardrails_trust.exchange.values import objects_in
from nemoguardrails_trust.models.http_failures import Remedies, error_of_status
from nemoguardrails_trust.models.media_parts import MEDIA_KINDS, kinds_refused

REMEDIES = Remedies(
    key="check that it is current and belongs to this server",
    address="is base_url right?",
    absent="check the model's name and base_url",
)
"""What the user of an OpenAI-compatible server can do."""

_OUT_OF_MONEY = frozenset({"insufficient_quota", "billing_hard_limit_reached"})
_CODE_WORD = re.compile(r"[A-Za-z][A-Za-z_]{0,39}")  # without digits: no key looks like that
_MEDIA_TYPE = re.compile(r"[\w.+\-]{1,30}/[\w.+\-]{1,60}")
_MOST_WORDS = 2000  # characters of a server's message that are looked through


class Again(enum.Enum):
    """Whether another try can help."""

    NEVER = enum.auto()
    FREELY = enum.auto()  # once at once, then after a pause
    AFTER_A_PAUSE = enum.auto()
    WHEN_ALLOWED = enum.auto()


@dataclass(frozen=True, slots=True)
class Failed:
    """A try that failed, with the error if no other is made, and whether another can help."""

    error: CredentialsError | ModelError
    again: Again


class RefusedRequestError(ModelRequestError):
    """A request that the server refused, with what it said.

    Attributes:
        parameter: The parameter that it names as the cause; `None` where it names none.
        said: Its words, in lower case. They may quote the request: never to be shown.
    """

    def __init__(
        self, message: str, *, status: int, parameter: str | None = None, said: str = ""
    ) -> None:
        super().__init__(message, status=status)
        self.parameter = parameter
        self.said = said


def failure_of_status(label: str, status: int, headers: Mapping[str, str], body: Any) -> Failed:
    """Tells what an answer with an error status means.

    Of what the server says, only its short codes are quoted: messages may repeat the prompt or
    parts of the key.
    """
    error = _error_of(body)
    words = [
        value
        for key in ("code", "type", "param")
        if isinstance(value := error.get(key), str) and _CODE_WORD.fullmatch(value)
    ]
    failure = error_of_status(
        label,
        status,
        headers,
        remedies=REMEDIES,
        codes=", ".join(words),
        quota_used_up=not _OUT_OF_MONEY.isdisjoint(words),
    )
    said = _said(error)
    # llama.cpp's server calls it a failure of its own that a model takes no pictures.
    takes_no_media = status == 500 and kinds_refused(said, MEDIA_KINDS)
    if isinstance(failure, ModelRequestError) or takes_no_media:
        failure = RefusedRequestError(
            str(failure), status=status, parameter=_named_parameter(error), said=said
        )
    if not failure.is_retryable:
        return Failed(failure, Again.NEVER)
    limited = isinstance(failure, RateLimitError)
    return Failed(failure, Again.WHEN_ALLOWED if limited else Again.AFTER_A_PAUSE)


def not_json(label: str, headers: Mapping[str, str]) -> Failed:
    """The failure that an answer with a good status is when its body is no JSON object."""
    media_type = headers.get("Content-Type", "").split(";")[0].strip()
    sent_as = f", though sent as {media_type}" if media_type == "application/json" else ""
    if not sent_as and _MEDIA_TYPE.fullmatch(media_type):
        sent_as = f" but {media_type}"
    hint = "" if media_type == "application/json" else "; is base_url right?"
    error = ModelResponseError(f"{label}: the answer is not a complete JSON object{sent_as}{hint}")
    return Failed(error, Again.NEVER)


def _error_of(body: Any) -> Mapping[str, Any]:
    """The part of an error body that tells about the error, in any of the usual forms."""
    if not isinstance(body, dict):
        return {}
    error = body.get("error")
    if isinstance(error, dict):
        return error
    if isinstance(error, str):
        return {"message": error}
    return body


def _named_parameter(error: Mapping[str, Any]) -> str | None:
    if isinstance(name := error.get("param"), str):
        return name
    # FastAPI's form: {"detail": [{"loc": ["body", "logprobs"], "msg": …}]}
    for detail in objects_in(error.get("detail")):
        where = detail.get("loc")
        if isinstance(where, list) and len(where) > 1 and isinstance(where[1], str):
            return where[1]
    return None


def _said(error: Mapping[str, Any]) -> str:
    parts = [error.get("message"), error.get("detail")]
    parts += [detail.get("msg") for detail in objects_in(error.get("detail"))]
    return " ".join(part for part in parts if isinstance(part, str))[:_MOST_WORDS].lower()
