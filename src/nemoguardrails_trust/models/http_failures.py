"""What an HTTP request that failed means, whoever the server is."""

from collections.abc import Mapping
from dataclasses import dataclass

import aiohttp

from nemoguardrails_trust.errors import (
    CredentialsError,
    ModelConnectionError,
    ModelError,
    ModelRequestError,
    ModelResponseError,
    ModelServerError,
    ModelTimeoutError,
    RateLimitError,
)
from nemoguardrails_trust.models.rate_headers import retry_after

_NOT_IMPLEMENTED = 501
_NO_HEADERS: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class Remedies:
    """What the user of one server can do, in the words of that server's settings.

    Attributes:
        key: Where the key was refused.
        address: Where the address does not lead to the service.
        absent: Where the server has nothing at the address.
        refusing_key: The statuses by which the server refuses a key.
    """

    key: str = "check that it is current"
    address: str = "check the address"
    absent: str = "check the address"
    refusing_key: frozenset[int] = frozenset({401})


def error_of_status(
    place: str,
    status: int,
    headers: Mapping[str, str] = _NO_HEADERS,
    *,
    remedies: Remedies | None = None,
    codes: str = "",
    quota_used_up: bool = False,
) -> CredentialsError | ModelError:
    """The error that an answer with an HTTP status is.

    Args:
        place: What the error names as its place.
        status: The HTTP status. One below 300 stands for an answer that is not what was asked for.
        headers: Of the answer, with names in lower case or a mapping that does not mind.
        remedies: What the user can do.
        codes: What the server itself says, as far as it may be shown.
        quota_used_up: Whether too many requests (429) stands for an account without money.
    """
    advice = remedies or Remedies()
    said = f"{place}: status {status}" + (f" ({codes})" if codes else "")
    wait = retry_after(headers)
    if status in advice.refusing_key:
        return CredentialsError(
            f"{said}: the key was refused, or none was sent; {advice.key}", status=status
        )
    if status == 429 and quota_used_up:
        error = RateLimitError(f"{said}: the account's quota is used up", status=status)
        error.is_retryable = False
        return error
    if status == 429:
        return RateLimitError(f"{said}: too many requests", status=status, retry_after=wait)
    if status == 408:
        return ModelTimeoutError(
            f"{said}: the server waited too long for the request", status=status, retry_after=wait
        )
    if status >= 500 and status != _NOT_IMPLEMENTED:
        return ModelServerError(f"{said}: the server failed", status=status, retry_after=wait)
    if status >= 400:
        return ModelRequestError(f"{said}: {_reason(status, advice)}", status=status)
    if status >= 300:
        return ModelResponseError(f"{said}: the server redirects; {advice.address}", status=status)
    return ModelResponseError(
        f"{said}: this is not the kind of answer expected; {advice.address}", status=status
    )


def error_of_connection(
    place: str, problem: Exception, *, remedies: Remedies | None = None
) -> ModelError:
    """The error that a connection is which could not be made or broke.

    Args:
        place: What the error names as its place.
        problem: What aiohttp raised. Its own text may hold the request's headers.
        remedies: What the user can do.
    """
    advice = remedies or Remedies()
    if isinstance(problem, aiohttp.InvalidURL):
        return ModelConnectionError(f"{place}: this is not a valid address; {advice.address}")
    if isinstance(problem, aiohttp.ClientConnectorDNSError):
        return ModelConnectionError(f"{place}: no such host; {advice.address}")
    if isinstance(problem, aiohttp.ClientConnectorCertificateError):
        return ModelConnectionError(f"{place}: its TLS certificate is not trusted")
    if isinstance(problem, aiohttp.ClientSSLError):
        return ModelConnectionError(f"{place}: no secure connection could be made")
    if isinstance(problem, aiohttp.ClientConnectorError):
        return ModelConnectionError(f"{place}: the connection was refused")
    if isinstance(problem, aiohttp.ServerDisconnectedError | aiohttp.ClientOSError):
        return ModelConnectionError(f"{place}: the server closed the connection")
    if isinstance(problem, aiohttp.ClientResponseError):
        return ModelResponseError(f"{place}: the answer is not valid HTTP; {advice.address}")
    return ModelConnectionError(f"{place}: the connection was lost during the answer")


def _reason(status: int, remedies: Remedies) -> str:
    if status == 403:
        return "the key was refused for this model or request"
    if status in (404, 405, 410):
        return f"there is nothing at this address; {remedies.absent}"
    return "the server refused the request"
